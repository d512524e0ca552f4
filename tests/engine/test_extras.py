"""What acting computed besides the action comes back with that very step, along every way that experience takes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.plans import Episodes, Experience, Replay, Rollout
from tests.shared import Acting

NUM_ENVS = 2
PLANS = {
    "rollout": Rollout(5),
    "episodes": Episodes(4, 20),
    "replay": Replay(60, 8, collect_steps=3, updates=2),
    "n steps": Replay(60, 8, collect_steps=3, n_step=3),
    "by priority": Replay(60, 8, priority=True),
    "sequences": Replay(60, 8, sequence=4),
}


class Notes(Acting):
    """Notes what it saw and did, and compares that with what it is given to learn from."""

    plan: Experience = eqx.field(static=True)

    @property
    def experience(self):
        return self.plan

    def init(self, spec, key):
        return jnp.zeros(())

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise, carry, {"seen": observation, "done": noise + 1}

    def update(self, state, batch, key, clock):
        step, happened = batch.transition, batch.weight > 0
        wrong = (step.extras["done"] != step.action + 1) | (step.extras["seen"] != step.observation).any(-1)
        told = {"train/wrong": jnp.sum(wrong & happened), "train/looked at": jnp.sum(happened)}
        return (
            (state, told, jnp.ones_like(batch.weight)) if self.plan == PLANS["by priority"] else (state, told)
        )


CASES = [(name, where, None) for name in PLANS for where in ("device", "host")]
CASES += [("rollout", "host", 2), ("episodes", "host", 2), ("replay", "device", 2)]


@pytest.mark.parametrize(("name", "where", "seeds"), CASES)
def test_extras_are_those_of_their_step(name, where, seeds):
    plan = PLANS[name]
    if where == "device":
        loop = DeviceLoop(Notes(plan), CartPole(), NUM_ENVS, seeds)
    else:
        loop = HostLoop(Notes(plan), NativeOnHost(CartPole(), NUM_ENVS * (seeds or 1)), seeds)
    rows = []
    keys = jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds)
    train(loop, loop.init(keys), 160, 2, lambda run, metrics: bool(rows.append(metrics)) or True)
    assert all(np.nansum(row["train/wrong"]) == 0 for row in rows if "train/wrong" in row)
    assert (np.asarray(rows[-1]["train/looked at"]) > 0).all()


def test_extras_of_random_first_steps_are_none():
    loop = DeviceLoop(Notes(Replay(60, 8, learning_starts=10)), CartPole(), NUM_ENVS, None)
    with pytest.raises(ValueError, match="learning_starts=10 steps, taken at random, have not"):
        loop.init(jax.random.key(0))
