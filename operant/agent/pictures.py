"""Pictures of the policy over two quantities of the observation, and of what critics expect of actions.

What a picture is drawn with is imported when it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from operant import spaces
from operant.agent import inputs, thoughts
from operant.agent.core import Core
from operant.agent.saliency import Axes, Of, saliency
from operant.algorithms.base import Algorithm
from operant.engine.policy import Actor, Policy
from operant.envs.source import Source
from operant.envs.view import EnvironmentView
from operant.types import PyTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEED = 20_000  # of the episode that is played for a picture, as of a film
STEPS = 1_000  # of that episode at most
CURVE, MAP = 201, 61  # actions of one element, and of each of two
ELEMENTS = 6  # of an action, for a map of the policy


class NoPictureError(ValueError):
    """There is no such picture of this policy in this environment; the message says why."""


def has_landscape(algorithm: Algorithm, source: Source) -> bool:
    """Whether the return can be drawn over two parameters: of a search for a constant action of two numbers.

    Where the environment is not native, only of a grid search, whose map is there already.
    """
    space = source.spec.action_space
    if not (isinstance(space, spaces.Box) and space.bounded and space.shape == (2,)):
        return False
    from operant.algorithms.search.grid_search import GridSearch
    from operant.algorithms.search.search import PolicySearch

    searched = isinstance(algorithm, PolicySearch) and algorithm.policy == "constant"
    return searched and (isinstance(algorithm, GridSearch) or source.native is not None)


def _require_map(core: Core) -> None:
    """Raise NoPictureError where no map of the policy can be drawn."""
    seen, action = core.spec.observation_space, core.spec.action_space
    if not (isinstance(seen, spaces.Box) and len(seen.shape) == 1 and seen.shape[0] >= 2):
        raise NoPictureError(
            "A map of the policy is over two elements of a vector observation; "
            f"{core.spec.id} shows {spaces.describe(seen)}."
        )
    box = isinstance(action, spaces.Box) and 1 <= math.prod(action.shape) <= ELEMENTS
    if not (box or isinstance(action, spaces.Discrete)):
        raise NoPictureError(
            f"A map of the policy is of Discrete actions, or those of a Box of at most {ELEMENTS} elements; "
            f"{core.spec.id} takes {spaces.describe(action)}."
        )
    if _policy(core).remembers:
        raise NoPictureError(
            f"There is no map of a policy that remembers: what {core.name} does depends on more than one observation."
        )


def _require_critic(core: Core) -> None:
    """Raise NoPictureError where what critics expect cannot be drawn."""
    action = core.spec.action_space
    box = isinstance(action, spaces.Box) and action.bounded and math.prod(action.shape) in (1, 2)
    if not (box or isinstance(action, spaces.Discrete)):
        raise NoPictureError(
            "What critics expect is drawn over Discrete actions, or those of a bounded Box of one or two elements; "
            f"{core.spec.id} takes {spaces.describe(action)}."
        )
    if not thoughts.knows_action_returns(_policy(core)):
        raise NoPictureError(
            f"{core.name} learns no critic of actions; SAC, TQC, TD3, DDPG, DQN, QR-DQN, IQN and the tables do."
        )


def plot_policy(
    core: Core, path: str | Path | None, states: np.ndarray | None, axes: Sequence[int | str] | None
) -> Figure:
    """What the policy does over two quantities of a vector observation, or where its two parameters were found; of the
    table of a grid all its values.
    """
    if has_landscape(core.algorithm, core.source):
        from operant.agent.landscape import landscape

        return landscape(core, path)
    from operant.studio.table_map import table_map
    from operant.studio.tables import learnt_table

    title = f"{core.name} on {core.source.id}"
    table = learnt_table(core.state, core.source.twin or core.source.given) if core.seeds is None else None
    if table is not None:
        return table_map(table.q_values, table.layout, visits=table.visits, title=title, path=path)
    _require_map(core)
    from operant.studio.names import names
    from operant.studio.policy_map import policy_map
    from operant.studio.views import VIEWS, chosen_view, default_view

    action, source, policy = core.spec.action_space, core.source, _policy(core)
    known = source.id if source.own_observations else None
    if states is None and (axes is not None or known not in VIEWS):
        states = visited(core)
    if axes is None:
        view = default_view(known, states)
    else:
        assert isinstance(core.spec.observation_space, spaces.Box)
        view = chosen_view(axes, core.spec.observation_space.bounds, names(known), states)

    def act(observations: np.ndarray) -> np.ndarray:
        return policy(observations, None, None, np.ones(len(observations), bool), 0)[0]

    discrete = isinstance(action, spaces.Discrete)
    return policy_map(
        (lambda observations: policy.probabilities(observations, None)) if discrete else act,
        view=view,
        environment=known if source.own_actions else None,
        continuous=not discrete,
        limits=np.stack([bound.ravel() for bound in action.bounds], 1)
        if isinstance(action, spaces.Box) and action.bounded
        else None,
        states=states,
        title=title,
        path=path,
    )


def plot_critic(core: Core, path: str | Path | None, observation: Any, steps: int) -> Figure:
    """What critics expect of the actions in one state, by default an episode's first, and what the policy does."""
    _require_critic(core)
    _require_no_memory(core, steps)
    from operant.studio.critic import ActionReturns, critic_bars, critic_curve, critic_map
    from operant.studio.names import names

    seen, mask, frame, note = state_at(core, observation, steps)
    source, policy, space = core.source, _policy(core), core.spec.action_space
    best = policy(seen, mask, None, np.ones(1, bool), 0)[0][0]
    words = names(source.id if source.own_observations and source.own_actions else None)
    shared: dict[str, Any] = {
        "frame": frame,
        "title": f"{core.name} on {source.id}",
        "note": note,
        "path": path,
    }

    def returns(actions: np.ndarray) -> ActionReturns:
        return ActionReturns(*map(np.asarray, thoughts.action_returns(policy, seen, actions)))

    if isinstance(space, spaces.Discrete):
        labels = action_names(core)
        return critic_bars(
            returns(np.arange(space.n, dtype=np.int32)), policy=int(best), names=labels, **shared
        )
    assert isinstance(space, spaces.Box)
    low, high = (bound.ravel() for bound in space.bounds)
    count = CURVE if len(low) == 1 else MAP
    middles = (np.arange(count) + 0.5) / count
    values = [a + (b - a) * middles for a, b in zip(low, high, strict=True)]
    # All combinations, the first element changing fastest.
    actions = np.stack(np.meshgrid(*values), -1).reshape(-1, *space.shape).astype(np.float32)
    if len(values) == 1:
        density = thoughts.density(policy, seen, actions)
        return critic_curve(
            *(values[0], returns(actions)),
            policy=best.item(),
            density=density,
            action=words.action(0),
            **shared,
        )
    pair = (words.action(0), words.action(1))
    return critic_map(values, returns(actions), policy=best.ravel(), names=pair, **shared)


