"""Tables as text: every number at the side of its move, every arrow in its cell."""

from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from operant.envs.gridworld import GridWorld
from operant.envs.registry import native
from operant.envs.toy_text import taxi_layout, toy_text
from operant.studio.tables import best_action_text, best_actions, layout, learnt_table, q_text, undecided

GRID = layout("GridWorld")
EXAMPLE = np.array(  # the 3×3 gridworld's optimal values at γ = 0.99, up, right, down, left
    [
        [83.1192, 94.0598, 94.0598, 83.1192],
        [85.0598, 96.02, 85.0598, 92.1192],
        [87.02, 87.02, 98.0, 94.0598],
        [92.1192, 85.0598, 96.02, 85.0598],
        [0, 0, 0, 0],
        [96.02, 89.0, 100.0, 89.0],
        [94.0598, 98.0, 87.02, 87.02],
        [89.0, 100.0, 89.0, 96.02],
        [0, 0, 0, 0],
    ]
)


def test_the_example_in_detail():
    expected = """\
┌────────────────┬────────────────┬────────────────┐
│S    83.12      │     85.06      │     87.02      │
│ 83.12    94.06 │ 92.12    96.02 │ 94.06    87.02 │
│     94.06      │     85.06      │     98.00      │
├────────────────┼────────────────┼────────────────┤
│     92.12      │                │     96.02      │
│ 85.06    85.06 │       #        │ 89.00    89.00 │
│     96.02      │                │     100.00     │
├────────────────┼────────────────┼────────────────┤
│     94.06      │     89.00      │                │
│ 87.02    98.00 │ 96.02   100.00 │       G        │
│     87.02      │     89.00      │                │
└────────────────┴────────────────┴────────────────┘"""
    assert q_text(EXAMPLE, GRID) == expected


def test_the_examples_best_actions():
    assert best_action_text(EXAMPLE, GRID) == "→↓   →    ↓\n↓    #    ↓\n→    →    G"


def test_what_is_not_known_is_a_dot_and_what_is_impossible_a_dash():
    world = layout(GridWorld(["S.", "HG"]))
    q_values = np.array([[0.0] * 4, [-np.inf, -1.0, 2.0, -np.inf], [0.0] * 4, [0.0] * 4])
    assert best_action_text(q_values, world) == "·   ↓\nH   G"
    assert (
        q_text(q_values, world, decimals=0)
        == """\
┌────────┬────────┐
│S  0    │   –    │
│ 0    0 │ –   -1 │
│   0    │   2    │
├────────┼────────┤
│        │        │
│   H    │   G    │
│        │        │
└────────┴────────┘"""
    )


def test_ties_are_relative_to_the_spread_of_the_table():
    q_values = np.array([[1.0, 1.0 - 5e-5, 0.0], [0.5, 0.5, -np.inf], [0.3, 0.3, 0.3]])
    assert best_actions(q_values).tolist() == [[True, True, False], [True, True, False], [True] * 3]
    assert best_actions(q_values * [[1, 1 - 1e-3, 1]] * 100).tolist()[0] == [True, False, False]
    assert undecided(q_values).tolist() == [False, False, True]
    assert best_actions(np.full((2, 2), -np.inf)).tolist() == [[False, False]] * 2


def test_the_taxi_has_a_grid_for_each_place_of_the_passenger():
    """The taxi at its best: the passenger is fetched round the walls and taken to B."""
    town = taxi_layout("B")
    taxi = native("Taxi-v4") if "Taxi-v4" in gymnasium.registry else native("Taxi-v3")
    successors, rewards = np.asarray(taxi.successors)[:, :, 0], np.asarray(taxi.rewards)[:, :, 0]
    going = ~np.asarray(taxi.terminated)[:, :, 0]
    q_values = np.zeros((500, 6))
    for _ in range(60):
        q_values = rewards + 0.95 * going * q_values.max(axis=1)[successors]
    grids = best_action_text(q_values, town).split("\n\n")
    assert grids[0].splitlines() == [
        "passenger at R, to B",
        "P    ←  ┃ ↓    ↓←   ↓←",
        "↑    ↑← ┃ ↓    ↓←   ↓←",
        "↑    ↑←   ←    ←    ←",
        "↑  ┃ ↑    ↑← ┃ ↑    ↑←",
        "↑  ┃ ↑    ↑← ┃ ↑    ↑←",
    ]
    assert [grid.splitlines()[0] for grid in grids[1:]] == [
        f"passenger {place}, to B" for place in ("at G", "at Y", "in the taxi")
    ]
    assert grids[3].splitlines()[5] == "↑  ┃ ↑→   ↑  ┃ D    ←"
    detail = q_text(q_values, town, decimals=0).split("\n\n")[3].splitlines()
    assert detail[0] == "passenger in the taxi, to B"
    assert any("drop off  20" in line for line in detail)
    assert detail[1].count("┬") == 4
    assert "┃" in detail[2]


def test_what_has_been_learnt_is_found_with_its_mask():
    """Impossible actions are −∞, whichever way the taxi is named; a state without a table gives nothing."""
    id = "Taxi-v4"
    if id not in gymnasium.registry:
        pytest.skip("this Gymnasium has no Taxi-v4")
    state = SimpleNamespace(q_values=np.full((500, 6), -1.0), visits=np.ones((500, 6), int))
    env = gymnasium.make(id)
    mask = np.stack([env.unwrapped.action_mask(s) for s in range(500)]).astype(bool)
    for environment in (id, native(id), env, toy_text(id, fickle_passenger=True)):
        table = learnt_table(state, environment)
        np.testing.assert_array_equal(np.isfinite(table.q_values), mask)
        assert table.visits.sum() == 3000
        assert len(table.layout.panels) == 4
    lake = learnt_table(SimpleNamespace(q_values=np.zeros((16, 4))), "FrozenLake-v1")
    assert np.isfinite(lake.q_values).all()
    assert lake.visits is None
    assert learnt_table(SimpleNamespace(weights=0), "FrozenLake-v1") is None
    assert learnt_table(state, "CartPole-v1") is None


def test_layouts_are_found_for_whatever_names_an_environment():
    assert layout("GridWorld").panels[0].shape == (3, 3)
    assert layout("FrozenLake8x8-v1").panels[0].shape == (8, 8)
    assert layout("CliffWalking-v1").panels[0].shape == (4, 12)
    assert len(layout(native("FrozenLake-v1")).panels) == 1
    lake = ["SFG", "HFF"]
    assert layout(gymnasium.make("FrozenLake-v1", desc=lake)).panels[0].cells == ("S.G", "H..")
    assert layout(toy_text("FrozenLake-v1", desc=lake)).panels[0].cells == ("S.G", "H..")
    assert layout(gymnasium.make("DynaMaze")) == layout("DynaMaze")
    assert layout("CartPole-v1") is layout("Blackjack-v1") is layout(gymnasium.make("CartPole-v1")) is None


@pytest.mark.parametrize("shape", [(8, 4), (9, 3), (9,)])
def test_a_table_of_another_environment_is_refused(shape):
    with pytest.raises(ValueError, match=r"at least 9 states and 4 actions \(up, right, down, left\)"):
        q_text(np.zeros(shape), GRID)
    with pytest.raises(ValueError, match="at least 9 states"):
        best_action_text(np.zeros(shape), GRID)
