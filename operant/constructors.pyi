# Written by `python -m tools.constructor_stubs` from the algorithms: change those, then run it again.
# ruff: noqa: E501
"""The published constructors, `operant.PPO` and the like, with every hyperparameter's type and help."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from equinox import Module
from numpy.typing import ArrayLike

from operant.agent import Agent
from operant.envs.wrappers.base import Wrapper
from operant.language.config import Transformer
from operant.language.pretrained import Pretrained
from operant.language.tokenizers.base import Tokenizer
from operant.networks.config import Network
from operant.ops.schedules import Schedule

class NetworkValues(TypedDict, total=False):
    hidden_sizes: Sequence[int]
    """Units of each hidden layer of the policy, and of the value function unless value_hidden_sizes says otherwise."""
    activation: str
    """After each hidden layer: tanh, relu, gelu, silu, elu, leaky_relu, sigmoid, softplus or identity."""
    convolutions: Literal["dqn_2013", "nature", "impala", "small"] | Sequence[Sequence[int]]
    """Filters, kernel size and stride of each convolution, with ReLU, or a network by its name: dqn_2013 or nature (Mnih et al. 2013, 2015), impala (Espeholt et al. 2018), or small, for few cores. For images only: observations with three axes. Without convolutions, images are flattened."""
    residual: bool
    """Of the convolutions: each is a stage of residual blocks as in impala, with its filters, kernel size, and stride of pooling."""
    convolution_width: int
    """Times as many filters in all convolutions as they say."""
    convolution_norm: Literal["none", "channels", "image"]
    """Layer normalisation after each convolution (with residual: before pooling), and of the layer after them: over the channels of each pixel, over all of an image, or none."""
    convolution_pooling: int
    """Rows and columns that are left of what the convolutions make of an image of any size, the largest values of each part; 0: all."""
    spectral_norm: bool
    """Divide the weights of the convolutions in residual blocks, and without residual of all, by their largest singular value (Miyato et al. 2018)."""
    channels: Literal["auto", "first", "last"]
    """The axis of an image's channels: first, last or auto. auto is last for a `FrameStack`; otherwise first if that is the shortest axis, and last if not."""
    convolution_features: int | None
    """Units of the ReLU layer after the convolutions; 0 for none; none: as many as the network of that name has, or 512."""
    layer_norm: bool
    """Normalise each hidden layer before its activation (Ba et al. 2016)."""
    dropout: float
    """Fraction of hidden units dropped while learning (Srivastava et al. 2014): after their activation; with layer_norm before the normalisation, as in DroQ (Hiraoka et al. 2022)."""
    weight_norm: bool
    """Keep the weights of each hidden unit at length 1, after every step (Palenicek et al. 2025). Best with layer_norm, for which their length means nothing."""
    architecture: Literal["mlp", "simba", "simba_v2"]
    """Of the hidden layers after the encoder: mlp, or residual blocks, simba (Lee et al. 2024) or simba_v2 (Lee et al. 2025), of which hidden_sizes gives each one's width, as in (512, 512). Best with normalize_observations."""
    memory: Literal["none", "gru", "lstm"]
    """Recurrent layers after the encoder of observations: gru, lstm or none."""
    memory_size: int
    """Units of each recurrent layer."""
    memory_layers: int
    """Number of recurrent layers, each on the outputs of the one before."""
    encoders: Mapping[str, Sequence[int]]
    """Hidden sizes of the network of each part of a Dict, by its key (of a Tuple: its position; nested: a/b)."""
    combine: Literal["concatenate", "sum", "product"]
    """How the encoded parts of a Dict observation are combined."""
    initialization: Literal["orthogonal", "uniform"]
    """Orthogonal with gain √2 (Saxe et al. 2014), or uniform in ±1/√inputs, which is PyTorch's default."""
    value_hidden_sizes: Sequence[int] | None
    """Units of each hidden layer of the value function; none: hidden_sizes."""
    value_layer_norm: bool | None
    """Whether to normalise each hidden layer of the value function; none: as layer_norm says."""
    value_dropout: float | None
    """Fraction of hidden units of the value function that is dropped; none: dropout."""
    share_features_extractor: bool
    """Whether the value function uses the policy's encoder of observations; if not, it has its own."""
    critic_memory: Literal["shared", "own", "none"]
    """With memory: whether the value function uses the policy's recurrent layers, its own, or none."""

class _QLearning:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
    ) -> Agent:
        """Q-learning in a table, for Discrete observations and actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

QLearning: _QLearning

class _DoubleQLearning:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
    ) -> Agent:
        """Double Q-learning in two tables, for Discrete observations and actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DoubleQLearning: _DoubleQLearning

class _SARSA:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
    ) -> Agent:
        """SARSA in a table, for Discrete observations and actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

SARSA: _SARSA

class _ExpectedSARSA:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
    ) -> Agent:
        """Expected SARSA in a table, for Discrete observations and actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

ExpectedSARSA: _ExpectedSARSA

class _SARSALambda:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
        trace_decay: float = 0.9,
        traces: Literal["accumulating", "replacing"] = "accumulating",
    ) -> Agent:
        """SARSA(λ) in a table, for Discrete observations and actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
            trace_decay: λ of the eligibility traces: 0 learns from the next step only, 1 from all that
                follow. Default: 0.9.
            traces: What a visit does to its trace: "accumulating" adds 1, "replacing" sets it to 1. One of
                'accumulating', 'replacing'. Default: 'accumulating'.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

SARSALambda: _SARSALambda

class _DynaQ:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        epsilon: float | Schedule | str | Callable[[Any], Any] = ...,
        exploration_bonus: float = 0.0,
        planning_steps: int = 5,
        prioritized: bool = True,
        priority_threshold: float = 0.0001,
    ) -> Agent:
        """Q-learning that also plans with a model it learns; in a table, for Discrete spaces, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            epsilon: The probability ε of a random action: a number or a schedule. Default:
                Linear(start=1.0, end=0.05, fraction=0.5).
            exploration_bonus: κ: a greedy action maximises Q(s, a) + κ/(1 + N(s, a)), where N counts how
                often the action was tried. Default: 0.0.
            planning_steps: Remembered pairs to learn from after every real step. Default: 5.
            prioritized: Sweep the pairs with the largest errors first (prioritised sweeping), instead of
                random ones (plain Dyna-Q). Default: True.
            priority_threshold: Errors below this are not planned for. Default: 0.0001.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DynaQ: _DynaQ

class _LinearQ:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.3,
        gamma: float = 0.99,
        epsilon: float | Schedule | str | Callable[[Any], Any] = 0.0,
        on_policy: bool = False,
        tilings: int = 8,
        tiles: int = 8,
        features: Callable[..., Any] | None = None,
    ) -> Agent:
        """Q-learning or SARSA with linear features, for Box observations and Discrete actions, with masks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α: with tile coding, the fraction of an error that one step removes.
                Default: 0.3.
            gamma: Discount factor γ. Default: 0.99.
            epsilon: The probability ε of a random action; 0 is enough where initial values are optimistic.
                Default: 0.0.
            on_policy: Learn by SARSA instead of Q-learning. Default: False.
            tilings: Grids of the tile coding. Default: 8.
            tiles: Tiles of a grid along each dimension. Default: 8.
            features: Your own features instead of tile coding: a JAX function from one observation to a
                vector. Default: None.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

LinearQ: _LinearQ

class _TD:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate_decay: float = 0.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        policy: ArrayLike | None = None,
        trace_decay: float = 0.0,
        traces: Literal["accumulating", "replacing"] = "accumulating",
        offline: bool = False,
    ) -> Agent:
        """Evaluating a policy by TD(λ), in a table, for Discrete observations and actions.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀: a number or a schedule such as linear:0.5:0. Default: 0.1.
            learning_rate_decay: The step size is α₀/(1 + k·decay); 0 keeps it at α₀, 1 with α₀ = 1
                averages. Default: 0.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            policy: The probability of each action in each state, an array [S, A]; None: all allowed actions
                are equally likely. Default: None.
            trace_decay: λ of the eligibility traces: 0 (TD(0)) learns from the next step only, 1 from all
                that follow. Default: 0.0.
            traces: What a visit does to its trace: "accumulating" adds 1, "replacing" sets it to 1. One of
                'accumulating', 'replacing'. Default: 'accumulating'.
            offline: Make all changes of an episode at its end. Default: False.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

TD: _TD

class _MonteCarlo:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1.0,
        learning_rate_decay: float = 1.0,
        decay_by: Literal["visits", "steps"] = "visits",
        gamma: float = 0.99,
        initial_value: float = 0.0,
        policy: ArrayLike | None = None,
        first_visit: bool = True,
        n_episodes: int = 1,
        max_steps: int = 1000,
    ) -> Agent:
        """Evaluating a policy by the mean of its returns, in a table, for Discrete observations and actions.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            learning_rate: Step size α₀. Default: 1.0.
            learning_rate_decay: The step size is α₀/(1 + k·decay): by default 1/n for the n-th return,
                which averages. Default: 1.0.
            decay_by: What k counts: "visits" of the value that is updated, or "steps" of training. One of
                'visits', 'steps'. Default: 'visits'.
            gamma: Discount factor γ. Default: 0.99.
            initial_value: Every value before learning; an optimistic one makes the agent try all actions.
                Default: 0.0.
            policy: The probability of each action in each state, an array [S, A]; None: all allowed actions
                are equally likely. Default: None.
            first_visit: Learn only from the first visit of a state in each episode, instead of every visit.
                Default: True.
            n_episodes: Episodes between two updates; a multiple of the number of environments. Default: 1.
            max_steps: Longer episodes are cut off. Default: 1000.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

MonteCarlo: _MonteCarlo

class _GridSearch:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        population_size: int = 100,
        resolution: int = 5,
        low: float = -1.0,
        high: float = 1.0,
    ) -> Agent:
        """Grid search: try all combinations of some values of each parameter.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            population_size: Points tried in parallel. Default: 100.
            resolution: Values of each parameter. Default: 5.
            low: The smallest of them. Default: -1.0.
            high: The largest. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

GridSearch: _GridSearch

class _RandomSearch:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        population_size: int = 100,
        low: float = -1.0,
        high: float = 1.0,
    ) -> Agent:
        """Random search: try parameters anywhere in a box, and keep the best.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            population_size: Candidates tried in parallel. Default: 100.
            low: The smallest value of each parameter. Default: -1.0.
            high: The largest. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

RandomSearch: _RandomSearch

class _GeneticAlgorithm:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        population_size: int = 100,
        n_survivors: int = 20,
        initial_std: float = 1.0,
        mutation_std: float | Schedule | str | Callable[[Any], Any] = 0.1,
        crossover: float = 0.0,
        elitism: bool = True,
    ) -> Agent:
        """A genetic algorithm: the best policies survive, and have offspring like them.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            population_size: Policies of a generation. Default: 100.
            n_survivors: How many of the best survive; each has the same number of offspring. Default: 20.
            initial_std: Standard deviation of each parameter in the first generation. Default: 1.0.
            mutation_std: Standard deviation of the noise on an offspring's parameters: a number or a
                schedule such as linear:0.5:0. Default: 0.1.
            crossover: The probability that an offspring has a second parent, from which about half of its
                parameters then come. Default: 0.0.
            elitism: Keep the survivors themselves in the next generation, where they are tried again, along
                with their offspring. Default: True.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