def plot_actions(core: Core, path: str | Path | None, observation: Any, steps: int) -> Figure:
    """How likely each of the Discrete actions is in one state, by default an episode's first."""
    space = core.spec.action_space
    if not isinstance(space, spaces.Discrete):
        raise NoPictureError(
            f"Only Discrete actions have probabilities; {core.spec.id} takes {spaces.describe(space)}."
        )
    _require_no_memory(core, steps)
    from operant.studio.action_probabilities import action_probabilities

    seen, mask, frame, note = state_at(core, observation, steps)
    return action_probabilities(
        _policy(core).probabilities(seen, mask)[0],
        actions=tuple(action_names(core)),
        frame=frame,
        title=f"{core.name} on {core.source.id}",
        note=note,
        path=path,
    )


def plot_saliency(core: Core, path: str | Path | None, observation: Any, steps: int, of: Of) -> Figure:
    """Which pixels of an image matter, by both methods, in one state, by default an episode's first."""
    from operant.studio.saliency_maps import saliency_maps

    _require_no_memory(core, steps)
    axes, policy = Axes.of(core.spec.observation_space), _policy(core)
    seen, _, frame, note = state_at(core, observation, steps)
    maps = {
        "gradient": saliency(policy, seen[0], "gradient", of),
        "occlusion": saliency(policy, seen[0], "occlusion", of),
    }
    return saliency_maps(
        axes.newest(seen[0]),
        maps,
        frame=frame,
        title=f"What {core.name} looks at on {core.source.id}",
        note=f"of its {of}, {note}",
        path=path,
    )


