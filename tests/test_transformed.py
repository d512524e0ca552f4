"""Gaussian policies in units of a Box: against scipy, integrals, finite differences, and normals in other units."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from scipy import integrate, stats

from operant import distributions
from operant.distributions import DiagonalGaussian, StateDependentGaussian, Transformed, scale
from operant.distributions.transformed import log_slope, units, unscale
from operant.spaces import Box

UNEVEN = Box((0.0, -5.0), (10.0, 1.0), (2,))
CENTER, HALF = np.array([5.0, -2.0]), np.array([5.0, 3.0])
MEAN, LOG_STD = np.array([0.3, -0.4]), np.array([-0.5, 0.2])
RNG = np.random.default_rng(0)


def policy(space=UNEVEN, squashed=False, mean=MEAN, log_std=LOG_STD):
    mean, log_std = (jnp.asarray(x, jnp.float32) for x in (mean, log_std))
    return distributions.from_parameters(space, mean, log_std=log_std, scaled=True, squashed=squashed)


@pytest.mark.parametrize(
    ("space", "center", "half"),
    [
        (Box(0.0, 1000.0, (1,)), [500.0], [500.0]),
        (UNEVEN, CENTER, HALF),
        (Box((-np.inf, -2.0, 0.0), (np.inf, 2.0, np.inf), (3,)), [0, 0, 0], [1, 2, 1]),
        (Box((3.0, 0.0), (3.0, 4.0), (2,)), [0, 2], [1, 2]),  # nothing to choose in the first
        (Box((-3e38, 0.0), (3e38, 4.0), (2,)), [0, 2], [1, 2]),
    ],
)
def test_units_are_the_center_and_the_half_width_that_scale_and_unscale_use(space, center, half):
    np.testing.assert_array_equal(units(space), np.asarray([center, half], np.float32))
    u = jnp.asarray(RNG.normal(size=(4, *space.shape)), jnp.float32)
    np.testing.assert_allclose(
        scale(space, u), np.asarray(center) + np.asarray(half) * np.asarray(u), rtol=1e-6
    )
    np.testing.assert_allclose(unscale(space, scale(space, u)), u, atol=1e-5)


@pytest.mark.parametrize("space", [Box(-1.0, 1.0, (2,)), Box(-np.inf, np.inf, (2,)), Box(0.0, np.inf, (2,))])
def test_transformed_is_left_out_where_units_are_the_same(space):
    assert units(space) is None
    assert isinstance(policy(space), DiagonalGaussian)


def test_transformed_actions_are_normal_in_units_of_the_environment():
    """So is everything that a policy says of them."""
    p, expected = policy(), stats.norm(CENTER + HALF * MEAN, HALF * np.exp(LOG_STD))
    assert isinstance(p, Transformed)
    actions = RNG.normal(CENTER, HALF, size=(50, 2))
    wide = policy(mean=np.tile(MEAN, (50, 1)))
    np.testing.assert_allclose(
        wide.log_prob(jnp.asarray(actions, jnp.float32)), expected.logpdf(actions).sum(-1), rtol=1e-4
    )
    np.testing.assert_allclose(p.entropy(), expected.entropy().sum(), rtol=1e-5)
    np.testing.assert_allclose(p.mode(), expected.mean(), rtol=1e-6)
    noise = distributions.sample_noise(UNEVEN, jax.random.key(0), (4000,))
    samples = np.asarray(policy(mean=np.tile(MEAN, (4000, 1))).sample(noise))
    for i in range(2):
        alone = stats.norm(expected.mean()[i], expected.std()[i])
        assert stats.kstest(samples[:, i], alone.cdf).pvalue > 1e-4
    other = policy(mean=MEAN + 0.5, log_std=LOG_STD - 0.3)
    np.testing.assert_allclose(p.kl(other), p.base.kl(other.base), rtol=1e-6)
    in_env_units = [
        DiagonalGaussian(
            jnp.asarray(CENTER + HALF * m, jnp.float32), jnp.asarray(np.log(HALF) + s, jnp.float32), (2,)
        )
        for m, s in ((MEAN, LOG_STD), (MEAN + 0.5, LOG_STD - 0.3))
    ]
    np.testing.assert_allclose(p.kl(other), in_env_units[0].kl(in_env_units[1]), rtol=1e-4)


@pytest.mark.parametrize("squashed", [False, True])
def test_transformed_density_integrates_to_1_and_its_entropy_is_minus_the_mean_of_its_logarithm(squashed):
    space, center, half = Box(0.0, 1000.0, (1,)), 500.0, 500.0
    for mean, log_std in ((0.3, -0.7), (-1.2, 0.4)):
        reach = half if squashed else 12 * half
        grid = center + np.linspace(-1, 1, 400_001)[1:-1] * reach
        shape = (len(grid), 1)
        p = policy(space, squashed, np.full(shape, mean), np.full(shape, log_std))
        log_density = np.asarray(p.log_prob(jnp.asarray(grid[:, None], jnp.float32)), np.float64)
        density = np.exp(log_density)
        assert integrate.trapezoid(density, grid) == pytest.approx(1, abs=3e-3)
        entropy = -integrate.trapezoid(density * log_density, grid)
        assert float(
            policy(space, squashed, np.full(1, mean), np.full(1, log_std)).entropy()
        ) == pytest.approx(entropy, abs=2e-2)


def test_transformed_and_squashed_actions_stay_inside_and_have_the_density_of_their_normal():
    p = policy(squashed=True, mean=np.tile(MEAN, (4000, 1)), log_std=np.array([1.0, 2.0]))
    samples = p.sample(distributions.sample_noise(UNEVEN, jax.random.key(1), (4000,)))
    low, high = UNEVEN.bounds
    assert (np.asarray(samples) >= low).all()
    assert (np.asarray(samples) <= high).all()
    assert np.isfinite(p.log_prob(samples)).all()  # at the bounds as well
    u = np.array([[0.4, -1.3]])
    p = policy(squashed=True, mean=MEAN[None])
    action = CENTER + HALF * np.tanh(u)
    slope = HALF * (1 - np.tanh(u) ** 2)
    expected = (stats.norm(MEAN, np.exp(LOG_STD)).logpdf(u) - np.log(slope)).sum(-1)
    np.testing.assert_allclose(p.log_prob(jnp.asarray(action, jnp.float32)), expected, rtol=1e-4)


@pytest.mark.parametrize("squashed", [False, True])
@pytest.mark.parametrize("quantity", ["log_prob", "entropy", "kl"])
def test_transformed_has_the_gradients_of_finite_differences(squashed, quantity):
    other = policy(squashed=squashed, mean=MEAN + 1)
    action = jnp.asarray([7.0, -3.0])

    def f(mean, log_std):
        p = policy(squashed=squashed, mean=mean, log_std=log_std)
        return (
            p.kl(other) if quantity == "kl" else p.entropy() if quantity == "entropy" else p.log_prob(action)
        )

    point = (jnp.asarray(MEAN, jnp.float32), jnp.asarray(LOG_STD, jnp.float32))
    jax.test_util.check_grads(f, point, order=1, modes=["rev"], eps=1e-2, rtol=1e-2, atol=1e-3)


def test_transformed_state_dependent_gaussian_is_in_units_of_a_box():
    features = jnp.asarray(RNG.normal(size=(3, 4)), jnp.float32)
    mean, log_std = (jnp.asarray(RNG.normal(size=shape), jnp.float32) for shape in ((3, 2), (4, 2)))
    keys = distributions.sample_noise(UNEVEN, jax.random.key(0), (3,), state_dependent=True)
    plain = StateDependentGaussian(mean, features, log_std, (2,))
    p = distributions.from_parameters(UNEVEN, mean, log_std=log_std, features=features, scaled=True)
    u, action = plain.sample(keys), p.sample(keys)
    np.testing.assert_allclose(action, CENTER + HALF * np.asarray(u), rtol=1e-5)
    np.testing.assert_allclose(p.log_prob(action), plain.log_prob(u) - np.log(HALF).sum(), rtol=1e-4)
    np.testing.assert_array_equal(p.marginal.log_prob(action), p.log_prob(action))
    np.testing.assert_allclose(p.marginal.kl(p), 0, atol=1e-5)


def test_expln_is_that_of_stable_baselines3():
    x = np.linspace(-3, 9, 50)
    expected = np.where(x <= 0, np.exp(x), np.log1p(np.maximum(x, 0)) + 1)
    np.testing.assert_allclose(np.exp(distributions.expln(jnp.asarray(x, jnp.float32))), expected, rtol=1e-5)
    gradient = jax.vmap(jax.grad(distributions.expln))(jnp.asarray([-1.0, 0.0, 1e-6, 2.0]))
    np.testing.assert_allclose(gradient, [1, 1, 1, 1 / 3 / (1 + np.log(3))], rtol=1e-5)


def test_log_slope_is_the_logarithm_of_the_slope_of_tanh_however_flat():
    u = np.array([-2.0, 0.0, 0.5, 3.0])
    np.testing.assert_allclose(log_slope(jnp.asarray(u)), np.log(1 - np.tanh(u) ** 2), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(log_slope(jnp.array([-50.0, 50.0])), np.log(4) - 100, rtol=1e-5)


def test_transformed_actions_have_the_shape_of_a_box_without_axes_or_with_two():
    for space in (Box(0.0, 10.0, ()), Box(0.0, 10.0, (2, 3))):
        n = distributions.parameters(space)
        p = distributions.from_parameters(space, jnp.zeros((4, n)), scaled=True)
        sample = p.sample(distributions.sample_noise(space, jax.random.key(0), (4,)))
        assert sample.shape == p.mode().shape == (4, *space.shape)
        assert p.log_prob(sample).shape == p.entropy().shape == (4,)
        np.testing.assert_array_equal(p.mode(), np.full((4, *space.shape), 5.0))


def test_sample_and_log_prob_of_transformed_are_a_sample_and_its_density():
    for space in (UNEVEN, Box((-1.0, -1.0), (3.0, 3.0), (2,))):
        p = policy(space, squashed=True, mean=np.tile(MEAN, (500, 1)))
        noise = distributions.sample_noise(space, jax.random.key(1), (500,))
        action, log_prob = p.sample_and_log_prob(noise)
        np.testing.assert_array_equal(action, p.sample(noise))
        np.testing.assert_allclose(log_prob, p.log_prob(action), rtol=1e-3, atol=2e-3)


def test_sample_and_log_prob_of_transformed_is_the_slope_of_its_distribution_function():
    """In one dimension: P(A ≤ a) by scipy's normal, and its finite differences. In two: the sum over both."""
    low, high = -1.0, 3.0
    noise = jnp.linspace(-2.5, 2.5, 21)[:, None]
    p = policy(
        Box(low, high, (1,)), squashed=True, mean=np.full((21, 1), 0.4), log_std=np.full((21, 1), -0.3)
    )
    action, log_prob = p.sample_and_log_prob(noise)

    def below(a):
        return stats.norm(0.4, np.exp(-0.3)).cdf(np.arctanh((a - (low + high) / 2) / ((high - low) / 2)))

    a = np.asarray(action[:, 0], np.float64)
    step = 1e-4 * (high - a) * (a - low)
    density = (below(a + step) - below(a - step)) / (2 * step)
    np.testing.assert_allclose(np.exp(log_prob), density, rtol=2e-3)

    both = policy(Box(low, high, (2,)), squashed=True, mean=np.full((21, 2), 0.4), log_std=np.full(2, -0.3))
    _, joint = both.sample_and_log_prob(jnp.concatenate([noise, noise[::-1]], -1))
    np.testing.assert_allclose(joint, log_prob + log_prob[::-1], rtol=1e-4, atol=1e-4)


