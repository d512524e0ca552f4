"""`check_algorithm` finds what was planted, says it in words, and finds nothing where nothing is wrong."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant.authoring
from operant.algorithms import registry
from operant.authoring import (
    Algorithm,
    Episodes,
    Replay,
    check_algorithm,
    distributions,
    returns,
    static,
)

ROOT = Path(operant.__file__).parents[1]


class Linear(Algorithm):
    """A linear softmax policy, by the policy gradient over whole episodes."""

    learning_rate: float = 0.1
    """Step size."""
    n_episodes: int = static(4)
    """Episodes of a batch."""

    @property
    def experience(self):
        return Episodes(self.n_episodes, 6)

    def check(self, spec):
        distributions.parameters(spec.action_space)

    def init(self, spec, key):
        return {
            "w": jnp.zeros((spec.observation_space.shape[0], distributions.parameters(spec.action_space)))
        }

    def sample_noise(self, spec, key):
        return distributions.sample_noise(spec.action_space, key, (spec.num_envs,))

    def policy(self, w, observation, action_mask):
        outputs = jnp.einsum("...o,oa->...a", observation, w)
        return distributions.Categorical(
            outputs if action_mask is None else jnp.where(action_mask, outputs, -1e9)
        )

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        policy = self.policy(state["w"], observation, action_mask)
        return policy.sample(noise) if explore else policy.mode(), carry, ()

    def loss(self, w, batch):
        step = batch.transition
        worth = returns.discounted_returns(step.reward, step.done, 0.9)
        log_prob = self.policy(w, step.observation, step.action_mask).log_prob(step.action)
        return -returns.weighted_mean(log_prob * worth, batch.weight)

    def update(self, state, batch, key, clock):
        loss, gradient = jax.value_and_grad(self.loss)(state["w"], batch)
        return {"w": state["w"] - self.learning_rate * gradient}, {"train/loss": loss}


def changed(**body: Any) -> type[Linear]:
    """A class like Linear, but for these."""
    return type("Mine", (Linear,), {"__module__": __name__, "__annotations__": body.pop("kinds", {}), **body})


def after(name: str, change: Callable) -> type[Linear]:
    """One whose method's result is changed."""
    return changed(
        **{name: lambda self, *given, **named: change(getattr(Linear, name)(self, *given, **named))}
    )


def test_nothing_is_wrong_where_nothing_is():
    report = check_algorithm(Linear)
    assert report.ok, report
    assert report.advice == ()
    assert report.environment == "CartPole-v1"
    assert 0 < report.steps <= 3 * 4 * 6
    assert len(report.passed) == 12
    assert "nothing is wrong" in str(report)


def branch(self, state, batch, key, clock):
    if self.learning_rate > 0:
        return Linear.update(self, state, batch, key, clock)
    return state, {}


def unweighted(self, w, batch):
    log_prob = self.policy(w, batch.transition.observation, None).log_prob(batch.transition.action)
    return -jnp.mean(log_prob * batch.transition.reward)


CALLS = itertools.count()


def by_chance(self, state, observation, action_mask, carry, noise, clock, *, explore):
    chosen = (
        next(CALLS) // 3 + np.arange(len(observation))
    ) % 2  # alike in two of three calls, as chance may have it
    return jnp.asarray(chosen), carry, ()


