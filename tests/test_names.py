"""An algorithm is named once, in `operant/algorithms/names.py`; every other list is derived from it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import operant
from operant import catalogue
from operant.algorithms.names import CONSTRUCTORS, PLACES
from operant.algorithms.registry import ALGORITHMS

ROOT = Path(operant.__file__).parent
ONE = ROOT / "algorithms" / "names.py"


def test_every_list_has_every_algorithm():
    assert set(ALGORITHMS) == set(CONSTRUCTORS.values()) == set(catalogue.algorithms()) == set(PLACES)
    assert set(CONSTRUCTORS) <= set(operant.__all__)
    assert {"PPO", "QRDQN", "Rainbow", "GeneticAlgorithm"} <= set(CONSTRUCTORS)


def test_no_other_file_says_where_an_algorithm_is():
    modules = {place.partition(":")[0] for place in PLACES.values()}
    listing = [
        path.relative_to(ROOT)
        for path in ROOT.rglob("*.py")
        if path != ONE and any(re.search(f'"{re.escape(module)}[:"]', path.read_text()) for module in modules)
    ]
    assert listing == []


def test_names_are_known_without_importing_what_they_name():
    code = "import sys, operant.algorithms.names; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jax", "equinox", "numpy"} & set(done.stdout.split())
