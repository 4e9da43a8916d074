"""What ``aivideo demo`` makes: a picture, a clip that begins with it, and six clips in three lengths and two sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aivideo_async.catalog import NanoBanana2, Sora2
from aivideo_async.core.models import GenerationRequest
from aivideo_async.sandbox import Scenario
from aivideo_async.sandbox.media import Render

STILL = NanoBanana2(
    prompt="A lighthouse above the ocean at sunset, long waves breaking far below, gulls in the wind",
    aspect_ratio="16:9",
)
MOTION = Sora2(
    prompt="The sun sinks, the beam begins to turn and gulls cross the frame, slow camera move to the right", duration=4
)
_WIDE = (
    (4, "A realistic handheld shot of a city cafe at sunrise, steam rising from cups, a tram passing outside"),
    (8, "A delivery robot rolls through a neon market street, paper lanterns and steam, low angle"),
    (12, "Slow aerial over green garden terraces on misty hills, egrets lifting off in slow motion"),
)
_TALL = (
    (4, "Northern lights ripple above a mountain valley, the window of a single cabin glowing"),
    (8, "Stars wheel over a sleeping town at midnight, a train with lit windows crossing the bridge"),
    (12, "Desert dunes in the last light, a lone rider leads two camels along the crest, wind lifting the sand"),
)
FILMS: tuple[GenerationRequest, ...] = (
    *(Sora2.made_of({"prompt": prompt, "duration": seconds, "size": "1280x720"}) for seconds, prompt in _WIDE),
    *(Sora2.made_of({"prompt": prompt, "duration": seconds, "size": "720x1280"}) for seconds, prompt in _TALL),
)
SPEED = 60.0
"""How many times faster than the service; on a slow machine rendering takes longer than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenplay:
    """``still`` and then ``motion``, which begins with it, beside all ``films``; no ``still``, no ``motion``.

    ``scenarios`` befall the creates in turn. ``render="cached"`` renders nothing and needs no extra.
    """

    still: GenerationRequest | None = STILL
    motion: Sora2 = MOTION
    films: Sequence[GenerationRequest] = FILMS
    render: Render = "real"
    speed: float = SPEED
    scenarios: Sequence[Scenario | tuple[Scenario, ...]] = ()

    @property
    def models(self) -> frozenset[str]:
        """Every model that is used."""
        return frozenset(request.model for request in (self.still, self.motion, *self.films) if request is not None)


def name_of(request: GenerationRequest) -> str:
    """A request in a few words: ``sora-2 8 s 1280x720``."""
    fields = request.fields()
    duration = f"{fields['duration']} s" if "duration" in fields else ""
    size = fields.get("size") or fields.get("aspect_ratio") or ""
    begins = "from the image" if fields.get("image_urls") else ""
    return " ".join(filter(None, (request.model, duration, str(size), begins)))
