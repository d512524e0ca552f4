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
# # Continuous control: from DDPG to SAC
#
# An action may be a real number, such as a torque. Then Q-learning has a problem: the largest Q over all actions can
# no longer be found by looking at each. The answer of this family is a second network that *climbs* Q. DDPG
# (Lillicrap et al. 2016) does so, TD3 (Fujimoto et al. 2018) mends what goes wrong with it, and SAC (Haarnoja et al.
# 2018) makes the policy random. Each of them is a few lines on this page, next to its formula, and all three learn to
# swing up a pendulum.
#
# You should know Q-learning with replay and a target network ([DQN from scratch, and its
# parts](dqn_and_its_parts.ipynb)). This is a plain script that also runs as it stands, in some minutes.

# %%
import os
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import operant
from operant.authoring import distributions, spaces
from operant.envs import base
from operant.envs.classic.pendulum import Pendulum
from operant.studio.curves import learning_curve

STEPS, SEEDS = int(os.environ.get("STEPS", "10000")), int(os.environ.get("SEEDS", "4"))

# %% [markdown]
# ## 1. An action that climbs
#
# Suppose that we know what every action a is worth, Q(a) = −(a − 0.6)². A policy that always plays the number φ
# should move φ uphill. Nothing has to be sampled for that: the slope of Q by the action is known.
#
#     φ ← φ + step · dQ/da (at a = φ)
#
# With states the policy is a function μ(s; φ), and the chain rule does the rest. This is the *deterministic policy
# gradient* (Silver et al. 2014): how Q changes with the action, times how the action changes with φ.
#
#     ∇_φ J = E[ ∇_a Q(s, a) (at a = μ(s; φ))  ·  ∇_φ μ(s; φ) ]
#
# Automatic differentiation applies the chain rule by itself: write Q(s, μ(s; φ)) and differentiate by φ.


# %%
def known_q(state, action):
    return -((action - 0.6 * state) ** 2)  # the best action is 0.6 s


def mu(phi, state):
    return phi * state


states = jnp.linspace(-1, 1, 11)
phi = 0.0
automatic = jax.grad(lambda phi: jnp.mean(known_q(states, mu(phi, states))))(phi)
slope = jax.vmap(jax.grad(known_q, argnums=1))(states, mu(phi, states))  # ∇_a Q at a = μ(s)
by_hand = jnp.mean(slope * states)  # times ∇_φ μ = s
print("chain rule by hand:", by_hand, "  by automatic differentiation:", automatic)
assert np.isclose(by_hand, automatic)

for _ in range(40):
    phi += 0.5 * jax.grad(lambda phi: jnp.mean(known_q(states, mu(phi, states))))(phi)
print("after 40 steps uphill φ is", phi)
assert np.isclose(phi, 0.6, atol=0.01)

# %% [markdown]
# ## 2. DDPG
#
# Q is not known, so it is learnt, as DQN learns it. A *critic* Q(s, a; θ) takes the state *and* the action. The
# *actor* μ(s; φ) takes the place of the maximum. Both have slow copies, θ⁻ and φ⁻, for the target:
#
#     y = r + γ Q(s′, μ(s′; φ⁻); θ⁻)
#     critic:  minimise mean (Q(s, a; θ) − y)²
#     actor:   maximise mean Q(s, μ(s; φ); θ),  through the action alone: θ stays as it is
#     copies:  θ⁻ ← θ⁻ + τ (θ − θ⁻), and φ⁻ likewise
#
# Such a copy follows a little at each step (*Polyak averaging*), where DQN's jumps now and then. To explore, noise is
# added to the actions that are played. Actions are between −1 and 1 here, by a hyperbolic tangent; the environment
# stretches them to its own bounds.
#
# The critics of TD3 and SAC are *two* networks side by side, so ours are always a list of networks: one for DDPG.

# %%
GAMMA, TAU, LEARNING_RATE, BATCH = 0.99, 0.01, 1e-3, 128
environment = (
    Pendulum()
)  # observes cos θ, sin θ and the angular velocity; a torque of −2 to 2; pays −(θ² + …)
MAX_TORQUE = 2.0
SIZE = 3  # numbers that are observed


