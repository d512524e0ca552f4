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
# # Your own environment
#
# An environment is a question put to a learner: what it sees, what it may do, what it is paid for, and when it is
# over. Most trouble with learning is trouble with the question. This page writes one environment twice, natively in
# JAX and as an ordinary Gymnasium class, checks it, breaks it on purpose to see what the check says, and then trains
# on it. On the way: why a time limit is not an end, how rewards are shaped without changing what is best, what
# wrappers are, and how an environment draws itself.
#
# Shorter examples are in [Your own](../your_own.md), and all that an environment may be in
# [Environments](../environments.md). This is a plain script that also runs as it stands, in a minute or two.

# %%
import os
from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import operant
from operant.authoring import Environment, spaces
from operant.envs.native_gym import as_gymnasium
from operant.studio.curves import learning_curve, series

STEPS, SEEDS = int(os.environ.get("STEPS", "100000")), int(os.environ.get("SEEDS", "5"))

# %% [markdown]
# ## 1. The question
#
# A capsule falls towards the moon. It has an engine that is on or off, and a tank. It should touch the ground gently.
#
# - **Observation**: the height (in tens of metres), the velocity (in tens of metres a second) and the fuel (as a part
#   of the tank). It is all that decides what comes next: with the same three numbers the future is the same. Each is
#   about 1 in size, which networks like best.
# - **Action**: 0 is engine off, 1 is engine on. That is `Discrete(2)`.
# - **Reward**: at the ground 1 − speed / 5, but at least −1. Otherwise 0: this is what one wants, and how the capsule
#   should fly on the way is not for us to say.
# - **Terminated** at the ground: the task itself is over, and nothing more can be won or lost.
# - **Truncated** after 100 steps: a capsule may hang in the air for long. The limit is not part of the task; we only
#   stop looking.
#
# ## 2. Natively
#
# A native environment is a set of pure functions of one state. It has no `self.height = …`: `step` takes a state and
# gives the next one, so that thousands of copies can be stepped together in compiled code. There is no generator of
# random numbers in it either: all chance comes in as `noise`, which `sample_noise` draws for one step and for one
# reset. Ifs on numbers are `jnp.where`. The engine applies the time limit.

# %%
GRAVITY, THRUST, SECONDS = 1.6, 4.0, 0.5  # m/s², m/s², the time of a step
BURN = 0.04  # the part of the tank that a step of thrust takes


class Capsule(Environment):
    """Land a falling capsule on the moon; the reward is that of the touch-down."""

    id: ClassVar[str] = "Capsule"
    max_episode_steps: int | None = eqx.field(default=100, static=True)

    @property
    def observation_space(self):
        return spaces.Box((-1.0, -5.0, 0.0), (10.0, 5.0, 1.0), (3,))

    @property
    def action_space(self):
        return spaces.Discrete(2)

    def sample_noise(self, key):
        return jax.random.uniform(key, (2,))

    def reset(self, noise):
        height, velocity = 20 + 30 * noise[0], -5 * noise[1]  # 20 to 50 m, falling with up to 5 m/s
        return jnp.stack([height, velocity, 1.0])

    def step(self, state, action, noise):
        height, velocity, fuel = state[0], state[1], state[2]
        burns = (action == 1) & (fuel > 0)
        velocity = velocity + SECONDS * (jnp.where(burns, THRUST, 0.0) - GRAVITY)  # v + dt (thrust − g)
        velocity = jnp.clip(velocity, -50.0, 50.0)  # as the observation space says
        height = jnp.clip(height + SECONDS * velocity, -10.0, 100.0)  # h + dt v
        fuel = jnp.maximum(fuel - jnp.where(burns, BURN, 0.0), 0.0)
        landed = height <= 0
        reward = jnp.where(landed, jnp.maximum(1 - jnp.abs(velocity) / 5, -1.0), 0.0)
        return jnp.stack([height, velocity, fuel]), reward, landed

    def observation(self, state):
        return state / jnp.array([10.0, 10.0, 1.0])

    def picture(self, state):
        """A frame for people, `[H, W, 3]` uint8: the sky, the ground, the capsule and its tank."""
        rows, columns = jnp.arange(96)[:, None], jnp.arange(48)[None, :]
        rows, columns = jnp.broadcast_to(rows, (96, 48)), jnp.broadcast_to(columns, (96, 48))
        bottom = 84 - jnp.round(state[0]).astype(int)  # a pixel a metre
        body = (rows > bottom - 8) & (rows <= bottom) & (jnp.abs(columns - 24) < 4)
        tank = body & (rows > bottom - 8 * state[2])  # how full it is
        frame = jnp.where(
            rows[..., None] > 84, jnp.array([120, 120, 120])[None, None], jnp.array([12, 16, 40])[None, None]
        )
        frame = jnp.where(body[..., None], jnp.array([220, 220, 220])[None, None], frame)
        frame = jnp.where(tank[..., None], jnp.array([240, 160, 40])[None, None], frame)
        return frame.astype(jnp.uint8)


