"""The native toy texts against Gymnasium's own, fed with the same random numbers."""

from types import SimpleNamespace

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs import base
from operant.envs.layout import Layout
from operant.envs.registry import NATIVE, TOY_TEXTS, native
from operant.envs.source import Source
from operant.envs.toy_text import taxi_layout, toy_text
from operant.spaces import Discrete

STEPS = 4000
REGISTERED = [id for id in TOY_TEXTS if id in gymnasium.registry]
SMALL = ["SFFF", "HFSG"]
KINDS = {
    **{id: (id, {}) for id in REGISTERED},
    "not slippery": ("FrozenLake-v1", {"is_slippery": False}),
    "map_name": ("FrozenLake-v1", {"map_name": "8x8"}),
    "desc": ("FrozenLake-v1", {"desc": SMALL, "success_rate": 0.7, "reward_schedule": (10, -5, -1)}),
    "rainy": ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.6}),
}
both = pytest.mark.parametrize(("id", "options"), KINDS.values(), ids=KINDS)


def taxi_only():
    if "Taxi-v4" not in REGISTERED:
        pytest.skip("this Gymnasium has no Taxi-v4")


@both
def test_toy_text_agrees_with_gymnasium_over_thousands_of_steps(id, options):
    env = gymnasium.make(id, disable_env_checker=True, **options).unwrapped
    generator = np.random.default_rng(0)
    drawn = generator.random(STEPS, np.float32)
    numbers = iter(drawn.tolist())
    env.reset(seed=0)
    before_ends = [s for s, row in env.P.items() if any(over for o in row.values() for *_, over in o)]
    rows, fresh, truth = [], True, env.np_random
    for _ in range(STEPS):
        if fresh:
            env.np_random = truth
            env.reset()
            if generator.random() < 0.6:  # states that random steps from the start seldom meet
                env.s = int(generator.choice(before_ends if generator.random() < 0.5 else len(env.P)))
            env.np_random = SimpleNamespace(random=lambda: next(numbers))
        before, action = env.s, int(generator.integers(len(env.P[0])))
        after, reward, terminated, _, info = env.step(action)
        rows.append((before, action, after, reward, terminated, info.get("action_mask", np.ones(0))))
        fresh = terminated or generator.random() < 0.05
    before, action, after, reward, terminated, mask = map(np.array, zip(*rows, strict=True))
    assert terminated.sum() >= 5

    table = toy_text(id, **options)
    state, paid, over = jax.jit(jax.vmap(table.step))(
        jnp.asarray(before, jnp.int32), jnp.asarray(action, jnp.int32), (jnp.asarray(drawn), jnp.zeros(STEPS))
    )
    np.testing.assert_array_equal(state, after)
    np.testing.assert_array_equal(paid, reward.astype(np.float32))
    np.testing.assert_array_equal(over, terminated)
    if mask.size:
        np.testing.assert_array_equal(jax.vmap(table.action_mask)(state), mask.astype(bool))
        assert 0.2 < mask.mean() < 0.8
    assert table.spec.masked == bool(mask.size)


@both
def test_toy_text_has_gymnasiums_spaces_starts_and_time_limit(id, options):
    env, table = gymnasium.make(id, **options), toy_text(id, **options)
    spec = table.spec
    assert spec.observation_space == Discrete(int(env.observation_space.n))
    assert spec.action_space == Discrete(int(env.action_space.n))
    assert spec.max_episode_steps == env.spec.max_episode_steps
    distribution = np.zeros(spec.observation_space.n)
    distribution[np.asarray(table.start_states)] = np.diff(np.asarray(table.start_cumulative), prepend=0)
    np.testing.assert_allclose(distribution, env.unwrapped.initial_state_distrib, atol=1e-6)


def test_toy_text_truncates_when_gymnasiums_does():
    table, env = native("FrozenLake-v1"), gymnasium.make("FrozenLake-v1", is_slippery=False)
    env.reset(seed=0)
    limit = 1
    while not env.step(0)[3]:  # against the left edge
        limit += 1
    states = base.EnvironmentState(jnp.zeros(2, jnp.int32), jnp.array([limit - 2, limit - 1]))
    _, step = base.step(
        table, states, jnp.zeros(2, jnp.int32), base.sample_noise(table, jax.random.key(0), 2)
    )
    assert step.truncated.tolist() == [False, True]


