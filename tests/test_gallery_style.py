"""The gallery's style sheet can be read in both schemes and asks for nothing."""

from __future__ import annotations

import re

import pytest

from aivideo_async.gallery_style import STYLE

LIGHT, DARK = (dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part)) for part in STYLE.split("prefers-color-scheme: dark"))


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "soft", "link", "good", "bad", "open"])
@pytest.mark.parametrize("ground", ["card", "page"])
def test_text_stands_out_from_its_ground(scheme: dict[str, str], ink: str, ground: str) -> None:
    assert contrast(scheme[ink], scheme[ground]) >= 4.5


def test_the_style_sheet_asks_for_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|</", STYLE)


def test_focus_shows_and_motion_is_only_for_those_who_like_it() -> None:
    assert ":focus-visible { outline: 3px" in STYLE
    moving = [line for line in STYLE.splitlines() if "transition" in line or "animation" in line]
    assert all("prefers-reduced-motion: no-preference" in line for line in moving)
