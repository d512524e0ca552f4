"""The configuration of networks, as the command line sets it and a model file stores it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, get_args

import equinox as eqx
import jax

from operant.networks.layers import ACTIVATIONS
from operant.networks.published import PUBLISHED, ImageLayers, Norm, Published
from operant.types import EnvSpec

Channels = Literal["auto", "first", "last"]
Memory = Literal["none", "gru", "lstm"]
CriticMemory = Literal["shared", "own", "none"]
Combine = Literal["concatenate", "sum", "product"]
Initialization = Literal["orthogonal", "uniform"]
Architecture = Literal["mlp", "simba", "simba_v2"]

MOST_LAYERS = (
    100  # each is compiled on its own: 10 take 15 seconds with PPO, 100 two minutes, and it grows faster
)


def _layers(convolutions: Any) -> Any:
    """Lists as tuples; a name as it is."""
    return convolutions if isinstance(convolutions, str) else tuple(tuple(layer) for layer in convolutions)


def _too_deep(name: str, layers: int) -> ValueError:
    return ValueError(
        f"network.{name}={layers} layers: at most {MOST_LAYERS}. Each is compiled on its own, and {MOST_LAYERS} take "
        "minutes already; wider layers cost less."
    )


@jax.tree_util.register_static
@dataclass(frozen=True)
class Network:
    """The sizes and kinds of a network's layers.

    Hashable, and a pytree without leaves. Lists are accepted for tuples, and a dict for `encoders`, so that
    `Network(**json.loads(json.dumps(dataclasses.asdict(network))))` is the same network.
    """

    hidden_sizes: tuple[int, ...] = (64, 64)
    """Units of each hidden layer of the policy, and of the value function unless value_hidden_sizes says otherwise."""
    activation: str = "tanh"
    """After each hidden layer: tanh, relu, gelu, silu, elu, leaky_relu, sigmoid, softplus or identity."""
    convolutions: Published | tuple[tuple[int, int, int], ...] = "nature"
    """Filters, kernel size and stride of each convolution, with ReLU, or a network by its name: dqn_2013 or nature
    (Mnih et al. 2013, 2015), impala (Espeholt et al. 2018), or small, for few cores. For images only: observations with
    three axes. Without convolutions, images are flattened."""
    residual: bool = False
    """Of the convolutions: each is a stage of residual blocks as in impala, with its filters, kernel size, and stride
    of pooling."""
    convolution_width: int = 1
    """Times as many filters in all convolutions as they say."""
    convolution_norm: Norm = "none"
    """Layer normalisation after each convolution (with residual: before pooling), and of the layer after them: over the
    channels of each pixel, over all of an image, or none."""
    convolution_pooling: int = 0
    """Rows and columns that are left of what the convolutions make of an image of any size, the largest values of
    each part; 0: all."""
    spectral_norm: bool = False
    """Divide the weights of the convolutions in residual blocks, and without residual of all, by their largest singular
    value (Miyato et al. 2018)."""
    channels: Channels = "auto"
    """The axis of an image's channels: first, last or auto. auto is last for a `FrameStack`; otherwise first if that is
    the shortest axis, and last if not."""
    convolution_features: int | None = None
    """Units of the ReLU layer after the convolutions; 0 for none; none: as many as the network of that name has, or
    512."""
    layer_norm: bool = False
    """Normalise each hidden layer before its activation (Ba et al. 2016)."""
    dropout: float = 0.0
    """Fraction of hidden units dropped while learning (Srivastava et al. 2014): after their activation; with
    layer_norm before the normalisation, as in DroQ (Hiraoka et al. 2022)."""
    weight_norm: bool = False
    """Keep the weights of each hidden unit at length 1, after every step (Palenicek et al. 2025). Best with
    layer_norm, for which their length means nothing."""
    architecture: Architecture = "mlp"
    """Of the hidden layers after the encoder: mlp, or residual blocks, simba (Lee et al. 2024) or simba_v2 (Lee et al.
    2025), of which hidden_sizes gives each one's width, as in (512, 512). Best with normalize_observations."""
    memory: Memory = "none"
    """Recurrent layers after the encoder of observations: gru, lstm or none."""
    memory_size: int = 64
    """Units of each recurrent layer."""
    memory_layers: int = 1
    """Number of recurrent layers, each on the outputs of the one before."""
    encoders: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Hidden sizes of the network of each part of a Dict, by its key (of a Tuple: its position; nested: a/b)."""
    combine: Combine = "concatenate"
    """How the encoded parts of a Dict observation are combined."""
    initialization: Initialization = "orthogonal"
    """Orthogonal with gain √2 (Saxe et al. 2014), or uniform in ±1/√inputs, which is PyTorch's default."""
    value_hidden_sizes: tuple[int, ...] | None = None
    """Units of each hidden layer of the value function; none: hidden_sizes."""
    value_layer_norm: bool | None = None
    """Whether to normalise each hidden layer of the value function; none: as layer_norm says."""
    value_dropout: float | None = None
    """Fraction of hidden units of the value function that is dropped; none: dropout."""
    share_features_extractor: bool = True
    """Whether the value function uses the policy's encoder of observations; if not, it has its own."""
    critic_memory: CriticMemory = "shared"
    """With memory: whether the value function uses the policy's recurrent layers, its own, or none."""

    def __post_init__(self) -> None:
        if isinstance(self.convolutions, str):
            self._one_of("convolutions", tuple(PUBLISHED))
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
            ("convolutions", _layers(self.convolutions)),
            ("encoders", tuple((str(key), tuple(sizes)) for key, sizes in encoders)),
        ):
            object.__setattr__(self, name, value)

        self._sizes("hidden_sizes", self.hidden_sizes)
        self._images()
        for key, sizes in self.encoders:
            self._sizes(f"encoders[{key!r}]", sizes)
        self._sizes("convolution_width", (self.convolution_width,))
        self._sizes("memory_size", (self.memory_size,))
        self._sizes("memory_layers", (self.memory_layers,))
        if self.memory_layers > MOST_LAYERS:
            raise _too_deep("memory_layers", self.memory_layers)
        self._sizes("value_hidden_sizes", self.value_hidden_sizes or ())
        for name, rate in (("dropout", self.dropout), ("value_dropout", self.value_dropout)):
            if rate is not None and not 0 <= rate < 1:
                raise ValueError(f"network.{name}={rate} is a fraction: at least 0 and less than 1.")
        self._one_of("activation", tuple(ACTIVATIONS))
        self._one_of("channels", get_args(Channels))
        self._one_of("memory", get_args(Memory))
        self._one_of("critic_memory", get_args(CriticMemory))
        if self.memory == "none" and self.critic_memory != "shared":
            raise ValueError(
                f"network.critic_memory={self.critic_memory!r}: there is no memory; set network.memory to gru or lstm."
            )
        if self.memory != "none" and self.critic_memory == "shared" and not self.share_features_extractor:
            raise ValueError(
                "network.share_features_extractor=False: then the value function cannot use the policy's recurrent "
                "layers. Set network.critic_memory to own or none."
            )
        self._one_of("combine", get_args(Combine))
        self._one_of("initialization", get_args(Initialization))
        self._one_of("architecture", get_args(Architecture))
        if self.architecture != "mlp":
            self._residual()

    @property
    def recurrent(self) -> bool:
        """Whether it has a memory."""
        return self.memory != "none"

    @property
    def of_value(self) -> Network:
        """The same with the hidden layers of the value function as those of the policy."""
        given = {
            "hidden_sizes": self.value_hidden_sizes,
            "layer_norm": self.value_layer_norm,
            "dropout": self.value_dropout,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def image_layers(self) -> ImageLayers:
        """The convolutions that are asked for, and the units of the layer after them."""
        if isinstance(self.convolutions, str):
            known = PUBLISHED[self.convolutions]
        else:
            known = ImageLayers(self.convolutions, self.residual, PUBLISHED["nature"].features)
        width, features = self.convolution_width, self.convolution_features
        return ImageLayers(
            tuple((width * filters, kernel, stride) for filters, kernel, stride in known.convolutions),
            known.residual,
            known.features if features is None else features,
        )

    def require_no_critic(self, who: str) -> None:
        """Raise ValueError if values are set that only a separate value function has."""
        for name, default in (
            ("value_hidden_sizes", None),
            ("value_layer_norm", None),
            ("value_dropout", None),
            ("share_features_extractor", True),
            ("critic_memory", "shared"),
        ):
            if (value := getattr(self, name)) != default:
                raise ValueError(
                    f"network.{name}={value!r}: {who} has no separate value function; leave it at {default!r}."
                )

    def require_descent(self, who: str) -> None:
        """Raise ValueError if weights are to be kept at a length, for `who` does not move them by an optimiser."""
        for name, constrained, what in (
            ("weight_norm", self.weight_norm, "keeps weights at a length"),
            ("architecture", self.architecture == "simba_v2", "keeps weights at a length"),
            ("spectral_norm", self.spectral_norm, "follows the weights"),
        ):
            if constrained:
                raise ValueError(
                    f"network.{name}={getattr(self, name)!r} {what} after each step of an optimiser, and {who} has "
                    "none for its policy. Leave it out."
                )

    def _images(self) -> None:
        """Raise ValueError for layers of images that cannot be."""
        layers = self.convolutions
        for name in ("convolution_features", "convolution_pooling"):
            if (value := getattr(self, name)) not in (0, None):
                self._sizes(name, (value,))
        self._one_of("convolution_norm", get_args(Norm))
        if isinstance(layers, str):
            if self.residual:
                raise ValueError(
                    f"network.residual=True: network.convolutions={layers!r} says by itself whether it is. Leave it "
                    "out, or give the filters, kernel size and stride of each stage."
                )
            return
        if len(layers) > MOST_LAYERS:
            raise _too_deep("convolutions", len(layers))
        for layer in layers:
            if len(layer) != 3:
                raise ValueError(
                    f"network.convolutions holds {layer}; each layer is (filters, kernel size, stride)."
                )
            self._sizes("convolutions", layer)
            if self.residual and layer[1] % 2 == 0:
                raise ValueError(
                    f"network.convolutions holds {layer} with network.residual: the kernel size {layer[1]} must be "
                    "odd, so that images keep their size."
                )

    def _residual(self) -> None:
        """Raise ValueError for what residual blocks cannot have."""
        for sizes in (self.hidden_sizes, self.value_hidden_sizes or self.hidden_sizes):
            if not sizes or len(set(sizes)) > 1:
                raise ValueError(
                    f"network.architecture={self.architecture!r} needs the width of each block, all the same; "
                    f"hidden sizes are {sizes}. Give for example (256, 256) for two blocks."
                )
        for name, default in (
            ("layer_norm", False),
            ("weight_norm", False),
            ("dropout", 0.0),
            ("value_layer_norm", None),
            ("value_dropout", None),
        ):
            if (value := getattr(self, name)) != default:
                raise ValueError(
                    f"network.{name}={value!r}: network.architecture={self.architecture!r} has its own "
                    f"normalisation, and no dropout; leave it at {default!r}."
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
class UserModule:
    """A user's Equinox module as a hyperparameter: static, and equal only to itself.

    Every learner starts from its weights, whatever the seed.
    """

    module: eqx.Module
    recurrent: ClassVar[bool] = False  # nobody keeps its memory


class OwnPolicy(ABC):
    """A network as a hyperparameter that is not made of an encoder and layers: it makes the whole of it itself."""

    recurrent: ClassVar[bool] = True  # it learns from whole sequences, as what it remembers is a part of it

    @abstractmethod
    def build(self, spec: EnvSpec, key: jax.Array, *, critic: bool) -> Any:
        """A network with the methods of an `ActorCritic` that acting and learning from rollouts use.

        Raises ValueError where it does not fit the environment.
        """

    def whole(self, network: Any) -> Any:
        """The network that acts, of what is learnt of it: where a part stays as it is, that is no part of `network`."""
        return network

    @property
    def has_reference(self) -> bool:
        """Whether it begins as something to stay near to, rather than at random."""
        return False

    def reference(self, network: Any) -> Any:
        """The whole network as it was before anything of `network` was learnt, without a value function."""
        raise ValueError(f"{type(self).__name__} begins at random: there is nothing to refer to.")

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Its values, as files hold them."""


def network_field(default: Network = Network()) -> Any:
    """The hyperparameter `network` of an algorithm: users may give a Network, a dict of its values, or their module.

    network: Network | UserModule = network_field(Network(hidden_sizes=(32,)))
    """
    return eqx.field(default=default, converter=as_network)


def as_network(value: Network | UserModule | OwnPolicy | eqx.Module | Mapping[str, Any]) -> Any:
    """The hyperparameter `network` from what users write: a Network, a dict of its values, or a module of their own.

    Raises:
        ValueError: the dict names a value that Network does not have, or one of its values is not allowed.
    """
    if isinstance(value, Network | UserModule | OwnPolicy):
        return value
    if not isinstance(value, Mapping):
        return UserModule(value)
    known = [field.name for field in fields(Network)]
    for name in value:
        if name not in known:
            raise ValueError(f"network.{name} is unknown; choose from {', '.join(known)}.")
    return Network(**value)
