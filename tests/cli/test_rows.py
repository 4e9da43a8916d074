from __future__ import annotations

from pathlib import Path

import pytest

from aivideo_async.catalog import GenericRequest, NanoBanana2, Sora2, Wan27TextToVideo
from aivideo_async.cli.rows import Problem, Row, duplicates, read
from aivideo_async.core.errors import ConfigurationError


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    return tmp_path / "prompts.csv"


def rows_of(file: Path, content: str | bytes) -> list[Row | Problem]:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read(file, "sora-2"))


def told(file: Path, content: str | bytes) -> list[str]:
    problems = [item for item in rows_of(file, content) if isinstance(item, Problem)]
    return [problem.told(Path(file.name)) for problem in problems]


def test_columns_are_the_fields_and_cells_become_what_they_take(a_file: Path) -> None:
    content = '\ufeffprompt,duration,model,seed,aspect_ratio\n"a cat, asleep",4,,,\na dog,5,wan-2.7-text-to-video,7,\n'
    content += "2026,,nano-banana-2,,16:9\n"
    assert rows_of(a_file, content) == [
        Row(2, Sora2(prompt="a cat, asleep", duration=4)),
        Row(3, Wan27TextToVideo(prompt="a dog", duration=5, seed=7)),
        Row(4, NanoBanana2(prompt="2026", aspect_ratio="16:9")),
    ]


def test_a_cell_may_span_lines_and_rows_keep_the_line_on_which_they_begin(a_file: Path) -> None:
    rows = rows_of(a_file, 'prompt\n"a cat\nasleep"\na dog\n\n\n')
    assert [(row.line, row.request.fields()["prompt"]) for row in rows if isinstance(row, Row)] == [
        (2, "a cat\nasleep"),
        (4, "a dog"),
    ]
    assert len(rows) == 2


def test_a_row_of_a_kind_is_for_a_model_that_the_catalog_does_not_know(a_file: Path) -> None:
    (row,) = rows_of(a_file, "kind,model,prompt,duration\nvideo,new-1,7,4\n")
    assert row == Row(2, GenericRequest(kind="video", model="new-1", input={"prompt": "7", "duration": 4}))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("prompt,seconds\na,4\n", ["prompts.csv:1:2: no model has a field 'seconds', did you mean duration?"]),
        ("prompt,prompt\na,b\n", ["prompts.csv:1:2: the column prompt is there twice"]),
        ("prompt,\na,4\n", ["prompts.csv:1:2: no model has a field ''"]),
        ("prompt,duration\na,5\n", ["prompts.csv:2:2: duration cannot be 5 (allowed: 4, 8, 12)"]),
        ("prompt,seed\na,5\n", ["prompts.csv:2:2: seed is not a field of sora-2"]),
        ("duration\n4\n", ["prompts.csv:2: prompt is required (allowed: text of at most 5000 characters)"]),
        ("prompt,duration\na,4,b\n", ["prompts.csv:2:3: 3 cells for 2 columns: is a comma not in quotes?"]),
        ("prompt\na\n\nb\n", ["prompts.csv:3:1: the line is empty: remove it"]),
        ("prompt,model\na,sora2\n", ["prompts.csv:2:2: the catalog has no model 'sora2'"]),
        (b"prompt\nd\xe9j\xe0 vu\n", ["prompts.csv:2:2: not UTF-8 from here on (in Latin-1 it would be 'é')"]),
        ("prompt\na\n".encode("utf-16"), ["prompts.csv:1:1: the file is UTF-16"]),
        ('prompt\n"a"b\n', ["prompts.csv:2: not a row of a .csv: ',' expected after '\"'"]),
        ('prompt\n"a\n', ["prompts.csv:2: not a row of a .csv: unexpected end of data"]),
        ("prompt\n" + "x" * 200_000 + "\n", ["prompts.csv:2: not a row of a .csv: field larger than field limit"]),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(a_file: Path, content: str | bytes, expected: list[str]) -> None:
    said = told(a_file, content)
    assert len(said) == len(expected), said
    for line, start in zip(said, expected, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"prompt": "a", }', "prompts.jsonl:2:17: not JSON: "),
        ('{"prompt": "a", "duration": NaN}', "prompts.jsonl:2:1: not JSON that can be sent: NaN is no number"),
        ('{"prompt": "a", "prompt": "b"}', "prompts.jsonl:2:1: not JSON that can be sent: 'prompt' is there twice"),
        ('["a"]', "prompts.jsonl:2:1: a line is one object"),
        ("[" * 100_000, "prompts.jsonl:2:1: not JSON that can be sent"),
        ('{"prompt": "a", "duration": "8"}', "prompts.jsonl:2: duration cannot be '8' (allowed: 4, 8, 12)"),
        ("", "prompts.jsonl:2:1: the line is empty"),
    ],
)
def test_lines_of_json_are_judged_one_by_one(a_file: Path, line: str, expected: str) -> None:
    file = a_file.with_suffix(".jsonl")
    content = f'{{"prompt": "a", "duration": 4}}\n{line}\n{{"prompt": "b", "model": "veo-3"}}\n'
    first, *_, last = rows_of(file, content)
    assert first == Row(1, Sora2(prompt="a", duration=4))
    assert isinstance(last, Row)
    assert last.request.model == "veo-3"
    (said,) = told(file, content)
    assert said.startswith(expected)


def test_a_row_that_is_there_already_is_found(a_file: Path) -> None:
    rows = [row for row in rows_of(a_file, "prompt,duration\na,4\nb,4\na,4\na,\n") if isinstance(row, Row)]
    assert [(row.line, first) for row, first in duplicates(rows)] == [(4, 2)]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"neither \.csv nor \.jsonl"):
        list(read(tmp_path / "prompts.yaml", "sora-2"))


def test_what_any_bytes_do_is_rows_and_problems(a_file: Path) -> None:
    for content in (b"", b"\n", b"\x00", b"prompt\n\x00\n", bytes(range(256)), b'prompt\n"\n"\xff"\n'):
        for name in ("x.csv", "x.jsonl"):
            rows_of(a_file.with_name(name), content)
