"""Each check fires on evidence of its trouble, and is silent just below its threshold; none fires on a healthy run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from operant import catalogue
from operant.cli.flags import fields_of
from operant.diagnosis.checks import CHECKS, look
from operant.diagnosis.evidence import Evidence, Layer, Networks, Repeats, Setup, Target
from operant.diagnosis.finding import Finding, by_weight
from operant.spaces import Box, Discrete
from tests.diagnosis.evidence import STEPS, box, chance, course, healthy, played, setup, varied, with_columns

NAMES = {check.__name__.replace("_", "-"): check for check in CHECKS}


def layers(dormant=0.1, rank=20.0, start=22.0):
    return Networks((Layer("policy", 1, 64, dormant, 0.1, rank, start),), None, 1e-3, 2.0)


def with_values(evidence: Evidence, values) -> Evidence:
    assert evidence.policy is not None
    return replace(evidence, policy=replace(evidence.policy, value=np.asarray(values, float)))


def scaled(factor: float, element: int = 1):
    """The random policy's play, with an element of its observations times a factor."""
    random = healthy().random
    assert random is not None
    assert random.observation is not None
    seen = random.observation.copy()
    seen[..., element] *= factor / np.sqrt(np.mean(seen[..., element] ** 2))
    return replace(random, observation=seen)


def paid(amount: float):
    """Plays in which each step is paid this amount."""
    one = np.full((57, 4), amount)
    return {
        name: varied(at, reward=one[: max(at) + 5], raw_reward=one[: max(at) + 5])
        for name, at in PLAYS.items()
    }


PLAYS = {"random": (37, 41, 43, 47), "policy": (47, 48, 51, 52)}
NOTHING = np.zeros((60, 4), bool)
LIMITED = {  # every episode ends at its 50th step
    name: played((50.0,) * 4, 50, reward=np.ones((50, 4))) for name in ("random", "policy")
}
SPLIT, TOGETHER = (10.0, 10.5, 9.5, 1.0, 1.5, 10.2), (10.0, 10.5, 9.5, 8.0, 9.0, 10.2)
LATE = np.zeros((50, 4))
LATE[-1] = 1.0
DROPPED, KEPT = (
    np.r_[np.linspace(1, 60, 12), np.full(8, 20.0)],
    np.r_[np.linspace(1, 60, 12), np.full(8, 45.0)],
)
REPLAY = {"buffer_size": 500, "batch_size": 64}
DRIFT = Repeats(True, False, rewards=((1.0, 1.0), (0.5, 0.5)), steps_between=300)
WIDE = setup(action_space=box(0.0, 1000.0))
TARGET = Networks((), Target(False, True, 0.7))


def with_batch(size):
    return healthy(setup=setup(hyperparameters={"batch_size": size}))


def with_gamma(gamma):
    """A reward at the fiftieth step, and nothing before."""
    late = {name: played((1.0,) * 4, 50, reward=LATE, raw_reward=LATE) for name in ("random", "policy")}
    return healthy(setup=setup(hyperparameters={"gamma": gamma}), **late)


def with_replay(size, **columns):
    found = healthy(setup=setup(algorithm="dqn", hyperparameters=REPLAY | {"buffer_size": size}))
    return with_columns(found, **columns)


def of_seeds(scores):
    found = healthy(setup=setup(seeds=len(scores)), scores=scores)
    return replace(
        found, course=course(len(scores), rollout_ep_rew_mean=np.tile(np.asarray(scores)[:, None], 20))
    )


def nan_from(row, name="train_loss"):
    values = np.full(20, 0.5)
    values[row:] = np.nan
    return with_columns(healthy(), **{name: values})


