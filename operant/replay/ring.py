"""The ring of past transitions that replay draws from."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.replay import windows
from operant.replay.frames import Frames
from operant.replay.prioritized import Drawn, Priorities, importance_weights
from operant.types import Batch, PyTree, Replay, Transition


class Ring(eqx.Module):
    """The last rows of experience; a row is one step of all N environments. Leaves of `rows`: `[capacity, N, …]`."""

    rows: Transition  # without observations where frames are stored once
    position: jax.Array  # int32: where the next row goes
    filled: jax.Array  # int32: how many rows hold experience
    memory: PyTree = None  # [capacity, N, …] the policy's before each step; None unless sequences are drawn
    priorities: Priorities | None = None  # of place row·N + environment
    frames: Frames | None = None  # None unless observations are stacks


def capacity_rows(plan: Replay, num_envs: int) -> int:
    """How many rows hold the plan's capacity: a whole number of insertions, so that none is split by the ring's end."""
    per_insertion = plan.collect_steps * num_envs
    return max(1, plan.capacity // per_insertion) * plan.collect_steps


def init(plan: Replay, transition: PyTree, carry: PyTree = (), frame_stack: int = 1) -> Ring:
    """An empty ring for transitions and policy memories like the given examples (arrays or their shapes, `[N, …]`).

    Observations of a `frame_stack` > 1 are stored frame by frame. Raises ValueError where no sequence would fit.
    """
    num_envs = transition.reward.shape[0]
    rows = capacity_rows(plan, num_envs)
    needed = plan.sequence + plan.collect_steps - 1
    if plan.sequence > 1 and rows < needed:
        enough = -(-needed // plan.collect_steps)  # insertions
        raise ValueError(
            f"buffer_size={plan.capacity} holds {rows} steps of {num_envs} environments; sequences of {plan.sequence} "
            f"steps need {needed}: raise buffer_size to {enough * plan.collect_steps * num_envs}."
        )
    frames = None
    if frame_stack > 1:
        frames = Frames.init(transition.observation, frame_stack, rows, plan.collect_steps)
        transition = _without_observations(transition)

    def empty(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda x: jnp.zeros((rows, *x.shape), x.dtype), tree)

    return Ring(
        rows=empty(transition),
        position=jnp.zeros((), jnp.int32),
        filled=jnp.zeros((), jnp.int32),
        memory=empty(carry) if plan.sequence > 1 else None,
        priorities=Priorities.init(rows * num_envs) if plan.priority else None,
        frames=frames,
    )


def insert(plan: Replay, ring: Ring, transition: Transition, memory: PyTree = None) -> Ring:
    """With `collect_steps` new rows `[T, N, …]` in place of the oldest; `memory` is read where sequences are drawn."""
    capacity = ring.rows.reward.shape[0]
    added = transition.reward.shape[0]

    def write(rows: jax.Array, new: jax.Array) -> jax.Array:
        return jax.lax.dynamic_update_slice_in_dim(rows, new.astype(rows.dtype), ring.position, 0)

    frames = ring.frames
    longer = replace(
        ring,
        rows=jax.tree.map(
            write, ring.rows, transition if frames is None else _without_observations(transition)
        ),
        position=(ring.position + added) % capacity,
        filled=jnp.minimum(ring.filled + added, capacity),
        memory=None if ring.memory is None else jax.tree.map(write, ring.memory, memory),
    )
    lost = None
    if frames is not None:
        frames, written = frames.insert(ring.position, transition)
        lost = _lost(longer, frames, added, written)
        longer = replace(longer, frames=frames, filled=longer.filled - jnp.sum(lost[1], dtype=jnp.int32))
    if ring.priorities is None:
        return longer
    return replace(longer, priorities=_reprioritized(plan, ring, ring.priorities, transition, lost))


def _lost(ring: Ring, frames: Frames, added: int, written: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`(rows, lost)`, each `[M]`: which of the oldest rows lack a frame, since the last `written` `[N]` took its place.

    A row needs one frame less than the row before, but for the first of an episode, whose stacks overlap: M is enough.
    """
    capacity = ring.rows.reward.shape[0]
    ahead = jnp.arange(min(2 * added + frames.size - 1, capacity))
    rows = (ring.position - ring.filled + ahead) % capacity
    return rows, frames.overwritten(rows, written) & (ahead < ring.filled - added)


