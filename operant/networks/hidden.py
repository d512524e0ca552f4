"""Hidden layers of the kind that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from operant.networks.batch_renorm import BatchRenorm
from operant.networks.config import Network
from operant.networks.layers import MLP, Linear
from operant.networks.simba import Simba, SimbaV2
from operant.networks.unit_linear import UnitLinear

Layers = MLP | Simba | SimbaV2


def hidden_layers(
    config: Network,
    size_in: int,
    sizes: tuple[int, ...],
    size_out: int | None,
    key: jax.Array,
    gain: float = 1.0,
    linear: Callable[..., Any] = Linear.build,
    *,
    renorm: Callable[[int], BatchRenorm] | None = None,
) -> Layers:
    """Layers of the configuration's kind; `gain` is the output layer's, `linear` builds one layer, and `renorm` the
    batch renormalisation of inputs of a size, for those who keep its running statistics.

    Raises:
        ValueError: the configuration asks for layers other than those that `linear` and `renorm` make.
    """
    if config.architecture != "mlp" and renorm is not None:
        raise ValueError(
            f"network.architecture={config.architecture!r} has its own normalisation, and none of minibatches. "
            "Set batch_norm=False, or leave it out."
        )
    unit = config.weight_norm or config.architecture == "simba_v2"
    if linear != Linear.build and (unit or config.architecture != "mlp"):
        what = "weight_norm=True" if config.weight_norm else f"architecture={config.architecture!r}"
        raise ValueError(f"network.{what} has no noisy layers. Set noisy=False, or leave it out.")
    if config.architecture != "mlp" and sizes:
        of, width, blocks = {"initialization": config.initialization}, sizes[0], len(sizes)
        if config.architecture == "simba_v2":
            return SimbaV2.build(size_in, width, blocks, size_out, key, **of)
        return Simba.build(
            size_in, width, blocks, size_out, key, activation=config.activation, gain=gain, **of
        )
    return MLP.build(
        size_in,
        sizes,
        size_out,
        key,
        activation=config.activation,
        layer_norm=config.layer_norm,
        dropout=config.dropout,
        initialization=config.initialization,
        gain=gain,
        linear=linear,
        hidden_linear=UnitLinear.build if config.weight_norm else None,
        renorm=renorm,
    )
