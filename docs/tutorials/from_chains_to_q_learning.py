# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a Markov chain to Q-learning
#
# Each step adds one thing to the one before: a chain has only chance; a decision process adds choices and rewards;
# dynamic programming finds the best choices where everything is known; temporal differences learn how good choices
# are from experience; and Q-learning learns which are best.
#
# This is a plain script that also runs as it stands. The notebook next to it, with all its output, is made by
# `pip install -e ".[docs]"` and `jupytext --to ipynb --execute docs/tutorials/*.py`.

# %%
from functools import cache

import matplotlib.pyplot as plt
import numpy as np

import operant
from operant.envs.gridworld import GridWorld
from operant.mdp import MDP, MarkovChain, evaluate_policy, q_value_iteration
from operant.studio.convergence import convergence
from operant.studio.table_map import table_map
from operant.studio.tables import best_action_text, layout, q_text

# %% [markdown]
# ## 1. A Markov chain
#
# Where it goes next depends only on where it is. From s₀ it stays with probability 0.7; s₃ is the end.

# %%
chain = MarkovChain([[0.7, 0.2, 0.0, 0.1], [0, 0, 0.9, 0.1], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
for seed in range(3):
    print("a walk:", *chain.simulate(25, seed=seed))
print("after 10 steps it is in each state with probability", chain.distribution(10).round(3))
print("steps until the end, from each state:", chain.absorption_times().round(2))

# %% [markdown]
# Nobody has to simulate to know where a chain will be: one product with the matrix of probabilities is one step.

# %%
figure, axes = plt.subplots(figsize=(7, 3.2))
steps = range(60)
axes.plot(steps, [chain.distribution(n) for n in steps], label=["s₀", "s₁", "s₂", "s₃ (end)"])
axes.set(xlabel="steps", ylabel="probability", title="Where the chain is")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## 2. A Markov decision process
#
# Now there is an action to choose in every state, and a reward for every move. In s₁ there are two possible actions: to
# wait for ever, or to pay 50 and go to s₂, from where 40 is likely.

# %%
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
mdp = MDP(TRANSITIONS, REWARDS)

# %% [markdown]
# ## 3. Dynamic programming
#
# The best that can be had in n steps is the best first reward plus the best that can be had in the n − 1 steps after
# it: Bellman's equation, which is a recursion. Written down as it is, it works out the same things again and again.
# Dynamic programming is to remember them.


# %%
def best_value(steps, gamma=0.9, remember=False):
    """The value of state 0 with this many steps to go, and how many calls it took."""
    calls = 0

    def value(state, steps):
        nonlocal calls
        calls += 1
        if steps == 0:
            return 0.0
        return max(
            sum(
                p * (r + gamma * value(then, steps - 1))
                for then, (p, r) in enumerate(zip(row, rewards, strict=True))
                if p
            )
            for row, rewards in zip(TRANSITIONS[state], REWARDS[state], strict=True)
            if row is not None
        )

    if remember:
        value = cache(value)
    return value(0, steps), calls


print("steps   value    calls, naive   calls, remembering")
for n in (1, 2, 4, 6, 8):
    (naive, naive_calls), (remembered, few) = best_value(n), best_value(n, remember=True)
    assert naive == remembered
    print(f"{n:>5} {naive:>7.3f} {naive_calls:>15,} {few:>20,}")

# %% [markdown]
# Q-value iteration does the same for all states and actions at once, until nothing changes any more.

# %%
patient = q_value_iteration(mdp, gamma=0.90)
more_patient = q_value_iteration(mdp, gamma=0.95)
print(patient, more_patient, sep="\n\n")

# %% [markdown]
# At γ = 0.90 the best is to wait in s₁, at γ = 0.95 the 50 are worth paying: who looks further ahead decides
# differently.

# %%
assert patient.policy.tolist() == [0, 0, 1]
assert more_patient.policy.tolist() == [0, 2, 1]

# %% [markdown]
# ## 4. Temporal differences: how good is this policy?
#
# From here on nobody knows the probabilities. TD(0) walks about, here choosing at random, and moves the value of each
# state towards what the next step says: V(s) ← V(s) + α [r + γ V(s′) − V(s)].


# %%
def learnt(agent, steps, values, every=100):
    """`(steps [K], values [K, …])` while an agent learns."""
    seen = []
    agent.learn(
        steps,
        lambda progress: seen.append((progress.step, np.array(values(agent.state)))),
        progress_bar=False,
        log_interval=every,
    )
    return tuple(np.array(column) for column in zip(*seen, strict=True))


environment = mdp.to_environment()
td = operant.TD(environment, gamma=0.9, learning_rate=0.05, learning_rate_decay=0.005, decay_by="steps")
walk = learnt(td, 10_000, lambda state: state.values)
exact = evaluate_policy(mdp, mdp.uniform_policy(), 0.9)
convergence({"TD(0)": walk}, title="The random policy's values, learnt", exact=exact.values)

# %% [markdown]
# ## 5. Q-learning: which policy is best?
#
# Q-learning replaces the value of the policy that walks by that of the best action: it learns the best policy's values
# while it behaves at random. It needs far more steps than Q-value iteration needs sweeps, because it does not know the
# model and its steps must become small.

# %%
q_learning = operant.QLearning(
    environment, gamma=0.9, epsilon=1.0, learning_rate=0.05, learning_rate_decay=0.005, decay_by="steps"
)
steps, values = learnt(q_learning, 10_000, lambda state: state.q_values)
values = np.where(mdp.possible_actions, values, np.nan)  # nothing is learnt of impossible actions
convergence(
    {"Q-value iteration: sweeps": patient, "Q-learning: random steps": (steps, values)},
    title="Fast convergence against slow",
    exact=patient.q_values,
)

# %% [markdown]
# ## 6. A world to walk in
#
# The goal pays 100, a wall or the obstacle costs 10, and every step costs 1.

# %%
world = GridWorld()
agent = operant.QLearning("GridWorld", preset="auto").learn(56_000, progress_bar=False)
grid = layout(world)
print(q_text(agent.state.q_values, grid))
print(best_action_text(agent.state.q_values, grid))

# %%
table_map(agent.state.q_values, grid, visits=agent.state.visits, title="Q-learning on the 3×3 grid")

# %% [markdown]
# And one in which chance plays along: on the frozen lake two moves out of three slip to the side.

# %%
lake = operant.QLearning("FrozenLake-v1", preset="auto").learn(500_000, progress_bar=False)
print(lake.evaluate(200))
table_map(lake.state.q_values, layout("FrozenLake-v1"), visits=lake.state.visits, title="On the frozen lake")