def test_sample_and_log_prob_of_transformed_are_finite_where_tanh_is_flat():
    """At u = 30 an action is rounded to its bound, whose density by way of arctanh would be another."""

    def log_prob(mean):
        p = policy(Box(-1.0, 1.0, (1,)), squashed=True, mean=mean[None], log_std=np.zeros(1))
        return p.sample_and_log_prob(jnp.zeros(1))[1]

    for mean in (30.0, -30.0):
        expected = -0.5 * np.log(2 * np.pi) - 2 * (np.log(2) - 30)  # log p(u) − log(1 − tanh² u)
        assert float(log_prob(jnp.asarray(mean))) == pytest.approx(expected, rel=1e-5)
        assert float(jax.grad(log_prob)(jnp.asarray(mean))) == pytest.approx(2 * np.sign(mean), rel=1e-5)


def test_sample_and_log_prob_of_transformed_have_gradients_of_finite_differences():
    noise = jnp.asarray([0.7, -1.1])

    def f(mean, log_std):
        action, log_prob = policy(squashed=True, mean=mean, log_std=log_std).sample_and_log_prob(noise)
        return jnp.sum(jnp.sin(action)) + log_prob

    point = (jnp.asarray(MEAN, jnp.float32), jnp.asarray(LOG_STD, jnp.float32))
    jax.test_util.check_grads(f, point, order=1, modes=["rev"], eps=1e-2, rtol=1e-2, atol=1e-2)


def test_sample_and_log_prob_of_other_distributions_are_a_sample_and_its_log_probability():
    p = distributions.Categorical(jnp.asarray(RNG.normal(size=(5, 3)), jnp.float32))
    noise = jnp.asarray(RNG.gumbel(size=(5, 3)), jnp.float32)
    action, log_prob = p.sample_and_log_prob(noise)
    np.testing.assert_array_equal(action, p.sample(noise))
    np.testing.assert_array_equal(log_prob, p.log_prob(action))
