"""Makes the sandbox's sound: plucked notes of a pentatonic scale over a drone, as 16-bit mono samples. Pure Python."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from random import Random

RATE = 44_100
SCALES = ((0, 2, 4, 7, 9), (0, 3, 5, 7, 10), (0, 2, 5, 7, 9), (0, 4, 7, 9, 11))
CLIP_BEATS = 8
SONG_BEATS = 16


def loop(seed: str, beats: int = CLIP_BEATS) -> array[int]:
    """A tune of so many beats that can be repeated without a seam."""
    draw = Random(seed)  # noqa: S311 - a tune, not a secret
    root, scale = draw.choice((196.0, 220.0, 246.94, 261.63)), draw.choice(SCALES)
    beat = RATE * draw.choice((24, 30, 36)) // 100
    pitches = draw.sample([root * 2 ** ((12 * octave + step) / 12) for octave in (0, 1) for step in scale], 5)
    melody = [draw.choice(pitches) if draw.random() < 0.8 else None for _ in range(beats)]
    fall = [min(1.0, 200 * i / RATE) * (1 - i / beat) ** 3 for i in range(beat)]
    notes = {pitch: pluck(pitch, fall) for pitch in sorted({pitch for pitch in melody if pitch is not None})}
    ground = drone(root / 2, beat * beats)
    tune = array("h")
    for number, pitch in enumerate(melody):
        under = ground[number * beat : (number + 1) * beat]
        tune.extend(under if pitch is None else array("h", map(int.__add__, notes[pitch], under)))
    return tune


def pluck(frequency: float, fall: Sequence[float]) -> array[int]:
    """A note that is struck and dies away; ``fall`` is its loudness, sample by sample."""
    step, sine = math.tau * frequency / RATE, math.sin
    return array(
        "h", [int(level * (6000 * sine(step * i) + 1600 * sine(2 * step * i))) for i, level in enumerate(fall)]
    )


def drone(frequency: float, samples: int) -> array[int]:
    """A low tone that ends on the phase it began with; its period is copied, not computed."""
    period = round(RATE / frequency)
    wave = array("h", [int(1500 * math.sin(math.tau * i / period)) for i in range(period)])
    whole = wave * (samples // period)
    return whole + array("h", bytes(2 * (samples - len(whole))))


def filled(tune: array[int], samples: int) -> array[int]:
    """The tune repeated to exactly ``samples``; the last half second fades out."""
    long = (tune * (samples // len(tune) + 1))[:samples]
    fade = min(samples, RATE // 2)
    for i in range(1, fade + 1):
        long[-i] = long[-i] * i // fade
    return long
