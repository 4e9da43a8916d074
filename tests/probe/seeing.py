"""Findings made by hand: exchanges, callbacks and their JSON in a word each."""

from __future__ import annotations

import json
from decimal import Decimal

from pydantic import JsonValue

from aivideo_async.probe.findings import Arrival, Exchange, Findings

NOW = 1_790_000_000.0
ID = "0b9f4c52-5d0e-4f0e-9c39-0a3f5b1d7e21"
URL = "https://cdn.example.com/a.jpg?X-Amz-Expires=86400&X-Amz-Signature=ff"


def said(label: str, status: int | None, body: JsonValue = None, **headers: str) -> Exchange:
    """One exchange; header names are written with underscores."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Exchange(
        label=label, at=NOW, method="GET", path="/x", status=status, headers=pairs, body=json.dumps(body).encode(),
        error=None if status else "the connection broke",
    )  # fmt: skip


def error(label: str, status: int, code: str) -> Exchange:
    """An error in the service's shape."""
    return said(label, status, {"error": {"code": code, "message": "m", "type": "t"}})


def accepted(step: str, id: str = ID) -> Exchange:
    """A create that was taken."""
    return said(f"{step}.create", 200, {"code": 200, "msg": "success", "data": {"taskId": id}})


def task(step: str, status: str, **more: JsonValue) -> Exchange:
    """An answer about a task."""
    return said(f"{step}.task", 200, {"id": ID, "status": status, **more})


def done(step: str, url: str = URL, **more: JsonValue) -> Exchange:
    """An answer about a task that has a result."""
    return task(step, "completed", output={"urls": [url], "metadata": {"ratio": "16:9"}}, **more)


def callback(
    status: str = "completed", *, at: float = NOW, answered: int = 200, names: tuple[str, ...] = (), **more: JsonValue
) -> Arrival:
    """A callback with the documented headers, or those named."""
    headers = [(name, "1") for name in names or ("X-Event", "X-Task-Id", "X-Timestamp")]
    ending: dict[str, JsonValue] = {"output": {"urls": [URL]}} if status == "completed" else {}
    body = json.dumps({"id": ID, "status": status, **ending, **more}).encode()
    return Arrival(step="image", at=at, headers=headers, body=body, answered=answered)


def seen(
    *what: Exchange | Arrival,
    charges: dict[str, Decimal] | None = None,
    expected: dict[str, Decimal] | None = None,
    refunds: dict[str, Decimal] | None = None,
) -> Findings:
    """Findings of these."""
    return Findings(
        exchanges=[one for one in what if isinstance(one, Exchange)],
        arrivals=[one for one in what if isinstance(one, Arrival)],
        charges=charges or {},
        expected=expected or {},
        refunds=refunds or {},
    )
