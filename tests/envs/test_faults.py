"""Environments that answer what cannot be learnt from: errors name environment, copy, step and field, everywhere."""

from __future__ import annotations

import os
import signal

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import operant
from operant.cli.errors import is_plain
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.evaluate import evaluate
from operant.envs.gymnasium import make
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.view import EnvironmentView
from operant.envs.wrappers import ScaleReward

KEY = jax.random.key(0)
REAL, BYTES, TABLE = gs.Box(-1, 1, (3,)), gs.Box(0, 255, (2, 2, 1), np.uint8), gs.Discrete(4, start=1)
WHOLE, LONG = gs.Box(-5, 5, (2,), np.int64), gs.Box(0, 2**40, (2,), np.int64)
PARTS = gs.Dict(a=gs.Discrete(2), b=gs.Box(0, 1, (1,)))


def good(space):
    """What is right to answer."""
    if isinstance(space, gs.Dict):
        return {name: good(part) for name, part in space.items()}
    return int(space.start) if isinstance(space, gs.Discrete) else np.zeros(space.shape, space.dtype)


class Planted(Exception):
    """The failure of the environment's own."""


class Faulty(gym.Env):
    """Answers one wrong thing at its `at`-th step, or at the reset after it; its episodes end at every third step."""

    action_space = gs.Discrete(2)

    def __init__(self, space=REAL, field="", value=None, at=2, when="step"):
        self.observation_space, self.field, self.value, self.at = space, field, value, at
        self.when, self.t = when if field else "never", 0

    def answer(self, when, **values):
        if self.when == when and self.t == self.at:
            if self.field == "raises":
                raise Planted("planted")
            if self.field == "result":
                return self.value
            values[self.field] = self.value
        return tuple(values.values())

    def reset(self, *, seed=None, options=None):
        return self.answer("reset", observation=good(self.observation_space), info={})

    def step(self, action):
        self.t += 1
        seen, over = good(self.observation_space), self.t % 3 == 0
        return self.answer("step", observation=seen, reward=1.0, terminated=over, truncated=False, info={})


OBSERVATIONS = [
    (REAL, [0, np.nan, 0], r"observation\[1\] is nan"),
    (REAL, np.float32([0, np.inf, 0]), r"observation\[1\] is inf"),
    (REAL, np.float64([0, 1e300, 0]), r"observation\[1\] is 1e\+300"),
    (REAL, None, "observation must hold numbers.*NoneType"),
    (REAL, "text", "observation must hold numbers.*str 'text'"),
    (REAL, np.zeros(1, np.float32), r"observation must have shape \(3,\); got \(1,\)"),
    (REAL, np.float32(0), r"observation must have shape \(3,\); got \(\)"),
    (BYTES, np.full((2, 2, 1), 0.5), "observation holds float64, but .*whole numbers"),
    (BYTES, np.full((2, 2, 1), 300), r"observation\[0, 0, 0\] is 300"),
    (BYTES, np.full((2, 2, 1), -1), r"observation\[0, 0, 0\] is -1"),
    (WHOLE, np.int64([0, 9]), r"observation\[1\] is 9"),
    (WHOLE, np.int64([0, 2**31]), r"observation\[1\] is 2147483648"),
    (LONG, np.int64([0, 2**31]), r"observation\[1\] is 2147483648: operant keeps whole numbers as int32"),
    (WHOLE, np.float32([0, 1.9]), "observation holds float32"),
    (TABLE, 0, "observation is 0, which is not in Discrete"),
    (TABLE, 5, "observation is 5, which is not in Discrete"),
    (TABLE, 1.0, "observation holds float64"),
    (TABLE, np.array([2]), r"observation must have shape \(\); got \(1,\)"),
    (PARTS, {"a": 1}, r"observation must have the keys \['a', 'b'\]"),
    (PARTS, {"a": 2, "b": np.zeros(1, np.float32)}, r"observation\['a'\] is 2"),
    (PARTS, {"a": 0, "b": np.float32([np.nan])}, r"observation\['b'\]\[0\] is nan"),
]
NOT_FLAGS = [3.0, None, "no", 2, np.array([True, False]), np.array([True]), np.float32(1)]
OUTCOMES = [
    *(
        ("reward", x, "reward is nan|reward is inf|reward is -inf")
        for x in (np.nan, np.inf, np.float32(-np.inf))
    ),
    ("reward", 1e300, r"reward is 1e\+300; it must be a finite"),
    ("reward", None, "reward is NoneType None"),
    ("reward", "1.0", "reward is str '1.0'"),
    ("reward", np.array([1.0]), r"reward has shape \(1,\)"),
    ("reward", [1.0, [2]], "reward is list"),
    *(("terminated", x, "terminated is .*must be True or False") for x in NOT_FLAGS),
    *(("truncated", x, "truncated is .*must be True or False") for x in NOT_FLAGS),
    ("info", None, "info is NoneType None; it must be a dict"),
    ("info", [], "info is list"),
    ("result", (good(REAL), 1.0, False, {}), "got 4 values.*shimmy.*GymV21Environment-v0"),
    ("result", None, r"step\(\) must return .*got NoneType None"),
    ("result", good(REAL), r"step\(\) must return .*got ndarray"),
]
CELLS = [(space, "observation", value, message) for space, value, message in OBSERVATIONS]
CELLS += [(REAL, *cell) for cell in OUTCOMES]