GeneticAlgorithm: _GeneticAlgorithm

class _CEM:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        population_size: int = 100,
        elite_fraction: float = 0.1,
        initial_std: float = 1.0,
        extra_std: float | Schedule | str | Callable[[Any], Any] = 0.0,
    ) -> Agent:
        """The cross-entropy method: fit a normal distribution to the best candidates, and draw the next from it.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            population_size: Candidates of a generation. Default: 100.
            elite_fraction: The share of them that the distribution is fitted to: at least two. Default:
                0.1.
            initial_std: Initial standard deviation of each parameter. Default: 1.0.
            extra_std: Deviation of the noise added to that of the elite: a number or a schedule such as
                linear:1:0. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

CEM: _CEM

class _EvolutionStrategies:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        population_size: int = 100,
        noise_std: float | Schedule | str | Callable[[Any], Any] = 0.1,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.01,
        rank_shaping: bool = True,
    ) -> Agent:
        """Evolution strategies: follow the gradient that noisy copies of the parameters estimate.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            population_size: Noisy copies of a generation, in pairs: an even number. Default: 100.
            noise_std: σ: standard deviation of the noise on each parameter. Default: 0.1.
            learning_rate: α: step size of Adam; a number or a schedule such as linear:0.1:0. Default: 0.01.
            rank_shaping: Learn from the ranks of returns instead of the returns. Default: True.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

EvolutionStrategies: _EvolutionStrategies

class _ARS:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        n_eval_episodes: int = 1,
        max_steps: int = 1000,
        alive_bonus_offset: float = 0.0,
        scale_actions: bool = True,
        policy: Literal["network", "constant"] = "network",
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_delta: int = 8,
        n_top: int | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.02,
        delta_std: float | Schedule | str | Callable[[Any], Any] = 0.05,
        zero_policy: bool = True,
    ) -> Agent:
        """Augmented random search: step along random directions by the difference in return of their two sides.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            n_eval_episodes: Episodes that each candidate plays; its fitness is their mean return. Default:
                1.
            max_steps: Longer episodes are cut off. Default: 1000.
            alive_bonus_offset: Added to each reward; −1 cancels a reward of 1 for every step survived.
                Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                network. Default: True.
            policy: What is searched: the weights of a network, or a constant action. One of 'network',
                'constant'. Default: 'network'.
            network: The network, linear by default: a Network(…), an Equinox module that maps an
                observation to features, or a search Policy of your own. Default: Network(hidden_sizes=()).
            n_delta: Random directions of a generation, each tried on both sides. Default: 8.
            n_top: How many of the best directions are used; none: all. Default: None.
            learning_rate: α: step size; a number or a schedule such as linear:0.1:0. Default: 0.02.
            delta_std: ν: the size of the perturbation along a direction. Default: 0.05.
            zero_policy: Start from parameters that are all 0, instead of the network's initialisation.
                Default: True.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

ARS: _ARS

class _REINFORCE:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.01,
        gamma: float = 0.95,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_episodes: int = 10,
        max_steps: int = 1000,
        normalize_returns: bool = True,
        baseline: bool = False,
        vf_coef: float = 0.5,
    ) -> Agent:
        """REINFORCE, the gradient of whole episodes' returns, for every action space, with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:0.01:0.
                Default: 0.01.
            gamma: Discount factor γ. Default: 0.95.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_episodes: Episodes of an update; a multiple of the number of environments. Default: 10.
            max_steps: Longer episodes are cut off. An update takes memory and time for this number of steps
                of every episode. Default: 1000.
            normalize_returns: Standardise the returns (with baseline: the advantages) over the episodes of
                an update. Default: True.
            baseline: Learn from advantages over a learnt value function instead of returns. If a time limit
                cut an episode off, the value of its last state then stands for the rest of its return;
                without a baseline that rest counts as 0. Default: False.
            vf_coef: Weight of the value loss. Default: 0.5.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

REINFORCE: _REINFORCE

class _A2C:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "rmsprop",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0007,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 5,
        gae_lambda: float = 1.0,
        normalize_advantage: bool = False,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        use_rms_prop: bool = True,
        rms_prop_alpha: float = 0.99,
        rms_prop_eps: float = 1e-05,
        async_gradients: bool = False,
    ) -> Agent:
        """Advantage actor–critic, for every action space, with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: The optimiser: adam, adamw (with weight decay), radam, rmsprop, rmsprop_tf
                (TensorFlow's: eps inside the root, and a mean square that begins at 1), or sgd. One of
                'adam', 'adamw', 'radam', 'rmsprop', 'rmsprop_tf', 'sgd'. Default: 'rmsprop'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:7e-4:0.
                Default: 0.0007.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 5.
            gae_lambda: λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns.
                Default: 1.0.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default:
                False.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            vf_coef: Weight of the value loss. Default: 0.5.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 0.5.
            use_rms_prop: With rmsprop: whether to use RMSProp; if not, Adam. Default: True.
            rms_prop_alpha: With rmsprop and rmsprop_tf: the decay of the running mean square at each
                update. Default: 0.99.
            rms_prop_eps: Added to the root of the mean square with rmsprop, and inside the root with
                rmsprop_tf. Default: 1e-05.
            async_gradients: Whether workers learn: each computes the gradient of what it played, by the
                policy it played by, and the newest parameters follow it. Without workers it changes
                nothing. Default: False.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

A2C: _A2C

class _IMPALA:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "rmsprop",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0006,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 20,
        gae_lambda: float = 1.0,
        normalize_advantage: bool = False,
        policy_lag: int | None = None,
        clip_rho: float = 1.0,
        clip_c: float = 1.0,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.01,
        vf_coef: float = 0.5,
        max_grad_norm: float = 40.0,
    ) -> Agent:
        """Actor–critic with V-trace, which corrects for an older acting policy; with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: The optimiser: adam, adamw (with weight decay), radam, rmsprop, rmsprop_tf
                (TensorFlow's: eps inside the root, and a mean square that begins at 1), or sgd. One of
                'adam', 'adamw', 'radam', 'rmsprop', 'rmsprop_tf', 'sgd'. Default: 'rmsprop'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:6e-4:0.
                Default: 0.0006.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 20.
            gae_lambda: λ of V-trace: 0 relies on the value network, 1 on the corrected returns. Default:
                1.0.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default:
                False.
            policy_lag: How many updates old the acting policy is kept; 0: the newest acts; none: 1, and
                with workers 0, since theirs are older by themselves. Default: None.
            clip_rho: ρ̄: importance ratios of TD errors are clipped at it. It decides which policy's values
                are learnt. Default: 1.0.
            clip_c: c̄: importance ratios of traces are clipped at it. It decides how fast values are
                learnt. Default: 1.0.
            ent_coef: Weight of the entropy bonus. Default: 0.01.
            vf_coef: Weight of the value loss. Default: 0.5.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 40.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

IMPALA: _IMPALA

class _TRPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 2048,
        gae_lambda: float = 0.95,
        normalize_advantage: bool = True,
        batch_size: int = 128,
        n_critic_updates: int = 10,
        target_kl: float = 0.01,
        cg_max_steps: int = 15,
        cg_damping: float = 0.1,
        line_search_max_iter: int = 10,
        line_search_shrinking_factor: float = 0.8,
        sub_sampling_factor: int = 1,
    ) -> Agent:
        """Trust region policy optimisation, for every action space, with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the value function's optimiser: a number or a schedule such as
                linear:1e-3:0. Default: 0.001.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 2048.
            gae_lambda: λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns.
                Default: 0.95.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default: True.
            batch_size: Samples in a minibatch of the value function; an epoch leaves out the remainder of a
                rollout. Default: 128.
            n_critic_updates: Epochs of the value function over each rollout. Default: 10.
            target_kl: δ: the largest KL divergence of an update, in nats. Default: 0.01.
            cg_max_steps: Conjugate gradient iterations. Default: 15.
            cg_damping: The multiple of the identity that is added to the Fisher matrix. Default: 0.1.
            line_search_max_iter: The most steps that the line search tries; if none is good, the policy
                stays as it is. Default: 10.
            line_search_shrinking_factor: The line search multiplies the step by this after each attempt.
                Default: 0.8.
            sub_sampling_factor: n: the Fisher matrix is estimated from every n-th step; of a recurrent
                network, from every n-th environment. Default: 1.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

TRPO: _TRPO

class _PPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 2048,
        gae_lambda: float = 0.95,
        normalize_advantage: bool = True,
        batch_size: int = 64,
        n_epochs: int = 10,
        objective: Literal["clip", "kl"] = "clip",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_vf: float | Schedule | str | Callable[[Any], Any] | None = None,
        kl_coef: float = 1.0,
        target_kl: float | None = None,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        vtrace: bool = False,
    ) -> Agent:
        """Proximal policy optimisation, for every action space, with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 2048.
            gae_lambda: λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns.
                Default: 0.95.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default: True.
            batch_size: Samples in a minibatch; an epoch leaves out the remainder of a rollout. A recurrent
                network learns from whole sequences of n_steps: as many as fit into batch_size, and at least
                one. Default: 64.
            n_epochs: Passes over each rollout. Default: 10.
            objective: How updates are kept small: clip clips the probability ratio, kl has a penalty for
                the KL divergence. One of 'clip', 'kl'. Default: 'clip'.
            clip_range: ε: the objective clips the probability ratio of an action to the range 1 − ε to 1 +
                ε. Default: 0.2.
            clip_range_vf: Clip the value function to its old estimate ± this, in units of the return; none:
                do not clip it. Default: None.
            kl_coef: β: the initial coefficient of the KL penalty, with objective kl. Default: 1.0.
            target_kl: With clip: stop the epochs of a rollout once the KL divergence from the old policy
                exceeds 1.5 times this; none: never. With kl: double β after a rollout with a larger
                divergence than that, and halve it after one with less than this divided by 1.5; none: keep
                β. Default: None.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            vf_coef: Weight of the value loss. Default: 0.5.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 0.5.
            vtrace: Correct values and advantages by V-trace for the age of the policy that acted, and clip
                the ratio to the policy before the update, not to that one; see workers. Default: False.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

PPO: _PPO

