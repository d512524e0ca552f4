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
# # DQN from scratch, and its parts
#
# Deep Q-learning (Mnih et al. 2015) is Q-learning with a network in place of the table, and with two ideas that keep
# it from falling apart. Five more ideas have been added since, each a change of a few lines; together, and with noisy
# weights for exploration, they are Rainbow (Hessel et al. 2018). Here every one of the five is written down as its
# formula and its lines, checked by itself, and trained with several seeds. In the end they are flags of operant's
# DQN.
#
# Q-learning with tables is in [From a Markov chain to Q-learning](from_chains_to_q_learning.ipynb). `jax.vmap`, which
# makes a function of one thing a function of many, is in [Policies and REINFORCE](policies_and_reinforce.ipynb). This
# is a plain script that also runs as it stands, in some minutes.

# %%
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import operant
from operant.authoring import distributional, td
from operant.envs import base
from operant.envs.classic.cartpole import CartPole
from operant.studio.curves import learning_curve, series

STEPS, SEEDS = int(os.environ.get("STEPS", "20000")), int(os.environ.get("SEEDS", "5"))

# %% [markdown]
# ## 1. Q-values from a network
#
# Q(s, a) is what is paid from now on if action a is taken in state s, and the best actions after it; a reward k steps
# later counts γᵏ times. If Q is known, the best action is the one with the largest Q. For a few hundred states Q is a
# table. The states of CartPole are four real numbers (position and speed of a cart, angle and speed of the pole on
# it), so that no state comes twice. A network with parameters θ takes the state and gives a Q for each action; states
# that are alike get like values.

# %%
GAMMA, ACTIONS = 0.99, 2
environment = CartPole()


def init_layers(key, sizes):
    """Weights and biases of a network with these numbers of units."""
    return [
        (jax.random.normal(key, (size_in, size_out)) / np.sqrt(size_in), jnp.zeros(size_out))
        for key, size_in, size_out in zip(
            jax.random.split(key, len(sizes) - 1), sizes[:-1], sizes[1:], strict=True
        )
    ]


def network(layers, state):
    *hidden, (weight, bias) = layers
    for hidden_weight, hidden_bias in hidden:
        state = jax.nn.relu(state @ hidden_weight + hidden_bias)
    return state @ weight + bias


def init_q(key):
    return init_layers(key, (4, 64, 64, ACTIONS))


def q_values(parameters, state):
    """Q(s, ·; θ), a number for each action."""
    return network(parameters, state)


print(q_values(init_q(jax.random.key(0)), jnp.array([0.0, 0.0, 0.05, 0.0])))

# %% [markdown]
# ## 2. One transition, one error
#
# A *transition* is a step that was taken: state s, action a, reward r, next state s′. What Q(s, a) should be, as far
# as this step tells, is its *target* y: the reward, and what the best next action is worth. If the pole has fallen,
# nothing follows. The *temporal-difference error* δ is the distance to it, and the loss makes it small:
#
#     y = r + γ max_a' Q(s′, a'; θ⁻)        y = r where the episode has terminated
#     δ = y − Q(s, a; θ)
#     L(θ) = mean of ℓ(δ)
#
# - θ⁻ is the **target network**, an older copy of θ. Without it every step towards the target moves the target as
#   well, like a dog that chases its tail. No gradient goes through y: it is a number to come nearer to.
# - ℓ is Huber's loss: ½ δ² up to |δ| = 1, and from there on a straight line, so that single large errors do not tear
#   at the network.
#
# All of the changes below replace something in these three lines. So the algorithm is written as a value with the
# parts that will be replaced, and a transition as a dict; its `discount` is γ, or 0 where the episode has terminated.


# %%
class Recipe(NamedTuple):
    """A variant of DQN."""

    init: Callable = init_q  # key -> parameters
    q_values: Callable = q_values  # (parameters, state) -> Q of each action
    loss: Callable[..., Any] = None  # (recipe, θ, θ⁻, transition) -> (loss, |δ|)
    replay: bool = True  # learn from all steps so far, or only from the newest ones
    target_every: int = 100  # updates between two copies of θ to θ⁻; 1: no target network
    n_step: int = 1
    priority: bool = False


