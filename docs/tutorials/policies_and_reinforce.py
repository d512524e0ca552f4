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
# # Policies and REINFORCE
#
# A policy is a function with numbers in it, its *parameters*. Learning is to change these numbers so that the policy
# is paid more. This page goes from that sentence to an algorithm that balances a pole: first the equation, on a
# problem so small that the right answer is known; then REINFORCE in some forty lines of JAX; then with a baseline;
# and in the end operant's own, whose gradient is compared with ours, number by number.
#
# You need to know what a derivative is, and a little NumPy. `jax.numpy` is NumPy that can be differentiated, and
# compiled. This is a plain script that also runs as it stands, in about a minute.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import operant
from operant.authoring import Batch, Transition
from operant.envs.classic.cartpole import CartPole
from operant.studio.curves import learning_curve

UPDATES, SEEDS = int(os.environ.get("UPDATES", "150")), int(os.environ.get("SEEDS", "8"))
STEPS = int(os.environ.get("STEPS", "200000"))  # of operant's own, at the end

# %% [markdown]
# ## 1. A policy
#
# The task is CartPole: a pole stands on a cart, and each step pushes the cart to the left (action 0) or to the right
# (action 1). What one sees is the *state* s, four numbers: the position and the speed of the cart, the angle of the
# pole and how fast it changes. Each step that the pole still stands is paid 1, so the task is to stand for long. Here
# an episode is cut off after 200 steps.
#
# A *policy* π(a|s) says how likely each action a is in a state s. Ours is a small network with one hidden layer,
# which gives a number z for each action (a *logit*), of which the softmax makes probabilities:
#
#     z = W₂ tanh(W₁ s + b₁) + b₂
#     π(a|s) = exp(z_a) / Σ_b exp(z_b)
#
# All formulas here are for one state. `jax.vmap` makes a function of one thing a function of many.


# %%
HIDDEN = 16


def init_network(key, outputs):
    """The parameters of a network with four inputs: random weights, and 0 in the biases."""
    first, second = jax.random.split(key)
    return {
        "W1": jax.random.normal(first, (4, HIDDEN)) / 2,
        "b1": jnp.zeros(HIDDEN),
        "W2": jax.random.normal(second, (HIDDEN, outputs)) / 100,  # small: at first all actions are as likely
        "b2": jnp.zeros(outputs),
    }


def network(parameters, state):
    hidden = jnp.tanh(state @ parameters["W1"] + parameters["b1"])  # tanh(W₁ s + b₁)
    return hidden @ parameters["W2"] + parameters["b2"]  # W₂ … + b₂


def log_policy(parameters, state):
    """log π(·|s), a number for each action."""
    return jax.nn.log_softmax(network(parameters, state))  # z_a − log Σ_b exp(z_b)


policy = init_network(jax.random.key(0), outputs=2)
print("probabilities of left and right:", jnp.exp(log_policy(policy, jnp.array([0.0, 0.0, 0.05, 0.0]))))

# %% [markdown]
# ## 2. The gradient of what one is paid
#
# Forget the pole for a moment. There are three buttons; they pay 1, 2 and 4. The policy has one parameter for each
# button, θ, and presses button a with probability π(a) = softmax(θ)_a. What it is paid on average is
#
#     J(θ) = Σ_a π(a) r(a)
#
# To be paid more, follow the gradient ∇J. Where all r(a) are known, it can be computed at once.

# %%
REWARD = jnp.array([1.0, 2.0, 4.0])
theta = jnp.array([0.5, 0.0, -0.5])  # the button that pays most is the least likely


def expected_reward(theta):
    return jnp.sum(jax.nn.softmax(theta) * REWARD)  # J(θ) = Σ_a π(a) r(a)


exact = jax.grad(expected_reward)(theta)
print("probabilities:", jax.nn.softmax(theta))
print("J:", expected_reward(theta), "  exact gradient:", exact)

