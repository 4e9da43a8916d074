"""Assertions about what a sandbox was asked for; a failing one names what came nearest. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from aivideo_async.sandbox.records import SandboxTask

ABSENT = "<absent>"


def created(tasks: Sequence[SandboxTask], wanted: Mapping[str, JsonValue], times: int | None) -> list[SandboxTask]:
    """The tasks that have every value ``wanted``. Raises AssertionError where there is none, or not as many as
    ``times``.
    """
    fitting = [task for task in tasks if not _differing(task, wanted)]
    if (times is None and fitting) or len(fitting) == times:
        return fitting
    asked = ", ".join(f"{name}={value!r}" for name, value in wanted.items()) or "anything"
    often = "" if times is None else f" {times} times but {len(fitting)}"
    if not tasks:
        raise AssertionError(f"no task was created at all, so none with {asked}")
    if fitting:
        raise AssertionError(f"{asked} was not created{often}")
    nearest = min(reversed(tasks), key=lambda task: len(_differing(task, wanted)))
    wrong = _differing(nearest, wanted)
    apart = ", ".join(f"{name} is {_value(nearest, name)!r} and not {wanted[name]!r}" for name in wrong)
    raise AssertionError(f"no task was created with {asked}; of {len(tasks)} the nearest is {nearest.id}: {apart}")


def _differing(task: SandboxTask, wanted: Mapping[str, JsonValue]) -> list[str]:
    return [name for name, value in wanted.items() if _value(task, name) != _plain(value)]


def _value(task: SandboxTask, name: str) -> JsonValue:
    own: Mapping[str, JsonValue] = {"model": task.model, "kind": task.plan.kind, "callback_url": task.callback_url}
    return own[name] if name in own else _plain(task.fields.get(name, ABSENT))


def _plain(value: JsonValue | tuple[JsonValue, ...]) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value