# What each check fires on, and what it is silent on: the same but for what matters.
CASES = {
    "environment-fault": (healthy(faults=("step() returns text.",)), healthy()),
    "not-finite": (
        healthy(random=replace(scaled(1.0), reward=np.full((36, 4), np.nan))),
        healthy(random=scaled(1.0)),
    ),
    "seed-leaks": (healthy(repeats=Repeats(False, False)), healthy(repeats=Repeats(True, True))),
    "reward-drifts": (healthy(repeats=DRIFT), healthy(repeats=Repeats(False, False))),
    "time-limit-terminates": (
        healthy(**LIMITED),
        healthy(
            **{n: replace(p, terminated=p.truncated, truncated=p.terminated) for n, p in LIMITED.items()}
        ),
    ),
    "episodes-never-end": (
        with_columns(healthy(), time_episodes=0.0),
        with_columns(healthy(), time_episodes=1.0),
    ),
    "evaluation-elsewhere": (healthy(scores=(120.0,)), healthy(scores=(45.0,))),
    "no-reward-seen": (
        replace(with_columns(healthy(**paid(0.0)), rollout_ep_rew_mean=0.0), repeats=None),
        replace(with_columns(healthy(**paid(1.0)), rollout_ep_rew_mean=0.0), repeats=None),
    ),
    "reward-scale": (healthy(**paid(31.0)), healthy(**paid(29.0))),
    "horizon-too-short": (with_gamma(0.86), with_gamma(0.88)),
    "observation-scale": (healthy(random=scaled(51.0)), healthy(random=scaled(49.0))),
    "constant-observation": (
        healthy(**{n: replace(p, observation=np.ones((*p.reward.shape, 2))) for n, p in LIMITED.items()}),
        healthy(),
    ),
    "actions-unreachable": (healthy(setup=WIDE, reach=0.25), healthy(setup=WIDE, reach=0.5)),
    "diverged": (nan_from(12), nan_from(20)),
    "learning-never-began": (with_columns(healthy(), train_n_updates=0.0), healthy()),
    "updates-too-large": (
        with_columns(healthy(), train_approx_kl=0.11),
        with_columns(healthy(), train_approx_kl=0.09),
    ),
    "updates-too-small": (
        with_columns(chance(), train_approx_kl=1e-6),
        with_columns(healthy(), train_approx_kl=1e-6),
    ),
    "tiny-batch": (with_batch(7), with_batch(8)),
    "no-exploration": (
        with_columns(healthy(), rollout_exploration_rate=0.0),
        with_columns(healthy(), rollout_exploration_rate=np.linspace(0.05, 0.0, 20)),
    ),
    "entropy-stays-high": (
        with_columns(chance(), train_entropy_loss=-1.36),
        with_columns(chance(), train_entropy_loss=-1.3),
    ),
    "entropy-collapsed": (
        with_columns(chance(), train_entropy_loss=-0.01),
        with_columns(healthy(), train_entropy_loss=-0.01),
    ),
    "temperature-outweighs": (
        with_columns(chance(random=played((25.0, 15.0, 20.0, 25.0))), train_ent_coef=5.0),
        with_columns(chance(random=played((25.0, 15.0, 20.0, 25.0))), train_ent_coef=0.01),
    ),
    "actions-saturated": (
        chance(setup=WIDE, policy=varied((12, 18, 22, 30), action=np.full((35, 4, 1), 1000.0))),
        chance(setup=WIDE, policy=varied((12, 18, 22, 30), action=np.full((35, 4, 1), 900.0))),
    ),
    "dead-units": (healthy(networks=layers(0.86)), healthy(networks=layers(0.84))),
    "rank-collapsed": (chance(networks=layers(rank=5.0)), chance(networks=layers(rank=6.0))),
    "values-out-of-range": (
        with_values(healthy(), np.full((52, 4), 121.0)),
        with_values(healthy(), np.full((52, 4), 119.0)),
    ),
    "values-too-high": (
        with_values(healthy(), np.full((52, 4), 95.0)),
        with_values(healthy(), np.full((52, 4), 82.0)),
    ),
    "value-explains-nothing": (
        with_columns(chance(), train_explained_variance=-0.1),
        with_columns(chance(), train_explained_variance=0.1),
    ),
    "value-uncorrelated": (
        with_values(chance(policy=played((20.0,) * 4)), np.tile(np.arange(50.0)[:, None], 4)),
        with_values(chance(policy=played((20.0,) * 4)), np.tile(-np.arange(50.0)[:, None], 4)),
    ),
    "support-too-small": (
        with_columns(healthy(), train_target_at_v_max=0.06),
        with_columns(healthy(), train_target_at_v_max=0.04),
    ),
    "target-frozen": (
        healthy(networks=TARGET),
        healthy(networks=replace(TARGET, target=Target(True, True, 0.7))),
    ),
    "replay-too-small": (with_replay(900), with_replay(1000)),
    "target-follows-at-once": (
        chance(setup=setup(hyperparameters={"tau": 1.0, "target_update_interval": 1}), networks=TARGET),
        chance(setup=setup(hyperparameters={"tau": 0.5, "target_update_interval": 1}), networks=TARGET),
    ),
    "learnt-too-often": (
        with_columns(chance(setup=setup(hyperparameters=REPLAY)), train_n_updates=21 * 20_000),
        with_columns(chance(setup=setup(hyperparameters=REPLAY)), train_n_updates=19 * 20_000),
    ),
    "forgetting": (
        with_columns(healthy(), rollout_ep_rew_mean=DROPPED),
        with_columns(healthy(), rollout_ep_rew_mean=KEPT),
    ),
    "seeds-split": (of_seeds(tuple(50 * x for x in SPLIT)), of_seeds(tuple(50 * x for x in TOGETHER))),
    "greedy-is-worse": (
        with_columns(healthy(), rollout_ep_rew_mean=120.0),
        with_columns(healthy(), rollout_ep_rew_mean=50.0),
    ),
    "no-better-than-random": (chance(), healthy()),
}


