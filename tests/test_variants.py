from __future__ import annotations

import pytest

from aivideo_async.catalog import GptImage2, Sora2, Wan27TextToVideo
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.variants import variants

CLIP = Sora2(prompt="a cat on a roof", size="720x1280")


def test_every_combination_is_there_once_and_the_last_axis_turns_fastest() -> None:
    made = variants(CLIP, prompt=["a", "b"], duration=[4, 12])
    assert [(r.fields()["prompt"], r.fields()["duration"]) for r in made] == [("a", 4), ("a", 12), ("b", 4), ("b", 12)]
    assert [request.fields()["size"] for request in made] == ["720x1280"] * 4
    assert all(isinstance(request, Sora2) for request in made)
    assert (len(made), len(list(made))) == (4, 4)
    assert repr(made) == "<Variants 4 of sora-2 (prompt: 2, duration: 2)>"


def test_they_are_priced_before_any_is_sent() -> None:
    estimate = variants(CLIP, duration=[4, 8, 12]).estimate()
    assert estimate.exact
    assert estimate.low == estimate.high == 600


def test_an_axis_may_be_a_range_and_no_axis_is_the_request_itself() -> None:
    assert len(variants(Wan27TextToVideo(prompt="a"), seed=range(1000))) == 1000
    assert list(variants(CLIP)) == [CLIP]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"prompt": "a cat"}, r"a list of values \(for a single one: prompt=\['a cat'\]\)"),
        ({"duration": []}, "no variant at all"),
        ({"model": ["veo-3"]}, "model is no axis"),
        ({"duration": [4, 5]}, "duration cannot be 5"),
        ({"seconds": [4]}, "did you mean duration"),
    ],
)
def test_what_could_not_be_sent_is_refused_at_once(axes: dict[str, list[object]], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        variants(CLIP, **axes)


def test_a_combination_that_does_not_go_together_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequestError, match="4k does not go with"):
        variants(GptImage2(prompt="a", aspect_ratio="1:1"), resolution=["1k", "4k"])
