"""Markov chains against fundamental matrices worked out by hand, powers of the matrix, and walks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from operant.mdp import MarkovChain

# The example: s0 stays, goes on to s1 or ends in s3; s1 and s2 alternate until s1 ends in s3.
EXAMPLE = [[0.7, 0.2, 0.0, 0.1], [0.0, 0.0, 0.9, 0.1], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
# Gambler's ruin between 0 and 4, with a fair coin.
RUIN = [[1, 0, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0, 0.5, 0, 0.5, 0], [0, 0, 0.5, 0, 0.5], [0, 0, 0, 0, 1]]


@pytest.fixture(params=[np.asarray, sparse.csr_array, list], ids=["dense", "sparse", "lists"])
def chain_of(request):
    return lambda transitions: MarkovChain(request.param(transitions))


def random_chain(states, seed, absorbing=0):
    transitions = np.random.default_rng(seed).dirichlet(np.ones(states), size=states)
    transitions[:absorbing] = np.eye(states)[:absorbing]
    return transitions


def test_markov_chain_absorption_is_its_fundamental_matrix(chain_of):
    # I − Q = [[.3, −.2, 0], [0, 1, −.9], [0, −1, 1]]; its inverse, worked out by hand:
    fundamental = np.array([[10 / 3, 20 / 3, 6], [0, 10, 9], [0, 10, 10]])
    chain = chain_of(EXAMPLE)
    assert chain.absorbing_states.tolist() == [3]
    np.testing.assert_allclose(chain.absorption_times(), [*fundamental.sum(axis=1), 0])  # 16, 19, 20
    into = fundamental @ [[0.1], [0.1], [0.0]]
    np.testing.assert_allclose(chain.absorption_probabilities(), [*into, [1.0]])
    assert repr(chain) == "MarkovChain: 4 states, absorbing: 3"


def test_markov_chain_of_the_gamblers_ruin_has_its_probabilities(chain_of):
    chain = chain_of(RUIN)
    probabilities = [[1, 0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(chain.absorption_probabilities(), probabilities)
    np.testing.assert_allclose(chain.absorption_times(), [0, 3, 4, 3, 0])


def test_markov_chain_absorption_is_what_many_steps_lead_to():
    for seed in range(5):
        transitions = random_chain(8, seed, absorbing=3)
        chain = MarkovChain(transitions)
        np.testing.assert_allclose(
            chain.absorption_probabilities(), np.linalg.matrix_power(transitions, 2_000)[:, :3], atol=1e-9
        )
        # E[T] = Σ P(T > n)
        power, times = np.eye(8), np.zeros(8)
        for _ in range(2_000):
            times += 1 - power[:, :3].sum(axis=1)
            power = power @ transitions
        np.testing.assert_allclose(chain.absorption_times(), times, atol=1e-8)


def test_markov_chain_walk_that_may_never_end_takes_infinitely_long():
    # From 0: to the end, or into the cycle 2 ↔ 3. State 4 surely ends.
    chain = MarkovChain(
        [
            [0, 0.25, 0.75, 0, 0],
            [0, 1, 0, 0, 0],
            [0, 0, 0, 1, 0],
            [0, 0, 1, 0, 0],
            [0, 0.5, 0, 0, 0.5],
        ]
    )
    np.testing.assert_allclose(chain.absorption_probabilities()[:, 0], [0.25, 1, 0, 0, 1])
    np.testing.assert_allclose(chain.absorption_times(), [np.inf, 0, np.inf, np.inf, 2])


def test_markov_chain_may_only_absorb():
    chain = MarkovChain(np.eye(3))
    np.testing.assert_array_equal(chain.absorption_probabilities(), np.eye(3))
    assert chain.absorption_times().tolist() == [0, 0, 0]


def test_markov_chain_distribution_after_n_steps_is_a_row_of_the_power(chain_of):
    transitions, start = random_chain(6, 0), np.arange(6) / 15
    chain = chain_of(transitions)
    for steps in (0, 1, 7):
        power = np.linalg.matrix_power(transitions, steps)
        np.testing.assert_allclose(chain.distribution(steps), power[0], atol=1e-12)
        np.testing.assert_allclose(chain.distribution(steps, start=4), power[4], atol=1e-12)
        np.testing.assert_allclose(chain.distribution(steps, start=start), start @ power, atol=1e-12)


def test_markov_chain_walks_have_the_frequencies_of_the_distribution(chain_of):
    chain = chain_of(EXAMPLE)
    walks = chain.simulate(12, walks=20_000, seed=0)
    assert walks.shape == (20_000, 13)
    for steps in (0, 1, 2, 5, 12):
        frequencies = np.bincount(walks[:, steps], minlength=4) / 20_000
        np.testing.assert_allclose(frequencies, chain.distribution(steps), atol=0.015)
    ended = walks == 3
    assert (ended[:, 1:] >= ended[:, :-1]).all()
    # Consecutive states of one walk are steps of the chain, not draws of their own.
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (walks[:, :-1], walks[:, 1:]), 1)
    np.testing.assert_allclose(pairs / pairs.sum(axis=1, keepdims=True), EXAMPLE, atol=0.02)


def test_markov_chain_walks_repeat_with_their_seed_and_begin_where_they_should():
    chain = MarkovChain(EXAMPLE)
    walk = chain.simulate(30, seed=3)
    assert walk.shape == (31,)
    assert walk[0] == 0
    np.testing.assert_array_equal(walk, chain.simulate(30, seed=3))
    assert (walk != chain.simulate(30, seed=4)).any()
    assert (chain.simulate(2, start=2, walks=9, seed=0)[:, :2] == [2, 1]).all()
    starts = chain.simulate(0, start=[0.5, 0, 0.5, 0], walks=4_000, seed=0)
    assert starts.shape == (4_000, 1)
    assert (starts == 2).mean() == pytest.approx(0.5, abs=0.03)
    generator = np.random.default_rng(0)
    assert (chain.simulate(9, walks=5, seed=generator) != chain.simulate(9, walks=5, seed=generator)).any()


def test_markov_chain_stationary_distributions_are_left_as_they_are_by_a_step(chain_of):
    np.testing.assert_allclose(chain_of([[0.9, 0.1], [0.5, 0.5]]).stationary_distribution(), [5 / 6, 1 / 6])
    np.testing.assert_allclose(chain_of([[0, 1], [1, 0]]).stationary_distribution(), [0.5, 0.5])  # periodic
    np.testing.assert_allclose(chain_of(EXAMPLE).stationary_distribution(), [0, 0, 0, 1], atol=1e-12)
    transitions = random_chain(20, 1)
    stationary = chain_of(transitions).stationary_distribution()
    np.testing.assert_allclose(stationary, np.linalg.matrix_power(transitions, 200)[7], atol=1e-10)


def test_markov_chain_refuses_questions_without_an_answer():
    chain = MarkovChain([[0.5, 0.5], [0.5, 0.5]])
    assert repr(chain) == "MarkovChain: 2 states, absorbing: none"
    with pytest.raises(
        ValueError, match="Absorption probabilities need an absorbing state, and this chain has none"
    ):
        chain.absorption_probabilities()
    with pytest.raises(ValueError, match="Absorption times need an absorbing state"):
        chain.absorption_times()
    with pytest.raises(ValueError, match=r"2 parts that are never left \(around the states \[0, 4\]\)"):
        MarkovChain(RUIN).stationary_distribution()
    for ask in (chain.simulate, chain.distribution):
        with pytest.raises(ValueError, match="steps=-1 must not be negative"):
            ask(-1)
        with pytest.raises(ValueError, match="State 2 does not exist; states are 0 to 1"):
            ask(1, start=2)
        with pytest.raises(ValueError, match=r"The start's probabilities sum to 0\.7"):
            ask(1, start=[0.5, 0.2])


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        ([[0.5, 0.5], [0.4, 0.5]], "The probabilities of state 1 sum to 0.9; they must sum to 1"),
        ([[0.5, 0.5], [0.0, 0.0]], "The probabilities of state 1 sum to 0;"),
        ([[1.5, -0.5], [0, 1]], "The probability that state 0 leads to state 1 is -0.5"),
        ([[0.5, 0.5]], "must be states × states; they are 1 × 2"),
        ([1.0], "must be states × states; they are 1"),
        ([[1.0, 0.0], None], "hold something that is not a number, or rows of different lengths"),
    ],
)
def test_markov_chain_refuses_what_is_no_chain(transitions, message):
    with pytest.raises(ValueError, match=message):
        MarkovChain(transitions)
