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
# # Many seeds, and honest comparisons
#
# Learning depends on chance: on the first weights of the network, on the states that episodes begin in, on which
# action is drawn. All of it starts from one number, the *seed*. The same seed gives the same training to the last
# bit, and another seed gives another training, which may end far better or far worse. So "A reached 480 and B reached
# 430" says little. This page trains one algorithm with and without one of its parts, thirty times each, and asks what
# may be said then: first three ways to fool oneself, each played through with numbers; then the tools against it,
# with every formula next to its line.
#
# The sources are Henderson et al. 2018 ("Deep reinforcement learning that matters"), Agarwal et al. 2021 ("Deep
# reinforcement learning at the edge of the statistical precipice") and Patterson et al. 2024 ("Empirical design in
# reinforcement learning"). This is a plain script that also runs as it stands, in some minutes.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import operant
from operant.ops.comparison import performance_profile, probability_of_improvement
from operant.ops.intervals import iqm, iqm_interval
from operant.studio.curves import learning_curve, series

STEPS, SEEDS = int(os.environ.get("STEPS", "60000")), int(os.environ.get("SEEDS", "30"))
EPISODES = int(os.environ.get("EPISODES", "20"))

# %% [markdown]
# ## 1. Thirty seeds
#
# The question: is REINFORCE better with a learnt baseline? ([Policies and REINFORCE](policies_and_reinforce.ipynb)
# says what that is.) `seeds=` trains many learners in one compiled program, much faster than one after another. They
# begin at 1000: seeds below that are for trying things out, and nothing that was tried out on them is reported.

# %%
seeds = range(1000, 1000 + SEEDS)
shared = {
    "preset": None,
    "seeds": seeds,
    "num_envs": 10,
    "n_episodes": 10,
    "max_steps": 500,
    "network": {"hidden_sizes": (16,)},
}
studies, scores = {}, {}
for name, baseline in (("plain", False), ("baseline", True)):
    studies[name] = operant.REINFORCE("CartPole-v1", baseline=baseline, **shared)
    studies[name].learn(STEPS, progress_bar=False)
    scores[name] = studies[name].evaluate(EPISODES)
    print(f"{name:>8}:", np.sort(scores[name].means).round().astype(int))

# %% [markdown]
# Each number is one seed: the mean return of its policy over whole episodes, after training. CartPole pays at most
# 500. Look how far apart they are. That is what a single number of a paper was drawn from.

# %%
learning_curve(
    {name: series(study.history) for name, study in studies.items()},
    title="REINFORCE on CartPole-v1, every seed",
)

# %% [markdown]
# ## 2. Fooling oneself, the first way: one seed each
#
# Somebody trains each of the two once and reports which is better. We have thirty of each, so we can try what all
# such somebodies would have said.

# %%
plain, baseline = scores["plain"].means, scores["baseline"].means
says = plain[:, None] > baseline[None, :]
print(f"of {says.size} pairs of one seed each, {100 * says.mean():.0f} % say that plain is better,")
print(f"and {100 * (plain[:, None] < baseline[None, :]).mean():.0f} % that the baseline is")

# %% [markdown]
# ## 3. The second way: the best of some seeds
#
# "We report the best of five runs." The more runs, the better the best of them, although the algorithm is the same.
# Here is the expected best of k of our own seeds. In sorted order x₁ ≤ … ≤ x_S the best of k draws is x_i or less
# with probability (i/S)ᵏ, so
#
#     E[ best of k ] = Σ_i x_i ( (i/S)ᵏ − ((i−1)/S)ᵏ )


# %%
def expected_best(values, k):
    ordered, part = np.sort(values), np.arange(len(values) + 1) / len(values)
    return np.sum(ordered * (part[1:] ** k - part[:-1] ** k))  # Σ_i x_i ( (i/S)ᵏ − ((i−1)/S)ᵏ )


assert np.isclose(expected_best(plain, 1), plain.mean())
figure, axes = plt.subplots(figsize=(7, 3))
runs = np.arange(1, 11)
for name, values in (("plain", plain), ("baseline", baseline)):
    axes.plot(runs, [expected_best(values, k) for k in runs], marker="o", label=name)
axes.set(xlabel="runs of which the best is reported", ylabel="expected return", title="The same algorithm")
axes.legend(frameon=False)
plt.show()
print("plain, mean:", plain.mean().round(1), "  plain, best of ten:", expected_best(plain, 10).round(1))
print("baseline, mean:", baseline.mean().round(1))

