"""Gymnasium's toy texts, native: tables made from the models `P` that they publish, so that no map can differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from operant.envs.gymnasium_layers import time_limit
from operant.envs.layout import CLIFF, FREE, GOAL, START, Layout, Panel, grid
from operant.envs.tabular import Outcome, Tabular

UP, RIGHT, DOWN, LEFT = (-1, 0), (0, 1), (1, 0), (0, -1)
TAXI_PADS = {"R": (0, 0), "G": (0, 4), "Y": (4, 0), "B": (4, 3)}
IN_TAXI = 4  # where the passenger is, when at none of the four pads

Model = Mapping[int, Mapping[int, list[Outcome]]]


def toy_text(id: str, **options: Any) -> Tabular:
    """The native twin of a Gymnasium environment that has a model `P`, such as FrozenLake, CliffWalking and Taxi.

    Its transitions, rewards, starts, time limit and, for the taxi, action masks are Gymnasium's. `options` are those
    of `gymnasium.make` (`map_name`, `desc`, `is_slippery`, `is_rainy`, `max_episode_steps`, …); with any, the id says
    so, and the environment is scored on itself.

    Raises ValueError for an environment without a model.
    """
    env: Any = gym.make(id, disable_env_checker=True, **options)
    limit, env = time_limit(env), env.unwrapped
    if not hasattr(env, "P"):
        raise ValueError(f"{id} has no model `P` to make a table from; train on it with backend='gymnasium'.")
    model, start, observations = env.P, env.initial_state_distrib, None
    if getattr(env, "fickle_passenger", False):
        if not hasattr(env, "fickle_probability"):
            raise ValueError(f"{id} with a fickle passenger needs gymnasium 1.3 or newer.")
        model, start, observations = _fickle(env)
    states = len(env.P)
    masks = np.stack([env.action_mask(s) for s in range(states)]) if hasattr(env, "action_mask") else None
    if masks is not None and observations is not None:
        masks = masks[observations]
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    return Tabular.from_model(
        model,
        start,
        possible_actions=masks,
        observations=observations,
        max_episode_steps=limit,
        id=f"{id}({arguments})" if options else id,
        layout=toy_layout(env),
    )


def toy_layout(env: Any) -> Layout | None:
    """The grid of an unwrapped FrozenLake, CliffWalking or Taxi; None for any other."""
    name = type(env).__name__
    if name == "FrozenLakeEnv":
        rows = ["".join(row) for row in env.desc.astype(str)]
        return grid(
            tuple(row.replace("F", FREE) for row in rows),
            ("left", "down", "right", "up"),
            (LEFT, DOWN, RIGHT, UP),
        )
    if name == "CliffWalkingEnv":
        rows, columns = env.shape
        cells = (FREE * columns,) * (rows - 1) + (START + CLIFF * (columns - 2) + GOAL,)
        return grid(cells, ("up", "right", "down", "left"), (UP, RIGHT, DOWN, LEFT))
    return taxi_layout() if name == "TaxiEnv" else None


def taxi_layout(destination: str = "B") -> Layout:
    """The taxi's town for one destination (R, G, Y or B): a grid for each place where the passenger may be."""
    goal = list(TAXI_PADS).index(destination)
    labels = tuple((row, column, pad) for pad, (row, column) in TAXI_PADS.items())
    panels = [
        Panel(
            (FREE * 5,) * 5,
            tuple((cell * 5 + place) * 4 + goal for cell in range(25)),
            f"passenger {'in the taxi' if place == IN_TAXI else 'at ' + 'RGYB'[place]}, to {destination}",
            labels,
        )
        for place in range(5)
        if place != goal
    ]
    return Layout(
        tuple(panels),
        ("south", "north", "east", "west", "pick up", "drop off"),
        (DOWN, UP, RIGHT, LEFT, None, None),
        walls=((0, 1), (1, 1), (3, 0), (3, 2), (4, 0), (4, 2)),
    )


def _fickle(env: Any) -> tuple[Model, np.ndarray, np.ndarray]:
    """`(model, starts, observations)` with the passenger's mood, which is hidden, as a part of the state.

    In the second half of the states the passenger is going to change the destination: at the first move of the taxi
    with the passenger in it.
    """
    states, pads = len(env.P), len(TAXI_PADS)
    model: dict[int, dict[int, list[Outcome]]] = {state: dict(rows) for state, rows in env.P.items()}
    for state, rows in env.P.items():
        row, column, place, goal = env.decode(state)
        model[states + state] = {action: [] for action in rows}
        for action, outcomes in rows.items():
            changed = model[states + state][action]
            for probability, successor, reward, terminated in outcomes:
                new_row, new_column, new_place, _ = env.decode(successor)
                if place == IN_TAXI and (new_row, new_column) != (row, column):
                    changed += [
                        (
                            probability / (pads - 1),
                            env.encode(new_row, new_column, new_place, other),
                            reward,
                            terminated,
                        )
                        for other in range(pads)
                        if other != goal
                    ]
                else:
                    changed.append((probability, states + successor, reward, terminated))
    calm, fickle = 1 - env.fickle_probability, env.fickle_probability
    starts = np.concatenate([calm * env.initial_state_distrib, fickle * env.initial_state_distrib])
    return model, starts, np.tile(np.arange(states), 2)
