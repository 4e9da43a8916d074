"""``aivideo probe``: says what it is going to do and what it may cost, asks, and shows what came of it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path

from pydantic import JsonValue

from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.probe.folder import check_new
from aivideo_async.probe.journal import Journal
from aivideo_async.probe.performing import Setup, perform
from aivideo_async.probe.purse import plain
from aivideo_async.probe.report import answer_object, money_object
from aivideo_async.probe.running import BURST

CONSENT = "yes"


def probe(
    screen: Screen, *, limit: Decimal, record: Path, yes: bool, host: str, port: int
) -> Coroutine[object, object, Exit] | Exit:
    """Ask for consent and prepare; the probe itself is what is returned. Blocks while somebody types.

    Raises ConfigurationError for settings, InvalidRequestError without consent, a terminal or an empty folder.
    """
    setup = Setup.from_environment(limit=limit, host=host, port=port)
    check_new(record)
    if not yes and not sys.stdin.isatty():
        raise InvalidRequestError("a probe spends credits and needs consent", hint="--yes gives it without a terminal")
    announce(screen, setup)
    if not yes:
        screen.say(f"Type {CONSENT} to go on:")
        if sys.stdin.readline().strip().lower() != CONSENT:
            screen.say("nothing was sent")
            return Exit.INTERRUPTED
    return run(screen, setup, setup.journal(record), record)


def announce(screen: Screen, setup: Setup) -> None:
    """Say what will be done, and what it may cost."""
    screen.say(f"This asks {setup.base_url.origin} what its pages leave open, with your key:")
    total = Decimal(0)
    for order, fits in setup.plan():
        cost = f"about {plain(order.wanted)} credits, at worst {plain(order.worst * order.times)}"
        screen.say(f"  {order.title} ({order.request.model}): {cost}{'' if fits else ' - LEFT OUT, it does not fit'}")
        total += order.wanted if fits else 0
    book = setup.book
    screen.say(
        f"In all about {plain(total)} credits (about ${book.dollars(total):.2f}) and never knowingly more than"
        f" {plain(setup.limit)}, by the price book of {book.dated}; a charge above it counts as soon as it shows."
    )
    screen.say(
        f"Besides: one request with a wrong key, some to paths that may not exist, and up to {BURST} quick ones for the"
        " balance. Charges are read from the balance, so let nothing else use the account meanwhile."
    )
    if not setup.listens:
        screen.say("Callbacks are left out: set AIVIDEO_CALLBACK_URL to a public https address of this machine.")


async def run(screen: Screen, setup: Setup, journal: Journal, record: Path) -> Exit:
    """Take the steps and show the answers; also those that an interrupted probe has. Raises as ``perform`` does."""
    try:
        await perform(setup, journal, say=screen.say)
    finally:
        if journal.state != "failed":
            show_answers(screen, journal)
        show_end(screen, journal, record)
    return Exit.OK


def show_answers(screen: Screen, journal: Journal) -> None:
    """One line per question, and how many there are of each kind."""
    for answer in journal.answers():
        question, seen = answer.question, journal.redactor.text(answer.seen)
        told = f"assumed: {question.assumed}; seen: {seen}; then: {answer.consequence}"
        screen.line(f"{answer.verdict:<10}  {question.name}: {question.asks} {told}")
        screen.object({**answer_object(answer), "seen": seen})
    count = Counter(answer.verdict for answer in journal.answers())
    screen.line(f"{count['as assumed']} as assumed, {count['differs']} differ, {count['open']} open")


def show_end(screen: Screen, journal: Journal, record: Path) -> None:
    """What was spent, which assumptions were wrong, and which tasks there are now: on the screen their ids are true."""
    purse = journal.purse
    differs: list[JsonValue] = [one.question.name for one in journal.answers() if one.verdict == "differs"]
    known = "" if purse.spent is None else f"{plain(purse.spent)} credits by the balance, "
    screen.line(f"spent: {known}at most {plain(purse.at_most)} of {plain(purse.limit)}; recorded in {record}")
    for step, id in journal.found.tasks():
        screen.say(f"task of the step {step}: {id}")
    screen.object({"state": journal.state, "credits": money_object(purse), "differs": differs, "record": str(record)})
