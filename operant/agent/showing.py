"""What there is to look at: windows, films, learning curves and pictures of the policy.

What a picture is drawn with is imported when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from operant import html, spaces
from operant.algorithms import registry
from operant.engine.policy import Actor
from operant.envs import arguments
from operant.envs.wrappers.registry import to_text
from operant.networks import Network
from operant.studio import recording
from operant.studio.recording import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from operant.agent.agent import Agent


def watch(
    environment: str, single: Callable[[str], gym.Env], actor: Actor, episodes: int, seed: int
) -> list[float]:
    """Show episodes in a window; their returns. `single` makes the environment in a render mode."""
    recording.require_display()
    env = single("human")
    if env.render_mode != "human":
        raise ValueError(f"{environment} shows no window: make it with render_mode='human'.")
    return recording.watch(env, actor, episodes=episodes, seed=seed)


def film(path: str | Path, recorded: Recording, name: str, random: Agent | None, seed: int) -> Recording:
    """Write what was recorded of a policy as MP4, alongside the random policy where that is given."""
    from operant.studio.video import side_by_side, write_video

    frames: Iterable[np.ndarray] = recorded.frames
    if random is not None:
        steps = len(recorded.observations) - 1
        other = random.recording(1, seed, False, recorded.every, steps)
        frames = side_by_side(frames, other.frames, (name, "random policy"))
    return replace(recorded, path=write_video(path, frames, recorded.fps))


def plot(agent: Agent, path: str | Path | None, reference: Mapping[str, float] | None) -> Figure:
    """The learning curve, over all seeds; with the values of held-out states where there are some."""
    if not agent.history:
        raise ValueError("There is nothing to plot before `learn`.")
    from operant.studio.curves import VALUE, learning_curve, series

    valued = any(VALUE in row for row in agent.history)
    return learning_curve(
        {agent.name: series(agent.history)},
        title=f"{agent.name} on {agent.source.id}",
        threshold=agent.threshold,
        reference=reference,
        values={agent.name: series(agent.history, VALUE)} if valued else None,
        path=path,
    )


def face(agent: Agent) -> str:
    """What a notebook shows of an agent: what it is, what differs from the defaults, and its learning curve."""
    seeds = "" if agent.seeds is None else f", {len(agent.seeds)} seeds"
    rows = list(_changed(agent).items())
    parts = [html.table(rows, ("hyperparameter", "value"))] if rows else []
    if agent.history:
        from operant.studio.style import png

        parts.append(html.picture(png(plot(agent, None, None)), "learning curve"))
    title_ = f"{agent.name} on {agent.source.id}{seeds}"
    return html.face(title_, f"at step {agent.step:,}; {title(agent)}", *parts)


def _changed(agent: Agent) -> dict[str, str]:
    """The hyperparameters that are not the algorithm's defaults."""
    algorithm = agent.algorithm
    name = registry.name_of(algorithm)
    known = registry.defaults(name) if name in registry.ALGORITHMS else {}
    values = registry.to_json(algorithm)
    changed = {}
    for field in fields(algorithm):
        value, default = getattr(algorithm, field.name), known.get(field.name, field.default)
        if default is not MISSING and value is not default and str(value) != str(default):
            changed[field.name] = _different(value, default) or str(values[field.name])
    return changed


def _different(value: Any, default: Any) -> str:
    """Of a network, what differs from the default one."""
    if not isinstance(value, Network) or not isinstance(default, Network):
        return ""
    others = {f.name: getattr(value, f.name) for f in fields(Network)}
    return ", ".join(f"{name}={x!r}" for name, x in others.items() if x != getattr(default, name))


def has_landscape(agent: Agent) -> bool:
    """Whether the return can be drawn over two parameters: of a search for a constant action of two numbers.

    Where the environment is not native, only of a grid search, whose map is there already.
    """
    algorithm, space = agent.algorithm, agent.spec.action_space
    if not (isinstance(space, spaces.Box) and space.bounded and space.shape == (2,)):
        return False
    from operant.algorithms.search.grid_search import GridSearch
    from operant.algorithms.search.search import PolicySearch

    searched = isinstance(algorithm, PolicySearch) and algorithm.policy == "constant"
    return searched and (isinstance(algorithm, GridSearch) or agent.source.native is not None)


def plot_policy(agent: Agent, path: str | Path | None, states: np.ndarray | None) -> Figure:
    """What the policy does over two quantities of a vector observation, or where its two parameters were found."""
    if has_landscape(agent):
        from operant.agent.landscape import landscape

        return landscape(agent, path)
    from operant.studio.policy_map import VIEWS, policy_map

    discrete, source = isinstance(agent.spec.action_space, spaces.Discrete), agent.source
    policy = agent.policy()

    def act(observations: np.ndarray) -> np.ndarray:
        return policy(observations, None, None, np.ones(len(observations), bool), 0)[0]

    return policy_map(
        (lambda observations: policy.probabilities(observations, None)) if discrete else act,
        view=VIEWS.get(source.id) if source.own_observations else None,
        environment=source.id if source.own_observations and source.own_actions else None,
        continuous=not discrete,
        states=states,
        title=f"{agent.name} on {agent.source.id}",
        path=path,
    )


def title(agent: Agent) -> str:
    """What is being trained on what, in a few words."""
    source = agent.source
    if source.native is None:
        where = f"through Gymnasium, {source.vectorization}"
    else:
        where = "native twin" if isinstance(source.given, str) else "native"
    where += "".join(f", {to_text(wrapper)}" for wrapper in source.wrappers)
    where += f", {arguments.to_text(source.env_kwargs)}" if source.env_kwargs else ""
    seeds = "" if agent.seeds is None else f", {len(agent.seeds)} seeds"
    environments = f"{agent.num_envs} environment{'s' * (agent.num_envs != 1)}"
    return f"{agent.name} on {source.id} ({where}; {environments}{seeds})"
