"""What a person says of clips while a run learns from it: taken up between chunks, kept, repeated to the last bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.policy_gradient.ppo import PPO
from operant.curiosity import Curious, Preferences, answers
from operant.curiosity.answers import Clip, Folder
from operant.engine.files import is_key
from operant.engine.interventions import ANSWER, read_interventions
from operant.fields import FileError
from operant.networks import Network

TOTAL, EVERY, K = 160, 20, 3
TINY = Network(hidden_sizes=(4,))


def clips(folder: Path, count: int = 14) -> Path:
    """A folder of clips of Pendulum's shapes, of which two are to be compared at a time."""
    folder.mkdir()
    random = np.random.default_rng(0)
    seen, done = random.normal(size=(count, K, 3)), random.uniform(-2, 2, (count, K, 1))
    np.savez(folder / answers.ARRAYS, observations=seen.astype(np.float32), actions=done.astype(np.float32))
    return folder


def say(folder: Path, number: int, answer: str = "left") -> None:
    """An answer to question `number`, as `operant label` writes it."""
    pair = [answers.film(2 * number), answers.film(2 * number + 1)]
    name, row = answers.PAIRS, {"chosen": pair[answer == "right"], "rejected": pair[answer != "right"]}
    if answer in ("tie", "skip"):
        name, row = answers.UNDECIDED, {"left": pair[0], "right": pair[1], "answer": answer}
    with (folder / name).open("a") as file:
        file.write(json.dumps(row) + "\n")


def agent(folder: Path, comparisons: int = 8, **values) -> Agent:
    own = Preferences(
        answers=str(folder), clip_length=K, comparisons=comparisons, query_every=20, window=40, n_updates=8,
        learning_rate=0.01, network=TINY,
    )  # fmt: skip
    return Agent(Curious(PPO(n_steps=20, batch_size=20, network=TINY), own), "Pendulum-v1", **values)


class Saying(operant.Callback):
    """Somebody answers with the row of a step."""

    def __init__(self, folder: Path, said: dict[int, list[tuple[int, str]]]) -> None:
        self.folder, self.said = folder, said

    def on_row(self, progress):
        for one in self.said.get(progress.step, []):
            say(self.folder, *one)


SAID = {40: [(1, "right"), (2, "skip")], 80: [(3, "tie"), (4, "left")], TOTAL: [(5, "left")]}


def train(folder: Path, path: Path | None, said=SAID, **values):
    """A run during which somebody answers."""
    one = agent(folder, **values)
    kept = {} if path is None else {"run_dir": path, "checkpoint_every": EVERY, "keep_checkpoints": 99}
    return one.learn(TOTAL, Saying(folder, said), progress_bar=False, log_interval=EVERY, **kept)


def leaves(one: Agent) -> list[np.ndarray]:
    return [np.asarray(jax.random.key_data(x) if is_key(x) else x) for x in jax.tree.leaves(one.learner.run)]


def same(one: Agent, other: Agent) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(leaves(one), leaves(other), strict=True))


def recorded(path: Path) -> list[tuple]:
    found = read_interventions(path / "interventions.jsonl")
    assert {one.kind for one in found} <= {ANSWER}
    return [(one.step, one.name, one.value) for one in found]


RECORDED = [
    (0, "clip-000.mp4 clip-001.mp4", 1.0),
    (40, "clip-003.mp4 clip-002.mp4", 1.0),
    (80, "clip-008.mp4 clip-009.mp4", 1.0),  # pairs.jsonl comes before the undecided
    (80, "clip-006.mp4 clip-007.mp4", 0.5),
    (160, "clip-010.mp4 clip-011.mp4", 1.0),  # while the last chunk was learnt
]


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """`(folder, run, agent)` of a run that began with one answer, and was told others while it trained."""
    folder = clips(tmp_path_factory.mktemp("answered") / "clips")
    say(folder, 0)
    return folder, folder.parent / "run", train(folder, folder.parent / "run")


