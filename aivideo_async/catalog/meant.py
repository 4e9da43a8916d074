"""What was probably meant by a field, a value or a model that does not exist.

Hints only: nothing here changes a request. The confusions are those of api.md §6, row 12.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction

_IMAGES = ("image_urls", "element_input_urls")
_RATIO = ("aspect_ratio", "size")
_RESOLUTION = ("resolution", "size")
_SOUND = ("generate_audio", "sound")

# A name that other services or other models use, without case and punctuation -> our fields, the likeliest first.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("image", "images", "img", "imgurl", "imageurl", "inputimage", "inputreference"), _IMAGES),
    **dict.fromkeys(("firstframe", "firstframeurl", "startimage", "referenceimage", "referenceimages"), _IMAGES),
    **dict.fromkeys(
        ("video", "videos", "videourl", "inputvideo", "referencevideo", "referencevideos"), ("video_urls",)
    ),
    **dict.fromkeys(("audio", "audiourl", "music", "referenceaudio"), ("audio_urls", *_SOUND)),
    **dict.fromkeys(("withaudio", "generateaudio", "sound", "enableaudio"), _SOUND),
    **dict.fromkeys(("ratio", "aspect", "aspectratio", "orientation"), _RATIO),
    **dict.fromkeys(("size", "dimensions", "width", "height"), ("size", "aspect_ratio", "resolution")),
    **dict.fromkeys(("resolution", "definition"), _RESOLUTION),
    **dict.fromkeys(("quality", "tier"), ("mode", "resolution", "size")),
    **dict.fromkeys(("seconds", "length", "time", "nseconds", "durationseconds", "videolength"), ("duration",)),
    **dict.fromkeys(("text", "description", "input", "caption", "lyrics"), ("prompt",)),
    **dict.fromkeys(("negative", "negativeprompt", "negativetags", "exclude"), ("negative_prompt", "negative_tags")),
    **dict.fromkeys(("tags", "genre"), ("style",)),
    **dict.fromkeys(("gender", "voice"), ("vocal_gender",)),
    **dict.fromkeys(("weirdness",), ("weirdness_constraint",)),
    **dict.fromkeys(("elements",), ("kling_elements",)),
    **dict.fromkeys(("shots", "scenes"), ("multi_prompt", "multi_shots", "shot_type")),
    **dict.fromkeys(("multishot", "multishots"), ("multi_shots", "shot_type")),
    **dict.fromkeys(("format",), ("output_format",)),
    **dict.fromkeys(("promptoptimizer", "enhanceprompt", "promptextension"), ("prompt_extend",)),
    **dict.fromkeys(("lastframe", "returnlast"), ("return_last_frame",)),
    **dict.fromkeys(("type", "tasktype"), ("generation_type",)),
}

_VALUES: tuple[frozenset[str], ...] = (
    frozenset({"auto", "adaptive", "automatic"}),
    frozenset({"landscape", "horizontal", "16:9", "1280x720"}),
    frozenset({"portrait", "vertical", "9:16", "720x1280"}),
    frozenset({"square", "1:1"}),
    frozenset({"std", "standard", "normal", "fast"}),
    frozenset({"pro", "professional", "high", "hq", "quality"}),
    frozenset({"480", "480p", "sd"}),
    frozenset({"720", "720p", "hd"}),
    frozenset({"1080", "1080p", "fhd", "fullhd"}),
    frozenset({"jpg", "jpeg"}),
    frozenset({"m", "male", "man"}),
    frozenset({"f", "female", "woman"}),
)
_TWO_NUMBERS = re.compile(r"(\d{1,5})[x\u00d7*/:](\d{1,5})")
_SECONDS = re.compile(r"(\d{1,5})(?:\.0+)?(?:s|sec|secs|seconds)?")


def meant_field(name: str, fields: Collection[str]) -> str | None:
    """The one of ``fields`` that somebody who wrote ``name`` was probably after."""
    plain = _plain(name)
    for field in fields:
        if _plain(field).rstrip("s") == plain.rstrip("s"):
            return field
    for candidate in _FIELDS.get(plain, ()):
        if candidate in fields:
            return candidate
    return next(iter(get_close_matches(name.lower(), fields, n=1, cutoff=0.75)), None)


def meant_value(text: str, allowed: Iterable[str | int]) -> str | int | None:
    """The allowed value that differs from ``text`` only in spelling, unit, type or a well-known synonym."""
    options = tuple(allowed)
    word = text.strip().casefold().replace(" ", "")
    return (
        next((option for option in options if str(option).casefold() == word), None)
        or next((option for option in options if isinstance(option, int) and option == _whole(word)), None)
        or next((option for option in options if _are_synonyms(word, str(option).casefold())), None)
        or next((option for option in options if _ratio(word) is not None and _ratio(word) == _ratio(option)), None)
        or _misspelt(word, options)
    )


def meant_model(name: str, models: Iterable[str]) -> str | None:
    """The model that ``name`` is nearest to: the same letters, a part of it, the name with a suffix, or a typo."""
    plain = {_plain(model): model for model in models}
    wanted = _plain(name)
    if not wanted:
        return None
    around = sorted((known for known in plain if wanted in known), key=len)
    inside = sorted((known for known in plain if known in wanted), key=len, reverse=True)
    nearest = next(iter((*around, *inside, *get_close_matches(wanted, plain, n=1, cutoff=0.5))), None)
    return None if nearest is None else plain[nearest]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _whole(word: str) -> int | None:
    match = _SECONDS.fullmatch(word)
    return int(match[1]) if match else None


def _are_synonyms(word: str, option: str) -> bool:
    return any(word in group and option in group for group in _VALUES)


def _ratio(text: str | int) -> Fraction | None:
    match = _TWO_NUMBERS.fullmatch(str(text))
    return Fraction(int(match[1]), int(match[2])) if match and int(match[2]) else None


def _misspelt(word: str, options: tuple[str | int, ...]) -> str | None:
    """Only for words of three letters and more: in ``1080p`` or ``16:9`` one sign more is another value, not a typo."""
    words = {option.casefold(): option for option in options if isinstance(option, str)}
    if sum(letter.isalpha() for letter in word) < 3:
        return None
    return next((words[near] for near in get_close_matches(word, words, n=1, cutoff=0.6)), None)
