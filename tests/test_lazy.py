"""What is imported when it is first asked for: it is there, under its name, and nothing else comes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

import operant
from operant.algorithms.registry import ALGORITHMS, algorithm
from operant.curiosity import CURIOSITIES, curiosity
from operant.envs.registry import NATIVE, NEEDY, native
from operant.envs.wrappers import WRAPPERS, as_wrappers

# What PPO on CartPole has no use for: the other families, curiosity, worlds, wrappers, pictures.
OTHERS = (
    "operant.algorithms.policy_gradient.a2c",
    "operant.algorithms.policy_gradient.reinforce",
    "operant.algorithms.policy_gradient.trpo",
    "operant.algorithms.search.search",
    "operant.algorithms.tabular.table",
    "operant.algorithms.value.dqn",
    "operant.cli.finish",
    "operant.curiosity.counts",
    "operant.curiosity.curious",
    "operant.curiosity.learned",
    "operant.envs.breakout",
    "operant.envs.classic.pendulum",
    "operant.envs.tabular",
    "operant.envs.vacuum",
    "operant.envs.wrappers.actions",
    "operant.envs.wrappers.observations",
    "operant.envs.wrappers.rewards",
    "operant.envs.wrappers.timing",
    "operant.mdp",
    "operant.networks.q_network",
    "operant.studio.curves",
    "operant.studio.policy_map",
    "operant.studio.table_map",
)


def test_a_start_imports_only_what_it_needs():
    code = "import sys, operant, operant.cli.train; operant.PPO('CartPole-v1'); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    loaded = done.stdout.split()
    assert "operant.algorithms.policy_gradient.ppo" in loaded
    assert not set(OTHERS) & set(loaded)
    assert all(find_spec(name) for name in OTHERS)  # none was renamed


@pytest.mark.parametrize(
    "table", [ALGORITHMS, CURIOSITIES, WRAPPERS], ids=["algorithms", "curiosities", "wrappers"]
)
def test_every_name_stands_for_a_class_that_has_it(table):
    for name, cls in table.items():
        assert name in table.names(cls)


def test_every_native_environment_can_be_made():
    for id in NATIVE:
        if id not in NEEDY:
            assert native(id).id == id
    with pytest.raises(ValueError, match="Text needs prompts"):
        native("Text")


@pytest.mark.parametrize(
    "package", ["operant", "operant.curiosity", "operant.envs.wrappers", "operant.networks"]
)
def test_every_published_name_is_there(package):
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is getattr(module, name)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018 (asking for it is the point)


def test_only_names_are_looked_up_never_modules():
    for place in ("os:system", "operant.algorithms.search.cem:CEM", "operant.algorithms.search.cem"):
        with pytest.raises(ValueError, match="Unknown algorithm"):
            algorithm(place)
        with pytest.raises(ValueError, match="must be one of none, counts, icm, preferences, rnd"):
            curiosity({"name": place})
        with pytest.raises(ValueError, match="Unknown wrapper"):
            as_wrappers([{"name": place}])
        with pytest.raises(ValueError, match="No native environment"):
            native(place)


def test_a_class_of_the_users_is_not_on_the_list():
    class PPO(operant.Algorithm):
        """Another one."""

    assert ALGORITHMS.names(PPO) == []