# %% [markdown]
# But a learner does not know r. It presses buttons and sees what it is paid. So the gradient must become something
# that can be *sampled*: an average over what the policy does. The trick is that the derivative of a logarithm is ∇
# log π = ∇π / π, so that ∇π = π ∇ log π:
#
#     ∇J = Σ_a ∇π(a) r(a) = Σ_a π(a) ∇ log π(a) r(a) = E[ ∇ log π(a) r(a) ],   a drawn from π
#
# Press a button, look what it pays, and make it more likely by as much: the mean of that is the gradient. One press
# says little, so the picture below counts means of ten presses.
#
# One more thing is for free. Any number b that does not depend on the action may be taken off the reward, since E[∇
# log π(a)] b = Σ_a ∇π(a) b = ∇(Σ_a π(a)) b = ∇1 b = 0:
#
#     ∇J = E[ ∇ log π(a) (r(a) − b) ]
#
# b is called a *baseline*. It does not move the mean, but it can make the noise much smaller. Here b is the mean
# reward J: an action is then made more likely if it was better than usual, and less likely if it was worse.


# %%
def sampled_gradient(key, baseline):
    """∇ log π(a) (r(a) − b) of a single press."""
    action = jax.random.categorical(key, theta)
    gradient = jax.grad(lambda theta: jax.nn.log_softmax(theta)[action])(theta)  # ∇ log π(a)
    return gradient * (REWARD[action] - baseline)


keys = jax.random.split(jax.random.key(1), 20_000)
samples = {
    name: jax.vmap(sampled_gradient, in_axes=(0, None))(keys, baseline)
    for name, baseline in (("without a baseline", 0.0), ("with the baseline J", expected_reward(theta)))
}
for name, gradients in samples.items():
    print(f"{name:>20}: mean {gradients.mean(0)}, deviation {gradients.std(0)}")
    assert np.allclose(gradients.mean(0), exact, atol=0.05)

figure, axes = plt.subplots(figsize=(7, 3))
for name, gradients in samples.items():
    axes.hist(gradients.reshape(-1, 10, 3).mean(1)[:, 2], bins=60, alpha=0.5, label=name)
axes.axvline(exact[2], color="black", linewidth=1, label="exact")
axes.set(xlabel="gradient by θ₃, each from ten presses", title="The same mean, and less noise")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## 3. From one action to an episode
#
# An episode τ is a chain of states, actions and rewards, s₀ a₀ r₀ s₁ a₁ r₁ … Its probability is a product of what the
# policy does and what the world does:
#
#     P(τ) = p(s₀) π(a₀|s₀) p(s₁|s₀,a₀) π(a₁|s₁) p(s₂|s₁,a₁) …
#
# The logarithm makes a sum of the product, and the world's part does not depend on θ, so that its gradient is 0.
# Nobody has to know how carts and poles move:
#
#     ∇ log P(τ) = Σ_t ∇ log π(a_t|s_t)
#
# Now the same step as with the buttons, with P(τ) for π(a) and all that the episode pays for r:
#
#     ∇J = E[ Σ_t ∇ log π(a_t|s_t) (r₀ + r₁ + r₂ + …) ]
#
# What was paid before step t cannot have been caused by action a_t. For that action it is a baseline, and may be left
# out. What is left is the *return* from t on. In it a reward that comes k steps later usually counts γᵏ times, with a
# *discount factor* γ a little below 1, because what happens much later has little to do with this action:
#
#     G_t = r_t + γ r_{t+1} + γ² r_{t+2} + … = r_t + γ G_{t+1}
#     ∇J ≈ E[ Σ_t ∇ log π(a_t|s_t) G_t ]
#
# This is the **policy gradient theorem**, and to follow it is **REINFORCE** (Williams 1992). It says ≈ because of γ:
# the exact gradient of the discounted return has another γᵗ in front of each term, which nearly everybody leaves out,
# since late steps of an episode would hardly count otherwise. With γ = 1 it is exact.
#
# G_t is computed from the end of an episode backwards.