def test_every_check_has_a_case():
    assert set(CASES) == set(NAMES)


@pytest.mark.parametrize("name", CASES)
def test_a_check_fires_on_its_trouble_and_not_just_below_its_threshold(name):
    fires, silent = CASES[name]
    found = NAMES[name](fires)
    assert isinstance(found, Finding)
    assert found.check == name
    assert 0 < found.weight <= 1
    assert found.wrong.endswith((".", "!"))
    assert NAMES[name](silent) is None
    if found.chart is not None:
        found.chart.draw()


def test_no_check_fires_on_a_healthy_run():
    assert look(healthy()) == ()


def test_no_check_fails_where_nothing_is_known():
    assert look(Evidence(Setup("ppo", "Made-v0", Discrete(2)))) == ()
    assert look(Evidence(setup(), course())) == ()


def test_a_threshold_that_is_reached_silences_symptoms_and_not_faults():
    collapsed = healthy(networks=layers(0.9), threshold=40.0)
    assert collapsed.solved
    assert look(collapsed) == ()
    assert [found.check for found in look(replace(collapsed, threshold=50.0))] == ["dead-units"]
    assert [found.check for found in look(healthy(repeats=DRIFT, threshold=40.0))] == ["reward-drifts"]


def test_faults_of_the_environment_come_first_and_then_what_weighs_most():
    names = [found.check for found in look(chance(repeats=DRIFT, networks=layers(0.9)))]
    assert names == ["reward-drifts", "dead-units", "no-better-than-random"]
    light = Finding("a", "environment", 0.1, "", ())
    heavy = Finding("b", "policy", 0.9, "", ())
    assert by_weight([heavy, light]) == (light, heavy)


def test_what_to_try_are_flags_that_the_algorithm_has():
    (found,) = look(healthy(networks=layers(0.9), setup=setup(hyperparameters={"network": {}})))
    assert "--learning-rate, a tenth of it" in found.remedies
    loss = nan_from(12)
    without = replace(loss, setup=replace(loss.setup, hyperparameters={"learning_rate": 0.1}))
    assert [r for r in look(without)[0].remedies if r.startswith("--")] == ["--learning-rate 0.01"]


def test_every_flag_in_a_remedy_exists():
    flags = {field.name for field in fields_of(catalogue_training(), documented=False)}
    for algorithm in catalogue.algorithms():
        flags |= {field.name for field in catalogue.hyperparameters(algorithm)}
    for name, (fires, _) in CASES.items():
        found = NAMES[name](fires)
        for flag in re.findall(r"--([a-z][a-z.-]+)", " ".join(found.remedies)):
            assert flag.partition(".")[0].replace("-", "_") in flags | {"best", "stochastic"}, (name, flag)


