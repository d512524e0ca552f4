"""Where evidence comes from: an agent, or the directory of a run, of which every file may be missing or damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from operant import curiosity
from operant.agent import Agent, saving, thoughts
from operant.agent.configuration import Supplied, from_config
from operant.agent.core import Core
from operant.agent.showing import threshold
from operant.algorithms import registry
from operant.diagnosis import probe
from operant.diagnosis.evidence import Course, Evidence, Setup
from operant.diagnosis.networks import networks, shaped
from operant.diagnosis.probe import Seen
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.log import STEP, read_rows
from operant.engine.policy import Policy
from operant.engine.run_directory import RunDirectory
from operant.envs.source import Source
from operant.formats import read_evaluation, read_run
from operant.types import PyTree

T = TypeVar("T")
RATE = "train/learning_rate"


@dataclass
class Notes:
    """What was not looked at, and why."""

    left_out: list[str] = field(default_factory=list)

    def attempt(self, what: str, function: Callable[[], T]) -> T | None:
        """What a function returns; where it fails, None, and why."""
        try:
            return probe.quietly(function)
        except Exception as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            known = isinstance(error, ValueError | OSError | ImportError)
            self.left_out.append(f"{what}: {said if known else f'{type(error).__name__}: {said}'}")
            return None


def of_agent(agent: Agent, with_probe: bool = True) -> Evidence:
    """Evidence of an agent as it is."""
    core, notes = agent._core, Notes()
    rows = list(core.history)
    evidence = Evidence(
        _setup(core, None),
        Course.of(rows, len(core.seeds or (0,))) if rows else None,
        threshold=threshold(core),
    )
    return _probed(core, evidence, notes) if with_probe else evidence


def of_run(path: str | Path, supplied: Supplied, with_probe: bool = True) -> Evidence:
    """Evidence of a run's directory: of its files, and of its last whole checkpoint, or its model.

    Raises FileNotFoundError where there is no run, and FileError where its config is damaged.
    """
    directory, notes = RunDirectory.open(path), Notes()
    config = read_run(directory.path)
    seeds = len(config.get("seeds") or (0,))
    rows = []
    if directory.metrics_file.exists():
        rows = notes.attempt("the curves", lambda: read_rows(directory.metrics_file)) or []
    scores = {}
    if directory.evaluation_file.exists():
        scores = notes.attempt("the score", lambda: read_evaluation(directory.evaluation_file)) or {}
    core, learnt = _core(directory, config, supplied, notes)
    step = int(rows[-1][STEP]) if rows else 0
    setup = _setup(core, config)
    evidence = Evidence(
        replace(setup, step=max(step, setup.step), total=config.get("total_timesteps")),
        Course.of(rows, seeds) if rows else None,
        _means(scores),
        None if not scores.get("random") else float(scores["random"]["mean"]),
        scores.get("threshold", threshold(core)),
    )
    if not learnt:
        notes.left_out.append(
            "what was learnt: the run has neither a checkpoint nor a model yet, so only its environment was looked at"
            if not rows
            else "what was learnt: the run has neither a whole checkpoint nor a model"
        )
    return (
        _probed(core, evidence, notes, learnt)
        if with_probe
        else replace(evidence, left_out=tuple(notes.left_out))
    )


def _core(
    directory: RunDirectory, config: dict[str, Any], supplied: Supplied, notes: Notes
) -> tuple[Core, bool]:
    """`(core, whether it is trained)`."""
    if probe.quietly(lambda: latest_checkpoint(directory.checkpoints)) is not None:
        core = notes.attempt("the last checkpoint", lambda: saving.restore(directory.path, supplied))
        if core is not None:
            return core, True
    if directory.model_file.exists():
        core = notes.attempt("the model", lambda: saving.load(directory.path, supplied))
        if core is not None:
            return core, True
    return from_config(directory.config_file, config, supplied), False


def _means(scores: Mapping[str, Any]) -> tuple[float, ...]:
    """The mean return of each learner."""
    if "seeds" in scores:
        return tuple(float(row["mean"]) for row in scores["seeds"].values())
    return (float(scores["mean"]),) if "mean" in scores else ()


def _setup(core: Core, config: Mapping[str, Any] | None) -> Setup:
    algorithm, curious = curiosity.parts(core.algorithm)
    lost = core.learner.lost
    return Setup(
        registry.name_of(algorithm),
        core.source.id,
        core.spec.action_space,
        registry.to_json(algorithm) | ({} if config is None else _plan(config)),
        core.num_envs,
        len(core.seeds or (0,)),
        (int(core.history[-1][STEP]) if core.history else 0) if lost else core.step,
        None,
        core.spec.max_episode_steps,
        curious is not None,
        lost,
    )


def _plan(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name in ("evaluation_episodes",) if config.get(name) is not None}


def _probed(core: Core, evidence: Evidence, notes: Notes, learnt: bool = True) -> Evidence:
    """With what a probe of the environment and the networks finds."""
    source = core.source
    if core.recorded is not None:
        notes.left_out.append("a probe: what learns from a dataset takes no steps of an environment")
        return replace(evidence, left_out=tuple(notes.left_out))
    if notes.attempt("the environment and the networks", lambda: _makes(source)) is None:
        return replace(evidence, left_out=tuple(notes.left_out))
    evidence = replace(
        evidence,
        faults=notes.attempt("the environment's answers", lambda: probe.faults(source)) or (),
        repeats=notes.attempt("whether seeds fix episodes", lambda: probe.repeats(core)),
        reach=notes.attempt("the bounds of actions", lambda: probe.reach(core)),
    )
    environments = notes.attempt("the environment as it is trained in", lambda: source.host(probe.COPIES))
    if environments is None:
        return replace(evidence, left_out=tuple(notes.left_out))
    try:
        random = notes.attempt(
            "the random policy", lambda: probe.play(environments, probe.random_policy(core))
        )
        trained = None
        if not evidence.setup.lost:
            one = _one(core, evidence)
            if learnt and evidence.setup.step > 0:
                trained = notes.attempt("the policy", lambda: _played(one, environments))
            rate = None if evidence.course is None else evidence.course.typical(RATE)
            seen = trained or random
            if seen is not None:
                found = notes.attempt("the networks", lambda: _networks(one, seen, rate))
                evidence = replace(evidence, networks=found)
    finally:
        environments.close()
    return replace(
        evidence,
        random=None if random is None else random.played,
        policy=None if trained is None else trained.played,
        steps_in_python=core.learner.steps_in_python,
        left_out=tuple(notes.left_out),
    )


def _makes(source: Source) -> bool:
    """True; raises where the environment cannot be made, as an object of the user's that no file holds."""
    source.single().close()
    return True


