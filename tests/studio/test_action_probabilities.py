"""Bars are as long as the probabilities, densities integrate to one, and the frame stands beside them."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from operant.studio import style
from operant.studio.action_probabilities import action_density, action_probabilities

FRAME = np.zeros((40, 60, 3), np.uint8)


def test_bars_have_the_probabilities_names_and_the_likeliest_in_colour(tmp_path):
    path = tmp_path / "bars.png"
    figure = action_probabilities([0.2, 0.7996, 0.0004], actions=("a", "b", "c"), frame=FRAME, path=path)
    picture, axes = figure.axes
    np.testing.assert_array_equal(picture.images[0].get_array(), FRAME)
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.7996, 0.0004]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first action on top
    assert [bar.get_facecolor()[:3] == to_rgb(style.BLUE) for bar in axes.patches] == [False, True, False]
    assert {"20.0 %", "80.0 %", "< 0.1 %"} <= {text.get_text() for text in axes.texts}
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_names_of_known_environments_are_known():
    (axes,) = action_probabilities([0.5, 0.5], environment="CartPole-v1").axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["push left", "push right"]
    (axes,) = action_probabilities([0.5, 0.5], environment="Mine-v0").axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["action 0", "action 1"]


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [[0.5, 0.5]], [1.5, -0.5]])
def test_what_is_no_distribution_is_refused(wrong):
    with pytest.raises(ValueError, match="sums to 1"):
        action_probabilities(wrong)


def test_densities_integrate_to_one_and_peak_at_the_mean():
    (axes,) = action_density([0.6, -0.3], [0.7, 0.2], limits=(-1.0, 1.0)).axes
    for drawn, mean in zip(axes.lines, (0.6, -0.3), strict=True):
        x, y = drawn.get_data()
        assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-3)
        assert x[y.argmax()] == pytest.approx(mean, abs=0.01)
    shaded = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    np.testing.assert_allclose(shaded, [(axes.get_xlim()[0], -1.0), (1.0, axes.get_xlim()[1])])


def test_a_density_needs_positive_deviations():
    with pytest.raises(ValueError, match="deviations positive"):
        action_density([0.0], [0.0])
