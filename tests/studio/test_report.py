"""The page holds what the run's files hold, and nothing of a file that is missing."""

import base64
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from operant.studio.curves import learning_curve
from operant.studio.report import report
from operant.studio.score import score

EVALUATION = {
    "environment": "CartPole-v1",
    "episodes": 4,
    "mean": 492.5,
    "interval": [470.0, 500.0],
    "returns": [500.0, 470.0, 500.0, 500.0],
    "lengths": [500, 470, 500, 500],
    "random": {"episodes": 100, "mean": 22.9, "interval": [20.8, 25.1]},
}
CONFIG = {
    "algorithm": "PPO",
    "environment": "CartPole-v1",
    "seed": 3,
    "threshold": 475,
    "versions": {"jax": "0.10.2"},
    "hyperparameters": {"learning_rate": "linear:0.0003:0", "note": "<b>&</b>"},
}


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    return tmp_path


def test_a_whole_run_is_on_one_page(run):
    learning_curve({"PPO": (np.arange(5), np.arange(5.0))}, title="t", path=run / "curve.png")
    (run / "policy.png").write_bytes((run / "curve.png").read_bytes())
    (run / "critic.png").write_bytes((run / "curve.png").read_bytes())
    (run / "video.mp4").write_bytes(b"video")
    (run / "metrics.csv").write_text("time/total_timesteps,train/loss\n1,\n2,0.5\n3,0.4\n")
    path = report(run)
    assert path == run / "report.html"
    page = Page(path)
    for word in ("PPO on CartPole-v1", "492.5", "22.9", "95 % interval 470.0 to 500.0, 4 episodes"):
        assert word in page.words
    for word in ("learning_rate", "linear:0.0003:0", "<b>&</b>", "jax", "0.10.2", "seed", "3"):
        assert word in page.words
    pictures = page.all("img")
    assert [picture["alt"] for picture in pictures] == [
        "Returns",
        "Learning curve",
        "What the policy does",
        "What the critics expect",
        "Training diagnostics",
    ]
    for picture in pictures:
        assert base64.b64decode(picture["src"].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    embedded = base64.b64decode(pictures[1]["src"].split(",")[1])
    assert embedded == (run / "curve.png").read_bytes()
    assert page.all("video")[0]["src"] == "video.mp4"
    assert "http" not in path.read_text().replace("data:", ""), (
        "self-contained: nothing is loaded from elsewhere"
    )


def test_what_is_missing_leaves_no_trace(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    page = Page(report(tmp_path))
    assert not page.all("img")
    assert not page.all("video")
    assert "Score" not in page.words


def test_a_single_episode_has_a_score_without_interval(run):
    one = {
        "environment": "CartPole-v1",
        "episodes": 1,
        "mean": 9.0,
        "interval": [float("nan")] * 2,
        "returns": [9.0],
    }
    (run / "evaluation.json").write_text(json.dumps(one))
    page = Page(report(run))
    assert "1 episode" in page.words
    assert not any("interval" in word for word in page.words)
    assert "random policy" not in page.words


def test_a_run_stopped_before_it_learnt_has_no_diagnostics(run):
    (run / "metrics.csv").write_text("time/total_timesteps,train/loss\n")
    assert "Training diagnostics" not in Page(report(run)).words


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="nothing to report"):
        report(tmp_path)
    with pytest.raises(FileNotFoundError, match="no run directory"):
        report(tmp_path / "absent")


def test_the_score_shows_returns_mean_interval_and_threshold(tmp_path):
    rows = {"PPO": EVALUATION, "random policy": EVALUATION["random"]}
    (axes,) = score(rows, title="Returns", threshold=475, path=tmp_path / "score.png").axes
    np.testing.assert_array_equal(axes.collections[0].get_offsets()[:, 0], EVALUATION["returns"])
    boxes = [(box.get_x(), box.get_x() + box.get_width()) for box in axes.patches]
    np.testing.assert_allclose(boxes, [(470.0, 500.0), (20.8, 25.1)])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["PPO", "random policy"]
    assert any(drawn.get_xdata()[0] == 475 for drawn in axes.lines)
    assert (tmp_path / "score.png").exists()


def test_several_seeds_lead_with_what_they_say_together(tmp_path):
    seeds = {
        str(seed): {"mean": mean, "interval": [mean - 5, mean + 5], "returns": [mean] * 3, "episodes": 3}
        for seed, mean in enumerate((400.0, 480.0, 500.0))
    }
    together = {"median": 480.0, "iqm": 460.0, "iqm_interval": [400.0, 500.0], "seeds": seeds, "episodes": 3}
    (tmp_path / "evaluation.json").write_text(json.dumps({**EVALUATION, **together}))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    words = [word for word in Page(report(tmp_path)).words if word]
    first = words[words.index("Score") + 1 :]
    assert first[:6] == [
        "median",
        "480.0",
        "of 3 seeds, each by the mean of its episodes",
        "interquartile mean",
        "460.0",
        "95 % interval 400.0 to 500.0",
    ]
    assert first.index("random policy") < first.index("PPO, seed 0")


def test_a_report_says_what_trains_the_same_again(tmp_path):
    config = {
        "operant_version": "1",
        "algorithm": "ppo",
        "environment": "CartPole-v1",
        "seed": 3,
        "total_timesteps": 5000,
        "hyperparameters": {"gamma": 0.9},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = Page(report(tmp_path)).words
    assert any(word.startswith("operant train ppo CartPole-v1") and "--gamma 0.9" in word for word in words)
    assert any("operant.PPO(" in word and "agent.learn(5_000)" in word for word in words)
