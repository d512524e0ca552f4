"""The algorithms that learn action values, against loops in plain Python, exact values, and the truth about masks."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.tabular.control import TabularControl
from operant.algorithms.tabular.double_q_learning import DoubleQLearning
from operant.algorithms.tabular.expected_sarsa import ExpectedSARSA
from operant.algorithms.tabular.q_learning import QLearning
from operant.algorithms.tabular.sarsa import SARSA
from operant.algorithms.tabular.table import number_of_states, state_number
from operant.envs import probes
from operant.mdp import MDP, value_iteration
from operant.spaces import Box, Discrete, MultiDiscrete
from operant.types import Batch, EnvSpec
from tests.algorithms.tabular.tape import A, S, learn_from, random_tape
from tests.shared import clock

GAMMA, EPSILON = 0.9, 0.3
CONTROL = (QLearning, DoubleQLearning, SARSA, ExpectedSARSA)


# Loops in plain Python, from the books


class Loop:
    """Tables in float64, and the step size of each visit."""

    def __init__(self, algorithm):
        self.q, self.visits = np.zeros((S, A)), np.zeros((S, A), int)
        self.decay, self.by = algorithm.learning_rate_decay, algorithm.decay_by
        self.alpha, self.bonus = algorithm.learning_rate, algorithm.exploration_bonus

    def step_size(self, step):
        k = self.visits[step.s, step.a] if self.by == "visits" else step.k
        return self.alpha / (1 + k * self.decay)

    def move(self, step, goal, table=None):
        table = self.q if table is None else table
        table[step.s, step.a] += self.step_size(step) * (goal - table[step.s, step.a])
        self.visits[step.s, step.a] += 1

    def score(self, s):
        return self.q[s] + self.bonus / (1 + self.visits[s])

    def policy(self, s, mask):
        """ε-greedy, evenly among the best."""
        score = np.where(mask, self.score(s), -np.inf)
        best = score == score.max()
        return np.where(mask, (1 - EPSILON) * best / best.sum() + EPSILON / mask.sum(), 0.0)


def q_learning(algorithm, steps, keys):
    loop = Loop(algorithm)
    for x in steps:
        next_value = 0.0 if x.terminated else loop.score(x.t)[x.mask].max()
        loop.move(x, x.r + GAMMA * next_value)
    return loop.q, loop.visits


def expected_sarsa(algorithm, steps, keys):
    loop = Loop(algorithm)
    for x in steps:
        next_value = 0.0 if x.terminated else loop.policy(x.t, x.mask) @ loop.q[x.t]
        loop.move(x, x.r + GAMMA * next_value)
    return loop.q, loop.visits


def double_q_learning(algorithm, steps, keys):
    loop, tables = Loop(algorithm), np.zeros((2, S, A))
    num_envs = 1 + max(x.env for x in steps)
    coins = np.concatenate([np.asarray(jax.random.bits(key, (num_envs,))) & 1 for key in keys])
    for x, coin in zip(steps, coins, strict=True):
        own, other = tables[coin], tables[1 - coin]
        best = np.argmax(np.where(x.mask, own[x.t], -np.inf))
        loop.move(x, x.r + (0.0 if x.terminated else GAMMA * other[x.t, best]), own)
    return tables.mean(0), loop.visits


def sarsa(algorithm, steps, keys):
    """Each step is learnt from when its environment's next action is known; an episode's last one at once."""
    loop, waiting = Loop(algorithm), {}
    for x in steps:
        if x.env in waiting:
            before = waiting.pop(x.env)
            loop.move(before, before.r + GAMMA * loop.q[x.s, x.a])
        if x.terminated:
            loop.move(x, x.r)
        elif x.truncated:
            loop.move(x, x.r + GAMMA * loop.policy(x.t, x.mask) @ loop.q[x.t])
        else:
            waiting[x.env] = x
    return loop.q, loop.visits


LOOPS = {
    QLearning: q_learning,
    DoubleQLearning: double_q_learning,
    SARSA: sarsa,
    ExpectedSARSA: expected_sarsa,
}


@pytest.mark.parametrize("num_envs", [1, 3])
@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.__name__)
def test_tabular_control_updates_are_those_of_a_loop(kind, num_envs):
    spec, tape, steps = random_tape(200, num_envs)
    for settings in (
        {"learning_rate": 0.3},
        {"learning_rate": 0.9, "learning_rate_decay": 0.5, "exploration_bonus": 2.0},
        {"learning_rate": 0.9, "learning_rate_decay": 0.02, "decay_by": "steps"},
    ):
        algorithm = kind(gamma=GAMMA, epsilon=EPSILON, **settings)
        state, _, keys = learn_from(algorithm, spec, tape)
        q, visits = LOOPS[kind](algorithm, steps, keys)
        np.testing.assert_allclose(state.q_values, q, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(state.visits, visits)


def test_tabular_control_update_of_one_step_by_hand():
    spec, tape, _ = random_tape(1, 1)

    def one(value, dtype=jnp.int32):
        return jnp.full((1, 1), value, dtype)

    tape = replace(
        tape, observation=one(0), action=one(2), reward=one(1.0, jnp.float32), next_observation=one(1)
    )
    flags = {"terminated": (True, False), "truncated": (False, True), "goes on": (False, False)}
    algorithm = QLearning(learning_rate=0.5, gamma=0.9)
    state = algorithm.init(spec, jax.random.key(0))
    values = jnp.zeros((S, A)).at[1].set(jnp.array([5.0, 7.0, 100.0]))  # the last is not possible
    state = eqx.tree_at(lambda s: s.q_values, state, values)
    found = {}
    for name, (terminated, truncated) in flags.items():
        made = replace(tape, terminated=one(terminated, bool), truncated=one(truncated, bool))
        made = replace(made, next_action_mask=jnp.array([[[True, True, False]]]))
        after, metrics, _ = learn_from(algorithm, spec, made, state)
        found[name] = float(after.q_values[0, 2])
        assert metrics["train/td_error"].mask[0]
        assert float(metrics["train/td_error"].value[0]) == pytest.approx(2 * found[name])
    assert found == pytest.approx(
        {"terminated": 0.5, "truncated": 3.65, "goes on": 3.65}
    )  # (1 + 0.9 · 7) / 2


@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.__name__)
def test_tabular_control_learns_nothing_from_what_never_happened(kind):
    spec, tape, _ = random_tape(50, 1)
    algorithm = kind(gamma=GAMMA)
    state = algorithm.init(spec, jax.random.key(0))
    row = jax.tree.map(lambda x: x[:1], tape)
    after, _ = algorithm.update(state, Batch(row, jnp.zeros((1, 1))), jax.random.key(0), clock(1))
    np.testing.assert_array_equal(after.q_values, state.q_values)
    np.testing.assert_array_equal(after.visits, state.visits)


# Acting


def acted(algorithm, q_values, *, mask=None, epsilon_seen=0, draws=4000, explore=True, visits=None):
    """The frequency of each action `[A]` in a state with these values."""
    spec = EnvSpec("Test", Discrete(1), Discrete(len(q_values)), num_envs=draws)
    state = algorithm.init(spec, jax.random.key(0))
    state = eqx.tree_at(lambda s: s.q_values, state, jnp.asarray([q_values], jnp.float32))
    if visits is not None:
        state = eqx.tree_at(lambda s: s.visits, state, jnp.asarray([visits], jnp.int32))
    mask = None if mask is None else jnp.tile(jnp.asarray(mask), (draws, 1))
    noise = algorithm.sample_noise(spec, jax.random.key(1)) if explore else None
    action, carry, _ = algorithm.act(
        state, jnp.zeros(draws, jnp.int32), mask, (), noise, clock(epsilon_seen), explore=explore
    )
    assert carry == ()
    return np.bincount(np.asarray(action), minlength=len(q_values)) / draws


def test_q_learning_acts_epsilon_greedily_with_random_ties_and_no_impossible_action():
    algorithm = QLearning(epsilon=0.2)
    np.testing.assert_allclose(acted(algorithm, [0, 1, 0, 0]), [0.05, 0.85, 0.05, 0.05], atol=0.02)
    np.testing.assert_allclose(acted(algorithm, [1, 1, 0, 0]), [0.45, 0.45, 0.05, 0.05], atol=0.03)
    mask = [True, False, True, True]
    np.testing.assert_allclose(acted(algorithm, [0, 1, 0, -1], mask=mask), [0.47, 0, 0.47, 0.066], atol=0.03)
    np.testing.assert_array_equal(acted(algorithm, [0, 1, 1, -1], mask=mask, explore=False), [0, 0, 1, 0])
    np.testing.assert_array_equal(acted(algorithm, [0, 0, 0, 0], explore=False), [1, 0, 0, 0])


def test_q_learning_epsilon_follows_its_schedule():
    algorithm = registry.build(QLearning, {"epsilon": "linear:1:0:0.5"})
    assert acted(algorithm, [1, 0], epsilon_seen=0)[1] == pytest.approx(0.5, abs=0.03)
    assert acted(algorithm, [1, 0], epsilon_seen=25)[1] == pytest.approx(0.25, abs=0.03)
    assert acted(algorithm, [1, 0], epsilon_seen=50)[1] == 0


def test_q_learning_exploration_bonus_prefers_what_was_tried_less():
    curious = QLearning(epsilon=0.0, exploration_bonus=10.0)
    assert acted(curious, [3, 0, 0], visits=[9, 4, 9])[0] == 1  # 3 + 10/10 against 10/5
    assert acted(curious, [3, 0, 0], visits=[9, 1, 9])[1] == 1  # 4 against 10/2
    assert acted(curious, [3, 0, 0], visits=[9, 1, 9], explore=False)[0] == 1


# What is learnt


@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.__name__)
def test_tabular_control_values_converge_to_the_optimal_ones(kind):
    mdp = MDP.random(5, 3, impossible=0.2, seed=3)
    off_policy = kind in (QLearning, DoubleQLearning)
    steps = {"learning_rate": 1.0, "learning_rate_decay": 0.1, "epsilon": 0.5}
    if not off_policy:  # what it learns is the value of a policy, which becomes greedy
        steps = {"learning_rate": "linear:0.4:0", "epsilon": "linear:1:0"}
    algorithm = registry.build(kind, {"gamma": 0.7, "exploration_bonus": 1, **steps})
    agent = Agent(algorithm, mdp.to_environment(), num_envs=2).learn(100_000, progress_bar=False)
    exact = value_iteration(mdp, 0.7)
    found = np.where(mdp.possible_actions, agent.state.q_values, -np.inf)
    np.testing.assert_allclose(found.max(1), exact.values, atol=0.15)
    np.testing.assert_array_equal(found.argmax(1), exact.policy)
    if off_policy:
        np.testing.assert_allclose(found, exact.q_values, atol=0.15)
    assert (np.asarray(agent.state.visits)[~mdp.possible_actions] == 0).all()


@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.__name__)
def test_tabular_control_never_values_a_forbidden_action(kind):
    algorithm = kind(gamma=GAMMA, learning_rate=0.2)
    agent = Agent(algorithm, probes.Masked()).learn(4_000, progress_bar=False)
    np.testing.assert_allclose(agent.state.q_values[0, 1], 1 + GAMMA, atol=0.15)
    np.testing.assert_allclose(agent.state.q_values[1, 2], 1.0, atol=0.05)
    assert agent.predict(0, action_mask=np.array([True, True, False])) == 1


@pytest.mark.parametrize("kind", CONTROL, ids=lambda kind: kind.__name__)
def test_tabular_control_bootstraps_at_a_truncation(kind):
    algorithm = kind(gamma=GAMMA, learning_rate=0.2, epsilon=0.1)
    agent = Agent(algorithm, probes.TwoStates()).learn(6_000, progress_bar=False)
    np.testing.assert_allclose(np.max(agent.state.q_values, 1), [9.0, 10.0], atol=0.3)


# Double Q-learning values the first of equals, whichever that is.
@pytest.mark.parametrize("kind", [QLearning, SARSA, ExpectedSARSA], ids=lambda kind: kind.__name__)
def test_tabular_control_permutes_its_table_with_relabelled_states_and_actions(kind):
    spec, tape, _ = random_tape(100, 1)
    rng = np.random.default_rng(5)
    states, actions = rng.permutation(S), rng.permutation(A)

    def mask(x):
        return x[..., np.argsort(actions)]

    renamed = replace(
        tape,
        observation=jnp.asarray(states)[tape.observation],
        next_observation=jnp.asarray(states)[tape.next_observation],
        action=jnp.asarray(actions)[tape.action],
        action_mask=mask(tape.action_mask),
        next_action_mask=mask(tape.next_action_mask),
    )
    algorithm = kind(gamma=GAMMA, epsilon=EPSILON)
    one, other = (learn_from(algorithm, spec, x)[0].q_values for x in (tape, renamed))
    np.testing.assert_allclose(other[states][:, actions], one, rtol=1e-5, atol=1e-6)


# Where it can be used


def test_state_number_of_several_parts_is_a_row_of_the_table():
    space = MultiDiscrete((2, 3, 4))
    assert number_of_states(space) == 24
    parts = np.stack(np.meshgrid(*map(np.arange, space.nvec), indexing="ij"), -1).reshape(-1, 3)
    np.testing.assert_array_equal(state_number(space, jnp.asarray(parts, jnp.int32)), np.arange(24))


def test_sarsa_and_q_learning_refuse_spaces_without_a_table():
    with pytest.raises(
        ValueError, match=r"SARSA keeps a table, and needs Discrete.*CartPole-v1 has Box\(4\)"
    ):
        Agent(SARSA(), "CartPole-v1")
    spec = EnvSpec("Arm", Discrete(4), Box(-1.0, 1.0, (2,)))
    with pytest.raises(ValueError, match=r"QLearning needs a Discrete action space: Arm has Box\(2\)"):
        QLearning().check(spec)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": 1.5}, "gamma=1.5: must be a number in [0, 1]"),
        ({"epsilon": -0.1}, "epsilon=-0.1: must be a number in [0, 1]"),
        ({"learning_rate_decay": -1}, "learning_rate_decay=-1.0: must be at least 0"),
        ({"decay_by": "time"}, 'decay_by=\'time\': must be "visits" or "steps"'),
    ],
)
def test_q_learning_refuses_wrong_values(values, message):
    with pytest.raises(ValueError, match=r".") as error:
        registry.build(QLearning, values)
    assert message in str(error.value)


def test_sarsa_is_saved_and_loaded(tmp_path):
    agent = Agent(SARSA(), probes.TwoStates(), num_envs=2).learn(100, progress_bar=False)
    agent.save(tmp_path / "m.safetensors")
    again = Agent.load(tmp_path / "m.safetensors", env=probes.TwoStates())
    np.testing.assert_array_equal(again.state.q_values, agent.state.q_values)
    assert isinstance(again.algorithm, TabularControl)


def test_q_learning_of_several_seeds_learns_what_each_learns_alone():
    algorithm = QLearning(gamma=GAMMA)
    together = Agent(algorithm, probes.Masked(), seeds=4).learn(500, progress_bar=False)
    for seed in (0, 3):
        alone = Agent(algorithm, probes.Masked(), seed=seed).learn(500, progress_bar=False)
        np.testing.assert_allclose(together.state.q_values[seed], alone.state.q_values, rtol=1e-6)
