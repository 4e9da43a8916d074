"""What the command's exit codes mean, and which error leads to which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

from aivideo_async.core.errors import (
    BudgetExceededError,
    ConfigurationError,
    InsufficientCreditsError,
    InvalidRequestError,
    SpendLimitError,
    SubmissionInDoubtError,
    TaskFailedError,
    TaskTimeoutError,
)


class Exit(IntEnum):
    """The exit codes of ``aivideo``."""

    OK = 0
    ERROR = 1
    USAGE = 2
    FAILED = 3
    CREDITS = 4
    OPEN = 5
    CONFIGURATION = 78
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: Mapping[Exit, str] = MappingProxyType(
    {
        Exit.OK: "done",
        Exit.ERROR: "the service, the network or something else failed",
        Exit.USAGE: "wrong usage or an invalid request",
        Exit.FAILED: "a task failed",
        Exit.CREDITS: "credits or a limit of spending do not suffice",
        Exit.OPEN: "in doubt or timed out: the task may live on",
        Exit.CONFIGURATION: "a setting or an extra is missing",
        Exit.INTERRUPTED: "interrupted",
        Exit.TERMINATED: "terminated by SIGTERM",
    }
)

_CODES: tuple[tuple[type[BaseException], Exit], ...] = (
    (ConfigurationError, Exit.CONFIGURATION),
    (InvalidRequestError, Exit.USAGE),
    (TaskFailedError, Exit.FAILED),
    (InsufficientCreditsError, Exit.CREDITS),
    (SpendLimitError, Exit.CREDITS),
    (BudgetExceededError, Exit.CREDITS),
    (SubmissionInDoubtError, Exit.OPEN),
    (TaskTimeoutError, Exit.OPEN),
)
"""The first class that fits decides; everything else is ``Exit.ERROR``."""

HELP = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."


def code_of(error: BaseException) -> Exit:
    """The exit code for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.ERROR)


def first_bad(codes: Iterable[Exit]) -> Exit:
    """The exit code for several tasks: that of the first, in the order given, that is not done."""
    return next((code for code in codes if code is not Exit.OK), Exit.OK)
