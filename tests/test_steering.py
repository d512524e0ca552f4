"""A run that somebody steers: what is asked for is done between chunks, kept, and done again to the last bit."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.engine.files import is_key
from operant.engine.interventions import Intervention, read_interventions, write_interventions
from operant.fields import FileError
from tests.shared import ppo

TOTAL, EVERY = 768, 128


def leaves(agent: Agent) -> list[np.ndarray]:
    """The whole run: what was learnt, environments, clock and keys."""
    run = jax.tree.leaves(agent.learner.run)
    return [np.asarray(jax.random.key_data(x) if is_key(x) else x) for x in run]


def same(one: Agent, other: Agent) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(leaves(one), leaves(other), strict=True))


class At(operant.Callback):
    """Asks for things with the row of a step."""

    def __init__(self, steering: operant.Steering, asked: dict[int, list[tuple]]) -> None:
        self.steering, self.asked, self.steps, self.seen = steering, asked, [], {}

    def on_row(self, progress):
        self.steps.append(progress.step)
        self.seen[progress.step] = progress.agent.learning_rate
        for one in self.asked.get(progress.step, []):
            self.steering.ask(*one)


def train(path: Path | None, asked: dict[int, list[tuple]], agent: Agent | None = None, **arguments: Any):
    steering = operant.Steering()
    at = At(steering, asked)
    agent = agent or ppo(seed=3)
    kept = {} if path is None else {"run_dir": path, "checkpoint_every": EVERY, "keep_checkpoints": 99}
    agent.learn(TOTAL, at, progress_bar=False, log_interval=EVERY, steering=steering, **kept, **arguments)
    return agent, at


CHANGES = {
    256: [("change", "learning_rate", 0.01), ("checkpoint",)],
    512: [("change", "learning_rate", 1e-4), ("change", "ent_coef", 0.05)],
}


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    path = tmp_path_factory.mktemp("steered") / "run"
    agent, at = train(path, CHANGES)
    return path, agent, at


def test_changes_take_effect_with_the_next_chunk_and_compile_nothing(steered):
    path, agent, at = steered
    assert at.seen == {128: 3e-4, 256: 3e-4, 384: 0.01, 512: 0.01, 640: 1e-4, 768: 1e-4}
    assert len(agent.learner.loop._chunks) == 1  # one program for the whole run
    kept = [json.loads(line) for line in (path / "interventions.jsonl").read_text().splitlines()]
    assert [(one["step"], one["kind"], one.get("name"), one.get("value")) for one in kept] == [
        (256, "change", "learning_rate", 0.01),
        (256, "checkpoint", None, None),
        (512, "change", "learning_rate", 1e-4),
        (512, "change", "ent_coef", 0.05),
    ]
    assert operant.load(path).learning_rate == 1e-4  # the model says what it was trained with at last
    assert not same(agent, train(None, {})[0])  # it made a difference


@pytest.mark.parametrize("step", [128, 256, 384, 640])
def test_a_steered_run_is_resumed_to_the_last_bit(steered, tmp_path, step):
    path, agent, _ = steered
    shutil.copytree(path, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        if int(checkpoint.name) > step:
            shutil.rmtree(checkpoint)
    resumed = Agent.restore(tmp_path / "run")
    assert (resumed.step, resumed.learning_rate) == (step, {128: 3e-4, 256: 0.01, 384: 0.01, 640: 1e-4}[step])
    resumed.finish(tmp_path / "run", progress_bar=False)
    assert same(agent, resumed)
    assert read_interventions(tmp_path / "run" / "interventions.jsonl") == read_interventions(
        path / "interventions.jsonl"
    )


def test_a_steered_run_is_repeated_from_the_start_to_the_last_bit(steered, tmp_path):
    path, agent, _ = steered
    repeated, _ = train(tmp_path / "again", {}, interventions=path)
    assert same(agent, repeated)
    assert len(read_interventions(tmp_path / "again" / "interventions.jsonl")) == 3  # the changes
    odd, at = train(None, {}, ppo(seed=3), interventions=path / "interventions.jsonl")
    assert same(agent, odd)
    assert at.steps[-1] == TOTAL


def test_a_change_is_made_again_at_its_step_where_no_chunk_would_end_there(steered, tmp_path):
    path, agent, _ = steered
    again = ppo(seed=3)
    steering = operant.Steering()
    again.learn(TOTAL, progress_bar=False, log_interval=320, steering=steering, interventions=path)
    assert same(agent, again)
    assert [row["time/total_timesteps"] for row in again.history] == [256, 512, 768]


def test_a_run_waits_while_it_is_paused_and_goes_on_by_one_chunk(tmp_path):
    steering, reached, rows = operant.Steering(), threading.Event(), []

    def tell(progress):
        rows.append(progress.step)
        if progress.step == 128:
            steering.ask("pause")
        reached.set()

    agent = ppo(seed=3)
    thread = threading.Thread(
        target=lambda: agent.learn(
            TOTAL, tell, progress_bar=False, log_interval=EVERY, steering=steering, run_dir=tmp_path / "run"
        )
    )
    thread.start()
    assert reached.wait(60)
    thread.join(0.5)
    assert thread.is_alive()
    assert steering.paused
    assert rows == [128]
    steering.ask("one chunk")
    wait_until(lambda: len(rows) == 2)
    thread.join(0.5)
    assert rows == [128, 256]
    assert steering.paused
    steering.ask("stop")
    thread.join(30)
    assert not thread.is_alive()
    kinds = [one.kind for one in read_interventions(tmp_path / "run" / "interventions.jsonl")]
    assert kinds == ["pause", "one chunk", "stop"]
    resumed = Agent.resume(tmp_path / "run", progress_bar=False)  # none of this changed what is learnt
    assert same(resumed, train(None, {})[0])


def wait_until(true, seconds: float = 30.0) -> None:
    event = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        event.wait(0.05)
    raise AssertionError("it did not come to pass")


def test_a_number_in_the_place_of_a_schedule_is_a_constant_one_and_compiles_nothing():
    agent, at = train(
        None,
        {256: [("change", "learning_rate", 0.002)], 512: [("change", "learning_rate", "linear:0.001:0.0")]},
        ppo(seed=3, learning_rate="linear:0.003:0"),
    )
    assert str(at.seen[384]) == "linear:0.002:0.002:1.0"
    assert str(at.seen[640]) == "linear:0.001:0.0:1.0"
    assert len(agent.learner.loop._chunks) == 1


def test_a_schedule_in_the_place_of_a_number_is_resumed_to_the_last_bit(tmp_path):
    agent, at = train(tmp_path / "run", {256: [("change", "learning_rate", "linear:0.01:0")]})
    assert str(at.seen[384]) == "linear:0.01:0.0:1.0"
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        if int(checkpoint.name) > 384:
            shutil.rmtree(checkpoint)
    assert same(agent, Agent.resume(tmp_path / "run", progress_bar=False))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("explode",), "must be one of change, pause"),
        (("change", "learning_rate", None), "takes a name and a number"),
        (("change", "learning_rate", True), "takes a name and a number"),
        (("change", "learning_rate", -1.0), "learning_rate"),
        (("change", "learning_rate", "quadratic:1:2"), "learning_rate: .*neither a number nor a schedule"),
        (("change", "learning_rate", float("nan")), "learning_rate"),
        (("change", "n_steps", 32), "n_steps: PPO cannot change it while it trains.*learning_rate"),
        (("change", "network", "x"), "network: PPO cannot"),
        (("change", "__class__", 1.0), "__class__: PPO cannot"),
        (("change", "learnig_rate", 1.0), "learnig_rate: PPO cannot"),
    ],
)
def test_what_cannot_be_done_is_refused_when_it_is_asked_for(asked, why):
    steering = operant.Steering()
    steering._core = ppo()._core
    with pytest.raises(ValueError, match=why):
        steering.ask(*asked)
    assert steering.end() == []


def test_more_than_can_wait_is_refused():
    steering = operant.Steering()
    for _ in range(100):
        steering.ask("pause")
    with pytest.raises(ValueError, match="requests wait"):
        steering.ask("pause")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"step": 1}',
        '{"step": -1, "kind": "pause"}',
        '{"step": 1, "kind": "run"}',
        '{"step": 1, "kind": "change"}',
        '{"step": 1, "kind": "change", "name": "a", "value": NaN}',
        '{"step": 1, "kind": "change", "name": "a", "value": [1]}',
        '{"step": 1, "kind": "change", "name": 1, "value": 1}',
    ],
)
def test_a_file_of_interventions_that_is_damaged_is_named(tmp_path, line):
    path = tmp_path / "interventions.jsonl"
    path.write_text('{"step": 1, "kind": "pause"}\n' + line + "\n")
    with pytest.raises(FileError, match=r"interventions\.jsonl: line 2"):
        read_interventions(path)


def test_interventions_are_read_as_they_were_written_by_their_steps(tmp_path):
    late, early = Intervention(9, "change", "gamma", 0.1 + 0.2, 5), Intervention(3, "stop")
    write_interventions(tmp_path / "x.jsonl", [late, early])
    assert read_interventions(tmp_path / "x.jsonl") == [early, late]
    assert read_interventions(tmp_path / "none.jsonl") == []


def test_interventions_of_another_algorithm_are_refused_before_training(tmp_path):
    write_interventions(tmp_path / "x.jsonl", [Intervention(9, "change", "exploration_fraction", 0.5)])
    with pytest.raises(ValueError, match="recorded at step 9: exploration_fraction: PPO cannot"):
        ppo().learn(128, progress_bar=False, interventions=tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="there is no such file"):
        ppo().learn(128, progress_bar=False, interventions=tmp_path / "y.jsonl")


def test_a_snapshot_is_a_copy_and_kept_only_while_somebody_looks():
    steering = operant.Steering()
    agent = ppo(seeds=2)
    agent.learn(256, progress_bar=False, log_interval=128, steering=steering)
    assert steering._snapshot is None
    over = steering.snapshot()  # from now on somebody looks
    assert over is not None
    assert over.step == 256
    agent.learn(256, progress_bar=False, log_interval=128, steering=steering)
    first = steering.snapshot()
    assert first is not None
    assert first.step == 512
    for kept, now in zip(jax.tree.leaves(first.state), jax.tree.leaves(agent[0].state), strict=True):
        assert np.array_equal(kept, np.asarray(now))
    steering.look_away()
    agent.learn(256, progress_bar=False, log_interval=128, steering=steering)
    assert steering._snapshot is first


def test_a_branch_learns_what_its_parent_would_have_with_its_changes(steered, tmp_path):
    path, agent, _ = steered
    changes = {"learning_rate": 1e-4, "ent_coef": 0.05}
    new = operant.branch(path, tmp_path / "new", 512, changes)
    assert same(agent, Agent.resume(new, progress_bar=False))  # whose parent was changed so at this step
    old = operant.branch(path, tmp_path / "old", 128, {"learning_rate": "linear:0.002:0"})
    restored = Agent.restore(old)
    assert (restored.step, str(restored.learning_rate)) == (128, "linear:0.002:0.0:1.0")
    assert [one.step for one in read_interventions(old / "interventions.jsonl")] == [
        128
    ]  # none of its parent's future
    restored.finish(old, progress_bar=False)
    assert not same(agent, restored)
    steps = [row["time/total_timesteps"] for row in restored.history]
    assert steps == [128, 256, 384, 512, 640, 768]
    assert json.loads((old / "branch.json").read_text()) == {"run": "run", "step": 128}


def test_a_branch_that_cannot_be_leaves_nothing_behind(steered, tmp_path):
    path, new = steered[0], tmp_path / "new"
    with pytest.raises(FileNotFoundError, match=r"no checkpoint of step 100; it has those of \[128, 256"):
        operant.branch(path, new, 100)
    with pytest.raises(ValueError, match="n_steps: PPO cannot change it"):
        operant.branch(path, new, 256, {"n_steps": 8})
    with pytest.raises(FileExistsError, match="holds a run already"):
        operant.branch(path, path)
    assert not new.exists()
