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
# # Your own algorithm
#
# In operant an algorithm is a small object of hyperparameters with a few functions that depend on nothing but their
# arguments. It has no loop: it says what experience it wants, and the engine collects it, on the device or through
# Gymnasium, for one seed or for fifty, keeps logs and checkpoints, and scores. This page writes an algorithm that the
# library does not have, checks it in two ways, trains it with many seeds, saves it, loads it, and resumes it.
#
# You should know what Q-learning and replay are ([DQN from scratch, and its parts](dqn_and_its_parts.ipynb)). The
# whole protocol is in [Architecture](../architecture.md); shorter examples of everything that can be your own are in
# [Your own](../your_own.md). This is a plain script that also runs as it stands, in a minute or two.

# %%
import os
import tempfile
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import operant
from operant.authoring import (
    Agent,
    Algorithm,
    Estimates,
    Network,
    QNetwork,
    Replay,
    Schedule,
    check_algorithm,
    exploration,
    network_field,
    probes,
    require,
    schedules,
    spaces,
    static,
)
from operant.cli import main as command_line
from operant.studio.curves import learning_curve, series

STEPS, SEEDS = int(os.environ.get("STEPS", "30000")), int(os.environ.get("SEEDS", "5"))

# %% [markdown]
# ## 1. The idea: soft Q-learning
#
# Q-learning learns what the *best* actions are worth, and has to explore by something else, such as ε. Soft
# Q-learning (Haarnoja et al. 2017) learns what a *random* policy is worth that prefers good actions, and is paid for
# staying random, as much as a temperature τ says. With values Q(s, a) this policy is a softmax, and the value of a
# state is a *soft maximum*:
#
#     π(a|s) = exp( (Q(s, a) − V(s)) / τ )
#     V(s) = τ log Σ_b exp( Q(s, b) / τ )
#     y = r + γ V(s′)            the target of Q(s, a); V(s′) counts 0 where the episode has terminated
#
# So there is no ε: where two actions are worth the same it tries both, and where one is much better it takes it. Two
# facts, as numbers: V is what the policy is paid on average, plus τ times its entropy; and with little τ it is the
# maximum.


# %%
def soft_value(q, temperature):
    """V `[…]` of Q `[…, A]`."""
    return temperature * jax.nn.logsumexp(q / temperature, axis=-1)  # τ log Σ_b exp( Q(s, b) / τ )


q = jnp.array([1.0, 2.0, 0.0])
for temperature in (1.0, 0.1, 0.01):
    value = soft_value(q, temperature)
    log_policy = (q - value) / temperature  # log π(a|s)
    entropy = -jnp.sum(jnp.exp(log_policy) * log_policy)
    print(f"τ = {temperature:<4}  V = {value:.3f}  π =", jnp.exp(log_policy).round(3))
    assert np.isclose(jnp.exp(log_policy).sum(), 1)
    assert np.isclose(value, jnp.exp(log_policy) @ q + temperature * entropy)

# %% [markdown]
# ## 2. The algorithm
#
# | part | what it is |
# |---|---|
# | fields | hyperparameters: a number is *traced*, a size is `static` |
# | `experience` | what it learns from, as a value: `Rollout`, `Episodes`, `Replay` or `Dataset` |
# | `check` | refuses environments that it cannot learn in, in a sentence |
# | `init` | everything that is learnt, before the first step: a pytree of arrays |
# | `sample_noise` | the randomness of one step, as data; `act` itself is deterministic |
# | `act` | actions for N observations |
# | `update` | what it learns from a batch |
# | `estimates` | optional: what it knows of a state, for pictures |
#
# A *traced* number may be changed, scheduled, or differ from seed to seed, and nothing is compiled anew. A *static*
# one is part of the compiled program. A *pytree* is any nest of objects, lists and dicts that holds arrays.
#
# The docstring below a field is its help, in Python and on the page of a site. The lines of `loss` are the equations
# above.


# %%
class SoftQState(eqx.Module):
    """Everything that is learnt."""

    network: QNetwork  # θ
    target: QNetwork  # θ⁻, which follows slowly
    optimizer: optax.OptState


