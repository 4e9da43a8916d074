"""``aivideo batch FILE``: a file of requests in, a folder of files, a gallery and a bill out."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import anyio
from pydantic import JsonValue

from aivideo_async.batch import Batch
from aivideo_async.batch_items import BatchItem
from aivideo_async.batch_play import LABEL
from aivideo_async.catalog import MODELS, PRICES, estimate
from aivideo_async.cli import bars
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen, number
from aivideo_async.cli.results import PAGE, Results, bill, exit_of, page_of, ready
from aivideo_async.cli.rows import Problem, Row, duplicates, read
from aivideo_async.cli.session import opened
from aivideo_async.client import Client
from aivideo_async.core.budget import total
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import Estimate, GenerationRequest, Kind
from aivideo_async.spending import Budget
from aivideo_async.stores import Query

TOLD_AT_MOST = 50
LOOK_EVERY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command line asks for."""

    file: Path
    out: Path = Path("aivideo-batch")
    model: str = "sora-2"
    name: str | None = None
    budget: Decimal | None = None
    concurrency: int = 20
    fallbacks: Sequence[str] = ()
    resume: bool = False
    keep_going: bool = False
    resubmit_in_doubt: bool = False

    def batch_name(self) -> str:
        """Under which its items are known again: given, or by the file and the folder. Blocks."""
        place = f"{self.file.resolve()}\n{self.out.resolve()}"
        return self.name or f"{self.file.stem[:64]}-{sha256(place.encode('utf-8', 'replace')).hexdigest()[:12]}"

    def resuming(self) -> str:
        """The command that goes on with it."""
        words = ["aivideo", "batch", str(self.file), "--out", str(self.out), "--resume"]
        words += ["--concurrency", str(self.concurrency)]
        for option, value in (("--model", self.model), ("--name", self.name), ("--budget", self.budget)):
            words += [] if value is None else [option, str(value)]
        for model in self.fallbacks:
            words += ["--fallback", model]
        return shlex.join([*words, *(["--keep-going"] if self.keep_going else [])])


@dataclass(slots=True)
class Judged:
    """A file as it was read before anything is sent: lines of its good rows, its problems, its price per model."""

    name: str
    lines: list[int] = field(default_factory=list[int])
    kinds: list[Kind] = field(default_factory=list[Kind])
    problems: int = 0
    models: Counter[str] = field(default_factory=Counter[str])
    prices: dict[str, list[Estimate]] = field(default_factory=dict[str, list[Estimate]])

    @property
    def whole(self) -> Estimate:
        """The price of all good rows."""
        return total(one for estimates in self.prices.values() for one in estimates)


def judged(screen: Screen, wanted: Wanted) -> Judged:
    """Read the file, and say what is wrong with it. Blocks. Raises OSError, ConfigurationError, InvalidRequestError."""
    if unknown := [model for model in wanted.fallbacks if model not in MODELS]:
        raise InvalidRequestError(f"the catalog has no model {unknown[0]!r}", hint="aivideo models lists them")
    found = Judged(wanted.batch_name())

    def good() -> Iterator[Row]:
        for item in read(wanted.file, wanted.model):
            if isinstance(item, Problem):
                found.problems += 1
                if found.problems <= TOLD_AT_MOST:
                    screen.say(item.told(wanted.file), style="red")
                    screen.object(_problem_object(item))
            else:
                found.lines.append(item.line)
                found.kinds.append(item.request.kind)
                found.models[item.request.model] += 1
                found.prices.setdefault(item.request.model, []).append(estimate(item.request))
                yield item

    for row, first in duplicates(good()):
        screen.say(f"{wanted.file}:{row.line}: the same as line {first}, and made and paid for again")
    if found.problems > TOLD_AT_MOST:
        screen.say(f"… and {found.problems - TOLD_AT_MOST} more")
    if found.problems and not wanted.keep_going:
        raise InvalidRequestError(
            f"{found.problems} problems in {wanted.file}, and nothing was sent",
            hint="--keep-going runs the other rows",
        )
    if not found.lines:
        raise InvalidRequestError(f"{wanted.file} has no rows")
    return found


def priced(screen: Screen, wanted: Wanted, found: Judged) -> Exit:
    """``--estimate``: the table of costs. Over the budget is exit code 4, as it would be in earnest."""
    rows: list[Sequence[str]] = []
    for model, estimates in sorted(found.prices.items()):
        rows.append((model, str(found.models[model]), *_cost(total(estimates))))
    whole = found.whole
    screen.table(("model", "requests", "credits", "dollars"), [*rows, ("all", str(len(found.lines)), *_cost(whole))])
    screen.say(f"Prices of {PRICES.dated}, from {PRICES.source}; nothing was sent.", style="dim")
    screen.object(
        {
            "requests": len(found.lines),
            "problems": found.problems,
            "low": number(whole.low),
            "high": None if whole.high is None else number(whole.high),
        }
    )
    if wanted.budget is not None and (whole.high is None or whole.high > wanted.budget):
        screen.say(f"that does not fit into a budget of {wanted.budget:f} credits", style="bold red")
        return Exit.CREDITS
    return Exit.OK


