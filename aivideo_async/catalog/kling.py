"""Kling 3.0 (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, NOT_BLANK, ImageUrl, MediaUrl, RequestPart, TimedVideoRequest
from aivideo_async.core.errors import FieldProblem


class KlingShot(RequestPart, frozen=True):
    """One shot of several: what happens in it and how many seconds it takes."""

    prompt: Annotated[str, Field(max_length=500), NOT_BLANK]
    duration: Annotated[int, Field(ge=1, le=12)]


class KlingElement(RequestPart, frozen=True):
    """A thing or person that keeps its looks, shown from two to four sides and named in the prompt."""

    name: Annotated[str, NOT_BLANK]
    description: str
    element_input_urls: Annotated[Sequence[MediaUrl], Field(min_length=2, max_length=4), AS_TUPLE]


class Kling3(TimedVideoRequest, frozen=True):
    """A clip of 3 to 15 seconds from text, a first and a last frame, or up to five shots in ``multi_prompt``."""

    model: Literal["kling-3.0"] = "kling-3.0"
    prompt: Annotated[str | None, Field(max_length=2500)] = None
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=2), AS_TUPLE] = ()
    mode: Literal["std", "pro"] = "std"
    aspect_ratio: Literal["16:9", "9:16", "1:1"] = "16:9"
    duration: Annotated[int, Field(ge=3, le=15)] = 5
    sound: bool = False
    multi_shots: bool = False
    multi_prompt: Annotated[Sequence[KlingShot], Field(max_length=5), AS_TUPLE] = ()
    kling_elements: Annotated[Sequence[KlingElement], Field(max_length=3), AS_TUPLE] = ()

    def rules(self) -> Iterator[FieldProblem]:
        """Something to go by; several shots only when they are asked for, and then no last frame."""
        if not ((self.prompt or "").strip() or self.image_urls or self.multi_prompt):
            yield FieldProblem("prompt", "one of prompt, image_urls and multi_prompt is required")
        if self.multi_prompt and not self.multi_shots:
            yield FieldProblem("multi_shots", "multi_prompt needs multi_shots", "False", meant="True")
        if self.multi_shots and len(self.image_urls) > 1:
            message = "multi_shots takes a first frame and no last one"
            yield FieldProblem("image_urls", message, str(len(self.image_urls)), "at most 1 http(s) URLs")

    def price_variant(self) -> str:
        """The mode, and whether there is sound."""
        return f"{self.mode} with sound" if self.sound else self.mode

    def billed_units(self) -> tuple[int, int]:
        """Seconds; where the shots add up to another length than ``duration``, nobody has said which one counts."""
        shots = sum(shot.duration for shot in self.multi_prompt) or self.duration
        return min(shots, self.duration), max(shots, self.duration)
