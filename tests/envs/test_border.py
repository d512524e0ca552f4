"""The border: what an environment gives is understood, and what a policy chooses is what the environment takes."""

from __future__ import annotations

import json

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector.utils import batch_space, create_empty_array

from operant import spaces
from operant.envs.border import Border, from_json, to_json
from operant.envs.gymnasium import make
from operant.envs.gymnasium_spaces import space_from_gymnasium
from operant.envs.gymnasium_values import brief
from operant.envs.registry import NATIVE, NEEDY

SPACES = {
    "choice": gs.Discrete(3),
    "choice from −1": gs.Discrete(3, start=-1),
    "choice from far away": gs.Discrete(3, start=2**40),
    "choices": gs.MultiDiscrete([2, 7], start=[5, -3]),
    "choices of two axes": gs.MultiDiscrete([[2, 3], [4, 5]], start=[[1, 1], [2, 2]]),
    "switches": gs.MultiBinary(3),
    "switches of two axes": gs.MultiBinary((2, 3)),
    "real": gs.Box(-1, 3, (2,)),
    "double": gs.Box(np.array([0.1, -0.3]), np.array([0.7, 1.1]), dtype=np.float64),
    "half": gs.Box(-1, 3, (2,), np.float16),
    "half-open": gs.Box(np.array([0, -np.inf], np.float32), np.array([np.inf, 1], np.float32)),
    "whole": gs.Box(-3, 9, (2, 2), np.int64),
    "whole without bounds": gs.Box(np.iinfo(np.int64).min, np.iinfo(np.int64).max, (2,), np.int64),
    "bytes": gs.Box(0, 255, (4, 4, 1), np.uint8),
    "a number": gs.Box(-1, 1, ()),
    "dict": gs.Dict(
        b=gs.Discrete(2, start=4), a=gs.Dict(c=gs.MultiBinary((1, 2)), d=gs.Box(0, 9, (1,), np.int8))
    ),
    "tuple": gs.Tuple((gs.Discrete(3, start=1), gs.Box(-1, 1, (2,), np.float64))),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
OTHER = gs.Discrete(2)


@every_space
def test_to_json_and_from_json_are_a_round_trip(space):
    text = json.dumps(to_json(space), allow_nan=False)
    again = from_json(json.loads(text))
    assert again == space
    assert str(again) == str(space)
    border = Border(space, OTHER)
    assert Border.from_json(json.loads(json.dumps(border.to_json()))) == border


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"kind": "os.system"},
        None,
        {"kind": "Box", "dtype": "float32", "shape": [2], "low": [0], "high": 1},
    ],
    ids=str,
)
def test_from_json_refuses_what_is_no_space(value):
    with pytest.raises(ValueError, match="is no space: "):
        from_json(value)


@every_space
def test_border_action_is_what_the_environment_takes(space):
    """Single, it is in the space; a batch is in Gymnasium's own space of batches."""
    ours, border = space_from_gymnasium(space), Border(OTHER, space)
    actions = jax.device_get(jax.vmap(ours.sample)(jax.random.split(jax.random.key(0), 50)))
    batch = border.action_out(actions)
    assert jax.tree.all(jax.tree.map(lambda x: isinstance(x, np.ndarray), batch))
    assert batch_space(space, 50).contains(jax.tree.map(np.asarray, batch))
    single = border.action_out(jax.tree.map(lambda x: x[:1], actions), batched=False)
    assert space.contains(single)
    assert jax.tree.all(jax.tree.map(lambda x, y: np.array_equal(x, y[0]), single, batch))
    # The other way round nothing is lost.
    back, _ = Border(space, OTHER).observation_in(batch)
    if not any(isinstance(part, spaces.Box) for part in _leaves(ours)):
        assert jax.tree.all(jax.tree.map(np.array_equal, back, actions))


def _leaves(space):
    parts = (
        [part for _, part in space.items] if isinstance(space, spaces.Dict) else getattr(space, "items", None)
    )
    return [leaf for part in parts for leaf in _leaves(part)] if parts is not None else [space]


