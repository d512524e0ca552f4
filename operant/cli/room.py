"""What training will hold in memory at once, compared with what there is, before anything is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.cli.errors import WrongInput

if TYPE_CHECKING:
    from operant.agent import Agent


def require(agent: Agent) -> None:
    """Raise ValueError or WrongInput, with the bytes needed and available, where learners and experience do not fit.

    Of an update's experience only observations are counted, which is less than it takes.
    """
    import jax

    from operant import spaces
    from operant.replay import size

    agent.learner.require_room()
    learners, plan = len(agent.seeds or (0,)), agent.algorithm.experience
    networks = size.nbytes(jax.eval_shape(agent.learner.initial_state))
    one = size.nbytes(jax.eval_shape(lambda: spaces.example(agent.spec.observation_space, (1,))))
    used_once = plan.replay is None and not plan.whole_episodes
    steps = plan.unroll_length if used_once else 1
    environments = plan.columns(agent.num_envs)
    experience = one * steps * environments * learners
    there = size.available(jax.devices())
    if there is None or networks + experience <= there:
        return
    what = f"{steps:,} steps of {environments:,} environments" + f" for {learners:,} learners" * (
        learners > 1
    )
    hint = "--n-steps, --num-envs" if used_once else "--num-envs"
    raise WrongInput(
        f"{what} need more than {networks + experience:,} bytes ({size.text(networks + experience)}); {there:,} are "
        f"available ({size.text(there)}). Lower {hint} or --seeds, or take a smaller network."
    )