def _one(core: Core, evidence: Evidence) -> Core:
    """The learner itself; of several seeds the one that was paid least in the end, where troubles show."""
    if core.seeds is None:
        return core
    final = evidence.final
    return core.of_seed(0 if final is None or not np.isfinite(final).any() else int(np.nanargmin(final)))


def _networks(core: Core, seen: Seen, rate: float | None) -> Any:
    first = jax.jit(core.learner.initial_state)()
    return networks(core, core.state, first, seen, rate)


def _played(core: Core, environments: Any) -> Seen:
    """What the best known actions lead to, and the values on the way."""
    policy = Policy(core.algorithm, core.state, core.spec)
    seen = probe.play(environments, policy)
    value = (
        None
        if policy.remembers or curiosity.parts(core.algorithm)[1] is not None
        else _values(core, policy, seen)
    )
    return replace(seen, played=replace(seen.played, value=value))


def _values(core: Core, policy: Policy, seen: Seen) -> np.ndarray | None:
    """What was expected of each step, `[T, N]`, in units of the rewards that were given."""
    actions = seen.played.action
    flat = shaped(core.spec.action_space, actions.reshape(-1, actions.shape[-1]))
    value = thoughts.expectation(policy, seen.observations, seen.masks, flat)
    return None if value is None else value.reshape(seen.played.reward.shape) * _reward_scale(core.state)


def _reward_scale(state: PyTree) -> float:
    """What normalised rewards were divided by; 1 where they are not."""
    normalizer: Any = getattr(state, "normalizer", None)
    if normalizer is None or normalizer.reward is None:
        return 1.0
    return float(np.sqrt(normalizer.reward.variance + normalizer.epsilon))
