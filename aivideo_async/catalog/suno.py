"""Suno v5 and v5.5 (api.md §2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from aivideo_async.catalog.base import MusicRequest
from aivideo_async.core.errors import FieldProblem

_LONGEST_IDEA = 500


class _Suno(MusicRequest, frozen=True):
    prompt: Annotated[str | None, Field(max_length=3000)] = None
    custom_mode: bool = False
    instrumental: bool = False
    title: Annotated[str | None, Field(max_length=80)] = None
    style: Annotated[str | None, Field(max_length=200)] = None
    negative_tags: Annotated[str | None, Field(max_length=200)] = None
    vocal_gender: Literal["m", "f"] | None = None
    style_weight: Annotated[float | None, Field(ge=0, le=1)] = None
    weirdness_constraint: Annotated[float | None, Field(ge=0, le=1)] = None
    audio_weight: Annotated[float | None, Field(ge=0, le=1)] = None

    def rules(self) -> Iterator[FieldProblem]:
        """Simple mode has an idea and no more; custom mode has a title, a style and, in ``prompt``, the lyrics."""
        yield from self._custom_rules() if self.custom_mode else self._simple_rules()

    def _custom_rules(self) -> Iterator[FieldProblem]:
        for name, text in (("title", self.title), ("style", self.style)):
            if not (text or "").strip():
                yield FieldProblem(name, f"{name} is required with custom_mode")

    def _simple_rules(self) -> Iterator[FieldProblem]:
        prompt = self.prompt or ""
        if not prompt.strip():
            yield FieldProblem("prompt", "prompt is required without custom_mode")
        if len(prompt) > _LONGEST_IDEA:
            message = f"prompt has {len(prompt)} characters and custom_mode is off"
            yield FieldProblem("prompt", message, allowed=f"text of at most {_LONGEST_IDEA} characters")
        for name, text in (("title", self.title), ("style", self.style)):
            if text is not None:
                yield FieldProblem("custom_mode", f"{name} needs custom_mode", "False", meant="True")


class SunoV5(_Suno, frozen=True):
    """Several tracks from an idea, or from title, style and lyrics with ``custom_mode``."""

    model: Literal["suno-v5"] = "suno-v5"


class SunoV55(_Suno, frozen=True):
    """As SunoV5, of version 5.5."""

    model: Literal["suno-v5_5"] = "suno-v5_5"