def stepped_alone(*fault):
    pool = iter([Faulty(fault[0]), Faulty(*fault)])
    return make(lambda: next(pool), 2)


def in_a_vector(mode):
    """In a vector environment of Gymnasium's that is not stepped as ours are."""

    def build(*fault):
        pool = iter([Faulty(fault[0]), Faulty(*fault), Faulty(fault[0])])  # one more is made to be looked at
        envs = SyncVectorEnv([lambda: next(pool)] * 2, autoreset_mode=mode)
        return make(gym.wrappers.vector.RecordEpisodeStatistics(envs))

    return build


WAYS = {
    "alone": stepped_alone,
    "same step": in_a_vector(AutoresetMode.SAME_STEP),
    "next step": in_a_vector(AutoresetMode.NEXT_STEP),
}


def play(environments, steps=6):
    try:
        environments.reset(KEY)
        for _ in range(steps):
            environments.step(np.zeros(2, np.int32))
    finally:
        environments.close()


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("space", "field", "value", "message"), CELLS, ids=lambda x: str(x)[:30])
def test_environment_fault_names_every_cell_of_a_step(space, field, value, message, way):
    for at in (2, 3):  # in the midst of an episode, and at its end
        with pytest.raises(EnvironmentFault, match=rf"(?s)^Faulty, copy 1, step {at}: .*({message})"):
            play(WAYS[way](space, field, value, at))


RESETS = [
    ("observation", np.zeros(2, np.float32), r"observation must have shape \(3,\); got \(2,\)"),
    ("observation", [np.nan] * 3, r"observation\[0\] is nan"),
    ("info", None, r"reset\(\) must return \(observation, info\)"),
    ("result", good(REAL), r"reset\(\) must return .*got ndarray"),
    ("result", None, r"reset\(\) must return .*got NoneType"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("field", "value", "message"), RESETS, ids=lambda x: str(x)[:30])
def test_environment_fault_names_every_cell_of_a_reset(field, value, message, way):
    at = "step [34]|reset after step [34]"  # one with NEXT_STEP is reset a step later
    with pytest.raises(EnvironmentFault, match=rf"(?s)^Faulty, copy 1, ({at}): .*{message}"):
        play(WAYS[way](REAL, field, value, 3, "reset"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("when", ["step", "reset"])
def test_environment_fault_keeps_what_an_environment_raises_and_says_where(way, when):
    with pytest.raises(Planted) as caught:
        play(WAYS[way](REAL, "raises", None, 3, when))
    (note,) = caught.value.__notes__
    assert note.startswith("operant: Faulty, copy 1, ")
    assert note.endswith(f"{when}() raised this.")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("reward", x) for x in (np.float32(1), np.float64(1), 1, True, np.array(1.0), np.int8(1))),
        *(("terminated", x) for x in (np.bool_(False), np.array(False), 0, np.int8(0))),
        ("observation", [0, 0, 0]),
        ("observation", np.zeros(3)),
        ("observation", np.zeros(3, np.int8)),
        ("observation", np.float32([9, 0, 0])),  # Gymnasium's own leave their bounds, by a little
    ],
    ids=str,
)
@pytest.mark.parametrize("way", WAYS)
def test_environment_fault_is_none_where_a_value_can_be_converted_without_changing_it(way, field, value):
    play(WAYS[way](REAL, field, value))


class Masked(Faulty):
    """Allows its first action only, and tells what it was given at its second step. Its last masks allow nothing."""

    def __init__(self, mask=None, actions=Faulty.action_space):
        super().__init__()
        self.action_space, self.mask = actions, mask
        size = 2 if isinstance(actions, gs.Discrete) else 5
        self.right, self.nothing = np.arange(size) != 1, np.zeros(size, np.int8)

    def reset(self, **kwargs):
        return super().reset(**kwargs)[0], {"action_mask": self.right}

    def step(self, action):
        *answer, _ = super().step(action)
        given = self.mask if self.t == 2 and self.mask is not None else self.right
        return *answer, {"action_mask": self.nothing if answer[2] else given}


