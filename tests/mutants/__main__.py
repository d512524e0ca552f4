"""Plants one bug after another in a copy of the project and writes down which test noticed it.

    python -m tests.mutants                          all of them: benchmarks/results/mutants.{json,md}
    python -m tests.mutants mean-floor               some, by name; the others' rows stay
    python -m tests.mutants --only operant/ops       those of some files

The working tree is never touched. Before that, the tests that are to notice something run once without any bug.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutants.plant import copy_of_project, planted, plants
from tests.mutants.running import preload, run_tests
from tests.mutants.table import write


def main() -> None:
    options = _options()
    chosen = [plant for plant in plants() if plant.file.startswith(options.only)]
    if options.names:
        unknown = set(options.names) - {plant.name for plant in chosen}
        if unknown:
            sys.exit(f"No plant is called {', '.join(sorted(unknown))}.")
        chosen = [plant for plant in chosen if plant.name in options.names]
    if not chosen:
        sys.exit(f"There is no plant in {options.only}.")
    unnoticed = []
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "output.txt"
        copy = copy_of_project(Path(directory))
        for plant in chosen:  # before anything runs: a list that is not true is no list
            plant.planted((copy / plant.file).read_text())
        preload()
        if not options.unchecked:
            tests = sorted({test for plant in chosen for test in plant.tests})
            clean = run_tests(tests, copy, 3600, output=output)
            if clean.result != "survived":
                sys.exit(
                    f"Without any bug {clean.test or 'a test'} fails: {clean.message}\n{output.read_text()[-2000:]}"
                )
            print(f"Without any bug they pass, in {clean.seconds:.0f} s.", flush=True)
        for number, plant in enumerate(chosen, start=1):
            with planted(plant, copy, number):
                outcome = run_tests(list(plant.tests), copy, options.limit, output=output)
            write({plant.name: outcome})
            print(f"{plant.name:32} {outcome.result:9} {outcome.seconds:5.1f} s  {outcome.test}", flush=True)
            if outcome.result != "caught":
                print("\n".join(output.read_text().splitlines()[-options.lines :]), flush=True)
                unnoticed += [] if plant.equivalent else [plant.name]
    if unnoticed:
        sys.exit(f"Not noticed: {', '.join(unnoticed)}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="plants; all without any")
    parser.add_argument("--only", default="", metavar="PATH", help="those in files whose path begins so")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for the tests of a plant")
    parser.add_argument("--lines", type=int, default=3, help="of pytest's output where a bug is not noticed")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without any bug first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
