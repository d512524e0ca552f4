"""SAC against loops over samples, closed forms of a bandit, and counts; what it refuses, and that nothing leaks."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from off_policy_samples import BOX, CHOICES, SMALL, B, minibatch, normal, one_critic, state_of, to_units
from scipy.optimize import brentq
from scipy.special import logsumexp

from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.soft import Choice, ent_coef_loss, entropy_target, initial_ent_coef
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Box, Dict, Discrete, MultiDiscrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock

ALGORITHM = SAC(gamma=0.9, network=SMALL, ent_coef=0.3)
KEY = jax.random.key(5)


@jax.jit
def critic_loss(algorithm, state, batch):
    sample = algorithm.sample(batch, state)
    return algorithm.critic_loss(
        state.critics, state.target, state.actor, algorithm.temperature(state.log_ent_coef), sample, KEY
    )


@jax.jit
def update(algorithm, state, batch, moment):
    return algorithm.update(state, batch, KEY, moment)


def choice_of_next(state, transition):
    """What was drawn in the target: the action in units, and its log-probability."""
    policy = state.actor.policy(transition.next_observation)
    choice = Choice.of(policy, jax.random.split(KEY, 5)[0])
    return np.asarray(choice.action, np.float64), np.asarray(choice.log_prob, np.float64)


def test_sac_critic_loss_is_that_of_a_loop_over_samples():
    state, transition = state_of(ALGORITHM), minibatch()
    weight = jnp.asarray(np.where(np.arange(B) % 4 == 0, 0.0, 0.5 + np.arange(B) / B), jnp.float32)
    loss, (metrics, td_error) = critic_loss(ALGORITHM, state, Batch(transition, weight))
    next_action, log_prob = choice_of_next(state, transition)
    losses, errors = [], []
    for i in range(B):
        after = np.concatenate([transition.next_observation[i], next_action[i]])
        here = np.concatenate([transition.observation[i], to_units(transition.action[i])])
        least = min(one_critic(state.target, k, after)[0] for k in range(2))
        y = float(transition.reward[i])
        if not transition.terminated[i]:
            y += 0.9 * (least - 0.3 * log_prob[i])
        delta = [y - one_critic(state.critics, k, here)[0] for k in range(2)]
        losses.append(sum(0.5 * d**2 for d in delta))
        errors.append(np.mean(np.abs(delta)))
    kept = np.asarray(weight) > 0
    expected = np.sum((np.asarray(weight) * losses)[kept]) / kept.sum()
    np.testing.assert_allclose(loss, expected, rtol=1e-3)
    np.testing.assert_allclose(td_error, errors, rtol=1e-3, atol=1e-3)
    assert set(metrics) == {"train/critic_loss", "train/q_value"}


def test_sac_of_discrete_actions_sums_over_those_that_are_possible():
    algorithm = ALGORITHM
    state, transition = state_of(algorithm, CHOICES), minibatch(CHOICES, masked=True)
    loss, _ = critic_loss(algorithm, state, Batch(transition, jnp.ones(B)))
    actor = jax.tree.map(lambda x: np.asarray(x, np.float64), state.actor.head)
    losses = []
    for i in range(B):
        after = np.asarray(transition.next_observation[i], np.float64)
        logits = np.tanh(after @ actor.hidden[0].weight + actor.hidden[0].bias) @ actor.output.weight
        logits = logits + actor.output.bias
        possible = np.flatnonzero(transition.next_action_mask[i])
        log_pi = logits[possible] - logsumexp(logits[possible])
        least = np.minimum(*(one_critic(state.target, k, after) for k in range(2)))[possible]
        y = float(transition.reward[i])
        if not transition.terminated[i]:
            y += 0.9 * np.sum(np.exp(log_pi) * (least - 0.3 * log_pi))
        here = np.asarray(transition.observation[i], np.float64)
        q = [one_critic(state.critics, k, here)[int(transition.action[i])] for k in range(2)]
        losses.append(sum(0.5 * (y - x) ** 2 for x in q))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-3)


def test_sac_bootstraps_at_a_truncation_and_not_at_a_termination():
    state, nothing, ended = state_of(ALGORITHM), jnp.zeros(B, bool), jnp.ones(B, bool)
    free = minibatch(terminated=nothing, truncated=nothing)
    elsewhere = replace(free, terminated=ended, next_observation=normal(B, 3))
    cases = [free, replace(free, truncated=ended), replace(free, terminated=ended), elsewhere]
    on, cut, end, other = (float(critic_loss(ALGORITHM, state, Batch(t, jnp.ones(B)))[0]) for t in cases)
    assert cut == on
    assert end != on
    assert other == end


def test_sac_critic_loss_has_no_gradient_but_by_the_online_critics():
    """Neither the target, nor the policy that acts in it, nor its temperature."""
    state, transition = state_of(ALGORITHM), minibatch()
    sample = ALGORITHM.sample(Batch(transition, jnp.ones(B)), state)

    @jax.jit
    @jax.grad
    def gradient(learnt):
        return ALGORITHM.critic_loss(*learnt, sample, KEY)[0]

    of_critics, *others = gradient((state.critics, state.target, state.actor, jnp.asarray(0.3)))
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(others))
    assert any((np.asarray(x) != 0).any() for x in jax.tree.leaves(of_critics))


def test_sac_actor_loss_is_that_of_a_loop_over_samples_and_has_the_gradient_of_finite_differences():
    state, transition = state_of(ALGORITHM), minibatch()
    sample = ALGORITHM.sample(Batch(transition, jnp.ones(B)), state)

    @jax.jit
    def loss(actor):
        return ALGORITHM.actor_loss(actor, state.critics, jnp.asarray(0.3), sample, KEY)[0]

    policy = state.actor.policy(transition.observation)
    choice = Choice.of(policy, jax.random.split(KEY, 3)[0])
    expected = []
    for i in range(B):
        inputs = np.concatenate([transition.observation[i], choice.action[i]]).astype(np.float64)
        least = min(one_critic(state.critics, k, inputs)[0] for k in range(2))
        expected.append(0.3 * float(choice.log_prob[i]) - least)
    np.testing.assert_allclose(loss(state.actor), np.mean(expected), rtol=1e-3)

    gradient = jax.jit(jax.grad(loss))(state.actor)
    leaves, structure = jax.tree.flatten(state.actor)
    direction = structure.unflatten([normal(*x.shape) for x in leaves])
    near = [
        float(loss(jax.tree.map(lambda x, d, s=s: x + s * d, state.actor, direction))) for s in (1e-2, -1e-2)
    ]
    slope = (near[0] - near[1]) / 2e-2
    assert float(optax.tree.vdot(gradient, direction)) == pytest.approx(slope, rel=0.02, abs=1e-2)


def test_sac_update_is_a_step_down_the_loss_by_the_target_network():
    state, batch = state_of(ALGORITHM), Batch(minibatch(), jnp.ones(B))
    _, metrics = update(ALGORITHM, state, batch, clock())

    @jax.jit
    def loss(state):
        networks = state.critics, state.target, state.actor, jnp.asarray(0.3)
        return ALGORITHM.critic_loss(*networks, ALGORITHM.sample(batch, state), jax.random.split(KEY)[0])[0]

    np.testing.assert_allclose(metrics["train/critic_loss"], loss(state), rtol=1e-5)


def test_sac_policy_does_not_update_the_critics():
    """The critics after an update are those of their own gradient alone, whatever the policy's loss."""
    state, batch = state_of(ALGORITHM), Batch(minibatch(), jnp.ones(B))
    mean = replace(ALGORITHM, policy_q="mean")
    one, other = (update(algorithm, state, batch, clock())[0] for algorithm in (ALGORITHM, mean))
    for a, b in zip(jax.tree.leaves(one.critics), jax.tree.leaves(other.critics), strict=True):
        np.testing.assert_array_equal(a, b)
    differ = [
        (np.asarray(a) != np.asarray(b)).any()
        for a, b in zip(jax.tree.leaves(one.actor), jax.tree.leaves(other.actor), strict=True)
    ]
    assert any(differ)


