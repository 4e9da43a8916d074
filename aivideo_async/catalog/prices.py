"""The price book (api.md §2). Lines are per second of video, or per task where the class charges by the task."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from aivideo_async.catalog.base import PriceBook


def _line(**variants: str) -> Mapping[str, Decimal]:
    return {variant: Decimal(amount) for variant, amount in variants.items()}


_HAPPYHORSE = _line(**{"720p": "27.5", "1080p": "48.5"})
_WAN = _line(**{"720p": "24", "1080p": "40"})
_GROK = _line(**{"480p": "2.4", "720p": "4.5"})

PRICES = PriceBook(
    dated="2026-11-22",
    source="docs pages of the AI Video API, as written down in 2026-11",
    prices={
        "sora-2": _line(second="25"),
        "doubao-seedance-2.0": _line(
            **{"480p": "20", "720p": "42", "1080p": "102"},
            **{"480p with video": "12", "720p with video": "25", "1080p with video": "62"},
        ),
        "doubao-seedance-2.0-fast": _line(
            **{"480p": "16", "720p": "35", "480p with video": "10", "720p with video": "22"}
        ),
        "kling-3.0": _line(**{"std": "28", "std with sound": "40", "pro": "36", "pro with sound": "54"}),
        "veo-3": _line(fast="40", quality="300"),
        "happyhorse-1.0-text-to-video": _HAPPYHORSE,
        "happyhorse-1.0-image-to-video": _HAPPYHORSE,
        "happyhorse-1.0-reference-to-video": _HAPPYHORSE,
        "happyhorse-1.0-video-edit": _HAPPYHORSE,
        "wan-2.7-text-to-video": _WAN,
        "wan-2.7-image-to-video": _WAN,
        "wan-2.7-reference-to-video": _WAN,
        "wan-2.7-video-edit": _WAN,
        "wan-2.6-text-to-video": _WAN,
        "wan-2.6-image-to-video": _WAN,
        "wan-2.6-reference-to-video": _WAN,
        "grok-imagine-text-to-video": _GROK,
        "grok-imagine-image-to-video": _GROK,
        "nano-banana-2": _line(**{"1K": "16", "2K": "24", "4K": "36"}),
        "gpt-image-2": _line(**{"1k": "2.4", "2k": "4.8", "4k": "7.2"}),
        "suno-v5": _line(task="24"),
        "suno-v5_5": _line(task="24"),
    },
)
