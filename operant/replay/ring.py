"""The ring of past transitions that replay draws from."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.goals import Goals
from operant.plans import Replay
from operant.replay import windows
from operant.replay.frames import Frames
from operant.replay.hindsight import EpisodeRows, Relabel
from operant.replay.prioritized import Drawn, Priorities, importance_weights
from operant.types import Batch, PyTree, Transition


class Ring(eqx.Module):
    """The last rows of experience; a row is one step of all N environments. Leaves of `rows`: `[capacity, N, …]`."""

    rows: Transition  # without observations where frames are stored once
    position: jax.Array  # int32: where the next row goes
    size: jax.Array  # int32: how many rows hold experience
    carry: PyTree = (
        None  # [capacity, N, …] the policy's memory before each step; None unless sequences are drawn
    )
    priorities: Priorities | None = None  # of index row·N + environment
    frames: Frames | None = None  # None unless observations are stacks
    episodes: EpisodeRows | None = None  # None without hindsight


def capacity_rows(plan: Replay, num_envs: int) -> int:
    """How many rows hold the plan's capacity: a whole number of insertions, so that none is split by the ring's end."""
    per_insertion = plan.collect_steps * num_envs
    return max(1, plan.capacity // per_insertion) * plan.collect_steps


def init(plan: Replay, transition: PyTree, carry: PyTree = (), frame_stack: int = 1) -> Ring:
    """An empty ring for transitions and policy memories like the given examples (arrays or their shapes, `[N, …]`).

    Observations of a `frame_stack` > 1 are stored frame by frame. Raises ValueError where no sequence would fit, and
    for hindsight in sequences or stacks.
    """
    if plan.hindsight != "none" and (plan.sequence > 1 or frame_stack > 1):
        raise ValueError(
            f"hindsight={plan.hindsight!r} gives single transitions other goals: neither sequences (sequence="
            f"{plan.sequence}), which reach across episodes, nor stacked frames (frame_stack={frame_stack})."
        )
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
        size=jnp.zeros((), jnp.int32),
        carry=empty(carry) if plan.sequence > 1 else None,
        priorities=Priorities.init(rows * num_envs) if plan.priority else None,
        frames=frames,
        episodes=None if plan.hindsight == "none" else EpisodeRows.init(rows, num_envs),
    )


def insert(plan: Replay, ring: Ring, transition: Transition, carry: PyTree = None) -> Ring:
    """With `collect_steps` new rows `[T, N, …]` over the oldest ones; `carry` is stored where sequences are drawn."""
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
        size=jnp.minimum(ring.size + added, capacity),
        carry=None if ring.carry is None else jax.tree.map(write, ring.carry, carry),
        episodes=None if ring.episodes is None else ring.episodes.insert(ring.position, transition.done),
    )
    evicted = None
    if frames is not None:
        frames, written = frames.insert(ring.position, transition)
        evicted = _evicted(longer, frames, added, written)
        longer = replace(longer, frames=frames, size=longer.size - jnp.sum(evicted[1], dtype=jnp.int32))
    if ring.priorities is None:
        return longer
    return replace(longer, priorities=_reprioritized(plan, ring, ring.priorities, transition, evicted))


def _evicted(ring: Ring, frames: Frames, added: int, written: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`(rows, evicted)`, each `[M]`: which of the oldest rows lack a frame, as the last `written` `[N]` overwrote it.

    A row needs one frame less than the row before, but for the first of an episode, whose stacks overlap: M is enough.
    """
    capacity = ring.rows.reward.shape[0]
    ahead = jnp.arange(min(2 * added + frames.frame_stack - 1, capacity))
    rows = (ring.position - ring.size + ahead) % capacity
    return rows, frames.overwritten(rows, written) & (ahead < ring.size - added)


def _reprioritized(
    plan: Replay,
    ring: Ring,
    priorities: Priorities,
    transition: Transition,
    evicted: tuple[jax.Array, jax.Array] | None,
) -> Priorities:
    """Priorities after new rows were added and some of the oldest are evicted.

    All changes go into the tree at once: between two, it would be copied.
    """
    capacity, num_envs = ring.rows.reward.shape
    added = transition.reward.shape[0]
    if plan.sequence == 1:
        rows = ring.position + jnp.arange(added)
        drawable = transition.mask
        if evicted is None:
            return priorities.insert_range(ring.position * num_envs, drawable.reshape(-1))
    else:
        # A sequence can start where its last row has been written: that number of rows back. Later ones cannot yet.
        back = jnp.arange(plan.sequence - 1, -added, -1)
        rows = (ring.position - back) % capacity
        can_start = (back >= plan.sequence - added) & (back <= ring.size)
        drawable = jnp.broadcast_to(can_start[:, None], (len(back), num_envs))
    if evicted is not None:  # where nothing is, the first new row stands once more
        rows = jnp.concatenate([rows, jnp.where(evicted[1], evicted[0], rows[0])])
        drawable = jnp.concatenate([drawable, ~evicted[1][:, None] & drawable[:1]])
    index = rows[:, None] * num_envs + jnp.arange(num_envs)[None]
    return priorities.insert(index.reshape(-1), drawable.reshape(-1))