def test_sac_shared_encoder_is_learnt_by_the_critics_alone():
    spec = replace(BOX, observation_space=Dict((("a", Box(-1.0, 1.0, (3,))),)))
    network = replace(SMALL, encoders=(("a", (6,)),), share_features_extractor=True)
    algorithm = SAC(network=network, ent_coef=0.3)
    state = state_of(algorithm, spec)
    assert state.actor.encoder is None
    transition = minibatch()
    transition = replace(
        transition,
        observation={"a": transition.observation},
        next_observation={"a": transition.next_observation},
    )
    batch = Batch(transition, jnp.ones(B))
    mean = replace(algorithm, policy_q="mean")
    one, other = (update(made, state, batch, clock())[0].critics.encoder for made in (algorithm, mean))
    for a, b, before in zip(*map(jax.tree.leaves, (one, other, state.critics.encoder)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.asarray(a) != np.asarray(before)).any()


# The temperature


def test_ent_coef_loss_moves_log_alpha_towards_the_entropy_that_is_missing():
    """By exactly that: α in place of log α would make the gradient α times as large."""
    for log_alpha in (-3.0, 2.0):
        gradient = jax.grad(ent_coef_loss)(jnp.asarray(log_alpha), jnp.asarray(0.7))
        assert float(gradient) == pytest.approx(-0.7)
    state, batch = state_of(replace(ALGORITHM, ent_coef="auto_0.1")), Batch(minibatch(), jnp.ones(B))
    for target, sign in ((50.0, 1), (-50.0, -1)):
        algorithm = replace(ALGORITHM, ent_coef="auto", target_entropy=target, learning_rate=0.01)
        after, metrics = update(algorithm, state, batch, clock())
        moved = float(after.log_ent_coef - state.log_ent_coef)
        assert moved == pytest.approx(sign * 0.01, rel=1e-3)  # Adam's first step
        np.testing.assert_allclose(metrics["train/ent_coef"], np.exp(state.log_ent_coef), rtol=1e-6)


def test_initial_ent_coef_reads_auto_and_leaves_numbers():
    assert [initial_ent_coef(x) for x in ("auto", "auto_0.1", 0.2)] == [1.0, 0.1, None]
    for text in ("automatic", "auto_-1", "0.1_auto", "auto_x"):
        with pytest.raises(ValueError, match=r"must be a number, auto, or auto_"):
            initial_ent_coef(text)
    assert SAC(ent_coef="0.2").ent_coef == 0.2
    start = jax.jit(SAC(network=SMALL, ent_coef="auto_0.1").init, static_argnums=0)(BOX, KEY)
    assert float(start.log_ent_coef) == pytest.approx(np.log(0.1))


def test_entropy_target_is_minus_the_elements_of_a_box_and_a_part_of_the_largest_of_choices():
    assert entropy_target("auto", Box(-1.0, 3.0, (2, 3)), None) == -6.0
    assert entropy_target(1.5, Discrete(3), None) == 1.5
    assert entropy_target("auto", Discrete(3), None) == pytest.approx(0.89 * np.log(3))
    mask = jnp.asarray([[True, True, False], [False, True, False], [False, False, False]])
    np.testing.assert_allclose(entropy_target("auto", Discrete(3), mask), [0.89 * np.log(2), 0, 0], rtol=1e-6)


REWARDS = np.array([1.0, 0.5, -1.0, 0.0])
ARMS = Transition(
    observation=jnp.zeros(4, jnp.int32),
    action=jnp.arange(4, dtype=jnp.int32),
    reward=jnp.asarray(REWARDS, jnp.float32),
    terminated=jnp.ones(4, bool),
    truncated=jnp.zeros(4, bool),
    next_observation=jnp.zeros(4, jnp.int32),
)


@pytest.mark.parametrize("target_entropy", [None, 1.0])
def test_sac_on_a_bandit_has_the_policy_and_the_temperature_of_the_closed_form(target_entropy):
    """π ∝ exp(r / α), and an α whose policy has the entropy that is asked for."""
    algorithm = SAC(
        ent_coef=0.5 if target_entropy is None else "auto",
        target_entropy="auto" if target_entropy is None else target_entropy,
        learning_rate=Linear(0.03, 0.0),
        network=Network(hidden_sizes=(), share_features_extractor=False),
    )
    spec = EnvSpec("Bandit", Discrete(1), Discrete(4))
    batch = Batch(ARMS, jnp.ones(4))

    @jax.jit
    def learnt(state):
        def step(state, i):
            return algorithm.update(state, batch, jax.random.key(0), clock(i, 3000))[0], None

        return jax.lax.scan(step, state, jnp.arange(3000))[0]

    state = learnt(jax.jit(algorithm.init, static_argnums=0)(spec, KEY))

    def policy(alpha):
        return np.exp(REWARDS / alpha - logsumexp(REWARDS / alpha))

    def entropy(alpha):
        return -np.sum(policy(alpha) * np.log(policy(alpha)))

    alpha = 0.5 if target_entropy is None else brentq(lambda a: entropy(a) - target_entropy, 0.05, 20)
    assert float(algorithm.temperature(state.log_ent_coef)) == pytest.approx(alpha, rel=0.02)
    known, _ = algorithm.estimates(state, jnp.zeros(1, jnp.int32), None, ())
    np.testing.assert_allclose(known.q_values[0], REWARDS, atol=0.01)
    np.testing.assert_allclose(np.exp(known.distribution.log_probabilities)[0], policy(alpha), atol=0.01)
    # The soft value of the state: Σ π (Q − α log π) = α log Σ exp(r / α).
    soft = np.sum(policy(alpha) * REWARDS) + alpha * entropy(alpha)
    assert soft == pytest.approx(alpha * logsumexp(REWARDS / alpha))


# What moves when


def test_sac_target_network_follows_by_polyak_averages_in_closed_form():
    algorithm = SAC(network=SMALL, learning_rate=0.0, tau=0.1, ent_coef=0.3)
    state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
    before = state
    for _ in range(3):
        state, _ = update(algorithm, state, batch, clock())
    for new, old, online in zip(
        *map(jax.tree.leaves, (state.target, before.target, before.critics)), strict=True
    ):
        expected = (1 - 0.9**3) * np.asarray(online) + 0.9**3 * np.asarray(old)
        np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-6)


