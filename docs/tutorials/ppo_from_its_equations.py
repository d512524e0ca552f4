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
# # PPO from its equations
#
# Proximal policy optimisation (Schulman et al. 2017) is what most people try first, and its paper has nine equations.
# Here each of them stands above the line of code that computes it. The parts are tried one by one, then put together
# to the whole algorithm, and the loss is compared with operant's on the same batch, to the last digits.
#
# It goes on from [Policies and REINFORCE](policies_and_reinforce.ipynb): policies, returns, advantages and `jax.vmap`
# are explained there. This is a plain script that also runs as it stands, in a minute or two.

# %%
import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

import operant
from operant.authoring import Clock, Transition, returns
from operant.envs import base
from operant.envs.classic.cartpole import CartPole
from operant.studio.curves import learning_curve

STEPS, SEEDS = int(os.environ.get("STEPS", "60000")), int(os.environ.get("SEEDS", "5"))

# %% [markdown]
# ## 1. Learning more than once from the same steps
#
# REINFORCE plays some episodes, takes a single step along the gradient, and throws the episodes away. They have to
# go: the policy gradient is an average over what the *present* policy does, and after the step it is another policy.
#
# There is a way to average over what somebody else did. Three buttons pay 1, 2 and 4. The old policy π_old pressed
# them; we want to know what a new policy π would be paid. Each press of button a counts as often as the new policy
# would have pressed it for each time that the old one did. This is the *importance ratio*
#
#     ρ = π(a) / π_old(a)
#     E_new[ r(a) ] = Σ_a π(a) r(a) = Σ_a π_old(a) ρ r(a) = E_old[ ρ r(a) ]

# %%
REWARD = jnp.array([1.0, 2.0, 4.0])
old = jax.nn.log_softmax(jnp.array([1.0, 0.0, -1.0]))
presses = jax.random.categorical(jax.random.key(0), old, shape=(20_000,))

for name, new in (("near", jnp.array([0.8, 0.1, -0.6])), ("far", jnp.array([-4.0, -2.0, 2.0]))):
    new = jax.nn.log_softmax(new)
    ratio = jnp.exp(new[presses] - old[presses])  # ρ = π(a) / π_old(a), from logarithms
    estimate, exact = ratio * REWARD[presses], jnp.sum(jnp.exp(new) * REWARD)
    print(
        f"{name:>4}: exact {exact:.3f}, estimated {estimate.mean():.3f}, "
        f"deviation {estimate.std():.2f}, largest ratio {ratio.max():.1f}"
    )

# %% [markdown]
# Both estimates are right on average. But far from the old policy the deviation is many times as large: everything
# depends on the few presses of a button that the old policy hardly ever pressed. **One may learn again from old
# steps, as long as the new policy stays near the old one.** All of PPO is about the second half of this sentence.
#
# ## 2. The objective, and its clip
#
# With the ratio the policy gradient becomes an objective for several updates (equation 6; Â is the advantage, how
# much better an action was than usual):
#
#     L_CPI(θ) = E[ ρ Â ]
#
# Nothing in it holds the policy near the old one: where Â > 0, more is always better. PPO takes away the reason to go
# further once the ratio has left the range 1 − ε to 1 + ε (equation 7):
#
#     L_CLIP(θ) = E[ min( ρ Â, clip(ρ, 1 − ε, 1 + ε) Â ) ]
#
# Why the minimum? Without it the objective would be flat on both sides, also where an update has made things *worse*
# and should be undone. With it the objective is never above L_CPI, and is flat only where the policy has already gone
# far enough in the direction that pays.


# %%
def clipped_objective(ratio, advantage, epsilon=0.2):
    clipped = jnp.clip(ratio, 1 - epsilon, 1 + epsilon)  # clip(ρ, 1 − ε, 1 + ε)
    return jnp.minimum(ratio * advantage, clipped * advantage)  # min(ρ Â, … Â)


ratios = jnp.linspace(0.5, 1.5, 101)
figure, places = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True)
for axes, advantage in zip(places, (1.0, -1.0), strict=True):
    axes.plot(ratios, ratios * advantage, "--", color="grey", label="ρ Â")
    axes.plot(ratios, clipped_objective(ratios, advantage), label="with the clip")
    axes.set(xlabel="ratio ρ", title=f"advantage {advantage:+.0f}")
    axes.legend(frameon=False)
