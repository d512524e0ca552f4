"""Models: the forms they are given in, sampling, the environment made of one, and every error."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from scipy import sparse

from operant.envs import base
from operant.mdp import MDP, policy_iteration, value_iteration

# Forms


def test_mdp_imports_nothing_deep():
    code = (
        "import sys; from operant.mdp import MDP, value_iteration; value_iteration(MDP([[[1.0]]], [[1.0]]), 0.5); "
        "print([name for name in ('jax', 'equinox', 'optax', 'gymnasium', 'matplotlib', 'operant.engine') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def dense_example():
    """The example as arrays, with rubbish where actions are impossible."""
    transitions, rewards = np.full((3, 3, 3), 7.0), np.full((3, 3, 3), np.nan)
    for state, actions in enumerate(oracles.POSSIBLE):
        for action in actions:
            transitions[state, action] = oracles.TRANSITIONS[state][action]
            rewards[state, action] = oracles.REWARDS[state][action]
    return transitions, rewards


def forms():
    transitions, rewards = dense_example()
    possible = np.zeros((3, 3), bool)
    for state, actions in enumerate(oracles.POSSIBLE):
        possible[state, actions] = True
    expected = np.where(possible, np.einsum("saz,saz->sa", transitions, rewards), 0)
    sparse_transitions = sparse.csr_array(transitions.reshape(9, 3))
    columns = np.array(
        [
            (s, a, z, oracles.TRANSITIONS[s][a][z], oracles.REWARDS[s][a][z])
            for s, actions in enumerate(oracles.POSSIBLE)
            for a in actions
            for z in range(3)
        ]
    )[::-1].T
    return {
        "lists without possible actions": MDP(oracles.TRANSITIONS, oracles.REWARDS),
        "dense": MDP(transitions, rewards, possible),
        "float32 of JAX": MDP(jnp.asarray(transitions, jnp.float32), jnp.asarray(rewards), possible),
        "booleans in lists": MDP(transitions, rewards, possible.tolist()),
        "expected rewards": MDP(transitions, expected, oracles.POSSIBLE),
        "sparse": MDP(sparse_transitions, rewards, oracles.POSSIBLE),
        "sparse rewards": MDP(
            sparse_transitions, sparse.coo_array(np.nan_to_num(rewards).reshape(9, 3)), oracles.POSSIBLE
        ),
        "columns": MDP.from_transitions(*columns[:3].astype(int), *columns[3:]),
    }


@pytest.mark.parametrize("form", list(forms()))
def test_mdp_of_every_form_is_the_same_model(form):
    mdp, expected = forms()[form], oracles.example()
    np.testing.assert_array_equal(mdp.possible_actions, expected.possible_actions)
    np.testing.assert_allclose(mdp.transitions.toarray(), expected.transitions.toarray(), atol=1e-7)
    np.testing.assert_allclose(mdp.expected_rewards, expected.expected_rewards, atol=1e-6)
    assert policy_iteration(mdp, 0.95).policy.tolist() == [0, 2, 1]


def test_mdp_possible_actions_narrow_what_is_given():
    mdp = MDP(oracles.TRANSITIONS, oracles.REWARDS, [[1], [0], []])
    assert mdp.possible_actions.tolist() == [[False, True, False], [True, False, False], [False] * 3]
    assert mdp.terminal.tolist() == [False, False, True]
    assert repr(mdp) == "MDP: 3 states × 3 actions, 2 of 9 pairs possible, 1 terminal, 2 outcomes"


def test_mdp_may_name_a_next_state_twice_and_rows_sum_to_exactly_1():
    mdp = MDP.from_transitions([0, 0, 0], [0, 0, 0], [0, 0, 0], np.float32([0.1, 0.2, 0.7]), [1.0, 2.0, 3.0])
    assert mdp.transitions.sum() == pytest.approx(1, abs=1e-15)
    assert mdp.expected_rewards[0, 0] == pytest.approx(0.1 + 0.4 + 2.1)
    rows = np.array([[0.5, 0.500004], [0.3, 0.699993]])  # each is divided by its own sum
    np.testing.assert_allclose(
        MDP(rows[:, None], np.zeros((2, 1))).transitions.toarray(),
        rows / rows.sum(1, keepdims=True),
        rtol=1e-12,
    )


def test_mdp_random_is_as_asked_for_and_repeats():
    mdp = MDP.random(50, 4, successors=3, impossible=0.5, terminal=5, seed=3)
    again = MDP.random(50, 4, successors=3, impossible=0.5, terminal=5, seed=3)
    assert (mdp.transitions != again.transitions).nnz == 0
    assert mdp.terminal.sum() == 5
    assert mdp.possible_actions[~mdp.terminal].any(axis=1).all()
    assert 0.4 < mdp.possible_actions[~mdp.terminal].mean() < 0.85
    assert set(mdp.outcomes.successor.tolist()) == set(range(50))
    counts = np.diff(mdp.outcomes.pointer)
    assert set(counts.tolist()) == {0, 3}
    for row in np.flatnonzero(counts):
        at = slice(mdp.outcomes.pointer[row], mdp.outcomes.pointer[row + 1])
        assert len(set(mdp.outcomes.successor[at].tolist())) == 3
    assert MDP.random(5, 2, seed=0).transitions.nnz == 50


# Sampling


def test_mdp_sample_follows_the_probabilities():
    mdp = oracles.example()
    for state, action in ((0, 0), (0, 2), (2, 1)):
        successor, reward, terminated = mdp.sample(np.full(20_000, state), action, seed=1)
        frequencies = np.bincount(successor, minlength=3) / 20_000
        np.testing.assert_allclose(frequencies, oracles.TRANSITIONS[state][action], atol=0.015)
        np.testing.assert_array_equal(reward, np.array(oracles.REWARDS[state][action])[successor])
        assert not terminated.any()


def test_mdp_sample_repeats_with_its_seed_and_says_when_the_episode_ends():
    mdp = MDP([[[0.5, 0.5], [1.0, 0.0]], [None, None]], [[[1, 2], [3, 0]], [None, None]])
    assert mdp.sample(0, 1) == (0, 3, False)
    assert mdp.sample(0, 0, seed=5) == mdp.sample(0, 0, seed=5)
    successor, _, terminated = mdp.sample([0] * 50, [0] * 50, seed=0)
    np.testing.assert_array_equal(terminated, successor == 1)
    generator = np.random.default_rng(0)
    assert len({int(mdp.sample(0, 0, generator)[0]) for _ in range(50)}) == 2


# The environment


def models_of_the_environment():
    yield oracles.example(), 0
    yield MDP.random(9, 3, successors=2, impossible=0.4, terminal=2, seed=4), 1
    yield MDP.from_gymnasium("FrozenLake-v1"), None


def test_mdp_to_environment_is_the_model():
    for mdp, start in models_of_the_environment():
        environment = mdp.to_environment(start, max_episode_steps=77, id="example")
        assert (environment.id, environment.max_episode_steps) == ("example", 77)
        noise = jax.vmap(environment.sample_noise)(jax.random.split(jax.random.key(0), 4_000))
        step = jax.jit(jax.vmap(environment.step, in_axes=(None, None, 0)))
        for state, action in np.argwhere(mdp.possible_actions)[::5]:
            successor, reward, terminated = map(np.asarray, step(state, action, noise))
            table, row = mdp.outcomes, action * mdp.num_states + state
            at = slice(table.pointer[row], table.pointer[row + 1])
            ends = table.terminated[at] | mdp.terminal[table.successor[at]]
            expected = {}
            for outcome in zip(
                table.successor[at], np.float32(table.reward[at]), ends, table.probability[at], strict=True
            ):
                expected[outcome[:3]] = expected.get(outcome[:3], 0) + outcome[3]
            outcomes, counts = np.unique(
                np.stack([successor, reward, terminated], axis=1), axis=0, return_counts=True
            )
            for outcome, count in zip(outcomes, counts, strict=True):
                assert count / 4_000 == pytest.approx(expected[tuple(outcome.tolist())], abs=0.04)
        possible = np.array(
            [environment.action_mask(state) for state in range(mdp.num_states)]
            if environment.spec.masked
            else mdp.possible_actions
        )
        np.testing.assert_array_equal(possible[~mdp.terminal], mdp.possible_actions[~mdp.terminal])


def test_mdp_to_environment_begins_episodes_where_it_should():
    mdp = oracles.example()

    def starts(environment):
        noise = base.sample_noise(environment, jax.random.key(0), 2_000)
        return np.bincount(base.reset(environment, noise)[1], minlength=3) / 2_000

    assert starts(mdp.to_environment()).tolist() == [1, 0, 0]
    assert starts(mdp.to_environment(2)).tolist() == [0, 0, 1]
    np.testing.assert_allclose(starts(mdp.to_environment([0.2, 0.5, 0.3])), [0.2, 0.5, 0.3], atol=0.05)
    cliff = MDP.from_gymnasium(gymnasium.make("CliffWalking-v1")).to_environment()
    assert int(cliff.reset(cliff.sample_noise(jax.random.key(0)))) == 36


# Errors

HALF = [[0.5, 0.5], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[[0.5, 0.4]], [[0.0, 1.0]]], [[0], [0]]), "action 0 in state 0 sum to 0.9; they must sum to 1"),
        (([HALF, [[0.0, 1.0], [0.0, 0.0]]], np.zeros((2, 2))), "action 1 in state 1 sum to 0; they"),
        (([HALF, [[-0.5, 1.5], [1, 0]]], np.zeros((2, 2))), "action 0 in state 1 leads to state 0 is -0.5"),
        (([HALF, [[np.nan, 1], [1, 0]]], np.zeros((2, 2))), "action 0 in state 1 leads to state 0 is nan"),
        (([HALF, HALF], [[0, np.inf], [0, 0]]), "reward of action 1 in state 0 leading to state 0 is inf"),
        (([HALF, HALF], [[0, None], [0, 0]]), "rewards of action 1 in state 0 are None, but it is possible"),
        (([HALF], [[0, 0]]), "must be states × actions × states; they are 1 × 2 × 2"),
        ((HALF, [0, 0]), "must be states × actions × states; they are 2 × 2"),
        ((0.5, [0, 0]), "must be states × actions × states; they are a number"),
        (([HALF, [[1.0, 0.0]]], np.zeros((2, 2))), "transition_probabilities: its lists differ in length"),
        (([HALF, [[1.0], [1.0, 0.0]]], np.zeros((2, 2))), "transition_probabilities: its lists differ"),
        (([[None]], [[0]]), "every action of every state is None"),
        (([HALF, HALF], np.zeros((2, 3))), r"Rewards have shape \(2, 3\); .* \(2, 2, 2\), or .* \(2, 2\)"),
        (([HALF, HALF], sparse.eye_array(3)), "Sparse rewards must be .* 4 × 2; they are 3 × 3"),
        ((sparse.eye_array(3, 2), [[0]]), "must be .states · actions. × states; they are 3 × 2"),
        (([HALF, HALF], np.zeros((2, 2)), [[0]]), "possible_actions has 1 states; there are 2"),
        (([HALF, HALF], np.zeros((2, 2)), [[0], [2]]), "of state 1 names action 2; actions are 0 to 1"),
        (([HALF, HALF], np.zeros((2, 2)), np.ones((2, 3), bool)), r"shape \(2, 3\); it must be \(2, 2\)"),
        (([HALF, [None, [1, 0]]], np.zeros((2, 2)), [[0], [0]]), "action 0 is possible in state 1, but"),
    ],
)
def test_mdp_refuses_what_is_no_model(arguments, message):
    with pytest.raises(ValueError, match=message):
        MDP(*arguments)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (
            ([0, 1], [0, 0], [1, 2], 1.0, 0.0),
            {"num_states": 2},
            "next_state 2 does not exist; they are 0 to 1",
        ),
        (([0, -1], [0, 0], [1, 1], 1.0, 0.0), {}, "state -1 does not exist"),
        (([0, 1], [0, 4], [1, 1], 1.0, 0.0), {"num_actions": 4}, "action 4 does not exist; they are 0 to 3"),
        (([0.0], [0], [0], 1.0, 0.0), {}, "state must be a list of at least one integer; got float64"),
        (([], [], [], 1.0, 0.0), {}, "state must be a list of at least one integer"),
        (([0, 1], [0, 0], [1, 1], [1.0], 0.0), {}, "must be of the same length; their shapes are"),
        (([0, 1], [0, 0], [1, 1], 1.0, 0.0), {"start": 2}, "State 2 does not exist; states are 0 to 1"),
        (([0, 1], [0, 0], [1, 1], 1.0, 0.0), {"start": [0.5, 0.4]}, "sum to 0.9, .* must sum to 1"),
        (([0, 1], [0, 0], [1, 1], 1.0, 0.0), {"start": [1.0]}, r"got an array of shape \(1,\)"),
    ],
)
def test_mdp_from_transitions_refuses_columns_that_are_no_model(columns, options, message):
    with pytest.raises(ValueError, match=message):
        MDP.from_transitions(*columns, **options)


def test_mdp_sample_refuses_what_is_impossible():
    mdp = MDP(oracles.TRANSITIONS, oracles.REWARDS, [[0, 1, 2], [0, 2], []])
    with pytest.raises(ValueError, match=r"Action 1 is impossible in state 1 \(possible there: \[0, 2\]\)"):
        mdp.sample([0, 1], [1, 1])
    with pytest.raises(ValueError, match="the state is terminal"):
        mdp.sample(2, 1)
    with pytest.raises(ValueError, match="State 3 does not exist; they are 0 to 2"):
        mdp.sample(3, 1)
    with pytest.raises(ValueError, match="Action -1 does not exist; they are 0 to 2"):
        mdp.sample(0, [0, -1])


def test_mdp_from_gymnasium_refuses_environments_that_do_not_tell_their_model():
    with pytest.raises(ValueError, match="has no transition probabilities"):
        MDP.from_gymnasium("CartPole-v1")
    with pytest.raises(ValueError, match=r"Options \['is_slippery'\] need an environment"):
        MDP.from_gymnasium(gymnasium.make("FrozenLake-v1"), is_slippery=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"successors": 6}, "successors=6 must be from 1 to"),
        ({"terminal": 5}, "terminal=5 must be from 0 to"),
    ],
)
def test_mdp_random_refuses_models_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        MDP.random(5, 2, **options)


def test_mdp_of_100_000_states_fits_and_is_solved():
    mdp = MDP.random(100_000, 2, successors=2, seed=0)
    assert mdp.transitions.data.nbytes + mdp.transitions.indices.nbytes < 10 * 2**20
    solved, swept = policy_iteration(mdp, 0.9), value_iteration(mdp, 0.9)
    np.testing.assert_allclose(solved.values, swept.values, rtol=0, atol=2e-6)
