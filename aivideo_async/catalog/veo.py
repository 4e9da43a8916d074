"""Veo 3 (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, VideoRequest
from aivideo_async.core.errors import FieldProblem

# How many images each way of generating takes, at least and at most.
_IMAGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"TEXT_2_VIDEO": (0, 0), "FIRST_AND_LAST_FRAMES_2_VIDEO": (1, 2), "REFERENCE_2_VIDEO": (1, 3)}
)


class Veo3(VideoRequest, frozen=True):
    """A clip at a price per task, from text, between frames, or after reference images (``fast`` only).

    ``watermark`` is the text of the watermark. The seed is called ``seeds``.
    """

    model: Literal["veo-3"] = "veo-3"
    prompt: Annotated[str, NOT_BLANK]
    mode: Literal["fast", "quality"] = "fast"
    aspect_ratio: Literal["16:9", "9:16", "Auto"] = "16:9"
    generation_type: Literal["TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO"] | None = None
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=3), AS_TUPLE] = ()
    seeds: Annotated[int | None, Field(ge=10000, le=99999)] = None
    watermark: str | None = None

    def rules(self) -> Iterator[FieldProblem]:
        """Each generation type takes its own number of images; references are for ``fast``."""
        if self.generation_type is None:
            return
        low, high = _IMAGES[self.generation_type]
        if not low <= len(self.image_urls) <= high:
            allowed = f"{low} to {high} http(s) URLs" if high else "no images"
            message = f"{self.generation_type} does not go with {len(self.image_urls)} images"
            yield FieldProblem("image_urls", message, str(len(self.image_urls)), allowed)
        if self.generation_type == "REFERENCE_2_VIDEO" and self.mode != "fast":
            yield FieldProblem("mode", "REFERENCE_2_VIDEO is for mode fast", self.mode, "fast", meant="fast")

    def price_variant(self) -> str:
        """The mode."""
        return self.mode
