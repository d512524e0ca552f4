"""Networks: layers, recurrent cores, encoders of observations, and the two networks that algorithms learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports
from operant.networks.actor_critic import ActorCritic
from operant.networks.batch_renorm import BatchRenorm, with_statistics
from operant.networks.config import Network, OwnPolicy, UserModule, as_network, network_field
from operant.networks.encoder import Encoder
from operant.networks.layers import ACTIVATIONS, MLP, LayerNorm, Linear, dropout
from operant.networks.recurrent import GRU, LSTM, Emptied, StackedCells, reset_carry, unroll

if TYPE_CHECKING:
    from operant.networks.actor import Actor
    from operant.networks.convolution import Convolution
    from operant.networks.critic_ensemble import CriticEnsemble
    from operant.networks.q_network import QNetwork
    from operant.networks.simba import Simba, SimbaV2
    from operant.networks.torso import Torso
    from operant.networks.unit_linear import UnitLinear

__all__ = [
    "ACTIVATIONS",
    "GRU",
    "LSTM",
    "MLP",
    "Actor",
    "ActorCritic",
    "BatchRenorm",
    "Convolution",
    "CriticEnsemble",
    "Emptied",
    "Encoder",
    "LayerNorm",
    "Linear",
    "Network",
    "OwnPolicy",
    "QNetwork",
    "Simba",
    "SimbaV2",
    "StackedCells",
    "Torso",
    "UnitLinear",
    "UserModule",
    "as_network",
    "dropout",
    "network_field",
    "reset_carry",
    "unroll",
    "with_statistics",
]

__getattr__ = exports(
    __name__,
    {
        "Actor": "operant.networks.actor",
        "Convolution": "operant.networks.convolution",
        "CriticEnsemble": "operant.networks.critic_ensemble",
        "QNetwork": "operant.networks.q_network",
        "Simba": "operant.networks.simba",
        "SimbaV2": "operant.networks.simba",
        "Torso": "operant.networks.torso",
        "UnitLinear": "operant.networks.unit_linear",
    },
)
