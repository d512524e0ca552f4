"""Pictures of what critics expect: what is drawn is what the numbers say."""

import numpy as np
import pytest

from operant.studio.critic import ActionReturns, critic_bars, critic_curve, critic_map

ACTIONS = np.linspace(-1.9, 1.9, 20)
RANDOM = np.random.default_rng(0)
TWO = ActionReturns(RANDOM.normal(size=(2, 20, 1)), np.ones((2, 20, 1)))  # two critics of the mean


def quantiles(critics, actions, count):
    """Critics of `count` equally likely returns."""
    return ActionReturns(
        RANDOM.normal(size=(critics, actions, count)), np.full((critics, actions, count), 1 / count)
    )


def line(axes, label):
    (found,) = [line for line in axes.lines if line.get_label() == label]
    return found


def test_q_values_and_quantiles_are_those_of_all_returns_by_their_probability():
    values = np.array([[[0.0, 10.0, 20.0]], [[5.0, 6.0, 7.0]]])
    probabilities = np.array([[[0.5, 0.25, 0.25]], [[0.2, 0.2, 0.6]]])
    returns = ActionReturns(values, probabilities)
    np.testing.assert_allclose(returns.q_values, [[7.5], [6.4]])
    # Every return as often as it is likely, of each critic as often as of the other.
    pool = np.sort(np.repeat(values.ravel(), np.round(1000 * probabilities.ravel()).astype(int)))
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert returns.quantile(level) == [pool[int(np.ceil(level * len(pool))) - 1]]


def test_many_equal_quantiles_together_are_their_order():
    returns = quantiles(3, 4, 7)
    pool = np.sort(np.moveaxis(returns.values, 0, 1).reshape(4, 21), axis=1)
    np.testing.assert_array_equal(returns.quantile(5 / 21), pool[:, 4])
    np.testing.assert_array_equal(returns.quantile(1.0), pool[:, -1])


def test_together_critics_say_the_least_of_means_and_the_mean_of_returns():
    np.testing.assert_array_equal(TWO.together[1], TWO.values[..., 0].min(0))
    returns = quantiles(2, 5, 3)
    np.testing.assert_allclose(returns.together[1], returns.values.mean((0, 2)))
    assert (TWO.together[0], returns.together[0]) == ("least", "mean")


def test_a_curve_for_each_critic_and_the_policy_with_its_density(tmp_path):
    density = np.exp(-(ACTIONS**2))
    path = tmp_path / "critic.png"
    figure = critic_curve(ACTIONS, TWO, policy=0.7, density=density, action="torque (N m)", path=path)
    curves, below = figure.axes
    for index in (0, 1):
        np.testing.assert_array_equal(line(curves, f"critic {index + 1}").get_ydata(), TWO.q_values[index])
    np.testing.assert_array_equal(line(curves, "least").get_ydata(), TWO.q_values.min(0))
    (action,), (value,) = line(curves, "policy: 0.7").get_data()
    assert (action, value) == (0.7, pytest.approx(np.interp(0.7, ACTIONS, TWO.q_values.min(0))))
    assert [drawn.get_xdata()[0] for drawn in below.lines if len(drawn.get_xdata()) == 2] == [0.7]
    np.testing.assert_array_equal(line(below, "density").get_ydata(), density)
    assert below.get_xlabel() == "torque (N m)"
    assert curves.get_xlim() == below.get_xlim() == pytest.approx((-2, 2))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_of_returns_there_are_bands_and_of_one_critic_one_line():
    returns = quantiles(1, 20, 9)
    frame = np.zeros((40, 60, 3), np.uint8)
    picture, axes = critic_curve(ACTIONS, returns, policy=0.0, frame=frame, note="at rest").axes
    np.testing.assert_array_equal(picture.images[0].get_array(), frame)
    assert picture.get_xlabel() == "at rest"
    assert [drawn.get_label() for drawn in axes.lines if len(drawn.get_xdata()) == 20] == ["mean"]
    for band, (low, high) in zip(axes.collections, ((0.05, 0.95), (0.25, 0.75)), strict=True):
        drawn = band.get_paths()[0].vertices
        for edge in (returns.quantile(low), returns.quantile(high)):
            points = set(zip(ACTIONS, edge, strict=True))
            assert points <= set(map(tuple, drawn))


def test_a_map_has_the_first_element_to_the_right_and_the_second_upwards():
    first, second = np.array([-0.5, 0.5]), np.array([-0.8, 0.0, 0.8])
    values = np.array([1.0, 2.0, 3.0, 6.0, 4.0, 5.0])  # of (−.5, −.8), (.5, −.8), (−.5, 0), …
    returns = ActionReturns(np.stack([values, values + 1])[..., None], np.ones((2, 6, 1)))
    axes, bar = critic_map((first, second), returns, policy=np.array([0.1, 0.4]), names=("x", "y")).axes
    image = axes.images[0]
    np.testing.assert_array_equal(image.get_array(), values.reshape(3, 2))
    assert image.origin == "lower"
    np.testing.assert_allclose(image.get_extent(), (-1, 1, -1.2, 1.2))
    assert [*map(float, line(axes, "largest Q").get_xydata()[0])] == [0.5, 0.0]
    assert [*map(float, line(axes, "policy").get_xydata()[0])] == [0.1, 0.4]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert "least of the critics" in bar.get_ylabel()


def test_bars_are_q_values_and_say_what_each_action_costs():
    returns = ActionReturns(np.array([[[2.0], [-1.5]], [[3.0], [-1.0]]]), np.ones((2, 2, 1)))
    (axes,) = critic_bars(returns, policy=0, names=("left", "right")).axes
    assert [bar.get_width() for bar in axes.patches] == [2.0, -1.5]
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["left\n2", "right\n−1.5 (−3.5)"]
    dots = [tuple(drawn.get_xdata()) for drawn in axes.lines if drawn.get_marker() == "o"]
    assert dots == [(2.0, -1.5), (3.0, -1.0)]


def test_returns_need_a_probability_each():
    with pytest.raises(ValueError, match=r"\(2, 3, 4\) and \(2, 3\)"):
        ActionReturns(np.zeros((2, 3, 4)), np.zeros((2, 3)))