class MaskedLate(Faulty):
    """Tells of its masks from the first step on."""

    def step(self, action):
        return *super().step(action)[:4], {"action_mask": np.ones(2, bool)}


@pytest.mark.parametrize("mode", [None, AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_environment_fault_refuses_masks_that_come_after_the_first_reset(mode):
    given = MaskedLate if mode is None else SyncVectorEnv([MaskedLate], autoreset_mode=mode)
    environments = make(given, 1)
    environments.reset(KEY)
    with pytest.raises(ValueError, match=r"step 1: info.*was not there at the first reset"):
        environments.step(np.zeros(1, np.int32))


CHOICES = gs.MultiDiscrete([2, 3])
MASKS = [
    (Faulty.action_space, np.ones(3, bool), "needs 2 flags; got 3"),
    (Faulty.action_space, [True], "needs 2 flags; got 1"),
    (Faulty.action_space, [0, 0], "allows no action at all"),
    (Faulty.action_space, np.zeros(2, bool), "allows no action at all"),
    (Faulty.action_space, [0.5, 1], "holds True and False"),
    (Faulty.action_space, ["a", "b"], "holds True and False"),
    (CHOICES, ([1, 1], [0, 0, 0]), "allows no action at all"),
    (CHOICES, [True, False, False, False, False], "allows no action at all"),
    (CHOICES, ([1, 1], [1, 1]), "needs 5 flags; got 4"),
]


@pytest.mark.parametrize("way", ["alone", "next step"])
@pytest.mark.parametrize(("actions", "mask", "message"), MASKS, ids=str)
def test_environment_fault_refuses_masks_that_say_nothing(actions, mask, message, way):
    pool = iter([Masked(None, actions), Masked(mask, actions), Masked(None, actions)])
    if way == "alone":
        environments = make(lambda: next(pool), 2)
    else:
        environments = make(SyncVectorEnv([lambda: next(pool)] * 2, autoreset_mode=AutoresetMode.NEXT_STEP))
    environments.reset(KEY)
    action = np.zeros((2, *actions.shape), np.int32)
    assert environments.step(action).action_mask.tolist() == [Masked(None, actions).right.tolist()] * 2
    with pytest.raises(EnvironmentFault, match=f"(?s)^Masked, copy 1, step 2: .*{message}"):
        environments.step(action)


@pytest.mark.parametrize("actions", [Faulty.action_space, CHOICES], ids=str)
def test_environment_fault_is_none_at_an_end_where_nothing_is_possible(actions):
    """Flags that are all down would make the best value there that of nothing."""
    environments = make(lambda: Masked(None, actions), 2)
    environments.reset(KEY)
    for _ in range(3):
        step = environments.step(np.zeros((2, *actions.shape), np.int32))
    assert step.terminated.all()
    assert step.next_action_mask.all()
    assert not step.action_mask.all()


@pytest.mark.parametrize("scored", [True, False], ids=["evaluate", "view"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("observation", [0, 0, np.nan]),
        ("reward", np.nan),
        ("reward", "1"),
        ("truncated", 3.0),
        ("info", None),
    ],
)
def test_environment_fault_stops_scoring_and_filming_as_well(field, value, scored):
    def policy(seen, mask, carry, fresh, t):
        return np.zeros(len(fresh), np.int32), carry

    def film():
        view = EnvironmentView(Faulty(REAL, field, value))
        view.reset(0)
        for _ in range(3):
            view.step(0)

    def score():
        evaluate(policy, lambda: Faulty(REAL, field, value), episodes=2, seed=0, slots=2)

    with pytest.raises(EnvironmentFault, match=rf"^Faulty, copy 0, step 2: .*{field}"):
        score() if scored else film()


class Killed(Faulty):
    def step(self, action):
        if self.t == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


PROCESSES = {
    "reward": (lambda: Faulty(REAL, "reward", "1.0"), EnvironmentFault, "copy [01], step 2: reward is str"),
    "raises": (lambda: Faulty(REAL, "raises"), Planted, "planted"),
    "killed": (
        Killed,
        EnvironmentFault,
        "copy [01], step 2: the process of environment [01] ended: signal 9",
    ),
}


@pytest.mark.filterwarnings(
    "ignore:.*Received the following error|.*Raising the last|.*Traceback:UserWarning"
)
@pytest.mark.parametrize("case", PROCESSES)
def test_environment_fault_comes_from_processes_too(case):
    env, kind, message = PROCESSES[case]
    with pytest.raises(kind, match=message) as caught:
        play(make(env, 2, vectorization="async"))
    if case == "raises":
        assert "copy" in caught.value.__notes__[0]


class OneBuffer(gym.Env):
    """Writes all of its observations into one array."""

    observation_space, action_space = gs.Box(0, 9, (1,)), gs.Discrete(2)

    def __init__(self):
        self.seen = np.zeros(1, np.float32)

    def reset(self, *, seed=None, options=None):
        self.seen[:] = 0
        return self.seen, {}

    def step(self, action):
        self.seen += 1
        return self.seen, 0.0, False, bool(self.seen[0] == 3), {}


def test_make_refuses_processes_of_the_users_that_lose_the_last_observation():
    """With one buffer, and no layer of ours in them; what becomes of it along all other ways: test_gymnasium.py."""
    envs = AsyncVectorEnv([OneBuffer], context="forkserver", autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(
        ValueError, match=r"(?s)OneBuffer writes its observations into an array.*observation\.copy\(\)"
    ):
        make(envs)
    envs.close()


@pytest.mark.parametrize(
    ("space", "field", "value", "message"),
    [
        (BYTES, "observation", np.full((2, 2, 1), 0.5), "observation holds float64"),
        (REAL, "observation", np.zeros(1, np.float32), r"shape \(3,\); got \(1,\)"),
        (REAL, "terminated", 3.0, "terminated is float 3.0"),
        (REAL, "info", None, "info is NoneType None"),
    ],
)
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_make_refuses_processes_of_the_users_where_a_copy_answers_what_they_would_convert(
    mode, space, field, value, message
):
    """Their processes convert it before anybody can look: some steps of one copy are played here beforehand."""

    def faulty():
        return Faulty(space, field, value)

    envs = AsyncVectorEnv([faulty], context="forkserver", autoreset_mode=mode)
    with pytest.raises(EnvironmentFault, match=f"(?s)Faulty, copy 0, step 2.*{message}"):
        make(envs)
    envs.close()


class Pays(gym.Env):
    """Has a key of its own in `info` that operant once used."""

    observation_space, action_space = gs.Box(-1, 1, (1,)), gs.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {"raw_reward": 7.0}

    def step(self, action):
        return np.zeros(1, np.float32), 1.0, False, True, {"raw_reward": 100.0, "action_mask_": 3}


INFOS = {
    "bare": lambda: make(Pays, 2),
    "wrapped": lambda: make(Pays, 2, wrappers=[ScaleReward(0.5)]),
    "wrapped, async": lambda: make(Pays, 2, wrappers=[ScaleReward(0.5)], vectorization="async"),
    "a vector's": lambda: make(SyncVectorEnv([Pays] * 2, autoreset_mode=AutoresetMode.NEXT_STEP)),
}


@pytest.mark.parametrize("way", INFOS)
def test_info_of_an_environment_is_not_taken_for_ours(way):
    environments, wrapped = INFOS[way](), "wrapped" in way
    environments.reset(KEY)
    step = environments.step(np.zeros(2, np.int32))
    environments.close()
    assert step.reward.tolist() == ([0.5, 0.5] if wrapped else [1, 1])
    assert (step.raw_reward is None) == (not wrapped)
    if wrapped:
        assert step.raw_reward.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("field", "value"), [("reward", np.nan), ("observation", [0, 0, 300]), ("info", None)]
)
def test_environment_fault_stops_training_and_leaves_the_last_good_model(tmp_path, field, value):
    space = BYTES if field == "observation" else REAL
    value = np.full((2, 2, 1), 300) if field == "observation" else value
    network = {"hidden_sizes": (8,), "initialization": "uniform", "convolutions": ()}
    agent = operant.A2C(lambda: Faulty(space, field, value, at=20), n_steps=8, network=network, preset=None)
    with pytest.raises(EnvironmentFault, match=f"Faulty, copy 0, step 20: {field}") as caught:
        agent.learn(64, progress_bar=False, log_interval=8, run_dir=tmp_path / "run")
    assert is_plain(caught.value)  # one line at the command line
    assert agent.step == 16
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(agent.state) if leaf.dtype == np.float32)
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.name == "16"
    assert operant.load(tmp_path / "run", env=lambda: Faulty(space)).predict(good(space)) in (0, 1)