def _reprioritized(
    plan: Replay,
    ring: Ring,
    priorities: Priorities,
    transition: Transition,
    lost: tuple[jax.Array, jax.Array] | None,
) -> Priorities:
    """Priorities once new rows follow those of the ring and some of the oldest are lost.

    All changes go into the tree at once: between two, it would be copied.
    """
    capacity, num_envs = ring.rows.reward.shape
    added = transition.reward.shape[0]
    if plan.sequence == 1:
        rows = ring.position + jnp.arange(added)
        drawable = transition.mask
        if lost is None:
            return priorities.insert_range(ring.position * num_envs, drawable.reshape(-1))
    else:
        # A sequence can start where its last row has been written: that number of rows back. Later ones cannot yet.
        back = jnp.arange(plan.sequence - 1, -added, -1)
        rows = (ring.position - back) % capacity
        can_start = (back >= plan.sequence - added) & (back <= ring.filled)
        drawable = jnp.broadcast_to(can_start[:, None], (len(back), num_envs))
    if lost is not None:  # where nothing is, the first new row stands once more
        rows = jnp.concatenate([rows, jnp.where(lost[1], lost[0], rows[0])])
        drawable = jnp.concatenate([drawable, ~lost[1][:, None] & drawable[:1]])
    place = rows[:, None] * num_envs + jnp.arange(num_envs)[None]
    return priorities.insert(place.reshape(-1), drawable.reshape(-1))


def sample(plan: Replay, ring: Ring, bits: jax.Array, beta: jax.Array | float = 1.0) -> tuple[Batch, Drawn]:
    """`(batch, what was drawn)`, with replacement, by random `uint32` numbers `[B]`, or `[B, 2]` by priority.

    β is the exponent of the importance weights. Where all is as likely, the remainder of 32 random bits is uniform to
    within 1 part in 4,000 at a million transitions.
    """
    drawn = _draw(plan, ring, bits) if ring.priorities is None else ring.priorities.draw(bits)
    batch = (
        _transitions(plan, ring, drawn.place) if plan.sequence == 1 else _sequences(plan, ring, drawn.place)
    )
    if drawn.priority is not None:
        weight = jnp.broadcast_to(importance_weights(drawn.priority, beta), batch.weight.shape)
        batch = replace(batch, weight=batch.weight * weight)
    return batch, drawn


def cut(ring: Ring) -> Ring:
    """With the newest episodes ended where they are, since what comes next does not follow from them.

    Seeds may be in front of all shapes; nothing large is copied.
    """
    terminated = ring.rows.terminated
    capacity = terminated.shape[-2]
    newest = jax.nn.one_hot((ring.position - 1) % capacity, capacity, dtype=bool)
    truncated = ring.rows.truncated | (newest[..., None] & ~terminated)
    frames = None if ring.frames is None else ring.frames.cut()
    return replace(ring, rows=replace(ring.rows, truncated=truncated), frames=frames)


def _draw(plan: Replay, ring: Ring, bits: jax.Array) -> Drawn:
    """Places that are equally likely: of a transition, or of a sequence's first."""
    capacity, num_envs = ring.rows.reward.shape
    if plan.sequence == 1 and ring.frames is None:
        return Drawn((bits % (ring.filled * num_envs).astype(jnp.uint32)).astype(jnp.int32))
    starts = jnp.maximum(ring.filled - plan.sequence + 1, 1)
    chosen = (bits % (starts * num_envs).astype(jnp.uint32)).astype(jnp.int32)
    oldest = ring.position - ring.filled
    return Drawn((oldest * num_envs + chosen) % (capacity * num_envs))


def _transitions(plan: Replay, ring: Ring, place: jax.Array) -> Batch:
    transition = _at(ring, place)
    batch = Batch(transition, transition.weight)
    if plan.n_step == 1:
        return batch
    num_envs = ring.rows.reward.shape[1]
    env = place % num_envs
    last, rewards, steps = windows.n_step(ring.rows, place // num_envs, env, plan.n_step, ring.position)
    own = windows.discounts(ring.rows, place // num_envs, env, plan.n_step, steps)
    end = _at(ring, last * num_envs + env)
    transition = replace(
        transition,
        terminated=end.terminated,
        truncated=end.truncated,
        next_observation=end.next_observation,
        next_action_mask=end.next_action_mask,
        discount=None if own is None else own[-1],
    )
    before = None if own is None else own[:-1]
    return replace(batch, transition=transition, rewards=rewards, steps=steps, discounts=before)


def _sequences(plan: Replay, ring: Ring, place: jax.Array) -> Batch:
    """`[sequence, B, …]`, without weight as long as there is none that long."""
    capacity, num_envs = ring.rows.reward.shape
    along = jnp.arange(plan.sequence)[:, None] * num_envs
    transition = _at(ring, (place[None] + along) % (capacity * num_envs))
    weight = jnp.where(ring.filled >= plan.sequence, transition.weight, 0.0)
    return Batch(transition, weight, _take(ring.memory, place))


def _at(ring: Ring, place: jax.Array) -> Transition:
    """The transitions in these places `[…]`."""
    transition = _take(ring.rows, place)
    if ring.frames is None:
        return transition
    row, env = jnp.divmod(place, ring.rows.reward.shape[1])
    return replace(
        transition,
        observation=ring.frames.observation(row, env),
        next_observation=ring.frames.next_observation(row, env),
    )


def _without_observations(transition: Transition) -> Transition:
    return replace(transition, observation=None, next_observation=None)


def _take(rows: PyTree, place: jax.Array) -> PyTree:
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[place], rows)
