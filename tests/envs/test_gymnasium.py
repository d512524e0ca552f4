"""The bridge: what comes out is what the environment did, in operant's types, whichever way it is stepped."""

import sys
from typing import ClassVar

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from operant import spaces
from operant.envs import base
from operant.envs.gymnasium import action_to_gym, make, make_single, observation_to_jax, space_from_gymnasium
from operant.envs.gymnasium_checks import Checks
from operant.envs.host import NativeOnHost

KEY = jax.random.key(7)


class Counting(gym.Env):
    """Observes (episode, step); action 1 ends the task, five steps cut it short. Has but one buffer."""

    observation_space = gs.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = gs.Discrete(2)

    def __init__(self):
        self.seen = np.array([-1.0, 0.0])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen[:] = self.seen[0] + 1, 0
        return self.seen, {}

    def step(self, action):
        self.seen[1] += 1
        return self.seen, float(self.seen[1]), action == 1, self.seen[1] >= 5, {}


class Copying(Counting):
    """Gives out copies, without which Gymnasium's own vector environments lose the final observation."""

    def step(self, action):
        observation, *rest = super().step(action)
        return (observation.copy(), *rest)


class Masked(Counting):
    """Impossible in step t is the t-th choice. Told by `info`, in the flat, in Gymnasium's form or in lists.

    Has but one buffer for these too.
    """

    def __init__(self, actions, form="flat"):
        super().__init__()
        self.action_space, self.form, self.told = actions, form, np.zeros(6, bool)

    def flags(self):
        self.told[:] = np.arange(6) != self.seen[1]
        parts = tuple(np.split(self.told, np.cumsum(getattr(self.action_space, "nvec", 6))[:-1]))
        return {"flat": self.told, "tuple": parts, "list": self.told.tolist()}[self.form]

    def reset(self, **kwargs):
        observation, _ = super().reset(**kwargs)
        return observation, {"action_mask": self.flags()}

    def step(self, action):
        *result, _ = super().step(0)
        return (*result, {"action_mask": self.flags()})


class MaskedByMethod(Masked):
    def reset(self, **kwargs):
        return super().reset(**kwargs)[0], {}

    def step(self, action):
        return (*super().step(action)[:-1], {})

    def action_masks(self):
        return self.flags()


class Recorder(gym.Env):
    """Keeps the actions it was given."""

    observation_space = gs.Box(-1, 1, (1,), np.float32)

    def __init__(self, actions):
        self.action_space, self.taken = actions, []

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.taken.append(action)
        return np.zeros(1, np.float32), 0.0, False, False, {}


class Shows(gym.Env):
    """Observes samples of a space."""

    action_space = gs.Discrete(2)

    def __init__(self, observations):
        self.observation_space, self.shown = observations, []

    def show(self):
        self.shown.append(self.observation_space.sample())
        return self.shown[-1]

    def reset(self, *, seed=None, options=None):
        self.observation_space.seed(seed)
        return self.show(), {}

    def step(self, action):
        return self.show(), 0.0, False, False, {}


def vector(kind, mode, env=Copying, n=2):
    context = {"context": "forkserver"} if kind is AsyncVectorEnv else {}
    return kind([env] * n, autoreset_mode=mode, **context)


WAYS = {
    "sync": lambda: make(Counting, 2),
    "instance": lambda: make(Counting()),
    "async": lambda: make(Counting, 2, vectorization="async"),
    "same step": lambda: make(vector(SyncVectorEnv, AutoresetMode.SAME_STEP, Counting)),
    "same step, wrapped": lambda: make(
        gym.wrappers.vector.RecordEpisodeStatistics(vector(SyncVectorEnv, AutoresetMode.SAME_STEP, Counting))
    ),
    "same step, async": lambda: make(vector(AsyncVectorEnv, AutoresetMode.SAME_STEP)),
    "next step": lambda: make(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP, Counting)),
}


