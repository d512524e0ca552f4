"""Critics that learn probabilities of returns: targets and losses by loops, and the critic that is believed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import CHOICES, SMALL, B, minibatch, one_critic, state_of, to_units
from scipy.special import log_softmax, softmax

from operant.algorithms.actor_critic.critics import AtomProbabilities
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.soft import Choice
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.value.heads import C51
from operant.types import Batch

KEY = jax.random.key(5)
ATOMS = np.linspace(-3.0, 2.0, 6)
VALUES = {
    "distributional": "categorical",
    "n_atoms": 6,
    "v_min": -3.0,
    "v_max": 2.0,
    "gamma": 0.9,
    "network": SMALL,
}


def projected(atoms, probabilities):
    """Bellemare et al. 2017, algorithm 1, one atom after another."""
    result = np.zeros(len(ATOMS))
    for z, p in zip(atoms, probabilities, strict=True):
        place = (min(max(z, ATOMS[0]), ATOMS[-1]) - ATOMS[0]) / (ATOMS[1] - ATOMS[0])
        low = min(int(np.floor(place)), len(ATOMS) - 2)
        result[low] += p * (low + 1 - place)
        result[low + 1] += p * (place - low)
    return result


def believed(logits):
    """The probabilities of the critic whose mean is the least."""
    return softmax(min(logits, key=lambda row: softmax(row) @ ATOMS))


def test_sac_with_a_categorical_critic_has_the_loss_of_a_loop_over_samples_and_atoms():
    algorithm = SAC(ent_coef=0.3, **VALUES)
    state, transition = state_of(algorithm), minibatch()

    @jax.jit
    def run(state, batch):
        sample = algorithm.sample(batch, state)
        loss = algorithm.critic_loss(state.critics, state.target, state.actor, jnp.asarray(0.3), sample, KEY)
        policy = state.actor.policy(state.actor.torso(state.critics)(sample.next_observation, ())[0])
        return loss, Choice.of(policy, jax.random.split(KEY, 5)[0])

    (loss, (metrics, td_error)), choice = run(state, Batch(transition, jnp.ones(B)))
    losses, ends = [], []
    for i in range(B):
        after = np.concatenate([transition.next_observation[i], choice.action[i]]).astype(np.float64)
        here = np.concatenate([transition.observation[i], to_units(transition.action[i])])
        follows = 0.0 if transition.terminated[i] else 0.9
        y = float(transition.reward[i]) + follows * (ATOMS - 0.3 * float(choice.log_prob[i]))
        target = projected(y, believed([one_critic(state.target, k, after) for k in range(2)]))
        each = [-np.sum(target * log_softmax(one_critic(state.critics, k, here))) for k in range(2)]
        entropy = -np.sum(target[target > 0] * np.log(target[target > 0]))
        np.testing.assert_allclose(td_error[i], np.mean(each) - entropy, rtol=5e-3, atol=2e-3)
        losses.append(0.5 * sum(each))
        ends.append(target[[0, -1]])
    np.testing.assert_allclose(loss, np.mean(losses), rtol=2e-3)
    found = [metrics["train/target_at_v_min"], metrics["train/target_at_v_max"]]
    np.testing.assert_allclose(found, np.mean(ends, 0), rtol=1e-3, atol=1e-4)


def test_td3_with_a_categorical_critic_climbs_the_mean_of_its_first_critic():
    algorithm = TD3(**VALUES)
    state, transition = state_of(algorithm), minibatch()
    sample = algorithm.sample(Batch(transition, jnp.ones(B)), state)
    loss = jax.jit(lambda s: algorithm.actor_loss(s.actor, s.critics, sample, KEY))(state)
    inputs = np.concatenate([transition.observation, state.actor.action(transition.observation)], -1)
    q = softmax(one_critic(state.critics, 0, inputs.astype(np.float64)), -1) @ ATOMS
    np.testing.assert_allclose(loss, -np.mean(q), rtol=1e-3)


def test_categorical_target_of_discrete_actions_is_the_mixture_of_the_believed_critic_of_each():
    kind = AtomProbabilities(C51(6, -3.0, 2.0))
    logits = np.random.default_rng(1).normal(size=(3, B, 4, 6)).astype(np.float32)
    found = kind.pessimistic(jnp.asarray(logits))
    for i in range(B):
        for a in range(4):
            np.testing.assert_allclose(found[i, a], believed(logits[:, i, a].astype(np.float64)), rtol=1e-4)
    state = state_of(SAC(**VALUES), CHOICES)
    policy = state.actor.policy(minibatch(CHOICES).observation)
    mixture = Choice.of(policy, KEY).expected(found)
    expected = np.einsum("ba,bam->bm", np.exp(policy.log_probabilities), found)
    np.testing.assert_allclose(mixture, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cls", [SAC, TD3])
def test_categorical_critics_need_a_range_of_returns(cls):
    with pytest.raises(ValueError, match=r"v_max=-20.0: must be more than v_min=-10.0"):
        cls(v_max=-20.0)
    with pytest.raises(ValueError, match="n_atoms=1: must be at least 2"):
        cls(n_atoms=1)
