from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from aivideo_async.cli.app import app
from aivideo_async.cli.batch import Wanted, judged, prepared, priced, run
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.sandbox import DropConnection, Fail, LoseCallback, Sandbox
from tests.cli.conftest import Terminal, Watched

ROWS = "prompt,duration\n" + "".join(f"clip {number},4\n" for number in range(4))


class Desk:
    """A file of requests, a folder, and what is printed."""

    def __init__(self, folder: Path, content: str = ROWS) -> None:
        self.file = folder / "prompts.csv"
        self.file.write_text(content)
        self.wanted = Wanted(file=self.file, out=folder / "out")
        self.out, self.err = io.StringIO(), io.StringIO()

    def screen(self, *, machine: bool = False) -> Screen:
        return Screen(machine=machine, out=self.out, err=self.err)

    async def run(self, wanted: Wanted | None = None, *, machine: bool = False) -> Exit:
        wanted = wanted or self.wanted
        screen = self.screen(machine=machine)
        found = await asyncio.to_thread(prepared, screen, wanted)
        return await run(screen, wanted, found)

    def results(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.wanted.out / "results.jsonl").read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# Before a credit is spent


def test_the_whole_file_is_judged_and_nothing_is_sent_when_a_row_is_bad(desk: Desk) -> None:
    desk.file.write_text("prompt,duration\na,4\nb,5\nc,9\n")
    with pytest.raises(InvalidRequestError, match=r"2 problems in .*, and nothing was sent"):
        judged(desk.screen(), desk.wanted)
    assert "prompts.csv:3:2: duration cannot be 5 (allowed: 4, 8, 12)" in desk.err.getvalue()
    found = judged(desk.screen(machine=True), replace(desk.wanted, keep_going=True))
    assert (found.lines, found.problems) == ([2], 2)
    problem = json.loads(desk.out.getvalue().splitlines()[0])["problem"]
    assert (problem["line"], problem["column"], problem["field"]) == (3, 2, "duration")


def test_no_more_problems_are_told_than_anybody_reads(desk: Desk) -> None:
    desk.file.write_text("prompt,duration\n" + "a,5\n" * 60)
    with pytest.raises(InvalidRequestError):
        judged(desk.screen(), desk.wanted)
    assert "… and 10 more" in desk.err.getvalue()


def test_duplicates_are_told(desk: Desk) -> None:
    desk.file.write_text("prompt\na\nb\na\n")
    assert judged(desk.screen(), desk.wanted).lines == [2, 3, 4]
    assert "prompts.csv:4: the same as line 2" in desk.err.getvalue()


@pytest.mark.parametrize(
    ("content", "fallbacks", "said"),
    [("", (), "has no rows"), ("prompt\n", (), "has no rows"), (ROWS, ("kling",), "no model 'kling'")],
)
def test_what_makes_no_batch_is_refused(desk: Desk, content: str, fallbacks: tuple[str, ...], said: str) -> None:
    desk.file.write_text(content)
    with pytest.raises(InvalidRequestError, match=said):
        judged(desk.screen(), replace(desk.wanted, fallbacks=fallbacks))


def test_an_estimate_is_a_table_of_costs(desk: Desk) -> None:
    desk.file.write_text("prompt,model,duration\na,,4\nb,kling-3.0,5\nc,doubao-seedance-2.0,5\n")
    code = priced(desk.screen(), desk.wanted, judged(desk.screen(), desk.wanted))
    assert code is Exit.OK
    lines = [line.split() for line in desk.out.getvalue().splitlines()]
    assert ["sora-2", "1", "100", "$0.40"] in lines
    assert ["all", "3", "450", "$1.80"] in lines


def test_an_estimate_that_does_not_fit_is_exit_code_4_and_one_without_a_bound_too(desk: Desk) -> None:
    wanted = replace(desk.wanted, budget=Decimal(399))
    assert priced(desk.screen(), wanted, judged(desk.screen(), wanted)) is Exit.CREDITS
    assert "does not fit into a budget of 399 credits" in desk.err.getvalue()
    desk.file.write_text("prompt,kind,model\na,video,new\n")
    assert priced(desk.screen(), desk.wanted, judged(desk.screen(), desk.wanted)) is Exit.OK
    assert "at least 0" in desk.out.getvalue()


# Running


async def test_a_file_of_prompts_becomes_files_a_gallery_and_a_bill(desk: Desk, service: Sandbox) -> None:
    assert await desk.run() is Exit.OK
    results = desk.results()
    assert [(line["line"], line["ending"], line["credits"]) for line in results] == [
        (number, "completed", 100) for number in (2, 3, 4, 5)
    ]
    files = [name for line in results for name in cast("list[str]", line["files"])]
    assert [(desk.wanted.out / name).stat().st_size > 0 for name in files] == [True] * 4
    page = (desk.wanted.out / "gallery.html").read_text()
    assert all(f"clip {number}" in page for number in range(4))
    assert "4 of 4 completed, 400 credits by estimate" in desk.out.getvalue()
    assert service.balance == 10_000 - 400
    assert "X-Amz" not in (desk.wanted.out / "results.jsonl").read_text()