def huber(error):
    return jnp.where(jnp.abs(error) <= 1, 0.5 * error**2, jnp.abs(error) - 0.5)  # ℓ(δ)


def dqn_loss(recipe, theta, target, step):
    """Of one transition."""
    next_q = recipe.q_values(target, step["next_state"])  # Q(s′, ·; θ⁻)
    y = step["reward"] + step["discount"] * jnp.max(next_q)  # r + γ max_a' Q(s′, a'; θ⁻)
    delta = jax.lax.stop_gradient(y) - recipe.q_values(theta, step["state"])[step["action"]]  # y − Q(s, a; θ)
    return huber(delta), jnp.abs(delta)


dqn = Recipe(loss=dqn_loss)

rng = np.random.default_rng(0)
example = {
    "state": jnp.asarray(rng.normal(size=4), jnp.float32),
    "next_state": jnp.asarray(rng.normal(size=4), jnp.float32),
    "action": jnp.int32(1),
    "reward": jnp.float32(1.0),
    "discount": jnp.float32(GAMMA),
}
theta, target = init_q(jax.random.key(1)), init_q(jax.random.key(2))
_, error = dqn.loss(dqn, theta, target, example)
y = td.q_target(example["reward"], example["discount"], q_values(target, example["next_state"]))  # operant's
assert np.allclose(error, abs(y - q_values(theta, example["state"])[1]), atol=1e-6)
gradient_by_target = jax.grad(lambda target: dqn.loss(dqn, theta, target, example)[0])(target)
print(
    "largest gradient by the target network:",
    max(jnp.abs(x).max() for x in jax.tree.leaves(gradient_by_target)),
)

# %% [markdown]
# ## 3. Exploration and replay
#
# If the policy always took the action with the largest Q, it would never find out that another one is better.
# **ε-greedy**: with probability ε the action is drawn at random. ε falls from 1 to 0.05 over the first third of
# training.
#
# **Replay** keeps transitions, and learns from some that are drawn at random. Successive steps are alike, and a
# network that only sees the newest forgets the others; besides, each step can be learnt from many times. Ours keeps
# all steps of a training. (Larger ones overwrite the oldest.) It is an array with a row for each moment and a column
# for each of four environments that are stepped side by side.
#
# For later: the *n-step* transition from a row adds up the rewards of n steps, with `k` the number of steps until n
# or the end of the episode, and its next state is the one after k steps (formula in section 7).


