"""Generating text as an environment: a token is an action, a response is an episode, a prompt is how it begins.

What is observed is what is new: at an episode's first step the prompt, padded on the left, and after that the policy's
own last token. The response ends with the token that ends texts, or after `max_new_tokens`, which ends it as surely:
nothing follows either way. All responses take up the same number of steps, so that all prompts are read together; the
steps after a response's end are dummy steps.

Rewards are functions of whole texts, or reward models. They are asked once for all responses that were collected, and
what they give is the reward of each response's last token.
"""

# pyright: reportIncompatibleVariableOverride=false
# The id is each instance's.

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.frozen import Frozen
from operant.language.rewards import RewardFunction, Rewards, Row, named, require_answers
from operant.language.tokenizers.base import Tokenizer, padded
from operant.language.trained_reward import TrainedReward, scores
from operant.ops.metrics import Metrics
from operant.spaces import Box, Dict, Discrete, Space
from operant.types import Transition


class Texts:
    """What an environment of text is made of besides numbers: equal only to itself."""

    def __init__(
        self, rows: Sequence[Row], tokenizer: Tokenizer, rewards: Mapping[str, tuple[float, RewardFunction]]
    ) -> None:
        self.rows, self.tokenizer, self.rewards = tuple(rows), tokenizer, dict(rewards)

    def judge(
        self,
        prompt: np.ndarray,
        tokens: np.ndarray,
        length: np.ndarray,
        only: Collection[str] | None = None,
    ) -> np.ndarray:
        """What each reward, or each of `only`, says of M responses, `[M, rewards]` float32: of the first `length [M]`
        of `tokens [M, T]`, to prompts of these numbers.

        Raises ValueError naming a reward that does not give a finite number for each.
        """
        rows, prompts, responses = self._texts(prompt, tokens, length)
        asked = {
            name: function for name, (_, function) in self.rewards.items() if only is None or name in only
        }
        found = np.zeros((len(rows), len(asked)), np.float32)
        for column, (name, function) in enumerate(asked.items()):
            given = np.asarray(function(prompts, responses, rows), np.float64)
            if given.shape != (len(rows),) or not np.isfinite(given).all():
                raise ValueError(
                    f"reward {name!r}: of {len(rows)} responses it gave {given.tolist()!s:.80}; it must give a finite "
                    "number for each."
                )
            found[:, column] = given
        return found

    def read(
        self, name: str, room: int, prompt: np.ndarray, tokens: np.ndarray, length: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`(tokens [M, room], start [M])`: the same responses as the reward model of this name reads them."""
        _, prompts, responses = self._texts(prompt, tokens, length)
        model: Any = self.rewards[name][1]
        return model.tokens(prompts, responses, room)

    def _texts(
        self, prompt: np.ndarray, tokens: np.ndarray, length: np.ndarray
    ) -> tuple[list[Row], list[str], list[str]]:
        """`(rows, prompts, responses)`."""
        rows = [self.rows[int(i)] for i in np.asarray(prompt)]
        responses = [
            self.tokenizer.decode(own[:n])
            for own, n in zip(np.asarray(tokens), np.asarray(length), strict=True)
        ]
        return rows, [row["prompt"] for row in rows], responses


class TextState(NamedTuple):
    """Where one response stands."""

    prompt: jax.Array  # int32: its number
    taken: jax.Array  # int32: tokens so far
    token: jax.Array  # int32: the last one


class TextEnvironment(Environment):
    """Prompts, of which each episode has one at random, and what responses to them are worth.

    Args:
        prompts: Texts, or dicts with a text as "prompt" and whatever rewards need to know; or the path of a JSONL file
            of such dicts.
        tokenizer: Text to tokens and back.
        reward: A `RewardFunction`, the name of a rule of `language.rewards`, or a reward model
            (`operant.reward_model(RUN)`); or several by name, each with its weight:
            `{"right": (1.0, f), "exact": 0.5}`.
        max_new_tokens: After which a response is cut off.
        missing_eos_penalty: Taken off the reward of a response that was cut off.
        max_prompt_tokens: For which there is room; none: as many as the longest prompt has.
        id: What it is called.

    Raises ValueError naming the prompt or the line that is wrong, and FileNotFoundError.
    """

    prompts: jax.Array  # [M, P] int32, padded on the left
    start: jax.Array  # [M] int32: where each begins
    models: dict[str, Frozen]  # those of the rewards that are reward models, by name
    texts: Texts = eqx.field(static=True)
    rooms: tuple[tuple[str, int], ...] = eqx.field(static=True)  # tokens that each of these reads at the most
    max_new_tokens: int = eqx.field(static=True)
    missing_eos_penalty: float = eqx.field(static=True)
    max_episode_steps: int | None = eqx.field(static=True)
    id: str = eqx.field(static=True)  # of the instance, where other environments have one of their class
    TOTAL: ClassVar[str] = "rollout/reward"

    def __init__(
        self,
        prompts: str | Path | Sequence[str | Row],
        tokenizer: Tokenizer,
        reward: Rewards,
        *,
        max_new_tokens: int = 64,
        missing_eos_penalty: float = 0.0,
        max_prompt_tokens: int | None = None,
        id: str = "Text",
    ) -> None:
        if max_new_tokens < 1:
            raise ValueError(f"max_new_tokens={max_new_tokens}: must be at least 1.")
        if not math.isfinite(missing_eos_penalty):
            raise ValueError(f"missing_eos_penalty={missing_eos_penalty}: must be a number.")
        rows = rows_of(prompts)
        tokens, start = padded(_encoded(rows, tokenizer), tokenizer.special.pad, max_prompt_tokens)
        self.prompts, self.start = jnp.asarray(tokens), jnp.asarray(start)
        rewards = named(reward)
        require_answers(rewards, rows)
        models = {name: each for name, (_, each) in rewards.items() if isinstance(each, TrainedReward)}
        asked = [row["prompt"] for row in rows]
        self.models = {name: model.weights for name, model in models.items()}
        self.rooms = tuple((name, m.room(asked, tokenizer, max_new_tokens)) for name, m in models.items())
        self.texts = Texts(rows, tokenizer, rewards)
        self.max_new_tokens = self.max_episode_steps = max_new_tokens
        self.missing_eos_penalty = missing_eos_penalty
        self.id = id

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to tokens and back."""
        return self.texts.tokenizer

    @property
    def observation_space(self) -> Space:
        count, size = self.prompts.shape
        return Dict.of(
            {
                "prompt": Box(0, count - 1, (), "int32"),  # its number
                "start": Box(
                    -1, size, (), "int32"
                ),  # where the prompt begins; −1 after an episode's first step
                "tokens": Box(
                    0, self.tokenizer.vocab_size - 1, (size,), "int32"
                ),  # or else the last one alone is new
            }
        )

    @property
    def action_space(self) -> Space:
        return Discrete(self.tokenizer.vocab_size)

    @property
    def slot(self) -> int:
        return self.max_new_tokens

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, len(self.prompts), jnp.int32)

    def reset(self, noise: jax.Array) -> TextState:
        return TextState(noise, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))

    def step(
        self, state: TextState, action: jax.Array, noise: jax.Array
    ) -> tuple[TextState, jax.Array, jax.Array]:
        """The reward is `judge`'s."""
        state = TextState(state.prompt, state.taken + 1, action.astype(jnp.int32))
        terminated = (state.token == self.tokenizer.special.eos) | (state.taken >= self.max_new_tokens)
        return state, jnp.zeros((), jnp.float32), terminated

    def observation(self, state: TextState) -> dict[str, jax.Array]:
        begins = state.taken == 0
        pad = jnp.full(self.prompts.shape[1:], self.tokenizer.special.pad, jnp.int32)
        tokens = jnp.where(begins, self.prompts[state.prompt], pad.at[-1].set(state.token))
        start = jnp.where(begins, self.start[state.prompt], -1)
        return {"prompt": state.prompt, "start": start, "tokens": tokens}

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics]:
        """The reward of every response at its last token, and the mean of each part of it.

        Raises ValueError where responses are not whole: where the steps are no multiple of `max_new_tokens`.
        """
        steps, columns = experience.reward.shape
        if steps % self.slot:
            raise ValueError(
                f"{self.id} rewards whole responses of max_new_tokens={self.slot} steps, and {steps} were collected: "
                f"set n_steps to a multiple of {self.slot}."
            )

        def by_response(x: jax.Array) -> jax.Array:
            """`[T, N]` to `[responses, slot]`."""
            return x.reshape(-1, self.slot, columns).swapaxes(1, 2).reshape(-1, self.slot)

        tokens, happened = by_response(experience.action), by_response(experience.mask)
        prompt, length = (
            by_response(experience.observation["prompt"])[:, 0],
            jnp.sum(happened, 1, dtype=jnp.int32),
        )
        weights = [weight for weight, _ in self.texts.rewards.values()]
        parts = self._parts(prompt, tokens, length)
        last = length - 1
        ended = jnp.take_along_axis(tokens, last[:, None], 1)[:, 0] == self.tokenizer.special.eos
        total = parts @ jnp.asarray(weights, jnp.float32) - self.missing_eos_penalty * ~ended
        rewards = jnp.where(jnp.arange(self.slot)[None] == last[:, None], total[:, None], 0.0)
        rewards = rewards.reshape(-1, columns, self.slot).swapaxes(1, 2).reshape(steps, columns)
        told = {f"{self.TOTAL}/{name}": jnp.mean(parts[:, i]) for i, name in enumerate(self.texts.rewards)}
        return rewards, told | {"rollout/ended": jnp.mean(ended.astype(jnp.float32))}

    def _parts(self, *responses: jax.Array) -> jax.Array:
        """What each reward says, `[M, rewards]`: functions in Python, and reward models on the device, which only have
        texts made into tokens of theirs there. `responses` are the arguments of `Texts.judge`."""

        def called(function: Any, *shapes: tuple[tuple[int, ...], Any]) -> list[jax.Array]:
            like = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in shapes]
            return jax.pure_callback(function, like, *responses, vmap_method="sequential")

        count, names = len(responses[0]), list(self.texts.rewards)
        functions = [name for name in names if name not in self.models]
        found: dict[str, jax.Array] = {}
        if functions:
            (given,) = called(
                lambda *x: [self.texts.judge(*x, only=functions)], ((count, len(functions)), jnp.float32)
            )
            found = dict(zip(functions, given.T, strict=True))
        for name, room in self.rooms:
            read = partial(self.texts.read, name, room)
            texts = called(
                lambda *x, read=read: list(read(*x)), ((count, room), jnp.int32), ((count,), jnp.int32)
            )
            found[name] = scores(self.models[name], *texts)
        return jnp.stack([found[name] for name in names], axis=1)


