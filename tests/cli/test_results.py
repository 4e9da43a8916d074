from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aivideo_async.attempts import Attempt
from aivideo_async.batch_items import BatchItem
from aivideo_async.catalog import Sora2, convert
from aivideo_async.cli import results
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.results import Results, bill, exit_of, item_object, page_of, ready
from aivideo_async.core.errors import (
    AIVideoError,
    BudgetExceededError,
    ConfigurationError,
    DownloadError,
    SubmissionInDoubtError,
    TaskFailedError,
)
from aivideo_async.core.models import Output, TaskStatus, moment
from tests.core.test_budget import an_estimate
from tests.doubles import NOW, a_record

CLIP = Sora2(prompt="a cat on a roof", duration=4)
DONE = Output(task_id="av_1", urls=("https://cdn.example.com/a.mp4?X-Amz-Signature=secret",))


def an_item(
    error: AIVideoError | None = None, *, download_error: Exception | None = None, files: Sequence[Path] = ()
) -> BatchItem:
    status = TaskStatus.COMPLETED if error is None else TaskStatus.FAILED
    record = a_record(status=status, request=CLIP, estimate=an_estimate("100", "100"))
    sent = not isinstance(error, BudgetExceededError)
    attempt = Attempt(request=CLIP, record=record if sent else None, error=error, output=None if error else DONE)
    return BatchItem(index=0, request=CLIP, attempts=(attempt,), files=tuple(files), download_error=download_error)


@pytest.mark.parametrize(
    ("items", "bad_rows", "code"),
    [
        ([an_item()], False, Exit.OK),
        ([], True, Exit.FAILED),
        ([an_item(), an_item(TaskFailedError("no"))], False, Exit.FAILED),
        ([an_item(download_error=DownloadError("no"))], False, Exit.FAILED),
        ([an_item(TaskFailedError("no")), an_item(BudgetExceededError("no"))], False, Exit.CREDITS),
        ([an_item(SubmissionInDoubtError("?"))], False, Exit.OPEN),
        ([an_item(SubmissionInDoubtError("?")), an_item(TaskFailedError("no"))], False, Exit.FAILED),
    ],
)
def test_the_exit_code_is_that_of_what_matters_most(items: list[BatchItem], *, bad_rows: bool, code: Exit) -> None:
    assert exit_of(items, bad_rows=bad_rows) is code


def test_a_line_holds_no_secret_and_the_files_by_their_names(tmp_path: Path) -> None:
    value = item_object(an_item(files=[tmp_path / "a.mp4", Path("/elsewhere/b.mp4")]), 7, tmp_path)
    assert (value["line"], value["files"], value["error"]) == (7, ["a.mp4", "/elsewhere/b.mp4"], None)
    assert "secret" not in str(value)


def test_the_page_shows_also_what_never_became_a_task(tmp_path: Path) -> None:
    items = [
        an_item(files=[tmp_path / "a.mp4"]),
        an_item(BudgetExceededError("too dear")),
        an_item(TaskFailedError("x")),
    ]
    page = page_of(items, tmp_path, title="prompts.csv", made=moment(NOW))
    assert "over budget" in page
    assert "too dear" in page
    assert './a.mp4"' in page


def test_every_attempt_is_on_the_bill_of_its_model() -> None:
    failed = an_item(TaskFailedError("no"))
    conversion = convert(CLIP, "kling-3.0")
    second = Attempt(
        request=conversion.request,
        changes=conversion.changes,
        record=a_record(status=TaskStatus.COMPLETED, model="kling-3.0", estimate=an_estimate("112", "112")),
        output=DONE,
    )
    both = BatchItem(index=0, request=CLIP, attempts=(*failed.attempts, second))
    assert bill([both, an_item()]) == [("kling-3.0", "1", "0", "0", "112"), ("sora-2", "1", "1", "0", "100")]


def test_lines_are_there_at_once_and_in_order_at_the_end(tmp_path: Path) -> None:
    written = Results(tmp_path, [2, 3])
    written.open()
    for index in (1, 0):
        written.add(BatchItem(index=index, request=CLIP, attempts=an_item().attempts), tmp_path)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [line[:11] for line in lines] == ['{"line": 3,', '{"line": 2,']
    written.close(True)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [line[:11] for line in lines] == ['{"line": 2,', '{"line": 3,']


def test_a_folder_that_cannot_be_written_or_has_no_room_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(tmp_path / "new" / "folder", ["video", "image"])
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="exists"):
        ready(tmp_path / "file", ["video"])
    monkeypatch.setattr(results, "USUAL_BYTES", {"video": 2**60})
    with pytest.raises(ConfigurationError, match="MiB left"):
        ready(tmp_path, ["video"])
