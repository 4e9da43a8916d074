"""What the console shows, as frozen values, and who gives it: a ``Source``.

A source has tasks. Everything else it may have or not: what is ``None`` has no view, and the page does not speak of it.
Moments are aware UTC ``datetime``, credits are ``Decimal``, spans are seconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Generic, Literal, Protocol, TypeVar

from aivideo_async.console.controls import KeyRing, Switchboard, Workshop
from aivideo_async.console.music import Track
from aivideo_async.core.models import GenerationRequest, Kind

T = TypeVar("T")

Mood = Literal["good", "bad", "open", "plain"]
"""How a thing went: well, badly, not over yet, or nothing of these."""
NO_TEXTS: Mapping[str, str] = MappingProxyType({})
NO_NUMBERS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, newest first. ``total`` is the length of the whole, and whether that is only a lower bound."""

    items: Sequence[T]
    total: int
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tasks are meant; empty means all. ``status`` may be ``running``: whatever has not ended."""

    status: str = ""
    model: str = ""
    text: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.status or self.model or self.text)

    def fits(self, status: str, model: str, *texts: str) -> bool:
        """Whether a task of this status and model, whose id and prompt are among ``texts``, is meant."""
        running = self.status == "running" and status not in ENDED
        return (
            (not self.status or status == self.status or running)
            and (not self.model or model == self.model)
            and (not self.text or any(self.text.casefold() in text.casefold() for text in texts))
        )


ENDED = frozenset({"completed", "failed", "refused", "expired"})
"""Statuses after which nothing comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """One task in a list. ``files`` are its results' URLs, ``progress`` is from 0 to 1.

    ``tracks`` are what is told of the files of music, in their order.

    ``credits`` is what it costs or cost; ``paid`` is false once they were given back.
    """

    id: str
    kind: Kind
    model: str
    status: str
    prompt: str
    created_at: datetime | None
    ended_at: datetime | None = None
    credits: Decimal | None = None
    paid: bool = True
    progress: float | None = None
    files: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    tall: bool = False
    problem: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a task's timeline; ``raw`` is what was said in it, as JSON text, under the heading ``raw_title``."""

    at: datetime | None
    title: str
    detail: str = ""
    mood: Mood = "plain"
    raw: str = ""
    raw_title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    """Everything of one task. ``request`` is what it was made of, where that is known."""

    line: TaskLine
    request: GenerationRequest | None
    facts: Mapping[str, str]
    steps: Sequence[Step]
    can_resend: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many tasks there are, by status and by model, the commonest model first."""

    statuses: Mapping[str, int] = field(default_factory=lambda: NO_NUMBERS)
    models: Mapping[str, int] = field(default_factory=lambda: NO_NUMBERS)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.statuses.values())

    @property
    def running(self) -> int:
        """Those that have not ended."""
        return sum(number for status, number in self.statuses.items() if status not in ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLine:
    """One attempt at a callback. ``seconds`` is how long the receiver took, ``next_at`` when it is tried again."""

    at: datetime
    task_id: str
    event: str
    attempt: int
    status: int | None
    error: str = ""
    note: str = ""
    seconds: float | None = None
    next_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: NO_TEXTS)

    @property
    def accepted(self) -> bool:
        """Whether the receiver answered 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """One request that was answered, or cut off where ``status`` is ``None``."""

    at: datetime
    method: str
    path: str
    status: int | None
    task_id: str | None = None
    key: str = ""
    seconds: float | None = None
    code: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What was spent on something: a model, or a label's value."""

    name: str
    tasks: int
    credits: Decimal
    group: str = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """Credits: the balance over time (moment and balance after it, oldest first), and what they went to.

    ``balance`` is ``None`` where only the spending is known, and ``estimated`` whether that is by the price book.
    """

    balance: Decimal | None
    purchased: Decimal | None
    consumed: Decimal
    points: Sequence[tuple[datetime, Decimal]] = ()
    spends: Sequence[Spend] = ()
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingLine:
    """One movement of credits: signed ``credits``, the account's ``balance`` after it, the names of account and key.

    ``reason`` is ``top_up``, ``charge``, ``refund`` or ``fee``; a key that was deleted has no name any more.
    """

    at: datetime
    reason: str
    credits: Decimal
    balance: Decimal
    account: str
    key: str = ""
    task_id: str | None = None
    model: str = ""


class CallbackLog(Protocol):
    """Attempts at callbacks."""

    def attempts(self, first: int, most: int) -> Page[CallbackLine]:
        """Up to ``most`` attempts from the ``first`` (0 is the newest)."""
        ...

    async def resend(self, task_id: str) -> bool:
        """Send a task's callback once more; ``False`` where there is none to send."""
        ...


class RequestLog(Protocol):
    """Requests that were answered."""

    def requests(self, first: int, most: int) -> Page[RequestLine]:
        """Up to ``most`` requests from the ``first`` (0 is the newest)."""
        ...


class PostingLog(Protocol):
    """The ledger."""

    @property
    def accounts(self) -> int:
        """How many accounts its postings are of."""
        ...

    def postings(self, first: int, most: int) -> Page[PostingLine]:
        """Up to ``most`` postings from the ``first`` (0 is the newest)."""
        ...


class Source(Protocol):
    """Where the console reads. Whatever it gives may hold texts of strangers."""

    title: str
    """What the page is called by, such as ``Sandbox``."""
    own: str
    """Scheme and host of the files that are of the page's own origin; empty where there are none."""
    base_url: str
    """Where the API is that these tasks were sent to."""
    note: str
    """A sentence about where all of this comes from."""

    @property
    def callbacks(self) -> CallbackLog | None:
        """Attempts at callbacks."""
        ...

    @property
    def requests(self) -> RequestLog | None:
        """The log of requests."""
        ...

    @property
    def ledger(self) -> PostingLog | None:
        """Every movement of credits."""
        ...

    @property
    def keys(self) -> KeyRing | None:
        """API keys."""
        ...

    @property
    def switchboard(self) -> Switchboard | None:
        """Faults and the clock."""
        ...

    @property
    def workshop(self) -> Workshop | None:
        """Where a request is tried."""
        ...

    def now(self) -> datetime:
        """The moment by which ages are told."""
        ...

    async def refresh(self) -> None:
        """Called before a page is made: read what the methods below give from memory. Raises StoreError."""
        ...

    def tasks(self, wanted: Wanted, first: int, most: int) -> Page[TaskLine]:
        """Up to ``most`` tasks that are wanted, from the ``first`` (0 is the newest)."""
        ...

    async def task(self, id: str) -> TaskDetail | None:
        """One task. Raises StoreError."""
        ...

    def tally(self) -> Tally:
        """How many there are of which sort."""
        ...

    def purse(self) -> Purse:
        """Credits."""
        ...

    def revision(self) -> str:
        """A word for the state as it is; the same word means that nothing changed."""
        ...

    def revisions(self, since: str) -> AsyncIterator[str]:
        """The newest revision whenever it is another than the last one given, beginning with ``since``.

        At least every fifteen seconds one is given, be it the same: who reads can then tell that nobody hung up.
        Raises StoreError.
        """
        ...
