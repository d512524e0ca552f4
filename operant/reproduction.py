"""`operant.reproduce(name)`: what the zoo holds, trained again from its preset and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from operant import decimals, settings, zoo
from operant.agent import Agent
from operant.construct import make
from operant.engine.evaluate import Evaluation
from operant.engine.run_directory import RunDirectory
from operant.engine.scores import StudyEvaluation

EPISODES = 100  # as in all studies of benchmarks/


@dataclass(frozen=True, repr=False)
class Reproduction:
    """A score and what is stored of it: of one seed the mean over episodes, of several their interquartile mean."""

    entry: zoo.Entry
    seeds: tuple[int, ...]
    score: Evaluation | StudyEvaluation
    value: float
    interval: tuple[float, float]  # 95 %
    stored: float
    stored_interval: tuple[float, float]
    stored_of: str  # what the stored numbers are of, in words
    identical: bool | None  # whether what was learnt is the shipped model to the last bit; None without one
    other_versions: tuple[
        str, ...
    ]  # of what the shipped model was trained with, such as "jax 0.9.1, now 0.10.2"

    @property
    def verdict(self) -> Literal["as stored", "higher", "lower"]:
        """As stored where the two intervals overlap."""
        (low, high), (stored_low, stored_high) = self.interval, self.stored_interval
        return "higher" if low > stored_high else "lower" if high < stored_low else "as stored"

    @property
    def ok(self) -> bool:
        """Whether it is not lower than what is stored."""
        return self.verdict != "lower"

    @property
    def bits(self) -> str:
        """What can be said of the last bits; "" without a model to compare with."""
        if self.identical is None:
            return ""
        if self.identical:
            return "identical to the shipped model, to the last bit"
        model = self.entry.model
        assert model is not None
        if self.other_versions:
            return f"other than the shipped model's, which had {'; '.join(self.other_versions)}"
        return (
            "other than the shipped model's, with the same versions: another processor or other settings round "
            f"differently (it was trained on {model.processor})"
        )

    def __str__(self) -> str:
        few = len(self.seeds) == 1
        who = f"seed {self.seeds[0]}" if few else f"seeds {self.seeds[0]} to {self.seeds[-1]}"
        rows = [
            (self.entry.name, f"{who}, {self.entry.steps:,} steps{'' if few else ' each'}"),
            ("trained again", f"{decimals.score(self.value, self.interval)} {self._of()}"),
            ("stored", f"{decimals.score(self.stored, self.stored_interval)} {self.stored_of}"),
            ("verdict", self._words()),
            *([("bits", self.bits)] if self.bits else []),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)

    __repr__ = __str__

    def _of(self) -> str:
        if len(self.seeds) == 1:
            return f"over {EPISODES} episodes"
        return f"interquartile mean over {len(self.seeds)} seeds"

    def _words(self) -> str:
        if self.verdict == "lower" and len(self.seeds) == 1 and not self.identical:
            return (
                "lower than stored. With other last bits a seed is another draw: "
                f"`operant zoo reproduce {self.entry.name} --seeds {len(self.entry.seeds)}` repeats the study"
            )
        return {"as stored": "as stored: the intervals overlap"}.get(
            self.verdict, f"{self.verdict} than stored: the intervals do not overlap"
        )


def reproduce(
    name: str, seeds: int = 1, *, run_dir: str | Path | None = None, progress_bar: bool = True
) -> Reproduction:
    """Train what the zoo holds again, from its preset, and compare the score with the stored one.

    Args:
        name: As `zoo:ppo/CartPole-v1`; the prefix may be left out.
        seeds: 1: the shipped model's seed, or else the study's first, whose score is compared with the shipped model's
            in the same episodes, or else with the range of all seeds of the study. More: as many of the study's seeds,
            in one program (or, where workers play, one after another), whose interquartile mean is compared with the
            study's.
        run_dir: Where to keep the run, if anywhere; of seeds that are trained one after another a folder each.

    Raises ValueError for an unknown name, and for more seeds than the study has.
    """
    entry = zoo.entry(name)
    return repeated(entry, chosen(entry, seeds), run_dir, progress_bar)


def repeated(
    entry: zoo.Entry, seeds: tuple[int, ...], run_dir: str | Path | None, progress_bar: bool
) -> Reproduction:
    """These seeds of an entry, trained and compared."""
    if not entry.alone or len(seeds) == 1:
        agent = learnt(entry, fresh(entry, seeds), run_dir, progress_bar)
        return compared(entry, seeds, agent.evaluate(EPISODES), agent)
    scores = []
    for seed in seeds:
        place = None if run_dir is None else Path(run_dir) / str(seed)
        with learnt(entry, fresh(entry, [seed]), place, progress_bar) as agent:
            scores.append(agent.evaluate(EPISODES))
    return compared(entry, seeds, StudyEvaluation(tuple(scores), seeds))


def chosen(entry: zoo.Entry, seeds: int) -> tuple[int, ...]:
    """The seeds to train where this number is asked for. Raises ValueError as `reproduce`."""
    if not 1 <= seeds <= len(entry.seeds):
        raise ValueError(f"seeds={seeds}: must be from 1 to {len(entry.seeds)}, those of the study.")
    if seeds > 1:
        return entry.seeds[:seeds]
    return (entry.seeds[0] if entry.model is None else entry.model.seed,)


def fresh(entry: zoo.Entry, seeds: Sequence[int]) -> Agent:
    """The agent that the entry's preset gives with these seeds, which has learnt nothing yet."""
    whose: dict[str, Any] = {"seed": seeds[0]} if len(seeds) == 1 else {"seeds": seeds}
    return make(entry.algorithm, entry.environment, preset=entry.preset, **whose, **entry.values)