class _GRPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-05,
        gamma: float = 1.0,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_episodes: int = 64,
        group_size: int = 8,
        max_steps: int = 64,
        n_epochs: int = 1,
        batch_size: int | None = None,
        baseline: Literal["mean", "leave_one_out"] = "mean",
        scale: Literal["group", "batch", "none"] = "group",
        aggregation: Literal["sequence", "token", "constant"] = "sequence",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_high: float | Schedule | str | Callable[[Any], Any] | None = None,
        skip_equal_groups: bool = False,
        kl_coef: float | None = None,
        kl_estimator: Literal["k1", "k2", "k3"] = "k3",
        kl_unbiased: bool = True,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        max_grad_norm: float = 1.0,
    ) -> Agent:
        """Policy gradients from groups of episodes that begin alike, without a value function.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-5:0.
                Default: 1e-05.
            gamma: Discount factor γ of the rewards within an episode. Default: 1.0.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_episodes: Episodes of an update; a multiple of group_size and of the number of environments.
                Default: 64.
            group_size: G: episodes that begin in one and the same state, as from one prompt. Default: 8.
            max_steps: Longer episodes are cut off; of text, the tokens that a response may have
                (max_new_tokens). Default: 64.
            n_epochs: Passes over the episodes of an update. Default: 1.
            batch_size: Episodes in a minibatch; none: all of them. Default: None.
            baseline: What an episode's return is compared with: the mean of its group, or of the group's
                others (leave_one_out). One of 'mean', 'leave_one_out'. Default: 'mean'.
            scale: By what advantages are divided: the deviation of their group's returns, of the batch's,
                or none. One of 'group', 'batch', 'none'. Default: 'group'.
            aggregation: How the objective of steps becomes one number: the mean of each episode's mean
                (sequence), the mean over all steps (token), or their sum divided by episodes times
                max_steps (constant). One of 'sequence', 'token', 'constant'. Default: 'sequence'.
            clip_range: ε: the probability ratio of an action is clipped to no less than 1 − ε, and to no
                more than 1 + ε. Default: 0.2.
            clip_range_high: ε': clip to no more than 1 + ε' instead; none: 1 + ε. Default: None.
            skip_equal_groups: Leave groups whose returns are all equal out of all means. (DAPO plays others
                in their place.) Default: False.
            kl_coef: β: the weight of the KL divergence from the reference in the loss; none: there is no
                reference. Default: None.
            kl_estimator: How the divergence is estimated: k1, k2 or k3. One of 'k1', 'k2', 'k3'. Default:
                'k3'.
            kl_unbiased: Weigh estimates by ρ, so that their mean gradient is that of the divergence;
                otherwise they are differentiated as they are, as published. Default: True.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

GRPO: _GRPO

class _DQN:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.95,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.05,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int = 4,
        gradient_steps: int = 1,
        target_update_interval: int = 10000,
        double: bool = False,
        dueling: Literal["none", "mean", "max"] = "none",
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        noisy: bool = False,
        noisy_std: float = 0.5,
        distributional: Literal["none", "categorical", "quantile", "implicit"] = "none",
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_quantiles: int = 200,
        n_target_quantiles: int = 64,
        n_policy_quantiles: int = 32,
        n_cosines: int = 64,
        kappa: float = 1.0,
        munchausen: bool = False,
        munchausen_alpha: float = 0.9,
        munchausen_temperature: float = 0.03,
        munchausen_clip: float = -1.0,
        loss_function: Literal["huber", "mse"] = "huber",
        max_grad_norm: float | None = 10.0,
        held_out_states: int = 0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """Deep Q-learning, for discrete actions, with masks and memory; its flags make Rainbow, QR-DQN and IQN.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam,
                rmsprop (centred and with eps inside the root, as in DQN's papers), rmsprop_tf
                (TensorFlow's, not centred), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.95.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            exploration_fraction: Part of training over which ε falls. Default: 0.1.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 1.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.05.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-4:0.
                Default: 0.0001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 32.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 1.0.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 4.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            target_update_interval: Environment steps between two updates of the target network. Default:
                10000.
            double: Let the online network select the best next action and the target network value it,
                since the maximum of uncertain values is too high. Default: False.
            dueling: Learn a state's value and each action's advantage over their mean or over the best
                (max). One of 'none', 'mean', 'max'. Default: 'none'.
            n_step: Rewards that are summed before the target network's value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            noisy: Explore by noise on the weights of linear layers after the encoder, whose size is learnt;
                on top of ε, unless that is set to 0, as Rainbow has it. Default: False.
            noisy_std: With noisy: the noise's first size σ₀. Default: 0.5.
            distributional: Learn the distribution of returns: as probabilities of atoms (categorical), as
                quantiles at set fractions (quantile) or at any fraction (implicit). One of 'none',
                'categorical', 'quantile', 'implicit'. Default: 'none'.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_quantiles: With quantile: how many; with implicit: fractions N at which a minibatch is learnt
                from. Default: 200.
            n_target_quantiles: With implicit: fractions N' at which the target network's return is
                evaluated. Default: 64.
            n_policy_quantiles: With implicit: fractions K over which Q is averaged to select an action.
                Default: 32.
            n_cosines: With implicit: cosines that embed a fraction. Default: 64.
            kappa: With quantile and implicit: errors up to this are squared in their loss, larger ones are
                not. Default: 1.0.
            munchausen: Learn soft values, and add the log-probability of the action taken to its reward.
                Default: False.
            munchausen_alpha: With munchausen: weight α of that log-probability. Default: 0.9.
            munchausen_temperature: With munchausen: temperature τ of the policy that values are of.
                Default: 0.03.
            munchausen_clip: With munchausen: the least that τ times the log-probability counts. Default:
                -1.0.
            loss_function: How errors weigh. huber grows linearly beyond an error of 1, so that rare large
                ones, such as those at an episode's end, may go unlearnt while values rise; mse follows
                them. One of 'huber', 'mse'. Default: 'huber'.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: 10.0.
            held_out_states: States of the random policy on which to report the mean of the largest values
                (train/average_max_q). Default: 0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network(activation='relu', initialization='uniform').
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DQN: _DQN

class _PQN:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "radam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.001,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.00025,
        n_steps: int = 32,
        batch_size: int = 128,
        n_epochs: int = 2,
        gamma: float = 0.99,
        q_lambda: float = 0.65,
        max_grad_norm: float | None = 10.0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """Q-learning from rollouts of many environments, for discrete actions, with masks and recurrent networks.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'radam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            exploration_fraction: Part of training over which ε falls. Default: 0.1.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 1.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.001.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:2.5e-4:0.
                Default: 0.00025.
            n_steps: Steps of every environment in a rollout. Default: 32.
            batch_size: Samples in a minibatch; an epoch leaves out the remainder of a rollout. A recurrent
                network learns from whole sequences of n_steps: as many as fit into batch_size, and at least
                one. Default: 128.
            n_epochs: Passes over each rollout. Default: 2.
            gamma: Discount factor γ. Default: 0.99.
            q_lambda: λ of the targets: 0 trusts the network one step ahead, 1 the rewards until the rollout
                ends. Default: 0.65.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: 10.0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Without layer normalisation nothing keeps learning stable. Default:
                Network(activation='relu', layer_norm=True).
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

PQN: _PQN

class _TD3:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 2,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "first",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        tau: float = 0.005,
        target_policy_noise: float = 0.2,
        target_noise_clip: float = 0.5,
    ) -> Agent:
        """Twin delayed DDPG, for actions of a Box; its values make DDPG.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of both optimisers: a number or a schedule such as linear:1e-3:0.
                Default: 0.001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy and of the target networks. Default:
                2.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'first'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(400, 300),
                activation='relu', initialization='uniform', share_features_extractor=False).
            tau: How far target networks move towards the online ones at each of their updates; 1 copies
                them. Default: 0.005.
            target_policy_noise: Standard deviation of the noise on the target policy's actions, in halves
                of the Box. Default: 0.2.
            target_noise_clip: What that noise is clipped to, on both sides. Default: 0.5.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

TD3: _TD3

class _SAC:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 1,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "min",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        tau: float = 0.005,
        target_update_interval: int = 1,
    ) -> Agent:
        """Soft actor–critic, for actions of a Box, and Discrete ones with masks; its values make TQC, REDQ and DroQ.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy. Default: 1.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'min'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', initialization='uniform', share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 0.005.
            target_update_interval: Updates of the critics for one of the target network. Default: 1.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

SAC: _SAC

class _CrossQ:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 3,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "min",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        batch_norm: bool = True,
        batch_norm_momentum: float = 0.01,
        renorm_warmup_steps: int = 100000,
    ) -> Agent:
        """SAC without a target network, for actions of a Box, and Discrete ones with masks; its values make XQC.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update of actor and critics; of the temperature always 0.9 and 0.999.
                Default: (0.5, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:1e-3:0.
                Default: 0.001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy. Default: 3.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'min'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', initialization='uniform', value_hidden_sizes=(2048, 2048),
                share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            batch_norm: Normalise the input of every layer of actor and critics, after the encoder, by batch
                renormalisation. Default: True.
            batch_norm_momentum: With batch_norm: how far running statistics move towards those of each
                minibatch. Default: 0.01.
            renorm_warmup_steps: With batch_norm: updates in which only the minibatch's own statistics
                count, before they are corrected towards the running ones. Default: 100000.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

CrossQ: _CrossQ

class _BC:
    def __call__(
        self,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        batch_size: int = 256,
        sequence_length: int = 32,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        max_grad_norm: float = 0.5,
        validation_fraction: float = 0.0,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """Behaviour cloning of recorded actions, for every action space, with masks and memory.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored. Default: None.
            dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its
                folder, its id or itself), a .npz file or a dict of arrays (observations, actions;
                terminations, truncations, rewards, action_masks), trajectories of `operant.collect`, or an
                iterable of batches, which is streamed. `env` is then where it is scored, and may be left
                out. Default: None.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-3:0.
                Default: 0.001.
            batch_size: Recorded steps of an update; with a memory, batch_size ÷ sequence_length sequences
                of them. Default: 256.
            sequence_length: With a memory: consecutive steps that are learnt from together, across the ends
                of episodes. Default: 32.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 0.5.
            validation_fraction: Part of the dataset's episodes that is not learnt from, and on which
                validation/loss is computed. Default: 0.0.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Let a policy of a Box with bounds act in units in which they are −1 and 1;
                otherwise in those of the environment. Default: True.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network().
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

BC: _BC

class _SFT:
    def __call__(
        self,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 2e-05,
        batch_size: int = 8,
        max_grad_norm: float = 1.0,
        max_length: int | None = None,
        too_long: Literal["cut", "refuse"] = "cut",
        chat: str = "none",
        group_by_length: bool = True,
        validation_fraction: float = 0.0,
        tokenizer: str | Tokenizer | None = None,
        network: Transformer | Pretrained = ...,
        learn: Literal["response", "text"] = "response",
        packing: bool = False,
    ) -> Agent:
        """Supervised fine-tuning of a language model on texts, or on responses to prompts.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored. Default: None.
            dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its
                folder, its id or itself), a .npz file or a dict of arrays (observations, actions;
                terminations, truncations, rewards, action_masks), trajectories of `operant.collect`, or an
                iterable of batches, which is streamed. `env` is then where it is scored, and may be left
                out. Default: None.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:2e-5:0.
                Default: 2e-05.
            batch_size: Rows of the data in an update. Default: 8.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
            max_length: Tokens of a prompt and a response together; none: as many as the model looks back
                on. Default: None.
            too_long: What is done with longer ones: cut (a prompt loses its beginning, and then a response
                its end) or refuse. One of 'cut', 'refuse'. Default: 'cut'.
            chat: The form of chat in which prompts become a user's messages: none, chatml or plain.
                Default: 'none'.
            group_by_length: Draw batches from texts of about one length, and compute them at that length:
                less of them is padding. Texts of up to 32 tokens are never grouped. Default: True.
            validation_fraction: Part of the rows that is not learnt from, and on which validation/loss is
                computed. Default: 0.0.
            tokenizer: That of a model without one of its own: bytes, characters (those that there are in
                the data) or the folder of another model; none: bytes. Default: None.
            network: The model to begin with: operant.pretrained(PATH), or a Transformer, which begins at
                random. Default: Transformer(vocab_size=259, width=128, layers=4, heads=4, kv_heads=None,
                head_size=None, hidden_size=None, context=256, positions='learned', rotary_base=10000.0,
                norm='layer', norm_eps=1e-05, activation='gelu_tanh', gated=False, qkv_bias=True,
                output_bias=True, mlp_bias=True, tied=True, dropout=0.0, gradient_checkpointing=False).
            learn: The tokens that are learnt: those of the response, or of the whole text. One of
                'response', 'text'. Default: 'response'.
            packing: Put as many texts into each row as there is room for; none sees another, so that only
                less is padding. Default: False.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

SFT: _SFT

class _RewardModel:
    def __call__(
        self,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-05,
        batch_size: int = 8,
        max_grad_norm: float = 1.0,
        max_length: int | None = None,
        too_long: Literal["cut", "refuse"] = "cut",
        chat: str = "none",
        group_by_length: bool = True,
        validation_fraction: float = 0.0,
        tokenizer: str | Tokenizer | None = None,
        network: Transformer | Pretrained = ...,
        margin: float = 0.0,
        centering_coef: float = 0.0,
    ) -> Agent:
        """A score of responses, from which of two is better. It plays nothing: what it does with a text is to score it.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored. Default: None.
            dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its
                folder, its id or itself), a .npz file or a dict of arrays (observations, actions;
                terminations, truncations, rewards, action_masks), trajectories of `operant.collect`, or an
                iterable of batches, which is streamed. `env` is then where it is scored, and may be left
                out. Default: None.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-5:0.
                Default: 1e-05.
            batch_size: Rows of the data in an update. Default: 8.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
            max_length: Tokens of a prompt and a response together; none: as many as the model looks back
                on. Default: None.
            too_long: What is done with longer ones: cut (a prompt loses its beginning, and then a response
                its end) or refuse. One of 'cut', 'refuse'. Default: 'cut'.
            chat: The form of chat in which prompts become a user's messages: none, chatml or plain.
                Default: 'none'.
            group_by_length: Draw batches from texts of about one length, and compute them at that length:
                less of them is padding. Texts of up to 32 tokens are never grouped. Default: True.
            validation_fraction: Part of the rows that is not learnt from, and on which validation/loss is
                computed. Default: 0.0.
            tokenizer: That of a model without one of its own: bytes, characters (those that there are in
                the data) or the folder of another model; none: bytes. Default: None.
            network: The model to begin with: operant.pretrained(PATH), or a Transformer, which begins at
                random. Default: Transformer(vocab_size=259, width=128, layers=4, heads=4, kv_heads=None,
                head_size=None, hidden_size=None, context=256, positions='learned', rotary_base=10000.0,
                norm='layer', norm_eps=1e-05, activation='gelu_tanh', gated=False, qkv_bias=True,
                output_bias=True, mlp_bias=True, tied=True, dropout=0.0, gradient_checkpointing=False).
            margin: m: by how much the chosen response's reward should be larger at least, added to the
                "margin" of its row. Default: 0.0.
            centering_coef: c: weight of the squared sum of both rewards; 0.01 is usual. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

RewardModel: _RewardModel

class _DPO:
    def __call__(
        self,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-06,
        batch_size: int = 8,
        max_grad_norm: float = 1.0,
        max_length: int | None = None,
        too_long: Literal["cut", "refuse"] = "cut",
        chat: str = "none",
        group_by_length: bool = True,
        validation_fraction: float = 0.0,
        tokenizer: str | Tokenizer | None = None,
        network: Transformer | Pretrained = ...,
        beta: float = 0.1,
        loss_type: Literal["sigmoid", "hinge", "ipo"] = "sigmoid",
        label_smoothing: float = 0.0,
        length_normalization: bool = False,
        sft_coef: float = 0.0,
    ) -> Agent:
        """A policy over text from pairs of responses, without a reward model and without generating anything.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored. Default: None.
            dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its
                folder, its id or itself), a .npz file or a dict of arrays (observations, actions;
                terminations, truncations, rewards, action_masks), trajectories of `operant.collect`, or an
                iterable of batches, which is streamed. `env` is then where it is scored, and may be left
                out. Default: None.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-6:0.
                Default: 1e-06.
            batch_size: Rows of the data in an update. Default: 8.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
            max_length: Tokens of a prompt and a response together; none: as many as the model looks back
                on. Default: None.
            too_long: What is done with longer ones: cut (a prompt loses its beginning, and then a response
                its end) or refuse. One of 'cut', 'refuse'. Default: 'cut'.
            chat: The form of chat in which prompts become a user's messages: none, chatml or plain.
                Default: 'none'.
            group_by_length: Draw batches from texts of about one length, and compute them at that length:
                less of them is padding. Texts of up to 32 tokens are never grouped. Default: True.
            validation_fraction: Part of the rows that is not learnt from, and on which validation/loss is
                computed. Default: 0.0.
            tokenizer: That of a model without one of its own: bytes, characters (those that there are in
                the data) or the folder of another model; none: bytes. Default: None.
            network: The model to begin with: operant.pretrained(PATH), or a Transformer, which begins at
                random. Default: Transformer(vocab_size=259, width=128, layers=4, heads=4, kv_heads=None,
                head_size=None, hidden_size=None, context=256, positions='learned', rotary_base=10000.0,
                norm='layer', norm_eps=1e-05, activation='gelu_tanh', gated=False, qkv_bias=True,
                output_bias=True, mlp_bias=True, tied=True, dropout=0.0, gradient_checkpointing=False).
            beta: β: how dear it is to go away from the model that learning began with; of ipo, τ. Default:
                0.1.
            loss_type: The loss of a pair: sigmoid (DPO), hinge or ipo. One of 'sigmoid', 'hinge', 'ipo'.
                Default: 'sigmoid'.
            label_smoothing: ε: how likely it is that a judgement is wrong. Of sigmoid and hinge. Default:
                0.0.
            length_normalization: Compare responses by the means over their tokens instead of the sums, so
                that long ones differ no more. Default: False.
            sft_coef: α: weight of the likelihood of the chosen response itself, in nats a token. Default:
                0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DPO: _DPO