class SoftQ(Algorithm):
    """Soft Q-learning, for Discrete actions, with masks."""

    learning_rate: float = 1e-3
    """Step size of Adam."""
    gamma: float = 0.99
    """Discount factor γ."""
    temperature: float | Schedule = 0.1
    """τ: how much a nat of the policy's entropy is paid at each step; a number or a schedule."""
    tau: float = 0.01
    """How far the target network moves towards the online one at each update."""
    buffer_size: int = static(50_000)
    """Transitions that replay remembers."""
    learning_starts: int = static(500)
    """Steps taken at random before learning starts."""
    batch_size: int = static(64)
    """Transitions in a minibatch."""
    network: Network = network_field(Network(hidden_sizes=(64, 64), activation="relu"))
    """The network: a Network, or a dict of its values."""

    def __check_init__(self):
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")

    @property
    def experience(self):
        return Replay(self.buffer_size, self.batch_size, learning_starts=self.learning_starts)

    def check(self, spec):
        if not isinstance(spec.action_space, spaces.Discrete):
            raise ValueError(f"SoftQ needs Discrete actions, which {spec.id} has not. Take operant.SAC.")

    def init(self, spec, key):
        network = QNetwork.build(self.network, spec, key)
        return SoftQState(
            network, jax.tree.map(jnp.copy, network), optax.adam(self.learning_rate).init(network)
        )

    def sample_noise(self, spec, key):
        return jax.random.gumbel(key, (spec.num_envs, spec.action_space.n))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        q = exploration.mask_scores(self.q_values(state.network, observation), action_mask)
        if explore:  # the largest of Q/τ + Gumbel noise is a sample of the softmax
            q = q / schedules.at(self.temperature, clock) + noise
        return jnp.argmax(q, axis=-1), carry, ()

    def update(self, state, batch, key, clock):
        temperature = schedules.at(self.temperature, clock)
        loss, gradient = jax.value_and_grad(self.loss)(state.network, state.target, batch, temperature)
        step, optimizer = optax.adam(self.learning_rate).update(gradient, state.optimizer)
        network = optax.apply_updates(state.network, step)
        target = optax.incremental_update(network, state.target, self.tau)  # θ⁻ + tau (θ − θ⁻)
        return SoftQState(network, target, optimizer), {
            "train/loss": loss,
            "train/temperature": temperature,
        }

    def loss(self, network, target, batch, temperature):
        """mean of (y − Q(s, a; θ))², y = r + γ V(s′; θ⁻), over a minibatch `[B]`."""
        step = batch.transition
        next_q = self.q_values(target, step.next_observation)
        next_value = soft_value(exploration.mask_scores(next_q, step.next_action_mask), temperature)  # V(s′)
        y = step.reward + self.gamma * jnp.where(step.terminated, 0.0, next_value)  # r + γ V(s′)
        taken = jnp.take_along_axis(self.q_values(network, step.observation), step.action[:, None], 1)[:, 0]
        return jnp.sum(batch.weight * (jax.lax.stop_gradient(y) - taken) ** 2) / jnp.sum(batch.weight)

    def estimates(self, state, observation, action_mask, carry):
        q = self.q_values(state.network, observation)
        return Estimates(value=exploration.best_value(q, action_mask), q_values=q), carry

    def q_values(self, network, observation):
        """Q `[N, A]`."""
        features, _ = network.features(observation, ())
        return network.head(features)[..., 0]


# %% [markdown]
# ## 3. Is it an algorithm at all?
#
# `check_algorithm` plays some hundred steps and says in plain words what is wrong: states that change their shape,
# masks that are not heeded, loops that learn different things, runs that cannot be saved. (Docstrings of fields are
# read from the source, which a notebook does not always give away: hence its advice, which a script does not get.)

# %%
small = {"learning_starts": 20, "batch_size": 8, "buffer_size": 100, "network": {"hidden_sizes": (8,)}}
report = check_algorithm(SoftQ(**small))
print(report)
assert report.ok


# %% [markdown]
# ## 4. Does it learn the right numbers?
#
# A wrong algorithm often learns, too, only worse. So it is tried where the right values can be computed by hand.
# `probes.TwoStates` has two states, A → B → B → B …, two actions that do the same, a reward of 1 at each step in B,
# and a time limit of three steps, which *truncates*. Both actions are worth the same, so the policy is paid τ log 2
# for its entropy at each step:
#
#     V(s) = Q(s) + τ log 2
#     Q(B) = 1 + γ V(B)   ⟹   Q(B) = (1 + γ τ log 2) / (1 − γ)
#     Q(A) = 0 + γ V(B)

# %%
gamma, temperature = 0.9, 0.5
expected_b = (1 + gamma * temperature * np.log(2)) / (1 - gamma)
expected_a = gamma * (expected_b + temperature * np.log(2))

probe = Agent(
    SoftQ(
        gamma=gamma, temperature=temperature, tau=0.1, learning_starts=50, learning_rate=3e-3,
        network={"hidden_sizes": (16,)},
    ),
    probes.TwoStates(),
)  # fmt: skip
probe.learn(4_000, progress_bar=False)
learnt_a, learnt_b = (probe.q_values(np.array(state)) for state in (0, 1))
print(f"Q(A): expected {expected_a:.2f}, learnt {learnt_a}")
print(f"Q(B): expected {expected_b:.2f}, learnt {learnt_b}")
assert np.allclose(learnt_a, expected_a, rtol=0.05)
assert np.allclose(learnt_b, expected_b, rtol=0.05)

# %% [markdown]
# Had the loss taken a time limit for the end (`step.terminated | step.truncated`), Q(B) would be far below, and
# nothing else would have looked wrong. Other probes ask for memory, for masks, for the right sign of an action ([Your
# own](../your_own.md)).
#
# ## 5. Many seeds, and a comparison
#
# `Agent(algorithm, environment)` has all that the library's agents have. The seeds train in one program, each with
# four environments side by side.