# %% [markdown]
# ## 4. The third way: choosing on the seeds that are reported
#
# Twenty settings of a hyperparameter that does nothing at all, three seeds each; the best setting is reported, with
# the score that it was chosen for. Here every setting is the same algorithm: its seeds are drawn from the thirty of
# plain REINFORCE.

# %%
rng = np.random.default_rng(0)
tries = rng.choice(plain, size=(10_000, 20, 3)).mean(axis=2)  # 10,000 sweeps of 20 settings
print(f"mean of the algorithm: {plain.mean():.1f}; of the best setting on its own three seeds: "
      f"{tries.max(axis=1).mean():.1f}")  # fmt: skip

# %% [markdown]
# The gain is an illusion: on new seeds the best setting is worth the mean again. Whoever tunes must report seeds that
# the tuning never saw. `operant.sweep` does so by itself (section 9).
#
# ## 5. One number for many seeds
#
# - The **mean** is moved by a single lucky seed.
# - The **median** is not, but it looks at one or two seeds only, so it is noisy.
# - The **interquartile mean** (IQM) is the mean of the middle half: the lowest and the highest quarter are left out.
#
#     IQM = mean( x_i for S/4 < i ≤ S − S/4 ),   x in order


# %%
def interquartile_mean(values):
    ordered, cut = np.sort(values), len(values) // 4
    return ordered[cut : len(values) - cut].mean()  # without the lowest and the highest quarter


for name, values in (("plain", plain), ("baseline", baseline)):
    print(
        f"{name:>8}: mean {values.mean():.1f}, median {np.median(values):.1f}, IQM {interquartile_mean(values):.1f}"
    )
    assert np.isclose(interquartile_mean(values), iqm(values))

# %% [markdown]
# ## 6. How sure is that? The bootstrap
#
# Had we taken thirty other seeds, the IQM would be another. By how much? We cannot repeat the experiment a thousand
# times. But the thirty seeds are our best picture of all seeds, so we draw thirty of *them*, with repetition, again
# and again, and look how the IQM varies. Between the 2.5 % lowest and the 2.5 % highest of these lies the 95 %
# *bootstrap interval* (Efron 1979):
#
#     x* = S seeds drawn from x with repetition
#     interval = the 2.5 % and the 97.5 % quantile of IQM(x*)


# %%
def bootstrap_interval(values, resamples=5_000):
    rng = np.random.default_rng(0)
    drawn = rng.choice(values, size=(resamples, len(values)))  # x*, again and again
    return np.quantile([interquartile_mean(row) for row in drawn], [0.025, 0.975])


for name, values in (("plain", plain), ("baseline", baseline)):
    ours, (_, low, high) = bootstrap_interval(values), iqm_interval(values)
    print(f"{name:>8}: IQM {iqm(values):.1f}, ours {ours.round(1)}, operant's [{low:.1f} {high:.1f}]")
    assert np.allclose(ours, [low, high], atol=0.05 * np.ptp(values) + 1e-9)  # other random numbers

# %% [markdown]
# Is it true that 95 % of such intervals hold the right value? We can try that where we know the right value: let the
# thirty seeds be all that there are, with their IQM as the truth, and let somebody draw n of them and make an
# interval.

# %%
truth = iqm(baseline)
for n in (3, 5, 10, 20):
    hits = 0
    for _ in range(300):
        _, low, high = iqm_interval(rng.choice(baseline, n))
        hits += low <= truth <= high
    print(f"{n:>2} seeds: {100 * hits / 300:.0f} % of the 95 % intervals hold the truth")

# %% [markdown]
# With three seeds the interval is far too narrow: the bootstrap cannot know of values that were not drawn. operant
# says so wherever it draws an interval of fewer than five. Take ten at least, and more where they are cheap.
#
# ## 7. Is one better than the other?
#
# Two intervals that overlap do *not* say that there is no difference. Ask for the difference itself, with an interval
# of its own: draw seeds of both anew, each time, and look at the difference of the two IQMs. And ask how *often* one
# is better, the **probability of improvement** (Mann & Whitney 1947; Agarwal et al. 2021):
#
#     P(X > Y) = mean over all pairs of ( 1 where x > y, ½ where x = y )


# %%
def improvement(x, y):
    return np.mean((x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :]))


