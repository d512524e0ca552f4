"""The benchmarks of learning: what is kept, who passes, and what the reports say."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import ablation, hindsight, learning, policy_lag, studies
from operant import presets
from operant.agent import Agent
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.engine.evaluate import Evaluation
from operant.networks import Network
from operant.spaces import Box, Discrete
from operant.types import Clock, EnvSpec, Transition

MACHINE = {"processor": "a processor", "cores": 2, "system": "Linux", "load": 0.1}
VERSIONS = {"python": "3.11", "operant": "0.1.0"}


def study_of(name, **values):
    return {
        "name": name,
        "environment": "CartPole-v1",
        "date": "2000-01-01",
        "machine": MACHINE,
        "versions": VERSIONS,
        "seeds": list(range(1000, 1020)),
        "steps": 100_000,
        "means": [475.0] * 20,
        "iqm": 475.0,
        "interval": [474.95, 475.0],
        "threshold": 475,
        "train_seconds": 9.0,
        "picture": "curves.png",
        "evaluate_every": 10_000,
        "means_of_the_last_models": [475.0] * 15 + [100.0] * 5,
        "means_of_training": [200.0] * 20,
    } | values


@pytest.mark.parametrize(("above", "verdict"), [(19, "pass"), (18, "**fail**")])
def test_nineteen_of_twenty_seeds_must_learn(above, verdict):
    text = learning.report([study_of("PPO CartPole", means=[475.0] * above + [474.9] * (20 - above))])
    row = next(line for line in text.splitlines() if line.startswith("| PPO"))
    assert f"| {above} of 20 |" in row
    assert row.endswith(f"| {verdict} |")
    assert "15 of 20 reach the threshold" in text


def test_what_was_measured_before_is_kept_beside_what_is_measured_now(tmp_path, monkeypatch):
    chain = [
        studies.Study(name, "q-learning", "FrozenLake-v1", 0.0, preset="FrozenLake-v1", steps=2_000)
        for name in ("One", "Two")
    ]

    def report(measured):
        return " ".join(raw["name"] for raw in measured)

    for date, only in (("2000-01-01", "*"), ("2000-01-02", "two")):
        arguments = ["--seeds", "2", "--only", only, "--date", date, "--out", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["benchmark", *arguments])
        measured = studies.main("chain", chain, report, "", curves=True)
    assert [raw["date"] for raw in measured] == ["2000-01-01", "2000-01-02"]
    assert json.loads((tmp_path / "chain.json").read_text())["studies"] == measured
    assert (tmp_path / "chain.md").read_text() == "One Two"
    assert (tmp_path / measured[0]["picture"]).exists()
    about = studies.describe(measured)
    assert (about.count("2000-01-01"), about.count("2000-01-02"), about.count("python")) == (1, 1, 1)


def test_the_ablation_says_what_each_part_is_worth(tmp_path):
    arms = {"Rainbow": 400.0, "without noisy": 300.0}
    raws = [study_of(f"{arm} CartPole-v1", means_of_training=[mean] * 20) for arm, mean in arms.items()]
    text = ablation.report(raws)
    assert "| without noisy | 300.0 [300.0, 300.0] |" in text
    ablation.draw(raws, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ablation-cartpole-v1.png"]
    assert "(ablation-cartpole-v1.png)" in text
    assert "(ablation-acrobot-v1.png)" not in text  # not measured: neither a table nor a picture


def test_hindsight_is_judged_by_the_episodes_that_reach_their_goal():
    returns, reached = np.full(4, -50.0), np.array([True, True, True, False])
    evaluation = Evaluation("BitFlipping", returns, np.full(4, 15), 0, successes=reached)
    with_hindsight, without, *_ = hindsight.STUDIES
    assert with_hindsight.score(evaluation) == 0.75
    assert learning.STUDIES[0].score(evaluation) == -50.0
    assert (with_hindsight.environment, without.environment) == ("BitFlipping", "BitFlipping")
    assert presets.find("dqn", "BitFlipping", "auto")["hindsight"] == "future"
    assert without.values == {"hindsight": "none"}

    text = hindsight.report([study_of("DQN", means=[0.95] * 19 + [0.94], iqm=0.951, threshold=0.95)])
    assert "| DQN | 100,000 | 0.95 [474.95, 475.00] | 19 of 20 |" in text


@pytest.mark.parametrize("lag", [0, 2])
def test_what_is_not_corrected_counts_every_ratio_as_one(lag):
    algorithm = IMPALA(network=Network(hidden_sizes=(4,)), policy_lag=lag, gamma=0.9)
    plain = policy_lag.Uncorrected(network=algorithm.network, policy_lag=lag, gamma=0.9)
    spec = EnvSpec("any", Box(-1.0, 1.0, (2,)), Discrete(3), num_envs=4)
    network = algorithm.init(spec, jax.random.key(0)).network
    random = np.random.default_rng(0)
    seen, successor = random.normal(size=(2, 5, 4, 2)).astype(np.float32)
    action = random.integers(0, 3, (5, 4)).astype(np.int32)
    policy, _ = network.unroll(seen, None, (), np.zeros((5, 4), bool))
    step = Transition(
        observation=seen,
        action=action,
        reward=np.ones((5, 4), np.float32),
        terminated=np.zeros((5, 4), bool),
        truncated=np.zeros((5, 4), bool),
        next_observation=successor,
        extras=policy.log_prob(action) - 0.7 * lag,  # the policy that acted took each action less often
    )
    weight, clock = jnp.ones((5, 4)), Clock(jnp.zeros((), jnp.int32), jnp.ones((), jnp.int32))
    _, corrected = algorithm.loss(network, step, weight, (), clock)
    _, uncorrected = plain.loss(network, step, weight, (), clock)
    assert uncorrected["train/approx_kl"] == pytest.approx(0, abs=1e-6)
    uncut = IMPALA(network=algorithm.network, gamma=0.9, clip_rho=1e9, clip_c=1e9)
    _, full = uncut.loss(network, step, weight, (), clock)
    same = full["train/policy_loss"] == pytest.approx(float(uncorrected["train/policy_loss"]), rel=1e-5)
    assert same == (lag == 0)
    assert (corrected["train/approx_kl"] > 1e-3) == (lag > 0)


def test_the_report_of_policy_lag_has_a_cell_for_every_run():
    runs = [
        {
            "lag": lag,
            "correction": correction,
            "steps": 1000,
            "seeds": [1000, 1001],
            "training": [float(lag), float(lag) + 2],
            "at_the_end": [100.0, 100.0],
            "kl": 0.001,
            "date": "2000-01-01",
            "machine": {"processor": "one", "cores": 2, "system": "Linux"},
            "versions": VERSIONS,
        }
        for lag in policy_lag.LAGS
        for correction in policy_lag.CORRECTIONS
    ]
    text = policy_lag.report(runs[:-1])
    assert text.count("| 16 | 17 [16, 18] | 17 [16, 18] | 17 [16, 18] |") == 1
    assert text.count("| 64 | 65 [64, 66] | 65 [64, 66] | – |") == 1


def test_an_interrupted_long_study_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    values = {"num_envs": 2, "n_steps": 64, "batch_size": 64}
    study = studies.Study(
        "A long one", "ppo", "CartPole-v1", 0.0, values=values, steps=8_000, evaluate_every=2_000
    )
    place = tmp_path / "run"
    whole = studies.run(study, 2, 1, None)
    learn = Agent.learn

    def interrupted(self, *given, **named):
        def at_half(progress):
            if progress.step >= 4_000:
                raise KeyboardInterrupt

        return learn(self, *given, callback=at_half, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Agent, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            studies.run(study, 2, 1, None, place)
    with monkeypatch.context() as patch:
        patch.delattr(Agent, "learn")  # what goes on does not begin again
        resumed = studies.run(study, 2, 1, None, place)
    for name in ("means", "means_of_the_last_models", "evaluations", "config", "steps"):
        assert resumed[name] == whole[name]
    assert resumed["means_of_training"] == pytest.approx(whole["means_of_training"])
    assert resumed["train_seconds"] > 0
    # Another study of the same name begins afresh.
    other = studies.run(replace(study, values=values | {"gamma": 0.9}), 2, 1, None, place)
    assert other["config"]["hyperparameters"]["gamma"] == 0.9