# %%
def discounted_returns(rewards, gamma, after_the_end=0.0):
    """G_t for every step of an episode; `after_the_end` is what follows the last one."""

    def backward(following, reward):
        following = reward + gamma * following  # G_t = r_t + γ G_{t+1}
        return following, following

    return jax.lax.scan(backward, after_the_end, rewards, reverse=True)[1]


print(discounted_returns(jnp.array([10.0, 0.0, -50.0]), gamma=0.8))
assert np.allclose(discounted_returns(jnp.array([10.0, 0.0, -50.0]), 0.8), [-22, -40, -50])

# %% [markdown]
# The first is 10 + 0.8 · 0 + 0.8² · (−50) = −22. An action that was paid 10 at once was still a bad one.
#
# ## 4. Playing an episode
#
# operant's CartPole is a handful of pure functions: `reset(noise)` gives the first state, and `step(state, action,
# noise)` gives the next state, the reward, and whether the episode has *terminated*, because the pole has fallen or
# the cart has left the track. `jax.lax.scan` repeats a step 200 times in compiled code. It cannot stop early, so that
# all episodes have 200 rows, and `alive` says which of them happened; all others have to count for nothing.

# %%
environment = CartPole(max_episode_steps=200)
ROWS = 200


def play(policy, key):
    """One episode, each entry `[ROWS, …]`."""
    key_reset, key_actions = jax.random.split(key)
    nothing = environment.sample_noise(key_reset)  # CartPole's steps have no chance in them, its resets have

    def step(carry, key):
        state, alive = carry
        action = jax.random.categorical(key, log_policy(policy, state))  # a ~ π(·|s)
        next_state, reward, terminated = environment.step(state, action, nothing)
        row = {
            "state": state,
            "action": action,
            "reward": jnp.where(alive, reward, 0.0),
            "next_state": next_state,
            "terminated": terminated,
            "alive": alive.astype(jnp.float32),
        }
        going_on = alive & ~terminated
        return (jnp.where(going_on, next_state, state), going_on), row

    start = (environment.reset(environment.sample_noise(key_reset)), jnp.array(True))
    return jax.lax.scan(step, start, jax.random.split(key_actions, ROWS))[1]


EPISODES = 10


def play_some(policy, key):
    """Ten episodes, each entry `[10, ROWS, …]`."""
    return jax.vmap(play, in_axes=(None, 0))(policy, jax.random.split(key, EPISODES))


episodes = jax.jit(play_some)(policy, jax.random.key(2))
print("steps until the pole fell:", episodes["alive"].sum(1).astype(int))

# %% [markdown]
# ## 5. REINFORCE
#
# JAX differentiates numbers, so that we need a number whose gradient is the one of section 3. It is called the
# *loss*, and has a minus because optimisers go downhill:
#
#     L(θ) = −mean[ log π(a|s) Ĝ ],    Ĝ = (G − mean(G)) / deviation(G)
#
# Ĝ is G shifted and scaled over all steps of the ten episodes. The shift is a baseline, the same for all states, and
# the scale makes the size of a step independent of how much the task pays. Means are over the rows that happened.


# %%
GAMMA, LEARNING_RATE = 0.95, 0.01


def mean_of(values, alive):
    return jnp.sum(values * alive) / jnp.sum(alive)


def standardized(values, alive):
    """(G − mean) / deviation over the rows that happened."""
    mean = mean_of(values, alive)
    return (values - mean) / jnp.sqrt(mean_of((values - mean) ** 2, alive))


def log_prob(policy, episodes):
    """log π(a|s) of what was done, `[10, ROWS]`."""

    def one(state, action):
        return log_policy(policy, state)[action]

    return jax.vmap(jax.vmap(one))(episodes["state"], episodes["action"])


def loss_without_baseline(parameters, episodes):
    alive = episodes["alive"]
    returns = jax.vmap(lambda rewards: discounted_returns(rewards, GAMMA))(episodes["reward"])  # G
    return -mean_of(log_prob(parameters["policy"], episodes) * standardized(returns, alive), alive)  # L(θ)


