"""Wan 2.6 and 2.7 (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, MediaUrl, TimedVideoRequest
from aivideo_async.core.errors import FieldProblem


class _Wan(TimedVideoRequest, frozen=True):
    negative_prompt: Annotated[str | None, Field(max_length=500)] = None
    resolution: Literal["720p", "1080p"] = "1080p"
    duration: Annotated[int, Field(ge=2, le=15)] = 5
    audio_urls: Annotated[Sequence[MediaUrl], AS_TUPLE] = ()
    prompt_extend: bool = True
    watermark: bool = False
    seed: Annotated[int | None, Field(ge=0, le=2147483647)] = None

    def price_variant(self) -> str:
        """The resolution."""
        return self.resolution


class _Wan26(_Wan, frozen=True):
    shot_type: Literal["single", "multi"] = "single"

    def rules(self) -> Iterator[FieldProblem]:
        """Several shots are written by the service's own extension of the prompt."""
        if self.shot_type == "multi" and not self.prompt_extend:
            yield FieldProblem("prompt_extend", "shot_type multi needs prompt_extend", "False", meant="True")


class Wan27TextToVideo(_Wan, frozen=True):
    """A clip of 2 to 15 seconds from text."""

    model: Literal["wan-2.7-text-to-video"] = "wan-2.7-text-to-video"
    prompt: Annotated[str, Field(max_length=5000), NOT_BLANK]


class Wan27ImageToVideo(_Wan, frozen=True):
    """A clip of 2 to 15 seconds from a first frame, and to a last one where there are two images."""

    model: Literal["wan-2.7-image-to-video"] = "wan-2.7-image-to-video"
    prompt: Annotated[str | None, Field(max_length=5000)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(min_length=1, max_length=2), AS_TUPLE]


class Wan27ReferenceToVideo(_Wan, frozen=True):
    """A clip of 2 to 15 seconds after reference images, videos or both; how many is not documented."""

    model: Literal["wan-2.7-reference-to-video"] = "wan-2.7-reference-to-video"
    prompt: Annotated[str, Field(max_length=5000), NOT_BLANK]
    image_urls: Annotated[Sequence[ImageUrl], AS_TUPLE] = ()
    video_urls: Annotated[Sequence[MediaUrl], AS_TUPLE] = ()

    def rules(self) -> Iterator[FieldProblem]:
        """A reference is needed."""
        yield from _without_reference(self.image_urls, self.video_urls)


class Wan27VideoEdit(_Wan, frozen=True):
    """A video changed as the prompt says; the field's name follows the other models'."""

    model: Literal["wan-2.7-video-edit"] = "wan-2.7-video-edit"
    prompt: Annotated[str, Field(max_length=5000), NOT_BLANK]
    video_urls: Annotated[Sequence[MediaUrl], Field(min_length=1), AS_TUPLE]


class Wan26TextToVideo(_Wan26, frozen=True):
    """A clip of 2 to 15 seconds from text, in one shot or several."""

    model: Literal["wan-2.6-text-to-video"] = "wan-2.6-text-to-video"
    prompt: Annotated[str, Field(max_length=1500), NOT_BLANK]


class Wan26ImageToVideo(_Wan26, frozen=True):
    """A clip of 2 to 15 seconds from one first frame."""

    model: Literal["wan-2.6-image-to-video"] = "wan-2.6-image-to-video"
    prompt: Annotated[str | None, Field(max_length=1500)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(min_length=1, max_length=1), AS_TUPLE]


class Wan26ReferenceToVideo(_Wan26, frozen=True):
    """A clip of 2 to 15 seconds after reference images, videos or both; how many is not documented."""

    model: Literal["wan-2.6-reference-to-video"] = "wan-2.6-reference-to-video"
    prompt: Annotated[str, Field(max_length=1500), NOT_BLANK]
    image_urls: Annotated[Sequence[ImageUrl], AS_TUPLE] = ()
    video_urls: Annotated[Sequence[MediaUrl], AS_TUPLE] = ()

    def rules(self) -> Iterator[FieldProblem]:
        """A reference is needed."""
        yield from super().rules()
        yield from _without_reference(self.image_urls, self.video_urls)


def _without_reference(images: Sequence[str], videos: Sequence[str]) -> Iterator[FieldProblem]:
    if not images and not videos:
        yield FieldProblem("image_urls", "one of image_urls and video_urls is required")
