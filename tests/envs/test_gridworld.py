"""Gridworlds: the 3×3 example's exact values, what each character does, and maps that cannot be."""

import gymnasium
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.cli import main
from operant.envs.gridworld import MAPS, GridWorld
from operant.envs.registry import native
from operant.envs.source import Source

# The exact action values of the example (its default map) at γ = 0.99: up, right, down, left.
Q_STAR = [
    [[83.1192, 94.0598, 94.0598, 83.1192], [85.0598, 96.02, 85.0598, 92.1192], [87.02, 87.02, 98.0, 94.0598]],
    [[92.1192, 85.0598, 96.02, 85.0598], [0, 0, 0, 0], [96.02, 89.0, 100.0, 89.0]],
    [[94.0598, 98.0, 87.02, 87.02], [89.0, 100.0, 89.0, 96.02], [0, 0, 0, 0]],
]
UP, RIGHT, DOWN, LEFT = range(4)


def values(world, gamma, sweeps=500):
    """Q* `[S, A]` by plain value iteration on the table."""
    probability = np.diff(np.asarray(world.cumulative, np.float64), prepend=0)
    assert probability.sum(axis=-1) == pytest.approx(1)
    successors, rewards = np.asarray(world.successors), np.asarray(world.rewards, np.float64)
    going = ~np.asarray(world.terminated)
    q = np.zeros(rewards.shape[:2])
    for _ in range(sweeps):
        q = (probability * (rewards + gamma * going * q.max(axis=1)[successors])).sum(axis=-1)
    return q


def outcome(world, row, column, action, k=0):
    """`((row, column), reward, terminated)` of a move's k-th outcome."""
    state = row * world.shape[1] + column
    at = (state, action, k)
    place = divmod(int(world.successors[at]), world.shape[1])
    return place, float(world.rewards[at]), bool(world.terminated[at])


def test_grid_world_default_has_the_published_values():
    world = GridWorld()
    assert world.cells == ("S..", ".#.", "..G")
    assert world.shape == (3, 3)
    np.testing.assert_allclose(values(world, 0.99).reshape(3, 3, 4), Q_STAR, atol=5e-5)
    assert outcome(world, 0, 0, UP) == ((0, 0), -10, False)
    assert outcome(world, 0, 1, DOWN) == ((0, 1), -10, False)
    assert outcome(world, 0, 0, RIGHT) == ((0, 1), -1, False)
    assert outcome(world, 2, 1, RIGHT) == ((2, 2), 100, True)
    assert world.start_states.tolist() == [0]


def test_grid_world_characters_do_what_they_say():
    world = GridWorld(
        """
        S$HG
        .#.S
        """,
        goal=1,
        wall=-2,
        step=-3,
        hole=-4,
        others={"$": 5},
    )
    assert outcome(world, 0, 0, RIGHT) == ((0, 1), 5, False)
    assert outcome(world, 0, 1, RIGHT) == ((0, 2), -4, True)
    assert outcome(world, 0, 1, DOWN) == ((0, 1), -2, False)
    assert outcome(world, 0, 1, LEFT) == ((0, 0), -3, False)
    assert outcome(world, 1, 0, LEFT) == ((1, 0), -2, False)
    assert outcome(world, 1, 2, RIGHT) == ((1, 3), -3, False)
    assert outcome(world, 1, 3, UP) == ((0, 3), 1, True)
    assert world.start_states.tolist() == [0, 7]
    np.testing.assert_allclose(world.start_cumulative, [0.5, 1])
    assert not values(world, 0.9)[[2, 3, 5]].any()  # nothing follows an end, nothing begins in an obstacle


