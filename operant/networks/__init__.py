"""Networks: layers, memories, encoders of observations, and the two networks that algorithms learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports
from operant.networks.actor_critic import ActorCritic
from operant.networks.config import Given, Network, as_network, network_field
from operant.networks.encoder import Encoder
from operant.networks.layers import ACTIVATIONS, MLP, Convolution, LayerNorm, Linear, dropout
from operant.networks.memory import GRU, LSTM, Stack, restart, unroll

if TYPE_CHECKING:
    from operant.networks.q_network import QNetwork

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "MLP",
    "ActorCritic",
    "Convolution",
    "Encoder",
    "Given",
    "LayerNorm",
    "Linear",
    "Network",
    "QNetwork",
    "Stack",
    "as_network",
    "dropout",
    "network_field",
    "restart",
    "unroll",
]

__getattr__ = exports(__name__, {"QNetwork": "operant.networks.q_network"})
