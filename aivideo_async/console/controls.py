"""What the console lets somebody do, as frozen values and protocols: keys, faults, the clock, a create.

Credits are ``Decimal``, spans are seconds of the service's time, shares are from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from aivideo_async.core.models import GenerationRequest


class FormError(Exception):
    """A form that was not taken: ``problems`` are sentences by field, under no name what concerns none of them."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems: Mapping[str, str] = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A spend cap: ``span`` is ``hourly``, ``daily`` or ``total``, ``spent`` what counts against it now."""

    span: str
    credits: Decimal
    spent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One API key, never the key itself: ``hint`` is its end. ``own`` is the sandbox's, which is never deleted.

    ``shared_by`` is how many keys draw from its account, ``addresses`` are those let in, all where there are none.
    """

    name: str
    hint: str
    balance: Decimal | None = None
    shared_by: int = 1
    consumed: Decimal = Decimal(0)
    own: bool = False
    disabled: bool = False
    created_at: datetime | None = None
    caps: Sequence[Cap] = ()
    addresses: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """A form about a key as it was filled in: ``addresses`` one a line, the rest credits; empty is none."""

    name: str = ""
    addresses: str = ""
    hourly: str = ""
    daily: str = ""
    total: str = ""
    credits: str = ""


class KeyRing(Protocol):
    """API keys. ``can_change`` says whether they can be made and switched off here."""

    can_change: bool

    def keys(self) -> Sequence[KeyLine]:
        """Every key."""
        ...

    def issue(self, form: KeyForm) -> str:
        """Make a key and give it, this once; with ``credits`` it has an account of its own. Raises FormError."""
        ...

    def limit(self, name: str, form: KeyForm) -> None:
        """Give a key the form's caps and addresses instead of its own. Raises FormError, ConfigurationError."""
        ...

    def top_up(self, name: str, form: KeyForm) -> None:
        """Buy ``credits`` for a key's account. Raises FormError, ConfigurationError for a key that is not there."""
        ...

    def switch(self, name: str, *, on: bool) -> None:
        """Disable a key or let it in again. Raises ConfigurationError for one that is not there."""
        ...

    def delete(self, name: str) -> None:
        """Forget a key. Raises ConfigurationError for one that is not there or has to stay."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that can be made to happen to creates; one that is ``late`` also to a task that runs already."""

    name: str
    title: str
    meaning: str
    group: str
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFault:
    """Something that happens now: to a ``share`` of what ``whom`` says, or where that is ``None``, to one create."""

    id: str
    title: str
    whom: str
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFace:
    """The clock as it stands. ``can_stop`` says whether it can be paused and stepped."""

    now: datetime
    speed: float
    paused: bool = False
    can_stop: bool = False


class Switchboard(Protocol):
    """Faults and the clock."""

    def faults(self) -> Sequence[Fault]:
        """Everything that can be made to happen."""
        ...

    def active(self) -> Sequence[ActiveFault]:
        """What the next creates have before them, and then what is set for a share."""
        ...

    def enqueue(self, names: Sequence[str], times: int) -> None:
        """Let these happen together to each of the next creates. Raises ConfigurationError."""
        ...

    def share(self, names: Sequence[str], share: float, *, model: str | None, key: str | None) -> None:
        """Let each of these happen to this share of all requests, of a model's or of a key's.

        Raises ConfigurationError.
        """
        ...

    def afflict(self, task_id: str, names: Sequence[str]) -> bool:
        """Let these happen to a task that runs; ``False`` where it does not. Raises ConfigurationError."""
        ...

    def remove(self, id: str) -> None:
        """Let one of what is active not happen; nothing changes where it is over already."""
        ...

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        ...

    def clock(self) -> ClockFace:
        """The clock."""
        ...

    def pause(self, *, on: bool) -> None:
        """Stop the clock, or let it go on."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds of the service's."""
        ...

    def reset(self) -> None:
        """Forget tasks, files, callbacks, requests and postings; keys and what is set for a share stay."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a create was answered: the new task's id, or the error's code and sentence."""

    task_id: str | None
    status: int | None
    code: str = ""
    message: str = ""


class Workshop(Protocol):
    """Where a request can be tried."""

    async def create(self, request: GenerationRequest, callback_url: str | None) -> Sent:
        """Send it as a client would."""
        ...
