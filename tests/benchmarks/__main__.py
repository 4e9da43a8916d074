"""``python -m tests.benchmarks``: measure every row, print the table, write a JSON file and plots.

A full run takes about ten minutes of a machine with two cores that does nothing else; ``--quick`` takes twenty seconds
and shows only that everything runs. Needs ``pip install '.[dev,bench]'``; the quick run skips peers that are missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from tests.benchmarks import (
    batch,
    callbacks,
    crowd,
    downloads,
    imports,
    memory,
    replicas,
    sandbox,
    scaling,
    stores,
    submit,
    unsigned,
    verify,
    wakeup,
)
from tests.benchmarks.contest import Effort
from tests.benchmarks.processes import CORES, MEASURED, OTHER, ChildError, PeerMissingError
from tests.benchmarks.report import Measured, table, write_json

Row = Callable[[Effort], Measured]

ROWS: Mapping[str, Row] = {
    "submit": submit.measure,
    "batch": batch.measure,
    "callbacks": callbacks.measure,
    "wakeup": wakeup.measure,
    "verify": verify.measure,
    "unsigned": unsigned.measure,
    "scaling": scaling.measure,
    "memory": memory.measure,
    "imports": imports.measure,
    "stores": stores.measure,
    "replicas": replicas.measure,
    "sandbox": sandbox.measure,
    "crowd": crowd.measure,
    "download": downloads.measure,
    "download-tls": downloads.measure_over_tls,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 unless something that should be measured could not be."""
    options = _parser().parse_args(arguments)
    effort = Effort(quick=options.quick, rounds=1 if options.quick else options.rounds)
    print(f"measured side on core {MEASURED}, the other on core {OTHER}" + (" (the same)" if len(CORES) < 2 else ""))
    measured = Measured()
    failures = _measure(options.only or list(ROWS), effort, measured)
    print(table(measured))
    folder = cast("Path", options.out)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(measured, folder / "results.json")
    print(f"\nwritten: {', '.join(str(path) for path in [folder / 'results.json', *_plots(measured, folder)])}")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _measure(names: Sequence[str], effort: Effort, measured: Measured) -> list[str]:
    """Measure row by row; a row that fails leaves the others, and Ctrl-C what was measured before."""
    failures: list[str] = []
    for name in names:
        began = time.monotonic()
        try:
            row = ROWS[name](effort)
        except (PeerMissingError, ChildError) as error:
            failures.append(f"{name}: {error}")
            continue
        except KeyboardInterrupt:
            failures.append(f"{name}: interrupted")
            break
        measured.add(row)
        print(f"{table(row)}\n{name}: {time.monotonic() - began:.0f} s\n", file=sys.stderr, flush=True)
    return failures


def _plots(measured: Measured, folder: Path) -> list[Path]:
    if find_spec("matplotlib") is None:
        print("no plots: matplotlib is not installed, pip install '.[bench]'", file=sys.stderr)
        return []
    from tests.benchmarks.plots import write_plots

    return write_plots(measured, folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of everything, to see that it runs")
    parser.add_argument("--only", action="append", choices=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds per contest (5)")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="folder for JSON and plots")
    return parser


if __name__ == "__main__":
    sys.exit(main())