def test_sac_policy_and_target_move_at_every_so_many_updates():
    algorithm = SAC(network=SMALL, policy_delay=3, target_update_interval=2)
    state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
    moved = []
    for _ in range(6):
        after, metrics = update(algorithm, state, batch, clock())
        of = (after.actor, state.actor), (after.target, state.target), (after.critics, state.critics)
        pairs = [zip(*map(jax.tree.leaves, pair), strict=True) for pair in of]
        different = [any((np.asarray(a) != np.asarray(b)).any() for a, b in pair) for pair in pairs]
        assert bool(metrics["train/actor_loss"].mask) == different[0]
        assert (after.log_ent_coef != state.log_ent_coef) == different[0]
        moved.append(different)
        state = after
    assert [m[0] for m in moved] == [False, False, True] * 2
    assert [m[1] for m in moved] == [False, True] * 3
    assert all(m[2] for m in moved)


def test_sac_priorities_are_those_of_the_mean_error_and_n_steps_those_of_replay():
    algorithm = replace(ALGORITHM, priority=True, n_step=3, priority_exponent=0.5)
    state, transition = state_of(algorithm), minibatch()
    steps = jnp.asarray(np.arange(B) % 3 + 1, jnp.int32)
    rewards = normal(3, B) * (jnp.arange(3)[:, None] < steps[None])
    batch = Batch(transition, jnp.ones(B), rewards=rewards, steps=steps)
    _, _, priority = update(algorithm, state, batch, clock())
    next_action, log_prob = choice_of_next(state, transition)
    # `update` hands half of its key to the critics' loss; the errors are those of its draw.
    _, (_, td_error) = jax.jit(
        lambda s: algorithm.critic_loss(
            s.critics, s.target, s.actor, jnp.asarray(0.3), algorithm.sample(batch, s), KEY
        )
    )(state)
    for i in range(B):
        after = np.concatenate([transition.next_observation[i], next_action[i]])
        here = np.concatenate([transition.observation[i], to_units(transition.action[i])])
        k = int(steps[i])
        y = sum(0.9**j * float(rewards[j, i]) for j in range(k))
        if not transition.terminated[i]:
            least = min(one_critic(state.target, n, after)[0] for n in range(2))
            y += 0.9**k * (least - 0.3 * log_prob[i])
        error = np.mean([abs(y - one_critic(state.critics, n, here)[0]) for n in range(2)])
        assert float(td_error[i]) == pytest.approx(error, rel=1e-3, abs=1e-3)
    sample = jax.random.split(KEY)[0]
    _, (_, of_update) = jax.jit(
        lambda s: algorithm.critic_loss(
            s.critics, s.target, s.actor, jnp.asarray(0.3), algorithm.sample(batch, s), sample
        )
    )(state)
    np.testing.assert_allclose(priority, (np.asarray(of_update) + 1e-6) ** 0.5, rtol=1e-3)


