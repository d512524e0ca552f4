"""Saliency: where a policy looks, for policies of which that is known, and by finite differences."""

from __future__ import annotations

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent.pictures import SEED, state_at
from operant.cli import main
from operant.studio.saliency_maps import coloured, saliency_maps

SHAPES = {"last": (24, 16, 3), "first": (3, 24, 16)}
ROWS, COLUMNS = slice(4, 8), slice(9, 13)  # what the spy looks at


class Noise(gym.Env):
    """Images of noise, in 20 steps."""

    action_space = gym.spaces.Discrete(3)

    def __init__(self, layout="last", render_mode=None):
        self.metadata = {"render_modes": ["rgb_array"]}
        self.observation_space = gym.spaces.Box(0, 255, SHAPES[layout], np.uint8)
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), {}

    def seen(self):
        return self.np_random.integers(0, 256, self.observation_space.shape, np.uint8)

    def step(self, action):
        self.t += 1
        return self.seen(), 0.0, False, self.t == 20, {}

    def render(self):
        return np.zeros((48, 32, 3), np.uint8)


class Spy(eqx.Module):
    """A network that looks at one place of an image alone."""

    weight: jax.Array
    first: bool = eqx.field(static=True)

    def __call__(self, x):
        x = jnp.moveaxis(x, -3, -1) if self.first else x
        place = x[..., ROWS, COLUMNS, :].astype(jnp.float32) / 255
        return jnp.tanh(place.reshape(*place.shape[:-3], -1) @ self.weight)


def agent_of(make, layout, **values):
    weight = jax.random.normal(jax.random.key(0), (4 * 4 * 3, 8))
    spy = Spy(weight, layout == "first")
    return make(lambda render_mode=None: Noise(layout, render_mode), network=spy, preset=None, **values)


IMAGE = np.random.default_rng(3).integers(0, 256, (24, 16, 3), np.uint8)


def seen_as(layout):
    return IMAGE if layout == "last" else np.moveaxis(IMAGE, -1, 0)


@pytest.fixture(scope="module", params=[(operant.PPO, "last"), (operant.DQN, "first")], ids=["ppo", "dqn"])
def spy(request):
    make, layout = request.param
    return agent_of(make, layout), seen_as(layout)


@pytest.mark.parametrize("of", ["policy", "value"])
def test_saliency_is_where_the_network_looks(spy, of):
    """Catches rows for columns, and a place that is shifted."""
    agent, image = spy
    inside = np.zeros((24, 16), bool)
    inside[ROWS, COLUMNS] = True
    gradient = agent.saliency(image, of=of)
    assert gradient.shape == (24, 16)
    assert (gradient[inside] > 0).all()
    assert (gradient[~inside] == 0).all()
    occlusion = agent.saliency(image, "occlusion", of)
    assert occlusion.shape == (24, 16)
    assert (occlusion >= 0).all()
    around = np.zeros((24, 16), bool)
    around[ROWS.start - 3 : ROWS.stop + 3, COLUMNS.start - 3 : COLUMNS.stop + 3] = True
    assert occlusion[around].sum() > 0.98 * occlusion.sum()
    row, column = np.unravel_index(occlusion.argmax(), occlusion.shape)
    assert inside[row, column] or inside[row - 1 : row + 2, column - 1 : column + 2].any()


def test_a_gradient_is_the_largest_slope_over_channels_of_the_best_actions_log_probability():
    """By finite differences of what the agent itself says."""
    agent = agent_of(operant.PPO, "last")
    gradient, image = agent.saliency(IMAGE), IMAGE.astype(np.float32)

    def log_probability(x):
        distribution = agent.policy().ask(_log_probabilities, x[None])
        return float(np.max(distribution))

    for row, column in ((5, 10), (7, 12)):
        slopes = []
        for channel in range(3):
            step = np.zeros_like(image)
            step[row, column, channel] = 2.0
            slopes.append((log_probability(image + step) - log_probability(image - step)) / 4)
        assert gradient[row, column] == pytest.approx(np.abs(slopes).max(), rel=0.03)


def _log_probabilities(algorithm, spec, state, observation, carry):
    policy = algorithm.estimates(state, observation, None, carry)[0].distribution
    return policy.log_probabilities[0]


def test_occlusion_is_half_the_squared_change_of_all_scores_where_a_place_is_blurred():
    """Greydanus et al.'s equations by hand, at the middle of one place."""
    from scipy.ndimage import gaussian_filter

    agent = agent_of(operant.DQN, "last")
    occlusion = agent.saliency(IMAGE, "occlusion")
    image, scale = IMAGE.astype(np.float32), 16 / 80
    blurred = np.stack([gaussian_filter(image[..., c], 3 * scale) for c in range(3)], -1)
    row, column = 6, 10  # places are a pixel apart
    rows, columns = np.mgrid[:24, :16]
    mask = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 2)[..., None]
    changed = (image * (1 - mask) + blurred * mask).astype(np.float32)

    def q_values(x):
        return np.asarray(agent.policy().ask(_q_values, x[None]))[0]

    expected = 0.5 * np.square(q_values(changed) - q_values(image)).sum()
    assert occlusion[row, column] == pytest.approx(expected, rel=1e-3)