plt.show()

slope = jax.vmap(jax.grad(clipped_objective), in_axes=(0, None))
print("slopes at ρ = 0.5, 1 and 1.5, advantage +1:", slope(jnp.array([0.5, 1.0, 1.5]), 1.0))
print("slopes at ρ = 0.5, 1 and 1.5, advantage −1:", slope(jnp.array([0.5, 1.0, 1.5]), -1.0))

# %% [markdown]
# At ρ = 1, which is where every update begins, the slope is Â, and so the gradient is the policy gradient itself,
# since ∇ρ = ρ ∇ log π.
#
# ## 3. Advantages: how far to look ahead
#
# V(s) is what a second network expects to be paid from s on. The *temporal-difference error* says how much better one
# step went than expected:
#
#     δ_t = r_t + γ V(s_{t+1}) − V(s_t)
#
# It is an estimate of the advantage that has little noise, but believes the network. The return to the end of the
# episode, G_t − V(s_t), believes nobody, but is noisy. *Generalised advantage estimation* (equation 11; Schulman et
# al. 2016) is between the two: it adds up the errors of later steps, each counting γλ times as much as the one
# before:
#
#     Â_t = δ_t + γλ δ_{t+1} + (γλ)² δ_{t+2} + … = δ_t + γλ Â_{t+1}
#
# λ = 0 is the first estimate, λ = 1 the second. A rollout is a piece of the lives of several environments, so that
# episodes end and begin within it. There are two rules, and most wrong implementations are wrong here:
#
# - *terminated* (the pole fell): nothing follows. V(s_{t+1}) counts as 0.
# - *truncated* (a time limit): something would have followed. V(s_{t+1}) counts.
# - After both the next row belongs to another episode, so the sum of errors ends: Â_{t+1} counts as 0.


# %%
def advantages_of(reward, value, next_value, terminated, truncated, gamma, lambda_):
    """Â for each step of one environment, `[T]`."""
    delta = reward + gamma * jnp.where(terminated, 0.0, next_value) - value  # δ_t
    done = terminated | truncated

    def backward(following, row):
        delta_t, done_t = row
        advantage = delta_t + gamma * lambda_ * jnp.where(done_t, 0.0, following)  # δ_t + γλ Â_{t+1}
        return advantage, advantage

    return jax.lax.scan(backward, 0.0, (delta, done), reverse=True)[1]


rng = np.random.default_rng(0)
reward, value, next_value = jnp.asarray(rng.normal(size=(3, 8)), jnp.float32)
ends = np.zeros((2, 8), bool)
ends[0, 2] = ends[1, 5] = True  # a pole falls at the third step, a time limit comes at the sixth
terminated, truncated = jnp.asarray(ends)

for lambda_ in (0.0, 0.95, 1.0):
    ours = advantages_of(reward, value, next_value, terminated, truncated, 0.99, lambda_)
    theirs = returns.generalized_advantages(
        reward, value, next_value, terminated, terminated | truncated, 0.99, lambda_
    )
    print(f"λ = {lambda_:<4}", np.round(np.asarray(ours), 2))
    assert np.allclose(ours, theirs, atol=1e-6)

# %% [markdown]
# ## 4. Everything in one loss
#
# Two terms are added (equation 9): the value network learns to expect what the advantages say, V̂ = Â + V_old(s), and
# the *entropy* H of the policy, which is large where it is undecided, may be paid for a little so that it does not
# decide too early. What is minimised is
#
#     −L(θ) = −E[ min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â) ] + c₁ E[ (V(s) − V̂)² ] − c₂ E[ H(π(·|s)) ]
#     H(π) = −Σ_a π(a) log π(a)
#
# Advantages are shifted and scaled to mean 0 and deviation 1 first. The paper does not say so; everybody does it.


# %%
class Settings(NamedTuple):
    """Hyperparameters, by the names that operant and Stable-Baselines3 give them."""

    learning_rate: float = 1e-3
    num_envs: int = 8
    n_steps: int = 32
    batch_size: int = 64
    n_epochs: int = 10
    gamma: float = 0.98
    gae_lambda: float = 0.8
    clip_range: float = 0.2
    ent_coef: float = 0.01
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5


