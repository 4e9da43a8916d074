from __future__ import annotations

import re
from pathlib import Path

import pytest

import aivideo_async


def test_every_public_name_is_there_and_sorted() -> None:
    assert list(aivideo_async.__all__) == sorted(aivideo_async.__all__)
    assert [name for name in aivideo_async.__all__ if getattr(aivideo_async, name, None) is None] == []
    assert set(aivideo_async.__all__) <= set(dir(aivideo_async))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Klient'"):
        getattr(aivideo_async, "Klient")  # noqa: B009 - a checker would refuse the plain way to write it


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (Path(__file__).parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert next(version for version in versions if version != "Unreleased") == aivideo_async.__version__
