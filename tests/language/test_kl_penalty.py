"""Learning near a reference: what is paid, how β follows its target, and where learning ends."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import filled

import operant
from operant.agent import Agent, around
from operant.algorithms import registry
from operant.algorithms.kl_penalty import KLPenalty, KLRegularized, KLRegularizedState, rescaled
from operant.algorithms.policy_gradient.grpo import GRPO
from operant.algorithms.policy_gradient.ppo import PPO
from operant.curiosity import RND
from operant.language import LoRA, Pretrained, TextEnvironment, Transformer
from operant.language.tokenizers import Characters
from operant.types import Batch, Transition
from tests.shared import clock

TOKENIZER = Characters("abcdef")
EOS, SLOT, N = 1, 3, 4
CONFIG = Transformer(vocab_size=8, width=16, layers=1, heads=2, context=8)
NOW = clock(5)


def start(seed: int = 0, lora: LoRA | None = None) -> Pretrained:
    return Pretrained(filled(CONFIG, seed), TOKENIZER, lora)


def zeros(prompts, responses, rows):
    return [0.0] * len(responses)


class Listener(PPO):
    """Tells what rewards it is given."""

    def update(self, state, batch, key, clock):
        return state, {"reward": batch.transition.reward}


@cache
def texts() -> TextEnvironment:
    return TextEnvironment(["ab", "c"], TOKENIZER, zeros, max_new_tokens=SLOT)


def rollout() -> Transition:
    """Responses to `ab` and `c`, of which the first two end early; the rows after that never happened."""
    random = np.random.default_rng(0)
    action = random.integers(2, 8, (SLOT, N)).astype(np.int32)
    action[0, 0] = action[1, 1] = EOS
    lengths = np.array([1, 2, 3, 3])
    t = np.arange(SLOT)[:, None]
    prompts = np.array([[2, 3], [0, 4], [2, 3], [0, 4]])  # [N, P], padded on the left
    tokens = np.zeros((SLOT, N, 2), np.int32)
    tokens[0], tokens[1:, :, 1] = prompts, action[:-1]
    start = np.where(t == 0, np.array([0, 1, 0, 1]), -1)
    seen = {"prompt": np.zeros((SLOT, N), np.int32), "start": start, "tokens": tokens}
    return Transition(
        jax.tree.map(lambda x: jnp.asarray(x, jnp.int32), seen),
        jnp.asarray(action),
        jnp.asarray(random.normal(size=(SLOT, N)), jnp.float32),
        jnp.asarray(t == lengths - 1),
        jnp.zeros((SLOT, N), bool),
        seen,
        valid=jnp.asarray(t < lengths),
    )


def log_probabilities(model, step) -> np.ndarray:
    """Of what was done `[T, N]`, each response read by itself, without padding; 0 where nothing was."""
    found = np.zeros((SLOT, N))
    for n in range(N):
        length = int(np.sum(step.valid[:, n]))
        prompt = np.asarray(step.observation["tokens"][0, n])[int(step.observation["start"][0, n]) :]
        text = np.concatenate([prompt, np.asarray(step.action[:length, n])])
        table = jax.nn.log_softmax(np.asarray(model(text[None, :-1]))[0].astype(np.float64))
        for t in range(length):
            found[t, n] = table[len(prompt) - 1 + t, text[len(prompt) + t]]
    return found


def state_of(algorithm, seed: int = 1) -> KLRegularizedState:
    """A state that has moved away from the reference."""
    state = algorithm.init(replace(texts().spec, num_envs=N), jax.random.key(0))
    network = replace(state.learner.network, model=filled(CONFIG, seed))
    return replace(state, learner=replace(state.learner, network=network))


@pytest.mark.parametrize("whiten", [False, True])
def test_every_token_pays_for_its_distance_from_the_reference(whiten):
    """r − β (log π − log π_ref), against models that read each response by itself; padding changes nothing."""
    algorithm = KLRegularized(Listener(network=start(), n_steps=SLOT), KLPenalty(0.3, whiten=whiten))
    state, step = state_of(algorithm), rollout()
    batch = Batch(step, step.weight)
    _, metrics = jax.jit(lambda state: algorithm.update(state, batch, jax.random.key(0), NOW))(state)
    happened = np.asarray(step.valid)
    kl = log_probabilities(filled(CONFIG, 1), step) - log_probabilities(filled(CONFIG, 0), step)
    expected = np.asarray(step.reward) - 0.3 * np.where(happened, kl, 0)
    if whiten:
        own = expected[happened]
        expected = (expected - own.mean()) / own.std() + own.mean()
    np.testing.assert_allclose(np.asarray(metrics["reward"])[happened], expected[happened], atol=1e-4)
    assert float(metrics["rollout/kl_to_reference"]) == pytest.approx(kl[happened].sum() / N, abs=1e-4)
    assert np.abs(kl[happened]).max() > 0.1


def test_at_the_reference_nothing_is_paid():
    algorithm = KLRegularized(Listener(network=start(), n_steps=SLOT), KLPenalty(0.3))
    state, step = state_of(algorithm, 0), rollout()
    _, metrics = algorithm.update(state, Batch(step, step.weight), jax.random.key(0), NOW)
    np.testing.assert_allclose(metrics["reward"], step.reward, atol=1e-6)


def test_the_coefficient_follows_its_target_from_rollout_to_rollout():
    algorithm = KLRegularized(Listener(network=start(), n_steps=SLOT), KLPenalty(0.3, target=100.0, gain=0.5))
    state, step = state_of(algorithm), rollout()
    batch = Batch(step, step.weight)
    for i in range(3):
        state, metrics = algorithm.update(state, batch, jax.random.key(0), NOW)
        assert float(metrics["rollout/kl_coefficient"]) == pytest.approx(0.3 * 0.9**i)
    assert float(state.coefficient) == pytest.approx(0.3 * 0.9**3)


def test_rescaled_rewards_keep_their_mean_and_have_a_deviation_of_1():
    reward, weight = jnp.asarray([[1.0, 5.0], [3.0, 99.0]]), jnp.asarray([[1.0, 1.0], [1.0, 0.0]])
    own = np.asarray(rescaled(reward, weight))[[0, 0, 1], [0, 1, 0]]
    assert own.mean() == pytest.approx(3.0)
    assert own.std() == pytest.approx(1.0)


def test_a_penalty_is_read_kept_and_put_around_together_with_a_curiosity():
    assert KLPenalty.parse("0.1") == KLPenalty(0.1)
    assert KLPenalty.parse("0.1:6") == KLPenalty(0.1, 6.0)
    assert KLPenalty.parse("0.1:none:whiten") == KLPenalty(0.1, whiten=True)
    assert KLPenalty.parse("0.1:6:0.2:whiten") == KLPenalty(0.1, 6.0, 0.2, whiten=True)
    for text in ("", "a", "none", "0.1:", "0.1:6:none", "0.1:6:1:2", "inf", "0.1:whiten:6"):
        with pytest.raises(ValueError, match="must be COEFFICIENT"):
            KLPenalty.parse(text)
    penalty, plain = KLPenalty(0.1, 6.0), PPO(network=start())
    for curious in (None, RND()):
        put = around.put(plain, curious, penalty)
        assert put.innermost is plain
        assert around.parts(put) == (plain, curious, penalty)
    assert around.penalty_of(around.to_json(penalty)) == penalty
    assert around.put(plain) is plain


def test_a_penalty_without_a_reference_is_refused():
    with pytest.raises(ValueError, match="kl_penalty: there is no reference model"):
        operant.PPO(texts(), network=CONFIG, n_steps=SLOT, batch_size=SLOT, kl_penalty=0.1)
    with pytest.raises(ValueError, match="kl_penalty with DQN: it needs a policy gradient"):
        operant.DQN("CartPole-v1", kl_penalty=0.1)


def test_a_penalty_that_group_deviations_would_blow_up_is_advised_against():
    for scale, said in (("group", 1), ("none", 0)):
        algorithm = KLRegularized(GRPO(network=start(), scale=scale), KLPenalty())
        assert sum("kl_penalty with scale='group'" in line for line in algorithm.advice(texts().spec)) == said


def test_an_agent_with_a_penalty_is_saved_and_loaded(tmp_path):
    values = {"n_steps": SLOT, "batch_size": 4 * SLOT, "n_epochs": 1, "kl_penalty": "0.1:6"}
    agent = operant.PPO(texts(), network=start(lora=LoRA(rank=2)), num_envs=N, **values)
    agent.learn(2 * SLOT * N, progress_bar=False)
    agent.save(tmp_path / "model.safetensors")
    again = operant.load(tmp_path / "model.safetensors", env=texts())
    assert again.config()["kl_penalty"] == {"coefficient": 0.1, "target": 6.0, "gain": 0.1, "whiten": False}
    assert all(map(np.array_equal, jax.tree.leaves(again.state), jax.tree.leaves(agent.state)))
    again.learning_rate = 0.5  # what is around it stays
    assert around.parts(again.algorithm)[2] == KLPenalty(0.1, 6.0)


# Where it ends: on a bandit the best policy is known

REWARDS = {"": 0.3, "a": 1.0, "b": -1.0, "c": 0.5, "d": 0.0, "e": 2.0, "f": -0.5}
BETA = 0.8


def worth(prompts, responses, rows):
    return [REWARDS[response] for response in responses]


BANDIT = TextEnvironment(["a"], TOKENIZER, worth, max_new_tokens=1)
SHARED = {"learning_rate": "linear:0.02:0", "optimizer_eps": 1e-8}
PLAIN = {"scale": "none", "baseline": "leave_one_out"}
LEARNERS = {
    "PPO": (PPO, {"n_steps": 1, "batch_size": 512, "n_epochs": 2, "gamma": 1.0}, BETA),
    "GRPO, in the reward": (GRPO, {"scale": "none"}, BETA),
    # A mean that an episode is in itself makes all advantages smaller, by 1/G, and the divergence dearer.
    **{f"GRPO, {k}": (GRPO, {**PLAIN, "kl_coef": BETA, "kl_estimator": k}, None) for k in ("k1", "k2", "k3")},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_learnt_on_a_bandit_is_the_reference_times_the_exponential_of_reward_over_beta(name):
    kind, values, beta = LEARNERS[name]
    if kind is GRPO:
        values = {"n_episodes": 512, "group_size": 16, "max_steps": 1, **values}
    # A reference that is far from uniform, and from the best policy.
    model = jax.tree.map(lambda x: 0.5 * x, filled(CONFIG, 3))
    algorithm = registry.build(kind, {**SHARED, **values, "network": Pretrained(model, TOKENIZER)})
    agent = Agent(around.put(algorithm, None, beta), BANDIT, num_envs=512).learn(
        512 * 250, progress_bar=False
    )
    tokens = np.array(TOKENIZER.encode("a"), np.int32)[None]
    before, after = (
        np.asarray(jax.nn.softmax(each(tokens)[0, -1])) for each in (model, agent.language_model.model)
    )
    reward = np.array([REWARDS[TOKENIZER.decode([token])] for token in range(8)])
    best = before * np.exp(reward / BETA)
    best /= best.sum()
    assert 0.5 * np.abs(before - best).sum() > 0.2
    assert 0.5 * np.abs(after - best).sum() < 0.02