def init_network(key, outputs, last):
    """Parameters of a network with two hidden layers, for the four numbers of CartPole."""
    sizes = (4, 32, 32, outputs)
    gains = (np.sqrt(2), np.sqrt(2), last)
    return [
        (gain * jax.nn.initializers.orthogonal()(key, (size_in, size_out)), jnp.zeros(size_out))
        for key, gain, size_in, size_out in zip(
            jax.random.split(key, 3), gains, sizes[:-1], sizes[1:], strict=True
        )
    ]


def network(layers, state):
    *hidden, (weight, bias) = layers
    for hidden_weight, hidden_bias in hidden:
        state = jnp.tanh(state @ hidden_weight + hidden_bias)
    return state @ weight + bias


def init(key):
    key_policy, key_value = jax.random.split(key)
    return {"policy": init_network(key_policy, 2, last=0.01), "value": init_network(key_value, 1, last=1.0)}


def log_policy(parameters, state):
    return jax.nn.log_softmax(network(parameters["policy"], state))  # log π(·|s)


def value_of(parameters, state):
    return network(parameters["value"], state)[0]  # V(s)


def ppo_loss(parameters, batch, settings):
    """−L(θ) of a minibatch; each entry of it is `[B, …]`."""
    log_probs = jax.vmap(log_policy, in_axes=(None, 0))(parameters, batch["state"])  # [B, actions]
    values = jax.vmap(value_of, in_axes=(None, 0))(parameters, batch["state"])
    log_prob = jax.vmap(lambda row, action: row[action])(log_probs, batch["action"])

    ratio = jnp.exp(log_prob - batch["log_prob"])  # ρ = π(a|s) / π_old(a|s)
    advantage = batch["advantage"]
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    objective = clipped_objective(ratio, advantage, settings.clip_range)
    entropy = -jnp.sum(jnp.exp(log_probs) * log_probs, axis=1)  # H = −Σ_a π(a) log π(a)

    return (
        -objective.mean()  # −E[ min(ρ Â, clip(ρ, 1 − ε, 1 + ε) Â) ]
        + settings.vf_coef * jnp.mean((values - batch["target"]) ** 2)  # + c₁ E[ (V(s) − V̂)² ]
        - settings.ent_coef * entropy.mean()  # − c₂ E[ H(π(·|s)) ]
    )


# %% [markdown]
# ## 5. A rollout
#
# A *rollout* is `n_steps` steps of `num_envs` environments side by side. operant's `base.step` steps all of them and
# starts those again whose episode has ended. Its answer has two observations: `observation` is what to act on next,
# which opens a new episode where one has ended, and `next_observation` is what the action really led to. δ needs the
# second one.

# %%
environment = CartPole()  # 500 steps at most


def collect(parameters, environments, state, key, settings):
    """`n_steps` steps of all environments: each entry `[T, N, …]`; and where they stand now."""

    def step(carry, key):
        environments, state = carry
        key_action, key_noise = jax.random.split(key)
        log_probs = jax.vmap(log_policy, in_axes=(None, 0))(parameters, state)
        action = jax.random.categorical(key_action, log_probs)  # a ~ π(·|s)
        noise = base.sample_noise(environment, key_noise, settings.num_envs)
        elapsed = environments.elapsed
        environments, answer = base.step(environment, environments, action, noise)
        row = {
            "state": state,
            "action": action,
            "log_prob": jax.vmap(lambda row, action: row[action])(log_probs, action),  # log π_old(a|s)
            "next_state": answer.next_observation,
            "reward": answer.reward,
            "terminated": answer.terminated,
            "truncated": answer.truncated,
            "length": elapsed + 1,  # of the episode so far
        }
        return (environments, answer.observation), row

    (environments, state), rollout = jax.lax.scan(
        step, (environments, state), jax.random.split(key, settings.n_steps)
    )
    return rollout, environments, state


def with_advantages(parameters, rollout, settings):
    """The rollout with Â and V̂ by the network as it is now, which stay the same through all epochs."""
    values = jax.vmap(jax.vmap(value_of, in_axes=(None, 0)), in_axes=(None, 0))
    value = values(parameters, rollout["state"])  # [T, N]
    next_value = values(parameters, rollout["next_state"])
    advantage = jax.vmap(advantages_of, in_axes=(1, 1, 1, 1, 1, None, None), out_axes=1)(
        rollout["reward"], value, next_value, rollout["terminated"], rollout["truncated"],
        settings.gamma, settings.gae_lambda,
    )  # fmt: skip
    return rollout | {"advantage": advantage, "target": advantage + value}  # V̂ = Â + V_old(s)


