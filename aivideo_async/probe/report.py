"""What a probe writes down: samples, transcript, report and settings, all of it redacted. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import cast

from pydantic import JsonValue

from aivideo_async.core.models import moment
from aivideo_async.core.refusals import json_object
from aivideo_async.probe.findings import Arrival, Exchange, Findings, task_in
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.questions import Answer
from aivideo_async.probe.redaction import Redactor

README = """# What `aivideo probe` saw

- `report.json`: every question, what was assumed, what was seen, and what was spent
- `samples/`: bodies of the service, in the form of this project's `tests/samples/wire`
- `transcript/`: every request and callback in order
- `client.json`: arguments that follow, for `Client(**json.load(file))`
- `settings.env`: variables that follow, and remarks

Keys, tokens, signatures, queries of URLs, addresses and amounts are taken out; ids are made up. Look through it before
you publish it all the same.
"""
_NAME = re.compile(r"[^a-z0-9_]+")


def number(amount: Decimal | None) -> int | float | None:
    """Credits as a JSON number: whole where they are whole."""
    if amount is None:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def answer_object(answer: Answer) -> dict[str, JsonValue]:
    """One answered or open question."""
    question = answer.question
    return {
        "question": question.name,
        "asks": question.asks,
        "source": question.source,
        "assumed": question.assumed,
        "seen": answer.seen,
        "verdict": answer.verdict,
        "consequence": answer.consequence,
    }


def money_object(purse: Purse) -> dict[str, JsonValue]:
    """What was spent: by the balance, at most, and of how much."""
    return {
        "spent": number(purse.spent),
        "at_most": number(purse.at_most),
        "max_credits": number(purse.limit),
    }


def report_object(
    answers: Sequence[Answer], purse: Purse, *, ended: str, left_out: Mapping[str, str]
) -> dict[str, JsonValue]:
    """The whole report; ``ended`` is ``running``, ``done`` or ``interrupted``."""
    return {
        "state": ended,
        "credits": money_object(purse),
        "differs": [answer.question.name for answer in answers if answer.verdict == "differs"],
        "open": [answer.question.name for answer in answers if answer.verdict == "open"],
        "left_out": dict(left_out),
        "answers": [answer_object(answer) for answer in answers],
    }


def arguments_of(found: Findings, answers: Iterable[Answer], *, models: Mapping[str, str]) -> dict[str, JsonValue]:
    """The arguments of ``Client`` that follow; ``models`` says with which model a step was done."""
    verdicts = {answer.question.name: answer.verdict for answer in answers}
    flat = next((verdicts[name] for name in ("flat_sora", "flat_body") if verdicts[name] != "open"), "open")
    arguments: dict[str, JsonValue] = {}
    if flat == "differs":
        arguments["body_form"] = "nested"
    elif flat == "as assumed" and verdicts["free_refusal"] == "differs":
        arguments["body_form"] = "flat"
    usual = {models[step]: round(span, 1) for step, (status, span) in found.ended.items() if status == "completed"}
    if usual:
        arguments["usual_seconds"] = cast("dict[str, JsonValue]", usual)
    if verdicts["retry_after"] != "open":
        arguments["ask_rate"] = 1.0
    return arguments


def environment_text(answers: Iterable[Answer]) -> str:
    """The lines of ``settings.env``: what a probe can know of a variable, and what follows for no variable at all."""
    differing = [answer for answer in answers if answer.verdict == "differs"]
    lines = ["# What follows from `aivideo probe`. Arguments of Client are in client.json."]
    lines += [f"# {answer.question.name}: {answer.consequence}" for answer in differing]
    if any(answer.question.name == "unsigned" for answer in differing):
        lines.append("# AIVIDEO_WEBHOOK_SECRET=")
    return "\n".join(lines) + "\n"


def exchange_object(exchange: Exchange, redactor: Redactor) -> dict[str, JsonValue]:
    """One request and its answer."""
    return {
        "label": exchange.label,
        "at": moment(exchange.at).isoformat(),
        "request": {
            "method": exchange.method,
            "path": redactor.text(exchange.path),
            "headers": _headers(redactor, exchange.request_headers),
            "body": _shown(redactor, exchange.request_body),
        },
        "status": exchange.status,
        "headers": _headers(redactor, exchange.headers),
        "body": _shown(redactor, exchange.body),
        "error": None if exchange.error is None else redactor.text(exchange.error),
        "sent": exchange.sent,
    }


def arrival_object(arrival: Arrival, redactor: Redactor) -> dict[str, JsonValue]:
    """One callback."""
    return {
        "label": f"{arrival.step}.callback",
        "at": moment(arrival.at).isoformat(),
        "headers": _headers(redactor, arrival.headers),
        "body": _shown(redactor, arrival.body),
        "answered": arrival.answered,
    }


def _headers(redactor: Redactor, pairs: Iterable[tuple[str, str]]) -> JsonValue:
    return [[name, value] for name, value in redactor.headers(pairs)]


def _shown(redactor: Redactor, body: bytes | None) -> JsonValue:
    if not body:
        return None
    clean = redactor.body(body)
    value = json_object(clean)
    return clean.decode() if value is None else dict(value)


def samples(found: Findings, redactor: Redactor) -> dict[str, bytes]:
    """The files of ``samples/``: the first body of every kind, and a table that says where each is from."""
    made: dict[str, tuple[bytes, str]] = {}
    for name, body, source in _bodies(found):
        if body and name not in made:
            made[name] = redactor.body(body), redactor.text(source)
    for arrival in found.arrivals:
        name = f"callback_{_word(task_in(arrival.json).get('status'))}.headers"
        made.setdefault(name, (pretty(_headers(redactor, arrival.headers)), "headers of that callback, in order"))
    rows = "".join(f"| `{name}.json` | {source} |\n" for name, (_, source) in sorted(made.items()))
    files = {f"{name}.json": body for name, (body, _) in made.items()}
    table = f"# Bodies as the service wrote them\n\n| file | source |\n|---|---|\n{rows}"
    return {**files, "README.md": table.encode()}


def _bodies(found: Findings) -> Iterator[tuple[str, bytes | None, str]]:
    for exchange in found.exchanges:
        source = f"{exchange.method} {exchange.path}, answered {exchange.said}"
        step, _, what = exchange.label.partition(".")
        accepted = what == "create" and exchange.status is not None and exchange.outcome().kind == "accepted"
        if what == "create" and step in {"image", "flat"}:
            yield f"body_{'flat' if step == 'flat' else 'nested'}", exchange.request_body, f"what was sent: {source}"
        if exchange.status is None or what == "head":
            continue
        if exchange.status >= 400:
            yield f"error_{exchange.status}_{_word(exchange.code)}", exchange.body, source
        elif accepted:
            yield "create_ok", exchange.body, source
        elif what == "task":
            yield f"task_{_word(exchange.task.get('status'))}", exchange.body, source
        elif what == "credits":
            yield "credits", exchange.body, f"{source}; amounts are made up"
    for arrival in found.arrivals:
        yield f"callback_{_word(task_in(arrival.json).get('status'))}", arrival.body, "a callback's body"


def _word(value: JsonValue) -> str:
    return _NAME.sub("_", value.lower())[:40] if isinstance(value, str) else "none"


def pretty(value: JsonValue) -> bytes:
    """JSON for people."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(errors="replace")
