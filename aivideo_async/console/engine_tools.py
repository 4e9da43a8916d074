"""The engine's keys, faults and clock as the console has them: what the engine does not offer is not offered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aivideo_async.console.source import ClockFace, Fault, KeyLine
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import moment
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.scenarios import (
    Changed,
    Delay,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    ExpiredUrl,
    Fail,
    ForgeCallback,
    LoseCallback,
    RateLimit,
    RedirectPrivate,
    Scenario,
    ServerError,
    ShortBody,
)

ENDING, CALLBACK, CREATE, FILE = "How the task ends", "Its callback", "The create itself", "The result's file"
HIDDEN = "\N{BULLET}" * 6


@dataclass(frozen=True, slots=True)
class _Offer:
    scenario: Scenario
    title: str
    meaning: str
    group: str


OFFERS: Mapping[str, _Offer] = {
    "fail": _Offer(Fail(), "Fails", "upstream_error once its time is up; the credits come back", ENDING),
    "moderation": _Offer(
        Fail(code="upstream_error", message="The content was refused by moderation."), "Is refused by moderation",
        "fails with the provider's sentence about content", ENDING,
    ),
    "delay": _Offer(Delay(600), "Takes ten minutes longer", "in the service's time, so divided by the speed", ENDING),
    "lose-callback": _Offer(LoseCallback(), "Is lost", "the task ends and nobody is told", CALLBACK),
    "double-callback": _Offer(DuplicateCallback(), "Comes twice", "with the same delivery id", CALLBACK),
    "early-callback": _Offer(EarlyCallback(), "Comes early", "before the create is answered", CALLBACK),
    "forge-callback": _Offer(ForgeCallback(), "Is forged first", "one with the opposite ending comes before", CALLBACK),
    "rate-limit": _Offer(RateLimit(retry_after=2), "429 with Retry-After", "refused, to be tried after 2 s", CREATE),
    "rate-limit-bare": _Offer(RateLimit(), "429 without Retry-After", "refused, and nobody says for how long", CREATE),
    "error": _Offer(ServerError(), "500, not accepted", "nothing was taken or charged", CREATE),
    "error-accepted": _Offer(ServerError(accepted=True), "500, but accepted", "the task runs and is charged", CREATE),
    "drop": _Offer(DropConnection(), "The connection is cut", "accepted and charged, and no answer", CREATE),
    "short-body": _Offer(ShortBody(), "Breaks off once", "in the middle of what its length announces", FILE),
    "expired-url": _Offer(ExpiredUrl(), "Is told with a dead URL", "asking again gives a living one", FILE),
    "redirect-private": _Offer(RedirectPrivate(), "Leads into a private network", "do not follow it there", FILE),
    "changed": _Offer(Changed(), "Changes meanwhile", "another file is there after the first part", FILE),
}  # fmt: skip
"""What can be chosen for the next create, by the name that the form has for it."""


class Keys:
    """The engine's accounts. Their keys are shown by their last letters only."""

    can_change = False

    def __init__(self, engine: Engine, own: str) -> None:
        self._engine, self._own = engine, own

    def keys(self) -> Sequence[KeyLine]:
        """Every key."""
        return [
            KeyLine(
                name="default" if key == self._own else f"key {number}",
                hint=f"{key[:3]}{HIDDEN}{key[-4:]}" if len(key) >= 16 else HIDDEN,
                balance=account.balance,
                consumed=account.consumed,
            )
            for number, (key, account) in enumerate(self._engine.accounts.items(), 1)
        ]

    def issue(self, name: str) -> str:
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"keys cannot be made here: {name[:60]}")

    def switch(self, name: str, *, on: bool) -> None:  # noqa: ARG002 - what is not offered looks at nothing
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"keys cannot be changed here: {name[:60]}")

    def delete(self, name: str) -> None:
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"keys cannot be deleted here: {name[:60]}")


class Faults:
    """What is enqueued for the next creates, and the clock. ``count`` grows with everything that is enqueued here."""

    can_share = False

    def __init__(self, engine: Engine, speed: float, clock: Callable[[], float]) -> None:
        self._engine, self._speed, self._clock = engine, speed, clock
        self.count: int = 0

    def faults(self) -> Sequence[Fault]:
        """Everything that can be made to happen."""
        return [
            Fault(name=name, title=offer.title, meaning=offer.meaning, group=offer.group)
            for name, offer in OFFERS.items()
        ]

    def waiting(self) -> Sequence[str]:
        """What the next creates have before them."""
        titles = {offer.scenario: f"{offer.group}: {offer.title.lower()}" for offer in OFFERS.values()}
        return [
            "; ".join(titles.get(item, repr(item)) for item in course.scenarios) or "nothing special"
            for course in self._engine.waiting()
        ]

    def enqueue(self, names: Sequence[str]) -> None:
        """Let these happen together to one coming create. Raises ConfigurationError."""
        unknown = [name for name in names if name not in OFFERS]
        if unknown:
            raise ConfigurationError(f"there is no fault {unknown[0][:40]}")
        self._engine.enqueue([tuple(OFFERS[name].scenario for name in names)])
        self.count += 1

    def share(self, name: str, share: float) -> None:
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"{name[:40]} cannot be set for a share of {share:g}")

    def clock(self) -> ClockFace:
        """The clock, which cannot be stopped."""
        return ClockFace(now=moment(self._clock()), speed=self._speed)

    def pause(self, *, on: bool) -> None:
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"the clock cannot be {'paused' if on else 'let go on'}")

    def advance(self, seconds: float) -> None:
        """Not offered. Raises ConfigurationError."""
        raise ConfigurationError(f"the clock cannot be moved on by {seconds:g} s")
