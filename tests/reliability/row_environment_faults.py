"""R7: environments that answer, raise or hang wrongly, in one process and in many; training says where."""

from __future__ import annotations

import multiprocessing
import re
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces as gs

import operant
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.run_directory import RunDirectory
from operant.envs.gymnasium_checks import EnvironmentFault
from tests.reliability.rows import Row

REAL, BYTES, TABLE = gs.Box(-1, 1, (3,)), gs.Box(0, 255, (2, 2, 1), np.uint8), gs.Discrete(4)
AT = 21  # the step of each copy; at every third an episode ends


def good(space: Any) -> Any:
    return 0 if isinstance(space, gs.Discrete) else np.zeros(space.shape, space.dtype)


OBSERVATIONS = [
    (REAL, "observation", np.float32([0, np.nan, 0])),
    (REAL, "observation", np.float32([0, np.inf, 0])),
    (REAL, "observation", None),
    (REAL, "observation", "text"),
    (REAL, "observation", np.zeros(2, np.float32)),
    (BYTES, "observation", np.full((2, 2, 1), 0.5)),
    (TABLE, "observation", 4),
]
BOTH = [
    *OBSERVATIONS,
    (REAL, "info", None),
    (REAL, "info", "text"),
    (REAL, "result", None),
    (REAL, "result", (good(REAL), 1.0, False, {})),
    (REAL, "raises", RuntimeError),
    (REAL, "raises", SystemExit),
    (REAL, "hangs", None),
]
STEP = [
    *((REAL, "reward", value) for value in (np.nan, np.inf, 1e300, None, np.ones(1), "1.0")),
    *((REAL, "terminated", value) for value in (None, 2, "no", np.ones(1, bool))),
    *((REAL, "truncated", value) for value in (None, 3.0, "no", np.ones(2, bool))),
]
CELLS = [(*cell, "step") for cell in (*BOTH, *STEP)] + [(*cell, "reset") for cell in BOTH]
ANSWERED = {  # what a message names of a fault that is no field
    "result": r"(step|reset)\(\) must return",
    "raises": r"(step|reset)\(\) (raised this|ends the process)",
    "hangs": r"(step|reset)\(\) takes longer than env_timeout=0.5 s",
}


class Faulty(gym.Env[Any, Any]):
    """Answers one wrong thing at its step `AT`, or at the reset after it."""

    action_space = gs.Discrete(2)

    def __init__(self, space: Any = REAL, field: str = "", value: Any = None, when: str = "") -> None:
        self.observation_space, self.field, self.value, self.when, self.t = space, field, value, when, 0

    def _answer(self, when: str, **values: Any) -> Any:
        if when != self.when or self.t != AT:
            return tuple(values.values())
        if self.field == "raises":
            raise self.value("planted")
        if self.field == "hangs":
            time.sleep(100)
        if self.field == "result":
            return self.value
        values[self.field] = self.value
        return tuple(values.values())

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self._answer("reset", observation=good(self.observation_space), info={})

    def step(self, action: Any) -> Any:
        self.t += 1
        seen, over = good(self.observation_space), self.t % 3 == 0
        return self._answer("step", observation=seen, reward=1.0, terminated=over, truncated=False, info={})


def fault(index: int, directory: Path) -> None:
    """The second of two copies has one of the cells; odd numbers in processes."""
    space, field, value, when = CELLS[index // 2]
    makers = [partial(Faulty, space), partial(Faulty, space, field, value, when)]
    text = caught(makers, directory / "run", RuntimeError, vectorization=("sync", "async")[index % 2])
    place = f"step {AT}" if when == "step" else f"(reset after step {AT}|step {AT})"
    assert re.search(rf"Faulty, copy 1, {place}: .*{ANSWERED.get(field, field)}", text, re.DOTALL), text


def caught(makers: list[Any], run: Path, *kinds: type[Exception], **arguments: Any) -> str:
    """What training says when it stops, which must leave a checkpoint, a model that acts, and no process."""
    agent = operant.Random(makers, **{"env_timeout": 0.5, **arguments})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            agent.learn(400, progress_bar=False, run_dir=run, log_interval=8, checkpoint_every=8)
    except (EnvironmentFault, *kinds) as error:
        text = "\n".join([str(error), *getattr(error, "__notes__", [])])
    else:
        raise AssertionError("it trained on in silence")
    kept = latest_checkpoint(RunDirectory(run).checkpoints)
    assert kept is not None, text
    assert 2 * AT - 10 <= int(kept.name) == agent.step <= 2 * AT
    space = makers[0]().observation_space
    assert operant.load(run, env=makers[0]).predict(good(space), deterministic=False) in (0, 1)
    agent.close()
    workers = [child for child in multiprocessing.active_children() if "Worker<Async" in child.name]
    assert not workers
    return text


ROW = Row(
    "R7",
    "environments that answer, raise or hang wrongly: 28 kinds in a step, 14 in a reset; in one process and in many",
    passes="names id, copy, step and field, keeps a checkpoint, stops; no process is left",
    full=2 * len(CELLS),
    fast=(0, 26, 57),
)


def case(index: int, directory: Path) -> None:
    fault(index, directory)