@every_space
def test_border_takes_observations_alone_and_in_batches(space):
    ours, border = space_from_gymnasium(space), Border(space, OTHER)
    space.seed(3)
    seen = [space.sample() for _ in range(4)]
    if space is SPACES["whole without bounds"]:
        seen = [x // 2**40 for x in seen]
    batch = jax.tree.map(lambda *x: np.stack(x), *seen)
    several, batched = border.observation_in(batch)
    assert batched
    assert spaces.mismatch(ours, several, (4,)) is None
    for i, one in enumerate(seen):
        single, batched = border.observation_in(one)
        assert not batched
        assert jax.tree.all(jax.tree.map(lambda x, y, i=i: np.array_equal(x[0], y[i]), single, several))
        as_lists = jax.tree.map(lambda x: np.asarray(x).tolist(), one)
        listed, _ = border.observation_in(as_lists)
        assert jax.tree.all(jax.tree.map(np.array_equal, listed, single))
        types = jax.tree.map(lambda x: x.dtype, spaces.example(ours))
        assert jax.tree.map(lambda x: x.dtype, single) == types


def test_border_counts_choices_from_their_start():
    border = Border(SPACES["choices of two axes"], SPACES["choice from −1"])
    seen, _ = border.observation_in([[2, 1], [2, 6]])
    np.testing.assert_array_equal(seen, [[1, 0, 0, 4]])
    np.testing.assert_array_equal(border.action_out(np.int32([0, 2])), [-1, 1])
    assert border.action_out(np.int32([2]), batched=False) == 1


WRONG = {
    "shape": ("real", np.zeros(3), r"shape \(2,\); got \(3,\)"),
    "a batch's shape": ("real", np.zeros((5, 3)), r"shape \(5, 2\); got \(5, 3\)"),
    "none of them": ("real", np.zeros((0, 2)), "a batch of none"),
    "nan": ("real", [0, np.nan], r"observation\[1\] is nan.*finite"),
    "more than float32": ("double", [0, 1e300], r"observation\[1\] is 1e\+300.*float32"),
    "fractions as bytes": ("bytes", np.full((4, 4, 1), 0.5), "float64, but .*uint8.* whole numbers"),
    "too much for a byte": (
        "bytes",
        np.full((4, 4, 1), 300),
        r"observation\[0, 0, 0\] is 300, which is not in Box",
    ),
    "before the first choice": ("choice", -1, r"observation is -1, which is not in Discrete\(3\)"),
    "after the last choice": ("choice from −1", [0, 2], r"observation\[1\] is 2, which is not in Discrete"),
    "wraps": ("whole without bounds", [2**31, 0], r"observation\[0\] is 2147483648"),
    "text": ("choice", "left", "numbers.*str 'left'"),
    "nothing": ("real", None, "numbers.*NoneType"),
    "reset's pair": ("real", (np.zeros(2), {}), r"observation, info = env\.reset"),
    "ragged": ("real", [[1], [1, 2]], "rows differ"),
    "no dict": ("dict", 3, "must be a dict with the keys"),
    "a key": ("dict", {"a": 0}, r"must have the keys \['b', 'a'\].*it has \['a'\]"),
    "no tuple": ("tuple", [1], "a tuple of 2 parts; got list"),
    "a part": ("tuple", (9, np.zeros(2)), r"observation\[0\] is 9"),
}


@pytest.mark.parametrize("case", WRONG)
def test_border_refuses_what_is_no_observation(case):
    name, value, message = WRONG[case]
    space = SPACES[name]
    with pytest.raises(ValueError, match=f"(?s){message}") as error:
        Border(space, OTHER).observation_in(value)
    assert str(error.value).count(brief(space)) == 1  # in one line, and once


def test_brief_tells_a_space_with_infinite_bounds_in_one_line():
    space = gs.Box(np.float32([-4.8, -np.inf, -0.4, -np.inf]), np.float32([4.8, np.inf, 0.4, np.inf]))
    for value in ("text", np.zeros(3), (np.zeros(4), {})):
        with pytest.raises(ValueError, match="observation") as error:
            Border(space, OTHER).observation_in(value)
        assert "  " not in str(error.value)
        assert str(error.value).count("Box(") == 1


def test_border_takes_masks_alone_and_in_batches():
    border = Border(OTHER, SPACES["choices"])
    flags = [[True, False], [1] * 7]
    np.testing.assert_array_equal(
        border.action_mask_in(flags, 1, batched=False), [[True, False, *[True] * 7]]
    )
    np.testing.assert_array_equal(
        border.action_mask_in(np.ones((4, 9)), 4, batched=True), np.ones((4, 9), bool)
    )
    assert border.action_mask_in(None, 4, batched=True) is None
    with pytest.raises(ValueError, match="holds 4 masks for 3 observations"):
        border.action_mask_in(np.ones((4, 9)), 3, batched=True)
    with pytest.raises(ValueError, match=r"Box.* has no action masks"):
        Border(OTHER, SPACES["real"]).action_mask_in([True, True], 1, batched=False)


class Offset(gym.Env):
    """Wants, as choice from 5 upwards, the state that it shows, from −1 upwards."""

    observation_space, action_space = gs.Discrete(3, start=-1), gs.Discrete(3, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.integers(-1, 2), {}

    def step(self, action):
        assert self.action_space.contains(action)
        return -1, 1.0, False, True, {}


def test_border_is_no_part_of_what_a_description_compares():
    spec = make(Offset, 2).spec
    assert Border.of(spec) == Border(Offset.observation_space, Offset.action_space)
    vectored = make(
        gym.vector.SyncVectorEnv([Offset] * 2, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    ).spec
    assert Border.of(vectored) == Border.of(spec)
    assert vectored == spec
    assert hash(vectored) == hash(spec)


@pytest.mark.parametrize("name", [name for name in NATIVE if name not in NEEDY])
def test_border_of_a_native_environment_is_there_too(name):
    border = Border.of(NATIVE[name]().spec)
    empty = create_empty_array(border.observation_space, 3)
    assert border.observation_in(empty)[1]
