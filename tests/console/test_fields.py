"""A form for every model, and a request from every form."""

from __future__ import annotations

import pytest

from aivideo_async.catalog import MODELS, Kling3, Seedance2, Sora2
from aivideo_async.console.fields import fields_of, problems_of, read
from aivideo_async.core.errors import InvalidRequestError


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_a_form_whose_defaults_are_its_own(model: str) -> None:
    fields = fields_of(model, None)
    said = {field.name: field.texts for field in fields}
    assert {field.name for field in fields} == MODELS[model].model_fields.keys() - {"kind", "model"}
    defaults = {name: info.default for name, info in MODELS[model].model_fields.items() if not info.is_required()}
    media = {field.name: ("https://a.example/1",) for field in fields if field.control == "urls"}
    request = dict(read(model, {**said, **media}))
    assert all(request[name] == value for name, value in defaults.items() if name not in {"prompt", *media})


def test_texts_become_what_the_field_takes() -> None:
    said = {
        "prompt": ["two\r\nlines"], "duration": ["6"], "resolution": ["1080p"], "generate_audio": ["false"],
        "seed": [""],
        "image_urls": ["https://a.example/1.jpg\r\n\r\n https://a.example/2.jpg "], "unknown": ["x"],
    }  # fmt: skip
    request = read("doubao-seedance-2.0", said)
    assert isinstance(request, Seedance2)
    assert (request.prompt, request.duration, request.generate_audio, request.seed) == ("two\nlines", 6, False, -1)
    assert request.image_urls == ("https://a.example/1.jpg", "https://a.example/2.jpg")


def test_a_list_of_objects_is_read_as_json() -> None:
    said = {"multi_shots": ["true"], "multi_prompt": ['[{"prompt": "a", "duration": 2}]']}
    request = read("kling-3.0", said)
    assert isinstance(request, Kling3)
    assert request.multi_prompt[0].duration == 2


def test_a_prompt_that_looks_like_a_number_stays_text() -> None:
    request = read("sora-2", {"prompt": ["42"], "duration": ["4"]})
    assert request == Sora2(prompt="42", duration=4)


def test_what_is_wrong_is_said_by_field() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read("sora-2", {"prompt": [""], "duration": ["9"]})
    problems = problems_of(refused.value)
    assert problems["prompt"].startswith("prompt is required")
    assert "4, 8, 12" in problems["duration"]
    with pytest.raises(InvalidRequestError, match="no model"):
        read("nobody", {})
    assert problems_of(InvalidRequestError("all of it")) == {"": "all of it"}


def test_controls_are_those_of_the_type() -> None:
    controls = {field.name: field.control for field in fields_of("kling-3.0", {})}
    assert controls == {
        "prompt": "prose", "image_urls": "urls", "mode": "choice", "aspect_ratio": "choice", "duration": "number",
        "sound": "switch", "multi_shots": "switch", "multi_prompt": "json", "kling_elements": "json",
    }  # fmt: skip
    assert {field.name: field.control for field in fields_of("suno-v5", None)}["title"] == "text"
