"""Markov chains, Markov decision processes, and planning in them when the model is known.

Everything here is float64 NumPy and SciPy. Values are wanted to 1e-6 and better, which float32 does not hold, and a
sweep over a sparse model is one sparse product, which SciPy computes as fast as XLA on a processor, with nothing to
compile.
"""

from operant.mdp.chain import MarkovChain
from operant.mdp.model import MDP
from operant.mdp.planning import (
    NotConverged,
    evaluate_policy,
    policy_iteration,
    q_value_iteration,
    value_iteration,
)
from operant.mdp.solution import History, Solution

__all__ = [
    "MDP",
    "History",
    "MarkovChain",
    "NotConverged",
    "Solution",
    "evaluate_policy",
    "policy_iteration",
    "q_value_iteration",
    "value_iteration",
]
