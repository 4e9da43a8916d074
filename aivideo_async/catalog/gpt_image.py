"""GPT Image 2 (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, ImageRequest, ImageUrl
from aivideo_async.core.errors import FieldProblem

_RATIOS_OF_4K = ("16:9", "9:16", "2:1", "1:2", "21:9", "9:21")


class GptImage2(ImageRequest, frozen=True):
    """An image from text, from up to 16 images, or both. Resolutions have a small k; 4k is for wide and tall images."""

    model: Literal["gpt-image-2"] = "gpt-image-2"
    prompt: Annotated[str | None, Field(max_length=20000)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=16), AS_TUPLE] = ()
    resolution: Literal["1k", "2k", "4k"] = "1k"
    aspect_ratio: Literal[
        "auto", "1:1", "5:4", "4:3", "3:2", "16:9", "21:9", "9:16", "4:5", "3:4", "2:3", "2:1", "1:2", "9:21"
    ] = "auto"

    def rules(self) -> Iterator[FieldProblem]:
        """Something to go by, and for 4k one of the wide or tall ratios."""
        if not ((self.prompt or "").strip() or self.image_urls):
            yield FieldProblem("prompt", "one of prompt and image_urls is required")
        if self.resolution == "4k" and self.aspect_ratio not in _RATIOS_OF_4K:
            allowed = ", ".join(_RATIOS_OF_4K)
            message = f"resolution 4k does not go with aspect_ratio {self.aspect_ratio}"
            yield FieldProblem("aspect_ratio", message, self.aspect_ratio, allowed)

    def price_variant(self) -> str:
        """The resolution."""
        return self.resolution
