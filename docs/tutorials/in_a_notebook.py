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
# # operant in a notebook
#
# Whatever is the last line of a cell shows itself: agents, scores, comparisons, films and figures. Progress is one
# output that is redrawn in place.
#
# The notebook next to this script, with all its output, is made by `pip install -e ".[docs]"` and
# `jupytext --to ipynb --execute docs/tutorials/*.py`.

# %%
import operant

# %% [markdown]
# ## Train
#
# Four learners at once, with the seeds 0 to 3. `learn` returns the agent, so the cell shows what it is, which
# hyperparameters are not the defaults, and its learning curve.

# %%
agent = operant.PPO("CartPole-v1", preset="CartPole-v1", seeds=4)
agent.learn(30_000)

# %% [markdown]
# ## Score
#
# Median, interquartile mean and its interval over the seeds; then each seed, and the random policy in the same
# episodes.

# %%
score = agent.evaluate(episodes=20, with_random=True)
score

# %% [markdown]
# ## Look
#
# A film of the best of the four, its learning curves, and what it does where.

# %%
best = agent.best(score)
best.recording()

# %%
agent.plot()

# %%
best.plot_policy()

# %% [markdown]
# ## Compare
#
# How much better is PPO than A2C after as many steps, and how sure is that?

# %%
other = operant.A2C("CartPole-v1", preset="CartPole-v1", seeds=4).learn(30_000, progress_bar=False)
comparison = operant.compare(score, other.evaluate(episodes=20), names=("PPO", "A2C"))
comparison

# %%
comparison.plot()
