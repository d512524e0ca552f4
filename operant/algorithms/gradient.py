"""What all algorithms that follow a gradient share: the choice of the optimiser."""

from __future__ import annotations

from typing import Any, get_args

import jax
import optax

from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, require, static
from operant.ops.optimizers import DECAYED, Optimizer, make


class GradientLearner(Algorithm):
    """An algorithm whose parameters an optimiser moves."""

    optimizer: Optimizer = static("adam")
    """How parameters follow their gradient: adam, adamw (which also shrinks them), radam (which begins as
    momentum), rmsprop, rmsprop_tf (TensorFlow's: eps inside the root, and a mean square that begins at 1), or sgd."""
    optimizer_eps: float = 1e-5
    """With adam, adamw, radam, rmsprop and rmsprop_tf: what keeps the optimiser from dividing by 0."""
    optimizer_betas: tuple[float, float] = static((0.9, 0.999))
    """With adam, adamw and radam: how much of the averages of the gradient and of its square stays at each update."""
    optimizer_decay: float = 0.99
    """With rmsprop and rmsprop_tf: how much of the mean square stays at each update."""
    optimizer_momentum: float = 0.0
    """With sgd: how much of the last step is taken again."""
    weight_decay: float | None = None
    """With adamw and sgd: how far parameters shrink towards 0, for each unit of the learning rate; none: 0.01 with
    adamw, 0 with sgd."""

    def __check_init__(self) -> None:
        names = get_args(Optimizer)
        require(self.optimizer in names, "optimizer", self.optimizer, f"one of {', '.join(names)}")
        ranges.positive(self, "optimizer_eps")
        ranges.below_one(self, "optimizer_decay", "optimizer_momentum")
        ranges.not_negative(self, "weight_decay")
        pair = self.optimizer_betas
        two = isinstance(pair, tuple) and len(pair) == 2 and all(0 <= beta < 1 for beta in pair)
        require(two, "optimizer_betas", pair, "two numbers from 0 to below 1")
        only = f"None with {self.optimizer}: {' and '.join(DECAYED)} shrink parameters"
        require(
            self.weight_decay is None or self.optimizer in DECAYED, "weight_decay", self.weight_decay, only
        )

    def make_optimizer(
        self, learning_rate: jax.Array | float, max_grad_norm: jax.Array | float | None, **values: Any
    ) -> optax.GradientTransformation:
        """The optimiser that is asked for; `values` are those of `make` that the algorithm has other names for."""
        given = {
            "name": self.optimizer,
            "eps": self.optimizer_eps,
            "betas": self.optimizer_betas,
            "decay": self.optimizer_decay,
            "momentum": self.optimizer_momentum,
            "weight_decay": self.weight_decay,
        }
        return make(learning_rate=learning_rate, max_grad_norm=max_grad_norm, **(given | values))