def rows_of(prompts: str | Path | Sequence[str | Row]) -> list[Row]:
    """Prompts as dicts, from a list or a JSONL file. Raises ValueError naming the prompt or the line that is wrong."""
    if isinstance(prompts, str | Path):
        lines = Path(prompts).read_text(encoding="utf-8").split("\n")  # a text may hold other ends of lines
        named = [(f"{prompts}, line {i + 1}", line) for i, line in enumerate(lines) if line.strip()]
        given: list[tuple[str, Any]] = [(name, _parsed(name, line)) for name, line in named]
    else:
        given = [
            (f"prompt {i}", {"prompt": each} if isinstance(each, str) else each)
            for i, each in enumerate(prompts)
        ]
    for name, row in given:
        if not isinstance(row, Mapping) or not isinstance(row.get("prompt"), str):
            raise ValueError(f'{name}: {row!s:.60} has no text as "prompt".')
    if not given:
        raise ValueError("There is not one prompt.")
    return [row for _, row in given]


def _parsed(name: str, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: it is no JSON ({error.msg} at column {error.colno}).") from None


def _encoded(rows: Sequence[Row], tokenizer: Tokenizer) -> list[list[int]]:
    found = []
    for i, row in enumerate(rows):
        try:
            tokens = tokenizer.encode(row["prompt"])
        except ValueError as error:
            raise ValueError(f"prompt {i}: {error}") from None
        if not tokens:
            raise ValueError(f"prompt {i} is empty: it needs a token to go on from.")
        found.append(tokens)
    return found
