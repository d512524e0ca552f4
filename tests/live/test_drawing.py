"""Pictures on request, what the network sees, and what was experienced: by loops over what training really did."""

from __future__ import annotations

import io
import threading
import time

import jax
import numpy as np
import pytest
from PIL import Image

import operant
from operant.agent.experienced import MOST, experienced
from operant.agent.saliency import Axes
from operant.live.drawing import DRAWINGS, Moment, Seen, draw
from operant.live.thinking import looks
from operant.studio.saliency_maps import shown
from tests.shared import SMALL_DQN, ppo

SEEN = np.array([0.01, 0.02, 0.03, 0.04], np.float32)


def moment(agent, observation=None, lately=None) -> Moment:
    seen = None if observation is None else Seen(observation, np.zeros((40, 60, 3), np.uint8), 3)
    return Moment(agent, agent.step, seen, lately)


def is_picture(png: bytes) -> bool:
    image = Image.open(io.BytesIO(png))
    return image.format == "PNG" and min(image.size) > 100 and len(set(image.convert("L").tobytes())) > 5


@pytest.fixture(scope="module")
def prioritised():
    """DQN whose replay of 96 has gone round more than once, with every transition that it was given."""
    seen = []
    agent = operant.DQN("CartPole-v1", seed=0, num_envs=2, priority=True, **SMALL_DQN | {"buffer_size": 96})
    agent.learn(300, progress_bar=False, observers=[lambda t: seen.append(jax.tree.map(np.asarray, t))])
    return agent, seen


def lately(agent, before=None):
    run = agent.learner.run
    return experienced(run, agent.spec, agent.seeds is not None, agent.step, before)


def test_what_replay_holds_is_what_was_experienced_last(prioritised):
    agent, seen = prioritised
    found = lately(agent)
    assert found.stored is not None
    assert (found.stored.size, found.stored.capacity) == (96, 96)
    rows = [np.concatenate([np.reshape(x, (-1, *np.shape(x)[2:])) for x in parts]) for parts in (
        [t.observation for t in seen], [t.reward for t in seen], [t.terminated | t.truncated for t in seen],
    )]  # fmt: skip
    assert np.array_equal(found.places, rows[0][-96:])
    assert np.array_equal(found.stored.reward, rows[1][-96:])
    assert np.array_equal(found.stored.ended, rows[2][-96:])
    assert found.steps.tolist() == [agent.step - back for back in range(96, 0, -2) for _ in range(2)]
    assert np.isclose(found.stored.priority.sum(), 1)
    assert np.ptp(found.stored.priority) > 0


def test_replay_that_is_partly_full_or_empty_tells_only_what_is_there():
    agent = operant.DQN("CartPole-v1", seed=0, **SMALL_DQN | {"buffer_size": 10_000})
    agent.learn(40, progress_bar=False)
    found = lately(agent)
    assert found.stored is not None
    assert (found.stored.size, len(found.stored.reward), len(found.places)) == (40, 40, 40)
    assert found.steps.tolist() == list(range(40))
    assert found.stored.priority is None
    assert len(found.places) <= MOST


def test_without_replay_places_are_where_learners_stood_and_of_all_seeds():
    agent = ppo(seed=3, seeds=2, num_envs=2)
    agent.learn(128, progress_bar=False)
    first = lately(agent)
    assert first.stored is None
    assert np.array_equal(first.places, np.asarray(agent.learner.run.observation).reshape(4, 4))
    agent.learn(128, progress_bar=False)
    second = lately(agent, first)
    assert np.array_equal(second.places[:4], first.places)
    assert second.steps.tolist() == [128] * 4 + [256] * 4
    for _ in range(600):
        second = lately(agent, second)
    assert len(second.places) == len(second.steps) == MOST


def test_every_picture_is_drawn_or_says_why_not(prioritised):
    agent, _ = prioritised
    now = moment(agent, SEEN, lately(agent))
    for what in ("policy", "critic", "visited", "replay"):
        assert is_picture(draw(what, now)), what
    with pytest.raises(ValueError, match="Saliency is of the pixels of an image"):
        draw("saliency", now)
    for what, why in (
        ("critic", "watch the newest policy first"),
        ("saliency", "watch the newest policy first"),
        ("visited", "while they train"),
        ("replay", "has no replay in the page's own process"),
    ):
        with pytest.raises(ValueError, match=why):
            draw(what, moment(agent))
    assert set(DRAWINGS) == {"policy", "critic", "saliency", "visited", "replay"}


def test_a_table_is_drawn_with_where_its_learner_has_been():
    agent = operant.QLearning("GridWorld", seed=0, preset=None).learn(200, progress_bar=False)
    assert is_picture(draw("policy", moment(agent)))
    assert is_picture(draw("visited", moment(agent)))


def test_of_an_image_the_page_shows_what_the_network_sees_and_where_it_looks():
    small = {"convolutions": [[4, 3, 1]], "convolution_features": 8, "hidden_sizes": []}
    agent = operant.DQN("MinBreakout", seed=0, preset=None, network=small, learning_starts=10)
    env = agent.make_env(agent.source)
    image, _ = env.reset(seed=0)
    found = looks(agent, np.asarray(image))
    assert set(found) == {"sees", "looks"}
    assert all(address.startswith("data:image/png;base64,") for address in found.values())
    assert found["sees"] != found["looks"]
    assert is_picture(draw("saliency", moment(agent, np.asarray(image))))
    assert looks(ppo(seed=3), SEEN) == {}


def test_axes_newest_is_the_last_of_a_stack_and_of_layers_all_together():
    stack = np.arange(4 * 5 * 4, dtype=np.uint8).reshape(4, 5, 4)
    layers = np.zeros((4, 5, 3), np.uint8)
    layers[0, 1, 0] = layers[2, 3, 2] = 1
    axes = Axes(-3, -2)
    assert np.array_equal(axes.newest(stack), stack[..., 3])
    together = axes.newest(layers)
    assert together.shape == (4, 5)
    assert np.argwhere(together).tolist() == [[0, 1], [2, 3]]
    assert shown(together).max() == 1  # seen, not one part in 255
    assert shown(np.full((2, 2), 255, np.uint8)).max() == 1


def test_training_keeps_what_is_looked_at_and_learns_the_same():
    def dqn():
        return operant.DQN("CartPole-v1", seed=0, priority=True, **SMALL_DQN)

    steering, agent = operant.Steering(), dqn()
    steering.snapshot()  # somebody looks
    steering.ask("pause")
    thread = threading.Thread(
        target=lambda: agent.learn(300, progress_bar=False, log_interval=100, steering=steering), daemon=True
    )
    thread.start()
    while not steering.paused:
        time.sleep(0.02)
    time.sleep(0.3)
    kept = steering.snapshot()
    assert kept is not None
    assert kept.experienced is not None
    assert kept.experienced.stored is not None
    assert kept.experienced.stored.size == kept.step == agent.step < 300
    steering.ask("go on")
    thread.join(60)
    alone = dqn().learn(300, progress_bar=False, log_interval=100)
    for x, y in zip(jax.tree.leaves(alone.state), jax.tree.leaves(agent.state), strict=True):
        assert np.array_equal(x, y)
