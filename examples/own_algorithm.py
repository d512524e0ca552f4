"""An algorithm of your own, whole in one file: reward-weighted regression (Peters & Schaal 2007, ICML).

Whole episodes are played, and the policy is fitted to what it did itself; the higher the return that followed an
action, the more the action counts:

    L(θ) = −E[ w log π(a|s) ] / E[ w ],   w = exp(Ĝ / τ),   G_t = Σ_{k≥t} γ^{k−t} r_k,   Ĝ: standardised over the batch

    python examples/own_algorithm.py
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.authoring import (
    ActorCritic,
    Agent,
    Algorithm,
    Episodes,
    Network,
    UserModule,
    check_algorithm,
    distributions,
    network_field,
    returns,
    static,
)


class RewardWeightedState(eqx.Module):
    """Everything that is learnt."""

    network: ActorCritic
    optimizer: optax.OptState


class RewardWeighted(Algorithm):
    """Reward-weighted regression, for every action space, with masks and memory."""

    learning_rate: float = 0.01
    """Step size of Adam. A number is traced: changing it recompiles nothing."""
    gamma: float = 0.95
    """Discount factor γ."""
    temperature: float = 0.3
    """τ: the lower, the more the best actions count."""
    n_episodes: int = static(16)
    """Episodes in a batch. A size is static."""
    max_steps: int = static(500)
    """After how many steps an episode is cut off."""
    network: Network | UserModule = network_field(Network(hidden_sizes=(32,)))
    """A Network, a dict of its values, or any Equinox module that maps an observation to features."""

    @property
    def experience(self):
        return Episodes(self.n_episodes, self.max_steps)

    def check(self, spec):
        distributions.parameters(spec.action_space)  # refuses an action space without a policy head

    def init(self, spec, key):
        network = ActorCritic.build(self.network, spec, key, critic=False)
        return RewardWeightedState(network, optax.adam(self.learning_rate).init(network))

    def initial_carry(self, state, num_envs):
        return state.network.initial_carry(num_envs)

    def sample_noise(self, spec, key):
        return distributions.sample_noise(spec.action_space, key, (spec.num_envs,))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        policy, carry = state.network.policy(observation, action_mask, carry)
        return policy.sample(noise) if explore else policy.mode(), carry, ()

    def update(self, state, batch, key, clock):
        loss, gradient = jax.value_and_grad(self.loss)(state.network, batch)
        updates, optimizer = optax.adam(self.learning_rate).update(gradient, state.optimizer)
        network = optax.apply_updates(state.network, updates)
        return RewardWeightedState(network, optimizer), {"train/loss": loss}

    def loss(self, network, batch):
        """L(θ) over episodes `[max_steps, n_episodes]`; `batch.weight` is 0 after each one's end."""
        step = batch.transition
        worth = returns.discounted_returns(step.reward, step.done, self.gamma, step.discount)
        worth = jnp.exp(returns.standardize(worth, batch.weight) / self.temperature)
        policy, _ = network.unroll(step.observation, step.action_mask, batch.carry, step.done)
        return -returns.weighted_mean(policy.log_prob(step.action), batch.weight * worth)


def main(total_timesteps: int = 100_000, progress_bar: bool = True) -> Agent:
    """Train it on CartPole: on the device, because it says what it learns from and nothing more."""
    agent = Agent(RewardWeighted(), "CartPole-v1", num_envs=8)
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print(agent.evaluate(20))
    return agent


if __name__ == "__main__":
    print(
        check_algorithm(RewardWeighted(n_episodes=4, max_steps=20))
    )  # what is wrong with it, in plain words
    main()
