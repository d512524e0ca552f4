"""When the model is known nothing need be learnt: a Markov chain, a Markov decision process, and the best policy.

python examples/planning.py
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from operant.mdp import MDP, MarkovChain, Solution, policy_iteration, q_value_iteration
from operant.studio.convergence import convergence

# Three states, three actions; None where an action is impossible.
TRANSITIONS = [
    [[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [0.8, 0.2, 0.0]],
    [[0.0, 1.0, 0.0], None, [0.0, 0.0, 1.0]],
    [None, [0.8, 0.1, 0.1], None],
]
REWARDS = [
    [[10, 0, 0], [0, 0, 0], [0, 0, 0]],
    [[0, 0, 0], [0, 0, 0], [0, 0, -50]],
    [[0, 0, 0], [40, 0, 0], [0, 0, 0]],
]


def best_value(steps: int, gamma: float, remember: bool) -> tuple[float, int]:
    """The value of the best plan for this many steps from state 0, and how many calls it took to find out.

    Bellman's equation as a recursion. Remembering what was worked out already is all there is to dynamic programming.
    """
    calls = 0

    def value(state: int, steps: int) -> float:
        nonlocal calls
        calls += 1
        if steps == 0:
            return 0.0
        outcomes = [
            zip(range(3), row, rewards, strict=True)
            for row, rewards in zip(TRANSITIONS[state], REWARDS[state], strict=True)
            if row is not None
        ]
        return max(
            sum(p * (r + gamma * value(then, steps - 1)) for then, p, r in row if p) for row in outcomes
        )

    if remember:
        value = cache(value)
    return value(0, steps), calls


def main(picture: str | Path = "convergence.png") -> list[Solution]:
    """Solve the example at two discounts, draw how its Q-values converge, and solve FrozenLake."""
    chain = MarkovChain([[0.7, 0.2, 0.0, 0.1], [0, 0, 0.9, 0.1], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    print("a walk:", *chain.simulate(20, seed=0))
    print("expected steps to the end:", chain.absorption_times())

    for remember in (False, True):
        best, calls = best_value(8, 0.90, remember)
        print(f"eight steps are worth {best:.4f} ({calls:,} calls, {'' if remember else 'not '}remembering)")

    mdp = MDP(TRANSITIONS, REWARDS)
    solutions = [q_value_iteration(mdp, gamma) for gamma in (0.90, 0.95)]
    print(*solutions, sep="\n\n")  # at 0.95 it is worth paying 50 in state 1
    panels = {f"γ = {solution.gamma}": solution for solution in solutions}
    convergence(panels, title="Q-value iteration", path=picture)

    lake = policy_iteration(MDP.from_gymnasium("FrozenLake-v1"), 0.99)
    print("\nFrozenLake: the best policy is worth", lake.values[0].round(4))
    return [*solutions, lake]


if __name__ == "__main__":
    main()
