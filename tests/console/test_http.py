from __future__ import annotations

from aivideo_async.console.http import read_form, read_query, see_other


def test_the_last_value_of_a_query_counts_and_a_form_keeps_all() -> None:
    assert read_query("a=1&a=2&b=%C3%A9&c=") == {"a": "2", "b": "é", "c": ""}
    assert read_form(b"a=1&a=2&b=x+y") == {"a": ["1", "2"], "b": ["x y"]}


def test_too_many_fields_are_none_and_odd_bytes_are_survived() -> None:
    assert read_form(b"&".join(b"a=1" for _ in range(201))) == {}
    assert read_form(b"\xff\xfe=%zz&\x00") == {"ÿþ": ["%zz"], "\x00": [""]}


def test_a_form_is_answered_by_another_place() -> None:
    answer = see_other("/console/tasks", ("X", "y"))
    assert (answer.status, dict(answer.headers)["Location"], dict(answer.headers)["X"]) == (303, "/console/tasks", "y")
