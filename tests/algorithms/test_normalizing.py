"""The values of normalisation reach the statistics of every algorithm that keeps some."""

from __future__ import annotations

import jax
import pytest

from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.registry import build, to_json
from operant.algorithms.search.ars import ARS
from operant.algorithms.value.dqn import DQN
from operant.networks import Network
from operant.spaces import Box, Dict, Discrete
from operant.types import EnvSpec

SPEC = EnvSpec(
    "test", Dict.of({"a": Box(-1.0, 1.0, (2,)), "b": Box(-1.0, 1.0, (3,))}), Discrete(2), num_envs=16
)
PICTURES = EnvSpec("test", Box(0, 255, (3,), "uint8"), Discrete(2), num_envs=16)
VALUES = {"normalize_observations": True, "norm_obs_keys": ["b"], "clip_obs": 3, "norm_epsilon": 0.1}


@pytest.mark.parametrize("cls", [PPO, DQN, SAC, ARS])
def test_normalizes_hands_its_values_on_to_the_statistics(cls):
    small = {"network": Network(hidden_sizes=(4,))} | ({"buffer_size": 1000} if cls in (DQN, SAC) else {})
    algorithm = build(
        cls, VALUES | small | ({} if cls is ARS else {"clip_reward": 2.0, "normalize_rewards": True})
    )
    algorithm.check(SPEC)
    normalizer = jax.eval_shape(lambda key: algorithm.init(SPEC, key), jax.random.key(0)).normalizer
    assert [moments is not None for moments in normalizer.observation] == [False, True]
    assert (normalizer.clip_obs, normalizer.epsilon) == (3.0, 0.1)
    assert normalizer.clip_reward == (10.0 if cls is ARS else 2.0)
    assert build(cls, to_json(algorithm)) == algorithm
    assert algorithm.advice(SPEC) == []
    with pytest.raises(ValueError, match="norm_obs_keys names 'c'"):
        build(cls, VALUES | small | {"norm_obs_keys": ["c"]}).check(SPEC)
    said = build(cls, {"normalize_observations": True} | small).advice(PICTURES)
    assert said
    assert said[0].startswith("normalize_observations=True has nothing to do: images of bytes")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"norm_obs_keys": ["b"]}, r"norm_obs_keys=\('b',\): must be None without normalize_observations"),
        (
            {"normalize_observations": True, "norm_obs_keys": []},
            r"norm_obs_keys=\(\): must be None, or the names",
        ),
        (
            {"normalize_observations": True, "norm_obs_keys": [1]},
            r"norm_obs_keys=\(1,\): must be None, or the names",
        ),
        ({"clip_obs": 0}, "clip_obs=0.0: must be more than 0"),
        ({"clip_reward": -1.0}, "clip_reward=-1.0: must be more than 0"),
    ],
)
def test_normalizes_refuses_wrong_values(values, reason):
    with pytest.raises(ValueError, match=reason):
        build(PPO, values)
