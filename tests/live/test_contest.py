"""A person plays next to the policy: which keys do what, what is no action, and that training is not touched."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant import spaces
from operant.live.contest import MOST, TURNS, Contest, Contests
from operant.live.controls import SLIDERS, Controls, keys_of
from operant.live.playing import Learnt
from tests.shared import SMALL_DQN, ppo


def until(contest: Contest, true, seconds: float = 60.0) -> dict[str, Any]:
    """The first frame of which this is true."""
    end = time.monotonic() + seconds
    while True:
        frame = json.loads(contest.latest[1])
        assert "problem" not in frame, frame
        if frame and true(frame):
            return frame
        assert time.monotonic() < end, {name: value for name, value in frame.items() if name != "you"}
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("word", "keys"),
    [
        ("push left", ("ArrowLeft",)),
        ("torque +1", ("ArrowRight",)),
        ("torque −1", ("ArrowLeft",)),
        ("main engine", ("ArrowUp",)),
        ("UPRIGHTFIRE", ("ArrowRight", "ArrowUp", "Space")),
        ("DOWN", ("ArrowDown",)),
        ("FIRE", ("Space",)),
        ("south", ("ArrowDown",)),
        ("NOOP", ()),
        ("no torque", ()),
        ("action 3", ()),
    ],
)
def test_keys_of_names_of_actions(word, keys):
    assert keys_of(word) == keys


def stand_in(space: spaces.Space, words: tuple[str, ...] = (), id: str = "Made-v0") -> Any:
    source = SimpleNamespace(id=id, twin=None, given=None, own_actions=True)
    return SimpleNamespace(
        spec=SimpleNamespace(action_space=space, id=id), source=source, action_names=lambda: list(words)
    )


def test_controls_give_every_choice_a_key_of_its_own_and_know_what_rest_is():
    words = ("NOOP", "left", "left", "right")
    found = Controls.of(stand_in(spaces.Discrete(4), words))
    assert [keys for _, keys in found.choices] == [("1",), ("ArrowLeft",), ("3",), ("ArrowRight",)]
    assert found.idle == 0
    assert Controls.of(stand_in(spaces.Discrete(2), ("push left", "push right"))).idle is None
    many = Controls.of(stand_in(spaces.Discrete(12), tuple(f"action {i}" for i in range(12))))
    assert [keys for _, keys in many.choices[9:]] == [("0",), (), ()]


def test_an_action_of_a_box_is_within_its_bounds_and_what_is_none_is_refused():
    box = Controls.of(stand_in(spaces.Box((-1.0, 2.0), (1.0, 4.0), (2,))))
    assert box.action([9, 1]).tolist() == [1.0, 2.0]
    assert box.at_rest.tolist() == [0.0, 2.0]
    for given in (
        [1],
        [1, "2"],
        [1, float("nan")],
        [1, float("inf")],
        [1, True],
        "12",
        1,
        None,
        {},
        [[1], [2]],
    ):
        with pytest.raises(ValueError, match="must be 2 finite numbers"):
            box.action(given)
    two = Controls.of(stand_in(spaces.Discrete(2), ("a", "b")))
    assert two.action(1) == 1
    for given in (2, -1, True, 1.0, "1", None, [1]):
        with pytest.raises(ValueError, match="must be a whole number below 2"):
            two.action(given)
    for space in (spaces.Box(-np.inf, np.inf, (1,)), spaces.Box(-1.0, 1.0, (SLIDERS + 1,))):
        with pytest.raises(
            ValueError, match="A person can choose among Discrete actions, or up to 6 numbers"
        ):
            Controls.of(stand_in(space))


def test_a_grid_is_played_in_turns_by_its_own_names_next_to_the_policy(tmp_path):
    agent = operant.DQN("FrozenLake-v1", seed=0, env_kwargs={"is_slippery": False}, **SMALL_DQN)
    agent.save(tmp_path / "model.safetensors")
    contest = Contest(Learnt.of_file(tmp_path / "model.safetensors"), None)
    with pytest.raises(ValueError, match="not there yet"):
        contest.act(0)
    with contest.going_on():
        first = until(contest, lambda frame: "you" in frame)
        assert first["pace"] == TURNS
        names = [(choice["name"], choice["keys"]) for choice in first["controls"]["choices"]]
        assert names == [
            ("left", ["ArrowLeft"]), ("down", ["ArrowDown"]), ("right", ["ArrowRight"]), ("up", ["ArrowUp"]),
        ]  # fmt: skip
        time.sleep(0.3)
        assert json.loads(contest.latest[1])["you"]["steps"] == 0  # nothing happens by itself
        way = [1, 1, 2, 2, 1, 2]  # to the goal, over ice that is not slippery
        for count, action in enumerate(way, 1):
            contest.act(action)
            seen = until(contest, lambda frame, count=count: frame["you"]["steps"] == count)
            rival = seen["policy"]
            gone_on = seen["you"]["done"] and rival["steps"] > count  # alone, at once
            assert rival["steps"] == count or rival["done"] or gone_on
        assert (seen["you"]["done"], seen["you"]["reward"]) == (True, 1.0)
        over = until(contest, lambda frame: frame["scores"])
        assert over["scores"][0][0] == 1.0
        contest.again()
        again = until(contest, lambda frame: frame["you"]["steps"] == 0)
        assert again["scores"] == over["scores"]


def test_in_real_time_what_is_pressed_goes_on_and_training_learns_the_same():
    steering = operant.Steering()
    steering.snapshot()  # somebody looks
    agent = ppo(seed=3)
    steering.ask("pause")
    thread = threading.Thread(
        target=lambda: agent.learn(384, progress_bar=False, log_interval=128, steering=steering), daemon=True
    )
    thread.start()
    while not steering.paused:
        time.sleep(0.02)
    contest = Contest(Learnt.of_training(steering), "real")
    with contest.going_on():
        until(contest, lambda frame: "you" in frame)
        contest.act(1)
        seen = until(contest, lambda frame: frame["you"]["done"])
        assert 8 <= seen["you"]["steps"] <= 12  # a pole that is pushed one way only falls so soon
        assert seen["you"]["reward"] == seen["you"]["steps"]
        assert seen["controls"]["idle"] is None
        steering.ask("go on")
        thread.join(60)
    alone = ppo(seed=3).learn(384, progress_bar=False, log_interval=128)
    for x, y in zip(jax.tree.leaves(alone.state), jax.tree.leaves(agent.state), strict=True):
        assert np.array_equal(x, y)


def test_both_play_the_same_episode_and_the_policy_what_it_would_alone(tmp_path):
    agent = ppo(seed=3)
    agent.save(tmp_path / "model.safetensors")
    contest = Contest(Learnt.of_file(tmp_path / "model.safetensors"), TURNS)
    env = gym.make("CartPole-v1")
    seen, _ = env.reset(seed=40_000)
    expected, done = 0, False
    while not done:
        seen, _, terminated, truncated, _ = env.step(agent.predict(seen))
        expected, done = expected + 1, terminated or truncated
    with contest.going_on():
        until(contest, lambda frame: "you" in frame)
        assert (
            json.loads(contest.latest[1])["you"]["frame"] == json.loads(contest.latest[1])["policy"]["frame"]
        )
        steps = 0
        while not (frame := json.loads(contest.latest[1]))["you"]["done"]:
            if frame["you"]["steps"] == steps:
                contest.act(0)
                steps += 1
            time.sleep(0.01)
        assert until(contest, lambda frame: frame["policy"]["done"])["policy"]["steps"] == expected


def test_contests_are_few_and_forgotten_when_nobody_looks():
    contests = Contests()
    learnt = Learnt(lambda: (_ for _ in ()).throw(ValueError("nothing is learnt")))
    going = [contests.begin(learnt, None) for _ in range(MOST)]
    blocks = [contests.going_on(contest) for contest in going]
    for block in blocks:
        block.__enter__()
    assert contests.named(going[0].id) is going[0]
    assert contests.named("x") is contests.named(None) is None
    with pytest.raises(ValueError, match="3 people play already"):
        contests.begin(learnt, None)
    for block in blocks:
        block.__exit__(None, None, None)
    assert contests.named(going[0].id) is None
    with pytest.raises(ValueError, match="pace='warp'"):
        contests.begin(learnt, "warp")
