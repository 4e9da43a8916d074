"""What is to go wrong, as data: a named fault, for which share of what, for which model or key. Pure.

::

    sandbox.faults.set("lose-callback", 0.1)
    sandbox.faults.set(Fail(message="sensitive"), model="sora-2")

What befalls a task is drawn when it is created; what befalls an answer is drawn for every request.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import get_args

from aivideo_async.catalog import MODELS
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import Answer, Twist
from aivideo_async.sandbox.scenarios import (
    Changed,
    Course,
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
    ReorderCallback,
    Scenario,
    ServerError,
    ShortBody,
    SlowAnswer,
    StaleCallback,
    TruncatedAnswer,
    course_of,
)

NAMED: Mapping[str, Scenario] = MappingProxyType(
    {
        "moderation": Fail(message="The content was refused by moderation (sensitive)."),
        "upstream": Fail(message="The provider could not generate this content."),
        "delay": Delay(3600.0),
        "expired-url": ExpiredUrl(),
        "short-body": ShortBody(),
        "redirect-private": RedirectPrivate(),
        "changed-file": Changed(),
        "lose-callback": LoseCallback(),
        "duplicate-callback": DuplicateCallback(),
        "early-callback": EarlyCallback(),
        "late-callback": LateCallback(),
        "reorder-callback": ReorderCallback(),
        "forge-callback": ForgeCallback(),
        "stale-callback": StaleCallback(),
        "rate-limit": RateLimit(),
        "rate-limit-retry-after": RateLimit(retry_after=1),
        "server-error": ServerError(500),
        "server-error-accepted": ServerError(500, accepted=True),
        "upstream-error": ServerError(503),
        "slow-answer": SlowAnswer(),
        "drop-connection": DropConnection(accepted=False),
        "drop-connection-accepted": DropConnection(),
        "html": HtmlAnswer(),
        "truncated-json": TruncatedAnswer(),
    }
)
"""Every fault by the name that the command line and the console use."""
OF_ANSWERS = (RateLimit, ServerError, SlowAnswer, DropConnection, HtmlAnswer, TruncatedAnswer)
TWISTS: tuple[tuple[type[Scenario], Twist], ...] = (
    (DropConnection, "cut"), (HtmlAnswer, "html"), (TruncatedAnswer, "truncated"),
)  # fmt: skip
WRITTEN = re.compile(
    r"(?P<name>[a-z-]+)(=(?:next(:(?P<times>[1-9][0-9]{0,3}))?(?P<next>)|(?P<share>[0-9.]{1,20}%?)))?"
    r"(@(?!key:)(?P<model>[^@]{1,100}))?(@key:(?P<key>.{1,64}))?"
)
SYNTAX = "NAME, NAME=0.1 or NAME=10%, each with @MODEL, @key:KEY or both, or NAME=next:3 for the next three creates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One fault: ``share`` of what it fits, 0 to 1. No ``model`` or no ``key`` (a key's name) fits every one."""

    name: str
    scenario: Scenario
    share: float = 1.0
    model: str | None = None
    key: str | None = None

    def fits(self, model: str | None, key: str) -> bool:
        """Whether it is about a request of this key that concerns this model."""
        return self.model in {None, model} and self.key in {None, key}


