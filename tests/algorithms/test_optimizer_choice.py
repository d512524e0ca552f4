"""Every algorithm that follows a gradient does so with the optimiser that it is given."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.registry import build, to_json
from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.pqn import PQN
from operant.ops import optimizers
from operant.ops.optimizers import adam, centred_rmsprop, descend, rmsprop

LEARNERS = [PPO, A2C, TRPO, REINFORCE, DQN, PQN, SAC, TD3]
RNG = np.random.default_rng(0)
START, GRADIENT = (jnp.asarray(RNG.normal(size=5), jnp.float32) for _ in range(2))


def after(optimizer):
    """Parameters after three steps along one gradient."""
    parameters, state = START, optimizer.init(START)
    for _ in range(3):
        parameters, state = descend(optimizer, GRADIENT, state, parameters)
    return np.asarray(parameters)


@pytest.mark.parametrize("cls", LEARNERS)
def test_gradient_learner_hands_its_choice_on_to_the_optimizer(cls):
    norm = {"max_grad_norm": 1e9} if "max_grad_norm" in cls.__dataclass_fields__ else {}
    made = {
        name: cls(optimizer=name, **norm)._optimizer(0.1) for name in ("adam", "adamw", "rmsprop_tf", "sgd")
    }
    results = {name: after(optimizer) for name, optimizer in made.items()}
    np.testing.assert_allclose(results["sgd"], START - 0.3 * GRADIENT, rtol=1e-5)
    np.testing.assert_allclose(results["adam"], after(adam(0.1, None, cls().optimizer_eps)), rtol=1e-6)
    shrunk = results["adam"] - results["adamw"]
    assert (np.sign(shrunk) == np.sign(START)).all()  # by 0.1 · 0.01 of themselves at each step
    for values in (
        {"optimizer": "sgd", "optimizer_momentum": 0.5},
        {"optimizer": "sgd", "weight_decay": 0.5},
    ):
        assert not np.allclose(after(cls(**values, **norm)._optimizer(0.1)), results["sgd"])
    betas = after(cls(optimizer="adam", optimizer_betas=(0.5, 0.9))._optimizer(0.1))
    eps = after(cls(optimizer="adam", optimizer_eps=1.0)._optimizer(0.1))
    assert not np.allclose(betas, eps)


def test_optimizer_defaults_of_ppo_trpo_reinforce_a2c_and_dqn_are_what_they_were():
    expected = {PPO: adam(0.1, 0.5, 1e-5), TRPO: adam(0.1, None, 1e-5), REINFORCE: adam(0.1, None, 1e-8)}
    expected |= {A2C: rmsprop(0.1, 0.5, 1e-5, 0.99), DQN: adam(0.1, 10.0, 1e-8)}
    for cls, optimizer in expected.items():
        np.testing.assert_array_equal(after(cls()._optimizer(0.1)), after(optimizer))
    centred = DQN(optimizer="rmsprop", optimizer_eps=0.01)._optimizer(0.1)
    np.testing.assert_array_equal(after(centred), after(centred_rmsprop(0.1, 10.0, 0.01, 0.95)))
    np.testing.assert_array_equal(after(A2C(use_rms_prop=False)._optimizer(0.1)), after(adam(0.1, 0.5, 1e-5)))
    decayed = A2C(rms_prop_alpha=0.5, rms_prop_eps=0.1)._optimizer(0.1)
    np.testing.assert_array_equal(after(decayed), after(rmsprop(0.1, 0.5, 0.1, 0.5)))


def test_optimizer_numbers_of_ppo_are_traced_and_names_are_not():
    leaves, structure = jax.tree.flatten(PPO(optimizer="adamw", weight_decay=0.1))
    assert {0.1, 1e-5, 0.99} <= set(leaves)
    assert structure != jax.tree.structure(PPO(weight_decay=0.1, optimizer="sgd"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"optimizer": "lion"},
            "optimizer='lion': must be one of adam, adamw, radam, rmsprop, rmsprop_tf, sgd",
        ),
        ({"weight_decay": 0.1}, "weight_decay=0.1: must be None with adam: adamw and sgd shrink parameters"),
        ({"optimizer_betas": [0.9]}, "optimizer_betas=(0.9,): must be two numbers from 0 to below 1"),
        ({"optimizer_betas": 0.9}, "optimizer_betas=0.9: must be a list of values"),
        ({"optimizer_betas": (0.9, 1.0)}, "must be two numbers from 0 to below 1"),
        ({"optimizer_eps": 0}, "optimizer_eps=0.0: must be more than 0"),
        ({"optimizer_momentum": 1.0}, "optimizer_momentum=1.0: must be from 0 to below 1"),
    ],
)
def test_optimizer_values_of_ppo_that_are_wrong_are_refused(values, message):
    with pytest.raises(ValueError, match=r".") as error:
        build(PPO, values)
    assert message in str(error.value)
    assert optimizers.DECAYED == ("adamw", "sgd")


def test_a2c_has_one_name_for_its_decay():
    with pytest.raises(
        ValueError, match=r"optimizer_decay=0\.5: must be left alone: A2C's is rms_prop_alpha"
    ):
        A2C(optimizer_decay=0.5)
    assert build(PPO, to_json(PPO(optimizer_betas=(0.5, 0.9)))).optimizer_betas == (0.5, 0.9)
