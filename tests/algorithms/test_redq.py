"""REDQ: the values that make it of SAC."""

from __future__ import annotations

from operant.algorithms import registry
from operant.algorithms.actor_critic.sac import SAC


def test_redq_has_the_papers_values_and_its_name():
    redq = registry.build(SAC, registry.defaults("redq"))
    assert (redq.n_critics, redq.critic_subset, redq.gradient_steps) == (10, 2, 20)  # N, M, G of algorithm 1
    assert (redq.policy_delay, redq.policy_q) == (
        20,
        "mean",
    )  # lines 12 to 14: once a step, by the mean of all
    assert redq.name == "REDQ"
    assert registry.name_of(redq) == "redq"
    assert SAC(critic_subset=2).name == "SAC"
