"""One measurement of RLlib's IMPALA or APPO in a process, like `benchmarks.measure_workers`."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import ray
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

from benchmarks.common import sit

ROLLOUT, ENVIRONMENTS = 64, 8  # as in measure_workers
LEARNT = "num_env_steps_trained_lifetime"


def main() -> None:
    argument = json.loads(sys.argv[1])
    ray.init(include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    config: Any = {"impala": IMPALAConfig, "appo": APPOConfig}[argument["algorithm"]]()
    config = (
        config.environment("CartPole-v1")
        .env_runners(
            num_env_runners=argument["workers"],
            num_envs_per_env_runner=ENVIRONMENTS,
            rollout_fragment_length=ROLLOUT,
            num_cpus_per_env_runner=0.5,  # Ray lets nobody wait for a processor
        )
        .learners(num_learners=0)
        .training(lr=5e-4, train_batch_size_per_learner=ROLLOUT * ENVIRONMENTS)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64, 64], fcnet_activation="tanh"))
        .reporting(min_time_s_per_iteration=0.5)
    )
    learner = config.build_algo()
    trained = 0

    def learn() -> int:
        nonlocal trained
        before = trained
        while trained - before < argument["steps"]:
            found = learner.train().get("learners", {}).get("__all_modules__", {})
            trained = int(found.get(LEARNT, trained))
        return trained - before

    sit(learn, f"{argument['workers']} workers")
    learner.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
