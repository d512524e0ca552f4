"""Policy maps: every pixel is the policy's own answer for the observation its axes name."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from operant.studio import style
from operant.studio.names import names
from operant.studio.policy_map import policy_map
from operant.studio.views import VIEWS, Axis, View, chosen_view, default_view

DIMS = {
    "CartPole-v1": 4,
    "MountainCar-v0": 2,
    "MountainCarContinuous-v0": 2,
    "Acrobot-v1": 6,
    "Pendulum-v1": 3,
    "LunarLander-v3": 8,
    "LunarLanderContinuous-v3": 8,
}


def right_if_falling_right(observations):
    right = 1 / (1 + np.exp(-(40 * observations[:, 2] + 4 * observations[:, 3])))
    return np.stack([1 - right, right], axis=1)


def test_cartpole_is_shown_over_pole_angle_and_velocity(tmp_path):
    seen = []

    def policy(observations):
        seen.append(observations)
        return right_if_falling_right(observations)

    states = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    path = tmp_path / "policy.png"
    figure = policy_map(policy, environment="CartPole-v1", states=states, resolution=41, path=path)
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("pole angle (rad)", "pole velocity (rad/s)")
    assert "push right" in bar.get_ylabel()
    (observations,) = seen
    assert observations.shape == (41 * 41, 4)
    assert observations.dtype == np.float32
    assert not observations[:, :2].any()
    image = axes.images[0]
    assert image.get_extent() == [-0.21, 0.21, -2.5, 2.5]
    # the pixel at column 30, row 5 from below, against the policy asked directly
    angle, velocity = -0.21 + 0.42 * 30.5 / 41, -2.5 + 5 * 5.5 / 41
    expected = right_if_falling_right(np.array([[0, 0, angle, velocity]]))[0, 1]
    assert image.origin == "lower"
    assert image.get_array()[5, 30] == pytest.approx(expected, rel=1e-4)
    contour = np.concatenate(
        [p.vertices for c in axes.collections if hasattr(c, "levels") for p in c.get_paths()]
    )
    np.testing.assert_allclose(40 * contour[:, 0] + 4 * contour[:, 1], 0, atol=0.05)
    dots = axes.collections[-1].get_offsets()
    np.testing.assert_allclose(dots, states[:, 2:])
    assert path.read_bytes().startswith(b"\x89PNG")


def test_right_is_the_warm_end_of_the_colours():
    figure = policy_map(right_if_falling_right, environment="CartPole-v1", resolution=11)
    image = figure.axes[0].images[0]
    assert tuple(image.cmap(image.norm(1.0))[:3]) == pytest.approx(to_rgb(style.VERMILLION), abs=0.01)
    assert tuple(image.cmap(image.norm(0.0))[:3]) == pytest.approx(to_rgb(style.BLUE), abs=0.01)


def test_a_certain_policy_needs_no_contour():
    figure = policy_map(lambda o: np.tile([0.1, 0.9], (len(o), 1)), environment="CartPole-v1", resolution=5)
    assert not figure.axes[0].collections


def test_several_actions_have_the_colour_of_the_likeliest_paler_when_unsure():
    def policy(observations):
        left = observations[:, :1] < 0
        return np.where(left, [[1.0, 0.0, 0.0]], [[0.3, 0.3, 0.4]])

    view = View(Axis("a", 0, -1, 1), Axis("b", 1, -1, 1), (0.0, 0.0))
    figure = policy_map(policy, view=view, actions=("x", "y", "z"), resolution=4)
    pixels = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(pixels[0, 0], to_rgb(style.colour(0)))
    pale = 1 - (0.1 + 0.9 * (0.4 - 1 / 3) / (2 / 3)) * (1 - np.array(to_rgb(style.colour(2))))
    np.testing.assert_allclose(pixels[0, 3], pale)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["x", "y", "z"]


def test_pendulum_is_shown_over_the_angle_behind_cosine_and_sine():
    def mean_torque(observations):
        angle, velocity = np.arctan2(observations[:, 1], observations[:, 0]), observations[:, 2]
        np.testing.assert_allclose(observations[:, 0] ** 2 + observations[:, 1] ** 2, 1, rtol=1e-5)
        return angle + 0.1 * velocity

    states = np.array([[np.cos(2.0), np.sin(2.0), 3.0]])
    figure = policy_map(mean_torque, environment="Pendulum-v1", continuous=True, states=states, resolution=8)
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("angle from upright (rad)", "angular velocity (rad/s)")
    assert bar.get_ylabel() == "mean torque (N m)"
    image = axes.images[0]
    assert image.get_clim() == (-2.0, 2.0)
    expected = (-np.pi + 2 * np.pi * 6.5 / 8) + 0.1 * (-8 + 16 * 1.5 / 8)
    assert image.get_array()[1, 6] == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(axes.collections[-1].get_offsets(), [[2.0, 3.0]])


@pytest.mark.parametrize("environment", VIEWS)
def test_known_views_fit_their_environments(environment):
    observations = VIEWS[environment].grid(9)
    assert observations.shape == (81, DIMS[environment])
    x, y = VIEWS[environment].x.read(observations), VIEWS[environment].y.read(observations)
    assert len(np.unique(x.round(4))) == len(np.unique(y.round(4))) == 9
    assert x.reshape(9, 9)[0, 0] < x.reshape(9, 9)[0, 8]
    assert y.reshape(9, 9)[0, 0] < y.reshape(9, 9)[8, 0]


def test_an_unknown_environment_is_shown_where_it_was_visited():
    states = np.random.default_rng(0).normal([5.0, -3.0, 7.0], size=(400, 3))
    view = default_view("Mine-v0", states)
    assert view.x.low < np.quantile(states[:, 0], 0.01) < np.quantile(states[:, 0], 0.99) < view.x.high
    assert view.others == pytest.approx(np.median(states, axis=0))
    assert view.x.label == "observation[0]"
    with pytest.raises(ValueError, match="No view is known for 'Mine-v0'; known: CartPole-v1"):
        default_view("Mine-v0")
    with pytest.raises(ValueError, match=r"D of at least 2.*\(400, 1\)"):
        default_view("Mine-v0", states[:, :1])


def test_output_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"mean actions.*at most 6.*\(25, 7\)"):
        policy_map(lambda o: np.zeros((len(o), 7)), environment="CartPole-v1", continuous=True, resolution=5)
    with pytest.raises(ValueError, match=r"two or more actions.*\(25, 1\)"):
        policy_map(lambda o: o[:, :1], environment="CartPole-v1", resolution=5)


def test_each_element_of_an_action_has_a_map_in_its_own_units():
    def act(observations):
        return np.stack([observations[:, 0], 1 + observations[:, 1]], 1)

    view = View(Axis("a", 0, -1, 1), Axis("b", 1, 0, 1), (0.0, 0.0))
    limits = [(-0.5, 2.0), (0.0, 3.0)]
    figure = policy_map(
        act, view=view, continuous=True, actions=("turn", "speed"), limits=limits, resolution=4
    )
    turn, speed = (axes for axes in figure.axes if axes.images)
    np.testing.assert_allclose(turn.images[0].get_array()[0], [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(speed.images[0].get_array()[:, 0], 1 + np.array([0.125, 0.375, 0.625, 0.875]))
    assert turn.images[0].get_clim() == (-2.0, 2.0)  # 0 is neutral
    assert speed.images[0].get_clim() == (0.0, 3.0)
    assert tuple(turn.images[0].cmap(0.5)[:3]) == pytest.approx((0.97, 0.96, 0.96), abs=0.02)
    bars = [axes.get_ylabel() for axes in figure.axes if not axes.images]
    assert bars == ["mean turn", "mean speed"]


BOUNDS = (np.array([-1.0, -1.0, -8.0]), np.array([1.0, 1.0, 8.0]))


def test_axes_are_chosen_by_number_or_name():
    view = chosen_view(("angular velocity", 1), BOUNDS, names("Pendulum-v1"))
    assert view.x == Axis("angular velocity (rad/s)", 2, -8.0, 8.0)
    assert view.y == Axis("sin θ", 1, -1.0, 1.0)
    assert view.others == (0.0, 0.0, 0.0)
    states = np.random.default_rng(0).normal([0.9, 0.5, 7.9], 0.2, size=(400, 3))
    view = chosen_view(("2", "cos θ"), BOUNDS, names("Pendulum-v1"), states)
    assert view.x.low < np.quantile(states[:, 2], 0.01)
    assert view.x.high == 8.0  # nothing lies beyond the space
    assert view.others == pytest.approx(np.median(states, axis=0))


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ((0,), "two elements"),
        ("01", "two elements"),
        ((1, "sin θ"), "both are sin θ"),
        ((0, "speed"), r"'speed': no element.*0 \(cos θ\), 1 \(sin θ\), 2 \(angular"),
        ((0, 3), "axis 3: no element"),
        ((0, -1), "axis -1: no element"),
    ],
)
def test_axes_that_are_none_are_named(axes, message):
    with pytest.raises(ValueError, match=message):
        chosen_view(axes, BOUNDS, names("Pendulum-v1"))


def test_an_axis_without_bounds_needs_states():
    unbounded = np.array([-np.inf, 0.0]), np.array([np.inf, 1.0])
    with pytest.raises(ValueError, match=r"observation\[0\] has no bounds.*states.*\[N, 2\]"):
        chosen_view((0, 1), unbounded, names(None))
    with pytest.raises(ValueError, match=r"\(5, 3\): must be \[N, 2\]"):
        chosen_view((0, 1), unbounded, names(None), np.zeros((5, 3)))