@pytest.mark.parametrize("way", WAYS)
def test_make_has_no_step_that_spans_two_episodes(way):
    environments = WAYS[way]()
    n = environments.spec.num_envs
    assert environments.spec.dummy_steps == (way == "next step")
    observation, mask = environments.reset(KEY)
    assert mask is None
    assert (observation[:, 1] == 0).all()
    ends = []
    for t in range(40):
        action = np.array(
            [t % 3 == 2, False][:n], np.int32
        )  # one terminates after three steps, one is truncated
        step = environments.step(action)
        assert (step.reward.dtype, step.terminated.dtype, step.truncated.dtype) == (np.float32, bool, bool)
        assert step.observation.dtype == step.next_observation.dtype == np.float32
        done = step.terminated | step.truncated
        for i in range(n):
            if step.valid is not None and not step.valid[i]:
                assert (step.reward[i], step.terminated[i], step.truncated[i]) == (0, False, True)
                assert step.observation[i].tolist() == [observation[i, 0] + 1, 0]
                continue
            (episode, time), successor = observation[i], step.next_observation[i]
            assert successor.tolist() == [episode, time + 1]
            assert step.reward[i] == time + 1
            assert step.terminated[i] == action[i]
            assert step.truncated[i] == (time == 4)
            follows = step.observation[i].tolist()
            assert follows == ([episode + 1, 0] if done[i] and step.valid is None else successor.tolist())
            ends.append((bool(step.terminated[i]), bool(step.truncated[i])))
        observation = step.observation
    environments.close()
    assert set(ends) >= ({(True, False), (False, True)} if n == 2 else {(True, False)})


def test_make_returns_nothing_that_is_written_to_again():
    environments = make(Counting, 2)
    observation, _ = environments.reset(KEY)
    first = observation.copy()
    step = environments.step(np.zeros(2, np.int32))
    second = step.observation.copy()
    environments.step(np.zeros(2, np.int32))
    np.testing.assert_array_equal(observation, first)
    np.testing.assert_array_equal(step.observation, second)


class BothAtOnce(Counting):
    """What ends the task with the very step that a limit cuts, as Gymnasium's TimeLimit says it."""

    def step(self, action):
        observation, reward, *_, info = super().step(action)
        return observation.copy(), reward, action == 1, True, info


@pytest.mark.parametrize("way", ["sync", "same step", "next step"])
def test_make_hands_on_both_flags_as_they_were_said(way):
    modes = {"same step": AutoresetMode.SAME_STEP, "next step": AutoresetMode.NEXT_STEP}
    environments = (
        make(BothAtOnce, 2) if way == "sync" else make(vector(SyncVectorEnv, modes[way], BothAtOnce))
    )
    environments.reset(KEY)
    step = environments.step(np.array([1, 0], np.int32))
    assert step.terminated.tolist() == [True, False]
    assert step.truncated.tolist() == [True, True]
    environments.close()


def test_make_has_dummy_steps_earn_nothing_whatever_they_say():
    envs = vector(SyncVectorEnv, AutoresetMode.NEXT_STEP)
    environments = make(gym.wrappers.vector.TransformReward(envs, lambda reward: reward + 1))
    environments.reset(KEY)
    steps = [environments.step(np.ones(2, np.int32)) for _ in range(2)]
    assert [step.reward.tolist() for step in steps] == [[2, 2], [0, 0]]


class AlwaysOver(gym.vector.VectorWrapper):
    """Says of every step, of one that only reset as well, that the task has ended."""

    def step(self, actions):
        observation, reward, terminated, truncated, infos = super().step(actions)
        return observation, reward, np.ones_like(terminated), np.ones_like(truncated), infos


def test_make_has_dummy_steps_end_nothing_whatever_they_say():
    environments = make(AlwaysOver(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP)))
    environments.reset(KEY)
    steps = [environments.step(np.ones(2, np.int32)) for _ in range(3)]
    assert [step.valid.tolist() for step in steps] == [[True] * 2, [False] * 2, [True] * 2]
    assert [step.terminated.tolist() for step in steps] == [[True] * 2, [False] * 2, [True] * 2]
    assert all(step.truncated.all() for step in steps)  # which joins nothing to the next episode