# %% [markdown]
# Play it by hand before any learner does. A rule that brakes when the capsule is fast for its height is a *scripted
# policy*; it is scored as any agent is. The random policy is the line below which nothing has been learnt.


# %%
def brake_late(observation):
    height, velocity, _ = observation
    return int(velocity < -0.1 - 0.1 * height)


scripted = operant.ScriptedPolicy(brake_late, Capsule())
print("scripted:", scripted.evaluate(100))
print("random:  ", operant.collect("random", Capsule(), episodes=100))

# %%
native = Capsule()
state, states = native.reset(jnp.array([0.5, 0.5])), []
for _ in range(100):
    states.append(state)
    action = brake_late(np.asarray(native.observation(state)))
    state, reward, landed = native.step(state, action, jnp.zeros(2))
    if landed:
        break
states.append(state)
figure, places = plt.subplots(1, 8, figsize=(10, 2.6))
for axes, t in zip(places, np.linspace(0, len(states) - 1, 8).astype(int), strict=True):
    axes.imshow(native.picture(states[t]))
    axes.set(xticks=[], yticks=[], xlabel=f"step {t}\n{states[t][1]:.1f} m/s")
plt.show()
print("touched down with", states[-1][1], "m/s, reward", reward)

# %% [markdown]
# ## 3. As a Gymnasium class
#
# The same in the ordinary way: an object with `reset` and `step`, which knows nothing of operant and works with every
# library. Two rules: draw all chance from `self.np_random` after `super().reset(seed=seed)`, and return `terminated`
# and `truncated` apart. (Here the limit is counted inside; with `gym.register(…, max_episode_steps=100)` Gymnasium's
# wrapper does so.)


# %%
class CapsuleGym(gym.Env):
    """The same capsule, in NumPy."""

    metadata: ClassVar[dict] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = gym.spaces.Box(np.float32([-1, -5, 0]), np.float32([10, 5, 1]))
    action_space = gym.spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        chance = self.np_random.random(2)
        self.height, self.velocity, self.fuel = 20 + 30 * chance[0], -5 * chance[1], 1.0
        self.steps = 0
        return self.observation(), {}

    def step(self, action):
        burns = action == 1 and self.fuel > 0
        self.velocity += SECONDS * ((THRUST if burns else 0.0) - GRAVITY)
        self.height += SECONDS * self.velocity
        self.fuel = max(self.fuel - (BURN if burns else 0.0), 0.0)
        self.steps += 1
        landed = bool(self.height <= 0)
        reward = max(1 - abs(self.velocity) / 5, -1.0) if landed else 0.0
        return self.observation(), reward, landed, not landed and self.steps >= 100, {}

    def observation(self):
        seen = [self.height / 10, self.velocity / 10, self.fuel]
        return np.clip(seen, self.observation_space.low, self.observation_space.high).astype(np.float32)

    def render(self):
        state = jnp.array([self.height, self.velocity, self.fuel])
        return np.asarray(Capsule().picture(state)) if self.render_mode == "rgb_array" else None


# %% [markdown]
# Are the two the same? Both are started in the same state and given the same actions; everything must agree at every
# step.

# %%
ours, theirs = as_gymnasium(Capsule()), CapsuleGym()
rng, compared = np.random.default_rng(0), 0
for episode in range(5):
    (height, velocity, _), _ = ours.reset(seed=episode)
    theirs.reset(seed=episode)
    theirs.height, theirs.velocity = 10.0 * height, 10.0 * velocity
    over = False
    while not over:
        action = int(rng.random() < 0.4)
        one, other = ours.step(action), theirs.step(action)
        assert np.allclose(one[0], other[0], atol=1e-4)
        assert np.isclose(one[1], other[1], atol=1e-3)
        assert one[2:4] == other[2:4]
        over, compared = one[2] or one[3], compared + 1
