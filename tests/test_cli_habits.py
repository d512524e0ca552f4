"""What people type who come from other libraries is understood, or answered in one line."""

from __future__ import annotations

import pytest

from operant import catalogue
from operant.cli import habits, main
from operant.cli.asked import read
from operant.cli.errors import WrongInput


def asked(line: str):
    name, *rest = habits.algorithm_first(line.split())
    return read(habits.algorithm(name), rest)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("PPO", "ppo"),
        ("Ppo", "ppo"),
        ("DQN", "dqn"),
        ("QRDQN", "qr-dqn"),
        ("qr_dqn", "qr-dqn"),
        ("QLearning", "q-learning"),
        ("q_learning", "q-learning"),
        ("ExpectedSARSA", "expected-sarsa"),
        ("MonteCarlo", "monte-carlo"),
    ],
)
def test_algorithms_in_any_spelling(typed, meant):
    assert habits.algorithm(typed) == meant


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("DoubleDQN", "operant train dqn ENVIRONMENT --double`"),
        ("MaskablePPO", "operant train ppo ENVIRONMENT`"),
        ("RecurrentPPO", "--network.memory lstm"),
        ("Dreamer", "sac, td3 and ppo take continuous actions"),
        ("nonsense", "There are: "),
    ],
)
def test_other_names_are_answered(typed, answer):
    with pytest.raises(WrongInput) as error:
        habits.algorithm(typed)
    assert answer in str(error.value)


@pytest.mark.parametrize(
    "line",
    [
        "ppo CartPole-v1 --total-timesteps 5000 --learning-rate 0.01 --num-envs 2",
        "ppo CartPole-v1 --total_timesteps 5000 --learning_rate=0.01 --num_envs 2",
        "PPO CartPole-v1 -n 5000 --lr 0.01 --n-envs 2",
        "--algo ppo --env CartPole-v1 --timesteps=5000 --lr=0.01 --n_envs=2",
        "--env=CartPole-v1 --algo=PPO --n-timesteps 5000 -params learning_rate:0.01 num_envs:2",
    ],
)
def test_flags_of_other_libraries_that_mean_the_same(line):
    found = asked(line)
    training = found.training
    assert (found.algorithm, training.environment) == ("ppo", "CartPole-v1")
    assert (training.total_timesteps, training.num_envs) == (5000, 2)
    assert float(found.hyperparameters["learning_rate"]) == 0.01


def test_more_flags_that_mean_the_same():
    found = asked("dqn CartPole-v1 --eval-freq 500 --n-eval-episodes 3 --save-freq 100 -P --net-arch 8 8")
    training = found.training
    assert (training.evaluate_every, training.evaluation_episodes, training.checkpoint_every) == (500, 3, 100)
    assert found.hyperparameters["network"]["hidden_sizes"] == (8, 8)


@pytest.mark.parametrize(
    ("flag", "answer"),
    [
        ("--tensorboard-log logs", "--run-dir"),
        ("--device cuda", "operant info"),
        ("--verbose 1", "--no-progress"),
        ("--policy MlpPolicy", "--network.hidden-sizes"),
        ("--policy-kwargs x", "--network.hidden-sizes"),
        ("--conf-file x.yml", "--preset FILE"),
        ("--vec-env subproc", "--vectorization"),
    ],
)
def test_other_flags_are_answered_in_one_line(flag, answer, capsys):
    assert main(f"train ppo CartPole-v1 {flag}".split()) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"operant: {flag.split()[0]}: ")
    assert answer in error


def test_a_flag_of_the_algorithm_goes_before_a_habit():
    found = asked("cem VacuumRobot --policy constant --max-steps 8 --preset none")
    assert found.hyperparameters["policy"] == "constant"
    assert found.hyperparameters["max_steps"] == 8


def test_habits_lead_to_flags_that_there_are():
    from operant.cli.flags import fields_of
    from operant.cli.training import Training

    flags = {field.name for field in fields_of(Training, documented=False)}
    for name in catalogue.algorithms():
        flags |= {field.name for field in catalogue.hyperparameters(name)}
    nested = {f"network.{field.name}" for field in catalogue.network()}
    assert set(habits.SAME.values()) <= flags | nested
    assert {what for what, _ in habits.ALGORITHMS.values()} <= set(catalogue.algorithms())


def test_a_flag_of_an_earlier_version_is_answered_with_its_new_name(capsys):
    for typed in (["--beside-random"], ["--beside-random=True"]):
        assert main(["record", "random", "CartPole-v1", "--output", "film.mp4", *typed]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "--beside-random is called --with-random now." in error