# %%
ENVIRONMENTS, BATCH = 4, 64
ROWS = STEPS // ENVIRONMENTS
WARM_UP = min(100, ROWS // 4)  # rows before anything is learnt


def drawn(replay, row, column, newest, n):
    """The n-step transition that begins in a row of replay."""

    def add(carry, i):
        total, discount, going, last = carry
        t = row + i
        going = going & (t <= newest)  # rows after the newest have not happened yet
        total = total + jnp.where(going, GAMMA**i * replay["reward"][t, column], 0.0)
        discount = jnp.where(going, GAMMA ** (i + 1) * (1 - replay["terminated"][t, column]), discount)
        last = jnp.where(going, t, last)
        going = going & (replay["done"][t, column] == 0)
        return (total, discount, going, last), None

    start = jnp.float32(0), jnp.float32(0), jnp.array(True), row
    (total, discount, _, last), _ = jax.lax.scan(add, start, jnp.arange(n))
    return {
        "state": replay["state"][row, column],
        "action": replay["action"][row, column],
        "reward": total,  # Σ_{i<k} γ^i r_{t+i}
        "discount": discount,  # γ^k, or 0 after a termination
        "next_state": replay["next_state"][last, column],
    }


# %% [markdown]
# ## 4. The loop
#
# Each turn: one step of four environments, one row of replay, one minibatch, one step of Adam. The loop knows nothing
# of what the recipe changes but where rows are drawn (section 8 explains the priorities).

# %%
LEARNING_RATE = 1e-3
optimizer = optax.adam(LEARNING_RATE)
PRIORITY, BETA = 0.6, 0.4  # ζ and the first β, of section 8


def train(recipe, key):
    """By rows: the length of recent episodes, and the mean of the largest Q of the states now seen."""
    key_init, key_reset, key_turns = jax.random.split(key, 3)
    theta = recipe.init(key_init)
    environments, state, _ = base.reset(environment, base.sample_noise(environment, key_reset, ENVIRONMENTS))
    empty = jnp.zeros((ROWS, ENVIRONMENTS))
    replay = {
        "state": jnp.zeros((ROWS, ENVIRONMENTS, 4)),
        "next_state": jnp.zeros((ROWS, ENVIRONMENTS, 4)),
        "action": jnp.zeros((ROWS, ENVIRONMENTS), jnp.int32),
        "reward": empty,
        "terminated": empty,
        "done": empty,
        "priority": empty,
    }

    def turn(carry, inputs):
        theta, target, optimizer_state, environments, state, replay, average = carry
        row, key = inputs
        key_explore, key_action, key_noise, key_draw = jax.random.split(key, 4)

        # Act, ε-greedily.
        epsilon = jnp.clip(1 - row / (ROWS / 3), 0.05, 1.0)
        q = jax.vmap(recipe.q_values, in_axes=(None, 0))(theta, state)  # [4, actions]
        at_random = jax.random.uniform(key_explore, (ENVIRONMENTS,)) < epsilon
        anything = jax.random.randint(key_action, (ENVIRONMENTS,), 0, ACTIONS)
        action = jnp.where(at_random, anything, jnp.argmax(q, axis=1))
        noise = base.sample_noise(environment, key_noise, ENVIRONMENTS)
        elapsed = environments.elapsed
        environments, answer = base.step(environment, environments, action, noise)

        # Remember. What is new gets the largest priority so far, so that it is drawn soon.
        happened = {
            "state": state,
            "next_state": answer.next_observation,
            "action": action,
            "reward": answer.reward,
            "terminated": answer.terminated.astype(jnp.float32),
            "done": (answer.terminated | answer.truncated).astype(jnp.float32),
            "priority": jnp.full(ENVIRONMENTS, jnp.maximum(replay["priority"].max(), 1.0)),
        }
        replay = jax.tree.map(lambda store, new: store.at[row].set(new), replay, happened)

        # Draw a minibatch: by priority, from all rows alike, or the newest row alone.
        if recipe.priority:
            sums = jnp.cumsum(replay["priority"].ravel())
            index = jnp.searchsorted(sums, jax.random.uniform(key_draw, (BATCH,)) * sums[-1])
            index = jnp.minimum(index, (row + 1) * ENVIRONMENTS - 1)
            probability = replay["priority"].ravel()[index] / sums[-1]  # P = p / Σ p
            beta = BETA + (1 - BETA) * row / ROWS
            weight = ((row + 1) * ENVIRONMENTS * probability) ** -beta  # w = (N P)^−β
            weight = weight / weight.max()
        else:
            first = 0 if recipe.replay else row * ENVIRONMENTS
            index = jax.random.randint(key_draw, (BATCH,), first, (row + 1) * ENVIRONMENTS)
            weight = jnp.ones(BATCH)
        rows, columns = index // ENVIRONMENTS, index % ENVIRONMENTS
        batch = jax.vmap(lambda t, column: drawn(replay, t, column, row, recipe.n_step))(rows, columns)

        # Learn.
        def loss(theta):
            losses, errors = jax.vmap(lambda step: recipe.loss(recipe, theta, target, step))(batch)
            return jnp.mean(weight * losses), errors

        gradient, errors = jax.grad(loss, has_aux=True)(theta)
        step, new_optimizer_state = optimizer.update(gradient, optimizer_state)
        learns = row >= WARM_UP
        theta, optimizer_state = jax.tree.map(
            lambda new, old: jnp.where(learns, new, old),
            (optax.apply_updates(theta, step), new_optimizer_state),
            (theta, optimizer_state),
        )
        renewed = (errors + 1e-6) ** PRIORITY  # p = |δ|^ζ
        renewed = jnp.where(learns, renewed, replay["priority"][rows, columns])
        replay = replay | {"priority": replay["priority"].at[rows, columns].set(renewed)}
        due = row % recipe.target_every == 0
        target = jax.tree.map(lambda new, old: jnp.where(due, new, old), theta, target)

        done = happened["done"]
        length = jnp.sum((elapsed + 1) * done) / jnp.maximum(done.sum(), 1)  # of the episodes that ended
        average = jnp.where(done.sum() > 0, average + 0.1 * (length - average), average)
        carry = theta, target, optimizer_state, environments, answer.observation, replay, average
        return carry, (average, q.max(axis=1).mean())

    start = theta, theta, optimizer.init(theta), environments, state, replay, jnp.float32(20)
    return jax.lax.scan(turn, start, (jnp.arange(ROWS), jax.random.split(key_turns, ROWS)))[1]


results, believed = {}, {}
EVERY = max(1, ROWS // 200)  # of the curves


def compare(name, recipe):
    """Train a recipe with several seeds, and keep its curves."""
    lengths, values = jax.jit(jax.vmap(lambda key: train(recipe, key)))(
        jax.random.split(jax.random.key(3), SEEDS)
    )
    steps = ENVIRONMENTS * np.arange(1, ROWS + 1)[::EVERY]
    results[name] = steps, np.asarray(lengths)[:, ::EVERY]
    believed[name] = steps, np.asarray(values)[:, ::EVERY]
    late = np.asarray(lengths)[:, -ROWS // 5 :].mean(axis=1)
    print(f"{name:>24}: length of episodes in the last fifth, by seed {np.sort(late).round().astype(int)}")


# %% [markdown]
# ## 5. Which of the two ideas is needed?
#
# Without replay it learns from the newest four steps. Without a target network θ⁻ = θ.

# %%
compare("neither", dqn._replace(replay=False, target_every=1))
compare("replay alone", dqn._replace(target_every=1))
compare("target network alone", dqn._replace(replay=False))
compare("DQN", dqn)
learning_curve(dict(results), title="DQN's two ideas, CartPole-v1", y="length of episodes, moving average")

# %% [markdown]
# ## 6. Double: who chooses, who values
#
# The maximum of uncertain numbers is too large on average, even where each of them is right on average: the action
# whose value is overestimated most is the one that is chosen. Here all ten values are 0, each is seen with noise of
# deviation 1, and the maximum is far from 0.
#
# *Double* Q-learning (van Hasselt et al. 2016) lets one network choose the action and the other value it. An accident
# in the one is not an accident in the other.
#
#     y = r + γ Q(s′, argmax_a' Q(s′, a'; θ); θ⁻)

# %%
one, other = jax.random.normal(jax.random.key(4), (2, 10_000, 10))
biased = one.max(axis=1)
with_another = jax.vmap(lambda values, chooser: values[jnp.argmax(chooser)])(other, one)
print(
    f"mean of the maximum {biased.mean():.2f}; of another opinion of the same action {with_another.mean():.2f}"
)
figure, axes = plt.subplots(figsize=(7, 2.6))
axes.hist(biased, bins=60, alpha=0.5, label="the largest of ten")
axes.hist(with_another, bins=60, alpha=0.5, label="another opinion of that one")
axes.set(xlabel="value; what is true is 0", yticks=[])
axes.legend(frameon=False)
plt.show()


def double_loss(recipe, theta, target, step):
    chosen = jnp.argmax(recipe.q_values(theta, step["next_state"]))  # argmax_a' Q(s′, a'; θ)
    next_value = recipe.q_values(target, step["next_state"])[chosen]  # Q(s′, …; θ⁻)
    y = step["reward"] + step["discount"] * next_value
    delta = jax.lax.stop_gradient(y) - recipe.q_values(theta, step["state"])[step["action"]]
    return huber(delta), jnp.abs(delta)


double = dqn._replace(loss=double_loss)
y = td.double_q_target(
    example["reward"],
    example["discount"],
    q_values(target, example["next_state"]),
    q_values(theta, example["next_state"]),
)
assert np.allclose(
    double.loss(double, theta, target, example)[1], abs(y - q_values(theta, example["state"])[1]), atol=1e-6
)

# %% [markdown]
# ## 7. Dueling, and n steps
#
# **Dueling** (Wang et al. 2016): in many states it hardly matters what one does. The network has two outputs, a value
# of the state and an advantage of each action, of which the mean is taken off, so that there is only one way to split
# a Q:
#
#     Q(s, a) = V(s) + A(s, a) − mean_b A(s, b)
#
# **n-step** targets wait for n rewards before they trust the network. A reward then travels n states back in one
# update. But the later actions of the n steps were those of an older policy, which is a bias that grows with n:
#
#     y = r_t + γ r_{t+1} + … + γ^{n−1} r_{t+n−1} + γⁿ max_a' Q(s_{t+n}, a'; θ⁻)
#
# The loss stays as it is: `drawn` in section 3 has put the sum in place of the reward, γᵏ in place of γ, and the
# state after k steps in place of the next one.


# %%
def init_dueling(key):
    key_body, key_value, key_advantage = jax.random.split(key, 3)
    return {
        "body": init_layers(key_body, (4, 64)),
        "value": init_layers(key_value, (64, 64, 1)),
        "advantage": init_layers(key_advantage, (64, 64, ACTIONS)),
    }


def dueling_q_values(parameters, state):
    features = jax.nn.relu(network(parameters["body"], state))
    value = network(parameters["value"], features)[0]
    advantage = network(parameters["advantage"], features)
    return value + advantage - advantage.mean()  # V(s) + A(s, a) − mean_b A(s, b)


dueling = dqn._replace(init=init_dueling, q_values=dueling_q_values)
n_step = dqn._replace(n_step=3)

small = {name: jnp.zeros((6, 1)) for name in ("reward", "terminated", "done")} | {
    "state": jnp.arange(6.0)[:, None, None],
    "next_state": jnp.arange(1.0, 7.0)[:, None, None],
    "action": jnp.zeros((6, 1), jnp.int32),
}
small["reward"] = jnp.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]])
small["terminated"] = small["done"] = jnp.array([[0.0], [0.0], [0.0], [1.0], [0.0], [0.0]])
step = drawn(small, 0, 0, newest=5, n=3)
assert np.isclose(step["reward"], 1 + GAMMA * 2 + GAMMA**2 * 4)
assert np.isclose(step["discount"], GAMMA**3)
assert step["next_state"] == 3
step = drawn(small, 2, 0, newest=5, n=3)  # the episode terminates at the second of the three steps
assert np.isclose(step["reward"], 4 + GAMMA * 8)
assert step["discount"] == 0
step = drawn(small, 4, 0, newest=4, n=3)  # the newest row: there is nothing after it yet
assert (step["reward"], step["next_state"]) == (16, 5)
assert np.isclose(step["discount"], GAMMA)

