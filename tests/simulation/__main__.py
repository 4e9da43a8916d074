"""``python -m tests.simulation SEED`` runs a seed and prints its trace; ``--seeds 200`` runs many, from ``--first``."""

from __future__ import annotations

import argparse
import logging
import sys

from tests.simulation.judge import Violation
from tests.simulation.world import World


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 when something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    if asked.seed is not None:
        return _one(asked.seed, trace=True)
    return max(_one(seed, trace=False) for seed in range(asked.first, asked.first + asked.seeds))


def _one(seed: int, *, trace: bool) -> int:
    world = World(seed)
    try:
        said, failed = str(world.run()), 0
    except Violation as violation:
        said, failed = f"seed {seed}: {violation}", 1
    if trace:
        sys.stdout.write(f"{world.weather}\n" + "".join(f"{line}\n" for line in world.trace))
    sys.stdout.write(f"{said}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
