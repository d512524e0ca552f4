"""What a network looks like, as a value: what the command line sets and a model file stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import equinox as eqx
import jax

from operant.networks.layers import ACTIVATIONS

Channels = Literal["auto", "first", "last"]
Memory = Literal["none", "gru", "lstm"]
CriticMemory = Literal["shared", "own", "none"]
Combine = Literal["concatenate", "sum", "product"]
Initialization = Literal["orthogonal", "uniform"]

MOST_LAYERS = (
    100  # each is compiled on its own: 10 take 15 seconds with PPO, 100 two minutes, and it grows faster
)


def _too_deep(name: str, layers: int) -> ValueError:
    return ValueError(
        f"network.{name}={layers} layers: at most {MOST_LAYERS}. Each is compiled on its own, and {MOST_LAYERS} take "
        "minutes already; wider layers cost less."
    )


@jax.tree_util.register_static
@dataclass(frozen=True)
class Network:
    """The sizes and kinds of a network's layers.

    Hashable, and a pytree without leaves. Lists are taken for tuples and a dict for `encoders`, so that
    `Network(**json.loads(json.dumps(dataclasses.asdict(network))))` is the same network.
    """

    hidden_sizes: tuple[int, ...] = (64, 64)
    """Units of each hidden layer, of the policy, and of the value function where value_hidden_sizes is none."""
    activation: str = "tanh"
    """After each hidden layer: tanh, relu, gelu, silu, elu, leaky_relu, sigmoid, softplus or identity."""
    convolutions: tuple[tuple[int, int, int], ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
    """Filters, kernel size and stride of each convolution, with ReLU (Mnih et al. 2015). For images only,
    which are observations of three axes; without any, they are flattened."""
    channels: Channels = "auto"
    """Which axis of an image is that of channels: first, last, or auto: the last of a `FrameStack`, else the first if
    that is the shortest."""
    convolution_features: int = 512
    """Units of the ReLU layer after the convolutions; 0 for none."""
    layer_norm: bool = False
    """Normalise each hidden layer before its activation (Ba et al. 2016)."""
    dropout: float = 0.0
    """Fraction of hidden units dropped while learning (Srivastava et al. 2014)."""
    memory: Memory = "none"
    """Recurrent layer after the observation's encoder."""
    memory_size: int = 64
    """Units of each layer of the memory."""
    memory_layers: int = 1
    """Recurrent layers, each on the outputs of the one before."""
    encoders: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Hidden sizes of a Dict input's own network, by its key (a Tuple's: its position; nested: a/b)."""
    combine: Combine = "concatenate"
    """How the encoded inputs of a Dict observation become one."""
    initialization: Initialization = "orthogonal"
    """Orthogonal with gain √2 (Saxe et al. 2014), or uniform in ±1/√inputs, which is PyTorch's default."""
    value_hidden_sizes: tuple[int, ...] | None = None
    """Units of each hidden layer of the value function; none: hidden_sizes."""
    share_features_extractor: bool = True
    """Let the value function stand on the policy's encoder of observations; otherwise it has its own."""
    critic_memory: CriticMemory = "shared"
    """With memory: whether the value function stands on the policy's, has its own, or has none."""

    def __post_init__(self) -> None:
        for name in ("hidden_sizes", "convolutions", "encoders"):
            if not isinstance(getattr(self, name), Iterable):
                raise ValueError(f"network.{name}={getattr(self, name)!r}: must be a tuple, as in (64, 64).")
        if isinstance(self.value_hidden_sizes, Iterable):
            object.__setattr__(self, "value_hidden_sizes", tuple(self.value_hidden_sizes))
        elif self.value_hidden_sizes is not None:
            value = self.value_hidden_sizes
            raise ValueError(
                f"network.value_hidden_sizes={value!r}: must be a tuple, as in (64, 64), or None."
            )
        encoders = self.encoders.items() if isinstance(self.encoders, Mapping) else self.encoders
        for name, value in (
            ("hidden_sizes", tuple(self.hidden_sizes)),
            ("convolutions", tuple(tuple(layer) for layer in self.convolutions)),
            ("encoders", tuple((str(key), tuple(sizes)) for key, sizes in encoders)),
        ):
            object.__setattr__(self, name, value)

        self._sizes("hidden_sizes", self.hidden_sizes)
        if len(self.convolutions) > MOST_LAYERS:
            raise _too_deep("convolutions", len(self.convolutions))
        for layer in self.convolutions:
            if len(layer) != 3:
                raise ValueError(
                    f"network.convolutions holds {layer}; each layer is (filters, kernel size, stride)."
                )
            self._sizes("convolutions", layer)
        for key, sizes in self.encoders:
            self._sizes(f"encoders[{key!r}]", sizes)
        if self.convolution_features != 0:
            self._sizes("convolution_features", (self.convolution_features,))
        self._sizes("memory_size", (self.memory_size,))
        self._sizes("memory_layers", (self.memory_layers,))
        if self.memory_layers > MOST_LAYERS:
            raise _too_deep("memory_layers", self.memory_layers)
        self._sizes("value_hidden_sizes", self.value_hidden_sizes or ())
        if not 0 <= self.dropout < 1:
            raise ValueError(f"network.dropout={self.dropout} is a fraction: at least 0 and less than 1.")
        self._one_of("activation", tuple(ACTIVATIONS))
        self._one_of("channels", get_args(Channels))
        self._one_of("memory", get_args(Memory))
        self._one_of("critic_memory", get_args(CriticMemory))
        if self.memory == "none" and self.critic_memory != "shared":
            raise ValueError(
                f"network.critic_memory={self.critic_memory!r}: there is no memory; give network.memory gru or lstm."
            )
        if self.memory != "none" and self.critic_memory == "shared" and not self.share_features_extractor:
            raise ValueError(
                "network.share_features_extractor=False: the value function cannot stand on the policy's memory then. "
                "Set network.critic_memory to own or none."
            )
        self._one_of("combine", get_args(Combine))
        self._one_of("initialization", get_args(Initialization))

    def require_no_critic(self, who: str) -> None:
        """Raise ValueError where values are set that are of a separate value function."""
        for name, default in (
            ("value_hidden_sizes", None),
            ("share_features_extractor", True),
            ("critic_memory", "shared"),
        ):
            if (value := getattr(self, name)) != default:
                raise ValueError(
                    f"network.{name}={value!r}: {who} has no separate value function; leave it at {default!r}."
                )

    @staticmethod
    def _sizes(name: str, sizes: tuple[Any, ...]) -> None:
        if len(sizes) > MOST_LAYERS:
            raise _too_deep(name, len(sizes))
        for size in sizes:
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"network.{name} holds {size!r}; sizes are whole numbers of at least 1.")

    def _one_of(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            raise ValueError(
                f"network.{name}={getattr(self, name)!r} is unknown; choose from {', '.join(allowed)}."
            )


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class Given:
    """An Equinox module of the user's as a hyperparameter: static, and equal only to itself.

    Every learner begins with its weights, whatever the seed.
    """

    module: eqx.Module


def network_field(default: Network = Network()) -> Any:
    """The hyperparameter `network` of an algorithm: users may give a Network, a dict of its values, or their module.

    network: Network | Given = network_field(Network(hidden_sizes=(32,)))
    """
    return eqx.field(default=default, converter=as_network)


def as_network(value: Network | Given | eqx.Module | Mapping[str, Any]) -> Network | Given:
    """A hyperparameter `network` from what users write: a Network, a dict of its values, or their own module.

    Raises:
        ValueError: the dict names a value that Network does not have, or one of its values is not allowed.
    """
    if isinstance(value, Network | Given):
        return value
    if not isinstance(value, Mapping):
        return Given(value)
    known = [field.name for field in fields(Network)]
    for name in value:
        if name not in known:
            raise ValueError(f"network.{name} is unknown; choose from {', '.join(known)}.")
    return Network(**value)
