from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pytest
from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, MediaUrl, RequestPart
from aivideo_async.catalog.problems import allowed_by, shown, subject_of, without_paths
from aivideo_async.catalog.sora import Sora2
from aivideo_async.core.errors import FieldProblem, InvalidRequestError


class Inner(RequestPart, frozen=True):
    count: Annotated[int, Field(ge=1, le=3)]


class Thing(RequestPart, frozen=True):
    name: Annotated[str | None, Field(max_length=5)] = None
    title: Annotated[str, NOT_BLANK] = "x"
    size: Literal["1k", "2k"] = "1k"
    weight: Annotated[float | None, Field(ge=0, le=1)] = None
    count: int = 0
    sharp: bool = False
    image_urls: Annotated[Sequence[MediaUrl], Field(max_length=1), AS_TUPLE] = ()
    video_urls: Annotated[Sequence[MediaUrl], Field(min_length=2, max_length=2), AS_TUPLE] = (
        "http://a.b",
        "http://a.b",
    )
    frame_urls: Annotated[Sequence[MediaUrl], Field(min_length=1, max_length=2), AS_TUPLE] = ("http://a.b",)
    some_urls: Annotated[Sequence[MediaUrl], Field(min_length=1), AS_TUPLE] = ("http://a.b",)
    any_urls: Annotated[Sequence[MediaUrl], AS_TUPLE] = ()
    inner: Annotated[Sequence[Inner], Field(max_length=2), AS_TUPLE] = ()
    extra: Mapping[str, int] = {}


def problem_of(data: Mapping[str, object]) -> FieldProblem:
    with pytest.raises(InvalidRequestError) as caught:
        Thing.made_of(data)
    (problem,) = caught.value.errors
    return problem


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("name", "text of at most 5 characters"),
        ("title", "text"),
        ("size", "1k, 2k"),
        ("weight", "a number from 0 to 1"),
        ("count", "a whole number"),
        ("sharp", "true or false"),
        ("image_urls", "at most 1 http(s) URL"),
        ("video_urls", "exactly 2 http(s) URLs"),
        ("frame_urls", "1 to 2 http(s) URLs"),
        ("some_urls", "at least 1 http(s) URLs"),
        ("any_urls", "a list of http(s) URLs"),
        ("inner", "at most 2 Inner"),
        ("extra", "an object"),
    ],
)
def test_what_a_field_takes_is_said_in_words(field: str, words: str) -> None:
    assert allowed_by(Thing.model_fields[field]) == words


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"size": "2K"}, FieldProblem("size", "size cannot be '2K'", "2K", "1k, 2k", "2k")),
        ({"size": "9k"}, FieldProblem("size", "size cannot be '9k'", "9k", "1k, 2k")),
        ({"count": "-7"}, FieldProblem("count", "count cannot be '-7'", "-7", "a whole number", "-7")),
        ({"count": True}, FieldProblem("count", "count cannot be True", "True", "a whole number")),
        ({"size": 2.0}, FieldProblem("size", "size cannot be 2.0", "2.0", "1k, 2k")),
        ({"sharp": "1"}, FieldProblem("sharp", "sharp cannot be '1'", "1", "true or false")),
        ({"title": " "}, FieldProblem("title", "title must not be empty", " ", "text")),
        ({"name": "abcdef"}, FieldProblem("name", "name has 6 characters", "abcdef", "text of at most 5 characters")),
        ({"extra": {"a": "b"}}, FieldProblem("extra.a", "extra.a cannot be 'b'", "b", "an object")),
        ({"extra": 5}, FieldProblem("extra", "extra cannot be 5", "5", "an object")),
        ({"count": {"key": "sk-1"}}, FieldProblem("count", "count cannot be an object", "an object", "a whole number")),
        ({"siez": 1}, FieldProblem("siez", "siez is not a field of Thing", meant="size")),
        ({"api_key": "sk-1"}, FieldProblem("api_key", "api_key is not a field of Thing")),
        ({"callback_url": "x"}, FieldProblem("callback_url", "callback_url is set by the client")),
    ],
)
def test_each_problem_names_field_value_allowed_and_meant(data: dict[str, object], problem: FieldProblem) -> None:
    assert problem_of(data) == problem


def test_one_url_in_place_of_a_list_is_recognised() -> None:
    assert problem_of({"image_urls": "https://cdn.example.com/a.png"}).meant == "a list of one"


def test_too_many_items_are_counted() -> None:
    assert problem_of({"image_urls": ["https://a.example"] * 3}).message == "image_urls has 3 items"


@pytest.mark.parametrize(("data", "field"), [({"count": 9}, "inner.1.count"), ({}, "inner.1.count")])
def test_a_problem_inside_a_part_has_the_whole_path(data: dict[str, object], field: str) -> None:
    problem = problem_of({"inner": [{"count": 1}, data]})
    assert problem.field == field
    assert problem.message.startswith(field)


def test_a_part_of_the_wrong_type_is_a_problem_of_its_place() -> None:
    assert problem_of({"inner": [5]}).field == "inner.0"


def test_there_is_a_sentence_for_every_problem() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Thing.made_of({"size": "2K", "sharp": 1})
    assert str(caught.value) == (
        "Thing: size cannot be '2K' (allowed: 1k, 2k), did you mean 2k?; sharp cannot be 1 (allowed: true or false)"
    )


def test_only_an_unknown_field_without_a_likeness_points_to_the_generic_request() -> None:
    with pytest.raises(InvalidRequestError) as unknown:
        Thing.made_of({"motion": 1})
    with pytest.raises(InvalidRequestError) as misspelt:
        Thing.made_of({"siez": 1})
    assert "GenericRequest" in str(unknown.value)
    assert "GenericRequest" not in str(misspelt.value)


def test_the_error_chains_nothing_that_holds_values_and_pickles() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        Thing.made_of({"api_key": "sk-secret"})
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert error.status is None
    assert error.charged == "no"
    assert b"sk-secret" not in pickle.dumps(error)
    assert pickle.loads(pickle.dumps(error)).errors == error.errors


def test_the_subject_is_the_model_or_the_part() -> None:
    assert (subject_of(Sora2), subject_of(Inner)) == ("sora-2", "Inner")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("https://user:pw@cdn.example.com/bot123:abc/x.png?sig=1", "https://cdn.example.com/…"),
        (["https://cdn.example.com/a?sig=1"], "['https://cdn.example.com/…']"),
        ("http://[broken/x", "…"),
        ({"password": "x"}, "an object"),
        (3, "3"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_a_shown_value_is_short_and_tells_no_secret(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_number_that_python_will_not_print_is_a_problem_too() -> None:
    assert problem_of({"size": 10**5000}) == FieldProblem("size", "size cannot be a huge int", "a huge int", "1k, 2k")


def test_a_long_text_is_shown_in_linear_time() -> None:
    assert shown("x" * 3_000_000).startswith("xxx")


def test_text_around_a_url_is_kept() -> None:
    assert without_paths("like https://a.example/b, but red") == "like https://a.example/… but red"