class _KTO:
    def __call__(
        self,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-06,
        batch_size: int = 8,
        max_grad_norm: float = 1.0,
        max_length: int | None = None,
        too_long: Literal["cut", "refuse"] = "cut",
        chat: str = "none",
        group_by_length: bool = True,
        validation_fraction: float = 0.0,
        tokenizer: str | Tokenizer | None = None,
        network: Transformer | Pretrained = ...,
        beta: float = 0.1,
        desirable_weight: float = 1.0,
        undesirable_weight: float = 1.0,
    ) -> Agent:
        """A policy over text from responses that are desirable or not, of which no two belong together.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored. Default: None.
            dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its
                folder, its id or itself), a .npz file or a dict of arrays (observations, actions;
                terminations, truncations, rewards, action_masks), trajectories of `operant.collect`, or an
                iterable of batches, which is streamed. `env` is then where it is scored, and may be left
                out. Default: None.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-6:0.
                Default: 1e-06.
            batch_size: Rows of the data in an update. Default: 8.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
            max_length: Tokens of a prompt and a response together; none: as many as the model looks back
                on. Default: None.
            too_long: What is done with longer ones: cut (a prompt loses its beginning, and then a response
                its end) or refuse. One of 'cut', 'refuse'. Default: 'cut'.
            chat: The form of chat in which prompts become a user's messages: none, chatml or plain.
                Default: 'none'.
            group_by_length: Draw batches from texts of about one length, and compute them at that length:
                less of them is padding. Texts of up to 32 tokens are never grouped. Default: True.
            validation_fraction: Part of the rows that is not learnt from, and on which validation/loss is
                computed. Default: 0.0.
            tokenizer: That of a model without one of its own: bytes, characters (those that there are in
                the data) or the folder of another model; none: bytes. Default: None.
            network: The model to begin with: operant.pretrained(PATH), or a Transformer, which begins at
                random. Default: Transformer(vocab_size=259, width=128, layers=4, heads=4, kv_heads=None,
                head_size=None, hidden_size=None, context=256, positions='learned', rotary_base=10000.0,
                norm='layer', norm_eps=1e-05, activation='gelu_tanh', gated=False, qkv_bias=True,
                output_bias=True, mlp_bias=True, tied=True, dropout=0.0, gradient_checkpointing=False).
            beta: β: how dear it is to go away from the model that learning began with. Default: 0.1.
            desirable_weight: λ_D: weight of desirable responses. The paper advises that λ_D times their
                number be 1 to 4/3 of the other. Default: 1.0.
            undesirable_weight: λ_U: weight of the others. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

KTO: _KTO

class _Random:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
    ) -> Agent:
        """Every possible action with the same probability.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

Random: _Random