# %% [markdown]
# ## 8. Priorities
#
# Most transitions say what the network knows already. *Prioritised* replay (Schaul et al. 2016) draws those more
# often that surprised more when they were last learnt from. To be drawn more often also means to count for more than
# one's share; a weight w takes that back, wholly at the end of training (β = 1):
#
#     p = (|δ| + 10⁻⁶)^ζ,     P = p / Σ p,     w = (N P)^−β / max w
#
# The lines are in the loop of section 4. Does the weight undo the drawing? The weighted mean of anything must be its
# plain mean.

# %%
errors = jnp.abs(jax.random.normal(jax.random.key(5), (1_000,)))
priorities = (errors + 1e-6) ** PRIORITY  # p
probabilities = priorities / priorities.sum()  # P
numbers = jax.random.choice(jax.random.key(6), 1_000, (200_000,), p=probabilities)
weights = (1_000 * probabilities[numbers]) ** -1.0  # w with β = 1
print(f"mean of all errors {errors.mean():.3f}, of those drawn {errors[numbers].mean():.3f}, "
      f"weighted {jnp.sum(weights * errors[numbers]) / weights.sum():.3f}")  # fmt: skip
priority = dqn._replace(priority=True)

# %% [markdown]
# ## 9. Distributional: not one number but many
#
# A state from which the pole falls at once or stands for ever, each with probability ½, has the same mean as one from
# which it always falls in the middle. C51 (Bellemare et al. 2017) learns the *distribution* of what will be paid: the
# probability of each of 51 values z between 0 and 100, the *atoms*. Q is still their mean:
#
#     Q(s, a) = Σ_i z_i p_i(s, a)
#
# The target is a distribution, too: that of the best next action, with every atom moved to r + γ z. The moved atoms
# lie between those that there are, so each shares its probability between its two neighbours, the nearer getting more
# (the *projection* Φ). The loss is the cross-entropy, which is least where both distributions are equal:
#
#     target = Φ( r + γ z with probabilities p(s′, a*; θ⁻) ),    a* = argmax_a Q(s′, a; θ⁻)
#     L(θ) = −Σ_i target_i log p_i(s, a; θ)
#
# (Why 100? A reward of 1 at each step for ever is worth 1 / (1 − γ) = 100.)

