"""The user's object: an algorithm, an environment, and what has been learnt."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Never

import gymnasium as gym
import numpy as np

from operant import habits
from operant.agent import inputs, saving, showing
from operant.agent.acting import Acting
from operant.agent.best import Best
from operant.agent.learner import Begun, Learner
from operant.agent.training import Plan, Session
from operant.agent.tuning import Tunable
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.algorithms.random import Random
from operant.engine import room
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.log import STEP, Logger
from operant.engine.observers import Observer
from operant.engine.policy import Actor, Policy
from operant.engine.run_directory import RunDirectory
from operant.engine.scores import StudyEvaluation
from operant.engine.statistics import WINDOW
from operant.engine.train import chunk_size
from operant.envs.processes import StartMethod
from operant.envs.running_statistics import ADVICE
from operant.envs.source import Backend, Source, Vectorization
from operant.envs.stored import require_same_spaces
from operant.envs.wrappers.registry import Written, as_wrappers
from operant.studio import recording
from operant.studio.recording import Recording
from operant.types import PyTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from operant.export import Format


class Agent(Acting, Tunable):
    """Learns, acts, is scored, saved and shown.

    Args:
        algorithm: What learns, with its hyperparameters.
        env: A Gymnasium id, a callable that makes an environment, an instance, a vector environment, or a native one;
            or a list of ids and callables, one for each copy, of which the first is scored.
        seed: All randomness derives from it.
        seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or which.
        num_envs: Environments stepped together, for each learner; by default as many as the algorithm says: one, or for
            a policy search one for each candidate.
        backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps it in Python;
            "auto" takes the twin where there is one. Scores always come from Gymnasium's own.
        vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one process each) or
            "vector_entry_point" (the environment's own).
        wrappers: What the environment is wrapped in, the innermost first: values such as `Discretize(5)`, or text such
            as "discretize:5". It is played in them wherever it is played; returns are of its own rewards.
        env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery": False}`.
        start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by default the first
            that the system has. All but "fork" need `if __name__ == "__main__":` in the script.
        env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops training, which keeps
            its last state, and is named. None for any time.
        stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the means.

    `close()` ends its environments and processes, and so does the end of a `with` block.
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
        wrappers: Written | Sequence[Written] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: StartMethod | None = None,
        env_timeout: float | None = None,
        stats_window_size: int = WINDOW,
    ) -> None:
        inputs.at_least_one(stats_window_size=stats_window_size)
        self.algorithm = algorithm
        self.source = Source.of(
            env,
            backend=backend,
            vectorization=vectorization,
            wrappers=as_wrappers(wrappers),
            env_kwargs=env_kwargs,
            start_method=start_method,
            env_timeout=env_timeout,
        )
        inputs.require_same_discount(algorithm, self.source.wrappers)
        self.seed = inputs.seed_of(seed)
        learners = inputs.number_of_learners(seeds)
        self.num_envs = inputs.copies(self.source, num_envs, algorithm.default_num_envs, learners)
        self.spec = replace(self.source.spec, num_envs=self.num_envs)
        if self.source.normalizes:
            warnings.warn(ADVICE, stacklevel=2)
        algorithm.check(self.spec)
        algorithm.experience.require_shared(self.num_envs)
        room.require_learners(algorithm, self.spec, learners)  # networks that cannot be made say so here, too
        self.seeds = inputs.seeds_of(self.seed, seeds)
        own = self.seed if self.seeds is None else self.seeds
        self.learner = Learner(algorithm, self.source, self.spec, own, stats_window_size)
        self.history: list[dict[str, Any]] = []  # the rows of metrics so far
        self.best_so_far: Best | None = None  # of what was evaluated during training
        self._policies: dict[tuple[bool, int], Policy] = {}  # the last few, by (deterministic, seed)
        self._predictions = itertools.count()  # each call of `predict` that samples has randomness of its own
        self._made = True

    # learning

    def learn(
        self,
        total_timesteps: float,
        callback: Any = None,
        progress_bar: bool = True,
        *,
        log_interval: int | None = None,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        run_dir: str | Path | None = None,
        checkpoint_every: int | None = None,
        keep_checkpoints: int = 2,
        evaluate_every: int | None = None,
        evaluation_episodes: int = inputs.EVALUATION_EPISODES,
        evaluate_env: Any = None,
        reset_num_timesteps: bool = False,
        info_keywords: Sequence[str] = (),
        overwrite: bool = False,
        **habit: Never,
    ) -> Agent:
        """Train for `total_timesteps` environment steps (of each seed); called again, it goes on from there.

        Args:
            callback: A function that is called with a `Progress` after every row of metrics, an `operant.Callback` with
                hooks at other moments, too, or a list of these. What returns anything false but None stops training.
            progress_bar: Whether to show the live table and bar.
            log_interval: Environment steps between two rows of metrics.
            loggers: Further places for the rows to go, such as `WandbLog`, `JsonLog` or `TextLog`.
            observers: Called with every transition, in order, between chunks.
            run_dir: Where to keep the config, metrics, TensorBoard events and checkpoints. Raises
                `operant.RunInUseError` where somebody else is training there.
            checkpoint_every: Environment steps between two checkpoints in `run_dir`; the last state is always kept.
            keep_checkpoints: How many of them are kept, the latest ones.
            evaluate_every: Environment steps between two evaluations of the deterministic policy, the last one at the
                end. Training can forget: `best_model` is then the best of them, and is kept in `run_dir`.
            evaluation_episodes: Episodes of an evaluation, on Gymnasium's own environment; the same ones each time, and
                none of those that `evaluate` plays by default.
            evaluate_env: Another environment of the same spaces to evaluate on.
            reset_num_timesteps: Whether steps are counted from 0 again, and with them schedules, `history` and
                `best_model`; what has been learnt stays. Otherwise they go on: the end of training is moved by
                `total_timesteps`, and a schedule of the earlier call jumps back to where the new end puts it.
            info_keywords: Keys of the info that ends an episode, whose means over the last hundred episodes become
                metrics, `rollout/<key>`; `is_success` becomes `rollout/success_rate` wherever there is one.
            overwrite: Whether a run that is already in `run_dir` may be deleted.

        Returns itself. Ctrl-C stops after the environment step under way (natively within two seconds, or one
        iteration where that takes longer), keeps everything up to the last update, and raises KeyboardInterrupt. A loss
        that is not a number any more raises `operant.DivergedError`; with several seeds it is named and the others go
        on.
        What raises between two chunks (a callback, an observer, a logger) leaves the agent with the last one. A chunk
        that fails may take with it what had been learnt: the agent then goes back to its last checkpoint.
        """
        habits.refuse(habits.LEARN, "learn", habit, self.learn)
        total_timesteps = inputs.steps(total_timesteps)
        inputs.at_least_one(log_interval=log_interval)
        inputs.require_used(
            evaluate_every, evaluation_episodes=evaluation_episodes, evaluate_env=evaluate_env
        )
        before = 0 if reset_num_timesteps else self.step
        inputs.say_how_far(self.algorithm.experience, self.num_envs, total_timesteps, before)
        for advice in self.algorithm.advice(self.spec):
            warnings.warn(advice, TrainingWarning, stacklevel=2)
        size = chunk_size(self.algorithm.experience, self.num_envs, total_timesteps, log_interval)
        plan = Plan(
            before + total_timesteps,
            size,
            checkpoint_every,
            evaluate_every,
            evaluation_episodes,
            keep_checkpoints,
        )
        directory = None if run_dir is None else RunDirectory(Path(run_dir))
        session = Session(
            self,
            plan,
            directory,
            callback=callback,
            progress_bar=progress_bar,
            loggers=loggers,
            observers=observers,
            info_keywords=info_keywords,
            evaluate_env=evaluate_env,
            from_zero=reset_num_timesteps,
        )
        if directory is None:
            session.train()
            return self
        directory.check(overwrite=overwrite)
        with directory.held():  # only now, when all has been made that may fail
            RunDirectory.create(directory.path, self.config() | asdict(plan), overwrite=overwrite)
            session.train()
        return self

    @classmethod
    def resume(
        cls,
        run_dir: str | Path,
        *,
        env: Any = None,
        network: Any = None,
        wrappers: Written | Sequence[Written] | None = None,
        callback: Any = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
    ) -> Agent:
        """Continue a run from its last checkpoint to the end it was given.

        On a native environment the result is, to the last bit, that of a run that was never stopped. Gymnasium's
        environments cannot be stored: there, episodes start afresh. `env`, `network`, `wrappers` and `env_kwargs` are
        needed where the run was started with objects of yours, which no file can hold. `env_timeout` stands for that of
        the run.
        """
        with RunDirectory.open(run_dir).held():
            agent = cls.restore(
                run_dir,
                env=env,
                network=network,
                wrappers=wrappers,
                env_kwargs=env_kwargs,
                env_timeout=env_timeout,
            )
            return agent.finish(run_dir, callback, progress_bar, loggers)

    @classmethod
    def restore(
        cls,
        run_dir: str | Path,
        *,
        env: Any = None,
        network: Any = None,
        wrappers: Written | Sequence[Written] | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        step: int | None = None,
        env_timeout: float | None = None,
    ) -> Agent:
        """The agent as it was at a run's last checkpoint, or at that of `step`; `finish` trains it to the end."""
        given = {} if env_timeout is None else {"env_timeout": env_timeout}
        return saving.restore(cls, run_dir, env, network, wrappers, env_kwargs, step, given)

    def finish(
        self,
        run_dir: str | Path,
        callback: Any = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
    ) -> Agent:
        """Train what `restore` gave to the end that its run was given."""
        directory = RunDirectory.open(run_dir)
        with directory.held():
            Session(
                self,
                Plan.of(directory),
                directory,
                callback=callback,
                progress_bar=progress_bar,
                loggers=loggers,
                resumed=True,
            ).train()
        return self

    # acting

    def random(self) -> Agent:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""
        return Agent(Random(), self.source.one_process)

    def evaluate(
        self,
        episodes: int = 100,
        seed: int = 10_000,
        deterministic: bool = True,
        env: Any = None,
        beside_random: bool = False,
        env_kwargs: Mapping[str, Any] | None = None,
        **habit: Never,
    ) -> Evaluation | StudyEvaluation:
        """An `Evaluation` over whole episodes of Gymnasium's own environment.

        With several seeds a `StudyEvaluation`: theirs in order, and median, interquartile mean and its interval.

        Episode i is reset with `seed + i`. `env` scores on another environment of the same spaces, `env_kwargs` on the
        same one with other keyword arguments (those not named stay as they were in training). With `beside_random` the
        score holds that of the random policy in the same episodes.
        """
        habits.refuse(habits.EVALUATE, "evaluate", habit, self.evaluate)
        if hasattr(episodes, "reset") or isinstance(episodes, str):
            raise ValueError(
                f"evaluate takes a number of episodes first; got {episodes!r}. Give env=… by its name."
            )
        inputs.require_episodes("episodes", episodes)
        if beside_random:
            random = self.random().evaluate(episodes, seed, False, env, env_kwargs=env_kwargs)
            score = self.evaluate(episodes, seed, deterministic, env, env_kwargs=env_kwargs)
            assert isinstance(random, Evaluation)
            if isinstance(score, Evaluation):
                return replace(score, random=random)
            return StudyEvaluation(tuple(replace(one, random=random) for one in score), score.seeds)
        if self.seeds is not None:
            scores = (
                self[i].evaluate(episodes, seed, deterministic, env, env_kwargs=env_kwargs)
                for i in range(len(self.seeds))
            )
            return StudyEvaluation(tuple(s for s in scores if isinstance(s, Evaluation)), tuple(self.seeds))
        source = self.source.other(env, env_kwargs)
        if source is not self.source:
            require_same_spaces(self.spec, source.spec)
        return evaluate(
            self.policy(deterministic, seed),
            self.learner.single
            if source is self.source
            else lambda: self.learner.as_trained(source.single()),
            episodes=episodes,
            seed=seed,
            slots=1 if source.shared else inputs.SLOTS,
            close=not source.shared,
        )

    # looking

    def watch(self, episodes: int = 1, seed: int = 20_000, deterministic: bool = True) -> list[float]:
        """Show whole episodes in a window and return their returns. Raises ValueError where there is no display."""
        actor = Actor(self._current(deterministic, seed))
        return showing.watch(self.source.id, self.learner.single, actor, episodes, seed)

    def recording(
        self,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        every: int = 1,
        max_steps: int = 10_000,
    ) -> Recording:
        """Whole episodes as pictures, of every `every`-th step, and what was observed."""
        env, actor = self.learner.single("rgb_array"), Actor(self._current(deterministic, seed))
        return recording.record(env, actor, episodes=episodes, seed=seed, every=every, max_steps=max_steps)

    def record(
        self,
        path: str | Path,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        beside_random: bool = False,
    ) -> Recording:
        """Film whole episodes as MP4, alongside the random policy if wished. Long episodes lose frames."""
        recorded = self.recording(episodes, seed, deterministic)
        return showing.film(path, recorded, self.name, self.random() if beside_random else None, seed)

    def plot(self, path: str | Path | None = None, reference: Mapping[str, float] | None = None) -> Figure:
        """The learning curve, over all seeds, with lines at `reference`; written as PNG to `path`, if given."""
        return showing.plot(self, path, reference)

    def plot_policy(self, path: str | Path | None = None, states: np.ndarray | None = None) -> Figure:
        """What the policy does over two quantities of a vector observation; `states` `[K, D]` are drawn as dots.

        Of a search for the two numbers of a constant action, how it went over a map of the return instead.
        Raises ValueError where no such picture can be drawn.
        """
        return showing.plot_policy(self, path, states)

    # environments

    def env_method(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        """Call a method of each training environment, as a curriculum does; what they return, in order.

        Raises ValueError where they have none of this name, and where training is native.
        """
        return self.learner.environments.call(name, *arguments, **keywords)

    def get_attr(self, name: str) -> list[Any]:
        """An attribute of each training environment. Raises ValueError as `env_method` does."""
        return self.learner.environments.call(name)

    def set_attr(self, name: str, value: Any) -> None:
        """Set an attribute of every training environment. Raises ValueError as `env_method` does."""
        self.learner.environments.set_attr(name, value)

    def close(self) -> None:
        """End the environments and processes of training; what has been learnt stays, and `learn` makes new ones.

        An instance or a vector environment that you made yourself stays open.
        """
        self.learner.close()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # several learners

    def __getitem__(self, index: int) -> Agent:
        """The learner of the index-th seed, as an agent of its own."""
        if self.seeds is None:
            raise ValueError("This agent has one learner; make several with seeds=….")
        begun = Begun(self.step, self.learner.iteration)
        rows = [{name: _one(value, index) for name, value in row.items()} for row in self.history]
        agent = self._with(self.learner.state_of(index), self.seeds[index], None, begun, rows)
        agent.learner.take_statistics(self.learner, [range(len(self.seeds))[index]])
        return agent

    def best(self, evaluations: Sequence[Evaluation] | None = None) -> Agent:
        """The learner with the highest mean return of these evaluations, or of 20 episodes each; alone, itself."""
        if self.seeds is None:
            return self
        scores = self.evaluate(20) if evaluations is None else evaluations
        return self[int(np.argmax([score.mean for score in scores]))]

    @property
    def best_model(self) -> Agent:
        """The best of what `learn(evaluate_every=…)` evaluated, as an agent of its own; of several seeds, each one's.

        `best_so_far` has its score and step.
        """
        if self.best_so_far is None:
            raise ValueError("No best model was kept: train with learn(…, evaluate_every=…).")
        best = self.best_so_far
        begun = Begun(best.step.tolist(), self.learner.iteration)
        rows = [row for row in self.history if row[STEP] <= np.max(best.step)]
        agent = self._with(best.state, self.seed, self.seeds, begun, rows)
        agent.learner.take_statistics(self.learner, range(len(self.seeds or (self.seed,))))
        return agent

    # files

    def config(self) -> dict[str, Any]:
        """Everything needed to make this agent again, as JSON values."""
        return saving.config(self)

    def save(self, path: str | Path | IO[bytes]) -> None:
        """Write the model to one safetensors file, or into an open one; its metadata has `config()` and the progress.

        The same model gives the same bytes.
        """
        saving.save(self, path)

    def export(self, path: str | Path, format: Format = "onnx") -> Path:
        """Write the deterministic policy for use without operant, and return the path.

        Args:
            path: Of a file for "onnx", of a folder for "numpy".
            format: "onnx" is a model of opset 17 for onnxruntime, for batches of any size: what `predict` takes goes in
                and what it returns comes out, and a memory's arrays go in and out with them. "numpy" is a `policy.py`
                with `act(observation)` that a person can read and that needs NumPy only, and its weights.

        Raises ValueError naming what in a network of yours cannot be exported, and ImportError where "onnx" is missing.
        """
        from operant.export import export

        return export(self.policy(), self.border, path, format, f"{self.name} on {self.source.id}")

    @classmethod
    def load(
        cls,
        path: str | Path | IO[bytes],
        env: Any = None,
        network: Any = None,
        best: bool = False,
        wrappers: Written | Sequence[Written] | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        **hyperparameters: Any,
    ) -> Agent:
        """A saved model, or that of a run directory, with its step and its metrics. Nothing in the file is executed.

        It acts without its environment, which is made when it is played. `best` asks for the best model that the run
        kept (of several seeds, the best one's) instead of the last. `env` is needed to train or to score what was
        trained on an object of yours, and may name another environment of the same spaces; `network` where its network
        is an Equinox module of yours, `wrappers` where one holds your function. `env_kwargs` go on top of those that
        the file keeps. To go on training in another way, give other values: `load(path, learning_rate=1e-4,
        num_envs=16)`.
        """
        return saving.load(cls, path, env, network, wrappers, best, env_kwargs, hyperparameters)

    # what it is

    @property
    def state(self) -> PyTree:
        """What has been learnt: the algorithm's state; with several seeds every leaf has a first axis for them."""
        return self.learner.state

    @property
    def step(self) -> int:
        """Environment steps trained for so far, of each seed."""
        return self.learner.step

    @property
    def name(self) -> str:
        """The algorithm's, for people."""
        return self.algorithm.name

    @property
    def threshold(self) -> float | None:
        """The mean return from which Gymnasium calls the environment solved, where it says so."""
        registration = gym.registry.get(self.source.id)
        changed = bool(self.source.env_kwargs)  # it is that of the environment as it is registered
        return None if registration is None or changed else registration.reward_threshold

    @property
    def title(self) -> str:
        """What is being trained on what, in a few words."""
        return showing.title(self)

    def _repr_html_(self) -> str:
        return showing.face(self)

    def __repr__(self) -> str:
        return f"<{self.title}, at step {self.step:,}>"

    def _with(
        self,
        state: PyTree,
        seed: int,
        seeds: Sequence[int] | None,
        begun: Begun | None = None,
        history: Sequence[dict[str, Any]] = (),
    ) -> Agent:
        """An agent of the same kind that knows this, and how it came to it."""
        agent = Agent(
            self.algorithm,
            self.source,
            seed=seed,
            seeds=seeds,
            num_envs=self.num_envs if self.source.copies is None else None,
            stats_window_size=self.learner.window,
        )
        agent.learner.state, agent.learner.begun = state, begun or Begun()
        agent.history = list(history)
        return agent


def _one(value: Any, index: int) -> Any:
    """Of a metric of several seeds, that of one; of one that all share, itself."""
    return np.asarray(value)[index] if np.ndim(value) else value
