"""How much of the machine's matrix-multiplication peak updates reach.

`python -m benchmarks.peak '"matmul"'` measures the peak, `'"update"'` PPO's update alone; each prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.cases import FAMILIES

SIDE = 2048
PPO = FAMILIES["ppo"]
CRITICS, TQC_QUANTILES = 2, 25  # defaults of both sides


def forward_flops(sizes: Sequence[int]) -> int:
    """Multiplications and additions of a dense network's matrix products, for one sample."""
    return sum(2 * inputs * outputs for inputs, outputs in pairwise(sizes))


def gradient_flops(sizes: Sequence[int]) -> int:
    """Those of a forward and backward pass: two products more a layer, but the input needs no gradient."""
    return 3 * forward_flops(sizes) - forward_flops(sizes[:2])


def update_flops(policy: Sequence[int], value: Sequence[int], samples: int, epochs: int) -> int:
    """Those of one PPO update: old log-probabilities, values and successors' values once, then every epoch.

    Activations, losses and Adam are not counted.
    """
    once = forward_flops(policy) + 2 * forward_flops(value)
    return samples * (once + epochs * (gradient_flops(policy) + gradient_flops(value)))


def cartpole_flops() -> int:
    """`update_flops` of the benchmark's PPO."""
    values = PPO.hyperparameters
    samples = values["n_steps"] * PPO.num_envs
    return update_flops((4, 64, 64, 2), (4, 64, 64, 1), samples, values["n_epochs"])


def input_gradient_flops(sizes: Sequence[int]) -> int:
    """Those of a forward pass and of the gradient by the input alone."""
    return 2 * forward_flops(sizes)


def actor_critic_flops(family: str) -> float:
    """Those of one update of SAC, TD3 or TQC on Pendulum, of 3 numbers and an action of 1.

    Critics learn from a target by the (target) actor and the target critics; the actor, every `policy_delay` updates,
    through the critics: SAC and TQC through all, TD3 through the first.
    """
    algorithm, values = FAMILIES[family].algorithm, FAMILIES[family].hyperparameters
    hidden = FAMILIES[family].ours["network"]["hidden_sizes"]
    critic = (4, *hidden, TQC_QUANTILES if algorithm == "tqc" else 1)
    actor = (3, *hidden, 1 if algorithm == "td3" else 2)
    critics = forward_flops(actor) + CRITICS * (forward_flops(critic) + gradient_flops(critic))
    through = 1 if algorithm == "td3" else CRITICS
    improvement = gradient_flops(actor) + through * input_gradient_flops(critic)
    return values["batch_size"] * (critics + improvement / values.get("policy_delay", 1))


def _rate(function: Callable[[], Any], flops: int, seconds: float = 3.0) -> float:
    """Operations per second in the median of the calls that fit into that time."""
    import jax
    import numpy as np

    jax.block_until_ready(function())
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return flops / float(np.median(times))


def matmul_rate() -> float:
    """FLOP/s of a 2048² float32 product, with all cores and JAX's own settings."""
    import jax

    left, right = jax.random.normal(jax.random.key(0), (2, SIDE, SIDE))
    product = jax.jit(lambda a, b: a @ b)
    return _rate(lambda: product(left, right), 2 * SIDE**3)


def update_rate() -> float:
    """FLOP/s of PPO's update alone, of one learner, with operant's settings."""
    from dataclasses import replace

    import operant.engine  # noqa: F401 (its settings, before JAX's backend starts)

    # isort: split
    import jax
    import jax.numpy as jnp

    from operant.algorithms import registry
    from operant.envs.registry import NATIVE
    from operant.types import Batch, Clock, Transition

    algorithm = registry.build(registry.algorithm("ppo"), PPO.hyperparameters)
    spec = replace(NATIVE[PPO.environment]().spec, num_envs=PPO.num_envs)
    shape, key = (PPO.hyperparameters["n_steps"], spec.num_envs), jax.random.key(0)
    state = algorithm.init(spec, key)
    observation = jax.random.normal(key, (*shape, 4))
    never = jnp.zeros(shape, bool)
    action, reward = jax.random.randint(key, shape, 0, 2), jnp.ones(shape)
    transition = Transition(observation, action, reward, never, never, observation)
    batch = Batch(transition, jnp.ones(shape), algorithm.initial_carry(state, spec.num_envs))
    clock = Clock(jnp.asarray(0), jnp.asarray(1))
    update = jax.jit(lambda algorithm, *arguments: algorithm.update(*arguments))
    return _rate(lambda: update(algorithm, state, batch, key, clock), cartpole_flops())


if __name__ == "__main__":
    print(json.dumps(matmul_rate() if json.loads(sys.argv[1]) == "matmul" else update_rate()))