def prepared(screen: Screen, wanted: Wanted) -> Judged:
    """Everything that can be wrong before a credit is spent. Blocks. Raises what ``judged`` and ``ready`` raise."""
    found = judged(screen, wanted)
    ready(wanted.out, found.kinds)
    return found


async def run(screen: Screen, wanted: Wanted, found: Judged) -> Exit:
    """Make all of it, and write the files, ``results.jsonl`` and the gallery. Raises what opening a client raises.

    Cancelling it leaves the tasks alive, and says how to go on.
    """
    async with opened(screen, waiting=True) as client:
        await _may_begin(client, wanted, found.name)
        results = Results(wanted.out, found.lines)
        items: list[BatchItem] = []
        whole = False
        await anyio.to_thread.run_sync(results.open)
        try:
            await _play(screen, client, wanted, found, results, items)
            whole = True
        except BaseException:  # also a Ctrl-C: what was paid for must be found again
            screen.say(f"{len(items)} of {len(found.lines)} have ended; this goes on: {wanted.resuming()}")
            raise
        finally:
            await anyio.to_thread.run_sync(results.close, whole)
    items.sort(key=lambda item: item.index)
    page = page_of(items, wanted.out, title=wanted.file.name, made=datetime.now(UTC))
    await (anyio.Path(wanted.out) / PAGE).write_text(page, encoding="utf-8")
    _report(screen, wanted, items)
    return exit_of(items, bad_rows=found.problems > 0)


async def _may_begin(client: Client, wanted: Wanted, name: str) -> None:
    """Raises InvalidRequestError where the batch was begun before and is not to be resumed: it would be paid twice."""
    if wanted.resume:
        return
    async for _record in client.store.scan(Query(labels={LABEL: name}, limit=1)):
        raise InvalidRequestError(
            f"the batch {name} was begun before",
            hint="--resume goes on with it, --name begins another",
        )


async def _play(
    screen: Screen, client: Client, wanted: Wanted, found: Judged, results: Results, items: list[BatchItem]
) -> None:
    batch = Batch(
        client,
        Requests(wanted, len(found.lines)),
        concurrency=wanted.concurrency,
        budget=None if wanted.budget is None else Budget(wanted.budget),
        fallbacks=wanted.fallbacks,
        name=found.name,
        download_to=wanted.out,
        resubmit_in_doubt=wanted.resubmit_in_doubt,
    )
    with bars.shown(screen) as display:
        async with batch:
            while True:
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        item = await anext(batch)
                except TimeoutError:
                    display.update(batch.progress, batch.running)
                    continue
                except StopAsyncIteration:
                    break
                items.append(item)
                value = await anyio.to_thread.run_sync(results.add, item, wanted.out)
                screen.object(value)
                display.ended(item, batch.progress)
            display.update(batch.progress, batch.running)


class Requests:
    """The good rows of the file, read as there is room for them; it knows how many there are."""

    def __init__(self, wanted: Wanted, count: int) -> None:
        self._wanted, self._count = wanted, count

    def __len__(self) -> int:
        return self._count

    async def __aiter__(self) -> AsyncIterator[GenerationRequest]:
        rows = read(self._wanted.file, self._wanted.model)
        left = self._count
        while left and (item := await anyio.to_thread.run_sync(next, rows, None)) is not None:
            if isinstance(item, Row):
                left -= 1
                yield item.request


def _report(screen: Screen, wanted: Wanted, items: Sequence[BatchItem]) -> None:
    screen.table(("model", "completed", "failed", "in doubt", "credits"), bill(items))
    spent = sum((item.credits for item in items), Decimal(0))
    completed = sum(item.ending == "completed" for item in items)
    screen.line(f"{completed} of {len(items)} completed, {spent:,f} credits by estimate; {wanted.out / PAGE}")
    doubtful = [item for item in items if item.ending == "in_doubt"]
    for item in doubtful:
        id = "" if item.record is None else item.record.id
        screen.say(f"in doubt: {bars.name_of(item.index, item.request)}: {id}", style="bold yellow")
    if doubtful:
        screen.say(
            f"hint: aivideo doubt settles them by hand; {wanted.resuming()} --resubmit-in-doubt sends them again"
        )


def _cost(whole: Estimate) -> tuple[str, str]:
    if whole.high is None:
        return f"at least {whole.low:,f}", "unknown"
    credits = f"{whole.high:,f}" if whole.exact else f"{whole.low:,f} to {whole.high:,f}"  # noqa: A001
    return credits, f"${PRICES.dollars(whole.high):,.2f}"


def _problem_object(problem: Problem) -> dict[str, JsonValue]:
    return {
        "problem": {
            "line": problem.line,
            "column": problem.column,
            "field": problem.name,
            "message": problem.message,
        }
    }
