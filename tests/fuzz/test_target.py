from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aivideo_async.core.signing import Verified
from tests.core.senders import BODY, NOW, SENDERS, VERIFIERS
from tests.fuzz.__main__ import CORPUS, limits
from tests.fuzz.target import delivery_of, input_of, is_right, try_input

SEEDS = sorted(CORPUS.iterdir())


def test_every_seed_of_the_corpus_is_taken() -> None:
    for seed in SEEDS:
        try_input(seed.read_bytes())


def test_the_corpus_holds_a_right_delivery_of_every_scheme_and_stays_small() -> None:
    right: set[str] = set()
    for seed in SEEDS:
        scheme, headers, body = delivery_of(seed.read_bytes())
        if headers == SENDERS[scheme](BODY, NOW) and body == BODY:
            right.add(scheme)
    assert right == set(SENDERS)
    assert sum(seed.stat().st_size for seed in SEEDS) < 100_000


@pytest.mark.parametrize("scheme", SENDERS)
def test_an_input_stands_for_a_delivery(scheme: str) -> None:
    (name, value), *others = SENDERS[scheme](BODY, NOW)
    lines = [other + b":" + right for other, right in [(name, value), *others]]
    assert delivery_of(input_of(scheme, lines, BODY)) == (scheme, [(name, value), *others], BODY)
    changed = delivery_of(input_of(scheme, [b"0~x{}y", b"X:z"], BODY, signed=True))
    assert changed == (scheme, [(name, b"x" + value + b"y"), *others, (b"X", b"z")], BODY)


@pytest.mark.parametrize("scheme", SENDERS)
def test_a_forgery_that_was_believed_would_be_seen(scheme: str) -> None:
    headers = SENDERS[scheme](BODY, NOW)
    verified = VERIFIERS[scheme].verify(headers, BODY, now=NOW)
    assert is_right(scheme, verified, headers, BODY)
    assert not is_right(scheme, verified, [*headers[:-1], (headers[-1][0], b"x")], BODY)
    if scheme != "kie":
        assert not is_right(scheme, Verified(None, NOW, 0), headers, BODY + b" ")


@pytest.mark.fuzz
@pytest.mark.timeout(120)
def test_twenty_seconds_of_fuzzing_find_nothing(tmp_path: Path) -> None:
    run = subprocess.run(  # noqa: S603 - our own interpreter and our own flags
        [sys.executable, "-m", "tests.fuzz", "--flags", *limits(20, tmp_path), str(tmp_path), str(CORPUS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "DONE" in run.stderr