def init_layers(key, sizes):
    return [
        (jax.random.normal(key, (size_in, size_out)) / np.sqrt(size_in), jnp.zeros(size_out))
        for key, size_in, size_out in zip(
            jax.random.split(key, len(sizes) - 1), sizes[:-1], sizes[1:], strict=True
        )
    ]


def network(layers, x):
    *hidden, (weight, bias) = layers
    for hidden_weight, hidden_bias in hidden:
        x = jax.nn.relu(x @ hidden_weight + hidden_bias)
    return x @ weight + bias


def q_value(critic, state, action):
    return network(critic, jnp.concatenate([state, action[None]]))[0]  # Q(s, a; θ)


def q_values(critics, state, action):
    """Of each critic."""
    return jnp.stack([q_value(critic, state, action) for critic in critics])


class Learner(NamedTuple):
    """All networks: the actor φ, its copy, the critics θ, their copies, and log α of SAC."""

    actor: list
    actor_copy: list
    critics: list
    critic_copies: list
    log_alpha: jax.Array


class Recipe(NamedTuple):
    """A variant: how many critics there are, and the functions that differ. Each is about one transition."""

    critics: int
    outputs: int  # of the actor
    act: Callable  # (actor, state, key) -> action to explore with
    target: Callable  # (learner, step, key) -> y
    actor_loss: Callable  # (actor, learner, state, key) -> (loss, log π or 0)
    delay: int = 1  # updates of the critics for one of the actor
    learns_alpha: bool = False


def deterministic(actor, state):
    return jnp.tanh(network(actor, state)[0])  # μ(s; φ)


def noisy_action(actor, state, key):
    return jnp.clip(deterministic(actor, state) + 0.1 * jax.random.normal(key), -1, 1)


def ddpg_target(learner, step, key):
    action = deterministic(learner.actor_copy, step["next_state"])  # μ(s′; φ⁻)
    next_q = q_values(learner.critic_copies, step["next_state"], action)[0]
    return step["reward"] + step["discount"] * next_q  # y


def ddpg_actor_loss(actor, learner, state, key):
    return -q_values(learner.critics, state, deterministic(actor, state))[0], 0.0  # −Q(s, μ(s; φ); θ)


ddpg = Recipe(1, 1, noisy_action, ddpg_target, ddpg_actor_loss)

# %% [markdown]
# ## 3. TD3: an actor that climbs finds every mistake
#
# A critic is wrong here and there, too high as often as too low. But the actor goes where it is high, and the target
# believes it. So values grow beyond what is true. Here is the true Q, flat at 0; two critics that are wrong by
# chance; and what an actor that climbs one of them finds.

# %%
actions = jnp.linspace(-1, 1, 201)
waves = jax.random.normal(jax.random.key(3), (2, 8, 2))
one, other = (
    sum(0.3 * a * jnp.sin((i + 1) * 3 * actions + 3 * b) for i, (a, b) in enumerate(wave)) for wave in waves
)
figure, axes = plt.subplots(figsize=(7, 3))
axes.plot(actions, one, label="one critic")
axes.plot(actions, other, label="another")
axes.plot(actions, jnp.minimum(one, other), color="black", linewidth=2, label="the lesser of the two")
axes.axhline(0, color="grey", linestyle="--")
axes.set(xlabel="action", ylabel="Q", title="What is true is 0")
axes.legend(frameon=False)
plt.show()
print(
    f"highest point of one critic: {one.max():.2f}; of the lesser of the two: {jnp.minimum(one, other).max():.2f}"
)

# %% [markdown]
# TD3 changes three things:
#
# - **Twin critics**: the target takes the lesser of two. They seldom err at the same place.
# - **Smoothing**: a little noise on the target's action, so that a narrow peak of the critic is averaged with what is
#   around it.
# - **Delay**: the actor moves once for two updates of the critics.
#
#       ã = clip( μ(s′; φ⁻) + clip(ε, −c, c), −1, 1 ),   ε drawn from N(0, σ̃²)
#       y = r + γ min( Q₁(s′, ã; θ⁻), Q₂(s′, ã; θ⁻) )

# %%
SMOOTHING, CLIP = 0.2, 0.5  # σ̃ and c