def flat(rollout):
    """`[T, N, …]` as `[T·N, …]`: what is learnt from is a heap of steps."""
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), rollout)


# %% [markdown]
# ## 6. The same loss as operant's?
#
# [operant's PPO](../../operant/algorithms/policy_gradient/ppo.py) is one file, too, with masks, memory and every kind
# of action. It is given the same numbers in its network, and the same rollout. Then the loss of the whole rollout and
# its gradient must be the same as ours. So that the ratios are not all 1, the policy has moved a little since it
# acted.

# %%
settings = Settings()
agent = operant.PPO(
    environment, preset=None, **settings._asdict(), network={"hidden_sizes": (32, 32)}, seed=1
)
library, algorithm = agent.state.network, agent.algorithm


def ours_of(head):
    """The layers of one of the library's networks as our list of weights and biases."""
    return [(layer.weight, layer.bias) for layer in head.layers]


acted = {"policy": ours_of(library.policy_head), "value": ours_of(library.value_head)}
environments, state, _ = base.reset(environment, base.sample_noise(environment, jax.random.key(0), 8))
rollout, *_ = collect(acted, environments, state, jax.random.key(1), settings)
rollout = with_advantages(acted, rollout, settings)

transition = Transition(
    rollout["state"],
    rollout["action"],
    rollout["reward"],
    rollout["terminated"],
    rollout["truncated"],
    rollout["next_state"],
)
estimates = algorithm.estimate(library, transition, ())  # of the policy that acted
print("advantages differ by at most", jnp.abs(estimates.advantage - rollout["advantage"]).max())
assert np.allclose(estimates.advantage, rollout["advantage"], atol=1e-4)


def elsewhere(x):
    """Other weights, the same for equal ones."""
    return x + 0.2 * jax.random.normal(jax.random.key(x.size), x.shape)


moved, library_moved = jax.tree.map(elsewhere, (acted, library))
ours, our_gradient = jax.value_and_grad(ppo_loss)(moved, flat(rollout), settings)
(theirs, metrics), their_gradient = jax.value_and_grad(algorithm.loss, has_aux=True)(
    library_moved, transition, estimates, jnp.ones_like(rollout["reward"]), (), Clock.start()
)
print(f"loss: ours {ours:.6f}, operant's {theirs:.6f}; clipped: {metrics['train/clip_fraction']:.2f}")
assert np.allclose(ours, theirs, rtol=1e-5)
for name, head in (("policy", their_gradient.policy_head), ("value", their_gradient.value_head)):
    for (weight, bias), (their_weight, their_bias) in zip(our_gradient[name], ours_of(head), strict=True):
        assert np.allclose(weight, their_weight, rtol=1e-3, atol=1e-5)
        assert np.allclose(bias, their_bias, rtol=1e-3, atol=1e-5)

# %% [markdown]
# ## 7. The whole algorithm
#
# Again and again: collect a rollout; compute advantages; go through it `n_epochs` times, each time in a new order and
# in minibatches, with a step of Adam for each. Gradients longer than `max_grad_norm` are shortened to that.
#
# We log how far the policy has gone, as the *Kullback–Leibler divergence* between the old policy and the new one,
# which is 0 where they are the same. Its estimate from the ratios of the actions that were taken is (ρ − 1) − log ρ.


