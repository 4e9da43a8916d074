"""HappyHorse 1.0 (api.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, MediaUrl, TimedVideoRequest

_AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]


class _HappyHorse(TimedVideoRequest, frozen=True):
    resolution: Literal["720p", "1080p"] = "720p"
    duration: Annotated[int, Field(ge=3, le=15)] = 5
    seed: Annotated[int | None, Field(ge=0, le=2147483647)] = None

    def price_variant(self) -> str:
        """The resolution."""
        return self.resolution


class HappyHorse1TextToVideo(_HappyHorse, frozen=True):
    """A clip of 3 to 15 seconds from text."""

    model: Literal["happyhorse-1.0-text-to-video"] = "happyhorse-1.0-text-to-video"
    prompt: Annotated[str, Field(max_length=2500), NOT_BLANK]
    aspect_ratio: _AspectRatio = "16:9"


class HappyHorse1ImageToVideo(_HappyHorse, frozen=True):
    """A clip of 3 to 15 seconds from one image, in the image's own shape."""

    model: Literal["happyhorse-1.0-image-to-video"] = "happyhorse-1.0-image-to-video"
    prompt: Annotated[str | None, Field(max_length=2500)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(min_length=1, max_length=1), AS_TUPLE]


class HappyHorse1ReferenceToVideo(_HappyHorse, frozen=True):
    """A clip of 3 to 15 seconds after one to nine reference images."""

    model: Literal["happyhorse-1.0-reference-to-video"] = "happyhorse-1.0-reference-to-video"
    prompt: Annotated[str, Field(max_length=2500), NOT_BLANK]
    image_urls: Annotated[Sequence[ImageUrl], Field(min_length=1, max_length=9), AS_TUPLE]
    aspect_ratio: _AspectRatio = "16:9"


class HappyHorse1VideoEdit(_HappyHorse, frozen=True):
    """A video changed as the prompt says.

    How many videos it takes is not documented, only that it edits one; the field's name follows the other models'.
    """

    model: Literal["happyhorse-1.0-video-edit"] = "happyhorse-1.0-video-edit"
    prompt: Annotated[str, Field(max_length=2500), NOT_BLANK]
    video_urls: Annotated[Sequence[MediaUrl], Field(min_length=1), AS_TUPLE]
    aspect_ratio: _AspectRatio = "16:9"
