"""What is to be rendered for a request: kind, size, length, seed and the pictures it starts from. Pure.

The numbers are api.md §2's; where the service's own choice is not documented (the pixels of an image, of ``kling-3.0``
and of ``veo-3``), the choice made here is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from random import Random
from typing import Generic, TypeVar

from pydantic import JsonValue

from aivideo_async.core.models import JsonObject, Kind

C = TypeVar("C")
D = TypeVar("D")

FRAMES_PER_SECOND = 24
SHORT_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}
IMAGE_AREA = {"1k": 1024, "2k": 2048, "4k": 4096}
LONG_SIDE_4K = 3840
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21", "5:4", "4:5", "2:1", "1:2",
          "4:1", "1:4", "8:1", "1:8")  # fmt: skip
CHOSEN_BY_INPUT = {"auto", "adaptive"}
SUFFIX = {"video": "mp4", "image": "jpg", "music": "mp3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPlan:
    """What one task makes. ``ratio`` is ``None`` where the first image decides; ``seconds`` is 0 for an image.

    ``first`` and ``last`` are URLs of the pictures that the clip begins and ends with; ``last_frame`` asks for the
    clip's last frame as a file of its own; ``sound`` is ``False`` for a silent audio track.
    """

    kind: Kind
    model: str
    prompt: str
    seed: int
    resolution: str = "720p"
    ratio: str | None = None
    seconds: int = 0
    suffix: str = "mp4"
    first: str | None = None
    last: str | None = None
    last_frame: bool = False
    sound: bool = True
    title: str = ""

    def size(self, ratio: str) -> tuple[int, int]:
        """Pixels of a picture of this ``ratio``: even numbers for a clip, exactly in the ratio for an image."""
        wide, high = (int(part) for part in ratio.split(":"))
        if self.kind == "video":
            unit = SHORT_SIDE[self.resolution] / min(wide, high)
            return round(wide * unit / 2) * 2, round(high * unit / 2) * 2
        area = IMAGE_AREA.get(self.resolution.lower(), 512)
        times = max(1, int(area / sqrt(wide * high)))
        if self.model == "gpt-image-2" and self.resolution.lower() == "4k":
            times = LONG_SIDE_4K // max(wide, high)
        return wide * times, high * times

    def metadata(self, ratio: str) -> dict[str, JsonValue]:
        """``output.metadata`` as the service words it (api.md §3); for music the tracks are added by who made them."""
        if self.kind == "music":
            return {}
        shape: dict[str, JsonValue] = {"ratio": ratio, "seed": self.seed, "resolution": self.resolution}
        if self.kind == "image":
            return shape
        return {**shape, "duration": self.seconds, "framespersecond": FRAMES_PER_SECOND}


class UnreadablePictureError(Exception):
    """A picture that a request names is none that can be read."""


@dataclass(frozen=True, slots=True)
class Made(Generic[C]):
    """One file: its bytes, or whatever stands for them. ``title`` and ``seconds`` are a song's."""

    suffix: str
    data: C
    title: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Work(Generic[C]):
    """All files of one task: results, a song's covers in step with them, a clip's last frame; and the ratio used."""

    files: tuple[Made[C], ...]
    ratio: str
    covers: tuple[Made[C], ...] = ()
    last_frame: Made[C] | None = None

    def __iter__(self) -> Iterator[Made[C]]:
        """Every file there is."""
        yield from self.files
        yield from self.covers
        if self.last_frame is not None:
            yield self.last_frame

    def kept(self, keep: Callable[[C], D]) -> Work[D]:
        """The same work with what ``keep`` gives for the bytes of each file."""

        def of(made: Made[C]) -> Made[D]:
            return Made(made.suffix, keep(made.data), made.title, made.seconds)

        last_frame = None if self.last_frame is None else of(self.last_frame)
        return Work(tuple(map(of, self.files)), self.ratio, tuple(map(of, self.covers)), last_frame)