def test_make_copies_the_flags_of_a_vector_environment():
    checks = Checks("Test", Counting.observation_space, Counting.action_space, 2)
    reward, terminated, truncated = np.ones(2, np.float32), np.zeros(2, bool), np.zeros(2, bool)
    given = checks.batch_outcomes(reward, terminated, truncated)
    for mine, theirs in zip(given, (reward, terminated, truncated), strict=True):
        assert not np.shares_memory(mine, theirs)


DISCRETE, SEVERAL = gs.Discrete(6, start=3), gs.MultiDiscrete([2, 4])
MASKED = {
    "info": lambda: make(lambda: Masked(DISCRETE), 2),
    "method": lambda: make(lambda: MaskedByMethod(DISCRETE), 2),
    "method, async": lambda: make(lambda: MaskedByMethod(DISCRETE), 2, vectorization="async"),
    "flat": lambda: make(lambda: MaskedByMethod(SEVERAL), 2),
    "list": lambda: make(lambda: Masked(DISCRETE, "list"), 2),
    "tuple": lambda: make(lambda: Masked(SEVERAL, "tuple"), 2),
    "tuple, same step": lambda: make(
        vector(SyncVectorEnv, AutoresetMode.SAME_STEP, lambda: Masked(SEVERAL, "tuple"))
    ),
    "method, same step": lambda: make(
        vector(SyncVectorEnv, AutoresetMode.SAME_STEP, lambda: MaskedByMethod(DISCRETE))
    ),
    "wrapped": lambda: make(
        gym.wrappers.vector.RecordEpisodeStatistics(
            vector(SyncVectorEnv, AutoresetMode.SAME_STEP, lambda: Masked(SEVERAL, "tuple"))
        )
    ),
    "next step": lambda: make(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP, lambda: Masked(DISCRETE))),
}


@pytest.mark.parametrize("way", MASKED)
def test_make_hands_on_masks_with_their_observations(way):
    environments = MASKED[way]()
    assert environments.spec.masked
    action = np.zeros((2, *environments.spec.action_space.shape), np.int32)
    observation, mask = environments.reset(KEY)
    assert (mask.shape, mask.dtype) == ((2, 6), bool)
    np.testing.assert_array_equal(mask, np.arange(6)[None] != observation[:, 1:])
    for _ in range(11):
        step = environments.step(action)
        now, after = (
            step.observation[:, 1:],
            (step.observation if step.valid is not None else step.next_observation)[:, 1:],
        )
        np.testing.assert_array_equal(step.action_mask, np.arange(6)[None] != now)
        np.testing.assert_array_equal(step.next_action_mask, np.arange(6)[None] != after)
    environments.close()


EVERYTHING = gs.Dict(
    wide=gs.Box(-1e300, 1e300, (2, 3), np.float64),
    image=gs.Box(0, 255, (4, 4, 3), np.uint8),
    count=gs.Box(-3, 9, (2,), np.int64),
    choice=gs.Discrete(3, start=-1),
    choices=gs.MultiDiscrete([[2, 3], [4, 5]], start=[[1, 1], [2, 2]]),
    switches=gs.MultiBinary((2, 2)),
    parts=gs.Tuple((gs.Discrete(4), gs.Dict(inner=gs.Box(-1, 1, (), np.float16)))),
)


