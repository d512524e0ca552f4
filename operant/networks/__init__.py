"""Networks: layers, recurrent cores, encoders of observations, and the two networks that algorithms learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports
from operant.networks.actor_critic import ActorCritic
from operant.networks.config import Network, UserModule, as_network, network_field
from operant.networks.encoder import Encoder
from operant.networks.layers import ACTIVATIONS, MLP, Convolution, LayerNorm, Linear, dropout
from operant.networks.recurrent import GRU, LSTM, StackedCells, reset_carry, unroll

if TYPE_CHECKING:
    from operant.networks.actor import Actor
    from operant.networks.critic_ensemble import CriticEnsemble
    from operant.networks.q_network import QNetwork

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "MLP",
    "Actor",
    "ActorCritic",
    "Convolution",
    "CriticEnsemble",
    "Encoder",
    "LayerNorm",
    "Linear",
    "Network",
    "QNetwork",
    "StackedCells",
    "UserModule",
    "as_network",
    "dropout",
    "network_field",
    "reset_carry",
    "unroll",
]

__getattr__ = exports(
    __name__,
    {
        "Actor": "operant.networks.actor",
        "CriticEnsemble": "operant.networks.critic_ensemble",
        "QNetwork": "operant.networks.q_network",
    },
)
