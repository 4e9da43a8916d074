"""What the demo makes is what the issue asks for."""

from __future__ import annotations

from itertools import product

import pytest

from aivideo_async.catalog import NanoBanana2, Sora2, SunoV5
from aivideo_async.cli.screenplay import FILMS, MOTION, STILL, Screenplay, name_of
from aivideo_async.core.models import GenerationRequest


def test_the_films_are_every_length_in_both_sizes() -> None:
    wanted = set(product((4, 8, 12), ("1280x720", "720x1280")))
    assert {(film.duration, film.size) for film in FILMS if isinstance(film, Sora2)} == wanted
    assert len(FILMS) == len(wanted)


def test_the_image_has_the_shape_of_the_clip_that_begins_with_it() -> None:
    assert isinstance(STILL, NanoBanana2)
    assert (STILL.aspect_ratio, MOTION.size) == ("16:9", "1280x720")


def test_no_prompt_is_there_twice() -> None:
    prompts = [request.fields()["prompt"] for request in (STILL, MOTION, *FILMS)]
    assert len(set(map(str, prompts))) == len(prompts) == 8


def test_it_knows_its_models() -> None:
    assert Screenplay().models == {"sora-2", "nano-banana-2"}
    assert Screenplay(still=None).models == {"sora-2"}


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (STILL, "nano-banana-2 16:9"),
        (FILMS[0], "sora-2 4 s 1280x720"),
        (Sora2(prompt="x", image_urls=["https://example.com/a.png"]), "sora-2 8 s 1280x720 from the image"),
        (SunoV5(prompt="x"), "suno-v5"),
    ],
)
def test_a_request_has_a_short_name(request_: GenerationRequest, name: str) -> None:
    assert name_of(request_) == name
