"""``aivideo tasks``, ``credits`` and ``models``: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from aivideo_async.catalog import MODELS, PRICES, TypedRequest
from aivideo_async.catalog.base import TimedVideoRequest
from aivideo_async.catalog.problems import allowed_by
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen, number
from aivideo_async.cli.shown import task_object
from aivideo_async.cli.store import opened_store
from aivideo_async.client import Client
from aivideo_async.core import lifecycle
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import TaskRecord
from aivideo_async.stores import MemoryStore, Query, Store
from aivideo_async.transport import Timeouts


async def tasks(screen: Screen, store: Store | None = None) -> Exit:
    """List the unfinished tasks of ``store``, or of the commands'. Asks no service.

    Raises ConfigurationError and StoreError.
    """
    async with store or opened_store() as records_kept:
        records = [record async for record in records_kept.scan(Query(unfinished=True))]
        durable = records_kept.durable
    now = datetime.now(UTC)
    for record in records:
        status = lifecycle.status_at(record, now, Timeouts().total)
        screen.object({**task_object(record), "status": status.value})
    if records:
        screen.table(
            ("id", "service id", "model", "status", "age", "prompt"), [_row(record, now) for record in records]
        )
    elif durable:
        screen.say("no unfinished tasks")
    else:
        screen.say("no unfinished tasks: the store is memory, which lives only as long as the process that submitted")
    return Exit.OK


def _row(record: TaskRecord, now: datetime) -> Sequence[str]:
    status = lifecycle.status_at(record, now, Timeouts().total)
    age = "" if record.created_at is None else f"{(now - record.created_at).total_seconds() / 60:.0f} min"
    prompt = "" if record.request is None else str(record.request.fields().get("prompt", ""))
    return record.id, record.service_id or "", record.model or "", status.value, age, prompt[:60]


async def credits_left(screen: Screen) -> Exit:
    """Show the account's balance, whatever becomes of the records. Raises the errors of a GET."""
    async with Client(store=MemoryStore()) as client:
        account = await client.credits()
    screen.line(
        f"{account.balance:,f} credits left (about ${PRICES.dollars(account.balance):,.2f}), "
        f"{account.total_consumed:,f} of {account.total_purchased:,f} used"
    )
    screen.object({name: number(getattr(account, name)) for name in ("balance", "total_purchased", "total_consumed")})
    return Exit.OK


def models(screen: Screen, names: Sequence[str]) -> Exit:
    """Show models with price and limits, all or those named. Raises InvalidRequestError for one that is not there."""
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        raise InvalidRequestError(f"the catalog has no model {', '.join(unknown)}", hint="aivideo models lists them")
    chosen = {name: known for name, known in MODELS.items() if not names or name in names}
    for name, known in chosen.items():
        screen.object(_model_object(name, known))
    screen.table(
        ("model", "kind", "credits", "fields, * = default"),
        [(name, _kind(known), _price(name, known), _limits(known)) for name, known in chosen.items()],
    )
    screen.say(f"Prices of {PRICES.dated}, from {PRICES.source}; they change often.", style="dim")
    return Exit.OK


def _model_object(name: str, known: type[TypedRequest]) -> dict[str, JsonValue]:
    prices: dict[str, JsonValue] = {variant: number(price) for variant, price in PRICES.prices.get(name, {}).items()}
    fields: dict[str, JsonValue] = {field: _field_object(info) for field, info in _fields(known).items()}
    return {"model": name, "kind": _kind(known), "per": _unit(known), "credits": prices, "fields": fields}


def _field_object(info: FieldInfo) -> JsonValue:
    default: JsonValue = None if info.is_required() else to_jsonable_python(info.get_default())
    return {"required": info.is_required(), "default": default, "allowed": allowed_by(info)}


def _fields(known: type[TypedRequest]) -> dict[str, FieldInfo]:
    return {name: info for name, info in known.model_fields.items() if name not in ("kind", "model")}


def _kind(known: type[TypedRequest]) -> str:
    return str(known.model_fields["kind"].default)


def _unit(known: type[TypedRequest]) -> str:
    return "second" if issubclass(known, TimedVideoRequest) else "task"


def _price(name: str, known: type[TypedRequest]) -> str:
    unit = "/s" if _unit(known) == "second" else ""
    prices: dict[str, Decimal] = dict(PRICES.prices.get(name, {}))
    return ", ".join(
        f"{'' if variant in ('second', 'task') else variant + ' '}{price:f}{unit}" for variant, price in prices.items()
    )


def _limits(known: type[TypedRequest]) -> str:
    return "; ".join(f"{name} {_allowed(info)}" for name, info in _fields(known).items())


def _allowed(info: FieldInfo) -> str:
    allowed = allowed_by(info)
    if info.is_required():
        return f"({allowed}, required)"
    choices = allowed.split(", ")
    default = str(info.get_default())
    if default in choices:
        return " ".join(f"{choice}*" if choice == default else choice for choice in choices)
    return f"({allowed})"
