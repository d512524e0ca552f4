"""Text as an environment: episodes in slots, rewards of whole responses, and PPO on tokens, which is PPO."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import filled

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.distributions import Categorical
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs import base
from operant.envs.host import NativeOnHost
from operant.language.config import Transformer
from operant.language.environment import TextEnvironment
from operant.language.heads import ScalarHead
from operant.language.model import LanguageModel
from operant.language.policy import LanguagePolicy, distinct
from operant.language.tokenizers import Characters
from operant.networks import Emptied, Network, reset_carry
from operant.networks.config import OwnPolicy
from operant.spaces import Box, Dict
from operant.types import EnvSpec, Transition

TOKENIZER = Characters("abcdef")
EOS, A, B = 1, 2, 3
SLOT, PROMPT = 4, 3
ROWS = [{"prompt": "abc", "best": "a"}, {"prompt": "d", "best": "b"}, {"prompt": "fe", "best": "c"}]
TRANSFORMER = Transformer(vocab_size=8, width=16, layers=1, heads=2, context=8)


def right(prompts, responses, rows):
    """The share of tokens that are the row's best character."""
    return [response.count(row["best"]) / SLOT for response, row in zip(responses, rows, strict=True)]


def length(prompts, responses, rows):
    return [len(response) for response in responses]


def text(**values: Any) -> TextEnvironment:
    arguments = {"max_new_tokens": SLOT, "missing_eos_penalty": 0.5, **values}
    return TextEnvironment(ROWS, TOKENIZER, {"right": (2.0, right), "length": (-0.1, length)}, **arguments)


def played(environment, actions):
    """The time steps and the observations before them, `[T, N, …]`, of these actions `[T, N]`."""
    noise = [
        base.sample_noise(environment, jax.random.key(t), actions.shape[1]) for t in range(len(actions) + 1)
    ]
    states, observation, _ = base.reset(environment, noise[0])
    rows, seen = [], []
    for t, action in enumerate(actions):
        seen.append(observation)
        states, step = base.step(environment, states, jnp.asarray(action), noise[t + 1])
        observation = step.observation
        rows.append(step)
    return jax.tree.map(lambda *x: np.stack(x), *rows), jax.tree.map(lambda *x: np.stack(x), *seen)


ACTIONS = np.array([[A, A], [EOS, B], [B, B], [B, B], [A, EOS], [B, A], [EOS, A], [A, A]], np.int32)


def test_responses_take_up_their_slot_and_begin_together():
    step, seen = played(text(), ACTIONS)
    assert step.terminated.tolist() == [
        [False, False],
        [True, False],  # by the token that ends a text
        [False, False],
        [False, True],  # after max_new_tokens
        [False, True],
        [False, False],
        [True, False],
        [False, False],
    ]
    assert not step.truncated.any()
    assert step.valid.T.tolist() == [
        [True, True, False, False, True, True, True, False],
        [True, True, True, True, True, False, False, False],
    ]
    begins = seen["start"] >= 0
    assert begins.T.tolist() == [[True, False, False, False] * 2] * 2
    for t, n in np.argwhere(begins):
        row = TOKENIZER.encode(ROWS[seen["prompt"][t, n]]["prompt"])
        assert seen["tokens"][t, n].tolist() == [0] * (PROMPT - len(row)) + row
        assert seen["start"][t, n] == PROMPT - len(row)
    assert seen["tokens"][1:4, 1].tolist() == [[0, 0, A], [0, 0, B], [0, 0, B]]
    assert (seen["tokens"][5:8, 1, -1] == EOS).all()  # after an end nothing is new
    assert (seen["prompt"][:4] == seen["prompt"][0]).all()


def test_rewards_are_of_whole_responses_at_their_last_token():
    """2 · right − 0.1 · length, and 0.5 less where nothing ended it; by hand."""
    environment = text()
    step, seen = played(environment, ACTIONS)
    answered = step.reward, step.terminated, step.truncated, step.next_observation
    experience = Transition(seen, jnp.asarray(ACTIONS), *answered, valid=step.valid)
    rewards, told = jax.jit(lambda x: environment.judge(x))(experience)
    best = [[ROWS[i]["best"] for i in row] for row in seen["prompt"][[0, 4]]]
    responses = [["a", "abbb"], ["ab", ""]]
    expected, parts = np.zeros((8, 2), np.float32), []
    for i, last in enumerate([[1, 3], [6, 4]]):
        for n in range(2):
            share, count = responses[i][n].count(best[i][n]) / SLOT, len(responses[i][n])
            parts.append((share, count))
            expected[last[n], n] = 2 * share - 0.1 * count - 0.5 * (responses[i][n] == "abbb")
    np.testing.assert_allclose(rewards, expected, atol=1e-6)
    assert told["rollout/reward/right"] == pytest.approx(np.mean([p for p, _ in parts]))
    assert told["rollout/reward/length"] == pytest.approx(np.mean([n for _, n in parts]))
    assert told["rollout/ended"] == pytest.approx(0.75)


