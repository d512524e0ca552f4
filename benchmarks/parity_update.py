"""Is one update the same? `python -m benchmarks.parity_update`: both sides learn from the same weights and rollouts.

Where two learners differ by their means over some seeds, this tells a bug from chance: after each of `UPDATES` rollouts
the parameters of operant and of its peer are compared. Nothing is random (a minibatch is the whole rollout, or the same
transitions, and both sides of an actor–critic are given the same normals), so that they differ by rounding alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

import operant
from benchmarks import common
from benchmarks.parity_cases import ACTOR_CRITICS, PAIRS, Pair
from benchmarks.parity_operant import wrappers
from benchmarks.peers.environment import python as make_environment
from operant.algorithms.base import Algorithm
from operant.envs.wrappers import wrap
from operant.networks import MLP, BatchRenorm
from operant.networks.q_network import QNetwork
from operant.ops.metrics import Masked
from operant.types import Batch, Clock, Transition

RESULT = "parity_update.json"  # `benchmarks.parity --report` shows it
UPDATES = 10
TOLERANCE = 1e-4  # of a parameter, after all updates
REPLAYED = 64  # transitions in a minibatch of the algorithms with a replay buffer
LOSSES = ("train/critic_loss", "train/actor_loss", "train/ent_coef_loss")
NAMES = (
    "A2C CartPole",
    "A2C Pendulum",
    "PPO CartPole",
    "PPO Pendulum",
    "MaskablePPO CartPole",
    "TRPO CartPole",
    "TRPO Pendulum",
    "DQN CartPole",
    "QR-DQN CartPole",
    *(pair.name for pair in ACTOR_CRITICS),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity_update", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="pairs to compare")
    parser.add_argument("--peers-python", help="interpreter that has peers/requirements.txt")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the results")
    options = parser.parse_args()
    python, missed, file = options.peers_python or make_environment(), [], options.out / RESULT
    kept = json.loads(file.read_text()) if file.exists() else {}
    for pair in (*PAIRS, *ACTOR_CRITICS):
        if pair.name in options.only:
            kept[pair.name] = compare(pair, python)
            common.write_json(file, kept)
            first, *_, last = kept[pair.name]
            print(f"{pair.name}: after 1 update {first:.1e}, after {UPDATES} {last:.1e}", flush=True)
            if not last < TOLERANCE:
                missed.append(pair.name)
    if missed:
        raise SystemExit(f"Parameters differ by more than {TOLERANCE}: {', '.join(missed)}.")


def compare(pair: Pair, python: str) -> list[float]:
    """The largest difference of any parameter after each update, and of an actor–critic's losses in it.

    Of numbers larger than 1 it is relative to them: a loss is, and Adam does not tell one from a multiple of it.
    """
    values = pair.hyperparameters
    if "n_steps" not in values:
        values = values | {"batch_size": REPLAYED}
    elif "batch_size" in values:
        values = values | {"batch_size": values["n_steps"] * pair.num_envs}
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npz"
        ours = _of_operant(pair, values, given)
        argument = {"pair": pair.settings | {"hyperparameters": values}, "given": str(given)}
        command = [
            python,
            "-m",
            "benchmarks.peers.update_sb3",
            json.dumps(argument | {"answer": str(answer)}),
        ]
        subprocess.run(command, cwd=common.ROOT, check=True)
        theirs = dict(np.load(answer))
    return [
        max(difference(value, theirs[f"{index}/{name}"]) for name, value in mine.items())
        for index, mine in enumerate(ours)
    ]


def difference(mine: np.ndarray, theirs: np.ndarray) -> float:
    """The largest one of any two numbers, relative to theirs where those are larger than 1."""
    return float((np.abs(mine - theirs) / np.maximum(np.abs(theirs), 1.0)).max())


def _of_operant(pair: Pair, values: dict[str, Any], given: Path) -> list[dict[str, np.ndarray]]:
    """Learn from rollouts of random actions; write them, and the weights before, for the peer."""
    agent = operant.make(
        pair.algorithm,
        pair.environment,
        preset=None,
        seed=0,
        num_envs=pair.num_envs,
        backend="native",
        wrappers=wrappers(pair),
        **values,
        **pair.ours,
    )
    algorithm, spec = agent.algorithm, agent.spec
    state: Any = algorithm.init(spec, jax.random.key(0))
    arrays = {f"weights/{name}": value for name, value in parameters(state).items()}
    clock = Clock(jnp.asarray(0, jnp.int32), jnp.asarray(1_000_000, jnp.int32))
    update, after = jax.jit(partial(update_given, algorithm)), []
    for index, rollout in enumerate(rollouts(pair, values.get("n_steps", REPLAYED))):
        arrays |= {f"{index}/{name}": value for name, value in rollout.items()}
        transition = Transition(**{name: jnp.asarray(value) for name, value in rollout.items()})
        if "n_steps" not in values:
            transition = jax.tree.map(lambda x: x[:, 0], transition)  # [B] of the one environment
        batch, normals = Batch(transition, jnp.ones(transition.reward.shape)), {}
        if pair in ACTOR_CRITICS:
            normals = normals_of(index, transition.action.shape)
            arrays |= {f"{index}/{name}": value for name, value in normals.items()}
        state, metrics = update(state, batch, jax.random.key(index), clock, normals)
        after.append(parameters(state) | (losses(metrics) if normals else {}))
    np.savez(given, **cast(Any, arrays))
    return after


def normals_of(seed: int, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Standard normals for the actions of a minibatch: those in targets, and those that improve the policy."""
    random = np.random.default_rng(seed)
    return {name: random.normal(size=shape).astype(np.float32) for name in ("in_target", "of_policy")}


