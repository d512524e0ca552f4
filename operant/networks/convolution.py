"""Convolutions of images, whose channels are the last axis, and their gradients: fast on a processor as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from operant.networks.layers import initial

# A processor convolves so few images at once that what belongs to them stays in its cache, in slices that do not wait
# for each other: with fewer there is too little to do in each, and with more slices the program grows.
LEAST, MOST = 8, 16
SLICES = 16

Operation = Callable[[jax.Array, jax.Array], jax.Array]


class Convolution(eqx.Module):
    """Images `[..., h, w, in]` to `[..., (h + 2p − k) // s + 1, (w + 2p − k) // s + 1, out]`: see `convolve`."""

    weight: jax.Array  # [k, k, in, out]
    bias: jax.Array  # [out]
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True, default=0)  # zeros at each side

    @classmethod
    def build(
        cls,
        size_in: int,
        filters: int,
        kernel: int,
        stride: int,
        key: jax.Array,
        initialization: str = "orthogonal",
        gain: float = 1.0,
        padding: int = 0,
    ) -> Convolution:
        weight, bias = initial(key, kernel * kernel * size_in, filters, initialization, gain)
        return cls(weight.reshape(kernel, kernel, size_in, filters), bias, stride, padding)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = convolve(x, self.weight, self.stride, self.padding)
        return y + jnp.broadcast_to(self.bias, y.shape)


def convolve(x: jax.Array, weight: jax.Array, stride: int, padding: int = 0) -> jax.Array:
    """`x [..., h, w, in]`, with `padding` zeros at each side, convolved with `weight [k, k, in, out]` at each stride.

    It has reverse derivatives of any order, and no forward ones. On a GPU it is XLA's convolution with XLA's gradients;
    why not on a processor, and how there, is said in docs/decisions/0016-convolutions.md.
    """
    leading = x.shape[:-3]
    y: jax.Array = _convolution(x.reshape(-1, *x.shape[-3:]), weight, (stride, padding))
    return y.reshape(*leading, *y.shape[1:])


# A convolution y of x and w is linear in each of the two, and so are its gradients: dx of dy and w, and dw of x and dy.
# The gradients of each of these three are the other two, so that none is ever differentiated by JAX. `shape` is the
# stride and the padding, and where arguments do not tell it, x's height and width, or k.


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolution(x: jax.Array, w: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """`[B, h, w, in]` and `[k, k, in, out]` to `[B, h', w', out]`."""
    return _on_any_platform(
        whole=lambda x, w: _xla(x, w, *shape),
        in_slices=lambda x, w: _in_slices(lambda x: _xla(x, w, *shape), x),
        each_image=True,
    )(x, w)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _by_input(dy: jax.Array, w: jax.Array, shape: tuple[int, int, tuple[int, int]]) -> jax.Array:
    """`[B, h', w', out]` and `[k, k, in, out]` to the gradient by x, `[B, h, w, in]`."""
    stride, padding, size = shape
    k, _, channels, _ = w.shape
    outside = k - 1 - padding
    around = [
        (outside, outside + n + 2 * padding - (m - 1) * stride - k)
        for n, m in zip(size, dy.shape[1:3], strict=True)
    ]

    def whole(dy: jax.Array, w: jax.Array) -> jax.Array:
        x = jax.ShapeDtypeStruct((len(dy), *size, channels), dy.dtype)
        return jax.linear_transpose(lambda x: _xla(x, w, stride, padding), x)(dy)[0]

    def in_slices(dy: jax.Array, w: jax.Array) -> jax.Array:
        turned = _as_it_is(jnp.swapaxes(w[::-1, ::-1], 2, 3))
        return _in_slices(lambda dy: _xla(dy, turned, 1, around, lhs_dilation=(stride, stride)), dy)

    return _on_any_platform(whole, in_slices, each_image=True)(dy, w)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _by_weight(x: jax.Array, dy: jax.Array, shape: tuple[int, int, int]) -> jax.Array:
    """`[B, h, w, in]` and `[B, h', w', out]` to the gradient by w, `[k, k, in, out]`."""
    stride, padding, k = shape

    def whole(x: jax.Array, dy: jax.Array) -> jax.Array:
        w = jax.ShapeDtypeStruct((k, k, x.shape[-1], dy.shape[-1]), dy.dtype)
        return jax.linear_transpose(lambda w: _xla(x, w, stride, padding), w)(dy)[0]

    def of_slice(x: jax.Array, dy: jax.Array) -> jax.Array:
        x, dy = _as_it_is((jnp.transpose(x, (3, 1, 2, 0)), jnp.transpose(dy, (1, 2, 0, 3))))
        return _xla(x, dy, 1, padding, rhs_dilation=(stride, stride))[:, :k, :k]  # [in, k, k, out]

    def in_slices(x: jax.Array, dy: jax.Array) -> jax.Array:
        return jnp.moveaxis(_in_slices(of_slice, x, dy, summed=True), 0, 2)

    return _on_any_platform(whole, in_slices, each_image=False)(x, dy)


def _forward(function: Callable[..., Any]) -> Callable[..., tuple]:
    return lambda one, other, shape: (function(one, other, shape), (one, other))


def _convolution_backward(shape, pair, dy):
    x, w = pair
    stride, padding = shape
    return _by_input(dy, w, (*shape, x.shape[1:3])), _by_weight(x, dy, (stride, padding, w.shape[0]))


def _by_input_backward(shape, pair, dx):
    (dy, w), (stride, padding, _) = pair, shape
    return _convolution(dx, w, (stride, padding)), _by_weight(dx, dy, (stride, padding, w.shape[0]))


def _by_weight_backward(shape, pair, dw):
    (x, dy), (stride, padding, _) = pair, shape
    return _by_input(dy, dw, (stride, padding, x.shape[1:3])), _convolution(x, dw, (stride, padding))


_convolution.defvjp(_forward(_convolution), _convolution_backward)
_by_input.defvjp(_forward(_by_input), _by_input_backward)
_by_weight.defvjp(_forward(_by_weight), _by_weight_backward)


def _on_any_platform(whole: Operation, in_slices: Operation, *, each_image: bool) -> Operation:
    """`in_slices` on a processor and `whole` elsewhere, whichever the program is compiled for.

    Many learners are many convolutions one after another on a processor, because XLA's with groups are slow there.
    Where all have the same weights, and `each_image` has a result of its own, they are one convolution of more images.
    """

    @custom_vmap
    def operation(one: jax.Array, other: jax.Array) -> jax.Array:
        return jax.lax.platform_dependent(one, other, cpu=in_slices, default=whole)

    @operation.def_vmap
    def _(size: int, batched: tuple[bool, bool], one: jax.Array, other: jax.Array) -> tuple[jax.Array, bool]:
        if each_image and batched == [True, False]:
            images = operation(one.reshape(-1, *one.shape[2:]), other)
            return images.reshape(size, -1, *images.shape[1:]), True
        one, other = (
            x if has_axis else jnp.broadcast_to(x, (size, *x.shape))
            for x, has_axis in zip((one, other), batched, strict=True)
        )

        def in_turn(one: jax.Array, other: jax.Array) -> jax.Array:
            return jax.lax.map(lambda pair: operation(*pair), (one, other))

        return jax.lax.platform_dependent(one, other, cpu=in_turn, default=jax.vmap(whole)), True

    return operation


def _in_slices(function: Callable[..., jax.Array], *images: jax.Array, summed: bool = False) -> jax.Array:
    """`function(*images)` of images `[B, …]` in slices, whose results are put together or `summed`.

    In a loop where there are many, so that the program does not grow with B.
    """

    def together(*images: jax.Array) -> jax.Array:
        count = len(images[0])
        size = min(max(-(-count // SLICES), LEAST), MOST)
        parts = [function(*(x[start : start + size] for x in images)) for start in range(0, count, size)]
        return sum(parts[1:], parts[0]) if summed else jnp.concatenate(parts)

    count, size = len(images[0]), SLICES * MOST
    turns = count // size
    if turns < 2:
        return together(*images)
    groups = tuple(x[: turns * size].reshape(turns, size, *x.shape[1:]) for x in images)
    rest = [x[turns * size :] for x in images] if count % size else []
    if summed:
        like = jax.eval_shape(together, *(x[0] for x in groups))
        total = together(*rest) if rest else jnp.zeros(like.shape, like.dtype)
        return jax.lax.scan(lambda total, xs: (total + together(*xs), None), total, groups)[0]
    _, results = jax.lax.scan(lambda _, xs: (None, together(*xs)), None, groups)
    results = results.reshape(turns * size, *results.shape[2:])
    return jnp.concatenate([results, together(*rest)]) if rest else results


def _xla(x: jax.Array, w: jax.Array, stride: int, padding: Any, **dilation: Any) -> jax.Array:
    around = ((padding, padding),) * 2 if isinstance(padding, int) else padding
    return jax.lax.conv_general_dilated(
        x, w, (stride, stride), around, dimension_numbers=("NHWC", "HWIO", "NHWC"), **dilation
    )


def _as_it_is(x: Any) -> Any:
    """Arrays that XLA may not take for a convolution of other axes, which it has no fast code for within a loop."""
    return jax.lax.optimization_barrier(x)
