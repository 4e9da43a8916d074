"""Seedance 2.0 and its fast sister (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import AS_TUPLE, ImageUrl, MediaUrl, TimedVideoRequest
from aivideo_async.core.errors import FieldProblem

# A reference video runs 2 to 15 s, all of them together at most 15 s. How long they are is not known here.
_SHORTEST_REFERENCE = 2
_LONGEST_REFERENCES = 15


class _Seedance(TimedVideoRequest, frozen=True):
    prompt: str | None = None
    generation_type: Literal["omni_reference", "first_and_last_frames"] = "omni_reference"
    image_urls: Annotated[Sequence[ImageUrl], Field(max_length=9), AS_TUPLE] = ()
    video_urls: Annotated[Sequence[MediaUrl], Field(max_length=3), AS_TUPLE] = ()
    audio_urls: Annotated[Sequence[MediaUrl], Field(max_length=3), AS_TUPLE] = ()
    duration: Annotated[int, Field(ge=4, le=15)] = 5
    aspect_ratio: Literal["16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"] = "adaptive"
    resolution: Literal["480p", "720p", "1080p"] = "720p"
    generate_audio: bool = True
    watermark: bool = False
    seed: Annotated[int, Field(ge=-1, le=4294967295)] = -1
    return_last_frame: bool = False
    web_search: bool = False

    def rules(self) -> Iterator[FieldProblem]:
        """Frames need one or two images and nothing else; sound needs something to be seen."""
        if self.generation_type == "first_and_last_frames":
            if not 1 <= len(self.image_urls) <= 2:
                message = "first_and_last_frames takes its frames from image_urls"
                yield FieldProblem("image_urls", message, str(len(self.image_urls)), "1 to 2 http(s) URLs")
            for name in ("video_urls", "audio_urls"):
                if getattr(self, name):
                    message = f"{name} would be ignored with first_and_last_frames"
                    yield FieldProblem("generation_type", message, self.generation_type, meant="omni_reference")
        elif self.audio_urls and not (self.image_urls or self.video_urls):
            yield FieldProblem("audio_urls", "audio_urls cannot stand alone, add image_urls or video_urls")
        elif not (self.image_urls or self.video_urls or (self.prompt or "").strip()):
            yield FieldProblem("prompt", "prompt is required where there are neither image_urls nor video_urls")

    def price_variant(self) -> str:
        """The resolution, and whether there is a video reference."""
        return f"{self.resolution} with video" if self.video_urls else self.resolution

    def billed_units(self) -> tuple[int, int]:
        """Seconds of output, and with a video reference those of the input beside them."""
        if not self.video_urls:
            return self.duration, self.duration
        return self.duration + _SHORTEST_REFERENCE * len(self.video_urls), self.duration + _LONGEST_REFERENCES


class Seedance2(_Seedance, frozen=True):
    """A clip of 4 to 15 seconds from text, images, videos and sound together, or between two frames.

    With ``video_urls`` the input's seconds are charged too; ``last_frame_url`` comes with ``return_last_frame``.
    """

    model: Literal["doubao-seedance-2.0"] = "doubao-seedance-2.0"
    resolution: Literal["480p", "720p", "1080p"] = "720p"


class Seedance2Fast(_Seedance, frozen=True):
    """As Seedance2, sooner and cheaper, at 480p and 720p only."""

    model: Literal["doubao-seedance-2.0-fast"] = "doubao-seedance-2.0-fast"
    resolution: Literal["480p", "720p"] = "720p"
