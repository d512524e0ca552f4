"""Every row of the table of reliability: some cases of each by default, all of them behind the marker `full`."""

from __future__ import annotations

import pytest

from tests.reliability.rows import modules

FAST = [(module, index) for module in modules() for index in module.ROW.fast]
REST = [
    (module, index)
    for module in modules()
    for index in range(module.ROW.full)
    if index not in module.ROW.fast
]


def name(value):
    return getattr(getattr(value, "ROW", None), "name", None)


@pytest.mark.parametrize(("module", "index"), FAST, ids=name)
def test_some_cases(module, index, tmp_path):
    module.case(index, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize(("module", "index"), REST, ids=name)
def test_the_other_cases(module, index, tmp_path):
    for package in getattr(module, "NEEDS", ()):
        pytest.importorskip(package)
    module.case(index, tmp_path)
