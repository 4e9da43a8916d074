"""The engine's keys, faults and clock as the console has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aivideo_async.console.source import ClockFace, Fault, KeyLine
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import moment
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import NAMED, Rule
from aivideo_async.sandbox.scenarios import (
    Changed,
    Delay,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    ExpiredUrl,
    Fail,
    ForgeCallback,
    HtmlAnswer,
    LateCallback,
    LoseCallback,
    RateLimit,
    RedirectPrivate,
    Scenario,
    ServerError,
    ShortBody,
    SlowAnswer,
    StaleCallback,
    TruncatedAnswer,
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
    "late-callback": _Offer(LateCallback(), "Comes late", "after whoever waits has begun to wonder", CALLBACK),
    "stale-callback": _Offer(StaleCallback(), "Is dated back", "its timestamp lies outside of the window", CALLBACK),
    "rate-limit": _Offer(RateLimit(retry_after=2), "429 with Retry-After", "refused, to be tried after 2 s", CREATE),
    "rate-limit-bare": _Offer(RateLimit(), "429 without Retry-After", "refused, and nobody says for how long", CREATE),
    "error": _Offer(ServerError(), "500, not accepted", "nothing was taken or charged", CREATE),
    "error-accepted": _Offer(ServerError(accepted=True), "500, but accepted", "the task runs and is charged", CREATE),
    "drop": _Offer(DropConnection(), "The connection is cut", "accepted and charged, and no answer", CREATE),
    "slow": _Offer(SlowAnswer(), "The answer is slow", "it is there, only later", CREATE),
    "html": _Offer(HtmlAnswer(), "HTML with status 200", "accepted, and answered by some proxy's page", CREATE),
    "truncated": _Offer(TruncatedAnswer(), "JSON that breaks off", "accepted, and the answer ends too early", CREATE),
    "short-body": _Offer(ShortBody(), "Breaks off once", "in the middle of what its length announces", FILE),
    "expired-url": _Offer(ExpiredUrl(), "Is told with a dead URL", "asking again gives a living one", FILE),
    "redirect-private": _Offer(RedirectPrivate(), "Leads into a private network", "do not follow it there", FILE),
    "changed": _Offer(Changed(), "Changes meanwhile", "another file is there after the first part", FILE),
}  # fmt: skip
"""What can be chosen for the next create, by the name that the form has for it."""


class Keys:
    """The engine's keys, shown by their last letters only; those that are made here share one ``account``."""

    can_change = True

    def __init__(self, engine: Engine, account: str, now: Callable[[], float]) -> None:
        self._engine, self._account, self._now = engine, account, now

    def keys(self) -> Sequence[KeyLine]:
        """Every key."""
        return [
            KeyLine(
                name=key.name,
                hint=f"{HIDDEN}{key.hint}",
                balance=self._engine.ledger.account(key.account).balance,
                consumed=self._engine.ledger.spent(key.id),
                disabled=key.disabled,
                caps=key.caps,
                addresses=key.addresses,
            )
            for key in self._engine.keys
        ]

    def issue(self, name: str) -> str:
        """Make a key. Raises ConfigurationError."""
        return self._engine.keys.issue(name, account=self._account, now=self._now())

    def switch(self, name: str, *, on: bool) -> None:
        """Disable a key, or let it in again. Raises ConfigurationError."""
        self._engine.keys.switch(name, on=on)

    def delete(self, name: str) -> None:
        """Forget a key. Raises ConfigurationError."""
        self._engine.keys.delete(name)


class Faults:
    """What is enqueued for the next creates or set for a share of all, and the clock. ``count`` grows with every change
    that is made here.
    """

    can_share = True

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self.count: int = 0

    def faults(self) -> Sequence[Fault]:
        """Everything that can be made to happen."""
        shares = {rule.scenario: rule.share for rule in self._rules()}
        return [
            Fault(
                name=name,
                title=offer.title,
                meaning=offer.meaning,
                group=offer.group,
                share=shares.get(offer.scenario),
            )
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
        self._engine.enqueue([tuple(_offer(name).scenario for name in names)])
        self.count += 1

    def share(self, name: str, share: float) -> None:
        """Let it happen to this share of all creates. Raises ConfigurationError."""
        scenario = _offer(name).scenario
        names = (rule.name for rule in self._rules() if rule.scenario == scenario and rule.name in NAMED)
        self._engine.faults.set(next(names, scenario), share)
        self.count += 1

    def _rules(self) -> Sequence[Rule]:
        """Those about everything, by whatever name they were set."""
        return [rule for rule in self._engine.faults.rules if rule.model is None and rule.key is None]

    def clock(self) -> ClockFace:
        """The clock."""
        clock = self._clock
        return ClockFace(now=moment(clock.now()), speed=clock.speed, paused=clock.paused, can_stop=True)

    def pause(self, *, on: bool) -> None:
        """Stop the clock, or let it go on."""
        if on:
            self._clock.pause()
        else:
            self._clock.resume()
        self.count += 1

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds of the service's. Raises ConfigurationError."""
        self._clock.advance(seconds)
        self.count += 1


def _offer(name: str) -> _Offer:
    offer = OFFERS.get(name)
    if offer is None:
        raise ConfigurationError(f"there is no fault {name[:40]}")
    return offer