def plan_of(kind: Kind, model: str, fields: JsonObject, draw: Random) -> MediaPlan:
    """The plan of a request whose ``fields`` were checked; ``draw`` gives a seed where the request has none."""
    drawn = draw.randrange(2**31)
    seed = fields.get("seed", fields.get("seeds"))
    first, last = pictures(kind, model, fields)
    return MediaPlan(
        kind=kind,
        model=model,
        prompt=prompt_of(fields),
        seed=seed if isinstance(seed, int) and seed >= 0 else drawn,
        resolution=resolution_of(kind, fields),
        ratio=ratio_of(kind, fields, fitted=first is not None),
        seconds=seconds_of(kind, fields),
        suffix="png" if fields.get("output_format") == "png" else SUFFIX[kind],
        first=first,
        last=last,
        last_frame=fields.get("return_last_frame") is True,
        sound=fields.get("sound", fields.get("generate_audio", True)) is not False,
        title=str(fields.get("title") or ""),
    )


def pictures(kind: Kind, model: str, fields: JsonObject) -> tuple[str | None, str | None]:
    """The URLs of a clip's first and last frame, where the request means its images so (api.md §2), or of the image
    that is to be edited.
    """
    urls = texts(fields.get("image_urls"))
    means_frames = (
        kind == "image"
        or model in {"sora-2", "kling-3.0"}
        or "image-to-video" in model
        or str(fields.get("generation_type", "")).lower().startswith("first_and_last_frames")
    )
    if not urls or not means_frames:
        return None, None
    return urls[0], urls[1] if len(urls) == 2 and kind == "video" and "grok" not in model else None


def prompt_of(fields: JsonObject) -> str:
    """The prompt, or what stands for it: the first shot's, a song's title and style."""
    shots = fields.get("multi_prompt")
    first = shots[0] if isinstance(shots, list) and shots else None
    shot = first.get("prompt") if isinstance(first, Mapping) else None
    named = (fields.get("prompt"), shot, fields.get("title"), fields.get("style"))
    return next((text for text in named if isinstance(text, str) and text), "")


def resolution_of(kind: Kind, fields: JsonObject) -> str:
    """The resolution's name; where a model has only a mode, ``pro`` is 1080p."""
    default = {"video": "1080p" if fields.get("mode") == "pro" else "720p", "image": "1K", "music": ""}[kind]
    return str(fields.get("resolution") or default)


def ratio_of(kind: Kind, fields: JsonObject, *, fitted: bool) -> str | None:
    """The ratio asked for; ``None`` when it is left open and there is a picture to take it from."""
    size, ratio = fields.get("size"), fields.get("aspect_ratio")
    if isinstance(size, str):
        wide, high = (int(part) for part in size.split("x"))
        return nearest_ratio(wide / high)
    if isinstance(ratio, str) and ratio.lower() not in CHOSEN_BY_INPUT:
        return ratio
    return None if fitted else {"video": "16:9", "image": "1:1", "music": "1:1"}[kind]


def seconds_of(kind: Kind, fields: JsonObject) -> int:
    """The clip's length in seconds; several shots add up, ``veo-3`` always makes eight."""
    shots = fields.get("multi_prompt")
    if fields.get("multi_shots") is True and isinstance(shots, list) and shots:
        lengths = [shot.get("duration") for shot in shots if isinstance(shot, Mapping)]
        return sum(length for length in lengths if isinstance(length, int))
    duration = fields.get("duration")
    return 0 if kind != "video" else duration if isinstance(duration, int) else 8


def nearest_ratio(value: float) -> str:
    """The named ratio nearest to width / height."""
    return min(RATIOS, key=lambda name: abs(int(name.split(":")[0]) / int(name.split(":")[1]) / value - 1))


def texts(value: JsonValue) -> list[str]:
    """The texts of a JSON list; nothing for anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
