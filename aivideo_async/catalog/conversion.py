"""The same intention for another model: the nearest that it allows, and what had to change."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, cast, get_args, get_origin

from pydantic import JsonValue
from pydantic.fields import FieldInfo

from aivideo_async.catalog.base import TypedRequest
from aivideo_async.catalog.problems import bare, limit, refusal, shown
from aivideo_async.core.errors import FieldProblem
from aivideo_async.core.models import GenerationRequest

SOUND = ("generate_audio", "sound")
CARRIED = ("negative_prompt", "seed", "seeds", "watermark")
"""Beside the intention itself: fields that mean the same wherever they are called the same."""
_FREE = ("auto", "adaptive")
_TWO_NUMBERS = re.compile(r"(\d{1,5})[x:](\d{1,5})")
_TIER = re.compile(r"(\d{1,4})([pk])", re.IGNORECASE)
_PIXELS_OF_K = 1024


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was asked for. ``after`` is ``None`` where the model has nothing for it."""

    field: str
    before: str
    after: str | None

    def __str__(self) -> str:
        return f"{self.field}: {self.before} " + ("is left out" if self.after is None else f"becomes {self.after}")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A request for another model, and how it differs from what it was made of."""

    request: GenerationRequest
    changes: tuple[Change, ...] = ()


def converted(request: GenerationRequest, target: type[TypedRequest]) -> Conversion:
    """The request as one for ``target``. Raises InvalidRequestError where that cannot carry the intention at all."""
    kind = target.model_fields["kind"].default
    if kind != request.kind:
        message = f"{target.model_fields['model'].default} makes {kind}, and this is a request for {request.kind}"
        raise refusal(request.model, [FieldProblem("model", message)])
    work = _Work(target.model_fields, dict(request.fields()))
    work.prompt()
    work.duration()
    work.frame()
    work.first_image()
    work.sound()
    work.carried()
    work.rest(type(request).model_fields)
    return Conversion(target.made_of(work.made), tuple(work.changes))


@dataclass(slots=True)
class _Work:
    """One conversion: the target's fields, what is left of the source, what was made, what changed."""

    target: Mapping[str, FieldInfo]
    source: dict[str, JsonValue]
    made: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    changes: list[Change] = field(default_factory=list[Change])

    def _put(self, name: str, wanted: JsonValue, value: JsonValue, *, said: str | None = None) -> None:
        self.made[name] = value
        if wanted != value:
            self.changes.append(Change(name, said or shown(wanted), shown(value)))

    def _drop(self, name: str, wanted: JsonValue) -> None:
        self.changes.append(Change(name, shown(wanted), None))

    def prompt(self) -> None:
        """The prompt, or the shots one after another; cut after a word where it is too long."""
        wanted, shots = self.source.pop("prompt", None), self.source.pop("multi_prompt", None)
        if not wanted and isinstance(shots, list):
            wanted = " ".join(str(shot["prompt"]) for shot in shots if isinstance(shot, dict) and "prompt" in shot)
            self._put("prompt", shots, wanted, said=f"{len(shots)} shots")
        elif shots:
            self._drop("multi_prompt", f"{len(shots) if isinstance(shots, list) else 1} shots")
        if not isinstance(wanted, str) or not wanted:
            return
        longest = limit(self.target["prompt"], "max_length")
        text = wanted if longest is None or len(wanted) <= longest else _cut(wanted, longest)
        self._put("prompt", wanted, text, said=f"{len(wanted)} characters")

    def duration(self) -> None:
        """The nearest length; of two that are as near the longer one."""
        wanted = self.source.pop("duration", None)
        if not isinstance(wanted, int | float) or isinstance(wanted, bool):
            return
        if "duration" not in self.target:
            self._drop("duration", wanted)
            return
        options = _choices(self.target["duration"])
        low, high = limit(self.target["duration"], "ge"), limit(self.target["duration"], "le")
        if options:
            seconds = min((int(option) for option in options), key=lambda option: (abs(option - wanted), -option))
        else:
            seconds = max(low or 1, min(high or math.ceil(wanted), math.ceil(wanted)))
        self._put("duration", wanted, seconds)

    def frame(self) -> None:
        """The nearest ratio and the nearest resolution, whichever fields say them here and there."""
        size, ratio = self.source.pop("size", None), self.source.pop("aspect_ratio", None)
        wanted = size if isinstance(size, str) else ratio
        if isinstance(wanted, str):
            self._ratio("size" if isinstance(size, str) else "aspect_ratio", wanted)
        resolution = self.source.get("resolution")
        lines = _lines_of(resolution if isinstance(resolution, str) else str(size or ""))
        if lines is None or "resolution" not in self.target:
            if self._says(lines):
                self.source.pop("resolution", None)
            return
        self.source.pop("resolution", None)
        options = {option: _lines_of(option) or 0 for option in _choices(self.target["resolution"])}
        nearest = min(options, key=lambda option: (abs(options[option] - lines), -options[option]))
        self.made["resolution"] = nearest
        if options[nearest] != lines:
            self.changes.append(Change("resolution", str(resolution or size), nearest))

    def _says(self, lines: int | None) -> bool:
        """Whether the size that was chosen has these lines; what was not said is left to ``rest`` to tell."""
        return _lines_of(str(self.made.get("size", ""))) == lines

    def _ratio(self, source: str, wanted: str) -> None:
        name = next((name for name in ("aspect_ratio", "size") if name in self.target), None)
        if name is None:
            self._drop(source, wanted)
            return
        options, shape = _choices(self.target[name]), _shape(wanted)
        if shape is None:
            free = next((option for option in options if option.lower() in _FREE), None)
            if free is not None:
                self.made[name] = free
            return
        shaped = {option: found for option in options if (found := _shape(option)) is not None}
        nearest = min(shaped, key=lambda option: abs(math.log(shaped[option] / shape)))
        self.made[name] = nearest
        if shaped[nearest] != shape:
            self.changes.append(Change(name, wanted, nearest))

    def first_image(self) -> None:
        """The first of the images; the model is told that it is the first frame where it was one."""
        images, way = self.source.pop("image_urls", None), self.source.pop("generation_type", None)
        if not isinstance(images, list) or not images:
            return
        if "image_urls" not in self.target:
            self._drop("image_urls", f"{len(images)} images")
            return
        is_reference = way in {"REFERENCE_2_VIDEO", "omni_reference"}
        most = limit(self.target["image_urls"], "max_length") or len(images)
        kept = images[: min(most, len(images)) if is_reference else 1]
        self.made["image_urls"] = [*kept]
        if len(kept) < len(images):
            self.changes.append(Change("image_urls", f"{len(images)} images", f"{len(kept)} of them"))
        if "generation_type" in self.target:
            wanted = ("reference",) if is_reference else ("first_and_last", "reference")
            ways = _choices(self.target["generation_type"])
            self.made["generation_type"] = next(one for word in wanted for one in ways if word in one.lower())

    def sound(self) -> None:
        """Whether there is to be sound, where both sides have a word for it."""
        names = [name for name in SOUND if name in self.source]
        wanted = self.source.pop(names[0]) if names else None
        name = next((name for name in SOUND if name in self.target), None)
        if not isinstance(wanted, bool):
            return
        if name is not None:
            self.made[name] = wanted
        elif wanted:
            self._drop(names[0], wanted)

    def carried(self) -> None:
        """What means the same under the same name, and fits."""
        for name in CARRIED:
            if name in self.source and name in self.target and _fits(self.target[name], self.source[name]):
                self.made[name] = self.source.pop(name)

    def rest(self, fields: Mapping[str, FieldInfo]) -> None:
        """What was asked for beyond that, and is no default, is left out and told."""
        for name, value in self.source.items():
            default: object = fields[name].get_default() if name in fields else None
            if value != default and not (value == [] and default == ()):
                self._drop(name, value)


