"""A reward that is learnt from comparisons of clips (Christiano, Leike, Brown, Martic, Legg & Amodei 2017,
arXiv:1706.03741).

Whoever judges is shown two clips σ¹, σ² of k steps each, and says which one is better. The reward r̂(s, a) is fitted so
that sums of it say the same (equation 1), where a judge answers at random with probability ε:

    P̂[σ¹ ≻ σ²] = (1 − ε) σ( Σ r̂(s¹_t, a¹_t) − Σ r̂(s²_t, a²_t) ) + ε/2        L = −Σ log P̂ of what was said

The algorithm learns from r̂ alone, with mean 0 and deviation 1 over recent steps (section 2.2.3), and never sees the
environment's reward. Here the judge is scripted: it prefers the clip whose rewards have the larger sum, as the paper's
synthetic one does (section 3.1), so the environment's reward says no more than `comparisons` answers. Or a person
judges (`answers`), before training and while it goes on: `operant.agent.answering` takes up between two chunks what was
said.

| paper | here |
|---|---|
| k | clip_length |
| the chance of 10 % that a judge answers at random | error_rate |
| the number of labels | comparisons |
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from operant import distributions, spaces
from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.curiosity.answers import Folder
from operant.curiosity.base import Curiosity
from operant.curiosity.icm import applied
from operant.curiosity.learned import own_network
from operant.networks import Network
from operant.networks.encoder import Encoder, Flatten
from operant.networks.hidden import Layers, hidden_layers
from operant.ops.optimizers import adam, descend
from operant.ops.periodic import largest_of_all
from operant.ops.schedules import Schedule, at
from operant.spaces import Space
from operant.types import Clock, EnvSpec, PyTree, Transition


class RewardNetwork(eqx.Module):
    """r̂(s, a), `[…]`."""

    encoder: Encoder
    head: Layers
    action_space: Space = eqx.field(static=True)

    @classmethod
    def build(cls, config: Network, spec: EnvSpec, key: jax.Array) -> RewardNetwork:
        """Raises ValueError where the configuration does not fit the observations."""
        of_encoder, of_head = jax.random.split(key)
        encoder = Encoder.build(config, spec.observation_space, of_encoder, stacked=spec.frame_stack > 1)
        size = encoder.size + distributions.parameters(spec.action_space)
        return cls(
            encoder, hidden_layers(config, size, config.hidden_sizes, 1, of_head, gain=0.1), spec.action_space
        )

    def __call__(self, observation: PyTree, action: PyTree) -> jax.Array:
        encoded = Flatten(self.action_space)(applied(self.action_space, action))  # pyright: ignore[reportArgumentType]
        return self.head(jnp.concatenate([self.encoder(observation), encoded], -1))[..., 0]


class Steps(NamedTuple):
    """Recent steps, `[W, N, …]`, the newest last; or clips of them, `[…, k, …]`."""

    observation: PyTree
    action: PyTree
    reward: jax.Array
    done: jax.Array  # bool: the episode ends with it
    weight: jax.Array  # 0 for what never happened


class Comparisons(NamedTuple):
    """Pairs of clips, of which the first `judged` of M have been judged."""

    observation: PyTree  # [M, 2, k, …]
    action: PyTree  # [M, 2, k, …]
    preferred: jax.Array  # [M]: 1 where the first is better, 0 where the second is, ½ where neither is
    judged: jax.Array  # [] int32


class PreferencesState(eqx.Module):
    """The reward, what it is learnt from, and what is said of it."""

    network: RewardNetwork
    optimizer: optax.OptState
    recent: Steps
    seen: jax.Array  # [] int32: steps since the judge was asked last
    comparisons: Comparisons
    mean: jax.Array  # of r̂ over recent steps
    deviation: jax.Array
    loss: jax.Array  # of the last fit
    accuracy: jax.Array


class Preferences(Curiosity):
    """A reward learnt from comparisons of clips, in place of the environment's."""

    alone: ClassVar[bool] = True
    clip_length: int = static(25)
    """k: steps of a clip."""
    comparisons: int = static(500)
    """How many answers the judge gives in all, or of how many of a person's there is room."""
    queries: int = static(25)
    """Comparisons that it is asked for at a time."""
    query_every: int = static(2000)
    """Steps of the environments between two times."""
    window: int = static(1000)
    """Of how many of each environment's last steps clips are taken."""
    answers: str | None = static(None)
    """A folder with what a person said of clips (`record_clips`, `operant label`; with --live the page films and asks,
    too): these are then all comparisons, and no judge is asked."""
    error_rate: float = 0.1
    """ε: how often a judge is taken to answer at random."""
    learning_rate: float | Schedule = 1e-3
    """Step size of Adam for the reward: a number or a schedule."""
    n_updates: int = static(100)
    """Gradient steps of the reward after each time that the judge was asked."""
    batch_size: int = static(64)
    """Comparisons in a gradient step."""
    max_grad_norm: float = 10.0
    """The largest norm of gradients of the reward; longer ones are scaled down."""
    network: Network = own_network()
    """The reward's network."""

    def __check_init__(self) -> None:
        names = ("clip_length", "comparisons", "queries", "query_every", "window", "n_updates", "batch_size")
        ranges.whole(self, *names)
        ranges.fraction(self, "error_rate")
        ranges.not_negative(self, "learning_rate")
        ranges.positive(self, "max_grad_norm")
        longest = f"at most window={self.window}, of which clips are taken"
        require(self.clip_length <= self.window, "clip_length", self.clip_length, longest)
        memory, dropout = self.network.memory, self.network.dropout
        require(memory == "none", "network.memory", memory, "'none': the reward looks at single steps")
        require(dropout == 0, "network.dropout", dropout, "0: its noise would look like a reward")

    def check(self, spec: EnvSpec) -> None:
        distributions.parameters(spec.action_space)
        if self.answers is not None:
            self._check_clips(spec, self.answers)

    def _check_clips(self, spec: EnvSpec, folder: str) -> None:
        shapes = [
            getattr(jax.eval_shape(lambda space=space: spaces.example(space)), "shape", None)
            for space in (spec.observation_space, spec.action_space)
        ]
        if None in shapes:
            raise ValueError(
                f"answers={folder!r}: {spec.id} has observations or actions of several parts, of which no clips are "
                "made. Leave answers out: the scripted judge needs no films."
            )
        if Path(folder).exists() and not Path(folder).is_dir():
            raise ValueError(f"answers={folder!r}: it must be a folder.")
        there = Folder(folder).shapes()
        if there is None:  # they may be made yet
            return
        for space, shape, held in zip(
            (spec.observation_space, spec.action_space), shapes, there, strict=True
        ):
            if held[1:] != shape:
                raise ValueError(
                    f"answers={folder!r}: its clips hold arrays of shape {held[1:]}, and {spec.id} "
                    f"has {spaces.describe(space)}. Make clips of this environment."
                )
        steps = there[0][0]
        require(
            self.clip_length == steps,
            "clip_length",
            self.clip_length,
            f"{steps}, as the clips in {folder} have",
        )

    def init(self, spec: EnvSpec, key: jax.Array) -> PreferencesState:
        network = RewardNetwork.build(self.network, spec, key)

        def zeros(space: Space, *axes: int) -> PyTree:
            like = jax.eval_shape(lambda: spaces.example(space))
            return jax.tree.map(lambda x: jnp.zeros((*axes, *x.shape), x.dtype), like)

        recent, clips = (self.window, spec.num_envs), (self.comparisons, 2, self.clip_length)
        zero = jnp.zeros((), jnp.float32)
        # As much room whatever has been answered so far: a run goes on where more has been.
        comparisons = Comparisons(
            zeros(spec.observation_space, *clips),
            zeros(spec.action_space, *clips),
            jnp.zeros(self.comparisons, jnp.float32),
            jnp.zeros((), jnp.int32),
        )
        return PreferencesState(
            network,
            self._optimizer(0.0).init(network),  # pyright: ignore[reportArgumentType]
            Steps(
                zeros(spec.observation_space, *recent),
                zeros(spec.action_space, *recent),
                jnp.zeros(recent, jnp.float32),
                jnp.zeros(recent, bool),
                jnp.zeros(recent, jnp.float32),
            ),
            jnp.zeros((), jnp.int32),
            comparisons,
            zero,
            zero + 1,
            zero,
            zero,
        )

    def update_statistics(
        self, state: PreferencesState, transition: Transition, weight: jax.Array
    ) -> PreferencesState:
        """Fresh steps `[T, N, …]` join the recent ones."""
        fresh = Steps(transition.observation, transition.action, transition.reward, transition.done, weight)

        def joined(before: jax.Array, new: jax.Array) -> jax.Array:
            return jnp.concatenate([before, new.astype(before.dtype)])[-self.window :]

        recent = jax.tree.map(joined, state.recent, fresh)
        return replace(state, recent=recent, seen=state.seen + jnp.sum(weight > 0, dtype=jnp.int32))

    def reward(self, state: PreferencesState, transition: Transition) -> jax.Array:
        return (state.network(transition.observation, transition.action) - state.mean) / state.deviation

    def update(
        self, state: PreferencesState, transition: Transition, weight: jax.Array, key: jax.Array, clock: Clock
    ) -> tuple[PreferencesState, dict[str, jax.Array]]:
        """Where it is time, the judge is asked, and the reward is fitted to all that it has said."""
        due = state.seen >= self.query_every
        judged = state.comparisons.judged
        due = due & ((judged < self.comparisons) if self.answers is None else (judged > 0))

        def renewed(state: PreferencesState) -> PreferencesState:
            known = replace(state, seen=jnp.zeros_like(state.seen))
            if self.answers is None:
                known = self.asked(known, jax.random.fold_in(key, 0))
            fitted = self.fitted(known, jax.random.fold_in(key, 1), clock)
            return jax.tree.map(lambda new, old: jnp.where(due, new, old), fitted, state)

        state = jax.lax.cond(largest_of_all(due), renewed, lambda state: state, state)
        return state, {
            "train/preference_loss": state.loss,
            "train/preference_accuracy": state.accuracy,
            "train/comparisons": state.comparisons.judged.astype(jnp.float32),
        }

    def asked(self, state: PreferencesState, key: jax.Array) -> PreferencesState:
        """The state with what the judge says of clips drawn from recent steps, as far as they are whole."""
        recent, known = state.recent, state.comparisons
        starts, columns = jax.random.split(key)
        shape = self.queries, 2
        first = jax.random.randint(starts, shape, 0, self.window - self.clip_length + 1)
        column = jax.random.randint(columns, shape, 0, recent.reward.shape[1])
        rows = first[..., None] + jnp.arange(self.clip_length)[None, None]
        clips = jax.tree.map(lambda x: x[rows, column[..., None]], recent)  # [queries, 2, k, …]
        whole = (clips.weight > 0).all(-1) & ~clips.done[..., :-1].any(-1)
        total = jnp.sum(clips.reward, -1)
        preferred = 0.5 * (1 + jnp.sign(total[:, 0] - total[:, 1]))
        valid = whole.all(-1)
        place = known.judged + jnp.cumsum(valid) - 1
        place = jnp.where(valid & (place < self.comparisons), place, self.comparisons)  # others are dropped

        def put(room: jax.Array, new: jax.Array) -> jax.Array:
            return room.at[place].set(new, mode="drop")

        count = jnp.minimum(known.judged + jnp.sum(valid, dtype=jnp.int32), self.comparisons)
        comparisons = Comparisons(
            jax.tree.map(put, known.observation, clips.observation),
            jax.tree.map(put, known.action, clips.action),
            put(known.preferred, preferred),
            count,
        )
        return replace(state, comparisons=comparisons)

    def joined(
        self, known: Comparisons, observation: PyTree, action: PyTree, preferred: np.ndarray, axes: int = 0
    ) -> Comparisons:
        """With what was said of B pairs of clips, `[B, 2, k, …]`; of several learners, who have `axes` in front, with
        the same for each. There must be room for them."""
        first = int(np.asarray(known.judged).max())
        place = (*[slice(None)] * axes, slice(first, first + len(preferred)))

        def put(room: jax.Array, new: np.ndarray) -> jax.Array:
            return jax.device_put(room.at[place].set(jnp.asarray(new, room.dtype)), room.sharding)

        return Comparisons(
            jax.tree.map(put, known.observation, observation),
            jax.tree.map(put, known.action, action),
            put(known.preferred, preferred),
            jax.device_put(known.judged + len(preferred), known.judged.sharding),
        )

    def fitted(self, state: PreferencesState, key: jax.Array, clock: Clock) -> PreferencesState:
        """The state with the reward after `n_updates` gradient steps, and its scale over recent steps."""
        known, optimizer = state.comparisons, self._optimizer(at(self.learning_rate, clock))
        shape = self.n_updates, self.batch_size
        drawn = jax.random.randint(key, shape, 0, jnp.maximum(known.judged, 1))

        def step(now: tuple[RewardNetwork, optax.OptState], rows: jax.Array):
            network, optimizer_state = now
            batch = jax.tree.map(lambda x: x[rows], known._replace(judged=known.preferred))
            gradient, told = jax.grad(self.loss, has_aux=True)(network, batch)
            return descend(optimizer, gradient, optimizer_state, network), told

        (network, optimizer_state), (losses, accuracies) = jax.lax.scan(
            step, (state.network, state.optimizer), drawn
        )
        recent = network(state.recent.observation, state.recent.action)
        weight = state.recent.weight
        total = jnp.maximum(jnp.sum(weight), 1.0)
        mean = jnp.sum(recent * weight) / total
        deviation = jnp.sqrt(jnp.sum(jnp.square(recent - mean) * weight) / total)
        return replace(
            state,
            network=network,
            optimizer=optimizer_state,
            mean=mean,
            deviation=jnp.maximum(deviation, 1e-6),
            loss=jnp.mean(losses),
            accuracy=jnp.mean(accuracies),
        )

    def loss(
        self, network: RewardNetwork, batch: Comparisons
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """`(L, (L, how often r̂ says the same))` of B comparisons, where they say something."""
        total = jnp.sum(network(batch.observation, batch.action), -1)  # [B, 2]
        chance = jax.nn.sigmoid(total[:, 0] - total[:, 1])
        chance = (1 - self.error_rate) * chance + self.error_rate / 2
        loss = -jnp.mean(batch.preferred * jnp.log(chance) + (1 - batch.preferred) * jnp.log1p(-chance))
        said = batch.preferred != 0.5
        same = (total[:, 0] > total[:, 1]) == (batch.preferred > 0.5)
        return loss, (loss, jnp.sum(same & said) / jnp.maximum(jnp.sum(said), 1))

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return adam(learning_rate, self.max_grad_norm, eps=1e-8)
