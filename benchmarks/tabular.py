"""Tables: how fast they learn and what. `python -m benchmarks.tabular` writes results/tabular.md and tabular.json.

Speed is compared with a plain NumPy loop in the same process. Learning is of twenty seeds in one program.
"""

from __future__ import annotations

import argparse
import datetime
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import operant
from benchmarks import common, numpy_q_learning
from benchmarks.tabular_report import NEAR, TARGETS, TWO_DECIMALS, report
from operant import presets
from operant.engine.evaluate import LONGEST
from operant.envs.gridworld import GridWorld
from operant.envs.registry import native
from operant.envs.tabular import Tabular
from operant.mdp import MDP, evaluate_policy, value_iteration
from operant.ops.intervals import mean_interval

FIRST_SEED = 1000
EPISODES, EPSILON, ALPHA, GAMMA = 10_000, 0.3, 0.3, 0.99
REPEATS = 5
GOOD_PATH = 16
LAKE, CAR = "FrozenLake8x8-v1", "MountainCar-v0"
LAKE_GAMMA, LAKE_EPISODES = 0.99, 500
CAR_EPISODES = 1_000
AT_ONCE = 60_000  # steps of a chunk: all of them, as the loop that it is compared with reports nothing either

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    share = 20 if options.quick else 1
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if options.quick else 20))
    known = results / "tabular.json"
    raw: Raw = json.loads(known.read_text()) if options.only and known.exists() else {}
    raw |= {"date": options.date, "machine": common.machine(), "versions": common.versions()}
    for study in STUDIES:
        if options.only and study.__name__ not in options.only:
            continue
        raw[study.__name__] = study(seeds, share)
        print(study.__name__, raw[study.__name__], flush=True)
        common.write_json(known, raw)  # what is done is kept, whatever comes later
    text = report(raw)
    (results / "tabular.md").write_text(text)
    print(f"{text}\nWritten to {results}.")


# Speed