# %%
ATOMS = jnp.linspace(0.0, 100.0, 51)  # z
GAP = ATOMS[1] - ATOMS[0]


def init_categorical(key):
    return init_layers(key, (4, 64, 64, ACTIONS * len(ATOMS)))


def log_probabilities(parameters, state):
    """log p(s, a), `[actions, 51]`."""
    return jax.nn.log_softmax(network(parameters, state).reshape(ACTIONS, len(ATOMS)), axis=1)


def categorical_q_values(parameters, state):
    return jnp.exp(log_probabilities(parameters, state)) @ ATOMS  # Σ_i z_i p_i(s, a)


def projected(moved, probabilities):
    """Φ: the probabilities of the atoms that there are, for those of moved ones, both `[51]`."""
    moved = jnp.clip(moved, ATOMS[0], ATOMS[-1])
    distance = jnp.abs(ATOMS[:, None] - jnp.broadcast_to(moved, (len(ATOMS), len(ATOMS)))) / GAP
    return jnp.clip(1 - distance, 0, 1) @ probabilities  # neighbours get 1 − distance, all others nothing


def categorical_loss(recipe, theta, target, step):
    best = jnp.argmax(recipe.q_values(target, step["next_state"]))  # a*
    probabilities = jnp.exp(log_probabilities(target, step["next_state"])[best])  # p(s′, a*; θ⁻)
    td_target = projected(step["reward"] + step["discount"] * ATOMS, probabilities)  # Φ( r + γ z )
    log_p = log_probabilities(theta, step["state"])[step["action"]]
    cross_entropy = -jnp.sum(jax.lax.stop_gradient(td_target) * log_p)  # −Σ_i target_i log p_i(s, a; θ)
    return cross_entropy, cross_entropy


