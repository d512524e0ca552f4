"""A whole algorithm in one file: REINFORCE (Williams 1992, doi:10.1007/BF00992696).

Whole episodes are played, and every action's log-probability is pushed by the return that followed it:

    L(θ) = −E[ Σ_t Ĝ_t log π(a_t|s_t) ],   G_t = Σ_{k≥t} γ^{k−t} r_k,   Ĝ: standardised over the batch

    python examples/reinforce.py
"""

from __future__ import annotations

import equinox as eqx
import jax
import optax

from operant import Agent, Algorithm, Network
from operant.algorithms.base import static
from operant.distributions import draw, parameters
from operant.networks import ActorCritic
from operant.ops.returns import discounted_returns, standardize, weighted_mean
from operant.types import Episodes


class ReinforceState(eqx.Module):
    """Everything REINFORCE learns."""

    network: ActorCritic
    optimizer: optax.OptState


class Reinforce(Algorithm):
    """REINFORCE, for every action space."""

    learning_rate: float = 0.003
    """Step size of Adam. A number is traced: changing it compiles nothing anew."""
    gamma: float = 0.99
    """Discount factor γ."""
    count: int = static(8)
    """Episodes in a batch. A size is static."""
    max_steps: int = static(500)
    """Where an episode is cut at the latest."""
    network: Network = static(Network(hidden_sizes=(32,)))

    @property
    def experience(self) -> Episodes:
        return Episodes(self.count, self.max_steps)

    def check(self, spec):
        parameters(spec.action_space)  # refuses an action space without a policy head

    def init(self, spec, key):
        network = ActorCritic.build(self.network, spec, key)
        return ReinforceState(network, optax.adam(self.learning_rate).init(network))

    def initial_carry(self, state, num_envs):
        return state.network.initial_carry(num_envs)

    def draw(self, spec, key):
        return draw(spec.action_space, key, (spec.num_envs,))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        policy, carry = state.network.policy(observation, action_mask, carry)
        return policy.sample(noise) if explore else policy.mode(), carry

    def update(self, state, batch, key, clock):
        loss, gradient = jax.value_and_grad(self.loss)(state.network, batch)
        updates, optimizer = optax.adam(self.learning_rate).update(gradient, state.optimizer)
        return ReinforceState(optax.apply_updates(state.network, updates), optimizer), {"train/loss": loss}

    def loss(self, network, batch):
        """L(θ) over episodes `[max_steps, count]`; `batch.weight` is 0 behind each one's end."""
        step = batch.transition
        returns = discounted_returns(step.reward * batch.weight, step.done, self.gamma)
        policy, _ = network.unroll(step.observation, step.action_mask, batch.carry, step.done)
        return -weighted_mean(policy.log_prob(step.action) * standardize(returns, batch.weight), batch.weight)


def main(total_timesteps: int = 100_000, progress_bar: bool = True) -> Agent:
    """Train it on CartPole: on the device, because it says what it learns from and nothing more."""
    agent = Agent(Reinforce(), "CartPole-v1", num_envs=8)
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print(agent.evaluate(20))
    return agent


if __name__ == "__main__":
    main()
