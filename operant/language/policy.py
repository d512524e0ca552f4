"""A language model as a policy over tokens: what algorithms that learn from rollouts use in place of an `ActorCritic`.

What it observes is what is new to it (see `environment`), and what it remembers is a `Cache` of all before. Acting
reads one token at a time; learning reads each response at once, with its prompt.
"""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.distributions import Categorical
from operant.language.blocks import Cache
from operant.language.heads import ScalarHead
from operant.language.model import LanguageModel
from operant.ops.periodic import largest_of_all
from operant.spaces import Box, Dict, Discrete, describe
from operant.types import EnvSpec, PyTree

PARTS = ("prompt", "start", "tokens")  # of an observation
ROUNDS = 8  # in which prompts are read where each is another one


class LanguagePolicy(eqx.Module):
    """π(token | text so far), and V(text so far) by a linear function of the same numbers. Without it, values are 0."""

    model: LanguageModel
    value_head: ScalarHead | None
    prompt_size: int = eqx.field(static=True)  # P: tokens that a prompt has room for
    slot: int = eqx.field(static=True)  # steps that every response takes up
    tokens: int = eqx.field(static=True)  # that there are; the model may have room for more

    @classmethod
    def build(cls, model: LanguageModel, spec: EnvSpec, *, critic: bool) -> LanguagePolicy:
        """Of a model. Raises ValueError naming what does not fit a text environment of this description."""
        prompt_size, slot = sizes(spec)
        config = model.config
        assert isinstance(spec.action_space, Discrete)
        if config.vocab_size < spec.action_space.n:
            raise ValueError(
                f"transformer.vocab_size={config.vocab_size}: {spec.id} has {spec.action_space.n} tokens. Set it to "
                "that."
            )
        if config.context < prompt_size + slot:
            raise ValueError(
                f"transformer.context={config.context}: prompts of {spec.id} have up to {prompt_size} tokens and "
                f"responses {slot}. Set it to at least {prompt_size + slot}."
            )
        head = ScalarHead.build(config.width) if critic else None
        return cls(model, head, prompt_size, slot, spec.action_space.n)

    @property
    def log_deviations(self) -> None:
        """Tokens have none."""
        return None

    def initial_carry(self, num_envs: int) -> Cache:
        """The memory of N texts before their prompts."""
        cache = Cache.empty(self.model.config, num_envs, self.prompt_size + self.slot)
        return replace(cache, length=jnp.zeros(num_envs, jnp.int32))

    def policy(
        self, observation: PyTree, action_mask: PyTree, carry: Cache, *, key: jax.Array | None = None
    ) -> tuple[Categorical, Cache]:
        """The distribution of the next token of N texts, and the memory with what was observed."""
        hidden, carry = self._read(observation, carry)
        return self._distribution(hidden), carry

    def policy_and_value(
        self, observation: PyTree, action_mask: PyTree, carry: Cache
    ) -> tuple[Categorical, jax.Array, Cache]:
        """The same with V `[N]`."""
        hidden, carry = self._read(observation, carry)
        return self._distribution(hidden), self.value(hidden), carry

    def unroll(
        self,
        observation: PyTree,
        action_mask: PyTree,
        carry: PyTree,
        done: jax.Array,
        *,
        key: jax.Array | None = None,
        alike: int = 1,
    ) -> tuple[Categorical, jax.Array]:
        """`(policy, value [T, N])` over whole responses `[T, N, …]`, where T is a multiple of their slot.

        Each begins with its prompt, so no memory from before is used; `key` is not either, since a policy that drops
        numbers at random would not be the one that acted. Where `alike` columns in a row are told to begin with the
        same prompt, it is read once for all of them.
        """
        hidden = self._whole(observation, alike)
        return self._distribution(hidden), self.value(hidden)

    def successor_values(
        self, observation: PyTree, next_observation: PyTree, carry: PyTree, done: jax.Array
    ) -> jax.Array:
        """Values `[T, N]` after each token: those before the next one. After a response's last nothing follows."""
        value = self.value(self._whole(observation))
        return jnp.concatenate([value[1:], jnp.zeros_like(value[:1])])

    def value(self, hidden: jax.Array) -> jax.Array:
        """V `[…]` of `hidden` `[…, D]`."""
        if self.value_head is None:
            return jnp.zeros(hidden.shape[:-1], jnp.float32)
        return self.value_head(hidden)

    def _distribution(self, hidden: jax.Array) -> Categorical:
        return Categorical(self.model.logits(hidden)[..., : self.tokens])

    def _read(self, observation: PyTree, carry: Cache) -> tuple[jax.Array, Cache]:
        """`(hidden [N, D], memory)` after what is new: prompts where episodes begin, and one token elsewhere."""
        tokens, start = observation["tokens"], observation["start"]
        begins = start >= 0
        first, count, rank = distinct(observation["prompt"], tokens, begins)
        # Prompts are read some at a time, so that one with which several texts begin is read once. A loop of no rounds
        # where no text begins, since a branch (`cond`) would copy the whole memory.
        texts = len(begins)
        together = -(-texts // ROUNDS)
        first = jnp.pad(first, (0, together * ROUNDS - texts))

        def read(number: jax.Array, read_so_far: tuple[jax.Array, Cache]) -> tuple[jax.Array, Cache]:
            rows = jax.lax.dynamic_slice_in_dim(first, number * together, together)
            hidden, fresh = self.model.prefill(tokens[rows], jnp.maximum(start[rows], 0), carry.slots)
            fresh = replace(fresh, length=jnp.broadcast_to(fresh.length, rows.shape))
            now = begins & (rank // together == number)

            def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
                return jnp.where(now.reshape(-1, *(1,) * (new.ndim - 1)), new[rank % together], old)

            return jax.tree.map(chosen, (hidden[:, -1], fresh), read_so_far)

        rounds = largest_of_all(-(-count // together))
        return jax.lax.fori_loop(0, rounds, read, self.model.step(tokens[:, -1], carry))

    def _whole(self, observation: PyTree, alike: int = 1) -> jax.Array:
        """What the model made of every observation, `[T, N, D]`."""
        tokens, start = observation["tokens"], observation["start"]
        steps, texts, size = tokens.shape
        if steps % self.slot:
            raise ValueError(
                f"n_steps={steps}: responses take up max_new_tokens={self.slot} steps each, and are learnt from as "
                f"wholes. Set it to a multiple of {self.slot}."
            )
        tokens = tokens.reshape(-1, self.slot, texts, size).swapaxes(1, 2).reshape(-1, self.slot, size)
        start = jnp.maximum(start.reshape(-1, self.slot, texts)[:, 0].reshape(-1), 0)
        prompt, answer = tokens[:, 0], tokens[:, 1:, -1]
        if alike == 1:
            hidden = self.model.hidden(jnp.concatenate([prompt, answer], axis=1), start)[:, size - 1 :]
        else:
            hidden = self.model.answers_hidden(prompt[::alike], start[::alike], answer)
        return hidden.reshape(-1, texts, self.slot, hidden.shape[-1]).swapaxes(1, 2).reshape(steps, texts, -1)


def distinct(
    number: jax.Array, tokens: jax.Array, begins: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """`(first [N], count, rank [N])` of the different prompts with which texts begin.

    `first` are the texts in which a prompt is for the first time, of which there are `count`, and 0; `rank` is which of
    them each text's prompt is in.

    Args:
        number: `[N]`: texts of different numbers are not compared.
        tokens: `[N, P]`.
        begins: `[N]`: which texts do.
    """
    texts = jnp.arange(len(number))
    earliest = jnp.argmax((number[:, None] == number[None]) & begins[None], axis=1)
    same = begins & begins[earliest] & (tokens == tokens[earliest]).all(1)
    earliest = jnp.where(same, earliest, texts)
    is_first = begins & (earliest == texts)
    rank = jnp.cumsum(is_first) - 1
    return jnp.nonzero(is_first, size=len(number), fill_value=0)[0], jnp.sum(is_first), rank[earliest]


def sizes(spec: EnvSpec) -> tuple[int, int]:
    """`(tokens of a prompt, steps of a response)` of a text environment. Raises ValueError for another one."""
    space, limit = spec.observation_space, spec.max_episode_steps
    if not isinstance(space, Dict) or tuple(space.parts) != PARTS or limit is None or not spec.dummy_steps:
        raise ValueError(
            f"A transformer is a policy over tokens: it needs a text environment, and {spec.id} has observations "
            f"{describe(space)}. Take operant.language.TextEnvironment, or a Network."
        )
    tokens = space.parts["tokens"]
    assert isinstance(tokens, Box)
    return tokens.shape[0], limit


def spec_of(name: str, tokens: int, length: int) -> EnvSpec:
    """That of an environment of text of which nothing is known but this many tokens, and the length of its texts.

    Half of it is room for a prompt and half for a response.
    """
    slot = max(length // 2, 1)
    size = length - slot
    space = Dict.of(
        {
            "prompt": Box(0, 0, (), "int32"),
            "start": Box(-1, size, (), "int32"),
            "tokens": Box(0, tokens - 1, (size,), "int32"),
        }
    )
    return EnvSpec(name, space, Discrete(tokens), slot, dummy_steps=True)
