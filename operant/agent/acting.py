"""How an agent acts and what it thinks of an observation, in the environment's own terms.

Observations, masks and actions are what `env.step` gives and takes: with the space's starts, axes and types. Everything
inside operant counts from 0 and works on batches; `Border` stands between.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal

import gymnasium as gym
import jax
import numpy as np

from operant import habits, spaces
from operant.agent import inputs, thoughts
from operant.agent.core import Core
from operant.agent.learned import Learned
from operant.agent.player import BatchPolicy, Player
from operant.agent.saliency import saliency
from operant.agent.thoughts import ActionDistribution
from operant.engine.policy import Policy
from operant.envs.source import Source
from operant.studio.estimates import Estimates
from operant.types import PyTree


class Acting(Learned, Player):
    """What somebody who has learnt does with an observation."""

    def _hold(self, core: Core) -> None:
        """Take this core, before anything else is done."""
        self._core = core
        self._policies: dict[tuple[bool, int], Policy] = {}  # the last few, by (deterministic, seed)
        self._predictions = itertools.count()  # each call of `predict` that samples has randomness of its own

    def predict(
        self, observation: PyTree, deterministic: bool = True, action_mask: PyTree = None, **habit: Any
    ) -> Any:
        """The action for one observation, or the actions `[M, …]` for a batch of them, as `env.step` takes them.

        Alone, not in a pair: `action = agent.predict(observation)`. What is sampled derives from the agent's seed: in
        another process the same calls give the same actions.

        Args:
            deterministic: Whether to take the best known action instead of sampling one.
            action_mask: Which actions are possible, `[n]` or `[M, n]`.

        Raises ValueError for an observation that is not of the space, a mask of another length, a policy with memory
        (see `actor`), and several learners (choose one: `agent[i]` or `agent.best()`).
        """
        if habit:
            action_mask = habits.mask(habit, action_mask, self.predict)
        policy = self.policy(deterministic, self.seed)
        if policy.remembers:
            raise ValueError(
                "This policy remembers: use `act = agent.actor()`, and `act.reset()` between episodes."
            )
        observation, batched = self._seen(observation)
        fresh = np.ones(len(jax.tree.leaves(observation)[0]), bool)
        mask = self.border.action_mask_in(action_mask, len(fresh), batched)
        action, _ = policy(observation, mask, None, fresh, next(self._predictions))
        return self.border.action_out(action, batched)

    def action_probabilities(self, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
        """How likely each choice is at one observation, `[n]`, or a batch of them, `[M, n]`, as an episode's first.

        Raises ValueError where actions are not Discrete.
        """
        space = self.spec.action_space
        if not isinstance(space, spaces.Discrete):
            raise ValueError(
                f"Only Discrete actions have probabilities; those of {self.spec.id} are {spaces.describe(space)}. "
                "agent.distribution(observation) says how likely others are."
            )
        return self._asked(Policy.probabilities, observation, action_mask)

    def value(self, observation: PyTree) -> np.ndarray:
        """V(s), the discounted return that is expected of one observation, `[]`, or of a batch, `[M]`.

        In units of the rewards that are learnt from: of scaled ones with `normalize_rewards`. With a memory, as an
        episode's first observation.

        Raises ValueError for an algorithm that learns no value function.
        """
        return self._asked(thoughts.value, observation)

    def q_values(self, observation: PyTree) -> np.ndarray:
        """Q(s, ·), the discounted return expected of each action: `[A]`, or `[M, A]` for a batch; units as of `value`.

        Raises ValueError for an algorithm that learns no Q-values.
        """
        return self._asked(thoughts.q_values, observation)

    def saliency(
        self,
        observation: PyTree,
        method: Literal["gradient", "occlusion"] = "gradient",
        of: Literal["policy", "value"] = "policy",
    ) -> np.ndarray:
        """How much each pixel of one image matters to the policy, `[rows, columns]`, at least 0.

        Args:
            method: gradient: the largest slope over a pixel's channels, of the log-probability or the Q-value of the
                best action (Simonyan et al. 2014). occlusion: by how much all of them change where the image is blurred
                around the pixel (Greydanus et al. 2018).
            of: policy, or value: of what it expects to be paid.

        With a memory, as an episode's first observation. Raises ValueError for what is no image, for a batch, and where
        nothing of the kind is learnt.
        """
        policy = self.policy()
        seen, batched = self._seen(observation)
        if batched:
            raise ValueError("Saliency is of one observation; this is a batch of them.")
        return saliency(policy, seen[0], method, of)

    def distribution(self, observation: PyTree, action_mask: PyTree = None) -> ActionDistribution:
        """The policy at one observation or a batch: its mode, samples, log-probabilities and entropy.

        Raises ValueError for an algorithm without a stochastic policy.
        """
        observation, batched = self._seen(observation)
        mask = self.border.action_mask_in(action_mask, len(jax.tree.leaves(observation)[0]), batched)
        policy = thoughts.distribution(self.policy(), observation, mask)
        return ActionDistribution(policy, self.border, self.spec.action_space, batched, self.seed)

    def require_estimates(self) -> None:
        if not thoughts.has_estimates(self.policy()):
            raise ValueError(
                f"{self.algorithm.name} on {self.spec.id} has neither values nor probabilities of Discrete actions, "
                "which could be drawn next to a film."
            )

    def _estimates(self, observation: PyTree, action_mask: PyTree, carry: PyTree) -> Estimates:
        return thoughts.estimates(self.policy(), observation, action_mask, carry)

    @property
    def policy(self) -> Policies:
        """`policy(deterministic, seed)` is the policy over batches, as `evaluate` uses it: in operant's own terms."""
        return Policies(self)

    @property
    def remembers(self) -> bool:
        """Whether the policy has a memory."""
        carry = jax.eval_shape(lambda state: self.algorithm.initial_carry(state, 1), self.state)
        return bool(jax.tree.leaves(carry))

    def current_policy(self, deterministic: bool, seed: int) -> BatchPolicy:
        """The policy over batches, of what has been learnt by the time that it acts."""
        self.policy(deterministic, seed)  # where there is none, it is said now
        return lambda *arguments: self.policy(deterministic, seed)(*arguments)

    def make_env(self, source: Source, render_mode: str | None = None) -> gym.Env:
        """One environment to play, of a source of the same spaces; with the statistics of training, if it has some."""
        return self._core.make_env(source, render_mode)

    def _seen(self, observation: PyTree) -> tuple[PyTree, bool]:
        """`(observations [M, …] in operant's own terms, whether they were a batch)`."""
        try:
            return self.border.observation_in(observation)
        except ValueError as error:
            raise ValueError(f"{self.spec.id}: {error}") from None

    def _asked(
        self, question: Callable[..., np.ndarray], observation: PyTree, action_mask: PyTree = None
    ) -> np.ndarray:
        policy = self.policy()
        observation, batched = self._seen(observation)
        mask = self.border.action_mask_in(action_mask, len(jax.tree.leaves(observation)[0]), batched)
        answer = np.asarray(question(policy, observation, mask))
        return answer if batched else answer[0]


class Policies:
    """An agent's policies over batches. Each is put together once, and again when something has been learnt."""

    def __init__(self, agent: Acting) -> None:
        self._agent = agent

    def __call__(self, deterministic: bool = True, seed: int = 0) -> Policy:
        """The policy that takes the best known action, or one that samples, reproducibly by `seed`."""
        agent, seed = self._agent, inputs.seed_of(seed)
        inputs.require_one_learner(agent.seeds)
        state, asked = agent.state, (deterministic, seed)
        known = agent._policies.get(asked)
        if known is None or known.state is not state or known.algorithm is not agent.algorithm:
            known = Policy(agent.algorithm, state, agent.spec, explore=not deterministic, seed=seed)
            current = [item for item in agent._policies.items() if item[1].state is state]
            agent._policies = {**dict(current[-3:]), asked: known}
        return known

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(habits.of_policy(name))
