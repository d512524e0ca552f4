"""`operant.compare`, the scores of studies, and their faces."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

import operant
from operant.cli import main
from operant.engine.evaluate import Evaluation
from operant.engine.scores import StudyEvaluation
from operant.ops.intervals import iqm_interval
from operant.studio.profile import profiles

GENERATOR = np.random.default_rng(0)


def evaluation(mean, environment="CartPole-v1", random=None):
    return Evaluation(environment, GENERATOR.normal(mean, 5.0, 10), np.full(10, 7), 10_000, random)


def study(mean, seeds=8, **values):
    means = GENERATOR.normal(mean, 20.0, seeds)
    return StudyEvaluation(tuple(evaluation(m, **values) for m in means), tuple(range(3, 3 + seeds)))


GOOD, POOR = study(400.0, random=evaluation(20.0)), study(200.0, 6)


class Balanced(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.words = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "circle", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("circle", "rect", "line"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_studys_score_is_a_sequence_that_knows_its_numbers():
    means = np.array([score.mean for score in GOOD])
    centre, low, high = iqm_interval(means)
    assert len(GOOD) == 8
    assert isinstance(GOOD[0], Evaluation)
    assert GOOD[2:4].seeds == (5, 6)
    assert (GOOD.mean, GOOD.median, GOOD.iqm) == (means.mean(), np.median(means), centre)
    assert GOOD.interval == (low, high)
    assert GOOD.best_seed == 3 + means.argmax()
    assert GOOD.returns.shape == GOOD.lengths.shape == (8, 10)
    assert str(GOOD) == (
        f"median {GOOD.median:.1f}, interquartile mean {GOOD.iqm:.1f} [{low:.1f}, {high:.1f}] over 8 seeds, "
        f"10 episodes each, of CartPole-v1 (random policy: {GOOD[0].random.mean:.1f})"
    )


@pytest.mark.parametrize("score", [GOOD, POOR, GOOD[0], POOR[0], study(1.0, 1)])
def test_scores_come_back_from_json(score):
    values = json.loads(json.dumps(score.to_json()))
    assert type(score).from_json(values).to_json() == values


@pytest.mark.parametrize(
    "face", [GOOD, POOR[0], GOOD[0], operant.compare(GOOD, POOR), operant.compare(GOOD[0], POOR[0])]
)
def test_faces_are_whole_html(face):
    words = " ".join(Balanced(face._repr_html_()).words)
    assert "CartPole-v1" in words
    assert "nan" not in face._repr_html_().lower()


def test_a_shell_shows_scores_and_not_arrays():
    assert repr(GOOD[0]) == f"<Evaluation: {GOOD[0]}>"
    assert repr(GOOD) == f"<StudyEvaluation: {GOOD}>"
    assert repr(operant.compare(GOOD, POOR)) == str(operant.compare(GOOD, POOR))


def test_a_face_shows_no_markup_of_the_environments_name():
    assert "<b>" not in evaluation(1.0, environment="<b>")._repr_html_()


def test_an_evaluation_says_that_it_is_not_a_pair():
    with pytest.raises(TypeError, match=r"not a pair.*returns.std"):
        _mean, _std = POOR[0]


def test_the_better_study_is_better():
    comparison = operant.compare(GOOD, POOR, names=("PPO", "A2C"))
    value, low, high = comparison.difference
    assert value == pytest.approx(GOOD.iqm - POOR.iqm)
    assert low < value < high
    assert comparison.mean_difference[0] == pytest.approx(GOOD.mean - POOR.mean)
    assert comparison.median_difference[0] == pytest.approx(GOOD.median - POOR.median)
    assert comparison.probability_of_improvement == (1.0, 1.0, 1.0)
    lines = str(comparison).splitlines()
    assert lines[0] == "PPO against A2C on CartPole-v1, 8 and 6 seeds"
    assert f"{GOOD.iqm:.1f}  {POOR.iqm:.1f}  +{value:.1f} [+{low:.1f}, +{high:.1f}]" in lines[2]
    assert lines[-2:] == [
        "probability that PPO is better: 1.00 [1.00, 1.00]",
        "PPO is better: the interval of the difference leaves out 0.",
    ]
    assert json.loads(json.dumps(comparison.to_json()))["difference"]["interval"] == [low, high]


def test_what_cannot_be_told_apart_is_not():
    assert "cannot be told apart by these seeds" in operant.compare(POOR, POOR).verdict
    few = operant.compare(GOOD[:3], POOR[:3])
    assert few.verdict.endswith("Intervals of so few seeds are too narrow.")
    assert "nothing can be said" in operant.compare(GOOD[0], POOR).verdict


def test_single_policies_are_compared_in_the_episodes_that_they_share():
    one = evaluation(100.0)
    other = Evaluation("CartPole-v1", one.returns - 1.0, one.lengths, one.seed)
    comparison = operant.compare(one, other)
    assert comparison.unit == "episode"
    assert comparison.difference == pytest.approx((1.0, 1.0, 1.0))
    assert operant.compare(one, Evaluation("CartPole-v1", other.returns, other.lengths, 0)).difference[1] < 0


def test_several_of_one_are_its_seeds():
    together, apart = operant.compare(GOOD, POOR), operant.compare(list(GOOD), list(POOR))
    assert apart.to_json() == together.to_json()


def test_two_environments_are_refused():
    with pytest.raises(ValueError, match="CartPole-v1 and Acrobot-v1"):
        operant.compare(GOOD, study(1.0, environment="Acrobot-v1"))
    with pytest.raises(ValueError, match="3 cannot be compared"):
        operant.compare(3, GOOD)  # pyright: ignore[reportArgumentType]


def test_agents_are_scored_for_it():
    agents = [operant.QLearning("FrozenLake-v1", seeds=2, seed=seed) for seed in (0, 5)]
    comparison = operant.compare(*agents, episodes=3)
    assert comparison.names == ("QLearning (first)", "QLearning (second)")
    assert [len(scores) for scores in comparison.scores] == [2, 2]


def test_runs_are_compared_by_the_scores_that_they_have(tmp_path, capsys):
    for name, score in {"good": GOOD, "poor": POOR}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"operant_version": "1"}')
        (tmp_path / name / "evaluation.json").write_text(json.dumps(score.to_json()))
    picture = tmp_path / "comparison.png"
    assert main(["compare", str(tmp_path / "good"), str(tmp_path / "poor"), "--output", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert printed == f"{operant.compare(GOOD, POOR, names=('good', 'poor'))}\n{picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["compare", str(tmp_path / "good"), str(tmp_path / "nowhere")]) == 2


def test_the_picture_holds_every_algorithm():
    figure = profiles({"PPO": GOOD.means, "A2C": POOR.means, "one seed": [300.0]}, title="t")
    left, right = figure.axes
    assert [line.get_label() for line in left.get_lines()] == ["PPO", "A2C", "one seed"]
    assert [text.get_text() for text in right.get_yticklabels()] == ["PPO", "A2C", "one seed"]
    fractions = left.get_lines()[0].get_ydata()
    assert (fractions[0], fractions[-1]) == (1.0, 0.0)


def test_the_best_seed_is_named_by_its_number():
    several = StudyEvaluation(tuple(evaluation(mean) for mean in (1.0, 9.0, 4.0)), (5, 7, 11))
    assert several.best_seed == 7
    assert several.median == several[2].mean
