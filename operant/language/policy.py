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
    ) -> tuple[Categorical, jax.Array]:
        """`(policy, value [T, N])` over whole responses `[T, N, …]`, where T is a multiple of their slot.

        Each begins with its prompt, so no memory from before is used; `key` is not either, since a policy that drops
        numbers at random would not be the one that acted.
        """
        hidden = self._whole(observation)
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

        def one_token(carry: Cache) -> tuple[jax.Array, Cache]:
            return self.model.step(tokens[:, -1], carry)

        def prompts(carry: Cache) -> tuple[jax.Array, Cache]:
            hidden, fresh = self.model.prefill(tokens, jnp.maximum(start, 0), carry.slots)
            fresh = replace(fresh, length=jnp.broadcast_to(fresh.length, start.shape))

            def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
                rows = begins.reshape(-1, *(1,) * (new.ndim - 1))
                return jnp.where(rows, new, old)

            return jax.tree.map(chosen, (hidden[:, -1], fresh), one_token(carry))

        return jax.lax.cond(largest_of_all(begins.any()), prompts, one_token, carry)

    def _whole(self, observation: PyTree) -> jax.Array:
        """What the model made of every observation, `[T, N, D]`."""
        tokens, start = observation["tokens"], observation["start"]
        steps, texts, size = tokens.shape
        if steps % self.slot:
            raise ValueError(
                f"n_steps={steps}: responses take up max_new_tokens={self.slot} steps each, and are learnt from as "
                f"wholes. Set it to a multiple of {self.slot}."
            )
        tokens = tokens.reshape(-1, self.slot, texts, size).swapaxes(1, 2).reshape(-1, self.slot, size)
        start = start.reshape(-1, self.slot, texts)[:, 0].reshape(-1)
        whole = jnp.concatenate([tokens[:, 0], tokens[:, 1:, -1]], axis=1)
        hidden = self.model.hidden(whole, jnp.maximum(start, 0))[:, size - 1 :]
        return hidden.reshape(-1, texts, self.slot, hidden.shape[-1]).swapaxes(1, 2).reshape(steps, texts, -1)


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
