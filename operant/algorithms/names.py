"""The list of algorithms: what each is called, and where it is. Everything else that names them is derived from it.

Nothing is imported to know the names: an algorithm is imported when it is first asked for.
"""

from __future__ import annotations

from operant.algorithms.configurations import CONFIGURATIONS

PLACES = {
    "q-learning": "operant.algorithms.tabular.q_learning:QLearning",
    "double-q-learning": "operant.algorithms.tabular.double_q_learning:DoubleQLearning",
    "sarsa": "operant.algorithms.tabular.sarsa:SARSA",
    "expected-sarsa": "operant.algorithms.tabular.expected_sarsa:ExpectedSARSA",
    "sarsa-lambda": "operant.algorithms.tabular.sarsa_lambda:SARSALambda",
    "dyna-q": "operant.algorithms.tabular.dyna_q:DynaQ",
    "linear-q": "operant.algorithms.tabular.linear:LinearQ",
    "td": "operant.algorithms.tabular.td:TD",
    "monte-carlo": "operant.algorithms.tabular.monte_carlo:MonteCarlo",
    "grid-search": "operant.algorithms.search.grid_search:GridSearch",
    "random-search": "operant.algorithms.search.random_search:RandomSearch",
    "genetic": "operant.algorithms.search.genetic:GeneticAlgorithm",
    "cem": "operant.algorithms.search.cem:CEM",
    "evolution-strategies": "operant.algorithms.search.evolution_strategies:EvolutionStrategies",
    "ars": "operant.algorithms.search.ars:ARS",
    "reinforce": "operant.algorithms.policy_gradient.reinforce:REINFORCE",
    "a2c": "operant.algorithms.policy_gradient.a2c:A2C",
    "impala": "operant.algorithms.policy_gradient.impala:IMPALA",
    "trpo": "operant.algorithms.policy_gradient.trpo:TRPO",
    "ppo": "operant.algorithms.policy_gradient.ppo:PPO",
    "grpo": "operant.algorithms.policy_gradient.grpo:GRPO",
    "dqn": "operant.algorithms.value.dqn:DQN",
    "pqn": "operant.algorithms.value.pqn:PQN",
    "td3": "operant.algorithms.actor_critic.td3:TD3",
    "sac": "operant.algorithms.actor_critic.sac:SAC",
    "crossq": "operant.algorithms.actor_critic.crossq:CrossQ",
    "bc": "operant.algorithms.imitation.bc:BC",
    "sft": "operant.algorithms.language.sft:SFT",
    "reward": "operant.algorithms.language.reward_model:RewardModel",
    "dpo": "operant.algorithms.language.dpo:DPO",
    "kto": "operant.algorithms.language.kto:KTO",
    "random": "operant.algorithms.random:Random",
}
PLACES |= {name: PLACES[known.of] for name, known in CONFIGURATIONS.items()}
"""Each algorithm's class, as `module:class`, under the name that it has on the command line and in files."""


def _constructor(name: str) -> str:
    if name in CONFIGURATIONS:  # not the class's: several have one
        return "".join(filter(str.isalnum, CONFIGURATIONS[name].title))
    return PLACES[name].partition(":")[2]


CONSTRUCTORS = {_constructor(name): name for name in PLACES}
"""What each is called in Python, as in `operant.PPO`: the name of its class, or of its configuration."""