# the policy


def fixed(network: Any, seed: int = 0) -> Any:
    """Weights from NumPy in place of a network's own, the value head's too."""
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda x: jnp.asarray(0.4 * random.normal(size=x.shape), jnp.float32), network)


@cache
def policy() -> LanguagePolicy:
    made = LanguagePolicy(filled(TRANSFORMER), ScalarHead.build(16), PROMPT, SLOT, 8)
    return fixed(made)


def test_language_policy_acts_as_it_learns():
    """Token by token with memory, over slots and ends, as over whole responses; values too."""
    step, seen = played(text(), ACTIONS)
    network = policy()

    def act(carry, observation):
        distribution, value, carry = network.policy_and_value(observation, None, carry)
        return carry, (distribution.logits, value)

    _, (logits, value) = jax.jit(lambda seen: jax.lax.scan(act, network.initial_carry(2), seen))(seen)
    done = step.terminated
    whole, whole_value = jax.jit(lambda *x: network.unroll(*x))(seen, None, (), done)
    happened = step.valid
    np.testing.assert_allclose(np.asarray(logits)[happened], np.asarray(whole.logits)[happened], atol=1e-5)
    np.testing.assert_allclose(np.asarray(value)[happened], np.asarray(whole_value)[happened], atol=1e-5)
    after = network.successor_values(seen, step.next_observation, (), done)
    goes_on = happened & ~done
    np.testing.assert_array_equal(
        np.asarray(after)[:-1][goes_on[:-1]], np.asarray(whole_value)[1:][goes_on[:-1]]
    )


def test_texts_that_begin_at_different_times_do_not_change_each_other():
    """A second text's prompt comes while the first one goes on: both have the logits that they have alone."""
    network, pad = policy(), 0
    prompts = np.array([[2, 3, 4], [pad, 5, 6]], np.int32)
    start = np.array([0, 1])
    alone = [np.asarray(network.model(np.r_[prompts[n], [A, B]][None], start[[n]]))[0, -3:] for n in (0, 1)]

    def observed(tokens, start):
        arrays = {"prompt": [0, 0], "start": start, "tokens": tokens}
        return {name: jnp.asarray(value, jnp.int32) for name, value in arrays.items()}

    last = lambda token: [0, 0, token]  # noqa: E731
    rows = [
        observed([prompts[0], last(7)], [0, -1]),
        observed([last(A), prompts[1]], [-1, 1]),
        observed([last(B), last(A)], [-1, -1]),
        observed([last(7), last(B)], [-1, -1]),
    ]
    carry, found, read = network.initial_carry(2), [], jax.jit(lambda *x: network.policy(*x))
    for observation in rows:
        distribution, carry = read(observation, None, carry)
        found.append(np.asarray(distribution.logits))
    np.testing.assert_allclose([found[t][0] for t in range(3)], alone[0], atol=1e-5)
    np.testing.assert_allclose([found[t][1] for t in range(1, 4)], alone[1], atol=1e-5)


