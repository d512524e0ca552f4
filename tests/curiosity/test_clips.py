"""Clips for a person: what is filmed and asked, how answers are read, and an agent that learns from them alone."""

from __future__ import annotations

import io
import json

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.cli import main
from operant.curiosity import Curious, Preferences, answers
from operant.curiosity.answers import Folder
from operant.networks import Network
from operant.studio import clips

QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "2")


class Counting(gym.Env):
    """Observes (episode, step); an episode of seed s has 10 + s steps, and its pictures are as bright as its step."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012
    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    render_mode = "rgb_array"

    def __init__(self, steps: int = 10) -> None:
        self.steps = steps

    def reset(self, *, seed=None, options=None):
        self.seen = np.array([seed, 0], np.float32)
        return self.seen.copy(), {}

    def step(self, action):
        self.seen = self.seen + np.array([0, 1], np.float32)
        return self.seen.copy(), 0.0, bool(self.seen[1] >= self.steps), False, {}

    def render(self):
        return np.full((16, 16, 3), int(self.seen[1]) * 10, np.uint8)


class Doing:
    """Always does one thing."""

    def __init__(self, what: float) -> None:
        self.what = np.array([what], np.float32)

    def reset(self) -> None:
        self.resets = getattr(self, "resets", 0) + 1

    def __call__(self, observation, action_mask):
        return self.what


def test_clips_are_consecutive_steps_of_both_players_with_films_and_questions(tmp_path):
    players = [(Counting(), Doing(0.25)), (Counting(), Doing(-0.5))]
    folder = clips.write(tmp_path / "clips", players, pairs=4, length=4, seed=7)  # pyright: ignore[reportArgumentType]
    with np.load(folder / answers.ARRAYS) as file:
        observations, actions = file["observations"], file["actions"]
    assert observations.shape == (8, 4, 2)
    assert actions.shape == (8, 4, 1)
    assert sorted(actions[:, 0, 0].tolist()) == [-0.5] * 4 + [0.25] * 4
    assert (actions == actions[:, :1]).all()
    assert actions[:4, 0, 0].tolist() != [0.25] * 4  # in an order of their own
    for clip in observations:
        assert (clip[:, 0] == clip[0, 0]).all()
        assert clip[:, 1].tolist() in (
            [0, 1, 2, 3],
            [4, 5, 6, 7],
        )  # the last two steps of an episode are no clip
    begun = np.concatenate([observations[:, 0], actions[:, 0]], axis=1)
    assert len({tuple(row) for row in begun.tolist()}) == 8
    questions = [json.loads(line) for line in (folder / answers.QUESTIONS).read_text().splitlines()]
    assert [each["responses"] for each in questions] == [
        [f"clip-{i:03}.mp4", f"clip-{i + 1:03}.mp4"] for i in range(0, 8, 2)
    ]
    assert all((folder / name).stat().st_size > 100 for each in questions for name in each["responses"])
    with pytest.raises(ValueError, match="has clips already"):
        clips.write(folder, players, pairs=1, length=4, seed=0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="clip_length=11: 50 episodes of Counting were shorter"):
        clips.write(tmp_path / "long", [players[0]], pairs=1, length=11, seed=0)  # pyright: ignore[reportArgumentType]


def answered(folder, rows=None, undecided=()):
    folder.mkdir()
    place = np.arange(5 * 3 * 3, dtype=np.float32).reshape(5, 3, 3) / 50
    np.savez(folder / answers.ARRAYS, observations=place, actions=place[..., :1])
    rows = [{"chosen": "clip-003.mp4", "rejected": "clip-001.mp4"}] if rows is None else rows
    for name, some in ((answers.PAIRS, rows), (answers.UNDECIDED, undecided)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in some))
    return folder, place


def test_judged_gives_both_clips_of_each_answer_and_leaves_out_what_was_skipped(tmp_path):
    undecided = [
        {"left": "clip-000.mp4", "right": "clip-004.mp4", "answer": "tie"},
        {"left": "clip-002.mp4", "right": "clip-004.mp4", "answer": "skip"},
    ]
    folder, place = answered(tmp_path / "a", undecided=undecided)
    given = Folder(folder)
    assert given.judged() == [("clip-003.mp4", "clip-001.mp4", 1.0), ("clip-000.mp4", "clip-004.mp4", 0.5)]
    assert given.judged() is given.judged()  # read once
    np.testing.assert_array_equal(given.clip("clip-003.mp4").observations, place[3])
    np.testing.assert_array_equal(given.clip("clip-004.mp4").actions, place[4, :, :1])
    with (folder / answers.PAIRS).open("a") as file:
        file.write('{"chosen": "clip-002.mp4", "rejec')
    assert len(given.judged()) == 2  # a line that is being written
    with (folder / answers.PAIRS).open("a") as file:
        file.write('ted": "clip-001.mp4"}')
    assert given.judged()[1] == ("clip-002.mp4", "clip-001.mp4", 1.0)
    wrong = {"chosen": "clip-009.mp4", "rejected": "clip-001.mp4"}
    with pytest.raises(ValueError, match=r"pairs.jsonl, line 1: .* names no two clips"):
        Folder(answered(tmp_path / "b", [wrong])[0]).judged()


def test_an_agent_learns_from_answers_and_asks_nobody(tmp_path):
    folder, _ = answered(tmp_path / "a")
    learning = {"query_every": 20, "window": 40, "n_updates": 60, "learning_rate": 0.01}
    own = Preferences(answers=str(folder), clip_length=3, network=Network(hidden_sizes=(4,)), **learning)
    ppo = PPO(n_steps=20, batch_size=20, network=Network(hidden_sizes=(4,)))
    agent = Agent(Curious(ppo, own), "Pendulum-v1").learn(40, progress_bar=False)
    assert agent.history[-1]["train/comparisons"] == 1
    state = agent.state.curiosity
    assert float(state.loss) > 0
    assert int(state.seen) == 0
    rewards = state.network(
        *(np.asarray(x)[:1] for x in (state.comparisons.observation, state.comparisons.action))
    )
    assert float(rewards[0, 0].sum()) > float(rewards[0, 1].sum())  # what was chosen is worth more
    with pytest.raises(ValueError, match=r"hold arrays of shape \(3,\), and CartPole-v1 has"):
        Agent(Curious(PPO(), own), "CartPole-v1")


def test_from_a_run_to_clips_to_answers_to_a_run(tmp_path, monkeypatch, capsys):
    """`operant record --clips`, `operant label`, `operant train --curiosity preferences`."""
    pytest.importorskip("pygame")
    monkeypatch.chdir(tmp_path)
    sizes = ("--preset", "none", "--n-steps", "32", "--batch-size", "32", "--network.hidden-sizes", "4")
    assert (
        main(["train", "ppo", "Pendulum-v1", *sizes, "--total-timesteps", "32", "--run-dir", "first", *QUIET])
        == 0
    )
    assert main(["record", "first", "clips", "--clips", "2", "--clip-length", "5"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n2\n"))
    assert main(["label", "clips/questions.jsonl", "clips/pairs.jsonl"]) == 0
    said = [json.loads(line) for line in (tmp_path / "clips" / "pairs.jsonl").read_text().splitlines()]
    assert len(said) == 2
    own = ("--curiosity", "preferences", "--curiosity.answers", "clips", "--curiosity.query-every", "32")
    own = (*own, "--curiosity.clip-length", "5")
    words = [
        "train",
        "ppo",
        "Pendulum-v1",
        *sizes,
        *own,
        "--total-timesteps",
        "64",
        "--run-dir",
        "second",
        *QUIET,
    ]
    assert main(words) == 0
    assert operant.load("second").history[-1]["train/comparisons"] == 2
    capsys.readouterr()
    assert main(["record", "first", "film.mp4", "--clip-length", "5"]) == 2
    assert "has no effect without --clips" in capsys.readouterr().err