class _A3C:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "rmsprop",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0007,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 5,
        gae_lambda: float = 1.0,
        normalize_advantage: bool = False,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.01,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        use_rms_prop: bool = True,
        rms_prop_alpha: float = 0.99,
        rms_prop_eps: float = 1e-05,
        async_gradients: bool = True,
    ) -> Agent:
        """Asynchronous advantage actor–critic (Mnih et al. 2016, arXiv:1602.01783): A2C whose workers compute gradients of what they play and push them to one set of parameters, without waiting for each other.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: The optimiser: adam, adamw (with weight decay), radam, rmsprop, rmsprop_tf
                (TensorFlow's: eps inside the root, and a mean square that begins at 1), or sgd. One of
                'adam', 'adamw', 'radam', 'rmsprop', 'rmsprop_tf', 'sgd'. Default: 'rmsprop'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:7e-4:0.
                Default: 0.0007.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 5.
            gae_lambda: λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns.
                Default: 1.0.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default:
                False.
            ent_coef: Weight of the entropy bonus. Default: 0.01.
            vf_coef: Weight of the value loss. Default: 0.5.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 0.5.
            use_rms_prop: With rmsprop: whether to use RMSProp; if not, Adam. Default: True.
            rms_prop_alpha: With rmsprop and rmsprop_tf: the decay of the running mean square at each
                update. Default: 0.99.
            rms_prop_eps: Added to the root of the mean square with rmsprop, and inside the root with
                rmsprop_tf. Default: 1e-05.
            async_gradients: Whether workers learn: each computes the gradient of what it played, by the
                policy it played by, and the newest parameters follow it. Without workers it changes
                nothing. Default: True.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

A3C: _A3C

class _APPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        gamma: float = 0.99,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_steps: int = 128,
        gae_lambda: float = 0.95,
        normalize_advantage: bool = False,
        batch_size: int = 128,
        n_epochs: int = 3,
        objective: Literal["clip", "kl"] = "clip",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_vf: float | Schedule | str | Callable[[Any], Any] | None = None,
        kl_coef: float = 1.0,
        target_kl: float | None = None,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        vtrace: bool = True,
    ) -> Agent:
        """Asynchronous PPO: PPO that learns from what workers played by older policies, with V-trace's values and advantages (Espeholt et al. 2018, arXiv:1802.01561) in its clipped objective.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            gamma: Discount factor γ. Default: 0.99.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_steps: Steps of every environment in a rollout. Default: 128.
            gae_lambda: λ of the generalized advantage estimate: 0 trusts the value network, 1 the returns.
                Default: 0.95.
            normalize_advantage: Standardise the advantages that a gradient is computed from. Default:
                False.
            batch_size: Samples in a minibatch; an epoch leaves out the remainder of a rollout. A recurrent
                network learns from whole sequences of n_steps: as many as fit into batch_size, and at least
                one. Default: 128.
            n_epochs: Passes over each rollout. Default: 3.
            objective: How updates are kept small: clip clips the probability ratio, kl has a penalty for
                the KL divergence. One of 'clip', 'kl'. Default: 'clip'.
            clip_range: ε: the objective clips the probability ratio of an action to the range 1 − ε to 1 +
                ε. Default: 0.2.
            clip_range_vf: Clip the value function to its old estimate ± this, in units of the return; none:
                do not clip it. Default: None.
            kl_coef: β: the initial coefficient of the KL penalty, with objective kl. Default: 1.0.
            target_kl: With clip: stop the epochs of a rollout once the KL divergence from the old policy
                exceeds 1.5 times this; none: never. With kl: double β after a rollout with a larger
                divergence than that, and halve it after one with less than this divided by 1.5; none: keep
                β. Default: None.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            vf_coef: Weight of the value loss. Default: 0.5.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 0.5.
            vtrace: Correct values and advantages by V-trace for the age of the policy that acted, and clip
                the ratio to the policy before the update, not to that one; see workers. Default: True.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

APPO: _APPO

class _RLOO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-05,
        gamma: float = 1.0,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_episodes: int = 64,
        group_size: int = 8,
        max_steps: int = 64,
        n_epochs: int = 1,
        batch_size: int | None = None,
        baseline: Literal["mean", "leave_one_out"] = "leave_one_out",
        scale: Literal["group", "batch", "none"] = "none",
        aggregation: Literal["sequence", "token", "constant"] = "constant",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_high: float | Schedule | str | Callable[[Any], Any] | None = None,
        skip_equal_groups: bool = False,
        kl_coef: float | None = None,
        kl_estimator: Literal["k1", "k2", "k3"] = "k3",
        kl_unbiased: bool = True,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        max_grad_norm: float = 1.0,
    ) -> Agent:
        """REINFORCE leave-one-out (Kool et al. 2019; Ahmadian et al. 2024, arXiv:2402.14740): policy gradients whose baseline is the mean return of the group's other episodes.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-5:0.
                Default: 1e-05.
            gamma: Discount factor γ of the rewards within an episode. Default: 1.0.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_episodes: Episodes of an update; a multiple of group_size and of the number of environments.
                Default: 64.
            group_size: G: episodes that begin in one and the same state, as from one prompt. Default: 8.
            max_steps: Longer episodes are cut off; of text, the tokens that a response may have
                (max_new_tokens). Default: 64.
            n_epochs: Passes over the episodes of an update. Default: 1.
            batch_size: Episodes in a minibatch; none: all of them. Default: None.
            baseline: What an episode's return is compared with: the mean of its group, or of the group's
                others (leave_one_out). One of 'mean', 'leave_one_out'. Default: 'leave_one_out'.
            scale: By what advantages are divided: the deviation of their group's returns, of the batch's,
                or none. One of 'group', 'batch', 'none'. Default: 'none'.
            aggregation: How the objective of steps becomes one number: the mean of each episode's mean
                (sequence), the mean over all steps (token), or their sum divided by episodes times
                max_steps (constant). One of 'sequence', 'token', 'constant'. Default: 'constant'.
            clip_range: ε: the probability ratio of an action is clipped to no less than 1 − ε, and to no
                more than 1 + ε. Default: 0.2.
            clip_range_high: ε': clip to no more than 1 + ε' instead; none: 1 + ε. Default: None.
            skip_equal_groups: Leave groups whose returns are all equal out of all means. (DAPO plays others
                in their place.) Default: False.
            kl_coef: β: the weight of the KL divergence from the reference in the loss; none: there is no
                reference. Default: None.
            kl_estimator: How the divergence is estimated: k1, k2 or k3. One of 'k1', 'k2', 'k3'. Default:
                'k3'.
            kl_unbiased: Weigh estimates by ρ, so that their mean gradient is that of the divergence;
                otherwise they are differentiated as they are, as published. Default: True.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

RLOO: _RLOO

class _DrGRPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-05,
        gamma: float = 1.0,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_episodes: int = 64,
        group_size: int = 8,
        max_steps: int = 64,
        n_epochs: int = 1,
        batch_size: int | None = None,
        baseline: Literal["mean", "leave_one_out"] = "mean",
        scale: Literal["group", "batch", "none"] = "none",
        aggregation: Literal["sequence", "token", "constant"] = "constant",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_high: float | Schedule | str | Callable[[Any], Any] | None = None,
        skip_equal_groups: bool = False,
        kl_coef: float | None = None,
        kl_estimator: Literal["k1", "k2", "k3"] = "k3",
        kl_unbiased: bool = True,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        max_grad_norm: float = 1.0,
    ) -> Agent:
        """GRPO done right (Liu et al. 2025, arXiv:2503.20783): GRPO without what prefers long responses, and easy or hard prompts.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-5:0.
                Default: 1e-05.
            gamma: Discount factor γ of the rewards within an episode. Default: 1.0.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_episodes: Episodes of an update; a multiple of group_size and of the number of environments.
                Default: 64.
            group_size: G: episodes that begin in one and the same state, as from one prompt. Default: 8.
            max_steps: Longer episodes are cut off; of text, the tokens that a response may have
                (max_new_tokens). Default: 64.
            n_epochs: Passes over the episodes of an update. Default: 1.
            batch_size: Episodes in a minibatch; none: all of them. Default: None.
            baseline: What an episode's return is compared with: the mean of its group, or of the group's
                others (leave_one_out). One of 'mean', 'leave_one_out'. Default: 'mean'.
            scale: By what advantages are divided: the deviation of their group's returns, of the batch's,
                or none. One of 'group', 'batch', 'none'. Default: 'none'.
            aggregation: How the objective of steps becomes one number: the mean of each episode's mean
                (sequence), the mean over all steps (token), or their sum divided by episodes times
                max_steps (constant). One of 'sequence', 'token', 'constant'. Default: 'constant'.
            clip_range: ε: the probability ratio of an action is clipped to no less than 1 − ε, and to no
                more than 1 + ε. Default: 0.2.
            clip_range_high: ε': clip to no more than 1 + ε' instead; none: 1 + ε. Default: None.
            skip_equal_groups: Leave groups whose returns are all equal out of all means. (DAPO plays others
                in their place.) Default: False.
            kl_coef: β: the weight of the KL divergence from the reference in the loss; none: there is no
                reference. Default: None.
            kl_estimator: How the divergence is estimated: k1, k2 or k3. One of 'k1', 'k2', 'k3'. Default:
                'k3'.
            kl_unbiased: Weigh estimates by ρ, so that their mean gradient is that of the divergence;
                otherwise they are differentiated as they are, as published. Default: True.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DrGRPO: _DrGRPO