def td3_target(learner, step, key):
    noise = jnp.clip(SMOOTHING * jax.random.normal(key), -CLIP, CLIP)  # clip(ε, −c, c)
    action = jnp.clip(deterministic(learner.actor_copy, step["next_state"]) + noise, -1, 1)  # ã
    next_q = jnp.min(q_values(learner.critic_copies, step["next_state"], action))  # min(Q₁, Q₂)
    return step["reward"] + step["discount"] * next_q  # y


td3 = Recipe(2, 1, noisy_action, td3_target, ddpg_actor_loss, delay=2)

# %% [markdown]
# ## 4. SAC: a random policy
#
# How much noise is right? SAC lets the policy decide: it is a distribution, and is paid for being random, by its
# entropy −log π, as much as a temperature α says. An action comes from a normal distribution, whose mean and
# deviation the network gives, and which a hyperbolic tangent squeezes between −1 and 1:
#
#     u = mean(s) + deviation(s) · ε,   ε drawn from N(0, 1),     a = tanh(u)
#
# The density of a is that of u, divided by how much the tangent stretches there, da/du = 1 − tanh²(u):
#
#     log π(a|s) = log N(u; mean, deviation) − log(1 − tanh²(u))
#
# Whoever forgets the second term learns something all the same, and something else. Does the density integrate to 1?


# %%
def mean_and_log_std(actor, state):
    mean, log_std = network(actor, state)
    return mean, jnp.clip(log_std, -5, 2)


def log_density(mean, log_std, u):
    """log π of a = tanh(u)."""
    normal = -0.5 * ((u - mean) / jnp.exp(log_std)) ** 2 - log_std - 0.5 * jnp.log(2 * jnp.pi)  # log N(u; …)
    stretch = 2 * (jnp.log(2) - u - jax.nn.softplus(-2 * u))  # log(1 − tanh²(u)), also where tanh rounds to 1
    return normal - stretch


def sampled(actor, state, key):
    """`(a, log π(a|s))`."""
    mean, log_std = mean_and_log_std(actor, state)
    u = mean + jnp.exp(log_std) * jax.random.normal(key)  # mean + deviation · ε
    return jnp.tanh(u), log_density(mean, log_std, u)


between = jnp.linspace(-0.99999, 0.99999, 200_001)
density = jnp.exp(log_density(0.5, jnp.log(0.8), jnp.arctanh(between)))
print("∫ π(a) da =", jnp.trapezoid(density, between))
assert np.isclose(jnp.trapezoid(density, between), 1, atol=1e-2)
library = distributions.from_parameters(
    spaces.Box(-1.0, 1.0, (1,)), jnp.array([[0.5]]), None, jnp.array([jnp.log(0.8)]), squashed=True
)
assert np.isclose(
    library.log_prob(jnp.array([[0.3]]))[0], log_density(0.5, jnp.log(0.8), jnp.arctanh(0.3)), atol=1e-5
)

# %% [markdown]
# The rest follows. The target pays for entropy; the actor climbs Q plus entropy, and the gradient goes through a,
# since a is a function of φ and of noise that does not depend on it (the *reparameterisation trick*):
#
#     y = r + γ ( min_i Q_i(s′, a′; θ⁻) − α log π(a′|s′) ),   a′ drawn from π(·|s′)
#     actor:  minimise mean( α log π(a|s) − min_i Q_i(s, a; θ) ),   a drawn from π(·|s)
#
# And α is learnt: it falls while the entropy is above a target H̄, minus the number of dimensions of the action as a
# rule, and rises while it is below:
#
#     minimise −log α · mean( log π(a|s) + H̄ )

# %%
TARGET_ENTROPY = -1.0  # H̄


def sac_target(learner, step, key):
    action, log_prob = sampled(learner.actor, step["next_state"], key)  # a′ ~ π(·|s′)
    next_q = jnp.min(q_values(learner.critic_copies, step["next_state"], action))
    return step["reward"] + step["discount"] * (next_q - jnp.exp(learner.log_alpha) * log_prob)  # y


def sac_actor_loss(actor, learner, state, key):
    action, log_prob = sampled(actor, state, key)
    q = jnp.min(q_values(learner.critics, state, action))
    return jnp.exp(learner.log_alpha) * log_prob - q, log_prob  # α log π(a|s) − min_i Q_i(s, a; θ)