def update_given(
    algorithm: Algorithm,
    state: Any,
    batch: Batch,
    key: jax.Array,
    clock: Clock,
    normals: dict[str, jax.Array],
) -> Any:
    """The algorithm's update, in which the normals of its actions are these: in the target first."""
    if not normals:
        return algorithm.update(state, batch, key, clock)
    first = iter((normals["in_target"],))

    def normal(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        # What improves the policy may be traced more than once.
        return jnp.reshape(next(first, normals["of_policy"]), shape)

    with patch.object(jax.random, "normal", normal):
        return algorithm.update(state, batch, key, clock)


def losses(metrics: dict[str, Any]) -> dict[str, np.ndarray]:
    """The losses of an update, by their log keys; without those of what was not updated."""
    known = {name: metrics[name] for name in LOSSES if name in metrics}
    masked = {name: value for name, value in known.items() if isinstance(value, Masked)}
    left = {name: value for name, value in known.items() if name not in masked or value.mask}
    return {name: np.asarray(value.value if name in masked else value) for name, value in left.items()}


def parameters(state: Any) -> dict[str, np.ndarray]:
    """What is learnt by Stable-Baselines3's names of it."""
    if hasattr(state, "critics"):
        return _of_actor_critic(state)
    network = state.network
    if isinstance(network, QNetwork):
        return _of_q_network(network)
    found: dict[str, np.ndarray] = {}
    for mine, hidden, output in (
        (network.policy_head, "policy_net", "action_net"),
        (network.value_head, "value_net", "value_net"),
    ):
        names = [f"mlp_extractor.{hidden}.{2 * index}" for index in range(len(mine.hidden))]
        for name, layer in zip([*names, output], [*mine.hidden, mine.output], strict=True):
            found |= {f"{name}.weight": np.asarray(layer.weight).T, f"{name}.bias": np.asarray(layer.bias)}
    return found if network.log_std is None else found | {"log_std": np.asarray(network.log_std)}


def _of_q_network(network: QNetwork) -> dict[str, np.ndarray]:
    """The peers number outputs quantile by quantile, operant action by action."""
    head, found = network.head, {}
    shared = () if head.shared is None else head.shared.hidden
    layers = [*shared, *head.action.hidden, head.action.output]
    quantiles = layers[-1].bias.size // head.actions
    name = "q_net.q_net" if quantiles == 1 else "quantile_net.quantile_net"
    for index, layer in enumerate(layers):
        weight, bias = np.asarray(layer.weight).T, np.asarray(layer.bias)
        if layer is layers[-1]:
            order = np.arange(bias.size).reshape(head.actions, quantiles).T.ravel()
            weight, bias = weight[order], bias[order]
        found |= {f"{name}.{2 * index}.weight": weight, f"{name}.{2 * index}.bias": bias}
    return found


def _of_actor_critic(state: Any) -> dict[str, np.ndarray]:
    """Actor, critics and the temperature. Of a stochastic actor the last layer is two layers of the peers'."""
    actor, critics = state.actor.head, state.critics.heads
    stochastic = hasattr(state, "log_ent_coef")
    found = _layers("actor.latent_pi" if stochastic else "actor.mu", actor, output=not stochastic)
    if stochastic:
        means, log_stds = (jax.tree.map(partial(_half, index=index), actor.output) for index in (0, 1))
        found |= _layer("actor.mu", means) | _layer("actor.log_std", log_stds)
        found["log_ent_coef"] = np.asarray(state.log_ent_coef)[None]
    for index in range(state.critics.count):
        one = jax.tree.map(lambda x, index=index: x[index], critics)
        found |= _layers(f"critic.qf{index}", one)
    return found


def _half(x: jax.Array, index: int) -> jax.Array:
    return jnp.split(x, 2, -1)[index]


def _layers(name: str, network: MLP, output: bool = True) -> dict[str, np.ndarray]:
    """Layers as the peers number them: a normalisation where there is one, a linear layer, an activation, and again;
    with or without the last linear layer, but with its normalisation."""
    found, number = {}, 0
    renorms = network.renorms or (None,) * (len(network.hidden) + 1)
    linears = [*network.hidden, network.output if output else None]
    for renorm, linear in zip(renorms, linears, strict=True):
        if renorm is not None:
            found |= _renorm(f"{name}.{number}", renorm)
            number += 1
        if linear is not None:
            found |= _layer(f"{name}.{number}", linear)
            number += 2
    return found


def _layer(name: str, layer: Any) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.asarray(layer.weight).T, f"{name}.bias": np.asarray(layer.bias)}


