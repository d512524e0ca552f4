"""The best values on seeds that the sweep never saw, next to the values from before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from operant.agent import Agent
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import replacing
from operant.engine.run_directory import RunDirectory
from operant.engine.scores import StudyEvaluation
from operant.formats import read_evaluation
from operant.sweeps.request import Request


def tested(
    request: Request,
    env: Any,
    values: dict[str, Any],
    num_envs: int | None,
    path: Path,
    *,
    progress_bar: bool,
) -> StudyEvaluation:
    """The score of these hyperparameters on the test seeds; the run is kept at `path`, and goes on where it was."""
    directory = RunDirectory(path)
    if directory.evaluation_file.exists():
        return StudyEvaluation.from_json(read_evaluation(directory.evaluation_file))
    agent = _trained(request, env, values, num_envs, directory, progress_bar)
    scores = agent.evaluate(request.test_episodes)
    assert isinstance(scores, StudyEvaluation)
    agent.best(scores).save(directory.model_file)
    text = json.dumps(scores.to_json() | {"threshold": agent.threshold}, indent=2) + "\n"
    with replacing(directory.evaluation_file, len(text)) as temporary:
        temporary.write_text(text)
    agent.close()
    return scores


def _trained(
    request: Request,
    env: Any,
    values: dict[str, Any],
    num_envs: int | None,
    directory: RunDirectory,
    progress_bar: bool,
) -> Agent:
    given = request.environment if env is None else env
    if directory.holds_run and latest_checkpoint(directory.checkpoints) is not None:
        return Agent.resume(directory.path, env=env, progress_bar=progress_bar)
    agent = Agent(
        request.algorithm_of(values),
        given,
        seeds=list(request.test_seeds),
        num_envs=num_envs,
        backend=request.backend,  # pyright: ignore[reportArgumentType] (`Source` looks at it)
        vectorization=request.vectorization,  # pyright: ignore[reportArgumentType]
        wrappers=request.wrappers,
        env_kwargs=dict(request.env_kwargs),
        env_timeout=request.env_timeout,
    )
    return agent.learn(
        request.total_timesteps,
        progress_bar=progress_bar,
        run_dir=directory.path,
        checkpoint_every=max(1, request.total_timesteps // 10),
        overwrite=True,
    )
