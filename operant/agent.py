"""The user's object: an algorithm, an environment, and what has been learnt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant import spaces
from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.algorithms.random import Random
from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from operant.engine.device import DeviceLoop
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.host import HostLoop
from operant.engine.log import STEP, CsvLog, Logger, TensorBoardLog, read_rows
from operant.engine.observers import Observer
from operant.engine.policy import Actor, Policy
from operant.engine.progress import Progress as LiveView
from operant.engine.run import Run, Stream, stream
from operant.engine.run_directory import RunDirectory
from operant.engine.train import Loop, chunk_size, deferred_interrupt, steps_done, train
from operant.envs.source import Backend, Source, Vectorization
from operant.studio import recording
from operant.studio.curves import learning_curve, series
from operant.studio.policy_map import policy_map
from operant.studio.recording import Recording
from operant.studio.video import side_by_side, write_video
from operant.types import EnvSpec, Episodes, PyTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "operant-model-1"


@dataclass(frozen=True)
class Progress:
    """What a callback is told between two chunks of training."""

    step: int  # environment steps so far, of each seed
    total: int
    metrics: dict[str, Any]  # the row just logged: numbers, or arrays [S] with several seeds
    agent: Agent


class Agent:
    """Learns, acts, is scored, saved and shown.

    Args:
        algorithm: What learns, with its hyperparameters.
        env: A Gymnasium id, a callable that makes an environment, an instance, a vector environment, or a native one.
        seed: All randomness derives from it.
        seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or which.
        num_envs: Environments stepped together, for each learner.
        backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps it in Python;
            "auto" takes the twin where there is one. Scores always come from Gymnasium's own.
        vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one process each) or
            "vector_entry_point" (the environment's own).
    """

    def __init__(
        self,
        algorithm: Algorithm,
        env: Any,
        *,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Backend = "auto",
        vectorization: Vectorization = "sync",
    ) -> None:
        self.algorithm = algorithm
        self.source = Source(env, backend, vectorization)
        self.seed = seed
        self.seeds = (
            None if seeds is None else tuple(range(seed, seed + seeds) if isinstance(seeds, int) else seeds)
        )
        if self.seeds == ():
            raise ValueError(f"seeds={seeds!r}: must be at least 1, or a list of at least one seed.")
        self.num_envs = self._copies(num_envs)
        self.spec = replace(self.source.spec, num_envs=self.num_envs)
        algorithm.check(self.spec)
        plan = algorithm.experience
        if isinstance(plan, Episodes) and plan.count % self.num_envs:
            raise ValueError(
                f"{plan.count} episodes cannot be shared by num_envs={self.num_envs}: choose a divisor of {plan.count}."
            )
        jax.eval_shape(self._initial_state)  # networks that cannot be made say so here, not after a while
        self.history: list[dict[str, Any]] = []
        self.observers: tuple[Observer, ...] = ()
        self._run: Run | None = None
        self._loop: Loop | None = None
        self._learnt: PyTree = None  # the state of a loaded model, until a run holds it

    # learning

    def learn(
        self,
        total_timesteps: int,
        callback: Callable[[Progress], bool | None] | None = None,
        progress_bar: bool = True,
        *,
        log_interval: int | None = None,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        run_dir: str | Path | None = None,
        checkpoint_every: int | None = None,
        overwrite: bool = False,
    ) -> Agent:
        """Train for `total_timesteps` environment steps (of each seed); called again, it goes on from there.

        Args:
            callback: Called with a `Progress` after every row of metrics; returning False stops training.
            progress_bar: Whether to show the live table and bar.
            log_interval: Environment steps between two rows of metrics.
            loggers: Further places for the rows to go, such as a `WandbLog`.
            observers: Called with every transition, in order, between chunks.
            run_dir: Where to keep the config, metrics, TensorBoard events and checkpoints.
            checkpoint_every: Environment steps between two checkpoints in `run_dir`; the last state is always kept.
            overwrite: Whether a run that is already in `run_dir` may be deleted.

        Returns itself. Ctrl-C stops after the chunk that is running, keeps everything, and raises KeyboardInterrupt.
        """
        if total_timesteps < 1:
            raise ValueError(f"total_timesteps={total_timesteps}: must be at least 1.")
        run = self._started(observers)
        total = steps_done(run) + total_timesteps
        size = chunk_size(self.algorithm.experience, self.num_envs, total_timesteps, log_interval)
        directory = None
        if run_dir is not None:
            config = self.config() | {
                "total_timesteps": total,
                "chunk_size": size,
                "checkpoint_every": checkpoint_every,
            }
            directory = RunDirectory.create(run_dir, config, overwrite=overwrite)
        return self._train(run, total, size, callback, progress_bar, loggers, directory, checkpoint_every)

    @classmethod
    def resume(
        cls,
        run_dir: str | Path,
        *,
        env: Any = None,
        network: Any = None,
        callback: Callable[[Progress], bool | None] | None = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
    ) -> Agent:
        """Continue a run from its last checkpoint to the end it was given.

        On a native environment the result is, to the last bit, that of a run that was never stopped. Gymnasium's
        environments cannot be stored: there, episodes start afresh. `env` and `network` are needed where the run was
        started with objects of yours, which no file can hold.
        """
        agent = cls.restore(run_dir, env=env, network=network)
        return agent.finish(run_dir, callback, progress_bar, loggers)

    @classmethod
    def restore(cls, run_dir: str | Path, *, env: Any = None, network: Any = None) -> Agent:
        """The agent as it was at a run's last checkpoint; `finish` trains it to the end."""
        directory = RunDirectory.open(run_dir)
        path = latest_checkpoint(directory.checkpoints)
        if path is None:
            raise FileNotFoundError(
                f"{run_dir} has no checkpoint to resume from; start it again with --overwrite."
            )
        agent = cls._from_config(directory.read_config(), env, network)
        run, _ = load_checkpoint(path, agent._started(()))
        agent._run = run
        if directory.metrics_file.exists():
            agent.history = [row for row in read_rows(directory.metrics_file) if row[STEP] <= agent.step]
        return agent

    def finish(
        self,
        run_dir: str | Path,
        callback: Callable[[Progress], bool | None] | None = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
    ) -> Agent:
        """Train what `restore` gave to the end that its run was given."""
        directory = RunDirectory.open(run_dir)
        config = directory.read_config()
        run = self._started(())
        if isinstance(self._loop, HostLoop):
            run = self._loop.restart(run)
        return self._train(
            run,
            config["total_timesteps"],
            config["chunk_size"],
            callback,
            progress_bar,
            loggers,
            directory,
            config["checkpoint_every"],
            resumed=True,
        )

    def _train(
        self,
        run: Run,
        total: int,
        size: int,
        callback: Callable[[Progress], bool | None] | None,
        progress_bar: bool,
        loggers: Sequence[Logger],
        directory: RunDirectory | None,
        checkpoint_every: int | None,
        resumed: bool = False,
    ) -> Agent:
        first = saved = steps_done(run)
        sinks = list(loggers)
        if directory is not None:
            sinks += [
                CsvLog(directory.metrics_file, first if resumed else None),
                TensorBoardLog(directory.tensorboard, first if resumed else None),
            ]
        loop = self._loop
        assert loop is not None
        started = time.perf_counter()

        def save(run: Run) -> None:
            assert directory is not None
            save_checkpoint(directory.checkpoints, steps_done(run), run, directory.read_config(), keep=2)

        with deferred_interrupt() as interrupted, LiveView(enabled=progress_bar) as view:

            def on_chunk(run: Run, metrics: dict[str, np.ndarray]) -> bool:
                nonlocal saved
                self._run = run
                step = steps_done(run)
                elapsed = time.perf_counter() - started
                row = metrics | {
                    "time/total_timesteps": step,
                    "time/time_elapsed": elapsed,
                    "time/fps": (step - first) * len(self.seeds or (0,)) / elapsed,
                    "time/iterations": int(np.max(run.iteration)),
                }
                self.history.append(row)
                for sink in sinks:
                    sink.write(row)
                view.update(row, step, total)
                if (
                    checkpoint_every is not None
                    and directory is not None
                    and step // checkpoint_every > saved // checkpoint_every
                ):
                    save(run)
                    saved = step
                wanted = callback is None or callback(Progress(step, total, row, self)) is not False
                return wanted and not interrupted()

            try:
                self._run = train(loop, run, total, size, on_chunk, self.observers)
            finally:
                if directory is not None and self._run is not None and not _used_up(self._run):
                    save(self._run)
                for sink in (*sinks, *self.observers):
                    sink.close()
            if interrupted():
                raise KeyboardInterrupt
        return self

    def _started(self, observers: Sequence[Observer]) -> Run:
        """The present run, or a new one; its buffers are used up by training, which puts back what comes of it."""
        emit = bool(observers)
        if self._loop is None or self._loop.emit != emit:
            if self.source.native is not None:
                self._loop = DeviceLoop(self.algorithm, self.source.native, self.num_envs, self._count, emit)
            elif self._run is not None and isinstance(self._loop, HostLoop):
                self._loop.emit = emit
            else:
                environments = self.source.host(self.num_envs * (self._count or 1))
                self._loop = HostLoop(self.algorithm, environments, self._count, emit)
        self.observers = tuple(observers)
        if self._run is None:
            run = self._loop.begin(self._key)
            if self._learnt is not None:
                run = replace(run, state=jax.tree.map(jnp.copy, self._learnt))
            self._run = run
        return self._run

    # acting

    def predict(
        self, observation: PyTree, deterministic: bool = True, action_mask: PyTree = None
    ) -> np.ndarray:
        """The action for one observation, or the actions `[M, …]` for a batch of them.

        Raises ValueError for an observation of another shape, for a policy with memory (see `actor`), and for several
        learners (choose one: `agent[i]` or `agent.best()`).
        """
        policy = self.policy(deterministic)
        if self.remembers:
            raise ValueError(
                "This policy remembers: use `act = agent.actor()`, and `act.reset()` between episodes."
            )
        batched = self._batched(observation)
        observation = spaces.cast(self.spec.observation_space, observation)
        if not batched:
            observation, action_mask = jax.tree.map(lambda x: np.asarray(x)[None], (observation, action_mask))
        size = len(jax.tree.leaves(observation)[0])
        action, _ = policy(observation, action_mask, None, np.ones(size, bool), int(time.time_ns() % 2**31))
        return action if batched else action[0]

    def actor(self, deterministic: bool = True, seed: int = 0) -> Actor:
        """A callable `act(observation)` that remembers what its policy needs; `act.reset()` starts an episode."""
        return Actor(self.policy(deterministic, seed))

    def policy(self, deterministic: bool = True, seed: int = 0) -> Policy:
        """The policy over batches, as `evaluate` uses it."""
        self._one()
        return Policy(self.algorithm, self.state, self.spec, explore=not deterministic, seed=seed)

    def evaluate(
        self, episodes: int = 100, seed: int = 10_000, deterministic: bool = True, env: Any = None
    ) -> Any:
        """An `Evaluation` over whole episodes of Gymnasium's own environment; with several seeds a list of them.

        Episode i is reset with `seed + i`. `env` scores on another environment of the same spaces.
        """
        if episodes < 1:
            raise ValueError(f"episodes={episodes}: must be at least 1.")
        if self.seeds is not None:
            return [self[i].evaluate(episodes, seed, deterministic, env) for i in range(len(self.seeds))]
        source = self.source if env is None else Source(env, "gymnasium")
        if env is not None:
            _same_spaces(self.spec, source.spec)
        slots = 1 if source.copies == 1 else 128
        policy = self.policy(deterministic, seed)
        return evaluate(
            policy,
            self._single if env is None else source.single,
            episodes=episodes,
            seed=seed,
            slots=slots,
            close=source.copies != 1,
        )

    def action_probabilities(self, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
        """How likely each choice is at one observation, `[n]`, or a batch of them, `[M, n]`, as an episode's first.

        Raises ValueError where actions are not Discrete.
        """
        space = self.spec.action_space
        if not isinstance(space, spaces.Discrete):
            raise ValueError(
                f"Only Discrete actions have probabilities; those of {self.source.id} are {spaces.describe(space)}."
            )
        policy = self.policy()
        batched = self._batched(observation)
        observation = spaces.cast(self.spec.observation_space, observation)
        if not batched:
            observation, action_mask = jax.tree.map(lambda x: np.asarray(x)[None], (observation, action_mask))
        probabilities = policy.probabilities(observation, action_mask)
        return probabilities if batched else probabilities[0]

    def random(self) -> Agent:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""
        return Agent(
            Random(), self.source.given, backend="gymnasium" if self.source.native is None else "auto"
        )

    # looking

    def watch(self, episodes: int = 1, seed: int = 20_000, deterministic: bool = True) -> list[float]:
        """Show whole episodes in a window and return their returns. Raises ValueError where there is no display."""
        recording.require_display()
        env = self._single("human")
        if env.render_mode != "human":
            raise ValueError(f"{self.source.id} shows no window: make it with render_mode='human'.")
        return recording.watch(env, self.actor(deterministic, seed), episodes=episodes, seed=seed)

    def recording(
        self,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        every: int = 1,
        max_steps: int = 10_000,
    ) -> Recording:
        """Whole episodes as pictures, of every `every`-th step, and what was observed."""
        env = self._single("rgb_array")
        actor = self.actor(deterministic, seed)
        return recording.record(env, actor, episodes=episodes, seed=seed, every=every, max_steps=max_steps)

    def record(
        self,
        path: str | Path,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        beside_random: bool = False,
    ) -> Recording:
        """Film whole episodes as MP4, beside the random policy if wished. Long episodes lose frames."""
        film = self.recording(episodes, seed, deterministic)
        frames: Iterable[np.ndarray] = film.frames
        if beside_random:
            steps = len(film.observations) - 1
            other = self.random().recording(1, seed, False, film.every, steps)
            frames = side_by_side(frames, other.frames, (self.name, "random policy"))
        write_video(path, frames, film.fps)
        return film

    def plot(self, path: str | Path | None = None, reference: Mapping[str, float] | None = None) -> Figure:
        """The learning curve, over all seeds, with lines at `reference`; written as PNG to `path`, if given."""
        if not self.history:
            raise ValueError("There is nothing to plot before `learn`.")
        title = f"{self.name} on {self.source.id}"
        return learning_curve(
            {self.name: series(self.history)},
            title=title,
            threshold=self.threshold,
            reference=reference,
            path=path,
        )

    def plot_policy(self, path: str | Path | None = None, states: np.ndarray | None = None) -> Figure:
        """What the policy does over two quantities of a vector observation; `states` `[K, D]` are drawn as dots.

        Raises ValueError where no such picture can be drawn.
        """
        discrete = isinstance(self.spec.action_space, spaces.Discrete)
        return policy_map(
            self.action_probabilities if discrete else self.predict,
            environment=self.source.id,
            continuous=not discrete,
            states=states,
            title=f"{self.name} on {self.source.id}",
            path=path,
        )

    # several learners

    def __getitem__(self, index: int) -> Agent:
        """The learner of the index-th seed, as an agent of its own."""
        if self.seeds is None:
            raise ValueError("This agent has one learner; make several with seeds=….")
        one = Agent(
            self.algorithm,
            self.source.given,
            seed=self.seeds[index],
            num_envs=self.num_envs,
            backend=self.source.backend,
            vectorization=self.source.vectorization,
        )
        one._learnt = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[index]), self.state)
        return one

    def best(self, evaluations: Sequence[Evaluation] | None = None) -> Agent:
        """The learner with the highest mean return of these evaluations, or of 20 episodes each."""
        scores = self.evaluate(20) if evaluations is None else evaluations
        return self[int(np.argmax([score.mean for score in scores]))]

    # files

    def config(self) -> dict[str, Any]:
        """Everything needed to make this agent again, as JSON values."""
        return {
            "algorithm": registry.name_of(type(self.algorithm)),
            "hyperparameters": registry.to_json(self.algorithm),
            "environment": self.source.id,
            "environment_given_as_id": isinstance(self.source.given, str),
            "observation_space": spaces.to_json(self.spec.observation_space),
            "action_space": spaces.to_json(self.spec.action_space),
            "max_episode_steps": self.spec.max_episode_steps,
            "masked": self.spec.masked,
            "seed": self.seed,
            "seeds": None if self.seeds is None else list(self.seeds),
            "num_envs": self.num_envs,
            "backend": self.source.backend,
            "vectorization": self.source.vectorization,
        }

    def save(self, path: str | Path) -> None:
        """Write the model to one safetensors file, whose metadata is `config()`."""
        files.save_tree(path, self.state, {"format": FORMAT, "config": self.config()})

    @classmethod
    def load(cls, path: str | Path, env: Any = None, network: Any = None) -> Agent:
        """A saved model, or that of a run directory. Nothing in the file is executed.

        `env` is needed where the model was trained on an object of yours, and may name another environment of the same
        spaces; `network` where its network is an Equinox module of yours.
        """
        if Path(path).is_dir():
            path = RunDirectory.open(path).model_file
            if not path.exists():
                raise FileNotFoundError(
                    f"The run has no model yet: finish it with `operant resume {path.parent}`."
                )
        metadata = files.read_metadata(path)
        if metadata.get("format") != FORMAT:
            raise ValueError(
                f"{path} is not a model of operant's (format {metadata.get('format')!r}, not {FORMAT!r})."
            )
        agent = cls._from_config(metadata["config"], env, network)
        agent._learnt = files.load_tree(path, jax.eval_shape(agent._initial_state))
        return agent

    @classmethod
    def _from_config(cls, config: dict[str, Any], env: Any, network: Any) -> Agent:
        hyperparameters = dict(config["hyperparameters"])
        if network is not None:
            hyperparameters["network"] = network
        elif "network" in hyperparameters and hyperparameters["network"] is None:
            raise ValueError("The network was a module of yours: pass it again as network=….")
        if env is None and not config["environment_given_as_id"]:
            raise ValueError(
                f"The environment {config['environment']} was an object of yours: pass it again as env=…."
            )
        agent = cls(
            registry.build(registry.algorithm(config["algorithm"]), hyperparameters),
            config["environment"] if env is None else env,
            seed=config["seed"],
            seeds=config["seeds"],
            num_envs=config["num_envs"],
            backend=config["backend"] if env is None else "auto",
            vectorization=config["vectorization"],
        )
        expected = replace(
            agent.spec,
            id=config["environment"],
            observation_space=spaces.from_json(config["observation_space"]),
            action_space=spaces.from_json(config["action_space"]),
        )
        _same_spaces(expected, agent.spec)
        return agent

    # what the rest is made of

    @property
    def state(self) -> PyTree:
        """What has been learnt: the algorithm's state; with several seeds every leaf has a first axis for them."""
        if self._run is not None:
            return self._run.state
        if self._learnt is None:
            self._learnt = jax.jit(self._initial_state)()
        return self._learnt

    @property
    def step(self) -> int:
        """Environment steps trained for so far, of each seed."""
        return 0 if self._run is None else steps_done(self._run)

    @property
    def remembers(self) -> bool:
        """Whether the policy has a memory."""
        return bool(
            jax.tree.leaves(jax.eval_shape(lambda state: self.algorithm.initial_carry(state, 1), self.state))
        )

    @property
    def name(self) -> str:
        """The algorithm's, for people."""
        return type(self.algorithm).__name__

    @property
    def threshold(self) -> float | None:
        """The mean return from which Gymnasium calls the environment solved, where it says so."""
        registration = gym.registry.get(self.source.id)
        return None if registration is None else registration.reward_threshold

    @property
    def title(self) -> str:
        """What is being trained on what, in a few words."""
        where = (
            "native twin"
            if self.source.native is not None and isinstance(self.source.given, str)
            else "native"
        )
        where = where if self.source.native is not None else f"through Gymnasium, {self.source.vectorization}"
        seeds = "" if self.seeds is None else f", {len(self.seeds)} seeds"
        environments = f"{self.num_envs} environment{'s' * (self.num_envs != 1)}"
        return f"{self.name} on {self.source.id} ({where}; {environments}{seeds})"

    @property
    def _count(self) -> int | None:
        return None if self.seeds is None else len(self.seeds)

    @property
    def _key(self) -> jax.Array:
        if self.seeds is None:
            return jax.random.key(self.seed)
        return jnp.stack([jax.random.key(seed) for seed in self.seeds])

    def _initial_state(self) -> PyTree:
        def one(key: jax.Array) -> PyTree:
            return self.algorithm.init(self.spec, stream(key, Stream.INIT))

        return one(self._key) if self.seeds is None else jax.vmap(one)(self._key)

    def _single(self, render_mode: str | None = None) -> gym.Env:
        """One environment to play outside training, which may be the very instance that training steps."""
        if isinstance(self.source.given, gym.Env) and isinstance(self._loop, HostLoop):
            self._loop.disturbed = True
        return self.source.single(render_mode)

    def _copies(self, num_envs: int | None) -> int:
        given = self.source.copies
        learners = 1 if self.seeds is None else len(self.seeds)
        if num_envs is not None and num_envs < 1:
            raise ValueError(f"num_envs={num_envs}: must be at least 1.")
        if given is None:
            return num_envs or 1
        if given % learners:
            raise ValueError(
                f"{given} environments cannot be shared by {learners} learners; pass an id or a callable."
            )
        if num_envs not in (None, given // learners):
            raise ValueError(
                f"num_envs={num_envs}: the environment given is {given} for {learners} learner(s). Pass an id or a "
                "callable for any number."
            )
        return given // learners

    def _one(self) -> None:
        if self.seeds is not None:
            raise ValueError(
                f"There are {len(self.seeds)} learners here: choose one with agent[i] or agent.best()."
            )

    def _batched(self, observation: PyTree) -> bool:
        space = self.spec.observation_space
        single = spaces.mismatch(space, observation)
        if single is None:
            return False
        leaves = jax.tree.leaves(observation)
        if leaves and np.ndim(leaves[0]) and spaces.mismatch(space, observation, (len(leaves[0]),)) is None:
            return True
        raise ValueError(f"{single} {self.source.id} has {spaces.describe(space)} observations.")


def _used_up(run: Run) -> bool:
    """Whether training, which takes its buffers over, failed before it could put others in their place."""
    return any(isinstance(leaf, jax.Array) and leaf.is_deleted() for leaf in jax.tree.leaves(run))


def _same_spaces(expected: EnvSpec, got: EnvSpec) -> None:
    for name in ("observation_space", "action_space"):
        want, have = getattr(expected, name), getattr(got, name)
        if spaces.describe(want) != spaces.describe(have):
            raise ValueError(
                f"The model was made for {expected.id}, whose {name.replace('_', ' ')} is {spaces.describe(want)}; "
                f"{got.id} has {spaces.describe(have)}. Use the environment it was trained on."
            )