def test_answers_are_taken_up_between_chunks_and_learnt_from_at_the_next_update(answered):
    folder, path, one = answered
    assert recorded(path) == RECORDED
    assert [row["train/comparisons"] for row in one.history] == [1, 1, 2, 2, 4, 4, 4, 4]
    known = one.state.curiosity.comparisons
    assert known.preferred.tolist() == [1, 1, 1, 0.5, 1, 0, 0, 0]
    with np.load(folder / answers.ARRAYS) as file:
        np.testing.assert_array_equal(known.observation[1], file["observations"][[3, 2]])
        np.testing.assert_array_equal(known.action[3], file["actions"][[6, 7]])
    assert not np.asarray(known.observation[5:]).any()


@pytest.mark.parametrize("step", [20, 40, 120])  # before answers, just before one is taken up, and after
def test_a_run_that_was_told_answers_is_resumed_to_the_last_bit(answered, tmp_path, step):
    """Though the folder has them all by now."""
    _, path, one = answered
    shutil.copytree(path, tmp_path / "run")
    for checkpoint in (tmp_path / "run" / "checkpoints").iterdir():
        if int(checkpoint.name) > step:
            shutil.rmtree(checkpoint)
    resumed = Agent.restore(tmp_path / "run")
    assert resumed.step == step
    resumed.finish(tmp_path / "run", progress_bar=False)
    assert same(one, resumed)
    assert recorded(tmp_path / "run") == RECORDED


def test_a_run_that_was_told_answers_is_repeated_to_the_last_bit(answered, tmp_path):
    folder, path, one = answered
    grown = shutil.copytree(folder, tmp_path / "clips")
    say(grown, 6)  # afterwards: it is no part of what is repeated
    again = agent(grown)
    again.learn(TOTAL, progress_bar=False, log_interval=EVERY, interventions=path, run_dir=tmp_path / "again")
    assert same(one, again)
    assert recorded(tmp_path / "again") == RECORDED
    odd = agent(folder)  # whose chunks would end elsewhere
    odd.learn(TOTAL, progress_bar=False, log_interval=3 * EVERY, interventions=path)
    assert same(one, odd)
    alone = agent(folder).learn(TOTAL, progress_bar=False, log_interval=EVERY)  # told all of it at once
    assert not same(one, alone)
    with pytest.raises(ValueError, match=r"answers that were recorded: this run learns from none"):
        operant.PPO("Pendulum-v1", num_envs=1).learn(64, progress_bar=False, interventions=path)


def test_a_run_goes_on_after_more_was_answered_and_takes_it_up(tmp_path):
    folder = clips(tmp_path / "clips")
    say(folder, 0)
    path = tmp_path / "run"
    train(folder, path, {})
    for checkpoint in (path / "checkpoints").iterdir():
        if int(checkpoint.name) > 80:
            shutil.rmtree(checkpoint)
    for number in (1, 2, 3):
        say(folder, number, "right")
    resumed = Agent.restore(path)
    assert resumed.state.curiosity.comparisons.judged == 1
    resumed.finish(path, progress_bar=False)
    assert resumed.history[-1]["train/comparisons"] == 4
    assert [step for step, *_ in recorded(path)] == [0, 80, 80, 80]
    assert operant.load(path).state.curiosity.comparisons.judged == 4


def test_a_model_that_learns_more_is_told_nothing_twice(answered, tmp_path):
    folder, path, _ = answered
    copied = shutil.copytree(folder, tmp_path / "clips")
    loaded = operant.load(path)
    say(copied, 4, "right")  # it was answered otherwise before, and that has been learnt from
    say(copied, 6)
    other = agent(copied)
    other.learner.state = loaded.state
    other.learn(40, progress_bar=False)
    assert other.state.curiosity.comparisons.judged == 6
    assert other.learn(40, progress_bar=False).state.curiosity.comparisons.judged == 6