# %%
def train(settings, key):
    """`(mean length of episodes [iterations], divergence after each iteration [iterations])`."""
    optimizer = optax.chain(
        optax.clip_by_global_norm(settings.max_grad_norm), optax.adam(settings.learning_rate, eps=1e-5)
    )
    samples = settings.n_steps * settings.num_envs
    key_init, key_reset, key_iterations = jax.random.split(key, 3)

    def minibatch_step(learner, batch):
        parameters, optimizer_state = learner
        gradient = jax.grad(ppo_loss)(parameters, batch, settings)
        step, optimizer_state = optimizer.update(gradient, optimizer_state)
        return (optax.apply_updates(parameters, step), optimizer_state), None

    def iteration(carry, key):
        learner, environments, state, average = carry
        key_collect, key_order = jax.random.split(key)
        parameters, _ = learner
        rollout, environments, state = collect(parameters, environments, state, key_collect, settings)
        data = flat(with_advantages(parameters, rollout, settings))

        keys = jax.random.split(key_order, settings.n_epochs)
        order = jax.vmap(lambda key: jax.random.permutation(key, samples))(keys)  # [epochs, samples]
        batches = jax.tree.map(lambda x: x[order.reshape(-1, settings.batch_size)], data)
        learner, _ = jax.lax.scan(minibatch_step, learner, batches)

        log_probs = jax.vmap(log_policy, in_axes=(None, 0))(learner[0], data["state"])
        log_prob = jax.vmap(lambda row, action: row[action])(log_probs, data["action"])
        log_ratio = log_prob - data["log_prob"]
        divergence = jnp.mean(jnp.exp(log_ratio) - 1 - log_ratio)  # E[ (ρ − 1) − log ρ ]

        done = data["terminated"] | data["truncated"]
        length = jnp.sum(data["length"] * done) / jnp.maximum(done.sum(), 1)  # of the episodes that ended
        average = jnp.where(done.sum() > 0, average + 0.1 * (length - average), average)
        return (learner, environments, state, average), (average, divergence)

    parameters = init(key_init)
    environments, state, _ = base.reset(
        environment, base.sample_noise(environment, key_reset, settings.num_envs)
    )
    start = (
        (parameters, optimizer.init(parameters)),
        environments,
        state,
        jnp.float32(20),
    )  # about what chance reaches
    keys = jax.random.split(key_iterations, STEPS // samples)
    return jax.lax.scan(iteration, start, keys)[1]


def train_seeds(settings):
    keys = jax.random.split(jax.random.key(2), SEEDS)
    return jax.jit(jax.vmap(lambda key: train(settings, key)))(keys)


# %% [markdown]
# ## 8. What are the clip and the epochs for?
#
# Three trainings, the same but for one thing each. With a single epoch the old policy is the present one at first, and
# there is little to clip. With ten epochs and no clip nothing holds the policy near the old one.

# %%
variants = {
    "PPO": settings,
    "one epoch": settings._replace(n_epochs=1),
    "no clip": settings._replace(clip_range=1e6),
}
lengths, divergences = {}, {}
for name, variant in variants.items():
    length, divergence = train_seeds(variant)
    steps = 8 * 32 * np.arange(1, length.shape[1] + 1)
    lengths[name], divergences[name] = (steps, np.asarray(length)), (steps, np.asarray(divergence))
    print(
        f"{name:>9}: length of episodes at the end {length[:, -1].mean():6.1f}, "
        f"mean divergence of an iteration {divergence.mean():.4f}"
    )
learning_curve(lengths, title="Parts of PPO left out, CartPole-v1", y="length of episodes, moving average")

# %%
learning_curve(
    divergences, title="How far one iteration moves the policy", y="divergence from the old policy"
)

# %% [markdown]
# ## 9. operant's PPO
#
# The same hyperparameters, and everything around it: `operant train ppo CartPole-v1 --seeds 8` on the command line.

# %%
agent = operant.PPO(
    "CartPole-v1", preset=None, **settings._asdict(), network={"hidden_sizes": (32, 32)}, seeds=SEEDS
)
agent.learn(STEPS, progress_bar=False)
print(agent.evaluate(20))
agent.plot()

# %% [markdown]
# ## Exercises
#
# 1. Replace the minimum in `clipped_objective` by `clipped * advantage` alone. *Expect* the slope to be 0 on both
#    sides of the range for both signs. What happens to an action whose ratio has become 0.5 by accident although Â >
#    0?
# 2. Set `gae_lambda` to 0 and to 1. *Expect* λ = 0 to learn slowly at first, while V knows nothing, and λ = 1 to be
#    noisier.
# 3. Bootstrap from `answer.observation` instead of `next_observation` in `collect`. *Expect* nothing to fail and
#    hardly anything to be seen: values are wrong at the last steps of truncated episodes alone, and those come late.
#    operant has [environments for which every such mistake has a number of its own](../testing.md).
# 4. Compute `with_advantages` anew before every epoch with the newest parameters. *Expect* it to learn about as well
#    here. What has to be computed once all the same, and why? (Look for the word `old`.)
# 5. Print the fraction of samples with |ρ − 1| > ε after each epoch. *Expect* 0 for the first minibatch of the first
#    epoch, and more with every epoch.