def test_grid_world_slips_to_either_side():
    world = GridWorld(["...", ".S.", "..."], slip=0.2, step=-1, wall=-7)
    np.testing.assert_allclose(
        np.diff(np.asarray(world.cumulative[4, UP]), prepend=0), [0.8, 0.1, 0.1], atol=1e-6
    )
    assert {outcome(world, 1, 1, UP, k)[0] for k in (1, 2)} == {(1, 0), (1, 2)}
    assert {outcome(world, 1, 1, LEFT, k)[0] for k in (1, 2)} == {(0, 1), (2, 1)}
    assert outcome(world, 1, 1, UP)[0] == (0, 1)
    assert {outcome(world, 0, 0, UP, k)[:2] for k in (1, 2)} == {((0, 0), -7), ((0, 1), -1)}


def test_grid_world_of_the_dyna_maze_is_suttons():
    """Sutton & Barto, figure 8.2: the shortest way from S to G takes 14 steps."""
    maze = native("DynaMaze")
    assert maze.shape == (6, 9)
    assert values(maze, 0.95)[18].max() == pytest.approx(0.95**13)
    assert sum(row.count("#") for row in maze.cells) == 7
    assert outcome(maze, 0, 6, RIGHT) == ((0, 6), 0, False)
    assert outcome(maze, 1, 8, UP) == ((0, 8), 1, True)


def test_grid_world_ids_are_known_to_gymnasium_and_to_the_command():
    for id, limit in (("GridWorld", 1000), ("DynaMaze", 2000)):
        source = Source(id)
        assert source.native is not None
        assert source.spec.id == id
        assert gymnasium.spec(id).max_episode_steps == source.spec.max_episode_steps == limit
    env = Source("GridWorld").single()
    assert env.reset(seed=0)[0] == 0
    for action in (RIGHT, RIGHT, DOWN):
        *_, terminated, _, _ = env.step(action)
        assert not terminated
    observation, reward, terminated, truncated, _ = env.step(DOWN)
    assert (int(observation), reward, terminated, truncated) == (8, 100.0, True, False)


def test_grid_world_is_stepped_by_the_host_as_any_gymnasium_environment():
    environments = Source("GridWorld", backend="gymnasium").host(2)
    assert environments.spec.max_episode_steps == 1000
    environments.close()


def test_grid_world_of_your_own_is_scored_on_itself():
    world = GridWorld(["SG"])
    assert world.id == "GridWorld-1x2"
    assert Source(world).single().environment is world


def test_grid_world_takes_a_map_that_is_named_listed_or_written():
    assert GridWorld("dyna").cells == MAPS["dyna"]
    assert GridWorld("S.\n.G").cells == GridWorld(["S.", ".G"]).cells == ("S.", ".G")
    assert GridWorld("""
        S.
        .G""").cells == ("S.", ".G")
    assert jnp.array_equal(GridWorld("3x3").rewards, GridWorld().rewards)


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["S.", ".x"], {}, r"Row 1, column 1 of the map is 'x'.*others=\{'x': …\}"),
        (["S.", "..G"], {}, "Row 1 of the map has 3 cells, row 0 has 2"),
        (["..", ".G"], {}, "no start: mark one or more cells with S"),
        ([], {}, "map is empty"),
        ([""], {}, "map is empty"),
        ("4x4", {}, r"no map named '4x4'; there are 3x3, maze, dyna\. A map of one row is a list: \['4x4'\]"),
        ("3x3", {"slip": 1.2}, r"slip=1\.2"),
    ],
)
def test_grid_world_refuses_bad_maps(cells, options, message):
    with pytest.raises(ValueError, match=message):
        GridWorld(cells, **options)


def test_grid_world_on_the_command_line_reproduces_the_published_table(tmp_path, capsys):
    run = tmp_path / "run"
    assert (
        main(["train", "q-learning", "GridWorld", "--no-progress", "--episodes", "2", "--run-dir", str(run)])
        == 0
    )
    agent = operant.load(run)
    assert (agent.algorithm.learning_rate, agent.algorithm.epsilon, agent.algorithm.gamma) == (0.3, 0.3, 0.99)
    table = np.round(np.asarray(agent.state.q_values, np.float64), 2)
    np.testing.assert_array_equal(table, np.round(np.reshape(Q_STAR, (9, 4)), 2))
