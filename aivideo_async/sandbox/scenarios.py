"""What can be made to happen to a create: ``sandbox.enqueue(Fail(), (Delay(60), DuplicateCallback()))``.

Every item is for one create, first come first served; a tuple combines several for the same create, and an empty tuple
is a create to which nothing special happens. A create that the sandbox refuses for its own fault (400, 401, 402, 404)
takes none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from aivideo_async.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Fail:
    """The task fails when its time is up; its credits are given back. The message ends in a request id, as the
    service's do.
    """

    code: str = "upstream_error"
    message: str = "The provider could not generate this content."


@dataclass(frozen=True, slots=True)
class Delay:
    """The task takes so many seconds longer. They are the service's seconds: divided by the sandbox's speed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class LoseCallback:
    """No callback is sent; the task ends all the same."""


@dataclass(frozen=True, slots=True)
class DuplicateCallback:
    """Once the callback was accepted, it is sent again, with the same delivery id."""


@dataclass(frozen=True, slots=True)
class EarlyCallback:
    """The task ends at once, and the create is answered only after the callback's first attempt."""


@dataclass(frozen=True, slots=True)
class ForgeCallback:
    """Before the true callback comes one that the service did not send, to the right URL and with the opposite ending
    in its body: badly signed where callbacks are signed. It is not repeated.
    """


@dataclass(frozen=True, slots=True)
class LateCallback:
    """The first callback comes so many of the service's seconds after the end."""

    seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class ReorderCallback:
    """The callback is held back until one of another task was sent, ten of the service's minutes at most."""


@dataclass(frozen=True, slots=True)
class StaleCallback:
    """Before the true callback comes the same one with a timestamp of an hour ago, well signed: a replay."""


@dataclass(frozen=True, slots=True)
class DropConnection:
    """The connection is cut without an answer; ``accepted`` says whether the task runs and is charged all the same."""

    accepted: bool = True


@dataclass(frozen=True, slots=True)
class SlowAnswer:
    """The answer takes so many seconds longer. They are the service's: divided by the sandbox's speed."""

    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class HtmlAnswer:
    """A page of HTML with status 200 in place of the answer, as by a proxy; what was asked for is done."""


@dataclass(frozen=True, slots=True)
class TruncatedAnswer:
    """The answer's JSON ends in the middle; what was asked for is done."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """429 ``rate_limit_exceeded``; nothing is accepted. ``retry_after`` (seconds, not scaled) becomes the header."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ServerError:
    """The create is answered with ``status`` (500 to 599); ``accepted`` says whether the task runs and is charged."""

    status: int = 500
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class ShortBody:
    """A result file's first ``times`` answers break off in the middle of what their length announces."""

    times: int = 1


@dataclass(frozen=True, slots=True)
class ExpiredUrl:
    """The URLs of the results are dead when they are told. Once one was tried, the task has living ones."""


@dataclass(frozen=True, slots=True)
class RedirectPrivate:
    """The URLs of the results lead on to an address in a private network."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A result file's first answer breaks off in the middle, and afterwards another file is there."""


FileFault = ShortBody | ExpiredUrl | RedirectPrivate | Changed
"""What can happen to the files of a task; the task itself ends as ever."""

Scenario = (
    Fail
    | Delay
    | LoseCallback
    | DuplicateCallback
    | EarlyCallback
    | ForgeCallback
    | DropConnection
    | RateLimit
    | ServerError
    | LateCallback
    | ReorderCallback
    | StaleCallback
    | SlowAnswer
    | HtmlAnswer
    | TruncatedAnswer
    | FileFault
)
Refusal = RateLimit | ServerError | DropConnection


@dataclass(frozen=True, slots=True)
class Course:
    """What is to become of one create: the scenarios that were enqueued for it."""

    scenarios: tuple[Scenario, ...] = ()

    @property
    def failure(self) -> Fail | None:
        """How the task fails, if it does."""
        return next((item for item in self.scenarios if isinstance(item, Fail)), None)

    @property
    def refusal(self) -> Refusal | None:
        """How the create is refused, if it is."""
        for item in self.scenarios:
            if isinstance(item, RateLimit) or (isinstance(item, ServerError | DropConnection) and not item.accepted):
                return item
        return None

    @property
    def broken(self) -> ServerError | None:
        """The error that is answered although the task was accepted."""
        return next((item for item in self.scenarios if isinstance(item, ServerError) and item.accepted), None)

    @property
    def delay(self) -> float:
        """Seconds that the task takes longer."""
        return self.seconds_of(Delay)

    def seconds_of(self, kind: type[Delay | LateCallback | SlowAnswer]) -> float:
        """Seconds of all scenarios of this class."""
        return sum(item.seconds for item in self.scenarios if isinstance(item, kind))

    @property
    def has_file_fault(self) -> bool:
        """Whether something happens to the task's files."""
        return any(isinstance(item, get_args(FileFault)) for item in self.scenarios)

    def has(self, scenario: type[Scenario]) -> bool:
        """Whether a scenario of this class is among them."""
        return any(isinstance(item, scenario) for item in self.scenarios)


NOTHING_SPECIAL = Course()


def course_of(item: Scenario | tuple[Scenario, ...]) -> Course:
    """The course for one create. Raises ConfigurationError for anything that is not a scenario."""
    scenarios = item if isinstance(item, tuple) else (item,)
    strangers: list[object] = [scenario for scenario in scenarios if not isinstance(scenario, get_args(Scenario))]
    if strangers:
        raise ConfigurationError(f"{strangers[0]!r} is not a scenario; give an instance such as Fail() or Delay(60)")
    return Course(scenarios)
