"""What the engine promises an algorithm: which state acts and learns, what counts, and what never happened."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.engine.learn import learn, sample_learning_noise, to_environment, warm_up
from operant.engine.metrics import present
from operant.engine.train_state import initial_state, start, transition
from operant.plans import Replay, Rollout
from operant.spaces import Box, Discrete
from operant.types import EnvSpec, TimeStep, Transition
from tests.shared import Acting

N, T = 2, 4
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (1,)), Discrete(2), dummy_steps=True, num_envs=N)


class Spy(Acting):
    """Its state counts updates and observations; its metrics tell what it was given."""

    plan: Rollout | Replay = eqx.field(static=True)

    @property
    def experience(self):
        return self.plan

    def init(self, spec, key):
        return {"updated": jnp.zeros((), jnp.int32), "observed": jnp.zeros((), jnp.int32)}

    def update_statistics(self, state, transition):
        return state | {"observed": state["observed"] + 1}

    def update(self, state, batch, key, clock):
        told = {
            "observed": state["observed"],
            "step": clock.step,
            "weight": jnp.mean(batch.weight),
            "dummies": jnp.sum(batch.weight * (batch.transition.reward == 99)),
            "seen_dummies": jnp.sum(batch.transition.reward == 99),
            "raw": jnp.sum(batch.transition.reward == -7),
        }
        assert batch.transition.raw_reward is None
        return state | {"updated": state["updated"] + 1}, told


def tape(seed=0):
    """`[T, N]`, in which a reward of 99 marks the steps that never happened."""
    valid = np.random.default_rng(seed).random((T, N)) < 0.6
    return Transition(
        observation=jnp.zeros((T, N, 1)),
        action=jnp.zeros((T, N), jnp.int32),
        reward=jnp.where(valid, 1.0, 99.0),
        terminated=jnp.zeros((T, N), bool),
        truncated=jnp.zeros((T, N), bool),
        next_observation=jnp.zeros((T, N, 1)),
        valid=jnp.asarray(valid),
    )


def begin(plan):
    algorithm = Spy(plan)
    key = jax.random.key(0)
    state = initial_state(algorithm, SPEC, key)
    return algorithm, start(algorithm, SPEC, key, state, (), jnp.zeros((N, 1)), None)


@pytest.mark.parametrize("plan", [Rollout(T), Replay(64, 50, collect_steps=T)], ids=["rollout", "replay"])
def test_learn_gives_no_weight_to_steps_that_never_happened(plan):
    algorithm, run = begin(plan)
    experience = tape()
    happened = int(experience.valid.sum())
    run, told = learn(
        algorithm, run, experience, (), sample_learning_noise(algorithm, N, run.key, run.iteration)
    )
    assert 0 < happened < T * N
    told = present(told)
    assert told["seen_dummies"] > 0
    assert told["dummies"] == 0
    assert int(run.clock.step) == int(told["step"]) == happened
    assert told["weight"] == pytest.approx(happened / (T * N), abs=0.0 if isinstance(plan, Rollout) else 0.25)
    np.testing.assert_allclose(run.statistics.running_return, experience.valid.sum(0))


@pytest.mark.parametrize(
    "plan", [Rollout(T), Replay(64, 8, collect_steps=T, updates=3)], ids=["rollout", "replay"]
)
def test_learn_is_with_the_state_that_acted_and_updates_statistics_once_after_it(plan):
    algorithm, run = begin(plan)
    updates = 1 if isinstance(plan, Rollout) else 3
    for iteration in range(3):
        run, told = learn(
            algorithm, run, tape(iteration), (), sample_learning_noise(algorithm, N, run.key, run.iteration)
        )
        assert present(told)["observed"] == iteration
        assert int(run.state["observed"]) == int(run.iteration) == iteration + 1
        assert int(run.state["updated"]) == updates * (iteration + 1)


@pytest.mark.parametrize("plan", [Rollout(T), Replay(64, 50, collect_steps=T)], ids=["rollout", "replay"])
def test_learn_is_from_rewards_of_wrappers_and_counts_the_environments_own(plan):
    algorithm, run = begin(plan)
    experience = replace(tape(), raw_reward=jnp.full((T, N), -7.0))
    run, told = learn(
        algorithm, run, experience, (), sample_learning_noise(algorithm, N, run.key, run.iteration)
    )
    assert present(told)["raw"] == 0
    np.testing.assert_allclose(run.statistics.running_return, -7 * experience.valid.sum(0))


def test_warm_up_remembers_and_counts_and_learns_nothing():
    algorithm, run = begin(Replay(64, 8, collect_steps=T))
    run = warm_up(algorithm, run, tape(), ())
    assert int(run.state["updated"]) == 0
    assert int(run.state["observed"]) == 1
    assert int(run.replay.size) == T
    assert int(run.clock.step) == int(tape().valid.sum())


def test_sample_learning_noise_differs_across_iterations_updates_and_seeds():
    algorithm, _ = begin(Replay(64, 16, collect_steps=T, updates=3))
    draws = [
        sample_learning_noise(algorithm, N, jax.random.key(seed), jnp.asarray(iteration))
        for seed in (0, 1)
        for iteration in (0, 1)
    ]
    places = np.concatenate([np.ravel(noise.replay) for noise in draws])
    assert len(np.unique(places)) == len(places)
    keys = np.concatenate([jax.random.key_data(noise.update) for noise in draws])
    assert len(np.unique(keys, axis=0)) == len(keys) == 12
    again = sample_learning_noise(algorithm, N, jax.random.key(0), jnp.asarray(0))
    np.testing.assert_array_equal(again.replay, draws[0].replay)


@pytest.mark.parametrize(
    ("space", "inside"),
    [
        (Box(-1.0, 3.0, (1,)), [-1.0, 0.5, 3.0]),
        (Box((-1.0,), (np.inf,), (1,)), [-1.0, 0.5, 9.0]),
        (Box(-np.inf, np.inf, (1,)), [-9.0, 0.5, 9.0]),
    ],
    ids=["asymmetric", "half-bounded", "unbounded"],
)
def test_to_environment_clips_actions_to_their_bounds(space, inside):
    action = np.array([[-9.0], [0.5], [9.0]], np.float32)
    for kind in (np.asarray, jnp.asarray):  # as on the host and on the device
        np.testing.assert_array_equal(to_environment(space, kind(action))[:, 0], inside)
    choices = np.array([0, 2])
    assert to_environment(Discrete(3), choices) is choices


class Ranked(Spy):
    """Gives the B things that it is shown the priorities 1 to B, and remembers what it was shown with which weights."""

    def init(self, spec, key):
        nothing = jnp.zeros((self.plan.updates, self.plan.batch_size))
        return super().init(spec, key) | {"rewards": nothing, "weights": nothing}

    def update(self, state, batch, key, clock):
        i = state["updated"]
        shown = {
            "rewards": state["rewards"].at[i].set(batch.transition.reward),
            "weights": state["weights"].at[i].set(batch.weight),
        }
        state, told = super().update(state | shown, batch, key, clock)
        return state, told, jnp.arange(1.0, 1 + len(batch.weight))

    def importance(self, clock):
        return 0.7


def test_learn_sets_priorities_of_the_last_update_which_make_the_weights_of_the_next():
    plan = Replay(4, 16, collect_steps=4, updates=2, priority=True)
    algorithm, spec, key = Ranked(plan), replace(SPEC, num_envs=1, dummy_steps=False), jax.random.key(0)
    run = start(algorithm, spec, key, initial_state(algorithm, spec, key), (), jnp.zeros((1, 1)), None)
    rows = jax.tree.map(lambda x: x[:, :1], replace(tape(), valid=None))
    rows = replace(rows, reward=jnp.arange(4.0)[:, None])  # each tells its place
    run, _ = learn(algorithm, run, rows, (), sample_learning_noise(algorithm, 1, key, jnp.asarray(0)))

    priority = np.ones(4)  # of what is new
    for rewards, weights in zip(run.state["rewards"], run.state["weights"], strict=True):
        drawn = np.asarray(rewards).astype(int)
        np.testing.assert_allclose(weights, (priority[drawn].min() / priority[drawn]) ** 0.7, rtol=1e-6)
        priority[drawn] = np.arange(1.0, 17.0)  # of several for one place the last, which is the largest
    np.testing.assert_array_equal(run.replay.priorities.tree[0][:4], priority)
    assert len(np.unique(run.state["weights"][1])) > 1


def test_transition_has_the_mask_that_was_acted_under_and_that_of_the_true_successor():
    seen, action = jnp.zeros((N, 1)), jnp.zeros(N, jnp.int32)
    masks = [jnp.full((N, 2), i) for i in range(3)]
    timestep = TimeStep(
        observation=seen + 1,
        next_observation=seen + 2,
        reward=jnp.full(N, 3.0),
        terminated=jnp.ones(N, bool),
        truncated=jnp.zeros(N, bool),
        action_mask=masks[1],
        next_action_mask=masks[2],
        raw_reward=jnp.full(N, 4.0),
    )
    extras = jnp.full(N, 5.0)
    made = transition(seen, masks[0], action, extras, timestep)
    assert made.extras is extras
    assert (made.observation is seen, made.action is action) == (True, True)
    assert (made.action_mask is masks[0], made.next_action_mask is masks[2]) == (True, True)
    assert made.next_observation is timestep.next_observation
    for name in ("reward", "raw_reward", "terminated", "truncated", "valid"):
        assert getattr(made, name) is getattr(timestep, name)
