"""Every algorithm trains where JAX_ENABLE_X64 is on: what operant makes itself stays in 32 bits."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import pytest

from operant.envs import base
from operant.envs.registry import NATIVE, NEEDY

TRAIN = """
import sys
import jax, numpy as np, operant
from operant.algorithms.registry import ALGORITHMS
assert jax.config.jax_enable_x64
wrong = []
TABLES = {"q-learning", "double-q-learning", "sarsa", "expected-sarsa", "sarsa-lambda", "dyna-q", "td", "monte-carlo"}
PLACES = {"linear-q": "MountainCar-v0"} | dict.fromkeys(("ddpg", "td3", "tqc", "xqc"), "Pendulum-v1")
SHOWN = {"observations": np.zeros((64, 4), np.float32), "actions": np.arange(64) % 2}
SMALL = {"grid-search": {"resolution": 2}, "ppo": {"n_epochs": 1}}
SMALL |= dict.fromkeys(("redq", "droq"), {"gradient_steps": 1})
SMALL |= dict.fromkeys(("crossq", "xqc"), {"network": {"value_hidden_sizes": (8,)}})
TEXTS = {"sft", "reward", "dpo", "kto"}
PAIRS = [{"prompt": "a", "response": "b", "chosen": "b", "rejected": "c"}] * 8
for name in sys.argv[1:] or ALGORITHMS:
    place = "FrozenLake-v1" if name in TABLES else PLACES.get(name, "CartPole-v1")
    # Both loops with one of each kind; they share what computes.
    for backend in ("native", "gymnasium") if name in {"q-learning", "ppo", "dqn", "sac", "td3"} else ("native",):
        given = {"dataset": SHOWN} if name == "bc" else {"backend": backend}
        if name in TEXTS:
            config = operant.language.Transformer(width=8, layers=1, heads=2, context=8)
            model = operant.language.LanguageModel.build(config, jax.random.key(0))
            tokenizer = operant.language.tokenizers.Bytes()
            network = operant.language.Pretrained(model, tokenizer)
            place, given = None, {"dataset": PAIRS, "network": network}
        agent = operant.make(name, place, preset=None, **given, **SMALL.get(name, {}))
        agent.learn(200, progress_bar=False)
        leaves = jax.tree.leaves(agent.learner.run.state)
        wide = [leaf.dtype for leaf in leaves if leaf.dtype.name in ("float64", "complex128")]
        wrong += [(name, backend, agent.step, wide)] if wide or agent.step < 200 else []
assert not wrong, wrong
"""


def train(*names):
    done = subprocess.run(
        # JAX warns where 64 bits are written into 32.
        [sys.executable, "-W", "error::FutureWarning", "-c", TRAIN, *names],
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("name", [name for name in NATIVE if name not in NEEDY])
def test_native_environments_step_in_32_bits(name):
    environment = NATIVE[name]()

    def play(key):
        noise = base.sample_noise(environment, key, 2)
        states, *seen = base.reset(environment, noise)
        action = jax.vmap(environment.action_space.sample)(jax.random.split(key))
        return states, base.step(environment, states, action, noise), seen

    with jax.enable_x64(True):
        states, (successors, timestep), seen = jax.eval_shape(play, jax.random.key(0))
    assert {x.dtype.name for x in jax.tree.leaves((states, timestep, seen))} <= {
        "float32",
        "int32",
        "uint32",
        "uint8",
        "bool",
    }
    assert jax.tree.map(lambda x: x.dtype, states) == jax.tree.map(lambda x: x.dtype, successors)


def test_what_once_failed_trains_in_32_bits():
    train("sarsa-lambda", "evolution-strategies")


@pytest.mark.full
def test_every_algorithm_trains_in_32_bits():
    train()