def _renorm(name: str, layer: BatchRenorm) -> dict[str, np.ndarray]:
    parts = {"scale": layer.scale, "bias": layer.shift, "ra_mean": layer.mean, "ra_var": layer.variance}
    found = {f"{name}.{part}": np.asarray(value) for part, value in parts.items()}
    return found | {f"{name}.steps": np.asarray(layer.count, np.int64)}


def rollouts(pair: Pair, length: int) -> list[dict[str, np.ndarray]]:
    """Random actions in Gymnasium's environments, leaves `[T, N, …]`; episodes have 30 steps, so that some are cut."""
    envs = [
        wrap(gym.make(pair.environment, max_episode_steps=30), wrappers(pair)) for _ in range(pair.num_envs)
    ]
    players = [_play(cast(gym.Env, env), seed) for seed, env in enumerate(envs)]
    found = []
    for _ in range(UPDATES):
        rows = [next(player) for _ in range(length) for player in players]
        found.append(
            {
                name: np.array([row[name] for row in rows]).reshape(
                    length, pair.num_envs, *np.shape(rows[0][name])
                )
                for name in rows[0]
            }
        )
    return found


def _play(env: gym.Env, seed: int) -> Iterator[dict[str, Any]]:
    """One step after another of random possible actions, by the names of `Transition`."""
    seen, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    while True:
        masks = {} if not env.has_wrapper_attr("action_masks") else {"action_mask": _mask(env)}
        action = env.action_space.sample(*(mask.astype(np.int8) for mask in masks.values()))
        new, reward, terminated, truncated, _ = env.step(action)
        yield {
            "observation": np.asarray(seen, np.float32),
            "action": action,
            "reward": np.float32(reward),
            "terminated": terminated,
            "truncated": truncated and not terminated,
            "next_observation": np.asarray(new, np.float32),
        } | masks
        seen = env.reset()[0] if terminated or truncated else new


def _mask(env: gym.Env) -> np.ndarray:
    return env.get_wrapper_attr("action_masks")()


if __name__ == "__main__":
    main()
