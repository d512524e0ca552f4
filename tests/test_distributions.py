"""Each distribution against sums over all actions, scipy, rlax, finite differences, counts of samples."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rlax
from scipy import integrate, stats

from operant import distributions
from operant.distributions import (
    Bernoulli,
    Categorical,
    DiagonalGaussian,
    MultiCategorical,
    StateDependentGaussian,
)
from operant.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

RNG = np.random.default_rng(0)
LOGITS = jnp.asarray(RNG.normal(size=(2, 5)), jnp.float32)
OTHER_LOGITS = jnp.asarray(RNG.normal(size=(2, 5)), jnp.float32)
FINITE = {  # each with every action it has
    "categorical": (lambda logits: Categorical(logits), np.arange(5)),
    "multi": (
        lambda logits: MultiCategorical(logits, (2, 3)),
        np.array(list(itertools.product(range(2), range(3)))),
    ),
    "bernoulli": (lambda logits: Bernoulli(logits), np.array(list(itertools.product((0, 1), repeat=5)))),
}


def table(distribution, actions):
    """The log-probability of every action, `[actions, 2]`."""
    repeated = [jnp.broadcast_to(jnp.asarray(action), (2, *np.shape(action))) for action in actions]
    return np.stack([np.asarray(distribution.log_prob(action), np.float64) for action in repeated])


@pytest.mark.parametrize("name", FINITE)
def test_categorical_multi_categorical_and_bernoulli_are_sums_over_all_actions(name):
    make, actions = FINITE[name]
    p, q = make(LOGITS), make(OTHER_LOGITS)
    log_p, log_q = table(p, actions), table(q, actions)
    np.testing.assert_allclose(np.exp(log_p).sum(0), 1, rtol=1e-5)
    np.testing.assert_allclose(p.entropy(), -(np.exp(log_p) * log_p).sum(0), rtol=1e-5)
    np.testing.assert_allclose(p.kl(q), (np.exp(log_p) * (log_p - log_q)).sum(0), rtol=1e-4)
    np.testing.assert_allclose(p.kl(p), 0, atol=1e-6)
    np.testing.assert_array_equal(p.mode(), actions[log_p.argmax(0)])


@pytest.mark.parametrize("name", FINITE)
def test_categorical_multi_categorical_and_bernoulli_sample_as_often_as_is_probable(name):
    make, actions = FINITE[name]
    space = {"categorical": Discrete(5), "multi": MultiDiscrete((2, 3)), "bernoulli": MultiBinary(5)}[name]
    n = 20_000
    noise = distributions.sample_noise(space, jax.random.key(1), (n,))
    samples = np.asarray(make(jnp.broadcast_to(LOGITS[0], (n, 5))).sample(noise))
    assert samples.shape == (n, *space.shape)
    assert samples.dtype == np.int32
    counts = [(samples == action).reshape(n, -1).all(-1).sum() for action in actions]
    expected = np.exp(table(make(LOGITS), actions)[:, 0])
    assert sum(counts) == n
    assert stats.chisquare(counts, n * expected / expected.sum()).pvalue > 1e-4


def test_diagonal_gaussian_has_the_density_of_its_normals():
    mean, log_std = np.array([0.3, -1.0]), np.array([-0.5, 0.4])
    p = DiagonalGaussian(jnp.asarray(mean, jnp.float32), jnp.asarray(log_std, jnp.float32), (2,))

    grid = np.linspace(-9, 9, 401)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).astype(np.float32)
    tiled = DiagonalGaussian(
        jnp.broadcast_to(p.mean, points.shape), jnp.broadcast_to(p.log_std, points.shape), (2,)
    )
    log_density = np.asarray(tiled.log_prob(points), np.float64)
    np.testing.assert_allclose(
        log_density, stats.norm(mean, np.exp(log_std)).logpdf(points).sum(-1), rtol=1e-4
    )
    density = np.exp(log_density)
    np.testing.assert_allclose(integrate.trapezoid(integrate.trapezoid(density, grid), grid), 1, rtol=1e-4)
    np.testing.assert_allclose(p.entropy(), stats.norm(mean, np.exp(log_std)).entropy().sum(), rtol=1e-5)

    q = DiagonalGaussian(p.mean + 0.7, p.log_std - 0.2, (2,))
    log_ratio = log_density - stats.norm(mean + 0.7, np.exp(log_std - 0.2)).logpdf(points).sum(-1)
    numeric = integrate.trapezoid(integrate.trapezoid(density * log_ratio, grid), grid)
    np.testing.assert_allclose(p.kl(q), numeric, rtol=1e-3)


def test_diagonal_gaussian_actions_have_the_shape_of_the_box():
    space = Box(-1.0, 1.0, (2, 3))
    mean = jnp.asarray(RNG.normal(size=(4, 6)), jnp.float32)
    p = distributions.from_parameters(space, mean, log_std=jnp.full(6, -1.0))
    noise = distributions.sample_noise(space, jax.random.key(0), (4,))
    sample = p.sample(noise)
    assert sample.shape == p.mode().shape == (4, 2, 3)
    assert p.log_prob(sample).shape == p.entropy().shape == (4,)
    np.testing.assert_allclose(sample.reshape(4, 6), mean + np.exp(-1) * noise, rtol=1e-5)
    noise = distributions.sample_noise(space, jax.random.key(0), (2500,))
    assert stats.kstest(np.asarray(noise).ravel(), "norm").pvalue > 1e-4


def test_parameters_of_a_scalar_box_are_one_number_and_its_actions_scalars():
    space = Box(-1.0, 1.0, ())
    p = distributions.from_parameters(space, jnp.zeros((4, 1)))
    assert distributions.parameters(space) == 1
    assert (
        p.sample(distributions.sample_noise(space, jax.random.key(0), (4,))).shape
        == p.log_prob(jnp.ones(4)).shape
        == (4,)
    )


# State-dependent exploration

MEAN, FEATURES, LOG_STD = (
    jnp.asarray(RNG.normal(size=shape), jnp.float32) for shape in ((3, 2), (3, 4), (4, 2))
)


def state_dependent(mean=MEAN, features=FEATURES, log_std=LOG_STD):
    return StateDependentGaussian(mean, features, log_std, (2,))


def test_state_dependent_gaussian_has_the_density_of_its_samples():
    p, mean, std = state_dependent(), np.asarray(MEAN, float), np.zeros((3, 2))
    for state, action in itertools.product(range(3), range(2)):  # a sum of independent normals
        variance = sum((float(FEATURES[state, f]) * np.exp(float(LOG_STD[f, action]))) ** 2 for f in range(4))
        std[state, action] = np.sqrt(variance)
    keys = jax.random.split(jax.random.key(0), (4000, 1))
    wide = state_dependent(*(jnp.broadcast_to(x, (4000, *x.shape)) for x in (MEAN, FEATURES)))
    samples = np.asarray(wide.sample(jnp.broadcast_to(keys, (4000, 3))))
    for state, action in itertools.product(range(3), range(2)):
        expected = stats.norm(mean[state, action], std[state, action])
        assert stats.kstest(samples[:, state, action], expected.cdf).pvalue > 1e-4

    grid = np.linspace(-30, 30, 1001)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).astype(np.float32)
    first = state_dependent(
        *(jnp.broadcast_to(x[0], (*points.shape[:2], x.shape[1])) for x in (MEAN, FEATURES))
    )
    log_density = np.asarray(first.log_prob(points), np.float64)
    np.testing.assert_allclose(
        log_density, stats.norm(mean[0], std[0]).logpdf(points).sum(-1), rtol=1e-3, atol=1e-3
    )
    assert integrate.trapezoid(integrate.trapezoid(np.exp(log_density), grid), grid) == pytest.approx(
        1, rel=1e-3
    )
    np.testing.assert_allclose(p.entropy(), stats.norm(mean, std).entropy().sum(-1), rtol=1e-4)
    np.testing.assert_array_equal(p.mode(), MEAN)


def test_state_dependent_gaussian_noise_is_a_linear_function_of_the_features():
    """The same key is the same θ in every state, and different environments have different ones."""
    key, other = jax.random.split(jax.random.key(1))
    pair = jnp.stack([FEATURES[0], FEATURES[1]])
    features = jnp.concatenate([pair, pair.sum(0, keepdims=True), 2 * pair[:1]])
    p = state_dependent(jnp.zeros((4, 2)), features)
    one, two, together, twice = np.asarray(p.sample(jnp.stack([key] * 4)))
    np.testing.assert_allclose(together, one + two, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(twice, 2 * one, rtol=1e-5)
    assert (np.asarray(p.sample(jnp.stack([other] * 4)))[0] != one).all()


def test_state_dependent_gaussian_does_not_train_the_features():
    action = jnp.ones((3, 2))
    gradient = jax.grad(lambda p: jnp.sum(p.log_prob(action) + p.entropy()))(state_dependent())
    assert (np.asarray(gradient.features) == 0).all()
    assert (np.asarray(gradient.mean) != 0).all()
    assert (np.asarray(gradient.log_std) != 0).all()


def test_state_dependent_gaussian_has_the_divergence_of_its_normals():
    p, q = state_dependent(), state_dependent(MEAN + 0.3, log_std=LOG_STD - 0.2)
    expected = DiagonalGaussian(MEAN, p.marginal.log_std, (2,)).kl(
        DiagonalGaussian(MEAN + 0.3, q.marginal.log_std, (2,))
    )
    np.testing.assert_allclose(p.kl(q), expected, rtol=1e-5)
    np.testing.assert_allclose(p.marginal.kl(q), expected, rtol=1e-5)
    assert (np.asarray(p.kl(q)) > 0).all()


def test_from_parameters_with_features_is_a_state_dependent_gaussian():
    space = Box(-1.0, 1.0, (1, 2))
    p = distributions.from_parameters(space, MEAN, log_std=LOG_STD, features=FEATURES)
    keys = distributions.sample_noise(space, jax.random.key(0), (3,), state_dependent=True)
    assert keys.shape == (3,)
    assert p.sample(keys).shape == p.mode().shape == (3, 1, 2)
    assert isinstance(p, StateDependentGaussian)
    np.testing.assert_array_equal(p.marginal.log_prob(p.mode()), p.log_prob(p.mode()))


SPACES = [Discrete(4), MultiDiscrete((3, 1)), MultiBinary(4), Box(-1.0, 1.0, (4,))]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
@pytest.mark.parametrize("quantity", ["log_prob", "entropy", "kl"])
def test_from_parameters_has_the_gradients_of_finite_differences(space, quantity):
    action = jnp.asarray(
        {Discrete: 2, MultiDiscrete: (2, 0), MultiBinary: (0, 1, 1, 0)}.get(type(space), (0.3,) * 4)
    )
    n = distributions.parameters(space)
    other = distributions.from_parameters(space, jnp.linspace(-1, 1, n))

    def f(outputs, log_std):
        p = distributions.from_parameters(space, outputs, log_std=log_std)
        return (
            p.kl(other) if quantity == "kl" else p.entropy() if quantity == "entropy" else p.log_prob(action)
        )

    point = (jnp.asarray(RNG.normal(size=n), jnp.float32), jnp.linspace(-0.5, 0.5, n))
    jax.test_util.check_grads(f, point, order=1, modes=["rev"], eps=1e-2, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("space", [Discrete(5), MultiDiscrete((2, 3))], ids=["Discrete", "MultiDiscrete"])
def test_from_parameters_gives_an_impossible_action_probability_and_gradient_0(space):
    mask = jnp.asarray([[True, False, True, False, True], [False, True, False, True, True]])
    actions = FINITE["categorical" if isinstance(space, Discrete) else "multi"][1]
    masked = distributions.from_parameters(space, LOGITS * 10, mask)
    if isinstance(space, Discrete):
        chosen = np.eye(5)[actions]
    else:
        chosen = np.hstack([np.eye(2)[actions[:, 0]], np.eye(3)[actions[:, 1]]])
    impossible = (chosen @ (1 - np.asarray(mask, float)).T) > 0  # [actions, 2]
    probabilities = np.exp(table(masked, actions))
    assert (probabilities[impossible] == 0).all()
    assert (probabilities[~impossible] > 0).all()
    np.testing.assert_allclose(probabilities.sum(0), 1, rtol=1e-5)

    noise = distributions.sample_noise(space, jax.random.key(0), (500, 2))
    wide = jnp.broadcast_to(mask, (500, 2, 5))
    samples = np.asarray(distributions.from_parameters(space, jnp.zeros((500, 2, 5)), wide).sample(noise))
    for column in range(2):
        seen = {tuple(np.atleast_1d(s)) for s in samples[:, column]}
        assert seen == {tuple(np.atleast_1d(a)) for a in actions[~impossible[:, column]]}

    def total(outputs):
        # A large factor, which an infinite log-probability would turn into NaN.
        p = distributions.from_parameters(space, outputs, mask)
        other = distributions.from_parameters(space, OTHER_LOGITS, mask)
        return 1e6 * jnp.sum(p.entropy() + p.kl(other) + p.log_prob(p.mode()))

    value, gradient = jax.value_and_grad(total)(LOGITS)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[~np.asarray(mask)] == 0).all()
    assert (np.asarray(gradient)[0, [2, 4]] != 0).all()


def test_categorical_entropy_with_a_mask_is_that_of_what_remains():
    mask = jnp.asarray([True, False, True, True, False])
    masked = distributions.from_parameters(Discrete(5), LOGITS[0], mask)
    np.testing.assert_allclose(
        masked.entropy(), Categorical(LOGITS[0][np.array([0, 2, 3])]).entropy(), rtol=1e-6
    )


def test_from_parameters_with_nothing_possible_stays_finite():
    def entropy(outputs):
        return distributions.from_parameters(Discrete(3), outputs, jnp.zeros(3, bool)).entropy()

    value, gradient = jax.value_and_grad(entropy)(jnp.asarray([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(value, np.log(3), rtol=1e-6)
    np.testing.assert_array_equal(gradient, 0)


def test_categorical_and_diagonal_gaussian_are_those_of_rlax():
    with jax.numpy_rank_promotion("allow"):
        softmax, gaussian = rlax.softmax(), rlax.gaussian_diagonal()
        p, q, action = Categorical(LOGITS), Categorical(OTHER_LOGITS), jnp.asarray([3, 1])
        np.testing.assert_allclose(p.log_prob(action), softmax.logprob(action, LOGITS), rtol=1e-5)
        np.testing.assert_allclose(p.entropy(), softmax.entropy(LOGITS), rtol=1e-5)
        np.testing.assert_allclose(p.kl(q), softmax.kl(LOGITS, OTHER_LOGITS), rtol=1e-4)

        log_std = jnp.asarray(RNG.normal(size=(2, 5)) / 3, jnp.float32)
        p, q = DiagonalGaussian(LOGITS, log_std, (5,)), DiagonalGaussian(OTHER_LOGITS, -log_std, (5,))
        action = OTHER_LOGITS * 2
        np.testing.assert_allclose(
            p.log_prob(action), gaussian.logprob(action, LOGITS, jnp.exp(log_std)), rtol=1e-5
        )
        np.testing.assert_allclose(p.entropy(), gaussian.entropy(LOGITS, jnp.exp(log_std)), rtol=1e-5)
        theirs = gaussian.kl(LOGITS, jnp.exp(log_std), OTHER_LOGITS, jnp.exp(-log_std))
        np.testing.assert_allclose(p.kl(q), theirs, rtol=1e-4)


@pytest.mark.parametrize("space", [*SPACES, MultiDiscrete((2, 3, 4))], ids=lambda space: str(space)[:30])
def test_from_parameters_takes_any_leading_axes(space):
    leading = (3, 2)
    outputs = jnp.ones((*leading, distributions.parameters(space)))
    p = distributions.from_parameters(space, outputs)
    action = p.sample(distributions.sample_noise(space, jax.random.key(0), leading))
    assert action.shape == p.mode().shape == (*leading, *space.shape)
    assert action.dtype == p.mode().dtype == space.dtype
    assert p.log_prob(action).shape == p.entropy().shape == p.kl(p).shape == leading


def test_parameters_sample_noise_and_from_parameters_say_what_they_cannot_do():
    nested = Dict.of({"move": Discrete(2)})
    for call in (distributions.parameters, lambda s: distributions.sample_noise(s, jax.random.key(0), ())):
        with pytest.raises(ValueError, match=r"Dict\(move: Discrete\(2\)\)"):
            call(nested)
    with pytest.raises(ValueError, match=r"mask needs Discrete, MultiDiscrete or MultiBinary.*Box\(4\)"):
        distributions.from_parameters(Box(0.0, 1.0, (4,)), jnp.zeros(4), jnp.ones(4, bool))


def test_bernoulli_switches_that_cannot_be_turned_stay_as_they_are():
    """Of four: free, held off, held on, and one where nothing is possible, which is uniform."""
    mask = jnp.asarray([[1, 1, 1, 0, 0, 1, 0, 0]], bool)
    p = distributions.from_parameters(MultiBinary(4), LOGITS[:1, :4], mask)
    other = distributions.from_parameters(MultiBinary(4), OTHER_LOGITS[:1, :4], mask)
    actions = np.array(list(itertools.product((0, 1), repeat=4)))
    log_p, log_q = (
        np.asarray([d.log_prob(jnp.asarray(action)[None])[0] for action in actions], np.float64)
        for d in (p, other)
    )
    possible = (actions[:, 1] == 0) & (actions[:, 2] == 1)
    assert (np.exp(log_p)[~possible] == 0).all()
    kept = np.exp(log_p[possible])
    assert kept.sum() == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(p.entropy(), -(kept * log_p[possible]).sum(), rtol=1e-5)
    np.testing.assert_allclose(p.kl(other), (kept * (log_p - log_q)[possible]).sum(), rtol=1e-4)
    wide = Bernoulli(jnp.broadcast_to(p.logits, (500, 4)))
    samples = np.asarray(wide.sample(distributions.sample_noise(MultiBinary(4), jax.random.key(0), (500,))))
    np.testing.assert_array_equal(samples[:, 1:3], np.tile([0, 1], (500, 1)))
    assert 0.3 < samples[..., 3].mean() < 0.7

    def total(outputs):
        policy = distributions.from_parameters(MultiBinary(4), outputs, mask)
        return 1e6 * jnp.sum(policy.entropy() + policy.kl(other) + policy.log_prob(policy.mode()))

    gradient = np.asarray(jax.grad(total)(LOGITS[:1, :4]))
    assert np.isfinite(gradient).all()
    assert (gradient[0, 1:] == 0).all()
    assert gradient[0, 0] != 0