def test_toy_text_taxi_changes_a_fickle_passengers_destination_once():
    """Every outcome of every state and action, for both moods of the passenger, with its probability."""
    taxi_only()
    options = {"fickle_passenger": True, "is_rainy": True, "fickle_probability": 0.25}
    env = gymnasium.make("Taxi-v4", **options).unwrapped
    table = toy_text("Taxi-v4", **options)
    assert table.observation_space == Discrete(500)
    assert table.spec.masked
    probability = np.diff(np.asarray(table.cumulative), prepend=0)
    successors, rewards, terminated, masks, seen = map(
        np.asarray,
        (table.successors, table.rewards, table.terminated, table.possible_actions, table.observations),
    )
    np.testing.assert_array_equal(seen, np.tile(np.arange(500), 2))
    for state in np.random.default_rng(0).choice(500, 60, replace=False):
        for fickle in (False, True):
            for action in range(6):
                expected: dict[tuple, float] = {}
                start = 0.0
                for p, *_ in env.P[state][action]:
                    for choice in range(3):
                        env.s, env.fickle_step = int(state), fickle
                        env.np_random = SimpleNamespace(
                            random=lambda u=start + p / 2: u, choice=lambda places, c=choice: places[c]
                        )
                        after, reward, over, _, info = env.step(action)
                        key = (after + 500 * env.fickle_step, reward, over, *info["action_mask"])
                        expected[key] = expected.get(key, 0) + p / 3
                    start += p
                found: dict[tuple, float] = {}
                row = state + 500 * fickle, action
                for k in np.flatnonzero(probability[row] > 1e-7):
                    successor = successors[row][k]
                    key = (successor, rewards[row][k], terminated[row][k], *masks[successor])
                    found[key] = found.get(key, 0) + probability[row][k]
                assert found == pytest.approx(expected, abs=1e-6)
    _, start = jax.vmap(table.sample_noise)(jax.random.split(jax.random.key(0), 8000))
    assert (np.asarray(start) >= 500).mean() == pytest.approx(0.25, abs=0.025)


@pytest.mark.parametrize("id", REGISTERED)
def test_toy_text_environments_are_twins(id):
    """Trained on natively, scored on Gymnasium's own."""
    assert id in NATIVE
    source = Source(id)
    assert source.native is not None
    assert source.spec.id == id
    assert type(source.single().unwrapped).__module__.startswith("gymnasium.envs.toy_text")


def test_toy_text_with_options_is_scored_on_itself():
    table = toy_text("FrozenLake-v1", desc=SMALL)
    env = Source(table).single()
    assert env.environment is table
    assert "desc=" in table.id


def test_toy_text_refuses_an_environment_without_a_model():
    with pytest.raises(ValueError, match="Blackjack-v1 has no model"):
        toy_text("Blackjack-v1")


def move_targets(layout: Layout, panel: int):
    """`(state, action, state)` for every move that the picture shows as possible."""
    grid = layout.panels[panel]
    rows, columns = grid.shape
    for row in range(rows):
        for column in range(columns):
            for action, move in enumerate(layout.moves):
                if move is None:
                    continue
                new_row, new_column = row + move[0], column + move[1]
                wall = (row, min(column, new_column)) in layout.walls and new_column != column
                if not (0 <= new_row < rows and 0 <= new_column < columns) or wall:
                    new_row, new_column = row, column
                yield (
                    grid.states[row * columns + column],
                    action,
                    grid.states[new_row * columns + new_column],
                )


@pytest.mark.parametrize("panel", range(4))
@pytest.mark.parametrize("destination", "RGYB")
def test_taxi_layout_is_its_town(destination, panel):
    """Moves and walls of the picture are those of the model, and its states are what its title says."""
    taxi_only()
    env = gymnasium.make("Taxi-v4").unwrapped
    layout = taxi_layout(destination)
    for state, action, target in move_targets(layout, panel):
        assert env.P[state][action][0][1] == target
    grid = layout.panels[panel]
    _, _, place, goal = env.decode(grid.states[0])
    assert (
        grid.title == f"passenger {'in the taxi' if place == 4 else 'at ' + 'RGYB'[place]}, to {destination}"
    )
    assert "RGYB"[goal] == destination
    assert place != goal
    assert [(row, column) for row, column, _ in grid.labels] == env.locs


def test_layout_of_lake_and_cliff_is_as_gymnasium_draws_them():
    lake = native("FrozenLake-v1").layout
    assert lake.panels[0].cells == ("S...", ".H.H", "...H", "H..G")
    table = toy_text("FrozenLake-v1", is_slippery=False)
    steps = {(state, action): target for state, action, target in move_targets(table.layout, 0)}
    for (state, action), target in steps.items():
        if "SFHG"["S.HG".index("".join(lake.panels[0].cells)[state])] in "SF":
            assert int(table.successors[state, action, 0]) == target
    cliff = native("CliffWalking-v1").layout.panels[0]
    assert cliff.cells == ("............",) * 3 + ("SCCCCCCCCCCG",)
    model = gymnasium.make("CliffWalking-v1").unwrapped.P
    for state, action, target in move_targets(native("CliffWalking-v1").layout, 0):
        falls = "".join(cliff.cells)[target] == "C"
        assert model[state][action][0][1:3] == ((36, -100) if falls else (target, -1))