# %% [markdown]
# An update is: play, differentiate, take a step. The step is Adam's, which scales each parameter's step by how large
# its gradients have been. A training is many updates, and many trainings with different *seeds*, the number that all
# chance starts from, run side by side by `jax.vmap`. One seed says little: some learn quickly and some slowly.

# %%
optimizer = optax.adam(LEARNING_RATE)


def train(loss, key):
    """The mean length of the ten episodes at each update, `[UPDATES]`, and the parameters at the end."""
    key_policy, key_value, key_updates = jax.random.split(key, 3)
    parameters = {
        "policy": init_network(key_policy, outputs=2),
        "value": init_network(key_value, outputs=1),  # for section 6
    }

    def update(carry, key):
        parameters, optimizer_state = carry
        episodes = play_some(parameters["policy"], key)
        gradient = jax.grad(loss)(parameters, episodes)
        step, optimizer_state = optimizer.update(gradient, optimizer_state)
        parameters = optax.apply_updates(parameters, step)
        return (parameters, optimizer_state), episodes["alive"].sum(1).mean()

    start = parameters, optimizer.init(parameters)
    (parameters, _), lengths = jax.lax.scan(update, start, jax.random.split(key_updates, UPDATES))
    return lengths, parameters


def train_seeds(loss):
    return jax.jit(jax.vmap(lambda key: train(loss, key)))(jax.random.split(jax.random.key(3), SEEDS))


plain, _ = train_seeds(loss_without_baseline)
print("the last ten updates of each seed:", plain[:, -10:].mean(1).round())

# %% [markdown]
# ## 6. A baseline that knows the state
#
# With the pole upright, a return of 15 is poor; with the pole nearly fallen it is good. So the best thing to compare
# a return with is what is usual *in this state*. That is the *value* V(s), and a second network learns it from the
# returns themselves. What remains is the *advantage*: how much better it went than usual.
#
#     A_t = G_t − V(s_t)
#     L(θ) = −mean[ log π(a|s) Â ] + ½ mean[ (V(s) − G)² ],    Â = A, standardised
#
# Two things are easily got wrong here:
#
# - In the first term V is a number to compare with, not something to learn: no gradient may go through it
#   (`stop_gradient`).
# - An episode that was cut off after 200 steps (*truncated*) would have gone on. What would have followed is not 0:
#   the best guess is V of the last state. An episode whose pole fell has *terminated*, and then it is 0.


# %%
def value(parameters, state):
    return network(parameters, state)[0]  # V(s)


def loss_with_baseline(parameters, episodes):
    alive = episodes["alive"]
    values = jax.vmap(jax.vmap(value, in_axes=(None, 0)), in_axes=(None, 0))

    v = values(parameters["value"], episodes["state"])  # V(s)
    fixed = jax.lax.stop_gradient(v)
    cut_off = (alive[:, -1] == 1) & ~episodes["terminated"][:, -1]
    last = values(jax.lax.stop_gradient(parameters["value"]), episodes["next_state"][:, -1:])[:, 0]
    returns = jax.vmap(lambda rewards, after: discounted_returns(rewards, GAMMA, after))(
        episodes["reward"], jnp.where(cut_off, last, 0.0)
    )  # G, with V of the last state for what was cut off

    advantage = standardized(returns - fixed, alive)  # Â
    policy_loss = -mean_of(log_prob(parameters["policy"], episodes) * advantage, alive)
    value_loss = mean_of((v - returns) ** 2, alive)
    return policy_loss + 0.5 * value_loss


with_baseline, learnt = train_seeds(loss_with_baseline)
print("the last ten updates of each seed:", with_baseline[:, -10:].mean(1).round())
updates = np.arange(UPDATES)
learning_curve(
    {"REINFORCE": (updates, plain), "with a learnt baseline": (updates, with_baseline)},
    title="Ten episodes an update",
    x="update",
    y="mean length of the ten episodes",
)

# %% [markdown]
# ## 7. operant's REINFORCE
#
# The library's is the same algorithm in [one file](../../operant/algorithms/policy_gradient/reinforce.py), for every
# kind of action, with memory and masks. Is it the same? We take its network's numbers into ours, give both the same
# ten episodes, and compare the gradients.

