from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.byte_ranges import Version, answered, asking

STRONG = Version('"a"', "Mon, 21 Sep 2026 14:13:20 GMT", 100)


def test_what_is_missing_is_asked_for_if_it_is_still_the_same() -> None:
    assert asking(40, STRONG) == {"Range": "bytes=40-", "If-Range": '"a"'}
    assert asking(40, Version(modified="then"))["If-Range"] == "then"


@pytest.mark.parametrize(
    ("size", "version"),
    [(0, STRONG), (40, None), (40, Version('W/"a"', "then")), (40, Version()), (40, Version('"a"', ranges=False))],
)
def test_without_a_strong_validator_all_is_asked_for_again(size: int, version: Version | None) -> None:
    assert asking(size, version) == {}


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (STRONG, False),
        (Version('"a"', "later", 100), False),
        (Version(None, STRONG.modified, 100), False),
        (Version(), False),
        (Version('"b"', STRONG.modified, 100), True),
        (Version('"a"', STRONG.modified, 101), True),
        (Version(None, "later", None), True),
    ],
)
def test_two_versions_differ_where_one_word_does(other: Version, differs: bool) -> None:
    assert STRONG.differs(other) is differs
    assert other.differs(STRONG) is differs


def test_a_whole_answer_begins_at_nothing() -> None:
    assert answered(200, {"ETag": '"a"', "Accept-Ranges": "none"}, 7) == (0, Version('"a"', None, 7, ranges=False))


def test_a_part_says_where_it_begins_and_how_long_all_is() -> None:
    assert answered(206, {"Content-Range": "bytes 4-7/10", "ETag": '"a"'}, 4) == (4, Version('"a"', None, 10))
    assert answered(206, {"Content-Range": "bytes 4-7/*"}, None) == (4, Version())


@pytest.mark.parametrize(
    ("said", "length"),
    [
        *(("", 4), ("bytes */10", 4), ("bytes 7-4/10", 4), ("bytes 4-7/7", 4), ("bytes 4-7/10", 5)),
        *(
            ("items 4-7/10", 4),
            ("bytes 4-7/10, bytes 8-9/10", 4),
            ("bytes -4-7/10", 4),
            (f"bytes 0-{'9' * 19}/*", None),
        ),
    ],
)
def test_a_part_that_contradicts_itself_is_none(said: str, length: int | None) -> None:
    assert answered(206, {"Content-Range": said}, length) is None


@given(st.text(), st.integers(200, 299))
def test_no_header_makes_it_raise(said: str, status: int) -> None:
    found = answered(status, {"Content-Range": said}, None)
    assert found is None or found[0] >= 0
