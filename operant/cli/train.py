"""`operant train` and `operant resume`.

Wrong arguments are found before anything that needs JAX is imported.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant.cli import config_file, env_kwargs, habits, modules, runs, start
from operant.cli.asked import Asked, read
from operant.cli.ending import keeping
from operant.cli.environments import require_known
from operant.cli.errors import Interrupted, WrongInput, exit_code, from_input
from operant.cli.readers import may_leave
from operant.cli.training import (
    NO_ENVIRONMENT,
    Training,
    at_least_one,
    connect,
    require_countable,
    require_episodes,
    require_live,
    require_processes,
    require_timeout,
    require_wandb,
)

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.agent.steering import Steering
    from operant.engine.log import Logger
    from operant.engine.run_directory import RunDirectory


def train(arguments: list[str]) -> None:
    """`operant train`, given the arguments after it; the first is the algorithm unless --config names it."""
    with from_input():
        file, rest = config_file.split(arguments, "--config")
        model, rest = config_file.split(rest, *start.FLAGS)
        if file is not None and model is not None:
            raise ValueError(
                "--config and --from do not go together: a file names the environment, and a model its own."
            )
        if model is not None:
            everything = [replace(_asked(start.arguments(model, rest), rest), start=model)]
        else:
            everything = [_asked(rest)] if file is None else _in_file(file, rest)
    with may_leave():
        for asked in everything:
            with _in_place(asked.place):
                _train(asked, shlex.join(["operant", "train", *arguments]))


def _in_file(file: str, typed: list[str]) -> list[Asked]:
    """The runs of a file; typed arguments take precedence over it."""
    named = start.named_first(typed)
    found = []
    for run in config_file.read(file):
        words = [*named, *run.arguments[len(named) :], *typed[len(named) :]]
        with _in_place(run.place), from_input():
            asked = _asked(words, typed)
        found.append(replace(asked, name=run.name, place=run.place))
    return found


@contextlib.contextmanager
def _in_place(place: str) -> Iterator[None]:
    """Name the place in the file in errors of this block."""
    try:
        yield
    except WrongInput as error:
        raise WrongInput(f"--config {place}: {error}" if place else str(error)) from error


def _asked(arguments: list[str], typed: list[str] | None = None) -> Asked:
    """Read the arguments; a module is imported only if it was typed."""
    name, *rest = arguments
    name = habits.algorithm(name)
    if name == "random":
        raise ValueError("the random policy learns nothing; score it: `operant evaluate random ENVIRONMENT`.")
    asked = read(name, rest)
    environment = asked.training.environment
    if asked.training.dataset is not None and environment == NO_ENVIRONMENT:
        return asked
    if typed is not None and environment not in typed:
        modules.require_imported(environment, asked.training.modules)
    require_known(environment, asked.training.modules)
    if asked.training.evaluate_env is not None:
        try:
            require_known(asked.training.evaluate_env)
        except ValueError as error:
            raise ValueError(f"--evaluate-env {asked.training.evaluate_env}: {error}") from error
    return asked


def _train(asked: Asked, again: str) -> None:
    training = asked.training
    with from_input():
        writes = connect(training.coordinator, training.num_processes, training.process_id)
    from operant.engine import programs

    with programs.kept(), contextlib.ExitStack() as holding:
        with from_input():
            from operant.agent.inputs import require_learning
            from operant.agent.recorded import updates_of
            from operant.engine.run_directory import RunDirectory, default_run_path
            from operant.engine.train import chunk_size

            agent = _agent(asked)
            if asked.start is not None:
                start.take_over(agent, asked.start)
            if training.run_dir is not None and writes:
                RunDirectory(Path(training.run_dir)).check(overwrite=training.overwrite)
            plan, steps = agent.algorithm.experience, training.total_timesteps
            if training.epochs is not None:
                steps = updates_of(agent.algorithm, agent.learner.recorded, training.epochs)
            agent.learner.require_room(chunk_size(plan, agent.num_envs, steps, training.log_interval))
            require_learning(plan, agent.num_envs, steps)
            if not writes:
                _learn(agent, asked, steps, training.run_dir or "runs")
                return
            path = training.run_dir or default_run_path(asked.name or asked.algorithm, agent.source.id)
            directory = RunDirectory(Path(path))
            holding.enter_context(directory.held())
        from_where = f"preset: {asked.preset}" if asked.start is None else f"from: {asked.start}"
        print(f"{_header(agent)}\n{from_where}\nrun: {directory.path}", flush=True)
        steering = holding.enter_context(_steered(agent, directory, training.live))
        with _finished(
            agent, directory, again, training.episodes, training.video, training.pictures
        ) as begin:
            loggers = _loggers(training.wandb, agent)
            _learn(agent, asked, steps, directory.path, callback=begin, loggers=loggers, steering=steering)


def _learn(agent: Agent, asked: Asked, steps: int, run_dir: str | Path, **more: Any) -> None:
    training = asked.training
    agent.learn(
        steps,
        progress_bar=training.progress,
        log_interval=training.log_interval,
        run_dir=run_dir,
        checkpoint_every=training.checkpoint_every,
        keep_checkpoints=training.keep_checkpoints,
        checkpoint_replay=training.checkpoint_replay,
        evaluate_every=training.evaluate_every or None,
        evaluation_episodes=training.evaluation_episodes,
        evaluate_env=training.evaluate_env,
        interventions=training.interventions,
        overwrite=training.overwrite,
        **more,
    )


def resume(
    run: str,
    total_timesteps: int | None,
    episodes: int,
    wandb: str | None,
    progress: bool,
    video: bool,
    pictures: bool,
    imported: Sequence[str] = (),
    env_timeout: float | None = None,
    live: bool = False,
    devices: int | None = None,
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """`operant resume`."""
    with from_input():
        if live:
            require_live("--live")
        require_timeout(env_timeout)
        require_processes(coordinator, num_processes, process_id, live)
        at_least_one(total_timesteps=total_timesteps, devices=devices)
        require_episodes(episodes)
        runs.require_module(runs.require(run), imported)
        require_wandb(wandb)
    with from_input():
        writes = connect(coordinator, num_processes, process_id)
    from operant.engine import programs

    with programs.kept(), may_leave(), contextlib.ExitStack() as holding:
        with from_input():
            from operant.agent import Agent
            from operant.engine import processes
            from operant.engine.run_directory import RunDirectory

            directory = RunDirectory.open(run)
            if writes:
                holding.enter_context(directory.held())
            agent = Agent.restore(run, env_timeout=env_timeout, devices=devices)
            if writes:
                _set_end(directory, agent.step, total_timesteps)
            processes.any_of(False)  # the others read the end that the first one has set
            if not writes:
                agent.finish(run)
                return
        print(f"{_header(agent)}\nresuming {run} at step {agent.step:,}", flush=True)
        steering = holding.enter_context(_steered(agent, directory, live))
        with _finished(agent, directory, None, episodes, video, pictures) as begin:
            agent.finish(run, begin, progress, _loggers(wandb, agent), steering)


@contextlib.contextmanager
def _steered(agent: Agent, directory: RunDirectory, live: bool) -> Iterator[Steering | None]:
    """What steers training in this block, from a page that is open as long; None without one.

    A run that learns from what a person says of clips waits after its first chunk where nothing is said yet.
    """
    if not live:
        yield None
        return
    from operant.agent.answering import Answering
    from operant.live.page import noting_warnings, open_page

    with from_input():
        answering = Answering.of(agent._core)
        waits = answering is not None and not answering.folder.judged()
    with open_page(directory.path) as page, noting_warnings(page.log):
        if waits:
            page.steering.ask("pause")
            print(
                "it pauses after the first chunk: compare some clips on the page, then press Go on",
                flush=True,
            )
        yield page.steering
    print(f"the page is closed; `operant ui {shlex.quote(str(directory.path))}` opens it again", flush=True)


def _set_end(directory: RunDirectory, step: int, total_timesteps: int | None) -> None:
    """Set the total steps of a run, if given. Raises ValueError if nothing is left to train."""
    config = directory.read_config()
    if total_timesteps is not None:
        require_countable(total_timesteps)
        if total_timesteps <= step:
            raise ValueError(
                f"--total-timesteps {total_timesteps}: {directory.path} is at step {step:,} already."
            )
        directory.write_config(config | {"total_timesteps": total_timesteps})
    elif step >= config["total_timesteps"] and directory.is_finished:
        raise ValueError(
            f"{directory.path} is at its end, at step {step:,}; `operant evaluate {directory.path}` scores it again, "
            "and --total-timesteps goes on to a later one."
        )


@contextlib.contextmanager
def _finished(
    agent: Agent, directory: RunDirectory, again: str | None, episodes: int, video: bool, pictures: bool
) -> Iterator[Callable[..., None]]:
    """Score and show what is trained in this block with the callback that it gives."""
    from operant.cli.preparation import Preparation
    from operant.envs.stored import NoEnvironment

    if isinstance(agent.source.given, NoEnvironment):
        with _interruptible(agent, directory, again):
            yield lambda *_: None
        print(f"not scored, since no environment was named: {directory.model_file}", flush=True)
        return
    with _interruptible(agent, directory, again), Preparation(agent, episodes) as preparation:
        yield preparation.begin
        from operant.cli.finish import finish  # loaded during training

        finish(agent, directory, preparation, video=video, pictures=pictures)


def _agent(asked: Asked) -> Agent:
    from operant.agent import Agent, around
    from operant.algorithms import registry

    training, hyperparameters = asked.training, dict(asked.hyperparameters)
    if training.model is not None:
        from operant.agent import texts
        from operant.language import LoRA

        named = texts.network(training.model)
        hyperparameters["network"] = (
            named if training.lora is None else named.adapted(LoRA.parse(training.lora))
        )
    algorithm = registry.build(registry.algorithm(asked.algorithm), hyperparameters)
    return Agent(
        around.put(algorithm, {"name": training.curiosity, **asked.curiosity}, training.kl_penalty),
        None if training.dataset and training.environment == NO_ENVIRONMENT else training.environment,
        dataset=training.dataset,
        seed=training.seed,
        seeds=training.seeds,
        num_envs=training.num_envs,
        backend=training.backend,
        vectorization=training.vectorization,
        wrappers=training.wrappers,
        env_kwargs=_env_kwargs(training),
        start_method=training.start_method,
        env_timeout=training.env_timeout,
        async_collect=training.async_collect,
        devices=training.devices,
        workers=training.workers,
        fixed_lag=training.fixed_lag,
        max_lag=training.max_lag,
        worker_type=training.worker_type,
        ray_address=training.ray_address,
        stats_window_size=training.stats_window_size,
    )


def _env_kwargs(training: Training) -> dict[str, Any]:
    """Those of --env-kwargs and --reward. Raises ValueError where both give a reward, and where it is not of text."""
    given = env_kwargs.read(training.env_kwargs)
    if not training.reward:
        return given
    from operant.agent.rewards import REWARD
    from operant.envs.registry import TEXTS
    from operant.language.rewards import parsed

    what = f"--reward {' '.join(training.reward)}"
    if training.environment not in TEXTS:
        raise ValueError(
            f"{what}: {training.environment} has rewards of its own; {', '.join(TEXTS)} take it."
        )
    if REWARD in given:
        raise ValueError(f"{what}: --env-kwargs gives a reward, too. Leave one of them out.")
    rewards = parsed(training.reward)
    return {**given, REWARD: next(iter(rewards)) if list(rewards.values()) == [1.0] else rewards}


def _loggers(project: str | None, agent: Agent) -> list[Logger]:
    from operant.engine.log import WandbLog

    return [] if project is None else [WandbLog(project, agent.config())]


def _header(agent: Agent) -> str:
    import gymnasium as gym

    from operant import memory

    registered = gym.registry.get(agent.source.id)
    own = registered is not None and str(registered.entry_point).startswith("operant.")
    lines = [agent.title]
    if agent.source.native is not None and not own:  # else there is no other to score it on
        lines.append(f"scores come from Gymnasium's own {agent.source.id}")
    if agent.learner.replay_bytes:
        lines.append(f"replay takes {memory.text(agent.learner.replay_bytes)} of memory")
    return "\n".join(lines)


@contextlib.contextmanager
def _interruptible(agent: Agent, directory: RunDirectory, again: str | None = None) -> Iterator[None]:
    """If Ctrl-C or an error ends this block early, say how to continue.

    `again` is the command that starts the run, if it is started here: a checkpoint that it overwrites does not count.
    """
    from operant.engine.checkpoint import latest_checkpoint
    from operant.envs.timeouts import when_stuck

    imports = (f" --import {module}" for module in modules.module_of(agent.source.id))
    resume = f"`operant resume {shlex.quote(str(directory.path))}{''.join(imports)}`"

    def latest() -> tuple[str, int] | None:
        path = latest_checkpoint(directory.checkpoints)
        return None if path is None else (path.name, path.stat().st_ino)

    before = None if again is None else latest()

    def kept() -> bool:
        return latest() not in (None, before)

    def advice() -> str:
        if again is None or kept():
            return f"go on with {resume}"
        overwrite = " --overwrite" * (directory.holds_run and "--overwrite" not in again)
        return f"nothing was kept, since no step was complete; start again with `{again}{overwrite}`"

    def end() -> None:
        """End the process if an environment that exceeds its time limit cannot be interrupted."""
        line = f"error: the process ends here, since it cannot go on; {advice()}"
        print(line, file=sys.stderr, flush=True)
        os._exit(1)

    try:
        with keeping(lambda: agent.learner.watch, advice), when_stuck(end):
            yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"at step {agent.step:,}; {advice()}", exit_code(error)) from None
        if isinstance(error, Exception) and kept():
            error.add_note(f"operant: go on from the last checkpoint with {resume}.")
        raise