def test_sac_sees_observations_and_rewards_by_their_running_statistics():
    algorithm = replace(ALGORITHM, normalize_observations=True, normalize_rewards=True)
    tape = jax.tree.map(lambda x: 2 + 3 * x[:10].reshape(2, 5, *x.shape[1:]), minibatch())
    tape = replace(tape, terminated=tape.terminated > 9, truncated=tape.truncated > 9)
    normalizer, transition = algorithm.make_normalizer(BOX).update(tape, 0.9), minibatch()
    state = replace(state_of(algorithm), normalizer=normalizer)
    sample = algorithm.sample(Batch(transition, jnp.ones(B)), state)
    assert (np.asarray(sample.observation) != np.asarray(transition.observation)).all()
    np.testing.assert_array_equal(sample.observation, normalizer.observations(transition.observation))
    np.testing.assert_array_equal(
        sample.next_observation, normalizer.observations(transition.next_observation)
    )
    np.testing.assert_array_equal(sample.td.reward, normalizer.rewards(transition.reward))
    assert (np.asarray(sample.td.reward) != np.asarray(transition.reward)).all()


# Acting


def test_sac_acts_in_units_of_the_environment_and_samples_by_its_noise():
    state = state_of(ALGORITHM)
    observation = normal(5, 3)
    noise = ALGORITHM.sample_noise(BOX, KEY)
    explored, _, _ = ALGORITHM.act(state, observation, None, (), noise, clock(), explore=True)
    best, _, _ = ALGORITHM.act(state, observation, None, (), None, clock(), explore=False)
    policy = state.actor.policy(observation)
    mean, std = np.asarray(policy.base.mean), np.exp(policy.base.log_std)
    np.testing.assert_allclose(to_units(best), np.tanh(mean), atol=1e-5)
    np.testing.assert_allclose(to_units(explored), np.tanh(mean + std * np.asarray(noise[0])), atol=1e-5)
    known, _ = ALGORITHM.estimates(state, observation, None, ())
    np.testing.assert_allclose(known.distribution.mode(), best, rtol=1e-5)
    assert known.value.shape == (5,)


