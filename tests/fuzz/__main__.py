"""``python -m tests.fuzz --minutes 10``: look for inputs that the verifiers stumble over, led by what they cover.

Starts from ``tests/fuzz/corpus``; an input that breaks something is written to ``build/fuzz`` and is to become a test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

CORPUS = Path(__file__).parent / "corpus"
WORDS = CORPUS.with_name("words.dict")
FOUND = Path("build/fuzz")
LONGEST = 4096


class _Atheris(Protocol):
    """What of atheris is used here."""

    def instrument_imports(self, *, include: list[str]) -> _Block: ...
    def Setup(self, arguments: list[str], target: Callable[[bytes], None]) -> list[str]: ...  # noqa: N802 - its name
    def Fuzz(self) -> None: ...  # noqa: N802 - its name


class _Block(Protocol):
    def __enter__(self) -> object: ...
    def __exit__(self, *_: object) -> object: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzzer in a process of its own, since it ends the one it runs in; 0 when nothing was found."""
    options = _parser().parse_args(arguments)
    if options.flags:
        return fuzz(cast("list[str]", options.flags))
    grown = FOUND / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    seconds = round(options.minutes * 60)
    return _run(*limits(seconds, FOUND), grown, CORPUS)


def limits(seconds: int, found: Path) -> list[str]:
    """What bounds a run, and where an input that breaks something is written to."""
    return [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-dict={WORDS}",
        f"-artifact_prefix={found}/",
        "-timeout=5",
    ]


def fuzz(flags: list[str]) -> int:
    """Fuzz in this process with libFuzzer's flags; does not return."""
    atheris = cast("_Atheris", import_module("atheris"))
    with atheris.instrument_imports(include=["aivideo_async.core"]):
        from tests.fuzz.target import try_input
    atheris.Setup([sys.argv[0], *flags], try_input)
    atheris.Fuzz()
    return 0


def _run(*flags: str | Path) -> int:
    return subprocess.run(  # noqa: S603 - our own interpreter and our own flags
        [sys.executable, "-m", "tests.fuzz", "--flags", *map(str, flags)], check=False
    ).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--flags", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