def learnt(
    entry: zoo.Entry, agent: Agent, run_dir: str | Path | None = None, progress_bar: bool = False
) -> Agent:
    """What it has learnt after the entry's steps: the best of it where the preset keeps that."""
    agent.learn(entry.steps, progress_bar=progress_bar, run_dir=run_dir, evaluate_every=entry.evaluate_every)
    kept = agent if entry.evaluate_every is None else agent.best_model
    if run_dir is not None:
        kept.best().save(RunDirectory(Path(run_dir)).model_file)
    return kept


def compared(
    entry: zoo.Entry,
    seeds: Sequence[int],
    score: Evaluation | StudyEvaluation,
    agent: Agent | None = None,
) -> Reproduction:
    """The score of what was learnt with these seeds, next to what is stored; with its agent, whether bits are, too."""
    model, identical, others = entry.model, None, ()
    if isinstance(score, StudyEvaluation):
        value, stored, bounds = score.iqm, entry.iqm, entry.interval
        of = f"interquartile mean over {len(entry.seeds)} seeds"
    elif model is not None:
        value, stored, bounds = score.mean, model.mean, model.interval
        of = f"the shipped model, over the same {model.episodes} episodes"
        if agent is not None:
            identical, others = same_bits(agent, Agent.load(model.path)), changed(model.versions)
    else:
        value, stored, bounds = score.mean, entry.iqm, (min(entry.means), max(entry.means))
        of = f"interquartile mean of {len(entry.seeds)} seeds, from the lowest to the highest"
    return Reproduction(
        entry, tuple(seeds), score, value, score.interval, stored, bounds, of, identical, others
    )


def same_bits(one: Agent, other: Agent) -> bool:
    """Whether two agents have learnt the same, to the last bit."""
    ours, theirs = (jax.tree.map(np.asarray, agent.state) for agent in (one, other))
    return jax.tree.structure(ours) == jax.tree.structure(theirs) and all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes()
        for x, y in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    )


def changed(versions: Any) -> tuple[str, ...]:
    """The versions that differ from those in force, in words."""
    now = settings.versions()
    return tuple(
        f"{name} {versions.get(name, 'unknown')}, now {here}"
        for name, here in now.items()
        if versions.get(name) != here
    )
