"""Recurrent cores: cells, and how they run over a rollout in which episodes end."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks.config import Network
from operant.networks.layers import affine, initial
from operant.types import PyTree


class RecurrentCell(eqx.Module):
    """`cell(features [N, F], carry) -> (features [N, H], carry)`, in three parts.

    `input_gates` does not depend on the carry, so that `unroll` computes it for a whole rollout in one product, as it
    does the gradient of the weights in `recurrent_gates`.
    """

    @property
    @abstractmethod
    def size(self) -> int:
        """H, the number of units."""

    @abstractmethod
    def initial_carry(self, leading: tuple[int, ...]) -> PyTree:
        """The recurrent state at the start of an episode."""

    @abstractmethod
    def input_gates(self, features: jax.Array) -> jax.Array:
        """The input's part of the gates."""

    @abstractmethod
    def recurrent_gates(self, carry: PyTree) -> jax.Array:
        """The recurrent state's part of the gates."""

    @staticmethod
    @abstractmethod
    def step(input_part: jax.Array, recurrent_part: jax.Array, carry: PyTree) -> tuple[jax.Array, PyTree]:
        """One step from both parts of the gates."""

    def __call__(self, features: jax.Array, carry: PyTree) -> tuple[jax.Array, PyTree]:
        return self.step(self.input_gates(features), self.recurrent_gates(carry), carry)


def _gates(
    key: jax.Array, size_in: int, size: int, gates: int, initialization: str
) -> tuple[jax.Array, jax.Array]:
    """`[in, gates · size]` and `[gates · size]`: each gate's block initialised by itself."""
    blocks = [initial(k, size_in, size, initialization, 1.0) for k in jax.random.split(key, gates)]
    return jnp.concatenate([weight for weight, _ in blocks], axis=1), jnp.concatenate(
        [bias for _, bias in blocks]
    )


