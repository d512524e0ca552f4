"""What a user names as an environment, and everything that can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import equinox as eqx
import gymnasium as gym

from operant.envs import arguments, registry
from operant.envs import gymnasium as bridge
from operant.envs.atari.options import Atari
from operant.envs.base import Environment, judges
from operant.envs.gymnasium_layers import SharedEnvironment
from operant.envs.host import HostEnvironments, NativeOnHost
from operant.envs.ids import atari_id, resolve
from operant.envs.jax_objects import adopted
from operant.envs.native_gym import as_gymnasium
from operant.envs.processes import StartMethod, start_method
from operant.envs.registry import NATIVE, OWN
from operant.envs.running_statistics import normalizes_observations
from operant.envs.timeouts import require_timeout, timed
from operant.envs.wrappers.apply import wrap_native
from operant.envs.wrappers.base import Wrapper
from operant.types import EnvSpec

Backend = Literal["auto", "native", "gymnasium"]
Vectorization = Literal["auto", "sync", "async", "vector_entry_point", "ray"]


@dataclass(frozen=True)
class Source:
    """An environment as given: a Gymnasium id, a callable, a list of these, a (vector) instance, or a native one.

    An object of gymnax's or Brax's interface becomes a native one.

    Everything that is made of it is in its wrappers, but `given` is not.
    """

    given: Any
    backend: Backend = "auto"
    vectorization: Vectorization = "auto"
    wrappers: tuple[Wrapper, ...] = ()  # the innermost first
    env_kwargs: Mapping[str, Any] = field(
        default_factory=dict
    )  # as for `gymnasium.make`, or the callable's own
    start_method: StartMethod | None = None  # of processes; None for what suits the system
    env_timeout: float | None = None  # seconds that a step or a reset in Python may take; None for any time
    ray_address: str | None = None  # of the cluster whose processes step them; None for Ray on this machine

    @classmethod
    def of(cls, env: Any, **values: Any) -> Source:
        """What a user hands in; a source already stays what it is."""
        return env if isinstance(env, Source) else cls(env, **values)

    def __post_init__(self) -> None:
        object.__setattr__(self, "env_kwargs", {} if self.env_kwargs is None else self.env_kwargs)
        if isinstance(self.given, Atari):
            object.__setattr__(self, "env_kwargs", {**self.given.env_kwargs, **self.env_kwargs})
            object.__setattr__(self, "given", self.given.id)
        object.__setattr__(self, "given", resolve(adopted(self.given)))
        if isinstance(self.given, type) and issubclass(self.given, Environment):
            object.__setattr__(self, "given", self.given(**self.env_kwargs))  # as it would be given by itself
            object.__setattr__(self, "env_kwargs", {})
        one_of("backend", self.backend, Backend)
        one_of("vectorization", self.vectorization, Vectorization)
        self._settle()
        require_timeout(self.env_timeout)
        if self.start_method is not None:
            start_method(self.start_method)
            if self.vectorization != "async":
                raise ValueError(
                    f"start_method={self.start_method!r} is that of processes: add vectorization='async'."
                )
        if self.vectorization == "ray" and self.lent:
            raise ValueError(
                f"vectorization='ray': {type(self.given).__name__} is made already, and processes make their own. Give "
                "an id, or a function that makes one environment."
            )
        if self.ray_address is not None and self.vectorization != "ray":
            raise ValueError(
                f"ray_address={self.ray_address!r}: it is where environments are stepped: add vectorization='ray'."
            )
        self._check_given()

    def _settle(self) -> None:
        """Say in full what an Atari game is, and how environments are stepped, where nobody said so.

        Raises ValueError where ale-py's threads are asked for what they cannot do.
        """
        vectorization, atari = self.vectorization, self.atari
        several = self.given if isinstance(self.given, list) else ()
        if any(isinstance(one, Atari) or atari_id(one) is not None for one in several):
            raise ValueError("A list of Atari games cannot be trained on: give one game, with num_envs=….")
        if atari is not None:
            object.__setattr__(self, "env_kwargs", atari.env_kwargs)
            beyond = atari.not_threaded or (f"wrappers={list(self.wrappers)}" if self.wrappers else "")
            if vectorization == "vector_entry_point" and beyond:
                raise ValueError(
                    f"{self.given}: ale-py's own threads do not take {beyond}. Leave it out, or vectorization="
                    "'vector_entry_point': 'sync' and 'async' step games one by one, or in a process each."
                )
            threads = not beyond and self.backend != "native"
            vectorization = "vector_entry_point" if vectorization == "auto" and threads else vectorization
        object.__setattr__(self, "vectorization", "sync" if vectorization == "auto" else vectorization)

    def _check_given(self) -> None:
        """Raise ValueError where there is no environment, or it does not take its arguments or go with its backend."""
        own = registry.maker(self.given) if isinstance(self.given, str) else None
        arguments.check(self.given, self.env_kwargs, own)
        if isinstance(self.given, list) and not self.given:
            raise ValueError("A list of environments holds none: give an id or a function for each of them.")
        if self.backend == "native" and self.native is None:
            known = isinstance(self.given, str) and self.given in NATIVE
            with_these = f" as it is registered now, with {dict(self.env_kwargs)}" if known else ""
            raise ValueError(
                f"backend='native': {self.given!r} has no native twin{with_these} (there are: {', '.join(NATIVE)}). "
                "Use backend='gymnasium', or pass a native environment."
            )

    def other(self, env: Any = None, env_kwargs: Mapping[str, Any] | None = None) -> Source:
        """Another environment in the same wrappers, or this one with other keyword arguments; itself for neither."""
        if env is not None:
            return Source(
                env,
                "gymnasium",
                wrappers=self.wrappers,
                env_kwargs=env_kwargs or {},
                env_timeout=self.env_timeout,
            )
        if not env_kwargs:
            return self
        how = {} if self.atari is None else {"vectorization": "auto"}  # threads do not take all of them
        return replace(self, env_kwargs={**self.env_kwargs, **env_kwargs}, **how)

    @property
    def atari(self) -> Atari | None:
        """The game and its options, where it is one of Atari's."""
        return Atari.of(self.given, self.env_kwargs) if atari_id(self.given) is not None else None

    @property
    def made_of(self) -> dict[str, Any]:
        """What `bridge.make` takes, in words, for one copy or many."""
        atari = self.atari
        if atari is None:
            return {"env": self.given, "wrappers": self.wrappers, "env_kwargs": self.env_kwargs}
        return {"env": atari, "wrappers": (*atari.wrappers, *self.wrappers)}

    @cached_property
    def native(self) -> Environment | None:
        """What the device loop trains on; None when training goes through the host."""
        if self.backend == "gymnasium":
            return None
        if isinstance(self.given, Environment):
            return self._wrapped
        return None if self.twin is None else wrap_native(self.twin, self.wrappers)

    @cached_property
    def twin(self) -> Environment | None:
        """The native environment that does what the id means, without wrappers; None where there is none."""
        return registry.twin(self.given, self.env_kwargs) if isinstance(self.given, str) else None

    @cached_property
    def _wrapped(self) -> Environment:
        """The native environment given, in its wrappers."""
        return wrap_native(self.given, self.wrappers)

    @cached_property
    def _scored(self) -> Environment:
        """The same without those that only change rewards: scores are those of the environment's own."""
        return wrap_native(self.given, self.wrappers, rewards=False)

    @cached_property
    def scored_natively(self) -> Environment | None:
        """What is scored on the device while training goes on there; None when training goes through the host, and
        where episodes are rewarded as wholes."""
        if self.native is None or judges(self.native):
            return None
        if isinstance(self.given, Environment):
            return self._scored
        assert self.twin is not None
        return wrap_native(self.twin, self.wrappers, rewards=False)

    @cached_property
    def spec(self) -> EnvSpec:
        """Its description, for one copy."""
        if isinstance(self.given, Environment):
            return self._wrapped.spec
        if self.native is not None:
            return self.native.spec
        if isinstance(self.given, gym.vector.VectorEnv):
            return replace(self.host(self.given.num_envs).spec, num_envs=1)
        if isinstance(self.given, list):  # all of them, since they must be alike
            environments = bridge.make(
                self.given,
                len(self.given),
                wrappers=self.wrappers,
                env_kwargs=self.env_kwargs,
                env_timeout=self.env_timeout,
            )
            environments.close()
            return replace(environments.spec, num_envs=1)
        kind = "vector_entry_point" if self._own_vector else "sync"
        environments = bridge.make(
            num_envs=1, vectorization=kind, env_timeout=self.env_timeout, **self.made_of
        )
        try:
            return replace(environments.spec, num_envs=1)
        finally:
            if not isinstance(self.given, gym.Env):
                environments.close()

    @property
    def played(self) -> Source:
        """What is made of it when somebody plays, which others can be told."""
        return self

    @property
    def one_process(self) -> Source:
        """The same, stepped in this process; itself where it is so, since a look at an instance resets it."""
        if self.vectorization == "sync":
            return self
        return replace(self, vectorization="sync", start_method=None, ray_address=None)

    @property
    def _first(self) -> Any:
        """What is played outside training: of a list its first."""
        return self.given[0] if isinstance(self.given, list) else self.given

    @property
    def _own_vector(self) -> bool:
        """Whether training goes through the vector environment that an id has of its own, as that of no Atari game:
        theirs is taken apart."""
        through = self.vectorization == "vector_entry_point" and self.native is None
        return through and isinstance(self.given, str) and self.atari is None

    @property
    def shared(self) -> bool:
        """Whether what plays is the very instance that trains."""
        return isinstance(self.given, gym.Env)

    @property
    def lent(self) -> bool:
        """Whether what trains was made by the user, who closes it."""
        return isinstance(self.given, gym.Env | gym.vector.VectorEnv)

    @property
    def id(self) -> str:
        return self.given if isinstance(self.given, str) else self.spec.id

    @property
    def own_observations(self) -> bool:
        """Whether observations are the environment's own, which is known by its id."""
        return not any(wrapper.changes_observations for wrapper in self.wrappers)

    @property
    def own_actions(self) -> bool:
        """Whether actions are."""
        return not any(wrapper.changes_actions for wrapper in self.wrappers)

    @property
    def copies(self) -> int | None:
        """How many environments it already is; None where any number can be made."""
        if isinstance(self.given, gym.vector.VectorEnv):
            return self.given.num_envs
        if isinstance(self.given, list):
            return len(self.given)
        return 1 if isinstance(self.given, gym.Env) else None

    def host(self, num_envs: int) -> HostEnvironments:
        """N copies for the host loop."""
        if isinstance(self.given, Environment):
            return NativeOnHost(self._wrapped, num_envs)
        atari = self.atari
        if atari is not None and self.vectorization == "vector_entry_point":
            from operant.envs.atari.threads import AtariThreads

            return AtariThreads(atari, num_envs, self.spec, self.env_timeout)
        if self.vectorization == "ray":
            from operant.envs.ray_environments import RayEnvironments

            return RayEnvironments(self, num_envs, self.spec)
        return bridge.make(
            num_envs=num_envs,
            vectorization=self.vectorization,
            start_method=self.start_method,
            env_timeout=self.env_timeout,
            **self.made_of,
        )

    @cached_property
    def normalizes(self) -> bool:
        """Whether something of Gymnasium's in it normalises observations with statistics of its own."""
        if self.native is not None or isinstance(self.given, Environment):
            return False
        if self.lent:
            return normalizes_observations(self.given)
        env = self.single()
        env.close()
        return normalizes_observations(env)

    @cached_property
    def renders(self) -> bool:
        """Whether `single("rgb_array")` gives pictures."""
        env, given = self.single(), self._first
        modes = env.metadata.get("render_modes") or ()
        env.close()
        ours = isinstance(given, str | Environment)  # made here, so with the render mode asked for
        ours = ours or (callable(given) and "render_mode" in (arguments.parameters(given) or ()))
        return env.render_mode == "rgb_array" or (ours and "rgb_array" in modes)

    def single(self, render_mode: str | None = None) -> gym.Env:
        """One environment to score and to film on: Gymnasium's own wherever there is one. Rewards are its own."""
        return timed(self._single(render_mode), self.env_timeout)

    def _single(self, render_mode: str | None) -> gym.Env:
        given = self._first
        if isinstance(given, Environment) and not self._is_a_twin(given):
            return as_gymnasium(self._scored, render_mode)
        if self._own_vector:
            envs = bridge.vector_entry_point(given, 1, self.env_kwargs)
            try:
                return bridge.make_single(envs, render_mode)
            finally:
                envs.close()
        how = self.made_of
        how["env"] = (
            given.id if isinstance(given, Environment) else given if self.atari is None else how["env"]
        )
        env = bridge.make_single(render_mode=render_mode, **how)
        return SharedEnvironment(env) if self.shared else env

    @staticmethod
    def _is_a_twin(given: Environment) -> bool:
        """Whether this is, in all of its values, the twin of what Gymnasium makes of its id."""
        if given.id in OWN or given.id not in gym.registry:
            return False
        twin = registry.twin(given.id, {})
        return twin is not None and bool(eqx.tree_equal(twin, given))


def one_of(name: str, value: str, choices: Any) -> None:
    """Raise ValueError where a value is none of a Literal's."""
    if value not in get_args(choices):
        raise ValueError(f"{name}={value!r}: must be one of {', '.join(get_args(choices))}.")