# %%
agent = Agent(SoftQ(), "CartPole-v1", num_envs=4, seeds=SEEDS)
agent.learn(STEPS, progress_bar=False)
score = agent.evaluate(20, with_random=True)
print(score)

dqn = operant.DQN(
    "CartPole-v1", preset=None, num_envs=4, seeds=SEEDS, learning_rate=1e-3, train_freq=1, batch_size=64,
    buffer_size=50_000, learning_starts=500, tau=0.01, target_update_interval=4,
)  # fmt: skip
dqn.learn(STEPS, progress_bar=False)
print(operant.compare(score, dqn.evaluate(20), names=("SoftQ", "DQN")))

# %%
learning_curve(
    {"SoftQ": series(agent.history), "DQN": series(dqn.history)},
    title="Soft Q-learning and DQN on CartPole-v1",
    reference={"random policy": score.random.mean},
)

# %% [markdown]
# ## 6. A number that changes while it learns
#
# `temperature` is declared as a number *or a schedule*, and is looked up with `schedules.at` at the moment of
# training that `clock` says. Here it falls, so that the policy becomes less and less random:

# %%
cooling = Agent(SoftQ(temperature=operant.Linear(1.0, 0.02)), "CartPole-v1", num_envs=4, seeds=SEEDS)
cooling.learn(STEPS, progress_bar=False)
rows = [cooling.history[0], cooling.history[-1]]
print(
    "temperature in the first and the last row of the log:",
    [np.mean(row["train/temperature"]).round(3) for row in rows],
)
print(operant.compare(cooling.evaluate(20), score, names=("cooling", "τ = 0.1")))

# %% [markdown]
# ## 7. Saved, loaded, resumed
#
# Nothing that a file names is ever imported. So whoever loads your model says what `SoftQ` is, `algorithm=SoftQ`, and
# the file says the rest. A run that is stopped and resumed ends, to the last bit, where it would have ended anyway;
# here one is stopped by a callback.

# %%
with tempfile.TemporaryDirectory() as folder:
    best = agent.best(score)
    best.save(Path(folder) / "soft_q.safetensors")
    loaded = operant.load(Path(folder) / "soft_q.safetensors", algorithm=SoftQ)
    observation = np.array([0.0, 0.1, 0.05, -0.1])
    print("saved and loaded:", best.q_values(observation), loaded.q_values(observation))
    assert np.array_equal(best.q_values(observation), loaded.q_values(observation))

    whole = Agent(SoftQ(**small), "CartPole-v1").learn(1_000, progress_bar=False)
    run = Path(folder) / "soft_q"
    part = Agent(SoftQ(**small), "CartPole-v1")
    part.learn(1_000, lambda progress: progress.step < 400, progress_bar=False, log_interval=200, run_dir=run)
    resumed = Agent.resume(run, algorithm=SoftQ, progress_bar=False)
    print("stopped at", part.step, "and resumed to", resumed.step)
    same = [
        np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (whole.state, resumed.state)), strict=True)
    ]
    print(
        "leaves of the state that are equal to those of a run that never stopped:", sum(same), "of", len(same)
    )

    print("\n$ operant info RUN")
    command_line(["info", str(run)])  # commands that look at runs know this one, too

# %% [markdown]
# ## 8. As a program of your own
#
# `operant train` trains what is on operant's own list. For yours, a script is a few lines more than the class, and
# what it leaves in `run_dir` is a run like any other: `operant plot`, `operant info` and `operant ui` show it, and
# `operant.load` reads it.
#
# ```python
# if __name__ == "__main__":
#     parser = argparse.ArgumentParser()
#     parser.add_argument("environment")
#     parser.add_argument("--steps", type=int, default=30_000)
#     parser.add_argument("--seeds", type=int, default=1)
#     parser.add_argument("--temperature", type=float, default=0.1)
#     given = parser.parse_args()
#     agent = Agent(SoftQ(temperature=given.temperature), given.environment, seeds=given.seeds)
#     agent.learn(given.steps, run_dir=f"runs/soft-q-{given.environment}")
#     print(agent.evaluate(100))
# ```
#
# ## Exercises
#
# 1. In `loss`, count truncation as termination, and run section 4 again. *Expect* Q(B) far below its value, and
#    `check_algorithm` to find nothing: it cannot know what you meant to learn.
# 2. Let one network choose and the other value, as in Double Q-learning: the policy of θ, the values of θ⁻. What
#    takes the place of the soft maximum? *Expect* V(s′) = Σ_a π(a|s′; θ) (Q(s′, a; θ⁻) − τ log π(a|s′; θ)).
# 3. Give `experience` an `n_step`, and change the target: `batch.rewards` and `batch.steps` are then what `reward`
#    and 1 were. *Expect* TwoStates to learn the same values. Which part of the soft return do the rewards on the way
#    lack?
# 4. Let `check` take MultiDiscrete actions as well. What would Q have to become?
# 5. Try it in an environment with masks, such as `Taxi-v4`. *Expect* it to work as it stands. Which two lines see to
#    that?
