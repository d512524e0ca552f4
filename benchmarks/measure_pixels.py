"""Gradients of operant's networks for images, in a process of its own: `python -m benchmarks.measure_pixels CASE`."""

from __future__ import annotations

import json
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np

import operant  # noqa: F401  (its settings)
from benchmarks.common import sit
from operant import settings
from operant.networks import Encoder, Linear, Network
from operant.spaces import Box

OUTPUTS = 6  # the actions of Pong
RATE = 1e-9  # of a step, after which all is as before


def main() -> None:
    settings.apply()
    case = json.loads(sys.argv[1])
    encoder, head = Network(convolutions=case["network"]), jax.random.key(1)
    space = Box(0.0, 255.0, tuple(case["shape"]), "uint8")

    def build(key: jax.Array) -> tuple:
        made = Encoder.build(encoder, space, key)
        return made, Linear.build(made.size, OUTPUTS, head)

    network = jax.jit(build)(jax.random.key(0))
    batch, count = case["batch"], case["images"] // case["batch"]
    images = np.random.default_rng(0).integers(0, 256, (batch, *space.shape), np.uint8)

    def loss(network: tuple, images: jax.Array) -> jax.Array:
        encoder, head = network
        return jnp.mean(jnp.square(head(encoder(images))))

    def step(network: tuple, images: jax.Array) -> tuple:
        gradient = jax.grad(loss)(network, images)
        return jax.tree.map(lambda w, g: w - RATE * g, network, gradient)

    def acted(network: tuple, images: jax.Array) -> jax.Array:
        return network[1](network[0](images))

    one, act = jax.jit(step, donate_argnums=0), jax.jit(acted)
    several = jax.jit(
        lambda network, images: jax.lax.fori_loop(0, count, lambda _, n: step(n, images), network),
        donate_argnums=0,
    )

    def learn() -> int:
        nonlocal network
        if case["what"] == "scan":
            network = several(network, images)
        for _ in range(0 if case["what"] == "scan" else count):
            if case["what"] == "act":
                jax.block_until_ready(act(network, images))
            else:
                network = jax.block_until_ready(one(network, images))
        jax.block_until_ready(network)
        return count * batch

    sit(learn, f"{len(jax.devices())} devices; XLA_FLAGS={os.environ.get('XLA_FLAGS', '').strip()}")


if __name__ == "__main__":
    main()
