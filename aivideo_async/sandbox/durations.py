"""How long a task takes: part of its model's usual seconds, or as long as the service really does. Pure."""

from __future__ import annotations

from random import Random
from typing import Literal

Durations = Literal["prompt", "realistic"]

PROMPT = (0.55, 0.9)
"""A task's share of its model's usual seconds; never all of them, so that nobody has to ask for a task in good time."""
SPREAD = 0.4
"""The spread of the logarithm of a realistic share: half of all tasks take 0.76 to 1.31 of the usual time."""
STRAGGLER, STRAGGLES = 0.01, (3.0, 18.0)
"""One task in a hundred takes three to eighteen times as long: the documentation's own sample took 105 minutes."""


def share(durations: Durations, draw: Random) -> float:
    """A task's share of its model's usual seconds."""
    if durations == "prompt":
        return draw.uniform(*PROMPT)
    if draw.random() < STRAGGLER:
        return draw.uniform(*STRAGGLES)
    return min(draw.lognormvariate(0, SPREAD), STRAGGLES[0])
