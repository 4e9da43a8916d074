"""The frozen values that the rooms hand to one another. They hold facts and do nothing.

Moments are aware ``datetime`` in UTC, spans are seconds as ``float``, credits are ``Decimal``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, JsonValue

from aivideo_async.core.errors import Charged

Kind = Literal["video", "image", "music"]
BodyForm = Literal["flat", "nested"]
JsonObject = Mapping[str, JsonValue]

HISTORY_LIMIT = 32
FILES_LIMIT = 64
NOTHING: Mapping[str, str] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def moment(unix: float) -> datetime:
    """The aware UTC moment of a unix time in seconds."""
    return datetime.fromtimestamp(unix, UTC)


def to_micros(at: datetime) -> int:
    """Microseconds of unix time, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC moment of microseconds of unix time, exactly."""
    return _EPOCH + micros * _MICROSECOND


class GenerationRequest(BaseModel, frozen=True, extra="forbid"):
    """What is to be generated; the typed classes are in ``aivideo_async.catalog``.

    ``kind`` chooses the endpoint, ``model`` is the service's name of the model; every other field is the model's
    ``input``.
    """

    kind: Kind
    model: str

    def fields(self) -> dict[str, JsonValue]:
        """The model's own fields as plain JSON, under our names, without those that are ``None``."""
        return self.model_dump(mode="json", exclude={"kind", "model"}, exclude_none=True)

    def asked(self, *names: str) -> tuple[object, ...]:
        """The model's own fields of these names, ``None`` for each that it has not got."""
        fields = self.fields()
        return tuple(fields.get(name) for name in names)

    def check(self) -> None:
        """Validate again, since ``model_copy`` and ``model_construct`` do not. Raises InvalidRequestError."""
        raise NotImplementedError  # pragma: no cover - every concrete class has its own

    def media_urls(self) -> tuple[tuple[str, str], ...]:
        """Pairs of field path and URL for every input medium that the service will fetch."""
        raise NotImplementedError  # pragma: no cover - every concrete class has its own

    def body_forms(self) -> tuple[BodyForm, ...]:
        """The body forms in which the service is known to take this model, the likeliest first."""
        return ("nested",)


class TaskStatus(StrEnum):
    """The service's four words and four of ours. The order of rank is in ``core.lifecycle``."""

    SUBMITTING = "submitting"
    IN_DOUBT = "in_doubt"
    PENDING = "pending"
    PROCESSING = "processing"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The result of a completed task.

    ``urls`` are presigned and die (``expires_at``, by the URL itself or 24 hours after completion); their query is a
    secret and does not show in the ``repr``. ``metadata`` is what the service says it really used.
    """

    task_id: str
    urls: tuple[str, ...]
    last_frame_url: str | None = None
    metadata: JsonObject = field(default_factory=lambda: MappingProxyType({}))
    fetched_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def url(self) -> str:
        """The first URL; most models give exactly one."""
        return self.urls[0]

    def __repr__(self) -> str:
        shown = ", ".join(without_query(url) for url in self.urls)
        return f"Output(task_id={self.task_id!r}, urls=[{shown}], expires_at={self.expires_at!s})"


def without_query(url: str) -> str:
    """The URL as it may be logged: a result's query and a callback's path are secrets, this strips the first."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task ended without a result, as plain values: enough to raise the same error again."""

    message: str
    code: str | None = None
    status: int | None = None
    charged: Charged = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request will probably cost in credits, before it is sent. No answer of the service carries a cost.

    ``exact`` means ``low == high``. ``source`` and ``dated`` (ISO date) are those of the price book.
    ``high`` is ``None`` where the price has no known bound (a model that no price book lists).
    """

    low: Decimal
    high: Decimal | None
    exact: bool
    source: str
    dated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """The account's balance in credits, as ``GET /v1/credits`` gives it (api.md §1)."""

    balance: Decimal
    total_purchased: Decimal
    total_consumed: Decimal


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a task's timeline."""

    at: datetime
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True, order=True)
class SavedFile:
    """Where one result was put: ``index`` is its place among the output's URLs, ``bytes`` its size, ``sha256`` hex.

    ``place`` is a path, or, where it was ``mirrored``, what the mirror said.
    """

    index: int
    place: str
    bytes: int
    sha256: str
    mirrored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What the service says of a task, read from a GET or from a callback's body by ``core.wire``.

    ``status`` is one of pending, processing, failed, completed. A word that nobody knows reads as processing, and so
    does ``completed`` without a single URL; ``remark`` then says what was odd. URLs do not show in the ``repr``: their
    query is a secret.
    """

    service_id: str
    status: TaskStatus
    model: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    progress: float | None = None
    urls: tuple[str, ...] = field(default=(), repr=False)
    last_frame_url: str | None = field(default=None, repr=False)
    metadata: JsonObject = field(default_factory=lambda: MappingProxyType({}), repr=False)
    expires_at: datetime | None = None
    failure: Failure | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """Everything that is known of one task. A report of news is a record too, with little in it: stores merge them.

    ``id`` is ours and minted before the POST. ``service_id`` is the service's, from an authenticated answer or a signed
    callback; ``hinted_id`` is what an unsigned callback named and is only used to ask. ``sender`` names the submission
    that may send the create, first come first served. ``next_check`` is when anybody may ask next. ``files`` says which
    results were saved and where.
    """

    id: str
    origin: str
    status: TaskStatus = TaskStatus.SUBMITTING
    service_id: str | None = None
    hinted_id: str | None = None
    key: str | None = None
    model: str | None = None
    request: GenerationRequest | None = None
    estimate: Estimate | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    sender: str | None = None
    created_at: datetime | None = None
    sent_at: datetime | None = None
    hinted_at: datetime | None = None
    ended_at: datetime | None = None
    next_check: datetime | None = None
    checks: int = 0
    progress: float | None = None
    output: Output | None = None
    failure: Failure | None = None
    files: tuple[SavedFile, ...] = ()
    history: tuple[HistoryEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """A callback that passed every check that could be made without a store.

    ``signed`` says whether the body may be believed; where it is not, only ``task_id`` (proven by the token in our own
    URL) is certain and ``report`` is a claim. ``delivery_id`` names the delivery where the scheme has such an id;
    ``scheme`` and ``key_index`` say which of the verifier's keys it was (rotation).
    """

    task_id: str
    report: TaskReport
    signed: bool
    delivery_id: str | None = None
    key_index: int | None = None
    scheme: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """An ending: ``record`` is the task as it ended."""

    record: TaskRecord

    @property
    def name(self) -> str:
        """``task.completed``, ``task.failed``, ``task.expired`` or ``task.refused``."""
        return f"task.{self.record.status.value}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer to a callback: status, headers (ASCII pairs) and body.

    ``event`` is the ending that this callback was the first to bring; its handlers run after the reply.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    event: TaskEvent | None = field(default=None, repr=False, compare=False)
