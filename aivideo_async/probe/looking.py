"""How an open question is read from what was seen: each function gives what was seen and whether we assumed so. Pure.

``None`` means that nothing was seen that settles it. What we assume is written beside the question, in ``questions``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from aivideo_async.catalog.base import USUAL_SECONDS
from aivideo_async.probe.findings import Exchange, Findings, ended_in, task_in, urls_in
from aivideo_async.probe.purse import plain

WORDS = frozenset({"pending", "processing", "completed", "failed"})
UNDERWAY = frozenset({"pending", "processing", "queued", "in_progress"})
DAY = 86_400
SECOND_TRY = 180.0
MUCH_LONGER = 2.0
"""Times at which a span is called another one than was assumed."""
COST = re.compile(r"(?i)cost|credit|price|usage|charge")
QUOTA = re.compile(r"(?i)rate-?limit|quota")
SIGNATURE = re.compile(r"(?i)signature|hmac|^x-sign|digest")
DOCUMENTED = ("x-event", "x-task-id", "x-timestamp")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen, in words that hold no secret, and whether it is what we assumed."""

    as_assumed: bool
    text: str


Look = Callable[[Findings], Seen | None]


# Creates and money


def took(step: str) -> Look:
    """Whether a create is taken; a 400 says that it is not, everything else settles nothing."""

    def look(found: Findings) -> Seen | None:
        create = found.first(f"{step}.create")
        if create is None:
            return None
        if create.outcome().kind == "accepted":
            failed = found.ended.get(step, ("", 0.0))[0] == "failed"
            return Seen(not failed, "taken, and the task failed" if failed else "taken")
        return Seen(False, f"refused: {create.said}") if create.status == 400 else None

    return look


def free_refusal(found: Findings) -> Seen | None:
    """Whether a 400 costs nothing."""
    create = found.first("impossible.create")
    if create is None:
        return None
    if create.outcome().kind == "accepted":
        return Seen(False, "an impossible value is not refused: the task was accepted")
    charge = found.charges.get("impossible")
    if create.status != 400 or charge is None:
        return None
    return Seen(charge <= 0, f"{create.said}, the balance fell by {plain(charge)}")


def price(found: Findings) -> Seen | None:
    """Whether the price book is right."""
    charge, wanted = found.charges.get("image"), found.expected.get("image")
    if charge is None or wanted is None or not _accepted(found, "image"):
        return None
    return Seen(charge == wanted, f"the balance fell by {plain(charge)} with the create, the book says {plain(wanted)}")


def refund(found: Findings) -> Seen | None:
    """Whether a failed task's credits come back."""
    charge, back = found.charges.get("failing"), found.refunds.get("failing")
    if found.ended.get("failing", ("", 0.0))[0] != "failed" or charge is None or back is None:
        return None
    return Seen(back >= charge, f"{plain(charge)} taken, {plain(back)} given back after the failure")


def idempotency(found: Findings) -> Seen | None:
    """Whether a create is repeated although it carries the same ``Idempotency-Key``."""
    ids = [create.outcome().service_id for create in found.all("again.create")]
    if len(ids) != 2 or None in ids:
        return None
    return Seen(ids[0] != ids[1], "two tasks" if ids[0] != ids[1] else "the same task twice")


def id_place(found: Findings) -> Seen | None:
    """Where a create names its task."""
    create = found.first("image.create")
    if create is None or create.outcome().kind != "accepted":
        return None
    data = create.json.get("data")
    inner = data if isinstance(data, dict) else {}
    usual = isinstance(inner.get("taskId"), str) and create.json.get("code") == 200
    places = [f"data.{name}" for name in ("taskId", "id") if name in inner]
    places += [name for name in ("taskId", "id") if name in create.json]
    return Seen(usual, f"in {', '.join(places)}; code {create.json.get('code', 'none')}")


# Answers


