"""The help of `operant train` before an algorithm is named, without loading JAX."""

from __future__ import annotations

from collections.abc import Sequence

from operant import catalogue
from operant.cli.errors import WrongInput

USAGE = """\
usage: operant train ALGORITHM ENVIRONMENT [FLAGS]
       operant train --config FILE [FLAGS]
       operant train --from RUN|MODEL [FLAGS]

Train, score and show one algorithm in one environment, as in

    operant train ppo CartPole-v1 --learning-rate 1e-3

or all that a file says, an experiment in TOML or the config.json of a run:

    algorithm = "ppo"
    environment = "CartPole-v1"
    learning_rate = 1e-3
    [network]
    hidden_sizes = [32, 32]
    [several]                  # tables of their own are runs, which take the values above; so are [[runs]]
    seeds = 5

or what a run or a model file has learnt, which is then trained further, as a run of its own.

ALGORITHM    {algorithms}; see `operant algorithms`
ENVIRONMENT  any Gymnasium id; see `operant environments`
FLAGS        see `operant train ALGORITHM --help`, where every hyperparameter has one"""


def usage(arguments: Sequence[str]) -> str:
    """The help of `operant train` itself. Raises WrongInput if it was not asked for."""
    if not {"-h", "--help"} & set(arguments):
        first = f"{arguments[0]} is where the algorithm should be; " if arguments else ""
        raise WrongInput(
            f"{first}give an algorithm and an environment, as in `operant train ppo CartPole-v1`."
        )
    names = [name for name in catalogue.algorithms() if name != "random"]
    return USAGE.format(algorithms=", ".join(names))