def _cut(text: str, longest: int) -> str:
    kept = text[:longest]
    return kept.rpartition(" ")[0].rstrip() or kept


def _choices(info: FieldInfo) -> Sequence[str]:
    annotation = bare(info.annotation)
    return [str(option) for option in get_args(annotation)] if get_origin(annotation) is Literal else []


def _shape(text: str) -> Fraction | None:
    match = _TWO_NUMBERS.fullmatch(text)
    return Fraction(int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else None


def _lines_of(text: str) -> int | None:
    """The lines of a picture: of ``720p``, ``1280x720``, ``2K``."""
    if match := _TIER.fullmatch(text):
        return int(match[1]) * (1 if match[2].lower() == "p" else _PIXELS_OF_K)
    match = _TWO_NUMBERS.fullmatch(text) if "x" in text else None
    return min(int(match[1]), int(match[2])) if match else None


def _fits(info: FieldInfo, value: JsonValue) -> bool:
    annotation = bare(info.annotation)
    if not isinstance(annotation, type) or type(value) is not annotation:
        return False
    if isinstance(value, str):
        longest = limit(info, "max_length")
        return longest is None or len(value) <= longest
    low, high = limit(info, "ge"), limit(info, "le")
    number = cast("int", value)
    return (low is None or number >= low) and (high is None or number <= high)


def told(changes: Iterable[Change]) -> str:
    """Changes in one line."""
    return "; ".join(map(str, changes))