def _require_no_memory(core: Core, steps: int) -> None:
    """Raise NoPictureError for a state within an episode of a policy that remembers."""
    if steps and _policy(core).remembers:
        raise NoPictureError(
            f"steps={steps}: {core.name} remembers, and what it does then depends on more than what it sees then."
        )


def visited(core: Core) -> np.ndarray:
    """The states `[K, D]` of an episode that is played by the best known actions."""
    actor, states = Actor(_policy(core)), []
    source = core.source
    view = EnvironmentView(core.make_env(source))
    try:
        view.reset(SEED)
        states.append(view.observation)
        done = False
        while not done and len(states) < STEPS:
            _, done = view.step(actor(view.observation, view.action_mask))
            states.append(view.observation)
    finally:
        if not source.shared:
            view.close()
    return np.asarray(states)


class State(NamedTuple):
    """One state of an episode, of which a picture is drawn."""

    observation: PyTree  # [1, …]
    action_mask: np.ndarray | None  # [1, …]
    frame: np.ndarray | None  # rendered, [H, W, 3]; None where nothing is drawn
    note: str  # which state it is


def state_at(core: Core, observation: Any, steps: int) -> State:
    """The observation given, or that after this many steps of an episode that is played by the best known actions."""
    if observation is not None:
        if steps:
            raise ValueError(f"steps={steps}: an observation is given already. Leave one of them out.")
        seen, batched = core.border.observation_in(observation)
        if batched:
            raise ValueError("A picture is of one observation; this is a batch of them.")
        return State(seen, None, None, _of_elements(core, seen) or "at the observation given")
    if steps < 0:
        raise ValueError(f"steps={steps}: must be at least 0.")
    from operant.studio.recording import frame_of

    source, actor = core.source, Actor(_policy(core))
    renders = source.renders
    view = EnvironmentView(core.make_env(source, "rgb_array" if renders else None))
    try:
        view.reset(SEED)
        for taken in range(steps):
            if view.step(actor(view.observation, view.action_mask))[1]:
                raise ValueError(f"steps={steps}: the episode is over after {taken + 1}. Ask for fewer.")
        frame = frame_of(view.env) if renders else None
        mask = None if view.action_mask is None else view.action_mask[None]
        seen = jax.tree.map(lambda x: np.asarray(x)[None], view.observation)
        where = f"after {steps:,} steps of an episode" if steps else "at the start of an episode"
        return State(seen, mask, frame, _of_elements(core, seen) or where)
    finally:
        if not source.shared:
            view.close()


def action_names(core: Core) -> list[str]:
    """What the Discrete actions are called: as an Atari game calls them, or by what is known of the environment."""
    from operant.studio.names import names

    space = core.spec.action_space
    assert isinstance(space, spaces.Discrete)
    if core.source.atari is not None:
        env = core.source.atari()
        try:
            return list(env.get_wrapper_attr("get_action_meanings")())
        finally:
            env.close()
    own = core.source.own_observations and core.source.own_actions
    words = names(core.source.id if own else None)
    return [words.action(index) for index in range(space.n)]


def _of_elements(core: Core, seen: PyTree) -> str:
    """One observation `[1, D]` of few elements in words; empty of any other."""
    from operant.studio.names import names
    from operant.studio.style import short_number

    space = core.spec.observation_space
    if not isinstance(space, spaces.Box) or math.prod(space.shape) > 4:
        return ""
    words = names(core.source.id if core.source.own_observations else None)
    elements = np.asarray(seen, np.float64).ravel()
    shown = [
        f"{words.element(i).partition(' (')[0]} {short_number(round(x, 2))}" for i, x in enumerate(elements)
    ]
    return "at " + ", ".join(shown)


def _policy(core: Core) -> Policy:
    inputs.require_one_learner(core.seeds)
    return Policy(core.algorithm, core.state, core.spec)
