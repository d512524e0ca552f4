"""The user's object: an algorithm, an environment, and what has been learnt."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Never, Self

from operant import cluster, habits
from operant.agent import frozen_files, inputs, parallel_inputs, rewards, saving
from operant.agent.callbacks.hooks import Hooks
from operant.agent.configuration import Supplied, of_text, tokenizer_of
from operant.agent.core import Core
from operant.agent.model import Model
from operant.agent.plan import Plan
from operant.agent.recorded import require_dataset, source_of, updates_of
from operant.agent.steering import Steering
from operant.agent.training import Session
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.engine import processes
from operant.engine.asynchronous.workers import WorkerType
from operant.engine.log import Logger
from operant.engine.observers import Observer
from operant.engine.run_directory import RunDirectory
from operant.engine.statistics import WINDOW
from operant.engine.train import chunk_size
from operant.envs.processes import StartMethod
from operant.envs.source import Backend, Vectorization
from operant.envs.wrappers.registry import Written, as_wrappers


class Agent(Model):
    """Learns, acts, is scored, saved and shown.

    Args:
        algorithm: What learns, with its hyperparameters.
        env: A Gymnasium id, an `operant.Atari`, a callable that makes an environment, an instance, a
            vector environment, or a native one; or a list of ids and callables, one for each copy, of which the first
            is scored.
        dataset: What an algorithm learns from that does not play, such as BC: a Minari dataset (its folder, its id or
            itself), a .npz file or a dict of arrays (observations, actions; terminations, truncations, rewards,
            action_masks), trajectories of `operant.collect`, or an iterable of batches, which is streamed. `env` is
            then where it is scored, and may be left out.
        seed: All randomness derives from it.
        seeds: How many learners to train together in one program, with seeds `seed`, `seed + 1`, …; or which.
        num_envs: Environments stepped together, for each learner; by default as many as the algorithm says: one, or for
            a policy search one for each candidate.
        backend: "native" trains on operant's twin of the environment, on the device; "gymnasium" steps it in Python;
            "auto" takes the twin where there is one. Scores always come from Gymnasium's own.
        vectorization: How the Gymnasium backend makes several environments: "sync", "async" (one process each), "ray"
            (in processes of Ray's: docs/ray.md) or "vector_entry_point" (the environment's own); "auto" takes the last
            for Atari games, and else "sync".
        wrappers: What the environment is wrapped in, the innermost first: values such as `Discretize(5)`, or text such
            as "discretize:5". It is played in them wherever it is played; returns are of its own rewards.
        env_kwargs: Keyword arguments for the environment, as for `gymnasium.make`: `{"is_slippery": False}`. The
            `reward` of text may be the run of a reward model.
        start_method: How the processes of "async" are started: "forkserver", "spawn" or "fork"; by default the first
            that the system has. All but "fork" need `if __name__ == "__main__":` in the script.
        env_timeout: Seconds that a step or a reset may take in Python; what takes longer stops training, which keeps
            its last state, and is named. None for any time.
        async_collect: Whether environments that are stepped in Python go on while what they gave before is learnt from.
            They are then played by the policy before the last update, except at the beginning of each row of metrics
            (`rollout/policy_lag` says how often). Results are as reproducible, and other ones.
        devices: How many devices train together, of those that `operant info` lists. Several seeds are divided among
            them first; where there are more, or one learner, they share its environments and its batches, and the
            results are those of one device within the order of float32 sums. None: as many as divide the seeds.
        workers: How many workers play for one learner, each with `num_envs` environments and a policy of its
            own (docs/many_cores.md); 0 for none. By default as many as the algorithm says: none for most.
        fixed_lag: How old, in updates, the policy of workers is, which then take turns, reproducibly; None: the newest.
        max_lag: What is played by a policy that is more updates old is left out; by default 16 for each worker.
        worker_type: Where workers live: "thread" (of this process, the default), or "ray", each in a process that Ray
            starts, on this machine or on those of a cluster (docs/ray.md).
        ray_address: The Ray cluster on which workers or environments live, as "auto" (the one that this machine is part
            of) or HOST:PORT; None for the one in the variable RAY_ADDRESS, or else for Ray on this machine alone.
        stats_window_size: Of how many of the last episodes `rollout/ep_rew_mean` and its kin are the means.

    `close()` ends its environments and processes, and so does the end of a `with` block.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        env: Any = None,
        *,
        dataset: Any = None,
        seed: int = 0,
        seeds: int | Sequence[int] | None = None,
        num_envs: int | None = None,
        backend: Backend = "auto",
        vectorization: Vectorization = "auto",
        wrappers: Written | Sequence[Written] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        start_method: StartMethod | None = None,
        env_timeout: float | None = None,
        async_collect: bool = False,
        devices: int | None = None,
        workers: int | None = None,
        fixed_lag: int | None = None,
        max_lag: int | None = None,
        worker_type: WorkerType | None = None,
        ray_address: str | None = None,
        stats_window_size: int = WINDOW,
    ) -> None:
        if dataset is not None:
            algorithm = algorithm.fitted_to(dataset)
        for name, value in (("worker_type", worker_type), ("vectorization", vectorization)):
            if value == "ray":
                cluster.require(f"{name}={value!r}")
        if ray_address is not None:
            cluster.require(f"ray_address={ray_address!r}")
        of_environments, of_workers = (ray_address, None) if vectorization == "ray" else (None, ray_address)
        recorded = require_dataset(algorithm, dataset, env, num_envs)
        source = source_of(
            recorded,
            env,
            backend=backend,
            vectorization=vectorization,
            wrappers=as_wrappers(wrappers),
            env_kwargs=rewards.named(
                env, of_text(env, env_kwargs, tokenizer_of(algorithm)), saving.reward_model
            ),
            start_method=start_method,
            env_timeout=env_timeout,
            ray_address=of_environments,
        )
        core = Core(
            *(algorithm, source, seed, seeds, num_envs, async_collect, devices, stats_window_size),
            workers=parallel_inputs.workers_of(
                algorithm, workers, fixed_lag, max_lag, worker_type, of_workers
            ),
            recorded=recorded,
        )
        self._hold(core)

    # learning

    def learn(
        self,
        total_timesteps: float | None = None,
        callback: Any = None,
        progress_bar: bool = True,
        *,
        epochs: int | None = None,
        log_interval: int | None = None,
        loggers: Sequence[Logger] = (),
        observers: Sequence[Observer] = (),
        run_dir: str | Path | None = None,
        checkpoint_every: int | None = None,
        keep_checkpoints: int = 2,
        checkpoint_replay: bool = True,
        evaluate_every: int | None = None,
        evaluation_episodes: int = inputs.EVALUATION_EPISODES,
        evaluate_env: Any = None,
        reset_num_timesteps: bool = False,
        info_keywords: Sequence[str] = (),
        steering: Steering | None = None,
        interventions: str | Path | None = None,
        overwrite: bool = False,
        **habit: Never,
    ) -> Self:
        """Train for `total_timesteps` environment steps (of each seed); called again, it goes on from there. Of what
        learns from a dataset, all steps here are updates.

        Args:
            callback: A function that is called with a `Progress` after every row of metrics, an `operant.Callback` with
                hooks at other moments, too, or a list of these. What returns anything false but None stops training.
            progress_bar: Whether to show the live table and bar.
            epochs: How often to go through the dataset, instead of `total_timesteps`.
            log_interval: Environment steps between two rows of metrics.
            loggers: Further places for the rows to go, such as `WandbLog`, `JsonLog` or `TextLog`.
            observers: Called with every transition, in order, between chunks.
            run_dir: Where to keep the config, metrics, TensorBoard events and checkpoints. Raises
                `operant.RunInUseError` where somebody else is training there.
            checkpoint_every: Environment steps between two checkpoints in `run_dir`; the last state is always kept.
            keep_checkpoints: How many of them are kept, the latest ones.
            checkpoint_replay: Whether checkpoints hold replay, which may be gigabytes. Without it, a resumed run first
                plays what it has learnt for `learning_starts` steps, learning nothing, to fill replay again.
            evaluate_every: Environment steps between two evaluations of the deterministic policy, the last one at the
                end. Training can forget: `best_model` is then the best of them, and is kept in `run_dir`.
            evaluation_episodes: Episodes of an evaluation; the same ones each time, and none of those that `evaluate`
                plays by default. Where training is on the device so are they, and of Gymnasium's environment otherwise.
            evaluate_env: Another environment of the same spaces to evaluate on.
            reset_num_timesteps: Whether steps are counted from 0 again, and with them schedules, `history` and
                `best_model`; what has been learnt stays. Otherwise they go on: the end of training is moved by
                `total_timesteps`, and a schedule of the earlier call jumps back to where the new end puts it.
            info_keywords: Keys of the info that ends an episode, whose means over the last hundred episodes become
                metrics, `rollout/<key>`; `is_success` becomes `rollout/success_rate` wherever there is one.
            steering: Through which another thread pauses, stops and changes this training, as the live page does. What
                it does is kept in `run_dir`, and done again where the run is resumed.
            interventions: The `interventions.jsonl` of another run, or its directory: the changes that were made there
                are made here, at the same steps.
            overwrite: Whether a run that is already in `run_dir` may be deleted.

        Returns itself. Ctrl-C stops after the environment step under way (natively within two seconds, or one
        iteration where that takes longer), keeps everything up to the last update, and raises KeyboardInterrupt. A loss
        that is not a number any more raises `operant.DivergedError`; with several seeds it is named and the others go
        on.
        What raises between two chunks (a callback, an observer, a logger) leaves the agent with the last one. A chunk
        that fails may take with it what had been learnt: the agent then goes back to its last checkpoint.
        """
        habits.refuse(habits.LEARN, "learn", habit, self.learn)
        inputs.at_least_one(epochs=epochs)
        if (total_timesteps is None) == (epochs is None):
            raise ValueError("learn takes total_timesteps, or of a dataset epochs=…, and one of them only.")
        if epochs is not None:
            total_timesteps = updates_of(self.algorithm, self._core.recorded, epochs)
        assert total_timesteps is not None
        total_timesteps = inputs.steps(total_timesteps)
        inputs.at_least_one(log_interval=log_interval)
        inputs.require_used(
            evaluate_every, evaluation_episodes=evaluation_episodes, evaluate_env=evaluate_env
        )
        before = 0 if reset_num_timesteps else self.step
        inputs.say_how_far(self.algorithm.experience, self.num_envs, total_timesteps, before)
        inputs.require_replay(self.algorithm, checkpoint_replay)
        parallel_inputs.require_alone(steering=steering, interventions=interventions)
        inputs.require_kept(
            run_dir,
            checkpoint_every=(checkpoint_every, None),
            keep_checkpoints=(keep_checkpoints, 2),
            checkpoint_replay=(checkpoint_replay, True),
            overwrite=(overwrite, False),
        )
        started = self._core.learner.run is not None
        size = chunk_size(self.algorithm.experience, self.num_envs, total_timesteps, log_interval)
        learner, experience = self._core.learner, self.algorithm.experience
        parallel_inputs.say_nothing_overlaps(
            learner.async_collect, learner.workers, experience, self.num_envs, size
        )
        inputs.say_replay_is_empty(experience, self.step, started)
        for advice in self.algorithm.advice(self.spec):
            warnings.warn(advice, TrainingWarning, stacklevel=2)
        evaluated, kept = (evaluate_every, evaluation_episodes), (keep_checkpoints, checkpoint_replay)
        plan = Plan(before + total_timesteps, size, checkpoint_every, *evaluated, *kept)
        directory = None if run_dir is None else RunDirectory(Path(run_dir))
        session = Session(
            self._core,
            plan,
            directory,
            hooks=Hooks(callback, self),
            progress_bar=progress_bar,
            loggers=loggers,
            observers=observers,
            info_keywords=info_keywords,
            evaluate_env=evaluate_env,
            from_zero=reset_num_timesteps,
            steering=steering,
            interventions=interventions,
        )
        if directory is None or not processes.writes():
            session.train()
            return self
        directory.check(overwrite=overwrite)
        with directory.held():  # only now, when all has been made that may fail
            RunDirectory.create(directory.path, self.config() | asdict(plan), overwrite=overwrite)
            frozen_files.write(self.algorithm, directory)
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
        dataset: Any = None,
        callback: Any = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
        algorithm: type[Algorithm] | None = None,
        frozen: Mapping[str, Any] | None = None,
        devices: int | None = None,
        steering: Steering | None = None,
    ) -> Self:
        """Continue a run from its last checkpoint to the end it was given.

        On a native environment the result is, to the last bit, that of a run that was never stopped. Gymnasium's
        environments cannot be stored: there, episodes start afresh. `env`, `network`, `wrappers`, `env_kwargs` and
        `dataset` are needed where the run was started with objects of yours, which no file can hold, and so is
        `algorithm`, the class, where that is yours. Where it holds a `Frozen` of modules of yours, `frozen` gives one
        of the same structure by the name of its field. `env_timeout` and `devices` stand for
        those of the run: one that began on one device goes on on two. Changes that somebody
        made while it trained (`steering`) are made again at their steps.
        """
        with RunDirectory.open(run_dir).held():
            agent = cls.restore(
                run_dir,
                env=env,
                network=network,
                wrappers=wrappers,
                env_kwargs=env_kwargs,
                env_timeout=env_timeout,
                dataset=dataset,
                algorithm=algorithm,
                frozen=frozen,
                devices=devices,
            )
            return agent.finish(run_dir, callback, progress_bar, loggers, steering)

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
        dataset: Any = None,
        algorithm: type[Algorithm] | None = None,
        frozen: Mapping[str, Any] | None = None,
        devices: int | None = None,
    ) -> Self:
        """The agent as it was at a run's last checkpoint, or at that of `step`; `finish` trains it to the end."""
        known = {"env_timeout": env_timeout, "dataset": dataset, "devices": devices, **(frozen or {})}
        given = {name: value for name, value in known.items() if value is not None}
        return cls._of(
            saving.restore(run_dir, Supplied(env, network, wrappers, env_kwargs, algorithm, given), step)
        )

    def finish(
        self,
        run_dir: str | Path,
        callback: Any = None,
        progress_bar: bool = True,
        loggers: Sequence[Logger] = (),
        steering: Steering | None = None,
    ) -> Self:
        """Train what `restore` gave to the end that its run was given."""
        directory = RunDirectory.open(run_dir)
        parallel_inputs.require_alone(steering=steering)
        with directory.held():
            Session(
                self._core,
                Plan.of(directory),
                directory,
                hooks=Hooks(callback, self),
                progress_bar=progress_bar,
                loggers=loggers,
                resumed=True,
                steering=steering,
            ).train()
        return self

    @classmethod
    def load(
        cls,
        path: str | Path | IO[bytes],
        env: Any = None,
        network: Any = None,
        best: bool = False,
        wrappers: Written | Sequence[Written] | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        algorithm: type[Algorithm] | None = None,
        **hyperparameters: Any,
    ) -> Self:
        """A saved model, or that of a run directory, with its step and its metrics. Nothing in the file is executed.

        It acts without its environment, which is made when it is played. `best` asks for the best model that the run
        kept (of several seeds, the best one's) instead of the last. `env` is needed to train or to score what was
        trained on an object of yours, and may name another environment of the same spaces; `network` where its network
        is an Equinox module of yours, `wrappers` where one holds your function, `algorithm`, the class, where that is
        yours. `env_kwargs` go on top of those that the file keeps. To go on training in another way, give other values:
        `load(path, learning_rate=1e-4, num_envs=16)`.
        """
        supplied = Supplied(env, network, wrappers, env_kwargs, algorithm, hyperparameters)
        return cls._of(saving.load(path, supplied, best))
