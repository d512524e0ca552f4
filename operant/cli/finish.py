"""What follows training: saving the model, scoring it, and drawing pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from operant import decimals
from operant.cli.show import attempt, show
from operant.diagnosis.diagnosing import of_training
from operant.engine.evaluate import Evaluation
from operant.engine.files import replacing
from operant.engine.scores import StudyEvaluation
from operant.ops.intervals import mean_interval

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.cli.preparation import Preparation
    from operant.diagnosis.diagnosing import Diagnosis
    from operant.engine.run_directory import RunDirectory


def finish(
    agent: Agent,
    directory: RunDirectory,
    preparation: Preparation,
    *,
    video: bool = True,
    pictures: bool = True,
) -> None:
    """Save, score and show what was trained, and print where the files are."""
    scores = _scores(agent, preparation.episodes)
    best = agent if agent.seeds is None else agent.best(scores)
    kept = best_kept(agent, scores)
    random = preparation.random()
    best.save(directory.model_file)
    values = summary(agent, scores, random) | best_summary(agent, scores, kept)
    text = json.dumps(values, indent=2) + "\n"
    with replacing(directory.evaluation_file, len(text)) as temporary:
        temporary.write_text(text)
    for line in (*lines(agent, scores, random), *forgetting(agent, scores, kept, directory)):
        print(line, flush=True)
    with attempt("diagnosis"):
        found = of_training(agent, [score.mean for score in scores], random.mean)
        found.save_json(directory.diagnosis_file)
        looks_wrong(found, directory)
    show(agent, best, directory, random.mean, video=video, pictures=pictures)
    names = sorted(
        path.name + "/" * path.is_dir() for path in directory.path.iterdir() if path.name[0] != "."
    )
    print(f"in {directory.path}: {', '.join(names)}", flush=True)


def best_kept(agent: Agent, scores: list[Evaluation]) -> list[Evaluation]:
    """The scores, in the same episodes, of the best models kept during training, one for each learner, if any."""
    best = agent.best_so_far
    if best is None:
        return []
    return scores if (best.step == agent.step).all() else _scores(agent.best_model, len(scores[0].returns))


def forgetting(
    agent: Agent, scores: list[Evaluation], kept: list[Evaluation], directory: RunDirectory
) -> list[str]:
    """A line for each learner whose last model is significantly worse than its best one."""
    if agent.best_so_far is None:
        return []
    steps = np.atleast_1d(agent.best_so_far.step)
    found = []
    for seed, step, last, best in zip(agent.seeds or (None,), steps, scores, kept, strict=True):
        if forgot(last, best):
            whose = "" if seed is None else f" with seed {seed}"
            found.append(f"training forgot{whose}: at step {step:,} the model was better, {best}")
    where = f"the best model is {directory.best}/; `operant evaluate {directory.path} --best`"
    return [*found, where] if found else []


def looks_wrong(found: Diagnosis, directory: RunDirectory) -> None:
    """Print a line on what a diagnosis found, if it found anything."""
    if found.findings:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        again = f"`operant diagnose {directory.path}` looks closer."
        print(f"looks wrong: {found.findings[0].wrong}{more} {again}", flush=True)


def forgot(last: Evaluation, best: Evaluation) -> bool:
    """Whether the last model is worse than the best in the same episodes: the 95 % interval of the difference is
    above 0 (of a single episode, the difference).
    """
    difference, low, _ = mean_interval(best.returns - last.returns)
    return (difference if len(last.returns) == 1 else low) > 0


def summary(agent: Agent, scores: list[Evaluation], random: Evaluation) -> dict[str, Any]:
    """What `evaluation.json` holds: the score next to that of the random policy; with several seeds, over them."""
    values: dict[str, Any] = {"threshold": agent.threshold, "random": random.to_json()}
    if agent.seeds is None:
        return scores[0].to_json() | values
    return StudyEvaluation(tuple(scores), tuple(agent.seeds)).to_json() | values


def best_summary(agent: Agent, scores: list[Evaluation], kept: list[Evaluation]) -> dict[str, Any]:
    """The same for the best models: `{"best": …}`, or with several seeds `{"best": {seed: …}}`."""
    if agent.best_so_far is None:
        return {}
    steps = np.atleast_1d(agent.best_so_far.step).tolist()
    rows = [
        best.to_json() | {"step": step, "training_forgot": forgot(last, best)}
        for last, best, step in zip(scores, kept, steps, strict=True)
    ]
    return {"best": rows[0] if agent.seeds is None else dict(zip(map(str, agent.seeds), rows, strict=True))}


def lines(agent: Agent, scores: list[Evaluation], random: Evaluation) -> list[str]:
    """The score, for the terminal."""
    random_score = f"(random policy: {decimals.score(random.mean)})"
    if agent.seeds is None:
        return [f"score: {scores[0]} {random_score}"]
    values = summary(agent, scores, random)
    median, mean = decimals.score(values["median"]), decimals.score(values["iqm"], values["iqm_interval"])
    each = [f"seed {seed}: {score}" for seed, score in zip(agent.seeds, scores, strict=True)]
    return [
        *each,
        f"score: median {median}, interquartile mean {mean} over "
        f"{len(scores)} seeds {random_score}; the model is seed {values['best_seed']}'s",
    ]


def _scores(agent: Agent, episodes: int) -> list[Evaluation]:
    """The score of each learner."""
    scores = agent.evaluate(episodes)
    return [scores] if isinstance(scores, Evaluation) else list(scores)