# %%
agent = operant.REINFORCE(
    environment,
    preset=None,
    baseline=True,
    gamma=GAMMA,
    n_episodes=EPISODES,
    max_steps=ROWS,
    num_envs=EPISODES,
    network={"hidden_sizes": (HIDDEN,)},
)
library = agent.state.network


def ours(head):
    """The parameters of one of the library's networks, by our names."""
    (hidden,), output = head.hidden, head.output
    return {"W1": hidden.weight, "b1": hidden.bias, "W2": output.weight, "b2": output.bias}


parameters = {"policy": ours(library.policy_head), "value": ours(library.value_head)}
episodes = play_some(parameters["policy"], jax.random.key(4))

by_time = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), episodes)  # the library has time first: [ROWS, 10, …]
terminated = by_time["terminated"] & (by_time["alive"] == 1)
experience = Batch(
    Transition(
        observation=by_time["state"],
        action=by_time["action"],
        reward=by_time["reward"],
        terminated=terminated,
        truncated=jnp.zeros_like(terminated),
        next_observation=by_time["next_state"],
    ),
    weight=by_time["alive"],
)

our_gradient = jax.grad(loss_with_baseline)(parameters, episodes)
their_gradient, metrics = jax.grad(agent.algorithm.loss, has_aux=True)(
    library, experience.transition, experience.weight, ()
)
for name, head in (("policy", their_gradient.policy_head), ("value", their_gradient.value_head)):
    for key, theirs in ours(head).items():
        difference = jnp.abs(our_gradient[name][key] - theirs).max()
        print(f"{name:>6} {key}: largest element {jnp.abs(theirs).max():.4f}, difference {difference:.1e}")
        assert difference < 1e-3 * jnp.abs(theirs).max()

# %% [markdown]
# They differ by rounding alone. Now let it learn: on the command line this is `operant train reinforce CartPole-v1
# --baseline --seeds 8`.

# %%
agent = operant.REINFORCE(
    "CartPole-v1",
    preset=None,
    baseline=True,
    n_episodes=10,
    num_envs=10,
    max_steps=500,
    network={"hidden_sizes": (HIDDEN,)},
    seeds=SEEDS,
)
agent.learn(STEPS, progress_bar=False)
score = agent.evaluate(20, with_random=True)
print(score)
agent.plot()

# %% [markdown]
# And what it does: the probability of pushing to the right, over the angle of the pole and how fast it falls. The
# policy pushes to where the pole leans or falls, and hesitates in between.

# %%
agent.best(score).plot_policy()

# %% [markdown]
# ## Exercises
#
# 1. Take out `standardized` in `loss_without_baseline`, so that G itself is used. All returns of CartPole are
#    positive: every action that was taken becomes more likely, good ones only more so. *Expect* that it learns more
#    slowly or not at all with this learning rate. Which baseline did the standardisation stand for?
# 2. Set `GAMMA = 1.0`, and then `0.5`. *Expect*: with 0.5 the returns of a falling pole and a standing one differ
#    only in the last few steps, and the policy learns to stand but not to stay on the track. With 1.0 the first
#    actions of a long episode are blamed for its end, which is noisy.
# 3. Leave out `stop_gradient` around `v` in the advantage. *Expect* two changes in the gradient of the value network:
#    the first term pulls at it, too. Print both gradients to see how much.
# 4. Treat what is cut off as terminated (`last = 0`). *Expect* the value of every state of a policy that always
#    stands to be too low near row 200, although such a state looks like any other. Why can the network not learn
#    both?
# 5. For the buttons of section 2, find by trying the baseline b for which the deviation of the gradient by θ₃ is
#    least. *Expect* more than J: what makes most of that noise are the rare presses of the third button, for which ∇
#    log π is long, and a baseline near *their* reward makes them short. (The best b is the mean reward weighted by
#    the squared length of ∇ log π.)
