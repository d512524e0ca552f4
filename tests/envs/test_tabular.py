"""Tables as environments: the outcomes they state are those that happen, and bad tables are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs import base
from operant.envs.tabular import Tabular
from operant.spaces import Discrete

# Two states: from 0, action 0 stays with 0.7 (reward 1) or goes to 1; from 1, action 1 ends the episode in 0.
SUCCESSORS = [[[0, 1], [1, 1]], [[1, 0], [0, 0]]]
PROBABILITIES = [[[0.7, 0.3], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]]
REWARDS = [[[1.0, 2.0], [3.0, -1e9]], [[4.0, -1e9], [5.0, -1e9]]]
TERMINATED = [[[False, False], [False, False]], [[False, False], [True, True]]]
TABLE = (SUCCESSORS, PROBABILITIES, REWARDS, TERMINATED)
MODEL = {
    0: {0: [(0.7, 0, 1.0, False), (0.3, 1, 2.0, False)], 1: [(1.0, 1, 3.0, False)]},
    1: {0: [(1.0, 1, 4.0, False)], 1: [(1.0, 0, 5.0, True)]},
}
DENSE = ([[[0.7, 0.3], [0, 1]], [[0, 1], [1, 0]]], [[[1, 2], [0, 3]], [[0, 4], [5, 0]]])


def outcomes(table, state, action, n=20_000):
    """How often each `(next state, reward, terminated)` follows a pair."""
    noise = base.sample_noise(table, jax.random.key(3), n)
    next_state, reward, terminated = jax.vmap(table.step, in_axes=(None, None, 0))(state, action, noise)
    rows, counts = np.unique(
        np.stack([next_state, reward, terminated], axis=1).astype(float), axis=0, return_counts=True
    )
    return {tuple(row): count / n for row, count in zip(rows.tolist(), counts, strict=True)}


@pytest.mark.parametrize("table", [Tabular(*TABLE), Tabular.from_model(MODEL)], ids=["lists", "model"])
def test_tabular_outcomes_happen_with_their_probabilities(table):
    assert (table.observation_space, table.action_space) == (Discrete(2), Discrete(2))
    assert table.spec.masked is False
    seen = outcomes(table, 0, 0)
    assert set(seen) == {(0, 1, 0), (1, 2, 0)}
    assert seen[0, 1, 0] == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / 20_000))
    assert outcomes(table, 0, 1) == {(1, 3, 0): 1}
    assert outcomes(table, 1, 0) == {(1, 4, 0): 1}
    assert outcomes(table, 1, 1) == {(0, 5, 1): 1}


def test_tabular_dense_transitions_make_the_same_table():
    table = Tabular.dense(*DENSE, terminal=[False, True])
    assert set(outcomes(table, 0, 0)) == {(0, 1, 0), (1, 2, 1)}
    assert outcomes(table, 0, 0)[0, 1, 0] == pytest.approx(0.7, abs=0.02)
    assert outcomes(table, 0, 1) == {(1, 3, 1): 1}
    assert outcomes(table, 1, 1) == {(0, 5, 0): 1}
    assert table.successors.shape == (2, 2, 2)
    assert Tabular.dense(np.eye(3)[:, None], 1.0).successors.shape == (3, 1, 1)


def test_tabular_picks_the_outcome_by_the_cumulative_probabilities():
    """Outcomes of probability 0 never happen, wherever they stand, and no rounding leaves the list."""
    p = [0.0, 0.1, 0.0, 0.2, 0.3, 0.4 - 5e-5, 0.0]  # as float32 sums, a little short of 1
    table = Tabular([[range(7)]] * 7, [[p]] * 7, 0, False)
    pick = jax.vmap(lambda u: table.step(jnp.int32(0), jnp.int32(0), (u, 0))[0])
    edges = [0.0, 0.0999, 0.1001, 0.2999, 0.3001, 0.5999, 0.6001, 0.9999, 1 - 2**-24]
    assert pick(jnp.array(edges, jnp.float32)).tolist() == [1, 1, 3, 3, 4, 4, 5, 5, 5]


def test_tabular_starts_with_the_probabilities_of_start():
    n = 20_000

    def draw(table):
        return np.asarray(base.reset(table, base.sample_noise(table, jax.random.key(0), n))[1])

    assert set(draw(Tabular(*TABLE, 1))) == {1}
    assert set(draw(Tabular(*TABLE, [0.0, 1.0]))) == {1}
    assert draw(Tabular(*TABLE, [0.2, 0.8])).mean() == pytest.approx(0.8, abs=5 * 0.4 / np.sqrt(n))


def test_tabular_masks_impossible_actions_and_changes_nothing_without_a_row():
    transitions = [[[0.5, 0.5], [0, 0]], [[1.0, 0], [0, 1.0]]]
    table = Tabular.dense(transitions, -1.0, terminal=True, possible_actions=[[True, False], [False, True]])
    assert table.spec.masked
    assert jax.vmap(table.action_mask)(jnp.arange(2)).tolist() == [[True, False], [False, True]]
    assert outcomes(table, 0, 1) == {(0, 0, 0): 1}
    assert outcomes(table, 1, 0) == {(0, -1, 1): 1}
    assert outcomes(table, 1, 1) == {(1, -1, 1): 1}


def test_tabular_observations_may_be_shared_by_states():
    table = Tabular(*TABLE, observations=[2, 2])
    assert table.observation_space == Discrete(3)
    assert jax.vmap(table.observation)(jnp.arange(2)).tolist() == [2, 2]


def test_tabular_is_an_environment_like_any_other():
    """Time limit, reset on termination, mask of the state to act in."""
    table = Tabular(*TABLE, 1, max_episode_steps=2, possible_actions=[[True, False], [True, True]])
    noise = base.sample_noise(table, jax.random.key(0), 2)
    states, observation, _ = base.reset(table, noise)
    assert observation.tolist() == [1, 1]
    assert observation.dtype == jnp.int32
    states, first = base.step(table, states, jnp.array([1, 0]), noise)
    assert first.terminated.tolist() == [True, False]
    assert first.next_observation.tolist() == [0, 1]
    assert first.observation.tolist() == [1, 1]
    assert first.action_mask.tolist() == [[True, True], [True, True]]
    assert first.next_action_mask.tolist() == [[True, False], [True, True]]
    assert first.reward.dtype == jnp.float32
    _, second = base.step(table, states, jnp.array([0, 0]), noise)
    assert second.truncated.tolist() == [False, True]
    assert not second.terminated.any()


def test_tabular_of_one_shape_is_mapped_over():
    """The arrays are leaves: many tables in one program."""
    tables = [Tabular(*TABLE[:2], reward, False) for reward in (1.0, 2.0)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *tables)
    step = jax.vmap(lambda table: table.step(jnp.int32(0), jnp.int32(1), (0.5, 0)))
    assert step(stacked)[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (SUCCESSORS, [[[0.7, 0.3], [1, 0]], [[1, 0], [0.5, 0.4]]], 0, False),
            {},
            "state 1 and action 1 are",
        ),
        ((SUCCESSORS, [[[1.3, -0.3], [1, 0]], [[1, 0], [1, 0]]], 0, False), {}, "state 0 and action 0 are"),
        ((SUCCESSORS, [[[np.nan, 1], [1, 0]], [[1, 0], [1, 0]]], 0, False), {}, "state 0 and action 0 are"),
        (([[[0, 2], [1, 1]], [[1, 0], [0, 0]]], *TABLE[1:]), {}, r"successors\[0, 0, 1\] is 2"),
        ((SUCCESSORS, [[[1.0], [1.0]]] * 2, 0, False), {}, r"\(2, 2, 2\) and \(2, 2, 1\)"),
        ((*TABLE[:2], [1, 2, 3], False), {}, r"rewards has shape \(3,\); it must be \(2, 2, 2\)"),
        ((*TABLE, 2), {}, r"start\[0\] is 2"),
        ((*TABLE, [0.5, 0.4]), {}, "of the start states"),
        ((*TABLE, [1.0, 0, 0]), {}, r"each of 2; it is \(3,\)"),
        (TABLE, {"possible_actions": [[True, True], [False, False]]}, "State 1 has no possible action"),
        (TABLE, {"observations": [0, -1]}, r"observations\[1\] is -1"),
    ],
)
def test_tabular_refuses_bad_tables(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        Tabular(*arguments, **options)


def test_tabular_refuses_a_dense_table_that_is_not_square():
    with pytest.raises(ValueError, match=r"states × actions × states; they are \(2, 2, 3\)"):
        Tabular.dense(np.full((2, 2, 3), 1 / 3), 0)
