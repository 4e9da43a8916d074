from __future__ import annotations

from aivideo_async.sandbox.answers import refused, spoilt, written
from aivideo_async.sandbox.dialect import Answer
from aivideo_async.sandbox.shelf import ShelfError


def test_an_answer_is_json_with_its_headers() -> None:
    response = written(Answer(429, {"a": "ü"}, (("Retry-After", "1"),)))
    assert (response.status, response.body, response.headers["Retry-After"]) == (429, '{"a":"ü"}'.encode(), "1")


def test_a_page_in_its_place_says_200() -> None:
    answer = Answer(500, {}, twist="html")
    response = spoilt(written(answer), answer)
    assert (response.status, response.content_type) == (200, "text/html")


def test_a_truncated_one_is_half_of_it() -> None:
    answer = Answer(200, {"a": "b"}, twist="truncated")
    assert spoilt(written(answer), answer).body == b'{"a"'
    whole = Answer(200, {"a": "b"})
    assert spoilt(written(whole), whole).body == b'{"a":"b"}'


def test_an_object_stores_error_is_xml() -> None:
    response = refused(ShelfError(416, "InvalidRange", "no", size=7))
    assert (response.content_type, response.headers["Content-Range"]) == ("application/xml", "bytes */7")
