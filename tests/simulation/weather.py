"""What a seed makes of the world: how many replicas there are, what goes wrong and how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

REFUSALS = ("invalid_request", "insufficient_credits", "spend_limit_exceeded", "upstream_error", "model_not_found")
DOUBTS = ("internal_error", "html", "no_id", "wrong_code", "redirect", "bare_429")


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Rates are chances per occasion. ``kills`` and the like are how often it happens while there is weather at all,
    for ``chaos`` seconds; tasks take ``slowest`` seconds at most.

    ``signed`` callbacks carry their ending, unsigned ones are hints; without ``callbacks`` there is nobody to call.
    """

    workers: int = 1
    webs: int = 1
    orders: int = 4
    keyed: float = 0.5
    signed: bool = True
    callbacks: bool = True
    body_form: str = "nested"
    shuffled: bool = True
    latency: float = 0.05
    chaos: float = 120.0
    slowest: float = 60.0
    refuse: float = 0.0
    limit: float = 0.0
    doubt: float = 0.0
    break_off: float = 0.0
    unreachable: float = 0.0
    late: float = 0.0
    locked_out: float = 0.0
    ask_fails: float = 0.0
    forgets: float = 0.0
    fail: float = 0.2
    early: float = 0.2
    callback_lost: float = 0.0
    callback_doubled: float = 0.0
    forged: float = 0.0
    store_fails: float = 0.0
    outages: int = 0
    hint_lost: float = 0.0
    hint_doubled: float = 0.0
    deaf: float = 0.0
    kills: int = 0
    restarts: int = 0
    jumps: int = 0
    skew: float = 0.0
    cancelled: float = 0.0
    impatient: float = 0.0
    twice: float = 0.0

    @property
    def fair(self) -> bool:
        """Whether nothing goes wrong."""
        service = (self.refuse, self.limit, self.doubt, self.break_off, self.unreachable, self.late, self.locked_out)
        answers = (self.ask_fails, self.forgets, self.callback_lost, self.callback_doubled, self.forged)
        store = (self.store_fails, self.outages, self.hint_lost, self.deaf)
        replicas = (self.kills, self.restarts, self.jumps, self.skew, self.cancelled, self.twice)
        return not any((*service, *answers, *store, *replicas))


def drawn(chance: random.Random, *, orders: int | None = None) -> Weather:
    """The weather of a seed. Each fault is switched on or off first: some only show where others are away."""

    def rate(most: float, often: float = 0.5) -> float:
        return chance.uniform(0.02, most) if chance.random() < often else 0.0

    def times(most: int, often: float = 0.4) -> int:
        return chance.randint(1, most) if chance.random() < often else 0

    workers = chance.randint(1, 3)
    fair = chance.random() < 0.1
    chaos = chance.choice((120.0, 120.0, 120.0, 2400.0))
    basis = {
        "workers": workers,
        "webs": chance.randint(0, 4 - workers),
        "orders": chance.randint(1, 10) if orders is None else orders,
        "keyed": chance.choice((0.0, 0.5, 1.0)),
        "signed": chance.random() < 0.5,
        "callbacks": chance.random() < 0.9,
        "body_form": chance.choice(("nested", "auto")),
        "shuffled": chance.random() < 0.6,
        "latency": chance.choice((0.0, 0.05, 0.05 if fair else 2.0)),  # 2 s a hop outlasts a lease once in a while
        "chaos": chaos,
        "slowest": 60.0 if fair else chaos / 2,
        "early": chance.choice((0.0, 0.3, 1.0)),
    }
    if fair:
        return Weather(**basis)  # type: ignore[arg-type]  # fields by name
    return Weather(
        **basis,  # type: ignore[arg-type]  # fields by name
        refuse=rate(0.4),
        limit=rate(0.6),
        doubt=rate(0.4),
        break_off=rate(0.4),
        unreachable=rate(0.5),
        late=rate(0.3, 0.3),
        locked_out=rate(0.3, 0.1),
        ask_fails=rate(0.6),
        forgets=rate(0.5, 0.3),
        callback_lost=rate(0.6),
        callback_doubled=rate(0.6),
        forged=rate(1.0),
        store_fails=rate(0.15),
        outages=times(3),
        hint_lost=rate(1.0),
        hint_doubled=rate(0.5),
        deaf=rate(0.2, 0.3),
        kills=times(6),
        restarts=times(3),
        jumps=times(3, 0.3),
        skew=chance.choice((0.0, 0.0, 5.0, 60.0)),
        cancelled=rate(0.6),
        impatient=rate(0.6),
        twice=rate(1.0),
    )


@dataclass
class Sky:
    """The weather as it is now: after ``clear`` nothing goes wrong any more."""

    weather: Weather
    chance: random.Random
    cleared: bool = field(default=False)

    def strikes(self, rate: float) -> bool:
        """Whether a fault of this rate happens now."""
        return rate > 0.0 and not self.cleared and self.chance.random() < rate

    def latency(self) -> float:
        """Seconds that something on the way takes."""
        return self.chance.expovariate(1.0 / self.weather.latency) if self.weather.latency > 0.0 else 0.0

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self.cleared = True