print(compared, "steps agree")

# %% [markdown]
# ## 4. What could be wrong with it?
#
# `operant.check` plays some episodes and says what is wrong, and what would make learning easier, for both kinds.

# %%
print(operant.check(Capsule()))
print(operant.check(CapsuleGym))


# %% [markdown]
# Four mistakes that are made all the time, and what is said of them:


# %%
class TimeIsUp(CapsuleGym):
    """Says that the task is over where only the time is up."""

    def step(self, action):
        super().step(action)
        self.height = max(self.height, 5.0)  # and never lands, so that the limit is seen
        return self.observation(), 0.01, self.steps >= 100, False, {}


class OutOfBounds(CapsuleGym):
    """Observes metres, which its space does not allow."""

    def observation(self):
        return np.float32([self.height, self.velocity, self.fuel])


class OwnDice(CapsuleGym):
    """Draws from a generator that reset(seed=…) does not know of."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.height = 20 + 30 * np.random.default_rng().random()
        return self.observation(), {}


class NotANumber(CapsuleGym):
    """Divides by 0 at the ground."""

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        return (
            observation,
            reward * np.float64(np.inf) * 0 if terminated else reward,
            terminated,
            truncated,
            info,
        )


reports = {wrong.__name__: operant.check(wrong) for wrong in (TimeIsUp, OutOfBounds, OwnDice, NotANumber)}
for report in reports.values():
    print(report, end="\n\n")

# %% [markdown]
# ## 5. Why a time limit is not an end
#
# The target of a value is r + γ V(s′). Where the task is over, nothing follows: V(s′) counts 0. Where only the time
# is up, something would have followed, and V(s′) counts. What if one says *terminated* at a time limit? Here is the
# smallest environment in which it matters: one state, a reward of 1 at each step, for ever, and we stop looking after
# ten steps. With γ = 0.9 the value of the state is
#
#     V = 1 + γ + γ² + … = 1 / (1 − γ) = 10
#
# Whoever says *terminated* at the limit says that nothing follows in one of ten steps. All states look the same, so
# that the learner believes
#
#     V = 1 + γ (9/10) V,     V = 1 / (1 − 0.9 γ) = 5.26


# %%
class Fountain(Environment):
    """Pays 1 at each step. `lies`: whether its time limit is called an end of the task."""

    id: ClassVar[str] = "Fountain"
    max_episode_steps: int | None = eqx.field(default=10, static=True)
    lies: bool = eqx.field(default=False, static=True)

    @property
    def observation_space(self):
        return spaces.Discrete(1)

    @property
    def action_space(self):
        return spaces.Discrete(2)

    def sample_noise(self, key):
        return jnp.zeros(())

    def reset(self, noise):
        return jnp.zeros((), jnp.int32)

    def step(self, state, action, noise):
        return state + 1, jnp.float32(1), (state == 9) & self.lies

    def observation(self, state):
        return jnp.zeros((), jnp.int32)


expected = {False: 1 / (1 - 0.9), True: 1 / (1 - 0.9 * 0.9)}
learnt = {}
for lies in (False, True):
    agent = operant.TD(
        Fountain(lies=lies), gamma=0.9, learning_rate=0.1, learning_rate_decay=0.01, decay_by="steps"
    )
    agent.learn(6_000, progress_bar=False)
    learnt[lies] = float(agent.state.values[0])
    says = "terminated" if lies else "truncated"
    print(f"{says:>10} at the limit: value learnt {learnt[lies]:.2f}, by the formula {expected[lies]:.2f}")
    assert np.isclose(learnt[lies], expected[lies], rtol=0.1)

# %% [markdown]
# Such a learner believes that it is running out of time, although nothing in what it sees says so. If time *is* part
# of the task, let the learner see it: the wrapper `TimeAware`.
#
# ## 6. Training
#
# On the native one PPO trains whole in compiled code, with as many seeds as one likes. The Gymnasium one trains with
# the same call; its steps are taken in Python.

# %%
ppo = {"preset": None, "num_envs": 16, "n_steps": 64, "batch_size": 256, "learning_rate": 1e-3, "gamma": 0.99}
agent = operant.PPO(Capsule(), seeds=SEEDS, **ppo)
agent.learn(STEPS, progress_bar=False)
score = agent.evaluate(50, with_random=True)
print("native:   ", score)

bridge = operant.PPO(CapsuleGym, **ppo).learn(max(STEPS // 4, 1024), progress_bar=False)
print("Gymnasium, a quarter of the steps, one seed:", bridge.evaluate(50))

# %% [markdown]
# Where is the engine on? The picture has the height to the right and the velocity upwards, so that below is a fast
# fall. The line is the braking curve that the best of the seeds has found.

# %%
agent.best(score).plot_policy(axes=(0, 1))

# %% [markdown]
# ## 7. Shaping: hints that do not change the answer
#
# The reward comes at the very end. One would like to say on the way: slow down near the ground. But a reward that is
# simply added may be earned for its own sake: paid for being slow, the capsule hangs in the air until the tank is
# empty. *Potential-based* shaping (Ng, Harada & Russell 1999) cannot be cheated. For any function Φ of a state it
# adds
#
#     F = γ Φ(s′) − Φ(s)
#
# Over an episode these sums cancel out but for Φ at its beginning, which no action changes, so that the best policy
# stays the best one. (Φ of a terminal state is 0.) Scores are still of the environment's own rewards.


# %%
def potential(observation):
    """The worse, the faster it falls for its height."""
    return -jnp.maximum(-observation[1] - 0.1 - 0.1 * observation[0], 0.0)


shaped = operant.PPO(
    Capsule(), seeds=SEEDS, wrappers=[operant.PotentialShaping(potential, gamma=0.99)], **ppo
)
shaped.learn(STEPS, progress_bar=False)
print(operant.compare(shaped.evaluate(50), score, names=("shaped", "plain")))
learning_curve(
    {"plain": series(agent.history), "shaped": series(shaped.history)},
    title="Landing, with and without a hint",
    reference={"random policy": score.random.mean},
)

# %% [markdown]
# Look at the thin lines. One of the plain seeds stays at −1 to the end: it hits the ground so fast that every crash
# is paid the same, and nothing tells it which way is up. The hint tells crashes apart. The interquartile mean, which
# leaves out the worst and the best, does not show such a seed; the mean does ([Many seeds, and honest
# comparisons](honest_comparisons.ipynb)).
#
# ## 8. Wrappers
#
# A wrapper is a value that changes an environment: what is seen, what may be done, what is paid. The same value goes
# around native and Gymnasium environments, is saved with the model and used again wherever it is played
# ([Wrappers](../wrappers.md)). What is the velocity worth? Without it the observation does not say enough, two in a
# row do again, and so does a policy with memory:

# %%
variants = {
    "height and fuel alone": {"wrappers": [operant.Select((0, 2))]},
    "the last two of them": {"wrappers": [operant.Select((0, 2)), operant.FrameStack(2)]},
}
results = {"all three": score}
for name, values in variants.items():
    other = operant.PPO(Capsule(), seeds=SEEDS, **ppo, **values)
    other.learn(STEPS, progress_bar=False)
    results[name] = other.evaluate(50)
for name, result in results.items():
    print(f"{name:>22}: {result}")

# %% [markdown]
# ## 9. On the command line, and films
#
# `agent.record("capsule.mp4")` films what `picture` draws. For the command line an environment needs an id: put the
# class into a module, say `moon.py`, with
#
# ```python
# gym.register("Capsule-v0", entry_point=CapsuleGym, max_episode_steps=100)
# ```
#
# and then `operant train ppo moon:Capsule-v0 --num-envs 16`.
#
# ## Exercises
#
# 1. Take the fuel out of the observation (`Select((0, 1))`). *Expect* little harm while the tank is large. Then let
#    `BURN` be 0.1. What does the policy not know?
# 2. Add a plain bonus of 0.02 for each step with a speed below 1 m/s, in place of the potential. *Expect* the score,
#    which is of the own reward, to get worse while the sum with the bonus gets better. Look at the length of the
#    episodes.
# 3. Let the engine fail in one of ten steps (`noise` is there for that). *Expect* the policy to brake earlier.
# 4. Make the action a real number between 0 and 1, `spaces.Box(0.0, 1.0, (1,))`. *Expect* PPO to take it without
#    another change.
# 5. Give `Fountain` a limit of 100 steps. What does the lie cost then? Compute it first.