def _q_values(algorithm, spec, state, observation, carry):
    return algorithm.estimates(state, observation, None, carry)[0].q_values


def test_saliency_refuses_what_has_none():
    agent = agent_of(operant.PPO, "last")
    with pytest.raises(ValueError, match="this is a batch"):
        agent.saliency(np.stack([IMAGE] * 2))
    with pytest.raises(ValueError, match="method='x': must be 'gradient' or 'occlusion'"):
        agent.saliency(IMAGE, "x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="of='x': must be 'policy' or 'value'"):
        agent.saliency(IMAGE, of="x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="pixels of an image, and observations are"):
        operant.PPO("CartPole-v1", preset=None).saliency(np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="REINFORCE learns no value function"):
        agent_of(operant.REINFORCE, "last").saliency(IMAGE, of="value")


def test_a_state_for_a_picture_is_that_after_so_many_steps_of_an_episode():
    """Catches a picture of the first state whatever is asked for, and a frame of another step."""
    agent = operant.PPO("CartPole-v1", preset=None, network={"hidden_sizes": (8,)})
    env, act = agent.make_env(agent.source, "rgb_array"), agent.actor()
    seen, _ = env.reset(seed=SEED)
    for _ in range(4):
        seen, *_ = env.step(act(seen))
    state = state_at(agent._core, None, 4)
    np.testing.assert_array_equal(state.observation[0], seen)
    np.testing.assert_array_equal(state.frame, env.render())
    frame, bars = agent.plot_actions(steps=4).axes
    np.testing.assert_array_equal(frame.images[0].get_array(), env.render())
    lengths = [patch.get_width() for patch in bars.patches]  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(lengths, agent.action_probabilities(seen), rtol=1e-5)
    assert [label.get_text() for label in bars.get_yticklabels()] == ["push left", "push right"]
    env.close()
    with pytest.raises(ValueError, match="steps=5000: the episode is over after"):
        agent.plot_actions(steps=5000)
    with pytest.raises(ValueError, match="steps=-1: must be at least 0"):
        agent.plot_actions(steps=-1)
    with pytest.raises(ValueError, match="steps=3: an observation is given already"):
        agent.plot_actions(observation=seen, steps=3)
    with pytest.raises(ValueError, match="Only Discrete actions have probabilities"):
        operant.SAC("Pendulum-v1", preset=None).plot_actions()
    memory = operant.PPO("CartPole-v1", preset=None, network={"memory": "gru"})
    with pytest.raises(ValueError, match="steps=3: PPO remembers"):
        memory.plot_actions(steps=3)


def test_maps_are_drawn_over_what_is_seen():
    image, values = np.zeros((10, 8), np.uint8), np.zeros((10, 8))
    values[2, 5] = 3.0
    shown = coloured(image / 255, values)
    assert shown[2, 5, 0] > 0.8
    assert shown.sum() == pytest.approx(shown[2, 5].sum())
    with pytest.raises(ValueError, match="The map 'gradient' is"):
        saliency_maps(image, {"gradient": values.T})


def test_the_command_draws_actions_and_saliency(tmp_path, capsys):
    pytest.importorskip("ale_py")
    how = {"img_height": 24, "img_width": 24, "stack_num": 2}
    network = {"convolutions": [[2, 8, 8]], "convolution_features": 4, "hidden_sizes": []}
    agent = operant.PPO("Pong", env_kwargs=how, network=network, preset=None, num_envs=2)
    model = str(tmp_path / "model.safetensors")
    agent.save(model)
    for what in ("actions", "saliency", "critic"):
        picture = tmp_path / f"{what}.png"
        code = main(["show", model, str(picture), "--what", what, "--steps", "3"])
        said = capsys.readouterr()
        assert (code, picture.exists()) == ((2, False) if what == "critic" else (0, True)), said.err
    assert agent.action_names()[:2] == ["NOOP", "FIRE"]
    for more, message in (
        (["--steps", "3"], "--steps goes with --what critic, actions or saliency"),
        (["--what", "actions", "--of", "value"], "--of value goes with --what saliency"),
        (["--what", "saliency", "--observation", "1"], "--observation goes with --what critic or actions"),
    ):
        assert main(["show", model, "x.png", *more]) == 2
        assert message in capsys.readouterr().err