def sample(
    plan: Replay,
    ring: Ring,
    bits: jax.Array,
    beta: jax.Array | float = 1.0,
    goals: tuple[Goals, jax.Array] | None = None,
) -> tuple[Batch, Drawn]:
    """`(batch, what was drawn)`, with replacement, by random `uint32` numbers `[B]`, or `[B, 2]` by priority.

    β is the exponent of the importance weights. Where all is as likely, the remainder of 32 random bits is uniform to
    within 1 part in 4,000 at a million transitions. With hindsight `goals` are what the environment says of them, and
    further random `uint32` numbers `[B, 2]`.
    """
    drawn = _sample_indices(plan, ring, bits) if ring.priorities is None else ring.priorities.sample(bits)
    batch = (
        _transitions(plan, ring, drawn.index, goals)
        if plan.sequence == 1
        else _sequences(plan, ring, drawn.index)
    )
    if drawn.priority is not None:
        weight = jnp.broadcast_to(importance_weights(drawn.priority, beta), batch.weight.shape)
        batch = replace(batch, weight=batch.weight * weight)
    return batch, drawn


def truncate_open_episodes(ring: Ring) -> Ring:
    """With the newest episodes ended where they are, since what comes next does not follow from them.

    Seeds may be in front of all shapes; nothing large is copied.
    """
    terminated = ring.rows.terminated
    capacity = terminated.shape[-2]
    newest = jax.nn.one_hot((ring.position - 1) % capacity, capacity, dtype=bool)
    truncated = ring.rows.truncated | (newest[..., None] & ~terminated)
    frames = None if ring.frames is None else ring.frames.truncate_open_episodes()
    episodes = None if ring.episodes is None else ring.episodes.truncate_open_episodes()
    return replace(ring, rows=replace(ring.rows, truncated=truncated), frames=frames, episodes=episodes)


def _sample_indices(plan: Replay, ring: Ring, bits: jax.Array) -> Drawn:
    """Indices that are equally likely: of a transition, or of a sequence's first."""
    capacity, num_envs = ring.rows.reward.shape
    if plan.sequence == 1 and ring.frames is None:
        return Drawn((bits % (ring.size * num_envs).astype(jnp.uint32)).astype(jnp.int32))
    starts = jnp.maximum(ring.size - plan.sequence + 1, 1)
    chosen = (bits % (starts * num_envs).astype(jnp.uint32)).astype(jnp.int32)
    oldest = ring.position - ring.size
    return Drawn((oldest * num_envs + chosen) % (capacity * num_envs))


def _transitions(plan: Replay, ring: Ring, index: jax.Array, goals: tuple[Goals, jax.Array] | None) -> Batch:
    transition, rows, relabel = _at(ring, index), ring.rows, None
    if plan.hindsight != "none":
        assert ring.episodes is not None
        if goals is None:
            raise ValueError(
                f"hindsight={plan.hindsight!r}: nobody said what rewards goals give: see operant.envs.goals."
            )
        oldest = ring.position - ring.size
        relabel = Relabel.draw(plan, goals, ring.episodes, rows, oldest, index)
        transition = relabel.steps(transition)
    batch = Batch(transition, transition.weight)
    if plan.n_step == 1:
        return batch
    num_envs = rows.reward.shape[1]
    row, env = index // num_envs, index % num_envs
    outcome = None if relabel is None else partial(relabel.outcome_at, rows)
    last, rewards, steps, terminated = windows.n_step(rows, row, env, plan.n_step, ring.position, outcome)
    own = windows.discounts(rows, row, env, plan.n_step, steps)
    end = _at(ring, last * num_envs + env)
    if relabel is not None:
        end = relabel.steps(end)
    transition = replace(
        transition,
        terminated=terminated,
        truncated=end.truncated,
        next_observation=end.next_observation,
        next_action_mask=end.next_action_mask,
        discount=None if own is None else own[-1],
    )
    before = None if own is None else own[:-1]
    return replace(batch, transition=transition, rewards=rewards, steps=steps, discounts=before)


def _sequences(plan: Replay, ring: Ring, index: jax.Array) -> Batch:
    """`[sequence, B, …]`, without weight as long as there is none that long."""
    capacity, num_envs = ring.rows.reward.shape
    along = jnp.arange(plan.sequence)[:, None] * num_envs
    transition = _at(ring, (index[None] + along) % (capacity * num_envs))
    weight = jnp.where(ring.size >= plan.sequence, transition.weight, 0.0)
    return Batch(transition, weight, _take(ring.carry, index))


def _at(ring: Ring, index: jax.Array) -> Transition:
    """The transitions at these indices `[…]`."""
    transition = _take(ring.rows, index)
    if ring.frames is None:
        return transition
    row, env = jnp.divmod(index, ring.rows.reward.shape[1])
    return replace(
        transition,
        observation=ring.frames.observation(row, env),
        next_observation=ring.frames.next_observation(row, env),
    )


def _without_observations(transition: Transition) -> Transition:
    return replace(transition, observation=None, next_observation=None)


def _take(rows: PyTree, index: jax.Array) -> PyTree:
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[index], rows)