class Faults:
    """The rules that hold, and in ``queue`` what the next creates have before them; ``listener`` hears of changes.

    ``draw`` decides whom the rules meet, and is drawn from only where there are any.
    """

    def __init__(self, draw: Random) -> None:
        self.queue: deque[Course] = deque()
        self.listener: Callable[[], None] = lambda: None
        self._draw = draw
        self._rules: dict[tuple[str, str | None, str | None], Rule] = {}

    def enqueue(self, scenarios: Sequence[Scenario | tuple[Scenario, ...]]) -> None:
        """One item for each of the next creates. Raises ConfigurationError, and then takes none of them."""
        self.queue.extend([course_of(item) for item in scenarios])
        self.listener()

    def next_course(self, model: str, key: str) -> Course:
        """What becomes of a create that is taken now: what was enqueued first, and what the rules have for it."""
        chosen = self.queue.popleft().scenarios if self.queue else ()
        return Course((*chosen, *self.of_create(model, key)))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order in which they were set."""
        return tuple(self._rules.values())

    def set(
        self, fault: str | Scenario, share: float = 1.0, *, model: str | None = None, key: str | None = None
    ) -> None:
        """Let a fault (a name of ``NAMED``, or a scenario) meet this share of all requests, or of a model's or a key's.

        It replaces what was set for the same fault, model and key; a share of 0 takes it away. Raises
        ConfigurationError for a name or model that is none and a share outside of 0 to 1.
        """
        scenario = named(fault) if isinstance(fault, str) else fault
        if not isinstance(scenario, get_args(Scenario)):
            raise _no_fault(scenario)
        if not 0 <= share <= 1:
            raise ConfigurationError("the share of a fault is between 0 and 1")
        if model is not None and model not in MODELS:
            raise ConfigurationError(f"a fault cannot meet {model[:60]!r}, which is no model", hint="aivideo models")
        name = fault if isinstance(fault, str) else repr(fault)
        self._rules.pop((name, model, key), None)
        if share:
            self._rules[name, model, key] = Rule(name=name, scenario=scenario, share=share, model=model, key=key)
        self.listener()

    def set_written(self, text: str) -> None:
        """Set a fault as a command line has it: ``NAME``, ``NAME=0.1``, ``NAME=10%``, each with ``@MODEL``,
        ``@key:KEY`` or both; or enqueue it: ``NAME=next`` for the next create, ``NAME=next:3`` for the next three.

        Raises ConfigurationError.
        """
        match = WRITTEN.fullmatch(text)
        share = None if match is None else _share(match["share"] or "1")
        if match is None or share is None:
            raise ConfigurationError(f"{text[:60]!r} is no fault, which is {SYNTAX}")
        if match["next"] is None:
            self.set(match["name"], share, model=match["model"], key=match["key"])
        elif match["model"] or match["key"]:
            raise ConfigurationError(f"{text[:60]!r} cannot be: the next creates are of whatever model and key")
        else:
            self.enqueue([named(match["name"])] * int(match["times"] or 1))

    def remove(self, rule: Rule) -> None:
        """Take one rule away; nothing happens where it was taken away before."""
        self._rules.pop((rule.name, rule.model, rule.key), None)
        self.listener()

    def withdraw(self, first: int, length: int) -> None:
        """Take so many items of the queue away, from the ``first`` on; 0 is what the next create has before it."""
        left = list(self.queue)
        del left[first : first + length]
        self.queue.clear()
        self.queue.extend(left)
        self.listener()

    def clear(self) -> None:
        """Let nothing go wrong any more: no rule holds, and the next creates go their usual way."""
        self._rules.clear()
        self.queue.clear()
        self.listener()

    def of_create(self, model: str, key: str) -> tuple[Scenario, ...]:
        """What meets one create."""
        return self._drawn([rule for rule in self._rules.values() if rule.fits(model, key)])

    def of_read(self, model: str | None, key: str) -> tuple[Scenario, ...]:
        """What meets one request that reads."""
        rules = [rule for rule in self._rules.values() if isinstance(rule.scenario, OF_ANSWERS)]
        return self._drawn([rule for rule in rules if rule.fits(model, key)])

    def _drawn(self, rules: list[Rule]) -> tuple[Scenario, ...]:
        return tuple(rule.scenario for rule in rules if self._draw.random() < rule.share)


def named(name: str) -> Scenario:
    """The fault of this name. Raises ConfigurationError."""
    if name not in NAMED:
        raise _no_fault(name)
    return NAMED[name]


def _no_fault(fault: object) -> ConfigurationError:
    return ConfigurationError(f"{str(fault)[:60]!r} is no fault", hint=f"there are {', '.join(NAMED)}")


def twisted(answer: Answer, scenarios: tuple[Scenario, ...], speed: float) -> Answer:
    """The answer with what befalls it on its way out."""
    after = sum(item.seconds for item in scenarios if isinstance(item, SlowAnswer)) / speed
    twist = next((twist for kind, twist in TWISTS if any(isinstance(item, kind) for item in scenarios)), None)
    return answer if twist is None and not after else replace(answer, twist=twist, after=after)


def _share(text: str) -> float | None:
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