@pytest.mark.parametrize("different", [1, 3, 12, 20])
@pytest.mark.parametrize("seeds", [None, 2])
def test_language_policy_reads_each_prompt_once_however_many_texts_begin_with_it(different, seeds):
    """20 texts, of which some begin, in one round or in several, and those of several learners in as many as the most
    need.
    """
    random, network, texts = np.random.default_rng(different), policy(), 20
    choice = random.permutation(np.arange(texts) % different)
    tokens = random.integers(2, 8, (different, PROMPT)).astype(np.int32)[choice]
    begins = random.random(texts) < 0.7
    tokens = np.where(begins[:, None], tokens, np.array([0, 0, A], np.int32))
    start = np.where(begins, choice % PROMPT, -1).astype(np.int32)
    observation = {"prompt": choice.astype(np.int32), "start": start, "tokens": tokens}
    carry = network.initial_carry(texts)
    # All texts have read the same before.
    before = {"prompt": np.zeros(texts, np.int32), "start": np.zeros(texts, np.int32)}
    before |= {"tokens": np.full((texts, PROMPT), B, np.int32)}
    _, carry = jax.jit(lambda *x: network.policy(x[0], None, x[1]))(before, carry)

    def read(observation):
        distribution, after = network.policy(observation, None, carry)
        return distribution.logits, after.length

    if seeds:  # the second learner has one prompt alone
        one = jax.tree.map(np.copy, observation)
        one["start"][1:] = -1
        both = jax.tree.map(lambda *x: np.stack(x), observation, one)
        logits, length = (x[0] for x in jax.jit(jax.vmap(read))(both))
    else:
        logits, length = jax.jit(read)(observation)
    np.testing.assert_array_equal(length, np.where(begins, PROMPT, PROMPT + 1))
    goes_on = network.model(np.array([[B, B, B, A]], np.int32), np.zeros(1, np.int32))[0, -1]
    for n in range(texts):
        alone = network.model(tokens[[n]], start[[n]])[0, -1] if begins[n] else goes_on
        np.testing.assert_allclose(logits[n], alone, atol=1e-5)


def test_distinct_numbers_prompts_in_the_order_of_their_first_texts():
    number = jnp.array([4, 7, 4, 4, 7, 9])
    tokens = jnp.array([[1], [2], [1], [3], [2], [5]])  # the fourth is another prompt of the same number
    begins = jnp.array([True, True, True, True, True, False])
    first, count, rank = jax.jit(distinct)(number, tokens, begins)
    assert first.tolist() == [0, 1, 3, 0, 0, 0]
    assert int(count) == 3
    assert rank[:5].tolist() == [0, 1, 0, 2, 1]
    first, count, _ = distinct(number, tokens, jnp.zeros(6, bool))
    assert int(count) == 0


def test_language_policy_unrolls_alike_columns_as_each_by_itself():
    """Of two slots, in both of which two columns in a row begin with the same prompt."""
    network, (_, seen) = policy(), played(text(), np.tile(ACTIONS, (1, 2)))
    pairs = jax.tree.map(lambda x: np.repeat(x[:, ::2], 2, axis=1), seen)
    pairs["tokens"][1:SLOT, 1, -1] = B  # they go on in another way
    pairs["tokens"][SLOT + 1 :, 2, -1] = A
    done = np.zeros((len(ACTIONS), 4), bool)
    one, value = jax.jit(lambda x: network.unroll(x, None, (), done, alike=2))(pairs)
    other, expected = jax.jit(lambda x: network.unroll(x, None, (), done))(pairs)
    np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)
    np.testing.assert_allclose(value, expected, atol=1e-5)
    assert np.abs(np.asarray(one.logits[2, 0] - one.logits[2, 1])).max() > 1e-3


def test_an_emptied_memory_keeps_its_arrays_and_forgets_what_is_in_them():
    carry = replace(policy().initial_carry(2), length=jnp.array([5, 3]), start=jnp.array([1, 2]))
    again: Emptied = reset_carry(carry, policy().initial_carry(2), jnp.array([True, False]))
    assert (again.length.tolist(), again.start.tolist()) == ([0, 3], [0, 2])
    assert again.keys[0] is carry.keys[0]


# PPO on tokens is PPO on the same numbers


class WholeText(base.Environment):
    """The same task as an ordinary environment: it shows the whole text so far, and pays at a response's last step."""

    inner_: TextEnvironment
    id = "WholeText"
    max_episode_steps: int | None = eqx.field(static=True, default=SLOT)

    @property
    def observation_space(self):
        text = Box(0, 7, (PROMPT + SLOT,), "int32")
        return Dict.of({"text": text, "start": Box(0, PROMPT, (), "int32"), "size": Box(0, 7, (), "int32")})

    @property
    def action_space(self):
        return self.inner_.action_space

    @property
    def slot(self):
        return SLOT

    def sample_noise(self, key):
        return self.inner_.sample_noise(key)

    def reset(self, noise):
        own = self.inner_.reset(noise)
        text = jnp.concatenate([self.inner_.prompts[own.prompt], jnp.zeros(SLOT, jnp.int32)])
        return own, text

    def step(self, state, action, noise):
        own, text = state
        text = text.at[PROMPT + own.taken].set(action)
        own, _, terminated = self.inner_.step(own, action, noise)
        response = text[PROMPT:]
        best = jnp.asarray([TOKENIZER.encode(row["best"])[0] for row in ROWS])[own.prompt]
        told = jnp.arange(SLOT) < own.taken
        share = jnp.sum(told & (response == best)) / SLOT
        letters = jnp.sum(told & (response > EOS))
        reward = 2.0 * share - 0.1 * letters - 0.5 * (action != EOS)
        return (own, text), jnp.where(terminated, reward, 0.0), terminated

    def observation(self, state):
        own, text = state
        return {"text": text, "start": self.inner_.start[own.prompt], "size": PROMPT + own.taken}


