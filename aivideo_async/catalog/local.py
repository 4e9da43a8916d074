"""Pictures of this machine among a request's images: a path at first, then the name of its bytes, at last a URL.

``Sora2(image=Path("first.jpg"), …)`` holds a LocalPicture. Once it was read it is ``picture:<sha256>.<suffix>``, which
is what records keep: it depends on what is in the file, and names no path. Only code can name a path; text that comes
from elsewhere, from a web form for one, never becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TypeVar

from pydantic import ValidatorFunctionWrapHandler

from aivideo_async.core.models import GenerationRequest

R = TypeVar("R", bound=GenerationRequest)

_NAME = re.compile(r"picture:([0-9a-f]{64})\.([a-z]{3,4})")
_IMAGES = "image_urls"


class LocalPicture(str):
    """A file of this machine that is to be an input picture, as text ``file:`` and its path."""

    __slots__ = ()

    @classmethod
    def at(cls, path: PurePath) -> LocalPicture:
        """The picture in this file, which is not looked at yet."""
        return cls(f"file:{path}")

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.removeprefix("file:"))


def name_of(sha256: str, suffix: str) -> str:
    """What a picture is called once it was read; ``sha256`` is in hex."""
    return f"picture:{sha256}.{suffix}"


def named(text: str) -> tuple[str, str] | None:
    """Hash and suffix of a picture that was read, ``None`` for any other text."""
    found = _NAME.fullmatch(text)
    return None if found is None else (found[1], found[2])


def image_or(value: object, otherwise: ValidatorFunctionWrapHandler) -> str:
    """A picture of this machine as it stands, and anything else as it is judged ``otherwise``."""
    if isinstance(value, LocalPicture) or (isinstance(value, str) and named(value)):
        return value
    made: str = LocalPicture.at(value) if isinstance(value, PurePath) else otherwise(value)
    return made


def with_image(data: dict[str, object], fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a request with ``image``, where it is a path, as the first of its images."""
    image, given = data.get("image"), data.get(_IMAGES, ())
    if not isinstance(image, PurePath) or _IMAGES not in fields or not isinstance(given, (list, tuple)):
        return data
    rest = {name: value for name, value in data.items() if name != "image"}
    return {**rest, _IMAGES: (image, *given)}


def local_in(request: GenerationRequest) -> tuple[str, ...]:
    """The pictures of this machine among a request's images, read or not, in their order."""
    images: tuple[str, ...] = getattr(request, _IMAGES, ())
    return tuple(image for image in images if isinstance(image, LocalPicture) or image.startswith("picture:"))


def with_images(request: R, others: Mapping[str, str]) -> R:
    """The request with some of its images replaced, and nothing validated."""
    images: tuple[str, ...] = getattr(request, _IMAGES, ())
    return request.model_copy(update={_IMAGES: tuple(others.get(image, image) for image in images)})