class GRU(RecurrentCell):
    """Gated recurrent unit (Cho et al. 2014), in the variant of PyTorch and cuDNN; the carry is h `[N, H]`.

    r, z = σ(W x + b + U h + c);  n = tanh(W x + b + r (U h + c));  h' = (1 − z) n + z h.
    """

    weight: jax.Array  # [F, 3H]: W for r, z, n
    bias: jax.Array  # [3H]: b
    recurrent_weight: jax.Array  # [H, 3H]: U
    recurrent_bias: jax.Array  # [3H]: c

    @classmethod
    def build(cls, size_in: int, size: int, key: jax.Array, initialization: str = "orthogonal") -> GRU:
        key_input, key_recurrent = jax.random.split(key)
        return cls(
            *_gates(key_input, size_in, size, 3, initialization),
            *_gates(key_recurrent, size, size, 3, initialization),
        )

    @property
    def size(self) -> int:
        return self.recurrent_weight.shape[-2]

    def initial_carry(self, leading: tuple[int, ...]) -> jax.Array:
        return jnp.zeros((*leading, self.size), jnp.float32)

    def input_gates(self, features: jax.Array) -> jax.Array:
        return affine(features, self.weight, self.bias)

    def recurrent_gates(self, carry: jax.Array) -> jax.Array:
        return affine(carry, self.recurrent_weight, self.recurrent_bias)

    @staticmethod
    def step(
        input_part: jax.Array, recurrent_part: jax.Array, carry: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        input_r, input_z, input_n = jnp.split(input_part, 3, axis=-1)
        hidden_r, hidden_z, hidden_n = jnp.split(recurrent_part, 3, axis=-1)
        reset, update = jax.nn.sigmoid(input_r + hidden_r), jax.nn.sigmoid(input_z + hidden_z)
        new = jnp.tanh(input_n + reset * hidden_n)
        carry = (1 - update) * new + update * carry
        return carry, carry


class LSTM(RecurrentCell):
    """Long short-term memory (Gers et al. 2000: with a forget gate); the carry is (h, c), each `[N, H]`.

    i, f, g, o = W x + U h + b;  c' = σ(f) c + σ(i) tanh(g);  h' = σ(o) tanh(c').
    """

    weight: jax.Array  # [F, 4H]: W for i, f, g, o
    recurrent_weight: jax.Array  # [H, 4H]: U
    bias: jax.Array  # [4H]

    @classmethod
    def build(cls, size_in: int, size: int, key: jax.Array, initialization: str = "orthogonal") -> LSTM:
        key_input, key_recurrent = jax.random.split(key)
        weight, bias = _gates(key_input, size_in, size, 4, initialization)
        return cls(weight, _gates(key_recurrent, size, size, 4, initialization)[0], bias)

    @property
    def size(self) -> int:
        return self.recurrent_weight.shape[-2]

    def initial_carry(self, leading: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
        return jnp.zeros((*leading, self.size), jnp.float32), jnp.zeros((*leading, self.size), jnp.float32)

    def input_gates(self, features: jax.Array) -> jax.Array:
        return affine(features, self.weight, self.bias)

    def recurrent_gates(self, carry: tuple[jax.Array, jax.Array]) -> jax.Array:
        return carry[0] @ self.recurrent_weight

    @staticmethod
    def step(
        input_part: jax.Array, recurrent_part: jax.Array, carry: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        write, forget, new, read = jnp.split(input_part + recurrent_part, 4, axis=-1)
        cell = jax.nn.sigmoid(forget) * carry[1] + jax.nn.sigmoid(write) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(read) * jnp.tanh(cell)
        return hidden, (hidden, cell)


class StackedCells(eqx.Module):
    """Recurrent layers, each on the outputs of the one before; the carry is a tuple of theirs."""

    cells: tuple[GRU | LSTM, ...]

    @property
    def size(self) -> int:
        """H, the number of units of the last."""
        return self.cells[-1].size

    def initial_carry(self, leading: tuple[int, ...]) -> PyTree:
        return tuple(cell.initial_carry(leading) for cell in self.cells)

    def __call__(self, features: jax.Array, carry: PyTree) -> tuple[jax.Array, PyTree]:
        after = []
        for cell, before in zip(self.cells, carry, strict=True):
            features, own = cell(features, before)
            after.append(own)
        return features, tuple(after)


RecurrentCore = GRU | LSTM | StackedCells


def build(config: Network, size_in: int, key: jax.Array) -> RecurrentCore | None:
    """The recurrent core of a configuration, on `size_in` features; None without one."""
    if config.memory == "none":
        return None
    cell = GRU if config.memory == "gru" else LSTM
    first = cell.build(size_in, config.memory_size, key, config.initialization)
    if config.memory_layers == 1:
        return first
    keys = (jax.random.fold_in(key, i) for i in range(1, config.memory_layers))
    size = config.memory_size
    return StackedCells((first, *(cell.build(size, size, k, config.initialization) for k in keys)))


def unroll(
    cell: RecurrentCore, features: jax.Array, carry: PyTree, done: jax.Array
) -> tuple[jax.Array, PyTree]:
    """The cell over a rollout, starting from the initial state after each step that ended an episode.

    Args:
        features: `[T, N, F]`.
        carry: before the first step, `[N, …]`.
        done: the episode ended with this step, `[T, N]`.

    Returns:
        outputs: `[T, N, H]`.
        carries: after each step and before any reset, `[T, N, …]`: the state for each true successor.
    """
    if isinstance(cell, StackedCells):
        afters = []
        for layer, before in zip(cell.cells, carry, strict=True):
            features, after = unroll(layer, features, before, done)
            afters.append(after)
        return features, tuple(afters)
    return _recur(cell, cell.input_gates(features), carry, done)


@jax.custom_vjp
def _recur(
    cell: RecurrentCell, input_part: jax.Array, carry: PyTree, done: jax.Array
) -> tuple[jax.Array, PyTree]:
    """`unroll` from the input's part of the gates, `[T, N, G]`.

    Its gradient is written out because the automatic one adds up the gradient of the recurrent weights at every step, a
    matrix of their size, where one product over all steps is enough.
    """
    return _recur_forward(cell, input_part, carry, done)[0]


def _recur_forward(
    cell: RecurrentCell, input_part: jax.Array, carry: PyTree, done: jax.Array
) -> tuple[tuple[jax.Array, PyTree], tuple]:
    initial_carry = cell.initial_carry((done.shape[1],))

    def step(carry: PyTree, inputs: tuple[jax.Array, jax.Array]) -> tuple[PyTree, tuple]:
        input_part, done = inputs
        output, after = cell.step(input_part, cell.recurrent_gates(carry), carry)
        return reset_carry(after, initial_carry, done), (carry, output, after)

    _, (befores, outputs, afters) = jax.lax.scan(step, carry, (input_part, done))
    return (outputs, afters), (cell, input_part, befores, done)


def _recur_backward(residual: tuple, gradients: tuple[jax.Array, PyTree]) -> tuple:
    cell, input_part, befores, done = residual
    recurrent_part, of_weights = jax.vjp(lambda cell: cell.recurrent_gates(befores), cell)
    zero = jax.tree.map(lambda x: jnp.zeros_like(x[0]), befores)

    def step(next_gradient: PyTree, inputs: tuple) -> tuple[PyTree, tuple[jax.Array, jax.Array]]:
        """From the gradient of the carry after a step to that of the carry before it."""
        input_part, recurrent_part, before, done, (of_output, of_after) = inputs
        next_gradient = jax.tree.map(jnp.add, reset_carry(next_gradient, zero, done), of_after)
        _, back = jax.vjp(cell.step, input_part, recurrent_part, before)
        input_gradient, recurrent_gradient, of_before = back((of_output, next_gradient))
        (through,) = jax.vjp(cell.recurrent_gates, before)[1](recurrent_gradient)
        return jax.tree.map(jnp.add, of_before, through), (input_gradient, recurrent_gradient)

    steps = (input_part, recurrent_part, befores, done, gradients)
    of_carry, (input_gradient, recurrent_gradient) = jax.lax.scan(step, zero, steps, reverse=True)
    (of_cell,) = of_weights(recurrent_gradient)
    return of_cell, input_gradient, of_carry, None


_recur.defvjp(_recur_forward, _recur_backward)


class Emptied(eqx.Module):
    """A memory that need not be written over to begin anew, such as a large one that knows how much of it is in use."""

    @abstractmethod
    def emptied(self, done: jax.Array) -> Self:
        """The same where `done [N]` is False, and as at the start of an episode elsewhere."""


def reset_carry(carry: PyTree, initial_carry: PyTree, done: jax.Array) -> PyTree:
    """The state `[…, N, …]`, replaced by the initial one `[N, …]` where an episode ended: `done` `[…, N]`."""

    def select(now: Any, initial: Any) -> Any:
        if isinstance(now, Emptied):
            return now.emptied(done)
        ended = done.reshape(done.shape + (1,) * (now.ndim - done.ndim))
        return jnp.where(ended, jnp.broadcast_to(initial, now.shape), now)

    return jax.tree.map(select, carry, initial_carry, is_leaf=lambda node: isinstance(node, Emptied))