categorical = dqn._replace(init=init_categorical, q_values=categorical_q_values, loss=categorical_loss)
moved = 1.0 + GAMMA * ATOMS
some = jax.nn.softmax(jax.random.normal(jax.random.key(7), (51,)))
assert np.allclose(
    projected(moved, some), distributional.categorical_projection(moved, some, ATOMS), atol=1e-6
)
print(f"mean before {moved @ some:.4f}, after {projected(moved, some) @ ATOMS:.4f}: the projection keeps it")

# %% [markdown]
# ## 10. Each of them, and all
#
# Every part is added to plain DQN alone; the last has double, dueling, three steps and priorities at once. Nothing
# was tuned for any of them.

# %%
for name, recipe in {
    "double": double,
    "dueling": dueling,
    "3 steps": n_step,
    "priorities": priority,
    "distributional": categorical,
    "four at once": double._replace(init=init_dueling, q_values=dueling_q_values, n_step=3, priority=True),
}.items():
    compare(name, recipe)
learning_curve(
    {name: curve for name, curve in results.items() if name in ("DQN", "double", "dueling", "3 steps")},
    title="One part at a time, CartPole-v1",
    y="length of episodes, moving average",
)

# %%
learning_curve(
    {name: results[name] for name in ("DQN", "priorities", "distributional", "four at once")},
    title="And more of them",
    y="length of episodes, moving average",
)