async def test_a_batch_that_was_begun_is_begun_again_only_by_resuming(desk: Desk, service: Sandbox) -> None:
    assert await desk.run() is Exit.OK
    with pytest.raises(InvalidRequestError, match="was begun before") as caught:
        await desk.run()
    assert "--resume goes on with it" in str(caught.value.hint)
    before = desk.results()
    assert await desk.run(replace(desk.wanted, resume=True), machine=True) is Exit.OK
    assert (desk.results(), service.count("create")) == (before, 4)


async def test_some_that_fail_are_exit_code_3_and_a_fallback_helps(desk: Desk, service: Sandbox) -> None:
    service.enqueue(Fail(), (), Fail())
    assert await desk.run(replace(desk.wanted, concurrency=1)) is Exit.FAILED
    assert sorted(str(line["ending"]) for line in desk.results()) == ["completed"] * 2 + ["failed"] * 2
    service.enqueue(Fail())
    wanted = replace(desk.wanted, name="again", fallbacks=("kling-3.0",))
    assert await desk.run(wanted) is Exit.OK
    assert sum(len(cast("list[object]", line["attempts"])) for line in desk.results()) == 5


async def test_what_is_over_the_budget_is_exit_code_4(desk: Desk, service: Sandbox) -> None:
    assert await desk.run(replace(desk.wanted, budget=Decimal(250))) is Exit.CREDITS
    assert service.count("create") == 2


async def test_bad_rows_beside_good_ones_are_exit_code_3(desk: Desk, service: Sandbox) -> None:
    desk.file.write_text(ROWS + "clip,5\n")
    assert await desk.run(replace(desk.wanted, keep_going=True)) is Exit.FAILED
    assert service.count("create") == 4


async def test_what_is_in_doubt_is_named_with_what_to_do(desk: Desk, service: Sandbox) -> None:
    service.enqueue((DropConnection(), LoseCallback()))
    assert await desk.run() is Exit.OPEN
    said = desk.err.getvalue()
    assert "in doubt: " in said
    assert "--resume" in said
    assert "--resubmit-in-doubt" in said
    resumed = replace(desk.wanted, resume=True, resubmit_in_doubt=True)
    assert await desk.run(resumed) is Exit.OK
    assert service.count("create") == 5


async def test_ctrl_c_leaves_the_tasks_alive_and_says_how_to_go_on(desk: Desk, service: Sandbox) -> None:
    desk.err = watched = Watched("[1/4]")
    running = asyncio.create_task(desk.run(replace(desk.wanted, concurrency=1)))
    await watched.seen.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    said = watched.getvalue()
    assert f"this goes on: aivideo batch {desk.file} --out {desk.wanted.out} --resume --concurrency 1" in said
    assert await desk.run(replace(desk.wanted, resume=True)) is Exit.OK
    assert service.count("create") == 4


async def test_on_a_terminal_there_is_a_bar(desk: Desk, service: Sandbox, terminal: Terminal) -> None:
    desk.err = terminal
    service.enqueue(Fail())
    assert await desk.run() is Exit.FAILED
    assert "4/4" in terminal.getvalue()


def test_the_line_that_resumes_says_everything_again(tmp_path: Path) -> None:
    wanted = Wanted(
        file=Path("my prompts.csv"),
        out=tmp_path,
        name="cats",
        budget=Decimal("2.5"),
        fallbacks=("veo-3",),
        keep_going=True,
    )
    assert wanted.resuming().startswith("aivideo batch 'my prompts.csv' --out ")
    assert wanted.resuming().endswith(
        "--resume --concurrency 20 --model sora-2 --name cats --budget 2.5 --fallback veo-3 --keep-going"
    )
    assert wanted.batch_name() == "cats"


# The command line


def test_the_command_prices_without_a_key(desk: Desk) -> None:
    result = CliRunner().invoke(app, ["batch", str(desk.file), "--estimate", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"requests": 4, "problems": 0, "low": 400, "high": 400}
    over = CliRunner().invoke(app, ["batch", str(desk.file), "--estimate", "--budget", "399.5"])
    assert over.exit_code == Exit.CREDITS
    assert "a budget of 399.5 credits" in over.output


def test_bad_rows_a_missing_file_and_a_missing_key_have_their_exit_codes(desk: Desk, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, ["batch", str(desk.file), *out]).exit_code == Exit.CONFIGURATION
    assert CliRunner().invoke(app, ["batch", str(tmp_path / "none.csv"), *out]).exit_code == Exit.ERROR
    desk.file.write_text("prompt,duration\na,5\n")
    assert CliRunner().invoke(app, ["batch", str(desk.file), *out]).exit_code == Exit.USAGE


def test_what_is_in_doubt_is_sent_again_only_after_asking(desk: Desk, tmp_path: Path) -> None:
    arguments = ["batch", str(desk.file), "--out", str(tmp_path / "out"), "--resubmit-in-doubt"]
    for answer in ("n\n", ""):
        result = CliRunner().invoke(app, arguments, input=answer)
        assert result.exit_code == Exit.INTERRUPTED
    assert CliRunner().invoke(app, [*arguments, "--yes"]).exit_code == Exit.CONFIGURATION