def speed(seeds: range, share: int) -> Raw:
    """Steps a second of the loop, of one seed and of 64, in turns, over as many steps as 10,000 episodes take."""
    found: Raw = {"loop": [], "1": [], "64": []}
    agents = {
        count: operant.QLearning(
            "GridWorld",
            preset=None,
            learning_rate=ALPHA,
            epsilon=EPSILON,
            gamma=GAMMA,
            seeds=None if count == 1 else count,
        )
        for count in TARGETS
    }
    for repeat in range(REPEATS + 1):
        _, steps, seconds = numpy_q_learning.train(EPISODES // share, EPSILON, ALPHA, GAMMA, repeat)
        found["loop"].append(steps / seconds)
        for count, agent in agents.items():
            started = time.perf_counter()
            agent.learn(steps, progress_bar=False, log_interval=AT_ONCE)
            found[str(count)].append(steps * count / (time.perf_counter() - started))
    return {name: common.spread(rates[1:]) for name, rates in found.items()}  # the first one compiles


# Learning


def grid(seeds: range, share: int) -> Raw:
    """The 3×3 example: the largest error of any value after 10,000 episodes' steps, and how often it is not small.

    How often is counted over many seeds, of the plain loop too, and after twice as many steps.
    """
    exact = value_iteration(model_of(GridWorld()), GAMMA, tolerance=1e-9).q_values
    steps, many = 56_000 // share, range(seeds.start, seeds.start + 10 * len(seeds))

    def errors(seeds: range, steps: int) -> np.ndarray:
        agent = operant.QLearning(
            "GridWorld", preset=None, seeds=seeds, learning_rate=ALPHA, epsilon=EPSILON, gamma=GAMMA
        ).learn(steps, progress_bar=False)
        return np.abs(np.asarray(agent.state.q_values) - exact).max(axis=(1, 2))

    loop = [
        np.abs(
            numpy_q_learning.train(EPISODES // share, EPSILON, ALPHA, GAMMA, seed)[0].reshape(-1, 4) - exact
        )
        for seed in many
    ]
    return {
        "steps": steps,
        "largest error": errors(seeds, steps).tolist(),
        "seeds": len(many),
        "inexact": int(np.sum(errors(many, steps) >= TWO_DECIMALS)),
        "inexact, twice the steps": int(np.sum(errors(many, 2 * steps) >= TWO_DECIMALS)),
        "inexact, loop": int(np.sum(np.max(loop, axis=(1, 2)) >= TWO_DECIMALS)),
    }


EXAMPLE = {
    "transition_probabilities": [
        [[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [0.8, 0.2, 0.0]],
        [[0.0, 1.0, 0.0], None, [0.0, 0.0, 1.0]],
        [None, [0.8, 0.1, 0.1], None],
    ],
    "rewards": [
        [[10, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, -50]],
        [[0, 0, 0], [40, 0, 0], [0, 0, 0]],
    ],
    "possible_actions": [[0, 1, 2], [0, 2], [1]],
}


def example(seeds: range, share: int) -> Raw:
    """The three-state MDP: values after 10,000 random steps with α₀ 0.05 and decay 0.005, and the exact ones."""
    mdp = MDP(**EXAMPLE)
    agent = operant.QLearning(
        mdp.to_environment(),
        seeds=seeds,
        learning_rate=0.05,
        learning_rate_decay=0.005,
        decay_by="steps",
        gamma=0.9,
        epsilon=1.0,
    ).learn(10_000 // share, progress_bar=False)
    exact = value_iteration(mdp, 0.9)
    found = np.where(mdp.possible_actions, np.asarray(agent.state.q_values, float), 0.0)
    right = [
        bool((row.argmax(1) == exact.policy).all()) for row in np.where(mdp.possible_actions, found, -np.inf)
    ]
    return {
        "mean": found.mean(0).round(2).tolist(),
        "exact": np.where(mdp.possible_actions, exact.q_values, 0.0).round(2).tolist(),
        "best policy": f"{sum(right)} of {len(right)}",
    }


def cliff(seeds: range, share: int) -> Raw:
    """Return an episode while learning (ε 0.1, the second half), and of the greedy path afterwards."""
    steps, found = 100_000 // share, {}
    mdp = MDP.from_gymnasium("CliffWalking-v1")
    for name in ("q-learning", "sarsa", "expected-sarsa"):
        agent = operant.make(
            name, "CliffWalking-v1", preset=None, seeds=seeds, learning_rate=0.1, epsilon=0.1, gamma=0.999
        ).learn(steps, progress_bar=False)
        late = agent.history[len(agent.history) // 2 :]
        online = np.mean([row["rollout/ep_rew_mean"] for row in late], 0)
        greedy = [path_return(mdp, q) for q in np.asarray(agent.state.q_values)]
        found[name] = {"online": interval(online), "greedy": interval(greedy)}
    return found | {"steps": steps}


def lake(seeds: range, share: int) -> Raw:
    """What the greedy policy learnt on the slippery 8×8 lake is worth at the start, exactly and by sampled episodes.

    Both are discounted (γ 0.99) and without the time limit, as the optimum of value iteration is.
    """
    mdp = MDP.from_gymnasium(LAKE)
    best = float(value_iteration(mdp, LAKE_GAMMA, tolerance=1e-8).values[0])
    steps = presets.find("q-learning", LAKE, "auto")["total_timesteps"] // share
    agent = operant.QLearning(LAKE, preset="auto", seeds=seeds, gamma=LAKE_GAMMA)
    agent.learn(steps, progress_bar=False)
    tables = np.asarray(agent.state.q_values)
    values = np.array([value_of(mdp, np.argmax(q, 1), LAKE_GAMMA) for q in tables])
    episodes = LAKE_EPISODES // share
    returns = []
    for i in range(len(seeds)):  # episodes of their own: the same policies would play the same ones alike
        unlimited = partial(gym.make, LAKE, max_episode_steps=LONGEST)
        score = agent[i].evaluate(episodes, seed=i * episodes, env=unlimited)
        returns += (score.returns * LAKE_GAMMA ** (score.lengths - 1)).tolist()  # the one reward is the last
    return {
        "steps": steps,
        "optimum": best,
        "learnt policy": interval(values),
        "worst": float(values.min()),
        "near": int(np.sum(values > best - NEAR)),
        "sampled": interval(returns),
        "episodes": len(returns),
        "estimate": interval(tables[:, 0].max(1)),
    }


def maze(seeds: range, share: int) -> Raw:
    """Real steps on the Dyna maze until the greedy path has at most `GOOD_PATH` steps; a shortest one has 14."""
    mdp, found = model_of(native("DynaMaze")), {}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "Q-learning": ("q-learning", {}),
        "Dyna-Q, 5 planning steps": ("dyna-q", {"prioritized": False, "planning_steps": 5}),
        "Dyna-Q, 50 planning steps": ("dyna-q", {"prioritized": False, "planning_steps": 50}),
        "prioritised sweeping, 5": ("dyna-q", {"planning_steps": 5}),
    }
    for name, (algorithm, settings) in kinds.items():
        agent = operant.make(
            algorithm,
            "DynaMaze",
            preset=None,
            seeds=seeds,
            learning_rate=0.5,
            gamma=0.95,
            epsilon=0.1,
            **settings,
        )
        needed = np.full(len(seeds), np.inf)

        def reached(progress: Any, needed: np.ndarray = needed) -> bool:
            for i, q in enumerate(np.asarray(progress.agent.state.q_values)):
                if np.isinf(needed[i]) and path_return(mdp, q, length=True) <= GOOD_PATH:
                    needed[i] = progress.step
            return bool(np.isinf(needed).any())

        agent.learn(60_000 // share, callback=reached, progress_bar=False, log_interval=100)
        known = needed[np.isfinite(needed)]
        found[name] = {"solved": len(known), "steps": interval(known) if len(known) > 1 else None}
    return found


def car(seeds: range, share: int) -> Raw:
    """Linear SARSA and Q-learning over tile coding on MountainCar-v0: mean greedy return of each seed.

    Starts differ so much in what they allow that the mean of a hundred episodes, which all seeds share, may be off by
    five; so there are a thousand.
    """
    steps = presets.find("linear-q", CAR, "auto")["total_timesteps"] // share
    found: Raw = {"steps": steps, "episodes": CAR_EPISODES // share}
    for name, on_policy in (("SARSA", True), ("Q-learning", False)):
        agent = operant.LinearQ(CAR, preset="auto", seeds=seeds, on_policy=on_policy)
        agent.learn(steps, progress_bar=False)
        means = [score.mean for score in agent.evaluate(found["episodes"])]
        found[name] = {
            "greedy": interval(means),
            "by seed": means,
            "first 100": [score.mean for score in agent.evaluate(100)],
            "last 100 while learning": interval(agent.history[-1]["rollout/ep_rew_mean"]),
        }
    return found


STUDIES = (speed, grid, example, cliff, lake, maze, car)


# What they need


def model_of(environment: Tabular) -> MDP:
    """The model of a table without chance."""
    successors = np.asarray(environment.successors)[:, :, 0]
    state, action = np.indices(successors.shape)
    columns = (
        state,
        action,
        successors,
        np.ones(successors.shape),
        environment.rewards,
        environment.terminated,
    )
    return MDP.from_transitions(
        *(np.asarray(column).reshape(-1) for column in columns), start=environment.start_states[0]
    )


def path_return(mdp: MDP, q_values: np.ndarray, *, length: bool = False) -> float:
    """Sum of rewards (or the length) of the greedy path from the start, without chance; 200 steps at most."""
    state, total = int(np.argmax(mdp.start)), 0.0
    for t in range(200):
        row = int(np.argmax(q_values[state])) * mdp.num_states + state
        total += float(mdp.expected_rewards.ravel()[row])
        successors = mdp.transitions[[row]].tocoo()
        if successors.nnz == 0 or successors.data.sum() == 0:
            return float(t + 1) if length else total
        state = int(successors.col[0])
    return float("inf") if length else total


def value_of(mdp: MDP, policy: np.ndarray, gamma: float) -> float:
    """The exact value of a policy at the start."""
    policy = np.where(mdp.terminal, -1, policy)
    return float(evaluate_policy(mdp, policy, gamma).values @ mdp.start)


def interval(values: Any) -> list[float]:
    """Mean and 95 % bootstrap interval over seeds."""
    return [round(float(x), 5) for x in mean_interval(np.asarray(values, float))]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tabular", description=__doc__)
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    names = [study.__name__ for study in STUDIES]
    parser.add_argument("--only", nargs="+", choices=names, help="measure these anew and keep the rest")
    parser.add_argument(
        "--quick", action="store_true", help="see that it works, not how well: two seeds, elsewhere"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