def error_shape(found: Findings) -> Seen | None:
    """Whether errors have code, message and type, and the documented words."""
    pairs = [(found.first("errors.task"), "404 task_not_found"), (found.first("errors.key"), "401 invalid_api_key")]
    seen = [(exchange, expected) for exchange, expected in pairs if exchange is not None]
    if not seen:
        return None
    return Seen(all(exchange.said == expected for exchange, expected in seen), _listed(e.said for e, _ in seen))


def absent(label: str) -> Look:
    """Whether there is nothing at an obvious path: 404 says so, 2xx and 405 say that there is something."""

    def look(found: Findings) -> Seen | None:
        answer = found.first(label)
        if answer is None or answer.status is None:
            return None
        there = answer.status < 300 or answer.status in {400, 405, 409, 422} or answer.code == "task_not_found"
        if there or answer.status == 404:
            return Seen(not there, f"{answer.method} {answer.path}: {answer.said}")
        return None

    return look


def quota_headers(found: Findings) -> Seen | None:
    """Whether answers tell how much may still be asked."""
    answers = [exchange for exchange in found.exchanges if exchange.status is not None]
    names = {name.lower() for exchange in answers for name, _ in exchange.headers if QUOTA.search(name)}
    return Seen(not names, f"{_listed(sorted(names)) or 'none'} in {len(answers)} answers") if answers else None


def retry_after(found: Findings) -> Seen | None:
    """Whether a 429 says when to come again."""
    limited = [exchange for exchange in found.exchanges if exchange.status == 429]
    if not limited:
        return None
    after = limited[0].header("retry-after")
    return Seen(after is None, f"{limited[0].said}, {'no Retry-After' if after is None else 'Retry-After: ' + after}")


def found_at_once(found: Findings) -> Seen | None:
    """Whether a task can be asked for as soon as its id is known."""
    asked = found.first("image.task")
    if asked is None or (asked.status != 200 and asked.status != 404):
        return None
    return Seen(asked.status == 200, f"the first GET: {asked.said}")


def bare_task(found: Findings) -> Seen | None:
    """Whether a task stands by itself in its answer."""
    answer = _last_task(found, "image")
    return None if answer is None else Seen("status" in answer.json, "bare" if "status" in answer.json else "in data")


def status_words(found: Findings) -> Seen | None:
    """Which words there are for a status."""
    words = [word for exchange in _task_answers(found) if isinstance(word := exchange.task.get("status"), str)]
    return Seen(set(words) <= WORDS, _listed(dict.fromkeys(words))) if words else None


def progress(found: Findings) -> Seen | None:
    """Whether progress is ever told."""
    told = [exchange.task["progress"] for exchange in _task_answers(found) if "progress" in exchange.task]
    numbers = [value for value in told if value is not None]
    return Seen(not numbers, f"{len(numbers)} of {len(told)} told a progress") if told else None


def cost_told(found: Findings) -> Seen | None:
    """Whether an answer says what a task cost."""
    answers = [e for e in found.exchanges if e.label.endswith((".create", ".task")) and e.status == 200]
    names = {name for exchange in answers for name in _names(exchange) if COST.search(name)}
    return (
        Seen(not names, f"{_listed(sorted(names)) or 'no such field'} in {len(answers)} answers") if answers else None
    )


def how_long(step: str) -> Look:
    """Whether a task takes about as long as the catalog says."""

    def look(found: Findings) -> Seen | None:
        status, seconds = found.ended.get(step, ("", 0.0))
        if status != "completed":
            return None
        usual = USUAL_SECONDS["video" if step == "sora" else "image"]
        return Seen(usual / 10 <= seconds <= MUCH_LONGER * usual, f"{seconds:.0f} s, the catalog says {usual:.0f} s")

    return look


# Results


def url_lifetime(found: Findings) -> Seen | None:
    """How long a result's URL says that it lives."""
    told = [dict(parse_qsl(urlsplit(url).query)).get("X-Amz-Expires") for url in _urls(found)]
    if not told:
        return None
    spans = sorted({span or "not said" for span in told})
    return Seen(spans == [str(DAY)], f"X-Amz-Expires: {_listed(spans)}")


