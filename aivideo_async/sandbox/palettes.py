"""The colours and places of the sandbox's pictures, and which words of a prompt ask for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Literal

Rgb = tuple[int, int, int]
Terrain = Literal["mountains", "hills", "sea", "city"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The light of one hour. ``stars`` and ``clouds`` are numbers, ``lit`` the share of lit windows."""

    zenith: Rgb
    middle: Rgb
    horizon: Rgb
    sun: Rgb
    far: Rgb
    near: Rgb
    cloud: Rgb
    mote: Rgb
    window: Rgb = (255, 214, 130)
    stars: int = 0
    clouds: int = 4
    lit: float = 0.3

    def sky(self, depth: float) -> Rgb:
        """The sky's colour between zenith (0) and horizon (1)."""
        if depth < 0.55:
            return mixed(self.zenith, self.middle, depth / 0.55)
        return mixed(self.middle, self.horizon, (depth - 0.55) / 0.45)

    def land(self, depth: float) -> Rgb:
        """The land's colour between far (0) and near (1)."""
        return mixed(self.far, self.near, min(1.0, depth))


def mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    """``one`` with a ``share`` (0 to 1) of ``other``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _colour(text: str) -> Rgb:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(colours: str, *, stars: int = 0, clouds: int = 4, lit: float = 0.3) -> Palette:
    zenith, middle, horizon, sun, far, near, cloud, mote = map(_colour, colours.split())
    return Palette(
        zenith=zenith, middle=middle, horizon=horizon, sun=sun, far=far, near=near, cloud=cloud, mote=mote,
        stars=stars, clouds=clouds, lit=lit,
    )  # fmt: skip


# zenith middle horizon sun far near cloud mote
PALETTES = {
    "sunrise": _palette("3b4a85 d9829a ffd9a0 fff4d6 c98a9b 2b1f45 ffe3cf fff0c8", clouds=5),
    "sunset": _palette("2a1e5c c2456e ff9e5e ffe9a8 a84b6f 1c1033 ffb08a ffd9a0", clouds=5),
    "night": _palette("050a22 122350 3a5a8c eef3ff 2b4470 040817 3b548a cfe3ff", stars=110, clouds=2, lit=0.5),
    "forest": _palette("7cc0c4 bfe3d0 f3f7dc fffbe6 8dbba4 0c2f2c ffffff f6ffd0"),
    "ocean": _palette("2f7fc0 8ecbe6 e6f6f5 fffdf2 63abc6 062f4b ffffff eaffff"),
    "neon": _palette("14052e 6a1b8f ff4f8b ffd76a 7a2aa8 0b0220 c04fb0 7df9ff", stars=40, clouds=3, lit=0.6),
    "desert": _palette("5fa3b8 f2c48d fde8c0 fff8e1 dda06a 54261b fff0dc fff2c4", clouds=2),
    "winter": _palette("6d8fb8 b9cde0 f4f5fa ffffff a9bdd3 2b3d5c ffffff ffffff", clouds=6),
    "aurora": _palette("03112b 0d4658 5fd3a6 eafff5 1f6b6f 03141d 2fa58c b8ffe0", stars=90, clouds=3, lit=0.5),
}

MOODS: dict[str, str] = {
    "sunrise": "sunrise dawn morning breakfast",
    "sunset": "sunset dusk evening golden autumn fire",
    "night": "night moon star stars midnight space dark dream",
    "forest": "forest tree trees garden jungle green spring meadow park",
    "ocean": "ocean sea lake beach wave waves river water island boat sky",
    "neon": "neon cyberpunk synthwave robot arcade disco futuristic",
    "desert": "desert sand dune dunes canyon mars sahara",
    "winter": "winter snow snowy ice fog mist rain",
    "aurora": "aurora northern magic emerald",
}
PLACES: dict[Terrain, str] = {
    "city": "city cafe street town skyline building tokyo paris york office market train car shop",
    "sea": "ocean sea lake beach wave waves river water island boat ship harbour harbor",
    "hills": "desert sand dune dunes meadow hill hills field garden park farm vineyard",
    "mountains": "mountain mountains alps canyon forest snow cliff valley peak aurora",
}


def mood(prompt: str, draw: Random) -> tuple[Palette, Terrain]:
    """The palette and the place that the prompt's words ask for; what they leave open is drawn."""
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    palettes = [name for name, listed in MOODS.items() if words & set(listed.split())]
    terrains: list[Terrain] = [name for name, listed in PLACES.items() if words & set(listed.split())]
    palette = draw.choice(palettes or list(PALETTES))
    terrain: Terrain = draw.choice(terrains or list(PLACES))
    return PALETTES[palette], terrain