class Reader(eqx.Module):
    """A policy without memory, which reads the whole text anew for every token."""

    model: LanguageModel
    value_head: ScalarHead
    log_deviations = None

    def initial_carry(self, num_envs):
        return ()

    def _hidden(self, observation):
        leading = observation["size"].shape
        parts = (observation[name] for name in ("text", "start", "size"))
        text, start, size = (x.reshape(-1, *x.shape[len(leading) :]) for x in parts)
        hidden = self.model.hidden(text, start)
        last = jnp.take_along_axis(hidden, (size - 1)[:, None, None], axis=1)[:, 0]
        return last.reshape(*leading, -1)

    def policy(self, observation, action_mask, carry, *, key=None):
        return Categorical(self.model.logits(self._hidden(observation))), carry

    def unroll(self, observation, action_mask, carry, done, *, key=None):
        hidden = self._hidden(observation)
        return Categorical(self.model.logits(hidden)), self.value_head(hidden)

    def successor_values(self, observation, next_observation, carry, done):
        return self.value_head(self._hidden(next_observation))


@jax.tree_util.register_static
@dataclass(frozen=True)
class Readers(OwnPolicy):
    """Makes one, that learns from whole sequences as a policy with memory does."""

    def build(self, spec: EnvSpec, key, *, critic):
        made = TRANSFORMER.build(text().spec, key, critic=critic)
        return Reader(made.model, made.value_head)

    def to_json(self):
        return {}


def ppo(network: Any) -> PPO:
    values = {"n_steps": 2 * SLOT, "batch_size": 4 * SLOT, "n_epochs": 2, "gae_lambda": 0.9, "ent_coef": 0.01}
    return PPO(network=network, gamma=0.99, learning_rate=1e-2, **values)


def run_of(loop: Any) -> Any:
    """The run after two iterations of six environments."""
    return train(loop, loop.init(jax.random.key(0)), 2 * 2 * SLOT * 6, 1, lambda run, metrics: True)


@cache
def tokens_learnt() -> Any:
    """PPO on tokens, on the device."""
    return run_of(DeviceLoop(ppo(TRANSFORMER), text(), 6, None))


