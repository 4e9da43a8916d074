"""What the sandbox knows: accounts, tasks, callbacks, the log. Frozen values; moments are unix seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async.core.models import JsonObject
from aivideo_async.sandbox.dialect import Answer
from aivideo_async.sandbox.plan import MediaPlan
from aivideo_async.sandbox.scenarios import Course
from aivideo_async.sandbox.shelf import PLACE

Status = Literal["pending", "processing", "completed", "failed"]
Endpoint = Literal["create", "get_task", "get_credits", "get_file", "get_openapi", "unknown"]


def led(value: JsonValue | Mapping[str, JsonValue], to: str) -> JsonValue:
    """An output whose URLs of result files lead ``to`` another scheme and host."""
    if isinstance(value, str):
        parts = urlsplit(value) if "://" in value else None
        return f"{to}{parts.path}?{parts.query}" if parts is not None and parts.path.startswith(PLACE) else value
    if isinstance(value, Mapping):
        return {name: led(item, to) for name, item in value.items()}
    return [led(item, to) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is behind one API key. Credits of failed tasks are given back, so they are not consumed."""

    purchased: Decimal
    consumed: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """Credits that are left."""
        return self.purchased - self.consumed


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxTask:
    """One task as the service has it. ``key`` is the id of the key that made it, ``fields`` are the request's as they
    were checked, ``error`` is code and message of a failure. ``found_at`` is where its creator found the service, if
    that is elsewhere than where this machine does: its files are said to be there.
    """

    id: str
    key: str
    account: str
    fields: JsonObject = field(repr=False)
    plan: MediaPlan
    price: Decimal
    course: Course
    callback_url: str | None = field(repr=False)
    created_at: float
    due_at: float
    status: Status = "pending"
    completed_at: float | None = None
    output: JsonObject | None = field(default=None, repr=False)
    error: tuple[str, str] | None = None
    ended_at: float | None = None
    found_at: str = ""

    @property
    def model(self) -> str:
        """The service's name of the model."""
        return self.plan.model

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.status in {"completed", "failed"}

    def body(self) -> dict[str, JsonValue]:
        """The bare task object of queries and callbacks (api.md §3)."""
        body: dict[str, JsonValue] = {
            "id": self.id, "status": self.status, "model": self.model, "created_at": int(self.created_at),
        }  # fmt: skip
        if self.completed_at is not None and self.output is not None:
            output = led(self.output, self.found_at) if self.found_at else dict(self.output)
            return {**body, "completed_at": int(self.completed_at), "output": output}
        if self.error is not None:
            return {**body, "error": {"code": self.error[0], "message": self.error[1]}}
        return {**body, "progress": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt at a callback that is to be made. ``id`` is the same for all attempts of one callback, ``stale`` are
    the seconds by which its timestamp lies back, ``resent``: somebody asked for it.
    """

    id: str
    task_id: str
    event: str
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    ended_at: float
    attempt: int = 1
    forged: bool = False
    duplicate: bool = False
    resent: bool = False
    stale: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempt:
    """A delivery that was made: ``status`` is the receiver's, ``None`` where there was no answer, and ``error`` why.

    ``headers`` and ``body`` are what was sent, ``seconds`` how long the receiver took, ``next_at`` when the
    next attempt is.
    """

    at: float
    task_id: str
    event: str
    delivery_id: str
    attempt: int
    status: int | None
    error: str | None = None
    forged: bool = False
    duplicate: bool = False
    stale: bool = False
    resent: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    seconds: float = 0.0
    next_at: float | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def accepted(self) -> bool:
        """Whether the receiver answered 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry:
    """One request that was answered; ``status`` is ``None`` where the connection was cut instead.

    ``key`` is the name of its key where that is known, ``seconds`` how long it took, ``code`` the error's, ``body`` the
    beginning of what was sent, with secrets cut.
    """

    at: float
    endpoint: Endpoint
    method: str
    path: str
    status: int | None
    task_id: str | None = None
    key: str = ""
    seconds: float = 0.0
    code: str = ""
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Created:
    """What a create leads to: the answer, the task if one was accepted, and whether the answer waits for the first
    attempt at the callback.
    """

    answer: Answer
    task: SandboxTask | None = None
    held: bool = False
