"""The benchmark of parity with the peers: what is kept, what is measured again, and what the report says."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any, cast

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from benchmarks import common, parity, parity_operant, parity_report, parity_update
from benchmarks.parity_cases import ACTOR_CRITICS, MASKS, PAIRS
from operant.algorithms import registry
from operant.envs.registry import twin
from operant.envs.wrappers import wrap
from operant.types import Batch, Clock, Transition

A2C = PAIRS[0]
VERSIONS = {"python": "3.11"}


def result_of(seed, final=100.0, training=90.0):
    return {"seed": seed, "final": final, "training": training, "steps": 60_000, "versions": VERSIONS}


def raw_of(ours, theirs):
    raw = {"name": A2C.name, "settings": A2C.settings, "versions": {"operant": VERSIONS, "peer": VERSIONS}}
    raw |= {"date": "2000-01-01", "machine": {"processor": "one", "cores": 2, "system": "Linux"}}
    sides = zip(("operant", "peer", "gymnasium"), (ours, theirs, []), strict=True)
    return raw | {side: [result_of(i, score) for i, score in enumerate(some)] for side, some in sides}


@pytest.mark.parametrize(
    ("shift", "verdict"), [(0.0, "alike"), (15.0, "better"), (-15.0, "**worse**")], ids=str
)
def test_a_verdict_is_where_the_interval_of_the_probability_lies(shift, verdict):
    theirs = np.arange(30.0)
    raw = raw_of(theirs + shift, theirs)
    assert parity_report.verdict(raw) == verdict
    row = next(line for line in parity_report.report([raw]).splitlines() if line.startswith("| A2C"))
    assert row.endswith(f"| {verdict} |")
    assert "| 60,000 | 30 / 30 |" in row


def test_too_few_seeds_have_no_verdict():
    assert parity_report.verdict(raw_of([1.0] * 30, [1.0] * 7)) == "7 of 30 seeds"
    assert parity_report.verdict(raw_of([1.0] * 30, [])) == "0 of 30 seeds"


def test_a_side_that_reports_no_training_is_shown_without(tmp_path):
    raw = raw_of([1.0, 2.0], [1.0, 2.0])
    raw["peer"] = [one | {"training": None} for one in raw["peer"]]
    row = next(line for line in parity_report.report([raw]).splitlines() if line.startswith("| A2C"))
    assert "| – | 2 of 30 seeds |" in row
    parity_report.draw([raw], tmp_path)
    assert (tmp_path / parity_report.PICTURE).stat().st_size > 0


def test_differences_after_updates_are_shown():
    text = parity_report.report([raw_of([1.0], [1.0])], {A2C.name: [3e-8, 5e-8, 9e-8]})
    assert "| A2C CartPole | 3e-08 | 9e-08 |" in text
    assert "after 3 |" in text


def run(monkeypatch, out, *arguments):
    """What each side was asked for: `[(side, seeds)]`."""
    asked = []

    def train(pair, seeds, side, episodes, evaluation_seed):
        asked.append((side, list(seeds)))
        return [result_of(seed) for seed in seeds]

    def answers(pair, seeds, python):
        asked.append(("peer", list(seeds)))
        yield from map(result_of, seeds)

    monkeypatch.setattr(parity_operant, "train", train)
    monkeypatch.setattr(parity, "answers", answers)
    monkeypatch.setattr(common, "machine", lambda: {"processor": "one", "cores": 2, "system": "Linux"})
    command = ["parity", "--only", "a2c cartpole", "--out", str(out), "--peers-python", "python", *arguments]
    monkeypatch.setattr(sys, "argv", [*command, "--date", "2000-01-01"])
    parity.main()
    return sorted(asked)


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    first = run(monkeypatch, tmp_path, "--seeds", "2", "--jobs", "2", "--sides", "operant", "peer")
    assert first == [("operant", [0, 1]), ("peer", [0]), ("peer", [1])]
    more = run(monkeypatch, tmp_path, "--seeds", "4", "--jobs", "1", "--sides", "operant", "peer")
    assert more == [("operant", [2, 3]), ("peer", [2, 3])]
    assert run(monkeypatch, tmp_path, "--report") == []
    (raw,) = json.loads((tmp_path / "parity.json").read_text())["pairs"]
    assert [one["seed"] for one in raw["peer"]] == [0, 1, 2, 3]
    assert "| 4 / 4 |" in (tmp_path / "parity.md").read_text()


def test_a_pair_whose_settings_changed_is_measured_anew(tmp_path, monkeypatch):
    run(monkeypatch, tmp_path, "--seeds", "1", "--sides", "peer")
    monkeypatch.setattr(parity, "PAIRS", (replace(A2C, steps=1), *PAIRS[1:]))
    run(monkeypatch, tmp_path, "--report")
    assert "A2C" not in (tmp_path / "parity.md").read_text()
    assert run(monkeypatch, tmp_path, "--seeds", "2", "--jobs", "1", "--sides", "operant") == [
        ("operant", [0, 1])
    ]
    (raw,) = json.loads((tmp_path / "parity.json").read_text())["pairs"]
    assert raw["peer"] == []
    assert raw["settings"]["steps"] == 1


def test_normals_that_are_given_are_those_of_the_update_and_all_that_is_learnt_is_compared():
    agent = operant.make("sac", "Pendulum-v1", preset=None, network={"hidden_sizes": (4,)})
    state = agent.algorithm.init(agent.spec, jax.random.key(0))
    space = agent.spec.observation_space, agent.spec.action_space
    seen, action = (jnp.ones((3, *each.shape)) for each in space)
    never = jnp.zeros(3, bool)
    batch = Batch(Transition(seen, action, jnp.ones(3), never, never, seen), jnp.ones(3))
    clock = Clock(jnp.asarray(0), jnp.asarray(1))
    given = parity_update.normals_of(0, (3, 1))

    def learnt(normals):
        after, metrics = parity_update.update_given(
            agent.algorithm, state, batch, jax.random.key(0), clock, normals
        )
        return parity_update.parameters(after) | parity_update.losses(metrics)

    found, same, other = (learnt(x) for x in (given, given, given | {"of_policy": 2 * given["of_policy"]}))
    assert {"train/critic_loss", "train/actor_loss", "train/ent_coef_loss", "log_ent_coef"} <= set(found)
    assert {"actor.latent_pi.0.weight", "actor.mu.bias", "actor.log_std.bias", "critic.qf1.2.weight"} <= set(
        found
    )
    leaves = jax.tree.leaves((state.actor, state.critics, state.log_ent_coef))
    assert sum(leaf.size for leaf in leaves) == sum(
        value.size for name, value in found.items() if not name.startswith("train/")
    )
    for name, value in found.items():
        np.testing.assert_array_equal(value, same[name])
    assert found["train/critic_loss"] == other["train/critic_loss"]  # which has the other normals
    assert found["train/actor_loss"] != other["train/actor_loss"]


def test_a_difference_is_relative_to_large_numbers():
    assert parity_update.difference(np.array([0.5, 100.0]), np.array([0.4, 101.0])) == pytest.approx(0.1)
    assert parity_update.difference(np.array(202.0), np.array(200.0)) == pytest.approx(0.01)


@pytest.mark.parametrize("pair", [*PAIRS, *ACTOR_CRITICS], ids=lambda pair: pair.name)
def test_operant_takes_the_values_of_every_pair(pair):
    values = {"num_envs": pair.num_envs} | pair.hyperparameters | pair.ours
    agent = operant.make(
        pair.algorithm, pair.environment, preset=None, wrappers=parity_operant.wrappers(pair), **values
    )
    assert registry.to_json(agent.algorithm).items() >= pair.hyperparameters.items()
    assert agent.spec.masked == pair.masked


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.masked], ids=lambda pair: pair.name)
def test_masks_follow_their_rule_natively_and_through_gymnasium(pair):
    wrappers, rule = parity_operant.wrappers(pair), MASKS[pair.environment]
    native: Any = wrap(cast(Any, twin(pair.environment, {})), wrappers)
    state = native.reset(native.sample_noise(jax.random.key(0)))
    np.testing.assert_array_equal(native.action_mask(state), jnp.stack(rule(native.observation(state))))

    foreign: Any = wrap(gym.make(pair.environment), wrappers)
    seen, _ = foreign.reset(seed=0)
    for _ in range(60):
        mask = foreign.get_wrapper_attr("action_masks")()
        np.testing.assert_array_equal(mask, np.array(rule(seen)))
        assert mask.any()
        seen, _, terminated, truncated, _ = foreign.step(int(np.flatnonzero(mask)[-1]))
        if terminated or truncated:
            seen, _ = foreign.reset()


def test_the_masks_forbid_something_and_never_everything():
    outward = MASKS["CartPole-v1"](np.array([1.5, 0.0, 0.0, 0.0]))
    assert list(map(bool, outward)) == [True, False]
    up = MASKS["Pendulum-v1"](np.array([0.95, 0.0, 0.0]))
    assert list(map(bool, up)) == [False, True, True, True, False]
    assert list(map(bool, MASKS["Acrobot-v1"](np.zeros(6)))) == [True, False, True]