def test_several_learners_and_environments_in_python_are_told_the_same(tmp_path):
    folder = clips(tmp_path / "clips")
    say(folder, 0)
    seeds = train(folder, tmp_path / "run", {40: [(1, "right")]}, seeds=2)
    assert seeds.state.curiosity.comparisons.judged.tolist() == [2, 2]
    for one in jax.tree.leaves(seeds.state.curiosity.comparisons):
        np.testing.assert_array_equal(one[0], one[1])
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "160")
    back = Agent.restore(tmp_path / "run", step=40).finish(tmp_path / "run", progress_bar=False)
    assert same(seeds, back)
    host = agent(folder, backend="gymnasium")
    host.learn(TOTAL, Saying(folder, {60: [(2, "left")]}), progress_bar=False, log_interval=EVERY)
    assert host.state.curiosity.comparisons.judged == 3
    assert host.history[-1]["train/comparisons"] == 3


def test_what_there_is_no_room_for_is_named(tmp_path):
    folder = clips(tmp_path / "clips")
    for number in range(3):
        say(folder, number)
    with pytest.warns(TrainingWarning, match="1 answers are left out, since there is room for comparisons=2"):
        one = agent(folder, comparisons=2).learn(40, progress_bar=False)
    assert one.state.curiosity.comparisons.judged == 2


def test_what_cannot_be_read_while_a_run_trains_is_a_warning(tmp_path):
    folder = clips(tmp_path / "clips")
    say(folder, 0)

    def spoil(progress):
        if progress.step == 40:
            with (folder / answers.PAIRS).open("a") as file:
                file.write('{"chosen": "../x.mp4", "rejected": "clip-001.mp4"}\n')

    with pytest.warns(TrainingWarning, match=r"pairs.jsonl, line 2: .* names no two clips"):
        one = agent(folder).learn(80, spoil, progress_bar=False, log_interval=EVERY)
    assert one.state.curiosity.comparisons.judged == 1


def test_a_run_without_answers_says_how_to_give_some(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"there is no clips.npz. `operant record RUN .* --live films"
    ):
        agent(tmp_path / "none").learn(40, progress_bar=False)
    with pytest.raises(ValueError, match=r"nothing is answered in pairs\.jsonl yet"):
        agent(clips(tmp_path / "clips")).learn(40, progress_bar=False)
    with pytest.raises(ValueError, match=r"clip_length=25: must be 3, as the clips in"):
        Agent(Curious(PPO(), Preferences(answers=str(tmp_path / "clips"))), "Pendulum-v1")


def test_folder_takes_more_clips_next_to_those_that_were_recorded(tmp_path):
    folder = Folder(clips(tmp_path / "clips", count=2))
    one = Clip(np.full((K, 3), 7, np.float32), np.full((K, 1), 8, np.float32))
    (folder.path / "clip-004.mp4").touch()  # a film whose question was never asked
    assert folder.add(one) == "clip-005.mp4"
    assert Folder(tmp_path / "new").add(one) == "clip-000.mp4"
    assert Folder(tmp_path / "new").shapes() == ((K, 3), (K, 1))
    (folder.path / "clip-006.npz").touch()
    assert folder.add(one) == "clip-007.mp4"
    np.testing.assert_array_equal(folder.clip("clip-005.mp4").actions, one.actions)
    assert (folder.clip("clip-001.mp4").observations != one.observations).all()
    for name in ("clip-004.mp4", "../clip-005.mp4", "clip-5.mp4", None, 5):
        with pytest.raises(ValueError, match="there is no clip"):
            folder.clip(name)  # pyright: ignore[reportArgumentType]
    folder.ask("clip-005.mp4", "clip-007.mp4")
    asked = json.loads((folder.path / answers.QUESTIONS).read_text())
    assert asked == {"prompt": answers.ASKED, "responses": ["clip-005.mp4", "clip-007.mp4"]}


def test_an_answer_in_a_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "interventions.jsonl"
    for wrong in ({"name": "clip-000.mp4", "value": 1}, {"name": "a b", "value": 0}, {"name": "a b"}):
        path.write_text(json.dumps({"step": 1, "kind": "answer", **wrong}) + "\n")
        with pytest.raises(FileError, match="line 1"):
            read_interventions(path)
