"""The engine's faults and clock as the console has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from aivideo_async.console.controls import ActiveFault, ClockFace, Fault
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import moment
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.faults import NAMED, OF_ANSWERS, Rule, named
from aivideo_async.sandbox.scenarios import Course, Delay, EarlyCallback, Scenario

ENDING, CALLBACK, CREATE, FILE = "How the task ends", "Its callback", "The create itself", "The result's file"


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    meaning: str
    group: str

    @property
    def lowered(self) -> str:
        """The title within a line; an abbreviation stays one."""
        return self.title if self.title[1].isupper() else self.title[0].lower() + self.title[1:]


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
NOUNS = {ENDING: "Task", CALLBACK: "Callback", CREATE: "Create", FILE: "File"}
TITLES = {NAMED[name]: f"{NOUNS[words.group]}: {words.lowered}" for name, words in WORDS.items()}
NOTHING_CHOSEN = "tick first what shall happen"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """So many creates in a row, from the ``first`` of those to come, that have the same before them."""

    course: Course
    first: int
    length: int
    id: str = ""

    @property
    def place(self) -> str:
        """Which creates these are, in words."""
        first, last = self.first + 1, self.first + self.length
        if first == last:
            return "the next create" if first == 1 else f"create {first} from now"
        return f"the next {last} creates" if first == 1 else f"creates {first} to {last} from now"


class Faults:
    """What is enqueued for the next creates or set for a share, and the clock. ``changed`` is called after a reset."""

    def __init__(self, engine: Engine, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._engine, self._clock, self._changed = engine, clock, changed

    def faults(self) -> Sequence[Fault]:
        """Everything that can be made to happen."""
        return [
            Fault(name=name, title=words.title, meaning=words.meaning, group=words.group, late=_is_late(name))
            for name, words in WORDS.items()
        ]

    def active(self) -> Sequence[ActiveFault]:
        """What the next creates have before them, and then what is set for a share."""
        faults = self._engine.faults
        waiting = [ActiveFault(id=run.id, title=_titles(run.course), whom=run.place) for run in _runs(faults.queue)]
        rules = [
            ActiveFault(id=_id(rule), title=_title(rule.scenario), whom=_whom(rule), share=rule.share)
            for rule in faults.rules
        ]
        return [*waiting, *rules]

    def enqueue(self, names: Sequence[str], times: int) -> None:
        """Let these happen together to each of the next creates. Raises ConfigurationError."""
        if not names:
            raise ConfigurationError(NOTHING_CHOSEN)
        self._engine.enqueue([tuple(named(name) for name in names)] * times)

    def share(self, names: Sequence[str], share: float, *, model: str | None, key: str | None) -> None:
        """Let each happen to this share of all requests, of a model's or of a key's. Raises ConfigurationError."""
        if not names:
            raise ConfigurationError(NOTHING_CHOSEN)
        for name in names:
            self._engine.faults.set(name, share, model=model, key=key)

    def afflict(self, task_id: str, names: Sequence[str]) -> bool:
        """Let these happen to a task that runs; ``False`` where it does not. Raises ConfigurationError."""
        task = self._engine.tasks.get(task_id)
        if task is None or task.ended:
            return False
        if not all(_is_late(name) for name in names):
            raise ConfigurationError("that cannot happen to a task that was accepted already")
        self._engine.afflict(task_id, tuple(named(name) for name in names))
        self._changed()
        return True

    def remove(self, id: str) -> None:
        """Let one of what is active not happen; nothing changes where it is over already."""
        faults = self._engine.faults
        for run in _runs(faults.queue):
            if run.id == id:
                faults.withdraw(run.first, run.length)
                return
        for rule in faults.rules:
            if _id(rule) == id:
                faults.remove(rule)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._engine.faults.clear()

    def revision(self) -> str:
        """A name for the faults and the clock as they stand."""
        faults, clock = self._engine.faults, self._clock
        stands = f"{clock.now():.3f}" if clock.paused else f"{clock.ahead:.1f}"
        return f"{hash((faults.rules, tuple(faults.queue))):x}{stands}"

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

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds of the service's. Raises ConfigurationError."""
        self._clock.advance(seconds)

    def reset(self) -> None:
        """Forget tasks, files, callbacks, requests and postings."""
        self._engine.reset(self._clock.now())
        self._changed()


def _is_late(name: str) -> bool:
    """Whether a fault can still befall a task that was accepted: its time is set then, and its create answered."""
    scenario = NAMED.get(name)
    return scenario is not None and not isinstance(scenario, (*OF_ANSWERS, Delay, EarlyCallback))


def _title(scenario: Scenario) -> str:
    return TITLES.get(scenario, repr(scenario))


def _titles(course: Course) -> str:
    return "; ".join(map(_title, course.scenarios)) or "Nothing special"


def _runs(queue: Iterable[Course]) -> list[_Run]:
    """The queue as runs of creates to which the same happens. Their ids hold while creates are taken from its front."""
    runs: list[_Run] = []
    first = 0
    for course, some in groupby(queue):
        length = len(list(some))
        runs.append(_Run(course=course, first=first, length=length))
        first += length
    return [replace(run, id=_id(behind, run.course)) for behind, run in enumerate(reversed(runs))][::-1]


def _whom(rule: Rule) -> str:
    key = None if rule.key is None else f"the key {rule.key}"
    return " by ".join(part for part in (rule.model, key) if part) or "everything"


def _id(*what: object) -> str:
    """A name for something active that is another one once it is not the same any more."""
    return sha256(repr(what).encode("utf-8", "replace")).hexdigest()[:16]