def test_ppo_on_tokens_equals_ppo_on_the_same_numbers_as_an_ordinary_environment():
    """Memory, dummy steps, whole responses read at once and rewards given afterwards change nothing that is learnt."""
    mine, ordinary = tokens_learnt(), run_of(DeviceLoop(ppo(Readers()), WholeText(text()), 6, None))
    learnt, theirs = (
        jax.tree.leaves((x.model, x.value_head)) for x in (mine.state.network, ordinary.state.network)
    )
    begun = jax.tree.leaves(TRANSFORMER.build(text().spec, jax.random.key(0), critic=True))
    assert len(learnt) == len(theirs) == len(begun)
    for one, other in zip(learnt, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    returns, lengths = (np.asarray(x)[:48] for x in (mine.statistics.returns, mine.statistics.lengths))
    assert mine.statistics.episodes == ordinary.statistics.episodes == 48
    np.testing.assert_allclose(returns, ordinary.statistics.returns[:48], atol=1e-5)
    assert len(set(lengths.tolist())) > 1  # some ended before their last step


def test_text_is_learnt_alike_on_both_loops():
    host = run_of(HostLoop(ppo(TRANSFORMER), NativeOnHost(text(), 6), None))
    for one, other in zip(jax.tree.leaves(tokens_learnt().state), jax.tree.leaves(host.state), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_array_equal(tokens_learnt().statistics.returns, host.statistics.returns)


# agents


@cache
def agent() -> Agent:
    return Agent(ppo(TRANSFORMER), text(), num_envs=6).learn(2 * SLOT * 6, progress_bar=False)


def test_a_policy_of_text_is_saved_and_loaded_and_scored_by_the_rewards_of_whole_responses(tmp_path):
    agent().save(tmp_path / "model.safetensors")
    again = operant.load(tmp_path / "model.safetensors", env=text())
    assert again.algorithm.network == TRANSFORMER
    assert all(map(np.array_equal, jax.tree.leaves(again.state), jax.tree.leaves(agent().state)))
    score = again.evaluate(8, deterministic=False)
    assert score.returns.tolist() == agent().evaluate(8, deterministic=False).returns.tolist()
    assert ((score.returns <= 2) & (score.returns >= -0.9)).all()
    assert len(set(np.round(score.returns, 5))) > 2
    row = agent().history[-1]
    assert {"rollout/reward/right", "rollout/reward/length", "rollout/ended"} <= row.keys()


# what is wrong is named


def test_a_bad_prompt_and_a_bad_line_are_named(tmp_path):
    make = partial(TextEnvironment, tokenizer=TOKENIZER, reward=length)
    with pytest.raises(ValueError, match=r'prompt 1: \{\'text\': \'a\'\} has no text as "prompt"'):
        make(["a", {"text": "a"}])
    with pytest.raises(ValueError, match="prompt 1: 'z' in 'az' is not in the alphabet"):
        make(["a", "az"])
    with pytest.raises(ValueError, match="prompt 0 is empty"):
        make([""])
    with pytest.raises(ValueError, match="not one prompt"):
        make([])
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a"}\n\n{"prompt": "b"\n')
    with pytest.raises(ValueError, match=r"prompts\.jsonl, line 3: it is no JSON"):
        make(path)
    row = {"prompt": "ab", "best": "b\u2028"}  # where Python's splitlines ends a line, and JSON does not
    path.write_text('{"prompt": "a"}\n\n' + json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert make(path).texts.rows[1]["best"] == "b\u2028"


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        ({}, "at least one function"),
        ({"a": length}, "reward 'a': .* or a pair of a weight and a function"),
        ({"a": (float("nan"), length)}, "reward 'a'"),
    ],
)
def test_rewards_are_functions_with_weights(reward, message):
    with pytest.raises(ValueError, match=message):
        TextEnvironment(["a"], TOKENIZER, reward)


def test_a_reward_that_is_not_a_number_for_each_response_is_named():
    environment = TextEnvironment(["a"], TOKENIZER, {"odd": (1.0, lambda *_: [1.0])})
    given = np.zeros(2, np.int32), np.zeros((2, 4), np.int32), np.ones(2, np.int32)
    with pytest.raises(ValueError, match="reward 'odd': of 2 responses it gave"):
        environment.texts.judge(*given)


@pytest.mark.parametrize(
    ("network", "env", "values", "message"),
    [
        (replace(TRANSFORMER, vocab_size=7), text, {}, "vocab_size=7: Text has 8 tokens"),
        (
            replace(TRANSFORMER, context=6),
            text,
            {},
            "context=6: prompts of Text have up to 3 tokens and responses 4",
        ),
        (TRANSFORMER, lambda: "CartPole-v1", {}, "needs a text environment, and CartPole-v1"),
        (TRANSFORMER, text, {"n_steps": 6, "batch_size": 12}, "n_steps=6|6 were collected"),
    ],
)
def test_what_does_not_fit_a_text_environment_is_named(network, env, values, message):
    algorithm = replace(ppo(network), **values)
    with pytest.raises(ValueError, match=message):
        Agent(algorithm, env(), num_envs=2).learn(12, progress_bar=False)


def test_an_own_policy_that_is_a_transformer_is_alone_in_a_file():
    with pytest.raises(ValueError, match="alone"):
        operant.PPO(text(), preset=None, network={"transformer": {}, "hidden_sizes": (3,)})
    agent = operant.PPO(
        text(), preset=None, n_steps=4, batch_size=4, network={"transformer": TRANSFORMER.to_json()}
    )
    assert agent.algorithm.network == TRANSFORMER
    assert isinstance(Network(), Network)


def test_trpo_refuses_a_language_model():
    with pytest.raises(ValueError, match="TRPO in Text: it moves a policy and a value function"):
        operant.TRPO(text(), network=TRANSFORMER, n_steps=SLOT)