def same_urls(found: Findings) -> Seen | None:
    """Whether asking again gives the URLs that were given before."""
    answers = [urls_in(exchange.task) for exchange in found.all("image.task") if urls_in(exchange.task)]
    if len(answers) < 2:
        return None
    same = answers[0] == answers[-1]
    return Seen(same, "the same URLs while they live" if same else "other URLs each time")


def no_head(found: Findings) -> Seen | None:
    """Whether HEAD fails on a result."""
    asked = found.first("image.head")
    return None if asked is None else Seen((asked.status or 0) >= 400, f"HEAD: {asked.status}")


def metadata(found: Findings) -> Seen | None:
    """Whether a result says what was really used."""
    answer = found.result("image")
    if answer is None:
        return None
    output = answer.task.get("output")
    told = output.get("metadata") if isinstance(output, dict) else None
    names = sorted(told) if isinstance(told, dict) else []
    return Seen("ratio" in names, f"metadata: {_listed(names) or 'none'}")


# Callbacks


def callback_headers(found: Findings) -> Seen | None:
    """Whether a callback carries the documented headers; which others it has is told too."""
    if not found.arrivals:
        return None
    names = [name.lower() for name, _ in found.arrivals[0].headers]
    return Seen(all(name in names for name in DOCUMENTED), _listed(names))


def unsigned(found: Findings) -> Seen | None:
    """Whether callbacks carry nothing that could be a signature."""
    if not found.arrivals:
        return None
    names = sorted({name.lower() for a in found.arrivals for name, _ in a.headers if SIGNATURE.search(name)})
    return Seen(not names, _listed(names) or "no header that could be a signature")


def bare_callback(found: Findings) -> Seen | None:
    """Whether a callback is the bare task object that a GET gives."""
    endings = found.endings()
    if not endings:
        return None
    arrival = endings[0]
    asked = _last_task(found, arrival.step)
    bare = "status" in arrival.json
    same = asked is None or task_in(arrival.json).get("id") == asked.task.get("id")
    return Seen(bare and same, f"{'bare' if bare else 'in an envelope'}, {'the same id' if same else 'another id'}")


def endings_only(found: Findings) -> Seen | None:
    """Whether callbacks are about endings only."""
    if not found.arrivals:
        return None
    words = [str(task_in(arrival.json).get("status")) for arrival in found.arrivals]
    early = [w for w, a in zip(words, found.arrivals, strict=True) if w in UNDERWAY or not ended_in(task_in(a.json))]
    return Seen(not early, _listed(dict.fromkeys(words)))


def tried_again(found: Findings) -> Seen | None:
    """When a callback that was answered 503 is tried again."""
    endings = found.endings()
    refused = next((arrival for arrival in endings if arrival.answered == 503), None)
    if refused is None:
        return None
    later = [arrival for arrival in endings if arrival.step == refused.step and arrival.at > refused.at]
    if not later:
        waited = found.listened * found.time_scale
        return Seen(False, f"not tried again within {waited:.0f} s") if waited > MUCH_LONGER * SECOND_TRY else None
    gap = (later[0].at - refused.at) * found.time_scale
    return Seen(SECOND_TRY / MUCH_LONGER <= gap <= SECOND_TRY * MUCH_LONGER, f"tried again after {gap:.0f} s")


def _accepted(found: Findings, step: str) -> bool:
    create = found.first(f"{step}.create")
    return create is not None and create.outcome().kind == "accepted"


def _task_answers(found: Findings) -> list[Exchange]:
    return [e for e in found.exchanges if e.label.endswith(".task") and e.status == 200 and "status" in e.task]


def _last_task(found: Findings, step: str) -> Exchange | None:
    answers = [exchange for exchange in _task_answers(found) if exchange.label == f"{step}.task"]
    return answers[-1] if answers else None


def _urls(found: Findings) -> tuple[str, ...]:
    answer = found.result("image")
    return () if answer is None else urls_in(answer.task)


def _names(exchange: Exchange) -> set[str]:
    return {*exchange.json, *exchange.task}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
