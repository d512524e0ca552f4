"""What a network makes of observations before its layers: an encoder, and with memory a recurrent core after it."""

from __future__ import annotations

import equinox as eqx
import jax

from operant.networks.encoder import Encoder
from operant.networks.recurrent import RecurrentCore, reset_carry, unroll
from operant.types import PyTree


class Torso(eqx.Module):
    """`torso(observation [N, …], carry) -> (features [N, F], carry)`; without a core the carry is left as it is."""

    encoder: Encoder
    core: RecurrentCore | None

    @property
    def size(self) -> int:
        """F."""
        return self.encoder.size if self.core is None else self.core.size

    def initial_carry(self, num_envs: int) -> PyTree:
        """The recurrent state at the start of an episode, `[N, …]`; `()` without one."""
        return () if self.core is None else self.core.initial_carry((num_envs,))

    def __call__(self, observation: PyTree, carry: PyTree) -> tuple[jax.Array, PyTree]:
        features = self.encoder(observation)
        return (features, carry) if self.core is None else self.core(features, carry)

    def unroll(
        self,
        observation: PyTree,
        next_observation: PyTree,
        carry: PyTree,
        done: jax.Array,
        burn_in: int = 0,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """Features of observations and of their true successors, each `[L − burn_in, B, F]`.

        Observations are `[L, B, …]`, one step after another, and `carry` `[B, …]` is the recurrent state before the
        first. The first `burn_in` steps only update that state, without a gradient (Kapturowski et al. 2019, section
        3). The state is reset after each `done` `[L, B]`; a successor gets the state of its own episode. Without a
        recurrent core any leading axes will do. `key` turns dropout on, for the observations.
        """
        successors = jax.tree.map(lambda x: x[burn_in:], next_observation)
        if self.core is None:
            observation = jax.tree.map(lambda x: x[burn_in:], observation)
            return self.encoder(observation, key=key), self.encoder(successors)
        features = self.encoder(observation, key=key)
        if burn_in:
            _, carries = unroll(self.core, features[:burn_in], carry, done[:burn_in])
            carry = jax.tree.map(lambda x: x[-1], carries)
            carry = reset_carry(carry, self.initial_carry(done.shape[1]), done[burn_in - 1])
            carry = jax.lax.stop_gradient(carry)
        outputs, carries = unroll(self.core, features[burn_in:], carry, done[burn_in:])
        return outputs, self.core(self.encoder(successors), carries)[0]