chance, low, high = probability_of_improvement(baseline, plain)
assert np.isclose(improvement(baseline, plain), chance)
print(f"probability that the baseline is better: {chance:.2f} [{low:.2f}, {high:.2f}]")

# %% [markdown]
# A probability of 0.5 is a coin. The interval of the difference and that of the probability answer two questions: by
# how much, and how often. `operant.compare` gives both, for agents, evaluations, or the directories of runs.

# %%
comparison = operant.compare(scores["baseline"], scores["plain"], names=("baseline", "plain"))
print(comparison)

# %% [markdown]
# The picture shows all of it. On the left is the *performance profile*: which part of the seeds is above each return.
# A curve that is above another one everywhere is better at every level; where they cross, it depends on what you
# want.
#
#     profile(τ) = mean( 1 where x > τ )

# %%
fraction, _, _ = performance_profile(plain, np.array([100.0, 400.0]))
assert np.allclose(fraction, [np.mean(plain > 100), np.mean(plain > 400)])
comparison.plot()

# %% [markdown]
# ## 8. How many seeds are enough?
#
# The interval becomes narrower about as the root of the number of seeds becomes larger. So look at how wide it is
# with the seeds that you have, and compute how many a given width takes: for half the width about four times as many.

# %%
for n in (5, 10, 20, 30):
    widths = [np.ptp(iqm_interval(rng.choice(baseline, n))[1:]) for _ in range(100)]
    print(f"{n:>2} seeds: the interval is {np.mean(widths):.0f} wide on average")

# %% [markdown]
# ## 9. Tuning without fooling oneself
#
# A sweep tries many values, here of the learning rate, on seeds below 1000, and stops the worse ones early. Then it
# trains the best values once more on ten seeds from 1000 upwards that it never saw, and next to them the values from
# before the sweep on the same seeds. Those two scores are the ones to report. (By chance they may even be higher than
# the one that the values were chosen for; on average they are lower.) On the command line this is `operant sweep
# reinforce CartPole-v1 --learning-rate log:1e-3:1e-1 --trials 12 --seeds 2`.

# %%
with tempfile.TemporaryDirectory() as folder:
    sweep = operant.sweep(
        "reinforce",
        "CartPole-v1",
        learning_rate="log:1e-3:1e-1",
        baseline=True,
        trials=12,
        seeds=2,
        total_timesteps=STEPS // 3,
        sampler="random",
        test_seeds=range(1000, 1000 + min(10, SEEDS)),
        test_episodes=EPISODES,
        run_dir=Path(folder) / "sweep",
        pictures=False,
        progress_bar=False,
        **{name: value for name, value in shared.items() if name != "seeds"},
    )
print(f"best learning rate: {sweep.best_values['learning_rate']:.4g}")
print(f"its score in the sweep, for which it was chosen: {sweep.best.score:.1f}")
print(f"on seeds that the sweep never saw: {sweep.tested}")
print(f"with the learning rate from before, same seeds: {sweep.base}")

# %% [markdown]
# ## 10. What to report
#
# - The same number of environment steps, and the same effort of tuning, for all that is compared; and what was tuned,
#   on which seeds.
# - Other seeds for the report, ten or more, **every one** of them published: not the best, and none left out.
# - The IQM with its interval, the difference with its own, and the probability of improvement.
# - How it was scored: how many episodes, with or without exploration, after training or on the way (the best model on
#   the way is chosen, too, and needs new episodes).
# - A line for a policy that knows nothing. `evaluate(with_random=True)` gives it.
#
# operant's own figures follow these rules: [how they were measured](../../benchmarks/README.md).
#
# ## Exercises
#
# 1. Compare plain REINFORCE with itself: the first half of its seeds with the second (`operant.compare` takes slices
#    of a study's scores). *Expect* an interval of the difference that holds 0. Try it with five random splits: about
#    one in twenty should not.
# 2. Repeat section 4 with one seed for each setting instead of three. *Expect* a larger illusion.
# 3. Leave out the seeds that failed (below 450, say) on both sides, as is often done. *Expect* the algorithm that
#    fails more often to gain more by it.
# 4. Score with `EPISODES = 1`. *Expect* wider intervals, and no bias: the noise of the episodes is added to that of
#    the seeds.
# 5. Compute the interval of the difference by hand, as in section 6, and compare it with `comparison.difference`.