sac = Recipe(
    2,
    2,
    lambda actor, state, key: sampled(actor, state, key)[0],
    sac_target,
    sac_actor_loss,
    learns_alpha=True,
)

# %% [markdown]
# ## 5. The loop
#
# One step of the environment, one row of replay, one minibatch, for all three recipes. The pendulum never terminates:
# after 200 steps it is truncated, so that the discount of every transition is γ.

# %%
WARM_UP = min(500, STEPS // 4)  # steps at random before anything is learnt


def train(recipe, key):
    """By steps: the return of the last whole episode, the mean Q of the actor's actions, and α."""
    key_actor, key_critics, key_reset, key_steps = jax.random.split(key, 4)
    actor = init_layers(key_actor, (SIZE, 64, 64, recipe.outputs))
    critics = [init_layers(k, (SIZE + 1, 64, 64, 1)) for k in jax.random.split(key_critics, recipe.critics)]
    learner = Learner(actor, actor, critics, critics, jnp.zeros(()))
    optimizer = optax.adam(LEARNING_RATE)
    optimizers = tuple(map(optimizer.init, (actor, critics, learner.log_alpha)))
    environments, state, _ = base.reset(environment, base.sample_noise(environment, key_reset, 1))
    replay = {
        "state": jnp.zeros((STEPS, SIZE)),
        "next_state": jnp.zeros((STEPS, SIZE)),
        "action": jnp.zeros(STEPS),
        "reward": jnp.zeros(STEPS),
    }

    def update(learner, optimizers, batch, key, t):
        of_actor, of_critics, of_alpha = optimizers
        key_target, key_actor = (jax.random.split(k, BATCH) for k in jax.random.split(key))

        y = jax.vmap(lambda step, k: recipe.target(learner, step, k))(batch, key_target)

        def critic_loss(critics):
            q = jax.vmap(q_values, in_axes=(None, 0, 0))(critics, batch["state"], batch["action"])
            return jnp.mean(jnp.sum((q - y[:, None].repeat(recipe.critics, axis=1)) ** 2, axis=1))

        step, of_critics = optimizer.update(jax.grad(critic_loss)(learner.critics), of_critics)
        learner = learner._replace(critics=optax.apply_updates(learner.critics, step))

        def actor_loss(actor):
            losses, log_probs = jax.vmap(lambda state, k: recipe.actor_loss(actor, learner, state, k))(
                batch["state"], key_actor
            )
            return jnp.mean(losses), jnp.mean(log_probs)

        gradient, log_prob = jax.grad(actor_loss, has_aux=True)(learner.actor)
        step, of_actor_new = optimizer.update(gradient, of_actor)
        due = t % recipe.delay == 0
        actor, of_actor = jax.tree.map(
            lambda new, old: jnp.where(due, new, old),
            (optax.apply_updates(learner.actor, step), of_actor_new),
            (learner.actor, of_actor),
        )
        learner = learner._replace(actor=actor)

        if recipe.learns_alpha:
            gradient = -(log_prob + TARGET_ENTROPY)  # of −log α · mean( log π + H̄ ) by log α
            step, of_alpha = optimizer.update(gradient, of_alpha)
            learner = learner._replace(log_alpha=optax.apply_updates(learner.log_alpha, step))

        learner = learner._replace(
            actor_copy=optax.incremental_update(learner.actor, learner.actor_copy, TAU),  # φ⁻ + τ (φ − φ⁻)
            critic_copies=optax.incremental_update(learner.critics, learner.critic_copies, TAU),
        )
        return learner, (of_actor, of_critics, of_alpha)

    def turn(carry, inputs):
        learner, optimizers, environments, state, replay, total, finished = carry
        t, key = inputs
        key_act, key_random, key_noise, key_draw, key_update = jax.random.split(key, 5)
        action = jnp.where(
            t < WARM_UP,
            jax.random.uniform(key_random, minval=-1, maxval=1),
            recipe.act(learner.actor, state[0], key_act),
        )
        noise = base.sample_noise(environment, key_noise, 1)
        environments, answer = base.step(environment, environments, MAX_TORQUE * action[None, None], noise)
        happened = {
            "state": state[0],
            "next_state": answer.next_observation[0],
            "action": action,
            "reward": answer.reward[0],
        }
        replay = jax.tree.map(lambda store, new: store.at[t].set(new), replay, happened)
        rows = jax.random.randint(key_draw, (BATCH,), 0, t + 1)
        batch = jax.tree.map(lambda store: store[rows], replay) | {"discount": jnp.full(BATCH, GAMMA)}
        updated = update(learner, optimizers, batch, key_update, t)
        learner, optimizers = jax.tree.map(
            lambda new, old: jnp.where(t >= WARM_UP, new, old), updated, (learner, optimizers)
        )
        total = total + answer.reward[0]
        over = answer.terminated[0] | answer.truncated[0]
        finished, total = jnp.where(over, total, finished), jnp.where(over, 0.0, total)
        believed = q_values(learner.critics, state[0], action)[0]
        carry = learner, optimizers, environments, answer.observation, replay, total, finished
        return carry, (finished, believed, jnp.exp(learner.log_alpha))

    start = learner, optimizers, environments, state, replay, jnp.zeros(()), jnp.float32(jnp.nan)
    return jax.lax.scan(turn, start, (jnp.arange(STEPS), jax.random.split(key_steps, STEPS)))[1]


returns, alphas = {}, None
EVERY = max(1, min(200, STEPS // 4))
for name, recipe in {"DDPG": ddpg, "TD3": td3, "SAC": sac}.items():
    finished, believed, alpha = jax.jit(jax.vmap(lambda key, recipe=recipe: train(recipe, key)))(
        jax.random.split(jax.random.key(4), SEEDS)
    )
    steps = np.arange(EVERY, STEPS + 1, EVERY)
    returns[name] = steps, np.asarray(finished)[:, EVERY - 1 :: EVERY]
    alphas = alpha
    late = np.nanmean(np.asarray(finished)[:, -STEPS // 5 :], axis=1)
    q = believed[:, -STEPS // 5 :].mean()
    print(f"{name:>4}: mean return in the last fifth, by seed {late.round()}; mean Q {q:.1f}")
learning_curve(returns, title="Pendulum-v1, with exploration", y="return of the last episode")

# %% [markdown]
# Look at the mean Q, too. No reward of the pendulum is above 0, and so no action can be worth more than 0. What
# DDPG's only critic says above that is the overestimation of section 3. (SAC's Q has the pay for entropy in it.)

# %%
print("α at the end, by seed:", np.asarray(alphas)[:, -1].round(3))

# %% [markdown]
# ## 6. operant's
#
# In the library they are two files, [TD3](../../operant/algorithms/actor_critic/td3.py), of which DDPG is a setting,
# and [SAC](../../operant/algorithms/actor_critic/sac.py), with everything else that combines: many critics,
# quantiles, n steps, priorities, memory, goals in hindsight. On the command line: `operant train sac Pendulum-v1
# --seeds 4`.

# %%
agent = operant.SAC(
    "Pendulum-v1",
    preset=None,
    seeds=SEEDS,
    learning_rate=LEARNING_RATE,
    batch_size=BATCH,
    tau=TAU,
    buffer_size=STEPS,
    learning_starts=WARM_UP,
    network={"hidden_sizes": (64, 64)},
)
agent.learn(STEPS, progress_bar=False)
score = agent.evaluate(10, with_random=True)
print(score)
best = agent.best(score)
best.plot_policy()

# %% [markdown]
# What the two critics say of every torque at the beginning of an episode, and where the policy is. Is it at the top?

# %%
best.plot_critic()

# %% [markdown]
# ## Exercises
#
# 1. Give DDPG two critics and TD3's target, and nothing else. *Expect* the believed Q to come down. Returns here are
#    never above 0, so what does a Q above 0 say?
# 2. Leave `stretch` out of `log_density`. *Expect* the integral not to be 1, and SAC to learn all the same. What does
#    it take its entropy to be where actions are near −1 and 1?
# 3. Set `TARGET_ENTROPY` to 1.0. *Expect* α to grow without end: log 2 = 0.69 is the largest entropy that there is
#    between −1 and 1.
# 4. Fix α at 1, and then at 0.01. *Expect* the first policy to shake at the top, where shaking costs less than its
#    entropy is paid, and the second to behave like TD3's.
# 5. Use TAU = 1. *Expect* learning to become unsteady. Which of the three suffers least?
