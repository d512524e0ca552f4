"""Each method of policy search by itself: on quadratics whose optimum is known, and one step against a slow loop."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.search.ars import ARS, Parameters
from operant.algorithms.search.cem import CEM, Normal
from operant.algorithms.search.evolution_strategies import EvolutionStrategies, centered_ranks
from operant.algorithms.search.genetic import GeneticAlgorithm
from operant.algorithms.search.grid_search import GridSearch
from operant.algorithms.search.random_search import RandomSearch
from operant.ops.schedules import Linear
from operant.types import Clock
from tests.shared import clock

RNG = np.random.default_rng(0)
OPTIMUM = np.array([0.6, -0.3, 0.1])
STEEPNESS = np.array([1.0, 4.0, 0.5])


NOW = clock()


def quadratic(candidates):
    """Its highest value, 0, is at OPTIMUM."""
    offset = candidates - jnp.asarray(OPTIMUM, candidates.dtype)[None]
    return -jnp.sum(jnp.asarray(STEEPNESS, candidates.dtype)[None] * offset**2, axis=1)


@partial(jax.jit, static_argnames="generations")
def climb(method, generations, begin):
    """`(last state, best parameters [G, D] and candidates [G, P, D] of every generation)`."""

    def generation(state, i):
        moment = Clock(i, jnp.asarray(generations, jnp.int32))
        candidates = method.ask(state, jax.random.fold_in(jax.random.key(3), i), moment)
        state, _ = method.tell(state, candidates, quadratic(candidates), moment)
        return state, (method.best(state), candidates)

    return jax.lax.scan(generation, method.begin(begin), jnp.arange(generations))


FAR = jnp.asarray([-2.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("method", "generations", "near"),
    [
        (CEM(population_size=50, elite_fraction=0.2, extra_std=Linear(0.5, 0.0, 0.5)), 60, 3e-3),
        (EvolutionStrategies(population_size=50, learning_rate=Linear(0.2, 0.0)), 300, 0.02),
        (ARS(n_delta=16, learning_rate=Linear(0.2, 0.0), zero_policy=False), 300, 0.02),
        (ARS(n_delta=16, n_top=4, learning_rate=Linear(0.1, 0.0), zero_policy=False), 300, 0.02),
        (GeneticAlgorithm(mutation_std=Linear(0.5, 0.01)), 60, 0.03),
        (GeneticAlgorithm(mutation_std=Linear(0.5, 0.01), elitism=False, crossover=0.5), 60, 0.05),
        (RandomSearch(low=-1.0, high=1.0), 200, 0.1),
    ],
    ids=["CEM", "ES", "ARS", "ARS, the best directions", "genetic", "genetic, without elite", "random"],
)
def test_policy_search_finds_the_optimum_of_a_quadratic(method, generations, near):
    _, (best, _) = climb(method, generations, FAR)
    np.testing.assert_allclose(best[-1], OPTIMUM, atol=near)


# Cross-entropy method


def test_cem_fits_the_elite():
    method = CEM(population_size=7, elite_fraction=0.4)
    candidates, fitness = RNG.normal(size=(7, 3)), RNG.permutation(np.arange(7.0))
    state, metrics = method.tell(None, jnp.asarray(candidates), jnp.asarray(fitness), NOW)
    elite = [candidates[i] for i in range(7) if fitness[i] >= sorted(fitness)[-3]]
    assert len(elite) == method.elites == 3
    for d in range(3):
        values = [one[d] for one in elite]
        mean = sum(values) / 3
        variance = sum((value - mean) ** 2 for value in values) / 3
        np.testing.assert_allclose(state.mean[d], mean, rtol=1e-5)
        np.testing.assert_allclose(state.std[d], variance**0.5, rtol=1e-5)
    np.testing.assert_allclose(metrics["train/std"], np.mean(state.std), rtol=1e-6)


def test_cem_draws_from_its_normal_and_the_extra_noise():
    """Variances add: 0.3² + 0.4² = 0.5²; and the schedule is that of the moment."""
    method = CEM(population_size=20_000, extra_std=Linear(0.8, 0.0))
    state = Normal(jnp.asarray([1.0, -1.0]), jnp.asarray([0.3, 0.0]))
    drawn = method.ask(state, jax.random.key(0), clock(50))
    np.testing.assert_allclose(np.mean(drawn, 0), [1.0, -1.0], atol=0.02)
    np.testing.assert_allclose(np.std(drawn, 0), [0.5, 0.4], atol=0.01)
    assert abs(np.corrcoef(np.asarray(drawn).T)[0, 1]) < 0.03


# Evolution strategies


def test_centered_ranks_are_shared_by_equal_returns():
    ranks = centered_ranks(jnp.asarray([3.0, -10.0, 2.0, 2.0, 1e6]))
    np.testing.assert_allclose(ranks, [0.25, -0.5, -0.125, -0.125, 0.5])
    np.testing.assert_array_equal(centered_ranks(jnp.full(4, 7.0)), np.zeros(4))


def test_evolution_strategies_estimate_the_gradient_of_the_smoothed_objective():
    """E[f(θ + σε)] = f(θ) − σ² Σa, so that its gradient is −2a(θ − x*) whatever σ."""
    method = EvolutionStrategies(population_size=40_000, noise_std=0.5, rank_shaping=False)
    state = method.begin(FAR)
    candidates = method.ask(state, jax.random.key(0), NOW)
    estimate = method.gradient(state, candidates, quadratic(candidates), NOW)
    exact = -2 * STEEPNESS * (np.asarray(FAR) - OPTIMUM)
    np.testing.assert_allclose(estimate, exact, atol=0.02 * np.linalg.norm(exact))


@pytest.mark.parametrize("shaped", [True, False])
def test_evolution_strategies_step_as_a_loop_over_candidates_with_adam_does(shaped):
    method = EvolutionStrategies(
        population_size=6, noise_std=0.1, learning_rate=Linear(0.1, 0.0), rank_shaping=shaped
    )
    state = method.begin(FAR)
    theta, first, second = np.asarray(FAR, np.float64), np.zeros(3), np.zeros(3)
    for t in (1, 2, 3):
        moment = clock(10 * t)
        candidates = method.ask(state, jax.random.key(t), moment)
        noise = (np.asarray(candidates, np.float64) - theta) / 0.1
        np.testing.assert_allclose(noise[:3], -noise[3:], atol=1e-4)  # antithetic
        returns = RNG.permutation(np.arange(6.0))
        gradient = np.zeros(3)
        for i in range(6):
            weight = sum(returns < returns[i]) / 5 - 0.5 if shaped else returns[i]
            gradient += weight * noise[i] / (6 * 0.1)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 0.1 * (1 - 10 * t / 100)
        theta = theta + rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        state, metrics = method.tell(state, candidates, jnp.asarray(returns, jnp.float32), moment)
        np.testing.assert_allclose(state.theta, theta, rtol=1e-4)
        np.testing.assert_allclose(metrics["train/grad_norm"], np.linalg.norm(gradient), rtol=1e-3)


# Augmented random search


@pytest.mark.parametrize("n_top", [None, 2])
def test_ars_steps_as_the_papers_loop_does(n_top):
    method = ARS(n_delta=4, n_top=n_top, learning_rate=0.3, delta_std=Linear(0.2, 0.1))
    state = Parameters(FAR)
    theta = np.asarray(FAR, np.float64)
    for t in range(2):
        moment = clock(50 * t)
        candidates = np.asarray(method.ask(state, jax.random.key(t), moment), np.float64)
        deviation = 0.2 - 0.05 * t
        deltas = [(candidates[k] - theta) / deviation for k in range(4)]
        for k in range(4):
            np.testing.assert_allclose(candidates[4 + k], theta - deviation * deltas[k], atol=1e-5)
        # The best of a pair, and not its worst, decides which directions count: the first two.
        returns = np.array([5.0, -4.0, 0.6, 0.5, -5.0, 4.0, 0.4, 0.3]) + 0.1 * RNG.normal(size=8)
        pairs = [(returns[k], returns[4 + k]) for k in range(4)]
        order = sorted(range(4), key=lambda k: max(pairs[k]), reverse=True)[: n_top or 4]
        sigma = np.std([r for k in order for r in pairs[k]])
        step = sum((pairs[k][0] - pairs[k][1]) * deltas[k] for k in order)
        theta = theta + 0.3 / (len(order) * sigma) * step
        state, metrics = method.tell(state, jnp.asarray(candidates), jnp.asarray(returns), moment)
        np.testing.assert_allclose(state.theta, theta, rtol=1e-4)
        np.testing.assert_allclose(metrics["rollout/return_std"], sigma, rtol=1e-5)


def test_ars_stays_where_all_returns_are_the_same():
    method = ARS(n_delta=4)
    state = method.begin(FAR)
    np.testing.assert_array_equal(state.theta, np.zeros(3))  # zero_policy
    candidates = method.ask(state, jax.random.key(0), NOW)
    after, _ = method.tell(state, candidates, jnp.full(8, 500.0), NOW)
    np.testing.assert_array_equal(after.theta, state.theta)


# Genetic algorithm


def told(method, fitness):
    """`(survivors' state, first generation)` of random parents that did so."""
    first = method.ask(method.begin(jnp.zeros(3)), jax.random.key(0), NOW)
    return method.tell(method.begin(jnp.zeros(3)), first, jnp.asarray(fitness), NOW)[0], np.asarray(first)


def test_genetic_algorithm_begins_with_chance_around_the_first_policy():
    method = GeneticAlgorithm(population_size=10_000, n_survivors=20, initial_std=0.5)
    first = method.ask(method.begin(FAR), jax.random.key(0), NOW)
    np.testing.assert_allclose(np.mean(first, 0), FAR, atol=0.03)
    np.testing.assert_allclose(np.std(first, 0), [0.5] * 3, atol=0.02)


def test_genetic_algorithm_lets_the_best_survive_and_have_four_offspring_each():
    method = GeneticAlgorithm(mutation_std=0.01)
    fitness = RNG.permutation(np.arange(100.0))
    state, first = told(method, fitness)
    ranked = [first[i] for i in sorted(range(100), key=lambda i: -fitness[i])]
    np.testing.assert_array_equal(state.parameters, ranked[:20])
    np.testing.assert_array_equal(method.best(state), ranked[0])
    second = np.asarray(method.ask(state, jax.random.key(1), NOW))
    np.testing.assert_array_equal(second[:20], ranked[:20])  # they live on
    distance = np.linalg.norm(second[20:, None] - np.array(ranked[:20])[None], axis=-1)
    assert (np.bincount(distance.argmin(axis=1), minlength=20) == 4).all()
    noise = second[20:] - np.array(ranked)[distance.argmin(axis=1)]
    np.testing.assert_allclose(noise.std(), 0.01, rtol=0.15)


def test_genetic_algorithm_without_elitism_has_only_offspring():
    method = GeneticAlgorithm(population_size=10, n_survivors=2, mutation_std=0.0, elitism=False)
    state, _ = told(method, np.arange(10.0))
    second = method.ask(state, jax.random.key(1), NOW)
    np.testing.assert_array_equal(second, np.tile(state.parameters, (5, 1)))
    mutated = GeneticAlgorithm(population_size=10, n_survivors=2, elitism=False)
    assert not np.isin(mutated.ask(state, jax.random.key(1), NOW), state.parameters).any()


@pytest.mark.parametrize(("crossover", "share"), [(0.0, 0.0), (0.5, 0.25), (1.0, 0.5)])
def test_genetic_algorithm_takes_half_of_the_parameters_from_a_second_parent(crossover, share):
    method = GeneticAlgorithm(
        population_size=4_000, n_survivors=4, mutation_std=0.0, crossover=crossover, elitism=False
    )
    state, _ = told(method, np.arange(4_000.0))
    second, parents = np.asarray(method.ask(state, jax.random.key(1), NOW)), np.asarray(state.parameters)
    assert all(np.isin(second[:, d], parents[:, d]).all() for d in range(3))
    other = second != parents[np.arange(4_000) % 4]
    # A quarter of second parents are the first itself.
    np.testing.assert_allclose(other.mean(), share * 3 / 4, atol=0.02)
    if crossover == 0.5:  # an offspring without a second parent is all of one
        np.testing.assert_allclose(other.any(axis=1).mean(), 0.5 * 3 / 4 * (1 - 0.5**3), atol=0.03)


# Random and grid search


def test_random_search_keeps_the_best_it_ever_saw():
    method = RandomSearch(population_size=5, low=-2.0, high=3.0)
    state, (best, candidates) = climb(method, 30, FAR)
    tried = np.asarray(candidates).reshape(30, 5, 3)
    assert -2 <= tried.min() < -1.9
    assert 2.9 < tried.max() <= 3
    fitness = np.asarray(jax.vmap(quadratic)(candidates))
    for g in range(30):
        where = np.unravel_index(fitness[: g + 1].argmax(), (g + 1, 5))
        np.testing.assert_array_equal(best[g], tried[where])
    assert state.fitness == fitness.max()


def test_grid_search_tries_every_point_in_order_and_then_again():
    method = GridSearch(population_size=10, resolution=3, low=-1.0, high=2.0)
    state, (best, candidates) = climb(method, 6, jnp.zeros(3))
    values = [-1.0, 0.5, 2.0]
    points = [(a, b, c) for a in values for b in values for c in values]
    np.testing.assert_allclose(np.reshape(candidates, (60, 3)), (points * 3)[:60])
    np.testing.assert_array_equal(state.count, [3] * 6 + [2] * 21)
    exact = -np.sum(STEEPNESS * (np.array(points) - OPTIMUM) ** 2, axis=1)
    np.testing.assert_allclose(method.means(state), exact, rtol=1e-5)
    np.testing.assert_allclose(best[-1], points[exact.argmax()])


def test_grid_search_trusts_the_mean_of_a_points_trials():
    method = GridSearch(population_size=3, resolution=3)
    state = method.begin(jnp.zeros(1))
    for fitness in ([1.0, 5.0, 4.0], [1.0, 0.0, 4.0]):
        state, metrics = method.tell(state, None, jnp.asarray(fitness), NOW)
    np.testing.assert_allclose(method.best(state), [1.0])
    assert metrics["train/fitness_best"] == 4.0
    assert metrics["train/grid_tried"] == 1.0


# What is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CEM(population_size=10), "gives an elite of 1, which has no deviation"),
        (lambda: CEM(elite_fraction=1.5), "elite_fraction=1.5: must be between 0 and 1"),
        (lambda: EvolutionStrategies(population_size=5), "population_size=5: must be an even number"),
        (lambda: ARS(n_delta=4, n_top=5), "n_top=5: must be from 1 to n_delta=4, or None"),
        (lambda: ARS(n_delta=0), "n_delta=0: must be at least 1"),
        (lambda: GeneticAlgorithm(n_survivors=100), "n_survivors=100: must be from 1 to population_size=100"),
        (lambda: GeneticAlgorithm(crossover=2.0), r"crossover=2.0: must be a number in \[0, 1\]"),
        (lambda: RandomSearch(low=2.0), "low=2.0: must be less than high=1.0"),
        (lambda: GridSearch(resolution=1), "resolution=1: must be at least 2"),
        (lambda: CEM(n_eval_episodes=0), "n_eval_episodes=0: must be at least 1"),
        (lambda: CEM(policy="fixed"), "policy='fixed': must be one of network, constant"),
        (lambda: CEM(network={"dropout": 0.5}), "network.dropout=0.5: must be 0"),
    ],
)
def test_policy_search_refuses_wrong_hyperparameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
