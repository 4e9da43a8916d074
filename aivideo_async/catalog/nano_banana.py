"""Nano Banana 2 (api.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageRequest, ImageUrl


class NanoBanana2(ImageRequest, frozen=True):
    """An image from text, or from text and up to 14 images. Resolutions have a capital K."""

    model: Literal["nano-banana-2"] = "nano-banana-2"
    prompt: Annotated[str, Field(max_length=20000), NOT_BLANK]
    resolution: Literal["1K", "2K", "4K"] = "1K"
    aspect_ratio: Literal[
        "auto", "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"
    ] = "auto"
    output_format: Literal["jpg", "png"] = "jpg"
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=14), AS_TUPLE] = ()

    def price_variant(self) -> str:
        """The resolution."""
        return self.resolution
