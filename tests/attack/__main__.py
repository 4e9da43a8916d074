"""``python -m tests.attack --requests 100000``: the whole attack, and what came of it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
from collections import Counter

from tests.attack.siege import Outcome, siege

MIB = 2**20


def report(outcome: Outcome, *, valid: int, seed: int) -> str:
    """A page about it."""
    kinds: dict[str, Counter[str]] = {}
    for answer, count in outcome.answers.items():
        kind, status = answer.split()
        kinds.setdefault(kind, Counter())[status] += count
    rows = [f"  {kind:20} " + ", ".join(f"{s}: {n}" for s, n in sorted(kinds[kind].items())) for kind in sorted(kinds)]
    early, late = outcome.memory[len(outcome.memory) // 5] / MIB, outcome.memory[-1] / MIB
    return "\n".join(
        [
            f"seed {seed}: {outcome.hostile} hostile requests beside {valid} valid ones in {outcome.seconds:.1f} s",
            *rows,
            f"tasks resolved: {outcome.resolved}, handled once: {outcome.handled_once}",
            f"hostile requests accepted: {outcome.accepted}, forged results: {outcome.forged}",
            f"memory after a fifth and at the end: {early:.1f} and {late:.1f} MiB",
            f"valid callbacks, answered within: p50 {_at(outcome, 0.5):.1f} ms, p99 {outcome.p99() * 1000:.1f} ms",
        ]
    )


def _at(outcome: Outcome, part: float) -> float:
    return sorted(outcome.latencies)[int(len(outcome.latencies) * part)] * 1000


def main() -> int:
    """Attack, print, and fail when anything forged was believed or anything valid was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack")
    parser.add_argument("--requests", type=int, default=100_000, help="hostile ones")
    parser.add_argument("--valid", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)  # each refusal that looks like a mix-up is one, and there are thousands
    outcome = asyncio.run(siege(valid=chosen.valid, hostile=chosen.requests, seed=chosen.seed))
    sys.stdout.write(report(outcome, valid=chosen.valid, seed=chosen.seed) + "\n")
    lost = chosen.valid - outcome.resolved
    return 1 if outcome.accepted or outcome.forged or lost else 0


if __name__ == "__main__":
    sys.exit(main())
