"""Pictures of the policy and of the critics: their values are those that the agent answers with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent.core import Core
from operant.agent.pictures import CURVE, MAP, SEED, NoPictureError
from operant.agent.showing import plot
from operant.algorithms.actor_critic.sac import SAC
from operant.cli import main
from operant.engine.log import RETURN, STEP
from operant.envs.source import Source
from operant.studio.curves import LABELS

SMALL = {"network": {"hidden_sizes": (8, 8)}, "preset": None, "seed": 3}
HANGING = np.array([-0.8, 0.6, 1.0], np.float32)  # a pendulum; cos² + sin² = 1


@pytest.fixture(scope="module")
def sac():
    return operant.SAC("Pendulum-v1", n_critics=3, **SMALL)


def line(axes, label):
    (found,) = [line for line in axes.lines if line.get_label().startswith(label)]
    return found


def of_critics(agent, observation, action):
    """Q of each critic, by its network; `action` in units of [−1, 1]."""
    critics = agent.state.critics
    features = critics.encoder(jnp.asarray(observation)[None])
    output = critics(features, jnp.asarray(action, jnp.float32)[None])
    return np.asarray(output.mean(-1))[:, 0]


def test_a_map_of_the_policy_shows_what_predict_answers(sac):
    axes, bar = sac.plot_policy().axes
    drawn = axes.images[0].get_array()
    row, column = 33, 150
    angle, velocity = (-1 + 2 * (np.array([column, row]) + 0.5) / 201) * (np.pi, 8.0)
    seen = np.array([np.cos(angle), np.sin(angle), velocity], np.float32)
    np.testing.assert_allclose(drawn[row, column], sac.predict(seen)[0], rtol=1e-5)
    assert bar.get_ylabel() == "mean torque (N m)"
    assert axes.images[0].get_clim() == (-2.0, 2.0)


def test_the_curves_are_those_of_each_critic_and_the_policy_is_that_of_predict(sac):
    curves, density = sac.plot_critic(observation=HANGING).axes
    actions = line(curves, "critic 1").get_xdata()
    np.testing.assert_allclose(actions, -2 + 4 * (np.arange(CURVE) + 0.5) / CURVE)
    for place in (0, 77, CURVE - 1):
        expected = of_critics(sac, HANGING, actions[[place]] / 2)
        for index in range(3):
            drawn = line(curves, f"critic {index + 1}").get_ydata()
            np.testing.assert_allclose(drawn[place], expected[index], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(
            line(curves, "least").get_ydata()[place], expected.min(), rtol=1e-4, atol=1e-6
        )
    (action,) = line(curves, "policy").get_xdata()
    assert action == sac.predict(HANGING)[0]
    # Q of the policy's action is what the agent says of the state (policy_q is "min").
    np.testing.assert_allclose(line(curves, "policy").get_ydata()[0], sac.value(HANGING), rtol=1e-3)
    log_prob = [sac.distribution(HANGING).log_prob(np.float32([action])) for action in actions]
    np.testing.assert_allclose(line(density, "density").get_ydata(), np.exp(log_prob), rtol=1e-4)
    shown = curves.get_title("left"), [text.get_text() for text in curves.texts]
    assert shown == ("SAC on Pendulum-v1", ["at cos θ −0.8, sin θ 0.6, angular velocity 1"])


def test_a_deterministic_policy_has_no_density():
    agent = operant.TD3("Pendulum-v1", action_noise="normal", **SMALL)
    (curves,) = agent.plot_critic(observation=HANGING).axes
    (action,) = line(curves, "policy").get_xdata()
    assert action == agent.predict(HANGING)[0]


def test_quantiles_of_the_return_are_bands():
    agent = operant.TQC("Pendulum-v1", n_quantiles=5, **SMALL)
    curves, _ = agent.plot_critic(observation=HANGING).axes
    middle = CURVE // 2  # no torque
    np.testing.assert_allclose(
        line(curves, "mean").get_ydata()[middle],
        of_critics(agent, HANGING, [0.0]).mean(),
        rtol=1e-4,
        atol=1e-6,
    )
    assert len(curves.collections) == 2


def test_two_elements_are_a_map_at_the_start_of_an_episode_next_to_its_frame():
    agent = operant.SAC("TwoJointReach", **SMALL)
    frame, axes, _ = agent.plot_critic().axes
    env = agent.make_env(agent.source, "rgb_array")
    seen, _ = env.reset(seed=SEED)
    np.testing.assert_array_equal(frame.images[0].get_array(), env.render())
    env.close()
    critics, normalizer = agent.state.critics, agent.state.normalizer
    observations, _ = agent.border.observation_in(seen)
    features = critics.encoder(normalizer.observations(observations))
    row, column = 10, 40
    action = -1 + 2 * (np.array([[column, row]], np.float32) + 0.5) / MAP
    expected = np.asarray(critics(features, jnp.asarray(action))).min()
    np.testing.assert_allclose(axes.images[0].get_array()[row, column], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(line(axes, "policy").get_xydata()[0], agent.predict(seen), rtol=1e-6)
    assert axes.get_xlabel() == "speed of the shoulder (2 rad/s)"


@pytest.mark.parametrize(
    "values",
    [{}, {"distributional": "categorical", "v_min": -3.0, "v_max": 5.0}, {"distributional": "implicit"}],
    ids=["expected", "categorical", "implicit"],
)
def test_the_bars_of_discrete_actions_are_q_values(values):
    agent = operant.DQN("CartPole-v1", **SMALL, **values)
    seen = np.array([0.1, 0.2, 0.03, -0.4], np.float32)
    (axes,) = agent.plot_critic(observation=seen).axes
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], agent.q_values(seen), rtol=1e-5)
    coloured = [bar.get_facecolor() for bar in axes.patches]
    assert coloured.index(axes.patches[agent.predict(seen)].get_facecolor()) == agent.predict(seen)
    assert bool(values) == bool(axes.collections)


def test_axes_are_drawn_over_states_of_an_episode_where_none_are_given(sac):
    axes, _ = sac.plot_policy(axes=("sin θ", 2)).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("sin θ", "angular velocity (rad/s)")
    assert len(axes.collections[-1].get_offsets()) == 201  # an episode has 200 steps


@pytest.mark.parametrize(
    ("logged", "shown"),
    [
        ({"train/q_value": [1.0, 2.0]}, ["mean Q of minibatches"]),
        (
            {"train/q_value": [1.0, 2.0], "train/average_max_q": [3.0, 4.0]},
            ["average largest Q of held-out states"],
        ),
        (
            {"train/q_value": [1.0, 2.0], "train/ent_coef": [0.9, 0.5]},
            ["mean Q of minibatches", "temperature of the entropy"],
        ),
        (
            {"train/q_value": [1.0, 2.0], "train/ent_coef": [0.1, 0.1 + 1e-7]},
            ["mean Q of minibatches"],
        ),  # given, not learnt
        ({"train/loss": [1.0, 2.0]}, []),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_next_to_the_returns_is_what_is_expected_and_a_temperature_that_is_learnt(logged, shown):
    core = Core(SAC(), Source("Pendulum-v1"))
    for index in (0, 1):
        core.add_row(
            {STEP: 10 * index, RETURN: -5.0} | {key: values[index] for key, values in logged.items()}
        )
    returns, *others = plot(core, None, None).axes
    assert returns.get_ylabel() == "mean return of recent episodes"
    assert [axes.get_ylabel() for axes in others] == shown
    by_words = {words: key for key, words in LABELS.items()}
    for axes in others:
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), logged[by_words[axes.get_ylabel()]])


NONE: dict[str, tuple[Any, str, str]] = {
    "no critic": (
        lambda: operant.PPO("Pendulum-v1", **SMALL),
        "plot_critic",
        "PPO learns no critic of actions; SAC",
    ),
    "no vector": (
        lambda: operant.SAC("TwoJointReach", **SMALL),
        "plot_policy",
        r"vector observation.*shows Dict\(",
    ),
    "memory": (
        lambda: operant.PPO("Pendulum-v1", preset=None, network={"memory": "gru", "memory_size": 4}),
        "plot_policy",
        "a policy that remembers: what PPO does",
    ),
}


@pytest.mark.parametrize("name", NONE)
def test_what_cannot_be_drawn_is_said(name):
    make, method, message = NONE[name]
    with pytest.raises(NoPictureError, match=message):
        getattr(make(), method)()


def test_several_learners_are_asked_one_by_one():
    agent = operant.TD3("Pendulum-v1", action_noise="normal", seeds=2, **SMALL)
    with pytest.raises(ValueError, match=r"2 learners here: choose one with agent\[i\]"):
        agent.plot_critic()
    with pytest.raises(ValueError, match="one observation; this is a batch"):
        agent[1].plot_critic(observation=np.stack([HANGING] * 2))


def test_the_command_draws_a_model(sac, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sac.save("model.safetensors")
    assert main(["show", "model.safetensors", "policy.png"]) == 0
    hanging = [str(value) for value in HANGING]
    command = ["show", "model.safetensors", "new/critic.png", "--what", "critic"]
    assert main([*command, "--observation", *hanging]) == 0
    assert capsys.readouterr().out.split() == ["policy.png", "new/critic.png"]
    for name in ("policy.png", "new/critic.png"):
        assert Path(name).read_bytes().startswith(b"\x89PNG")

    for more, message in (
        (["--what", "critic", "--axes", "0", "1"], "--axes goes with --what policy"),
        (["--observation", "1"], "--observation goes with --what critic"),
        (["--what", "critic", "--observation", "1", "0"], r"shape (3,); got (2,)"),
        (["--axes", "0", "speed"], "axis 'speed': no element"),
    ):
        assert main(["show", "model.safetensors", "x.png", *more]) == 2
        assert message in capsys.readouterr().err
    assert main(["show", "random", "x.png", "--environment", "Pendulum-v1"]) == 2
    assert "the policy random has learnt nothing" in capsys.readouterr().err
    assert not Path("x.png").exists()
