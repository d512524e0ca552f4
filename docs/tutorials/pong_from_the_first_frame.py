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
# # Pong, from the first frame
#
# From a picture of 210 × 160 pixels to a policy that wins: what the game gives, what a network is shown of it, who
# plays, what is kept, what is learnt from it, and how one knows whether it worked.
#
# `pip install "operant-rl[atari]"`. This is a plain script that also runs as it stands. Training for two and a half
# million steps takes about an hour on one core; with fewer `STEPS` the script shows that everything works, and with
# `RUN`, the directory of a run or a model file, it takes a policy that has been trained already.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import operant

GAME = "PongNoFrameskip-v4"
STEPS, RUN = int(os.environ.get("STEPS", "2500000")), os.environ.get("RUN")

# %% [markdown]
# ## 1. The first frame
#
# The console draws sixty of them a second. There are six actions, of which three are different in Pong, and a point
# is a reward of 1 or −1. The first who has 21 points wins, so that the score of a game is from −21 to 21.

# %%
screen = operant.Atari(GAME, obs_type="rgb")()
frame, _ = screen.reset(seed=0)
print("a frame:", frame.shape, frame.dtype)
print("actions:", screen.unwrapped.get_action_meanings())
screen.close()

# %% [markdown]
# ## 2. What a policy sees
#
# One frame does not say where the ball flies, and neighbouring pixels say the same. So an action lasts four frames,
# and what is seen is grey, smaller, and the last four of such pictures at once. Everything is an option of the game;
# here frames are 42 × 42, a quarter of the usual size, for which a small network is enough.

# %%
small = operant.Atari(GAME, img_height=42, img_width=42)
operant.plot_preprocessing(small)

# %% [markdown]
# ## 3. Somebody plays
#
# `collect` is the driver: a policy plays in several games side by side, and whoever observes is shown each step. An
# observer is any function that takes steps `[T, N, …]`: T of them, one after another, in N games. This one counts
# points. The policy is the random one, which hardly ever returns a ball.


# %%
class Points:
    """An observer: counts points won and lost."""

    def __init__(self):
        self.won = self.lost = 0

    def __call__(self, transition):
        counts = transition.mask  # a block of steps may be longer than what was asked for
        self.won += int((counts & (transition.reward > 0)).sum())
        self.lost += int((counts & (transition.reward < 0)).sum())


points = Points()
replay = operant.ReplayBuffer(4_000)
collected = operant.collect("random", small, steps=4_000, num_envs=4, observers=[points, replay.add])
print(collected)
print(f"points won: {points.won}, lost: {points.lost}")

# %% [markdown]
# ## 4. A trajectory
#
# What happened in one game, in order. Almost all rewards are 0. With γ = 0.99 a point is worth 0.6 half a hundred
# steps before it falls, so that the discounted return says which points are near.

# %%
trajectory = max(collected.trajectories, key=len)
rewards = trajectory.rewards
returns = np.zeros(len(rewards) + 1)
for t in reversed(range(len(rewards))):
    returns[t] = rewards[t] + 0.99 * returns[t + 1]
print("observations:", trajectory.observations.shape, trajectory.observations.dtype)
figure, axes = plt.subplots(figsize=(8, 2.6))
axes.plot(returns, label="discounted return")
axes.vlines(np.flatnonzero(rewards), 0, rewards[rewards != 0], color="C1", label="reward")
axes.set(xlabel="step", title="One game of the random policy")
axes.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## 5. Replay
#
# The second observer was a replay buffer. It keeps the newest steps, and draws from them at random: single ones to
# learn Q-values from, or steps in a row. Here are eight in a row of one game; where the last stack differs from the
# one before, something has moved.

# %%
batch = replay.sample(32)
print(
    "observations:", batch.transition.observation.shape, "actions:", np.asarray(batch.transition.action[:10])
)
rows = replay.sample_sequences(1, length=8)
figure, places = plt.subplots(1, 8, figsize=(12, 1.9))
for t, axes in enumerate(places):
    axes.imshow(rows.transition.observation[t, 0, :, :, -1], cmap="gray", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[], xlabel=f"action {int(rows.transition.action[t, 0])}")
plt.show()

# %% [markdown]
# ## 6. Q-values
#
# DQN's network has an output for each action: what will be paid if it is taken. Before it has learnt they are noise
# around 0. Some hundred states of the random policy are held out: the average of their largest Q is the second curve
# to watch in training, since the returns of a few games tell little (Mnih et al. 2013, figure 2).

# %%
network = {"convolutions": [[16, 6, 3], [32, 3, 2]], "convolution_features": 128, "hidden_sizes": []}
dqn = operant.DQN(
    small,
    preset=None,
    network=network,
    num_envs=4,
    buffer_size=4_000,
    learning_starts=500,
    held_out_states=200,
)
dqn.learn(min(STEPS, 3_000), progress_bar=False)
dqn.plot_critic(steps=60)

# %% [markdown]
# ## 7. Learning to win
#
# DQN learns from each step many times, which takes long without a GPU. Proximal policy optimisation learns from it
# four times and throws it away, so that the emulator takes a third of the time. The preset is `two-cores`; on the
# command line this is `operant train ppo PongNoFrameskip-v4`.

# %%
if RUN is None:
    agent = operant.PPO(GAME, preset="two-cores", seed=1).learn(STEPS, progress_bar=False)
else:
    agent = operant.load(RUN)
agent.plot()

# %% [markdown]
# ## 8. Did it work?
#
# A score is of whole games, with their own rewards, and is worth something only with its protocol: whether games
# start with no-ops, whether actions are sticky, whether some are random. All are named.

# %%
score = agent.evaluate(episodes=2, with_random=True)
score

# %%
print(agent.evaluate(episodes=2, epsilon=0.05))

# %% [markdown]
# ## 9. What does it look at?
#
# In colour are the pixels that matter to what it does: by the slope of the best action's log-probability, and by
# blurring the picture around one place after another. All four pictures of a stack count, so that where the ball has
# been matters as well.

# %%
agent.plot_saliency(steps=60)

# %% [markdown]
# And a film, with what it expects to be paid and how likely each action is next to every frame: the value rises when
# the ball is on its way to the other side.

# %%
print(agent.record("pong.mp4", with_estimates=True))
