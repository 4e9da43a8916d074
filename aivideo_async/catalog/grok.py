"""Grok Imagine (api.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, TimedVideoRequest


class _GrokImagine(TimedVideoRequest, frozen=True):
    aspect_ratio: Literal["2:3", "3:2", "1:1", "16:9", "9:16"] = "2:3"
    duration: Annotated[int, Field(ge=6, le=30)] = 6
    resolution: Literal["480p", "720p"] = "480p"

    def price_variant(self) -> str:
        """The resolution."""
        return self.resolution


class GrokImagineTextToVideo(_GrokImagine, frozen=True):
    """A clip of 6 to 30 seconds from text."""

    model: Literal["grok-imagine-text-to-video"] = "grok-imagine-text-to-video"
    prompt: Annotated[str, Field(max_length=5000), NOT_BLANK]
    mode: Literal["fun", "normal", "spicy"] = "normal"


class GrokImagineImageToVideo(_GrokImagine, frozen=True):
    """A clip of 6 to 30 seconds from one to seven images."""

    model: Literal["grok-imagine-image-to-video"] = "grok-imagine-image-to-video"
    prompt: Annotated[str | None, Field(max_length=5000)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(min_length=1, max_length=7), AS_TUPLE]
    mode: Literal["fun", "normal"] = "normal"