def catalogue_training():
    from operant.cli.training import Training

    return Training


def test_docs_describe_every_check():
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text()
    described = re.findall(r"^\| `([a-z-]+)`", page, re.MULTILINE)
    assert sorted(described) == sorted(NAMES)


def test_reward_scale_is_silent_for_tables_and_where_rewards_are_normalised():
    large = healthy(**paid(1000.0))
    assert NAMES["reward-scale"](large) is not None
    for values in ({"normalize_rewards": True}, {"network": None, "distributional": "categorical"}):
        assert NAMES["reward-scale"](replace(large, setup=setup(hyperparameters=values))) is None
    table = replace(large.setup, hyperparameters={"learning_rate": 0.1, "gamma": 0.9})
    assert NAMES["reward-scale"](replace(large, setup=table)) is None
    assert "small" in NAMES["reward-scale"](healthy(**paid(0.001))).wrong


def test_a_perfect_policy_that_never_ends_an_episode_has_seen_rewards():
    assert (
        NAMES["no-reward-seen"](replace(with_columns(healthy(**paid(1.0)), rollout_ep_rew_mean=50.0))) is None
    )
    open_ended = {n: replace(p, terminated=p.terminated & False) for n, p in paid(-1.0).items()}
    never = with_columns(healthy(**open_ended), rollout_ep_rew_mean=-200.0)
    assert "no episode reached an end" in NAMES["no-reward-seen"](never).wrong


def test_seed_leaks_says_which_way():
    said = {
        NAMES["seed-leaks"](healthy(repeats=each)).wrong
        for each in (
            Repeats(False, False),
            Repeats(True, True, copies_same=False),
            Repeats(True, True, unseeded_differ=False),
        )
    }
    assert len(said) == 3
    assert (
        NAMES["seed-leaks"](healthy(repeats=Repeats(True, True, True, False, False))) is None
    )  # one start, as meant


def test_an_episode_that_lasts_longer_speaks_against_a_time_limit():
    longer = replace(LIMITED["random"], longest_open=60)
    assert NAMES["time-limit-terminates"](healthy(**LIMITED | {"random": longer})) is None


def test_diverged_finds_the_learner_and_the_step():
    values = np.tile(np.full(20, 0.5), (3, 1))
    values[1, 7:] = np.nan
    found = NAMES["diverged"](replace(with_columns(healthy(setup=setup(seeds=3)), train_loss=values)))
    assert "1 of 3 seeds" in found.wrong
    assert found.evidence["step"] == STEPS[7]
    values[1, 3] = np.nan  # a metric that is not there in every row says nothing
    assert NAMES["diverged"](replace(with_columns(healthy(setup=setup(seeds=3)), train_loss=values))) is None
    assert NAMES["diverged"](healthy(setup=setup(lost=True))) is not None


def test_seed_leaks_names_the_worse_of_two_faults():
    found = NAMES["seed-leaks"](healthy(repeats=Repeats(False, False, copies_same=False)))
    assert found is not None
    assert "does not fix the episode" in found.wrong
    found = NAMES["seed-leaks"](healthy(repeats=Repeats(True, True, copies_same=False)))
    assert found is not None
    assert "Two copies with the same seed" in found.wrong


def test_actions_unreachable_looks_at_each_element_of_an_action():
    two = setup(action_space=Box((-1.0, -1.0), (1.0, 1.0), (2,)))

    def covering(*shares: float) -> Evidence:
        explored = replace(layers(), first_coverage=np.array(shares))
        return healthy(setup=two, reach=1.0, networks=explored)

    found = NAMES["actions-unreachable"](covering(0.9, 0.09))
    assert found is not None
    assert "the range of action 1" in found.wrong
    assert NAMES["actions-unreachable"](covering(0.9, 0.11)) is None


def test_seeds_split_where_the_gap_is_more_than_half_of_their_range():
    def with_one_between(place: float) -> Evidence:
        return of_seeds((0.0,) * 20 + (place,) + (910.0,) * 20)

    assert NAMES["seeds-split"](with_one_between(440.0)) is not None
    assert NAMES["seeds-split"](with_one_between(455.0)) is None
