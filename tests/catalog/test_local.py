from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from aivideo_async.catalog import Kling3, Sora2, SunoV5, Wan27ImageToVideo, parse_request, request_to_data
from aivideo_async.catalog.local import LocalPicture, local_in, name_of, named, with_images
from aivideo_async.core.errors import InvalidRequestError

NAME = name_of("ab" * 32, "jpg")
FIRST = Path("/home/me/first.jpg")


def test_an_image_of_this_machine_is_the_first_of_the_images() -> None:
    request = Kling3(image=FIRST, image_urls=["https://example.com/last.jpg"])
    assert request.image_urls == ("file:/home/me/first.jpg", "https://example.com/last.jpg")
    assert local_in(request) == (LocalPicture.at(FIRST),)
    assert local_in(request)[0].path == FIRST  # type: ignore[attr-defined]
    request.check()


def test_it_may_stand_among_the_urls_too_and_counts_as_one() -> None:
    assert local_in(Sora2.made_of({"prompt": "x", "image_urls": [FIRST]})) == ("file:/home/me/first.jpg",)
    assert Wan27ImageToVideo(prompt="x", image_urls=[LocalPicture.at(FIRST)]).image_urls
    assert Wan27ImageToVideo.made_of({"prompt": "x", "image": FIRST}).image_urls
    with pytest.raises(InvalidRequestError, match="at most 1"):
        Sora2(prompt="x", image=FIRST, image_urls=["https://example.com/a.jpg"])


@pytest.mark.parametrize("text", ["/etc/passwd", "file:/etc/passwd", "file:///etc/passwd", "picture:../x.jpg"])
def test_text_never_becomes_a_file_of_this_machine(text: str) -> None:
    for fields in ({"image": text}, {"image_urls": [text]}):
        with pytest.raises(InvalidRequestError):
            parse_request({"model": "sora-2", "prompt": "x", **fields})  # type: ignore[dict-item]
    with pytest.raises(ValidationError):
        Sora2.model_validate({"prompt": "x", "image_urls": [text]})


def test_a_model_without_images_takes_none() -> None:
    with pytest.raises(InvalidRequestError, match="image is not a field of suno-v5"):
        SunoV5.made_of({"prompt": "x", "image": FIRST})


def test_what_was_read_survives_a_record() -> None:
    request = with_images(Sora2(prompt="x", image=FIRST), {f"file:{FIRST}": NAME})
    assert request.image_urls == (NAME,)
    assert parse_request(request_to_data(request)) == request
    assert (local_in(request), named(NAME), named("https://example.com")) == ((NAME,), ("ab" * 32, "jpg"), None)
    assert request.media_urls() == ()
