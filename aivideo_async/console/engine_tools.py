"""The engine's faults and clock as the console has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aivideo_async.console.controls import ClockFace, Fault
from aivideo_async.core.models import moment
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import NAMED, named

ENDING, CALLBACK, CREATE, FILE = "How the task ends", "Its callback", "The create itself", "The result's file"


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    meaning: str
    group: str


WORDS: Mapping[str, _Words] = {
    "upstream": _Words("Fails", "upstream_error once its time is up; the credits come back", ENDING),
    "moderation": _Words("Is refused by moderation", "fails with the provider's sentence about content", ENDING),
    "delay": _Words("Takes an hour longer", "in the service's time, so divided by the speed", ENDING),
    "lose-callback": _Words("Is lost", "the task ends and nobody is told", CALLBACK),
    "duplicate-callback": _Words("Comes twice", "with the same delivery id", CALLBACK),
    "early-callback": _Words("Comes early", "before the create is answered", CALLBACK),
    "late-callback": _Words("Comes late", "after whoever waits has begun to wonder", CALLBACK),
    "reorder-callback": _Words("Comes after another's", "held back until another task's was sent", CALLBACK),
    "forge-callback": _Words("Is forged first", "one with the opposite ending comes before", CALLBACK),
    "stale-callback": _Words("Is replayed first", "well signed, with a timestamp of an hour ago", CALLBACK),
    "rate-limit": _Words("429 without Retry-After", "refused, and nobody says for how long", CREATE),
    "rate-limit-retry-after": _Words("429 with Retry-After", "refused, to be tried after 1 s", CREATE),
    "server-error": _Words("500, not accepted", "nothing was taken or charged", CREATE),
    "server-error-accepted": _Words("500, but accepted", "the task runs and is charged", CREATE),
    "upstream-error": _Words("503, not accepted", "the provider is down, or will not have it", CREATE),
    "drop-connection": _Words("Cut, not accepted", "nothing was taken, and no answer", CREATE),
    "drop-connection-accepted": _Words("Cut, but accepted", "the task runs and is charged, and no answer", CREATE),
    "slow-answer": _Words("The answer is slow", "it is there, only later", CREATE),
    "html": _Words("HTML with status 200", "accepted, and answered by some proxy's page", CREATE),
    "truncated-json": _Words("JSON that breaks off", "accepted, and the answer ends too early", CREATE),
    "short-body": _Words("Breaks off once", "in the middle of what its length announces", FILE),
    "expired-url": _Words("Is told with a dead URL", "asking again gives a living one", FILE),
    "redirect-private": _Words("Leads into a private network", "do not follow it there", FILE),
    "changed-file": _Words("Changes meanwhile", "another file is there after the first part", FILE),
}  # fmt: skip
"""What the page says of each of the sandbox's faults, by its name there."""


class Faults:
    """What is enqueued for the next creates or set for a share of all, and the clock. ``count`` grows with every change
    that is made here.
    """

    can_share = True

    def __init__(self, engine: Engine, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._engine, self._clock, self._changed = engine, clock, changed
        self.count: int = 0

    def faults(self) -> Sequence[Fault]:
        """Everything that can be made to happen."""
        rules = self._engine.faults.rules
        shares = {rule.name: rule.share for rule in rules if rule.model is None and rule.key is None}
        return [
            Fault(name=name, title=words.title, meaning=words.meaning, group=words.group, share=shares.get(name))
            for name, words in WORDS.items()
        ]

    def waiting(self) -> Sequence[str]:
        """What the next creates have before them."""
        titles = {NAMED[name]: f"{words.group}: {words.title.lower()}" for name, words in WORDS.items()}
        return [
            "; ".join(titles.get(item, repr(item)) for item in course.scenarios) or "nothing special"
            for course in self._engine.waiting()
        ]

    def enqueue(self, names: Sequence[str]) -> None:
        """Let these happen together to one coming create. Raises ConfigurationError."""
        self._engine.enqueue([tuple(named(name) for name in names)])
        self.count += 1

    def share(self, name: str, share: float) -> None:
        """Let it happen to this share of all creates. Raises ConfigurationError."""
        self._engine.faults.set(name, share)
        self.count += 1

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

    def reset(self) -> None:
        """Forget tasks, files, callbacks, requests and postings."""
        self._engine.reset(self._clock.now())
        self.count += 1
        self._changed()