def test_space_from_gymnasium_has_a_counterpart_of_every_space():
    assert space_from_gymnasium(EVERYTHING) == spaces.Dict.of(
        {
            "wide": spaces.Box(-np.inf, np.inf, (2, 3)),
            "image": spaces.Box(0.0, 255.0, (4, 4, 3), "uint8"),
            "count": spaces.Box(-3.0, 9.0, (2,), "int32"),
            "choice": spaces.Discrete(3),
            "choices": spaces.MultiDiscrete((2, 3, 4, 5)),
            "switches": spaces.MultiBinary(4),
            "parts": spaces.Tuple((spaces.Discrete(4), spaces.Dict.of({"inner": spaces.Box(-1.0, 1.0, ())}))),
        }
    )
    uneven = gs.Box(np.array([0, -1], np.float32), np.array([1, np.inf], np.float32))
    assert space_from_gymnasium(uneven) == spaces.Box((0.0, -1.0), (1.0, np.inf), (2,))


SHOWN = gs.Dict(
    EVERYTHING.spaces | {"wide": gs.Box(-1e30, 1e30, (2, 3), np.float64)}
)  # as float32 can hold it


@pytest.mark.parametrize("vectorization", ["sync", "same step"])
def test_observation_to_jax_takes_observations_of_every_space(vectorization):
    shows = [Shows(SHOWN), Shows(gs.Dict(SHOWN.spaces))]
    pool = iter(shows)
    if vectorization == "sync":
        environments = make(lambda: next(pool), 2)
    else:
        copies = iter([*shows, Shows(SHOWN)])  # one more is made to be looked at
        envs = SyncVectorEnv([lambda: next(copies)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
        environments = make(gym.wrappers.vector.RecordEpisodeStatistics(envs))
    space = environments.spec.observation_space
    for look in (
        lambda: environments.reset(KEY)[0],
        lambda: environments.step(np.zeros(2, np.int32)).observation,
    ):
        value = look()
        assert spaces.mismatch(space, value, (2,)) is None
        expected = [observation_to_jax(SHOWN, env.shown[-1]) for env in shows]
        for i in range(2):
            own = jax.tree.map(lambda x, i=i: x[i], value)
            assert jax.tree.all(jax.tree.map(np.array_equal, own, expected[i]))
        wanted = jax.tree.map(lambda x: np.dtype(x.dtype), spaces.example(space))
        assert jax.tree.map(lambda x: x.dtype, value) == wanted
        assert set(value["choice"].tolist()) <= {0, 1, 2}
        assert ((value["choices"] >= 0) & (value["choices"] < [[2, 3, 4, 5]])).all()
    raw = shows[0].shown[-1]
    np.testing.assert_array_equal(value["choice"][0], raw["choice"] + 1)
    np.testing.assert_array_equal(value["choices"][0], (raw["choices"] - [[1, 1], [2, 2]]).ravel())


ACTIONS = [
    (gs.Discrete(3, start=5), np.int32([0, 2]), [5, 7]),
    (gs.MultiDiscrete([[2, 3]], start=[[1, 10]]), np.int32([[0, 0], [1, 2]]), [[[1, 10]], [[2, 12]]]),
    (gs.MultiBinary(2), np.int32([[0, 1], [1, 1]]), [[0, 1], [1, 1]]),
    (gs.Box(-1, 3, (2,), np.float64), np.float32([[-9, 9], [0.5, 2]]), [[-1, 3], [0.5, 2]]),
    (gs.Box(-1, 3, (1,), np.int64), np.float32([[1.6], [9]]), [[2], [3]]),
]


@pytest.mark.parametrize("way", ["sync", "vector"])
@pytest.mark.parametrize(
    ("space", "actions", "expected"), ACTIONS, ids=lambda x: getattr(x, "__name__", None)
)
def test_action_to_gym_makes_actions_as_the_environment_declares_them(space, actions, expected, way):
    made = []

    def create():
        made.append(Recorder(space))
        return made[-1]

    envs = SyncVectorEnv([create] * 2, autoreset_mode=AutoresetMode.SAME_STEP) if way == "vector" else create
    environments = make(envs, 2)
    environments.reset(KEY)
    environments.step(jnp.asarray(actions))
    for env, own in zip(made[:2], expected, strict=True):
        np.testing.assert_array_equal(env.taken[0], own)
        assert space.contains(env.taken[0])
        assert np.asarray(env.taken[0]).dtype == space.dtype


def test_action_to_gym_gives_structured_actions_one_by_one():
    space = gs.Dict(move=gs.Box(-1, 1, (2,)), pick=gs.Tuple((gs.Discrete(3, start=1), gs.MultiBinary(2))))
    made = [Recorder(space), Recorder(space)]
    pool = iter(made)
    environments = make(lambda: next(pool), 2)
    environments.reset(KEY)
    action = {"move": np.float32([[2, 0], [0, -2]]), "pick": (np.int32([0, 1]), np.int32([[0, 1], [1, 0]]))}
    environments.step(action)
    for i, env in enumerate(made):
        assert space.contains(env.taken[0])
        assert env.taken[0]["pick"][0] == i + 1
    assert space.contains(action_to_gym(space, jax.tree.map(lambda x: x[0], action)))


def test_make_with_a_key_fixes_everything():
    environments, again = make("CartPole-v1", 3), make("CartPole-v1", 3)

    def play(environments, key):
        seen = [environments.reset(key)[0]]
        for t in range(60):  # long enough for resets, which must not be seeded afresh by chance
            seen.append(environments.step(np.full(3, t % 3 == 0, np.int32)).observation)
        return np.stack(seen)

    first = play(environments, KEY)
    np.testing.assert_array_equal(first, play(again, KEY))
    np.testing.assert_array_equal(first, play(environments, KEY))
    assert not np.array_equal(first[0], play(environments, jax.random.key(8))[0])
    assert len(np.unique(first[0][:, 0])) == 3
    vectored = make(vector(SyncVectorEnv, AutoresetMode.SAME_STEP, lambda: gym.make("CartPole-v1"), 3))
    np.testing.assert_array_equal(first, play(vectored, KEY))
    own = make("CartPole-v1", 3, vectorization="vector_entry_point")
    np.testing.assert_array_equal(own.reset(KEY)[0], own.reset(KEY)[0])
    assert not np.array_equal(own.reset(KEY)[0], own.reset(jax.random.key(8))[0])


def test_make_steps_gymnasiums_own_vector_cartpole():
    environments = make("CartPole-v1", 4, vectorization="vector_entry_point")
    single = make("CartPole-v1")
    assert environments.spec.id == single.spec.id == "CartPole-v1"
    assert environments.spec.max_episode_steps == single.spec.max_episode_steps == 500
    assert environments.spec.observation_space == single.spec.observation_space
    environments.reset(KEY)
    ended = 0
    for _ in range(40):
        step = environments.step(np.ones(4, np.int32))
        np.testing.assert_array_equal(step.reward, step.valid.astype(np.float32))
        assert (np.abs(step.observation[~step.valid]) <= 0.05).all()
        ended += int((~step.valid).sum())
    assert ended >= 8


def test_make_steps_lunar_lander():
    environments = make("LunarLander-v3", 2)
    assert environments.spec.max_episode_steps == 1000
    environments.reset(KEY)
    ended = 0
    for _ in range(150):
        step = environments.step(np.zeros(2, np.int32))
        assert np.isfinite(step.reward).all()
        assert np.isfinite(step.observation).all()
        ended += int(step.terminated.sum())
    environments.close()
    assert ended >= 2


def test_make_finds_the_time_limit_without_an_id():
    assert make(gym.wrappers.TimeLimit(Counting(), 17)).spec.max_episode_steps == 17
    assert make(lambda: gym.make("CartPole-v1", max_episode_steps=12)).spec.max_episode_steps == 12
    assert make("CartPole-v1", env_kwargs={"max_episode_steps": 9}).spec.max_episode_steps == 9
    assert make(Counting).spec.id == "Counting"


def test_make_single_is_an_environment_to_look_at():
    env = make_single("CartPole-v1", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().ndim == 3
    env.close()
    given = Counting()
    assert make_single(given) is given
    assert isinstance(make_single(Counting), Counting)
    assert isinstance(make_single(vector(SyncVectorEnv, AutoresetMode.SAME_STEP)), Copying)
    own = gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point", sutton_barto_reward=True)
    assert make_single(own).unwrapped._sutton_barto_reward
    assert make_single(lambda: MaskedByMethod(DISCRETE)).reset()[1]["action_mask"].shape == (6,)


class Old(gym.Env):
    """Resets as Gym once did."""

    observation_space, action_space = gs.Box(-1, 1, (1,)), gs.Discrete(2)

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32)


class Liar(Old):
    def reset(self, *, seed=None, options=None):
        return np.zeros(3, np.float32), {}


class Seedless(gym.Env):
    observation_space, action_space = gs.Box(-1, 1, (1,)), gs.Discrete(2)

    def reset(self):
        return np.zeros(1, np.float32), {}


class SeedlessLayer(gym.Wrapper):
    def reset(self):
        return self.env.reset()


class WithSpace(Old):
    def __init__(self, space):
        self.observation_space = space


class Wordy(Old):
    observation_space = gs.Text(4)


class SometimesMasked(Masked):
    def step(self, action):
        return (*super().step(action)[:-1], {})


class Refuses(VectorEnv):
    metadata: ClassVar = {}


SHARED = Counting()
ERRORS = {
    "unknown": (lambda: make("CartPol-v1"), "Unknown environment 'CartPol-v1'.*Did you mean.*CartPole-v1"),
    "old version": (lambda: make("LunarLander-v2"), "Unknown environment.*Did you mean.*LunarLander-v3"),
    "instance": (lambda: make(SHARED, 4), "One Counting cannot be 4 environments.*function that makes one"),
    "same instance": (lambda: make(lambda: SHARED, 2), "same environment twice"),
    "kwargs": (lambda: make(SHARED, env_kwargs={"size": 3}), "'size': 3}: Counting is made already"),
    "vectorization": (lambda: make("CartPole-v1", vectorization="threads"), "'threads'.*sync, async"),
    "no entry point": (
        lambda: make("Pendulum-v1", 2, vectorization="vector_entry_point"),
        "no vector entry point",
    ),
    "not an id": (lambda: make(Counting, 2, vectorization="vector_entry_point"), "needs a registered id"),
    "none": (lambda: make("CartPole-v1", 0), "num_envs must be at least 1; got 0"),
    "nothing": (lambda: make(3), "3 is no environment"),
    "wrong callable": (lambda: make(lambda: 3), "returned a int; it must return a gymnasium.Env"),
    "disabled": (lambda: make(vector(SyncVectorEnv, AutoresetMode.DISABLED)), "DISABLED.*SAME_STEP"),
    "mode unknown": (lambda: make(Refuses()), "Refuses has the autoreset mode None"),
    "old reset": (
        lambda: make(Old),
        r"Old, copy 0, reset: reset\(\) must return \(observation, info\), info .*; got ndarray",
    ),
    "liar": (lambda: make(Liar), r"Liar, copy 0, reset: what reset\(\).*must have shape \(1,\); got \(3,\)"),
    "no seed": (
        lambda: make(Seedless),
        r"Seedless: reset\(\) of Seedless takes no seed.*seed=None, options=None",
    ),
    "no seed, in a wrapper": (
        lambda: make(lambda: SeedlessLayer(Copying())),
        r"reset\(\) of SeedlessLayer takes no seed",
    ),
    "no seed, a vector's": (
        lambda: make(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP, Seedless)),
        r"Seedless: reset\(\) of Seedless takes no seed",
    ),
    "empty": (lambda: make(lambda: WithSpace(gs.Box(0, 1, (3, 0)))), "WithSpace: .*there is nothing in it"),
    "an empty part": (lambda: make(lambda: WithSpace(gs.Tuple([gs.Dict()]))), "there is nothing in it"),
    "keys": (
        lambda: make(lambda: WithSpace(gs.Dict({3: gs.Discrete(2)}))),
        "3 is of type int. Name it, such as '3'",
    ),
    "text": (lambda: make(Wordy), "Wordy: operant cannot take the space Text.*TransformObservation"),
    "mask size": (lambda: make(lambda: Masked(gs.Box(0, 1))), "only Discrete, MultiDiscrete and MultiB"),
    "masks of a vector": (
        lambda: make(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP, lambda: MaskedByMethod(DISCRETE))),
        "action_masks\\(\\) method, which a vector environment does not call",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.filterwarnings("ignore")
def test_make_tells_wrong_input_what_would_be_right(case):
    attempt, message = ERRORS[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        attempt()


def test_checks_refuse_a_mask_that_stops_coming():
    environments = make(lambda: SometimesMasked(DISCRETE))
    environments.reset(KEY)
    with pytest.raises(
        ValueError, match=r"SometimesMasked, copy 0, step 1: there is no info\[\"action_mask\"\]"
    ):
        environments.step(np.zeros(1, np.int32))


@pytest.mark.parametrize(
    ("id", "extra", "module"), [("LunarLander-v3", "box2d", "Box2D"), ("Ant-v5", "mujoco", "mujoco")]
)
def test_make_names_the_extra_of_a_missing_package(id, extra, module, monkeypatch):
    for name in [m for m in sys.modules if m.startswith((f"gymnasium.envs.{extra}", f"{module}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    said = f'^{id} needs a package that is not installed: pip install "operant-rl\\[{extra}\\]"$'
    with pytest.raises(ImportError, match=said):
        make(id)


def test_make_async_knows_what_only_this_process_registered():
    gym.register("OnlyHere-v0", Copying, max_episode_steps=3)
    environments = make("OnlyHere-v0", 2, vectorization="async")
    assert isinstance(environments.envs, AsyncVectorEnv)
    assert environments.spec.max_episode_steps == 3
    environments.reset(KEY)
    steps = [environments.step(np.zeros(2, np.int32)) for _ in range(3)]
    environments.close()
    assert steps[-1].truncated.all()


class Walk(base.Environment):
    """A random walk from a random start, masked on one side."""

    id: ClassVar[str] = "Walk"
    max_episode_steps: int | None = 7

    @property
    def observation_space(self):
        return spaces.Box(-np.inf, np.inf, (1,))

    @property
    def action_space(self):
        return spaces.Discrete(2)

    def sample_noise(self, key):
        return jax.random.normal(key, (2,))

    def reset(self, noise):
        return noise[:1]

    def step(self, state, action, noise):
        state = state + action + noise[1:]
        return state, state[0], state[0] > 6

    def observation(self, state):
        return state

    def action_mask(self, state):
        return jnp.stack([state[0] < 3, state[0] < 9])


def test_native_on_host_sees_the_same_randomness():
    environment = Walk()
    environments = NativeOnHost(environment, 3)
    assert environments.spec.num_envs == 3
    assert environments.spec.masked
    observation, mask = environments.reset(KEY)
    noise = jax.jit(lambda t: base.sample_noise(environment, jax.random.fold_in(KEY, t), 3))
    states, expected, expected_mask = base.reset(environment, noise(0))
    np.testing.assert_array_equal(observation, expected)
    np.testing.assert_array_equal(mask, expected_mask)
    stepped = jax.jit(lambda states, action, noise: base.step(environment, states, action, noise))
    ended = 0
    for t in range(1, 300):  # more than one block
        action = np.full(3, t % 2, np.int32)
        step = environments.step(action)
        states, expected = stepped(states, action, noise(t))
        assert jax.tree.all(jax.tree.map(np.array_equal, step, jax.device_get(expected))), t
        assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(step))
        ended += int(step.terminated.any()) + int(step.truncated.any())
    assert ended > 20
