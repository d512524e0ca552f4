"""What may be tried: ranges, choices and schedules, as people write them and as files hold them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from operant.fields import FileError
from operant.sweeps.reading import nested, parted, read, sweepable, swept
from operant.sweeps.space import Choice, Range, Scheduled, Space

SHARES = np.random.default_rng(0).random(20_000)


def uniform_between(range_: Range) -> np.ndarray:
    return np.array([range_.at(share) for share in SHARES])


def test_range_is_uniform_between_its_ends():
    values = uniform_between(Range(-1, 3))
    assert stats.kstest(values, stats.uniform(-1, 4).cdf).pvalue > 0.01


def test_range_with_a_logarithm_is_uniform_in_that():
    values = uniform_between(Range(1e-4, 1e-2, log=True))
    assert values.min() >= 1e-4
    assert values.max() <= 1e-2
    assert stats.kstest(np.log10(values), stats.uniform(-4, 2).cdf).pvalue > 0.01


def test_range_of_whole_numbers_gives_each_as_often():
    values = uniform_between(Range(3, 7, whole=True))
    counts = [int((values == k).sum()) for k in range(3, 8)]
    assert sum(counts) == len(SHARES)
    assert all(isinstance(Range(3.0, 7.0, whole=True).at(share), int) for share in (0.0, 0.5, 0.999999))
    assert stats.chisquare(counts).pvalue > 0.01


def test_range_of_whole_numbers_with_a_logarithm_gives_each_its_share():
    """k has the probability of what is rounded to it, between k − ½ and k + ½."""
    values = uniform_between(Range(1, 8, log=True, whole=True))
    length = math.log(8.5) - math.log(0.5)
    expected = [len(SHARES) * (math.log(k + 0.5) - math.log(k - 0.5)) / length for k in range(1, 9)]
    assert stats.chisquare([(values == k).sum() for k in range(1, 9)], expected).pvalue > 0.01


def test_range_has_points_at_equal_distances_with_both_ends():
    assert Range(0, 1).points(3) == [0, 0.5, 1]
    np.testing.assert_allclose(Range(1e-4, 1e-2, log=True).points(3), [1e-4, 1e-3, 1e-2], rtol=1e-12)
    assert Range(1, 3, whole=True).points(5) == [1, 2, 3]
    assert Range(8, 128, log=True, whole=True).points(5) == [8, 16, 32, 64, 128]


@pytest.mark.parametrize(
    "range_", [Range(1e-4, 1e-2, log=True), Range(-2, 2), Range(2, 64, log=True, whole=True)]
)
def test_range_places_its_ends_at_0_and_1(range_):
    assert (range_.place(range_.low), range_.place(range_.high)) == (0, 1)
    assert range_.place(range_.points(3)[1]) == pytest.approx(0.5, abs=0.02)


def test_choice_is_any_of_its_values_as_often():
    choice = Choice(("tanh", "relu", None))
    values = [choice.at(share) for share in SHARES]
    assert stats.chisquare([values.count(each) for each in choice.values]).pvalue > 0.01
    assert [choice.place(each) for each in choice.values] == [0, 0.5, 1]


def test_space_makes_values_of_a_point():
    space = Space(
        {
            "learning_rate": Scheduled("linear", (Range(1e-4, 1e-2, log=True), 0.0)),
            "gamma": Choice((0.9, 0.99)),
            "network.activation": Choice(("tanh", "relu")),
        }
    )
    assert list(space.dimensions) == ["learning_rate.start", "gamma", "network.activation"]
    values = space.values({"learning_rate.start": 0.001, "gamma": 0.9, "network.activation": "relu"})
    assert values == {"learning_rate": "linear:0.001:0.0", "gamma": 0.9, "network.activation": "relu"}
    assert nested(values)["network"] == {"activation": "relu"}
    assert space.size is None


def test_space_of_choices_has_all_combinations():
    space = Space({"a": Choice((1, 2, 3)), "b": Choice(("x", "y")), "c": Range(4, 5, whole=True)})
    points = list(space.product())
    assert space.size == len(points) == 12
    assert points[:3] == [{"a": 1, "b": "x", "c": 4}, {"a": 1, "b": "x", "c": 5}, {"a": 1, "b": "y", "c": 4}]


def test_space_is_written_and_read():
    space, _ = parted(
        "ppo",
        {
            "learning_rate": "linear:log:1e-4:1e-2:0",
            "gamma": [0.9, 0.99],
            "n_steps": "32:64",
            "clip_range_vf": "none,0.2",
            "network.hidden_sizes": "64x64,32",
            "ent_coef": "piecewise:uniform:0:0.1:0.5:log:0.001:0.1",
        },
    )
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gamma": {"choices": []}}, "gamma.choices"),
        ({"gamma": {"low": 1, "high": 0, "log": False, "whole": False}}, "below"),
        ({"gamma": {"low": "a", "high": 0, "log": False, "whole": False}}, "gamma.low"),
        ({"gamma": {"schedule": "linear", "numbers": ["a"]}}, "numbers and ranges"),
        ({"gamma": 3}, "a table of values"),
        ([], "a table of values"),
    ],
)
def test_space_of_a_wrong_file_is_refused(values, said):
    with pytest.raises(FileError, match=said):
        Space.from_json(values)


HINTS = {name: field.hint for name, field in swept("ppo").items()}


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("learning_rate", "log:1e-4:1e-2", Range(1e-4, 1e-2, log=True)),
        ("gamma", "0.9:0.99", Range(0.9, 0.99)),
        ("gamma", "uniform:0.9:0.99", Range(0.9, 0.99)),
        ("n_steps", "32:2048", Range(32, 2048, whole=True)),
        ("n_steps", "log:32:2048", Range(32, 2048, log=True, whole=True)),
        ("gamma", "0.9,0.99", Choice((0.9, 0.99))),
        ("learning_rate", "linear:1e-3:0,1e-4", Choice(("linear:1e-3:0", 1e-4))),
        ("learning_rate", "linear:1e-3:0", "linear:1e-3:0"),
        ("learning_rate", "linear:log:1e-4:1e-2:0", Scheduled("linear", (Range(1e-4, 1e-2, log=True), 0.0))),
        ("target_kl", "none,0.01", Choice((None, 0.01))),
        ("normalize_observations", "true,false", Choice((True, False))),
        ("objective", "clip,kl", Choice(("clip", "kl"))),
        ("network.activation", "tanh,relu", Choice(("tanh", "relu"))),
        ("network.hidden_sizes", "64x64,256x256", Choice(((64, 64), (256, 256)))),
        ("num_envs", "4,8", Choice((4, 8))),
        ("gamma", "0.95", 0.95),
        ("n_steps", "1e3", 1000),
        ("gamma", "0.9,", "a choice is empty"),
        ("gamma", "0.99:0.9", "below the second"),
        ("gamma", "0.9,0.9", "twice"),
        ("learning_rate", "log:0:1", "above 0"),
        ("learning_rate", "log:1", "log:LOW:HIGH"),
        ("learning_rate", "linear:log:1", "log:LOW:HIGH"),
        ("learning_rate", "linear:0:1:2:3", "the schedule is linear:start"),
        ("gamma", "nan:1", "both ends"),
        ("n_steps", "1.5:3", "whole"),
        ("n_steps", "1.5,3", "'1.5' is not a whole number"),
        ("normalize_observations", "yes,no", "neither true nor false"),
        ("normalize_observations", "0:1", "list the values"),
        ("objective", "clip,klip", "not one of clip, kl"),
        ("gamma", "fast", "not a number"),
    ],
)
def test_read_understands_what_people_write(name, text, found):
    if isinstance(found, str) and not found.startswith("linear:1e-3"):
        with pytest.raises(ValueError, match=found) as error:
            read(name, text, HINTS[name])
        assert f"{name}={text!r}" in str(error.value)
    else:
        assert read(name, text, HINTS[name]) == found


def test_parted_takes_lists_as_choices_and_other_values_as_they_are():
    space, fixed = parted(
        "ppo",
        {
            "gamma": [0.9, 0.99],
            "n_steps": 64,
            "network": {"hidden_sizes": [64, 64], "activation": ["tanh", "relu"]},
            "optimizer_betas": [0.9, 0.999],
            "learning_rate": Range(1e-4, 1e-2, log=True),
        },
    )
    assert set(space.domains) == {"gamma", "network.activation", "learning_rate"}
    assert fixed == {
        "n_steps": 64,
        "network": {"hidden_sizes": [64, 64]},
        "optimizer_betas": [0.9, 0.999],
    }
    space, _ = parted(
        "ppo", {"network": {"hidden_sizes": [[64, 64], [32]], "convolutions": ["nature", "small"]}}
    )
    assert space.domains["network.hidden_sizes"] == Choice(((64, 64), (32,)))
    assert space.domains["network.convolutions"] == Choice(("nature", "small"))
    space, fixed = parted("ppo", {"network": {"convolutions": [[16, 3, 1]]}})
    assert not space.domains
    assert fixed == {"network": {"convolutions": [[16, 3, 1]]}}


def test_parted_offers_the_nearest_name():
    with pytest.raises(ValueError, match=r"no hyperparameter 'learning_rat'.*'learning_rate'"):
        parted("ppo", {"learning_rat": "log:1e-4:1e-2"})


def test_sweepable_leaves_out_what_no_text_says():
    assert not sweepable(HINTS["network.encoders"])
    assert all(sweepable(HINTS[name]) for name in HINTS if name not in ("network.encoders", "norm_obs_keys"))