def test_sac_adds_action_noise_to_what_it_samples_and_stays_inside():
    algorithm = replace(ALGORITHM, action_noise="normal", action_noise_sigma=5.0)
    state, observation = state_of(algorithm), normal(5, 3)
    noise = algorithm.sample_noise(BOX, KEY)
    process = algorithm.exploration
    explored = process.step(process.init(noise), noise, clock())[0]
    np.testing.assert_allclose(explored[1], 5 * np.asarray(noise[1]), rtol=1e-6)
    action, _, _ = algorithm.act(state, observation, None, (), explored, clock(), explore=True)
    plain, _, _ = ALGORITHM.act(state, observation, None, (), noise, clock(), explore=True)
    expected = (to_units(plain) + np.asarray(explored[1])).clip(-1, 1)
    np.testing.assert_allclose(to_units(action), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "space", "text"),
    [
        ({}, MultiDiscrete((2, 3)), "SAC needs Box or Discrete actions: Test has MultiDiscrete"),
        ({}, Box(-np.inf, np.inf, (2,)), "scales actions to their bounds; .* Leave out the wrapper clip-action"),
        ({}, Box((-1.0, 0.0), (1.0, np.inf), (2,)), "some element has none"),
        ({"use_sde": True}, Discrete(3), "use_sde=True is noise of a Box; Test has Discrete"),
        ({"action_noise": "normal"}, Discrete(3), "action_noise='normal' is noise of a Box"),
        ({"hindsight": "future"}, Box(-1.0, 1.0, (2,)), "hindsight='future' needs an environment of goals"),
        ({"buffer_size": 3}, Box(-1.0, 1.0, (2,)), "buffer_size=3: must be at least train_freq × num_envs = 5"),
        ({"distributional": "quantile", "policy_q": "mean"}, MultiDiscrete((2,)), "TQC needs Box or Discrete"),
    ],
)  # fmt: skip
def test_sac_refuses_spaces_that_it_cannot_act_in(values, space, text):
    with pytest.raises(ValueError, match=text):
        SAC(**values).check(replace(BOX, action_space=space))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"ent_coef": -0.1}, "ent_coef=-0.1: must be at least 0"),
        ({"target_entropy": "automatic"}, "target_entropy='automatic': must be a number, or auto"),
        ({"action_noise": "pink"}, "action_noise='pink': must be normal, ornstein-uhlenbeck or None"),
        ({"policy_q": "max"}, "policy_q='max': must be min, mean or first"),
        ({"critic_subset": 3}, "critic_subset=3: must be at most n_critics=2"),
        ({"distributional": "quantile", "top_quantiles_to_drop_per_net": 25}, "must be less than n_quantiles=25"),
        ({"gradient_steps": 0}, "gradient_steps=0"),
        ({"train_freq": (1, "episode")}, "not of episodes"),
    ],
)  # fmt: skip
def test_sac_refuses_values_that_are_wrong(values, text):
    with pytest.raises(ValueError, match=text):
        SAC(**values)