# %% [markdown]
# CartPole is an easy task, and says little about parts that were made for hard ones. Look at how far the seeds of one
# variant lie apart before you believe a difference between two ([Many seeds, and honest
# comparisons](honest_comparisons.ipynb)). In games, with many millions of steps, priorities and several steps were
# worth most, and double and dueling least (Hessel et al. 2018, figure 4).
#
# Whether Q is believed too large can be seen here, though: no state of CartPole is worth more than 100. Without a
# target network Q runs away, since each step towards the target moves the target as well, in the same direction.

# %%
for name in ("replay alone", "DQN", "double", "distributional"):
    print(
        f"{name:>14}: largest Q of the states seen at the end, mean over seeds {believed[name][1][:, -1].mean():.4g}"
    )
learning_curve(
    {name: believed[name] for name in ("DQN", "double", "distributional")},
    title="What the networks believe",
    threshold=1 / (1 - GAMMA),
    y="largest Q of the states seen",
)

# %% [markdown]
# ## 11. operant's DQN
#
# In the library the parts are hyperparameters, which combine with each other and with everything else: any number of
# seeds, images, memory, masks, other environments. [One file](../../operant/algorithms/value/dqn.py) has the loss; on
# the command line it is `operant train dqn CartPole-v1 --double --dueling mean --n-step 3 --priority`.

# %%
shared = {
    "preset": None,
    "num_envs": 4,
    "train_freq": 1,
    "batch_size": BATCH,
    "learning_rate": LEARNING_RATE,
    "learning_starts": 4 * WARM_UP,
    "buffer_size": STEPS,
    "target_update_interval": 400,
    "exploration_fraction": 1 / 3,
    "max_grad_norm": None,
    "seeds": SEEDS,
}
variants = {
    "DQN": {},
    "double, dueling, 3 steps, priorities": {
        "double": True,
        "dueling": "mean",
        "n_step": 3,
        "priority": True,
    },
}
curves = {}
for name, values in variants.items():
    agent = operant.DQN("CartPole-v1", **shared, **values)
    agent.learn(STEPS, progress_bar=False, log_interval=max(STEPS // 40, 4))
    curves[name] = series(agent.history)
    print(f"{name}: {agent.evaluate(20)}")
learning_curve(curves, title="The same with operant's DQN, CartPole-v1")

# %% [markdown]
# ## Exercises
#
# 1. Combine double with distributional: choose `best` by θ in `categorical_loss`. *Expect* a change of one word.
# 2. Leave out `stop_gradient` in `dqn_loss`, with `target_every=1`. *Expect* that Q does not run away any more, and
#    that it is learnt slowly: δ can now be made small by making the next state worth less, too.
# 3. Let the targets of truncated episodes be like those of terminated ones (`answer.terminated | answer.truncated`).
#    *Expect* it to hurt only once episodes reach 500 steps, and the believed Q to fall then.
# 4. Try `n_step=10`. *Expect* faster learning at first. Which rewards in the sum were not those of the present
#    policy?
# 5. Set ε to 0 from the beginning. *Expect* some seeds to learn all the same: why is CartPole so kind?
