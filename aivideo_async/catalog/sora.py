"""Sora 2 (api.md §2; the flat body is the product page's)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, TimedVideoRequest
from aivideo_async.core.models import BodyForm


class Sora2(TimedVideoRequest, frozen=True):
    """A clip of 4, 8 or 12 seconds from text, or from a first frame in ``image_urls``."""

    model: Literal["sora-2"] = "sora-2"
    prompt: Annotated[str, Field(max_length=5000), NOT_BLANK]
    duration: Literal[4, 8, 12] = 8
    size: Literal["1280x720", "720x1280"] = "1280x720"
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=1), AS_TUPLE] = ()

    def body_forms(self) -> tuple[BodyForm, ...]:
        """Flat first, as on the product page; every docs page has the nested form (api.md §1)."""
        return ("flat", "nested")