class _DAPO:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 1e-05,
        gamma: float = 1.0,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
        log_std_init: float = 0.0,
        scale_actions: bool = True,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        n_episodes: int = 64,
        group_size: int = 8,
        max_steps: int = 64,
        n_epochs: int = 1,
        batch_size: int | None = None,
        baseline: Literal["mean", "leave_one_out"] = "mean",
        scale: Literal["group", "batch", "none"] = "group",
        aggregation: Literal["sequence", "token", "constant"] = "token",
        clip_range: float | Schedule | str | Callable[[Any], Any] = 0.2,
        clip_range_high: float | Schedule | str | Callable[[Any], Any] | None = 0.28,
        skip_equal_groups: bool = True,
        kl_coef: float | None = None,
        kl_estimator: Literal["k1", "k2", "k3"] = "k3",
        kl_unbiased: bool = True,
        ent_coef: float | Schedule | str | Callable[[Any], Any] = 0.0,
        max_grad_norm: float = 1.0,
    ) -> Agent:
        """Decoupled clip and dynamic sampling policy optimisation (Yu et al. 2025, arXiv:2503.14476): GRPO that clips higher, with a mean over tokens, and without groups that say nothing.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-5:0.
                Default: 1e-05.
            gamma: Discount factor γ of the rewards within an episode. Default: 1.0.
            use_sde: Explore a Box by noise that depends on the state and stays the same for a while (gSDE:
                Raffin et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every rollout and
                episode; −1: only with these. Default: -1.
            full_std: With use_sde: a deviation for each feature and element of the action; otherwise one
                for each feature. Default: True.
            use_expln: With use_sde: let deviations above 1 grow slowly with their parameters instead of
                exponentially. Default: False.
            squash_output: Keep actions inside a Box with bounds by a hyperbolic tangent, instead of
                clipping them. Default: False.
            log_std_init: Logarithm of the standard deviation of a Box action before learning; with
                scale_actions, in halves of the Box. Default: 0.0.
            scale_actions: Scale the actions of a bounded Box so that its bounds are −1 and 1 for the
                policy, whose first actions then cover all of it. Otherwise the policy acts in the
                environment's units, where it can hardly explore a Box(0, 1000). Default: True.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                Default: Network().
            n_episodes: Episodes of an update; a multiple of group_size and of the number of environments.
                Default: 64.
            group_size: G: episodes that begin in one and the same state, as from one prompt. Default: 8.
            max_steps: Longer episodes are cut off; of text, the tokens that a response may have
                (max_new_tokens). Default: 64.
            n_epochs: Passes over the episodes of an update. Default: 1.
            batch_size: Episodes in a minibatch; none: all of them. Default: None.
            baseline: What an episode's return is compared with: the mean of its group, or of the group's
                others (leave_one_out). One of 'mean', 'leave_one_out'. Default: 'mean'.
            scale: By what advantages are divided: the deviation of their group's returns, of the batch's,
                or none. One of 'group', 'batch', 'none'. Default: 'group'.
            aggregation: How the objective of steps becomes one number: the mean of each episode's mean
                (sequence), the mean over all steps (token), or their sum divided by episodes times
                max_steps (constant). One of 'sequence', 'token', 'constant'. Default: 'token'.
            clip_range: ε: the probability ratio of an action is clipped to no less than 1 − ε, and to no
                more than 1 + ε. Default: 0.2.
            clip_range_high: ε': clip to no more than 1 + ε' instead; none: 1 + ε. Default: 0.28.
            skip_equal_groups: Leave groups whose returns are all equal out of all means. (DAPO plays others
                in their place.) Default: True.
            kl_coef: β: the weight of the KL divergence from the reference in the loss; none: there is no
                reference. Default: None.
            kl_estimator: How the divergence is estimated: k1, k2 or k3. One of 'k1', 'k2', 'k3'. Default:
                'k3'.
            kl_unbiased: Weigh estimates by ρ, so that their mean gradient is that of the divergence;
                otherwise they are differentiated as they are, as published. Default: True.
            ent_coef: Weight of the entropy bonus. Default: 0.0.
            max_grad_norm: Gradients longer than this are shortened to it. Default: 1.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DAPO: _DAPO

class _Rainbow:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 0.00015,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.95,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 0.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.0,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 6.25e-05,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int = 4,
        gradient_steps: int = 1,
        target_update_interval: int = 10000,
        double: bool = True,
        dueling: Literal["none", "mean", "max"] = "mean",
        n_step: int = 3,
        priority: bool = True,
        priority_exponent: float = 0.5,
        priority_beta: float = 0.4,
        noisy: bool = True,
        noisy_std: float = 0.5,
        distributional: Literal["none", "categorical", "quantile", "implicit"] = "categorical",
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_quantiles: int = 200,
        n_target_quantiles: int = 64,
        n_policy_quantiles: int = 32,
        n_cosines: int = 64,
        kappa: float = 1.0,
        munchausen: bool = False,
        munchausen_alpha: float = 0.9,
        munchausen_temperature: float = 0.03,
        munchausen_clip: float = -1.0,
        loss_function: Literal["huber", "mse"] = "huber",
        max_grad_norm: float | None = 10.0,
        held_out_states: int = 0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """Rainbow (Hessel et al. 2018, arXiv:1710.02298): double, dueling, n-step, prioritised, noisy, categorical DQN.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam,
                rmsprop (centred and with eps inside the root, as in DQN's papers), rmsprop_tf
                (TensorFlow's, not centred), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 0.00015.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.95.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            exploration_fraction: Part of training over which ε falls. Default: 0.1.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 0.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.0.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-4:0.
                Default: 6.25e-05.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 32.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 1.0.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 4.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            target_update_interval: Environment steps between two updates of the target network. Default:
                10000.
            double: Let the online network select the best next action and the target network value it,
                since the maximum of uncertain values is too high. Default: True.
            dueling: Learn a state's value and each action's advantage over their mean or over the best
                (max). One of 'none', 'mean', 'max'. Default: 'mean'.
            n_step: Rewards that are summed before the target network's value stands for the rest. Default:
                3.
            priority: Replay transitions more often the larger their TD error was. Default: True.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.5.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            noisy: Explore by noise on the weights of linear layers after the encoder, whose size is learnt;
                on top of ε, unless that is set to 0, as Rainbow has it. Default: True.
            noisy_std: With noisy: the noise's first size σ₀. Default: 0.5.
            distributional: Learn the distribution of returns: as probabilities of atoms (categorical), as
                quantiles at set fractions (quantile) or at any fraction (implicit). One of 'none',
                'categorical', 'quantile', 'implicit'. Default: 'categorical'.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_quantiles: With quantile: how many; with implicit: fractions N at which a minibatch is learnt
                from. Default: 200.
            n_target_quantiles: With implicit: fractions N' at which the target network's return is
                evaluated. Default: 64.
            n_policy_quantiles: With implicit: fractions K over which Q is averaged to select an action.
                Default: 32.
            n_cosines: With implicit: cosines that embed a fraction. Default: 64.
            kappa: With quantile and implicit: errors up to this are squared in their loss, larger ones are
                not. Default: 1.0.
            munchausen: Learn soft values, and add the log-probability of the action taken to its reward.
                Default: False.
            munchausen_alpha: With munchausen: weight α of that log-probability. Default: 0.9.
            munchausen_temperature: With munchausen: temperature τ of the policy that values are of.
                Default: 0.03.
            munchausen_clip: With munchausen: the least that τ times the log-probability counts. Default:
                -1.0.
            loss_function: How errors weigh. huber grows linearly beyond an error of 1, so that rare large
                ones, such as those at an episode's end, may go unlearnt while values rise; mse follows
                them. One of 'huber', 'mse'. Default: 'huber'.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: 10.0.
            held_out_states: States of the random policy on which to report the mean of the largest values
                (train/average_max_q). Default: 0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network(activation='relu', initialization='uniform').
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

Rainbow: _Rainbow

class _BTR:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1.953125e-05,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.95,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.01,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        tau: float = 1.0,
        gamma: float = 0.997,
        train_freq: int = 1,
        gradient_steps: int = 1,
        target_update_interval: int = 10000,
        double: bool = False,
        dueling: Literal["none", "mean", "max"] = "mean",
        n_step: int = 3,
        priority: bool = True,
        priority_exponent: float = 0.2,
        priority_beta: float = 0.45,
        noisy: bool = True,
        noisy_std: float = 0.5,
        distributional: Literal["none", "categorical", "quantile", "implicit"] = "implicit",
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_quantiles: int = 8,
        n_target_quantiles: int = 8,
        n_policy_quantiles: int = 8,
        n_cosines: int = 64,
        kappa: float = 1.0,
        munchausen: bool = True,
        munchausen_alpha: float = 0.9,
        munchausen_temperature: float = 0.03,
        munchausen_clip: float = -1.0,
        loss_function: Literal["huber", "mse"] = "huber",
        max_grad_norm: float | None = 10.0,
        held_out_states: int = 0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """Beyond the Rainbow (Clark et al. 2025, arXiv:2411.03820): IQN with Munchausen targets, dueling, n-step, prioritised and noisy, of many environments.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam,
                rmsprop (centred and with eps inside the root, as in DQN's papers), rmsprop_tf
                (TensorFlow's, not centred), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1.953125e-05.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.95.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            exploration_fraction: Part of training over which ε falls. Default: 0.1.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 1.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.01.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-4:0.
                Default: 0.0001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 1.0.
            gamma: Discount factor γ. Default: 0.997.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            target_update_interval: Environment steps between two updates of the target network. Default:
                10000.
            double: Let the online network select the best next action and the target network value it,
                since the maximum of uncertain values is too high. Default: False.
            dueling: Learn a state's value and each action's advantage over their mean or over the best
                (max). One of 'none', 'mean', 'max'. Default: 'mean'.
            n_step: Rewards that are summed before the target network's value stands for the rest. Default:
                3.
            priority: Replay transitions more often the larger their TD error was. Default: True.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.2.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.45.
            noisy: Explore by noise on the weights of linear layers after the encoder, whose size is learnt;
                on top of ε, unless that is set to 0, as Rainbow has it. Default: True.
            noisy_std: With noisy: the noise's first size σ₀. Default: 0.5.
            distributional: Learn the distribution of returns: as probabilities of atoms (categorical), as
                quantiles at set fractions (quantile) or at any fraction (implicit). One of 'none',
                'categorical', 'quantile', 'implicit'. Default: 'implicit'.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_quantiles: With quantile: how many; with implicit: fractions N at which a minibatch is learnt
                from. Default: 8.
            n_target_quantiles: With implicit: fractions N' at which the target network's return is
                evaluated. Default: 8.
            n_policy_quantiles: With implicit: fractions K over which Q is averaged to select an action.
                Default: 8.
            n_cosines: With implicit: cosines that embed a fraction. Default: 64.
            kappa: With quantile and implicit: errors up to this are squared in their loss, larger ones are
                not. Default: 1.0.
            munchausen: Learn soft values, and add the log-probability of the action taken to its reward.
                Default: True.
            munchausen_alpha: With munchausen: weight α of that log-probability. Default: 0.9.
            munchausen_temperature: With munchausen: temperature τ of the policy that values are of.
                Default: 0.03.
            munchausen_clip: With munchausen: the least that τ times the log-probability counts. Default:
                -1.0.
            loss_function: How errors weigh. huber grows linearly beyond an error of 1, so that rare large
                ones, such as those at an episode's end, may go unlearnt while values rise; mse follows
                them. One of 'huber', 'mse'. Default: 'huber'.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: 10.0.
            held_out_states: States of the random policy on which to report the mean of the largest values
                (train/average_max_q). Default: 0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network(activation='relu', initialization='uniform').
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

BTR: _BTR

class _QRDQN:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 0.0003125,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.95,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        exploration_fraction: float = 0.005,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.01,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 5e-05,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int = 4,
        gradient_steps: int = 1,
        target_update_interval: int = 10000,
        double: bool = False,
        dueling: Literal["none", "mean", "max"] = "none",
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        noisy: bool = False,
        noisy_std: float = 0.5,
        distributional: Literal["none", "categorical", "quantile", "implicit"] = "quantile",
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_quantiles: int = 200,
        n_target_quantiles: int = 64,
        n_policy_quantiles: int = 32,
        n_cosines: int = 64,
        kappa: float = 1.0,
        munchausen: bool = False,
        munchausen_alpha: float = 0.9,
        munchausen_temperature: float = 0.03,
        munchausen_clip: float = -1.0,
        loss_function: Literal["huber", "mse"] = "huber",
        max_grad_norm: float | None = None,
        held_out_states: int = 0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """DQN that learns quantiles of the return (Dabney, Rowland et al. 2018, arXiv:1710.10044).

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam,
                rmsprop (centred and with eps inside the root, as in DQN's papers), rmsprop_tf
                (TensorFlow's, not centred), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 0.0003125.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.95.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            exploration_fraction: Part of training over which ε falls. Default: 0.005.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 1.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.01.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-4:0.
                Default: 5e-05.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 32.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 1.0.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 4.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            target_update_interval: Environment steps between two updates of the target network. Default:
                10000.
            double: Let the online network select the best next action and the target network value it,
                since the maximum of uncertain values is too high. Default: False.
            dueling: Learn a state's value and each action's advantage over their mean or over the best
                (max). One of 'none', 'mean', 'max'. Default: 'none'.
            n_step: Rewards that are summed before the target network's value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            noisy: Explore by noise on the weights of linear layers after the encoder, whose size is learnt;
                on top of ε, unless that is set to 0, as Rainbow has it. Default: False.
            noisy_std: With noisy: the noise's first size σ₀. Default: 0.5.
            distributional: Learn the distribution of returns: as probabilities of atoms (categorical), as
                quantiles at set fractions (quantile) or at any fraction (implicit). One of 'none',
                'categorical', 'quantile', 'implicit'. Default: 'quantile'.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_quantiles: With quantile: how many; with implicit: fractions N at which a minibatch is learnt
                from. Default: 200.
            n_target_quantiles: With implicit: fractions N' at which the target network's return is
                evaluated. Default: 64.
            n_policy_quantiles: With implicit: fractions K over which Q is averaged to select an action.
                Default: 32.
            n_cosines: With implicit: cosines that embed a fraction. Default: 64.
            kappa: With quantile and implicit: errors up to this are squared in their loss, larger ones are
                not. Default: 1.0.
            munchausen: Learn soft values, and add the log-probability of the action taken to its reward.
                Default: False.
            munchausen_alpha: With munchausen: weight α of that log-probability. Default: 0.9.
            munchausen_temperature: With munchausen: temperature τ of the policy that values are of.
                Default: 0.03.
            munchausen_clip: With munchausen: the least that τ times the log-probability counts. Default:
                -1.0.
            loss_function: How errors weigh. huber grows linearly beyond an error of 1, so that rare large
                ones, such as those at an episode's end, may go unlearnt while values rise; mse follows
                them. One of 'huber', 'mse'. Default: 'huber'.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            held_out_states: States of the random policy on which to report the mean of the largest values
                (train/average_max_q). Default: 0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network(activation='relu', initialization='uniform').
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

QRDQN: _QRDQN

class _IQN:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 0.0003125,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.95,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        exploration_fraction: float = 0.005,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float | Schedule | str | Callable[[Any], Any] = 0.01,
        exploration_repeat: float | None = None,
        temperature: float | Schedule | str | Callable[[Any], Any] | None = None,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 5e-05,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int = 4,
        gradient_steps: int = 1,
        target_update_interval: int = 10000,
        double: bool = False,
        dueling: Literal["none", "mean", "max"] = "none",
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        noisy: bool = False,
        noisy_std: float = 0.5,
        distributional: Literal["none", "categorical", "quantile", "implicit"] = "implicit",
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_quantiles: int = 64,
        n_target_quantiles: int = 64,
        n_policy_quantiles: int = 32,
        n_cosines: int = 64,
        kappa: float = 1.0,
        munchausen: bool = False,
        munchausen_alpha: float = 0.9,
        munchausen_temperature: float = 0.03,
        munchausen_clip: float = -1.0,
        loss_function: Literal["huber", "mse"] = "huber",
        max_grad_norm: float | None = None,
        held_out_states: int = 0,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
    ) -> Agent:
        """DQN that learns the return's quantile function (Dabney, Ostrovski et al. 2018, arXiv:1806.06923).

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam,
                rmsprop (centred and with eps inside the root, as in DQN's papers), rmsprop_tf
                (TensorFlow's, not centred), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 0.0003125.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.95.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            exploration_fraction: Part of training over which ε falls. Default: 0.005.
            exploration_initial_eps: ε at the start: the probability of a random action. Default: 1.0.
            exploration_final_eps: ε after that: a number, or a schedule such as step:0.01:0:0.5, which ends
                all exploration by ε half-way. Default: 0.01.
            exploration_repeat: Repeat each random action for a number of steps drawn from a zeta
                distribution with this exponent (εz-greedy: Dabney et al. 2021, who take 2); none: for one
                step. Default: None.
            temperature: Soft (Boltzmann) exploration: draw actions from the softmax of Q over this; none:
                take the best. Default: None.
            learning_rate: Step size of the optimiser: a number or a schedule such as linear:1e-4:0.
                Default: 5e-05.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 32.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 1.0.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 4.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            target_update_interval: Environment steps between two updates of the target network. Default:
                10000.
            double: Let the online network select the best next action and the target network value it,
                since the maximum of uncertain values is too high. Default: False.
            dueling: Learn a state's value and each action's advantage over their mean or over the best
                (max). One of 'none', 'mean', 'max'. Default: 'none'.
            n_step: Rewards that are summed before the target network's value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            noisy: Explore by noise on the weights of linear layers after the encoder, whose size is learnt;
                on top of ε, unless that is set to 0, as Rainbow has it. Default: False.
            noisy_std: With noisy: the noise's first size σ₀. Default: 0.5.
            distributional: Learn the distribution of returns: as probabilities of atoms (categorical), as
                quantiles at set fractions (quantile) or at any fraction (implicit). One of 'none',
                'categorical', 'quantile', 'implicit'. Default: 'implicit'.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_quantiles: With quantile: how many; with implicit: fractions N at which a minibatch is learnt
                from. Default: 64.
            n_target_quantiles: With implicit: fractions N' at which the target network's return is
                evaluated. Default: 64.
            n_policy_quantiles: With implicit: fractions K over which Q is averaged to select an action.
                Default: 32.
            n_cosines: With implicit: cosines that embed a fraction. Default: 64.
            kappa: With quantile and implicit: errors up to this are squared in their loss, larger ones are
                not. Default: 1.0.
            munchausen: Learn soft values, and add the log-probability of the action taken to its reward.
                Default: False.
            munchausen_alpha: With munchausen: weight α of that log-probability. Default: 0.9.
            munchausen_temperature: With munchausen: temperature τ of the policy that values are of.
                Default: 0.03.
            munchausen_clip: With munchausen: the least that τ times the log-probability counts. Default:
                -1.0.
            loss_function: How errors weigh. huber grows linearly beyond an error of 1, so that rare large
                ones, such as those at an episode's end, may go unlearnt while values rise; mse follows
                them. One of 'huber', 'mse'. Default: 'huber'.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            held_out_states: States of the random policy on which to report the mean of the largest values
                (train/average_max_q). Default: 0.
            network: The network: a Network of values, or any Equinox module that maps an observation to
                features. Default: Network(activation='relu', initialization='uniform').
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

IQN: _IQN

class _DDPG:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 1,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 1,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "first",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        tau: float = 0.005,
        target_policy_noise: float = 0.0,
        target_noise_clip: float = 0.0,
    ) -> Agent:
        """Deep deterministic policy gradient (Lillicrap et al. 2016, arXiv:1509.02971): TD3 with one critic, without delay or noise in targets.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of both optimisers: a number or a schedule such as linear:1e-3:0.
                Default: 0.001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy and of the target networks. Default:
                1.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 1.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'first'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(400, 300),
                activation='relu', initialization='uniform', share_features_extractor=False).
            tau: How far target networks move towards the online ones at each of their updates; 1 copies
                them. Default: 0.005.
            target_policy_noise: Standard deviation of the noise on the target policy's actions, in halves
                of the Box. Default: 0.0.
            target_noise_clip: What that noise is clipped to, on both sides. Default: 0.0.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DDPG: _DDPG

class _TQC:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 1,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "mean",
        distributional: Literal["none", "quantile", "categorical"] = "quantile",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        tau: float = 0.005,
        target_update_interval: int = 1,
    ) -> Agent:
        """Truncated quantile critics (Kuznetsov et al. 2020, arXiv:2005.04269): SAC that learns quantiles of the return, and drops the largest of all critics' together.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy. Default: 1.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'mean'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'quantile'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', initialization='uniform', share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 0.005.
            target_update_interval: Updates of the critics for one of the target network. Default: 1.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

TQC: _TQC

class _REDQ:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 20,
        policy_delay: int = 20,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 10,
        critic_subset: int | None = 2,
        policy_q: Literal["min", "mean", "first"] = "mean",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        tau: float = 0.005,
        target_update_interval: int = 1,
    ) -> Agent:
        """Randomized ensembled double Q-learning (Chen et al. 2021, arXiv:2101.05982): SAC with ten critics, the least of two at random in targets, and 20 updates of them for each step and each update of the policy.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 20.
            policy_delay: Updates of the critics for one of the policy. Default: 20.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 10.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: 2.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'mean'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', initialization='uniform', share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 0.005.
            target_update_interval: Updates of the critics for one of the target network. Default: 1.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

REDQ: _REDQ

class _DroQ:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = False,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.0003,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 20,
        policy_delay: int = 20,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "mean",
        distributional: Literal["none", "quantile", "categorical"] = "none",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 51,
        v_min: float = -10.0,
        v_max: float = 10.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        tau: float = 0.005,
        target_update_interval: int = 1,
    ) -> Agent:
        """Dropout Q-functions (Hiraoka et al. 2022, arXiv:2110.02034): SAC whose two critics have dropout and layer normalisation, in targets as well, and 20 updates of them for each step and each update of the policy.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update. Default: (0.9, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: False.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:3e-4:0.
                Default: 0.0003.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 20.
            policy_delay: Updates of the critics for one of the policy. Default: 20.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'mean'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'none'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 51.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -10.0.
            v_max: With categorical: the greatest. Default: 10.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', initialization='uniform', value_layer_norm=True, value_dropout=0.01,
                share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            tau: How far the target network moves towards the online one at each of its updates; 1 copies
                it. Default: 0.005.
            target_update_interval: Updates of the critics for one of the target network. Default: 1.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

DroQ: _DroQ

class _XQC:
    def __call__(
        self,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Literal["auto", "native", "gymnasium"] = "auto",
        vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto",
        wrappers: Wrapper | str | Mapping[str, Any] | Sequence[Wrapper | str | Mapping[str, Any]] = ...,
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: Literal["forkserver", "spawn", "fork"] | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: Literal["thread", "ray"] | None = None,
        ray_address: str | None = None,
        stats_window_size: int = 100,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        optimizer: Literal["adam", "adamw", "radam", "rmsprop", "rmsprop_tf", "sgd"] = "adam",
        optimizer_eps: float = 1e-08,
        optimizer_betas: Sequence[float] = ...,
        optimizer_decay: float = 0.99,
        optimizer_momentum: float = 0.0,
        weight_decay: float | None = None,
        normalize_observations: bool = False,
        norm_obs_keys: Sequence[str] | None = None,
        clip_obs: float = 10.0,
        norm_epsilon: float = 1e-08,
        normalize_rewards: bool = True,
        clip_reward: float = 10.0,
        sequence_length: int = 20,
        burn_in: int = 10,
        hindsight: Literal["none", "future", "final", "episode"] = "none",
        n_sampled_goal: int = 4,
        learning_rate: float | Schedule | str | Callable[[Any], Any] = 0.001,
        buffer_size: int = 1000000,
        learning_starts: int = 100,
        batch_size: int = 256,
        gamma: float = 0.99,
        train_freq: int = 1,
        gradient_steps: int = 1,
        policy_delay: int = 3,
        action_noise: Literal["normal", "ornstein-uhlenbeck"] | None = None,
        action_noise_sigma: float | Schedule | str | Callable[[Any], Any] = 0.1,
        n_critics: int = 2,
        critic_subset: int | None = None,
        policy_q: Literal["min", "mean", "first"] = "min",
        distributional: Literal["none", "quantile", "categorical"] = "categorical",
        n_quantiles: int = 25,
        top_quantiles_to_drop_per_net: int = 2,
        n_atoms: int = 101,
        v_min: float = -5.0,
        v_max: float = 5.0,
        n_step: int = 1,
        priority: bool = False,
        priority_exponent: float = 0.6,
        priority_beta: float = 0.4,
        max_grad_norm: float | None = None,
        network: Network | NetworkValues | Mapping[str, Any] | Module = ...,
        ent_coef: float | str = "auto",
        target_entropy: float | str = "auto",
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        log_std_init: float = -3.0,
        batch_norm: bool = True,
        batch_norm_momentum: float = 0.01,
        renorm_warmup_steps: int = 100000,
    ) -> Agent:
        """CrossQ whose hidden weights have length 1, and whose critics learn probabilities of returns (Palenicek et al. 2025, arXiv:2509.25174), on normalised rewards.

        Args:
            env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
                vector environment, or a native one; or a list of ids and callables, one for each copy, of
                which the first is scored.
            seed: All randomness derives from it. Default: 0.
            seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or
                which. Default: None.
            num_envs: Environments stepped together, for each learner; by default as many as the algorithm
                says: one, or for a policy search one for each candidate. Default: None.
            backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps
                it in Python; "auto" takes the twin where there is one. Scores always come from Gymnasium's
                own. Default: 'auto'.
            vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one
                process each), "ray" (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the
                environment's own); "auto" takes the last for Atari games, and else "sync". Default: 'auto'.
            wrappers: What the environment is wrapped in, the innermost first: values such as
                `Discretize(5)`, or text such as "discretize:5". It is played in them wherever it is played;
                returns are of its own rewards. Default: ().
            env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery":
                False}`. The `reward` of text may be the run of a reward model. Default: None.
            start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by
                default the first that the system has. All but "fork" need `if __name__ == "__main__":` in
                the script. Default: None.
            env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops
                training, which keeps its last state, and is named. None for any time. Default: None.
            async_collect: Whether environments that are stepped in Python go on while what they gave before
                is learnt from. They are then played by the policy before the last update, except at the
                beginning of each row of metrics (`rollout/policy_lag` says how often). Results are as
                reproducible, and other ones. Default: False.
            devices: How many devices train together, of those that `operant info` lists. Several seeds are
                divided among them first; where there are more, or one learner, they share its environments
                and its batches, and the results are those of one device within the order of float32 sums.
                None: as many as divide the seeds. Default: None.
            workers: How many workers play for one learner, each with `num_envs` environments and a policy
                of its own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none
                for most. Default: None.
            fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly;
                None: the newest. Default: None.
            max_lag: What is played by a policy that is more updates old is left out; by default 16 for each
                worker. Default: None.
            worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a
                process that Ray starts, on this machine or on those of a cluster (docs/ray.md). Default:
                None.
            ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this
                machine is part of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for
                Ray on this machine alone. Default: None.
            stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the
                means. Default: 100.
            preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any,
                and says so; another name those of that name; None plain defaults. What you give takes
                precedence over a preset. Default: 'auto'.
            curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or
                `Counts`, or the name of one, which then has the preset's values if there are any. Default:
                None.
            kl_penalty: What every step pays for the distance from the model that the network began as: a
                `KLPenalty`, its coefficient, or text as `--kl-penalty` takes it. Default: None.
            optimizer: How parameters follow their gradient: adam, adamw (which also shrinks them), radam
                (which begins as momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a
                mean square that begins at 1), or sgd. One of 'adam', 'adamw', 'radam', 'rmsprop',
                'rmsprop_tf', 'sgd'. Default: 'adam'.
            optimizer_eps: With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from
                dividing by 0. Default: 1e-08.
            optimizer_betas: With adam, adamw and radam: how much of the averages of the gradient and of its
                square stays at each update of actor and critics; of the temperature always 0.9 and 0.999.
                Default: (0.5, 0.999).
            optimizer_decay: With rmsprop and rmsprop_tf: how much of the mean square stays at each update.
                Default: 0.99.
            optimizer_momentum: With sgd: how much of the last step is taken again. Default: 0.0.
            weight_decay: With adamw and sgd: how far parameters shrink towards 0, for each unit of the
                learning rate; none: 0.01 with adamw, 0 with sgd. Default: None.
            normalize_observations: Shift and scale observations by their running statistics; bytes (images)
                and choices are left as they are. Default: False.
            norm_obs_keys: With normalize_observations: the parts of a Dict observation that are normalised
                (nested: a/b; of a Tuple: its position), images too where they are named; none: all numbers
                but bytes and choices. Default: None.
            clip_obs: With normalize_observations: what normalised observations are clipped to, on both
                sides. Default: 10.0.
            norm_epsilon: With normalize_observations or normalize_rewards: what is added to variances, so
                that none is 0. Default: 1e-08.
            normalize_rewards: Scale rewards by the running deviation of their discounted return (by gamma).
                Default: True.
            clip_reward: With normalize_rewards: what scaled rewards are clipped to, on both sides. Default:
                10.0.
            sequence_length: With memory: steps in a row that are replayed together, those to warm the
                memory up not counted. Default: 20.
            burn_in: With memory: steps before these, from which only the memory is made. Default: 10.
            hindsight: On environments of goals: learn as well from goals that were not set, but reached, by
                what came after in the episode (future), at its end (final), or anywhere in it (episode):
                HER, Andrychowicz et al. 2017. One of 'none', 'future', 'final', 'episode'. Default: 'none'.
            n_sampled_goal: With hindsight: how many of k + 1 transitions are given such a goal, k; the
                others keep their own. Default: 4.
            learning_rate: Step size of all optimisers: a number or a schedule such as linear:1e-3:0.
                Default: 0.001.
            buffer_size: Transitions that replay remembers. Default: 1000000.
            learning_starts: Steps taken at random before learning starts. Default: 100.
            batch_size: Transitions in a minibatch. Default: 256.
            gamma: Discount factor γ. Default: 0.99.
            train_freq: Steps of every environment between two rounds of learning. Default: 1.
            gradient_steps: Minibatches learnt from in each round; −1: as many as transitions were
                collected. Default: 1.
            policy_delay: Updates of the critics for one of the policy. Default: 3.
            action_noise: Noise added to actions of a Box while learning: normal, which is new at every
                step, or ornstein-uhlenbeck, which drifts; none. Default: None.
            action_noise_sigma: With action_noise: its σ, in halves of the Box. Default: 0.1.
            n_critics: Critics that are learnt side by side. Default: 2.
            critic_subset: How many of them, drawn anew at each update, a target is made of (REDQ: Chen et
                al. 2021); none: all. Default: None.
            policy_q: The value that the policy is improved by: the least of all critics' (min), their mean,
                or the first one's. One of 'min', 'mean', 'first'. Default: 'min'.
            distributional: Learn the distribution of returns instead of their mean: as quantiles, of which
                the largest are left out of targets (quantile), or as probabilities of atoms (categorical).
                One of 'none', 'quantile', 'categorical'. Default: 'categorical'.
            n_quantiles: With quantile: how many each critic learns. Default: 25.
            top_quantiles_to_drop_per_net: With quantile: how many for each critic are left out of targets,
                the largest of all together. Default: 2.
            n_atoms: With categorical: returns whose probabilities are learnt. Default: 101.
            v_min: With categorical: the least of them. Returns of SAC and CrossQ include what entropy is
                paid. Default: -5.0.
            v_max: With categorical: the greatest. Default: 5.0.
            n_step: Rewards that are summed before the target networks' value stands for the rest. Default:
                1.
            priority: Replay transitions more often the larger their TD error was. Default: False.
            priority_exponent: With priority: ζ, from 0 (uniform) to 1 (in proportion to the error).
                Default: 0.6.
            priority_beta: With priority: β at the start, how far weights correct the bias of unequal
                sampling; 1 (wholly) at the end. Default: 0.4.
            max_grad_norm: Gradients longer than this are shortened to it; none: they are taken as they are.
                Default: None.
            network: The networks: a Network(…), or any Equinox module that maps an observation to features.
                hidden_sizes are the policy's, value_hidden_sizes the critics'. A shared encoder of
                observations, or a shared memory, is learnt by the critics alone; with critic_memory own
                both have one, which learns best. Default: Network(hidden_sizes=(256, 256),
                activation='relu', weight_norm=True, initialization='uniform', value_hidden_sizes=(512, 512,
                512, 512), share_features_extractor=False).
            ent_coef: Weight α of the entropy: auto learns it, auto_0.1 from 0.1 on, and a number stays what
                it is. With normalize_rewards, which makes rewards small, 1 is much at first, where entropy
                is then all that counts. Default: 'auto'.
            target_entropy: With auto: the entropy H̄ that is aimed at, in nats. auto is −1 for each element
                of a Box, in its own units, and 0.89 of the largest possible for Discrete actions. Default:
                'auto'.
            use_sde: Explore by noise that depends on the state and stays the same for a while (gSDE: Raffin
                et al. 2021) instead of new noise at every step. Default: False.
            sde_sample_freq: With use_sde: steps after which new noise is drawn, besides every round of
                collecting and every episode; −1: only with these. Default: -1.
            log_std_init: With use_sde: logarithm of the standard deviation of each feature before learning.
                Default: -3.0.
            batch_norm: Normalise the input of every layer of actor and critics, after the encoder, by batch
                renormalisation. Default: True.
            batch_norm_momentum: With batch_norm: how far running statistics move towards those of each
                minibatch. Default: 0.01.
            renorm_warmup_steps: With batch_norm: updates in which only the minibatch's own statistics
                count, before they are corrected towards the running ones. Default: 100000.
        """

    load = Agent.load
    @property
    def __name__(self) -> str: ...

XQC: _XQC

NAMES: dict[str, str]