FAULTS = {
    "flag": (changed(kinds={"fast": bool}, fast=True), "fast=True is a flag: declare it static(True)"),
    "text": (changed(kinds={"kind": str}, kind="a"), "kind='a' is no number: declare it static"),
    "no hash": (
        changed(kinds={"sizes": tuple}, sizes=static(()))(sizes=[1]),
        "sizes=[1] is static and has no hash",
    ),
    "plan": (changed(experience=property(lambda self: 5)), "experience must be a plan"),
    "raises in check": (
        changed(check=lambda self, spec: operant.authoring.require(False, "env", spec.id, "another")),
        "check(spec) refuses the environment: CartPole-v1: env='CartPole-v1': must be another.",
    ),
    "number in the state": (after("init", lambda state: {**state, "n": 0}), "n is 0, which is no array"),
    "function in the state": (
        after("init", lambda state: {**state, "f": np.tanh}),
        "f is a ufunc, which is no array",
    ),
    "two results of act": (
        after("act", lambda result: result[:2]),
        "act must return (action, carry, extras)",
    ),
    "action": (after("act", lambda r: (r[0][:, None], *r[1:])), "an action int32 [2, 1]"),
    "memory": (
        after("act", lambda r: (r[0], r[0], ())),
        "the memory (carry) that act returns has another structure",
    ),
    "extras": (after("act", lambda r: (r[0], r[1], {"v": jnp.zeros(7)})), "extras hold float32 [7]"),
    "needs noise": (
        changed(act=lambda self, *given, explore: Linear.act(self, *given, explore=True)),
        "act with explore=False, which is given no noise (None): ",
    ),
    "random": (changed(act=by_chance), "act gives different actions for the same arguments"),
    "mask": (
        changed(policy=lambda self, w, observation, mask: Linear.policy(self, w, observation, None)),
        "takes an action that action_mask forbids",
    ),
    "branch": (
        changed(update=branch),
        "asks for the value of a number that is not known while the program is compiled (test_check",
    ),
    "structure": (
        after("update", lambda r: ({**r[0], "b": r[0]["w"]}, r[1])),
        "another structure than before: b new",
    ),
    "dtype": (
        after("update", lambda r: ({"w": r[0]["w"].astype(jnp.bfloat16)}, r[1])),
        "w was float32 [4, 2] and is bfloat16 [4, 2]",
    ),
    "metrics": (
        after("update", lambda r: (r[0], {"train/w": r[0]["w"]})),
        "the metric 'train/w' is float32 [4, 2]",
    ),
    "metrics no dict": (after("update", lambda r: (r[0], 1.0)), "metrics must be a dict of scalars"),
    "one result of update": (after("update", lambda r: r[0]), "update must return (state, metrics)"),
    "nan": (after("update", lambda r: ({"w": jnp.log(-1 - r[0]["w"] ** 2)}, r[1])), "w is not finite"),
    "weight": (changed(loss=unweighted), "update learns from steps after an episode's end (w)"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_wrong_is_said_and_not_raised(kind):
    algorithm, message = FAULTS[kind]
    report = check_algorithm(algorithm)
    assert len(report.errors) == 1, report
    assert message in report.errors[0]
    assert not report.ok
    assert "  error: " in str(report)


def test_loops_that_learn_different_things():
    def update(self, state, batch, key, clock):
        state, metrics = Linear.update(self, state, batch, key, clock)
        return {"w": state["w"] + np.random.default_rng().normal()}, metrics

    report = check_algorithm(changed(update=update))
    assert any("the loops learn different things from iteration 1 on: w" in error for error in report.errors)


def test_advice():
    report = check_algorithm(
        changed(
            kinds={"gamma": float},
            gamma=0.9,
            update=lambda self, state, *given: (state, {"loss": jnp.zeros(())}),
        )
    )
    assert report.ok
    texts = " ".join(report.advice)
    assert "gamma: a docstring below a hyperparameter" in texts
    assert "metrics are called loss" in texts
    assert "nothing of the state has changed" in texts


def test_replay():
    report = check_algorithm(changed(experience=property(lambda self: Replay(50, 4, learning_starts=8))))
    assert report.ok, report


# The random policy has no best action, which the check asks for; the others learn from texts alone.
OWN = sorted(
    set(registry.ALGORITHMS) - set(registry.CONFIGURATIONS) - {"random", "sft", "reward", "dpo", "kto"}
)


EACH_KIND = {"sarsa-lambda", "ppo", "dqn", "sac"}  # CI checks these


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in EACH_KIND else pytest.mark.full) for name in OWN],
)
def test_nothing_is_wrong_with_our_own(name):
    cls = registry.algorithm(name)
    small = {
        "n_steps": 8,
        "batch_size": 8,
        "n_episodes": 4,
        "max_steps": 6,
        "buffer_size": 100,
        "learning_starts": 16,
    }
    known = {key: value for key, value in small.items() if key in cls.__dataclass_fields__}
    report = check_algorithm(cls(**known))
    assert report.ok, report


def test_it_takes_an_environment_that_is_named_and_says_where_there_is_none():
    assert "No native environment" in check_algorithm(Linear, "Nowhere-v0").errors[0]
    with pytest.raises(TypeError, match="check_algorithm takes an Algorithm or a class of one; got 3"):
        check_algorithm(3)  # pyright: ignore[reportArgumentType]


def test_the_example_uses_this_module_alone():
    for path in (ROOT / "examples").glob("own_*.py"):
        imported = [
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        ours = {str(name) for name in imported if str(name).startswith("operant")}
        assert ours <= {"operant", "operant.authoring"}, path.name


def test_everything_that_it_publishes_is_there():
    names = operant.authoring.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(operant.authoring, name) for name in names)
