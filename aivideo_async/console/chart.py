"""The balance over time as an inline SVG, and shares as bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from aivideo_async.console.html import Html, el
from aivideo_async.console.parts import credits_text

WIDE, HIGH, ABOVE = 1000, 200, 4
"""The drawing's own units; it is stretched to the room that there is, and words stand beside it."""
POINTS = 300
"""Points that are drawn at most: more cannot be told apart."""

Point = tuple[datetime, Decimal]


def thinned(points: Sequence[Point], most: int = POINTS) -> list[Point]:
    """At most about ``most`` of the points: the first, the last, and between them each span's lowest."""
    if len(points) <= most:
        return list(points)
    step = -(-(len(points) - 2) // (most - 2))
    inner = (points[index : min(index + step, len(points) - 1)] for index in range(1, len(points) - 1, step))
    return [points[0], *(min(part, key=lambda point: point[1]) for part in inner), points[-1]]


def balance_chart(points: Sequence[Point]) -> Html:
    """A stepped line: a balance stands still until the next charge."""
    shown = thinned(points)
    first, last = shown[0][0], shown[-1][0]
    span = max((last - first).total_seconds(), 1e-6)
    low, high = min(amount for _, amount in shown), max(amount for _, amount in shown)
    room = float(high - low) or 1.0

    def across(at: datetime) -> float:
        return WIDE * (at - first).total_seconds() / span

    def down(amount: Decimal) -> float:
        return ABOVE + (HIGH - 2 * ABOVE) * (1 - float(amount - low) / room)

    line = f"M{across(first):.1f} {down(shown[0][1]):.1f}"
    for at, amount in shown[1:]:
        line += f"H{across(at):.1f}V{down(amount):.1f}"
    label = (
        f"Balance from {credits_text(shown[0][1])} to {credits_text(shown[-1][1])} credits, "
        f"lowest {credits_text(low)}, highest {credits_text(high)}"
    )
    drawing = el(
        "svg",
        el("title", label),
        el("path", d=f"{line}V{HIGH}H0Z", class_="area"),
        el("path", d=line, class_="line"),
        viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none",
        role="img",
    )
    scale = el("div", el("span", credits_text(high)), el("span", credits_text(low)), class_="scale", aria_hidden="true")
    moments = (el("span", f"{at.astimezone(UTC):%H:%M:%S}") for at in (first, last))
    times = el("div", *moments, class_="times", aria_hidden="true")
    return el("figure", scale, drawing, times, class_="chart")
