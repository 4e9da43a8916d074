"""The balance over time as an inline SVG with its scales. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil, floor, log10

from aivideo_async.console.html import Html, el
from aivideo_async.console.parts import credits_text

WIDE, HIGH = 1000, 200
"""The drawing's own units; it is stretched to the room that there is, and words stand beside it."""
POINTS = 300
"""Points that are drawn at most: more cannot be told apart."""
ROWS, TIMES = 4, 4
"""Lines of the scale above its lowest one, and moments below it, at most."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
DAY = 86_400
LATEST = 0.72
"""The share of the width behind which no moment is written, since ``now`` stands there."""

Point = tuple[datetime, Decimal]


def thinned(points: Sequence[Point], most: int = POINTS) -> list[Point]:
    """At most about ``most`` of the points: the first, the last, and between them each span's lowest."""
    if len(points) <= most:
        return list(points)
    step = -(-(len(points) - 2) // (most - 2))
    inner = (points[index : min(index + step, len(points) - 1)] for index in range(1, len(points) - 1, step))
    return [points[0], *(min(part, key=lambda point: point[1]) for part in inner), points[-1]]


def scale(low: Decimal, high: Decimal) -> list[int]:
    """Round amounts from at or below ``low`` and nothing to at or above ``high``, evenly, the lowest first."""
    low, high = min(low, Decimal(0)), max(high, Decimal(1))
    rough = float(high - low) / ROWS
    power = 10 ** max(0, floor(log10(rough)))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = floor(low / step), ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def moments(first: float, last: float) -> list[tuple[float, str]]:
    """Round moments between two others (unix seconds), and how each is written."""
    rough = (last - first) / TIMES
    step = next((step for step in STEPS if step >= rough), DAY * ceil(rough / DAY))
    form = "%d %b" if step >= DAY else "%a %H:%M" if last - first > DAY else "%H:%M" if step >= 60 else "%H:%M:%S"
    rounded = (number * step for number in range(ceil(first / step), floor(last / step) + 1))
    return [(at, f"{datetime.fromtimestamp(at, UTC):{form}}") for at in rounded]


def balance_chart(points: Sequence[Point], until: datetime) -> Html:
    """A stepped line from nothing up, to the moment ``until``: a balance stands still until the next charge."""
    shown = thinned(points)
    first, last = shown[0][0].timestamp(), max(until, shown[-1][0]).timestamp()
    span = max(last - first, 1e-6)
    amounts = [amount for _, amount in shown]
    rows = scale(min(amounts), max(amounts))

    def down(amount: Decimal | int) -> float:
        return HIGH * (1 - float(amount - rows[0]) / (rows[-1] - rows[0]))

    line = f"M0 {down(amounts[0]):.1f}"
    for at, amount in shown[1:]:
        line += f"H{WIDE * (at.timestamp() - first) / span:.1f}V{down(amount):.1f}"
    line += f"H{WIDE}"
    label = (
        f"Balance from {credits_text(amounts[0])} to {credits_text(amounts[-1])} credits, "
        f"lowest {credits_text(min(amounts))}, highest {credits_text(max(amounts))}"
    )
    drawing = el(
        "svg",
        el("title", label),
        el("path", d=f"{line}V{down(0):.1f}H0Z", class_="area"),
        el("path", d="".join(f"M0 {down(row):.1f}H{WIDE}" for row in rows), class_="grid"),
        el("path", d=line, class_="line"),
        viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none",
        role="img",
    )
    amounts_beside = el("div", *(el("span", credits_text(Decimal(row))) for row in reversed(rows)), class_="scale",
                        aria_hidden="true")  # fmt: skip
    return el("figure", amounts_beside, drawing, _times(first, last), class_="chart")


def _times(first: float, last: float) -> Html:
    """The moments below the drawing, every other one for wide pages only, and at its end that it is now."""
    span = max(last - first, 1e-6)
    places = [((at - first) / span, text) for at, text in moments(first, last)]
    written = (
        el(
            "text", text, x=f"{share:.2%}", y="1em", text_anchor="middle" if share > 0.06 else "start",
            class_="other" if number % 2 else None,
        )
        for number, (share, text) in enumerate(places)
        if share < LATEST
    )  # fmt: skip
    return el("svg", *written, el("text", "now", x="100%", y="1em", text_anchor="end"), class_="times",
              aria_hidden="true")  # fmt: skip
