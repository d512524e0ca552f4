"""What a person sees: often enough, cheaply, and without spoiling the terminal."""

from __future__ import annotations

import io

import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from operant.engine import progress
from operant.engine.progress import LiveView, format_value, table_text
from operant.engine.watch import Watch

ROW = {
    "time/total_timesteps": 40_000,
    "rollout/ep_rew_mean": np.float32(123.456),
    "rollout/ep_len_mean": np.nan,
    "train/approx_kl": 0.00123456,
}
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal() -> Console:
    return Console(file=Terminal(), force_terminal=True, force_interactive=True, width=100, height=40)


def plain() -> Console:
    return Console(file=io.StringIO(), width=100)


def shown(console: Console) -> str:
    return console.file.getvalue()


@pytest.fixture
def clock(monkeypatch):
    """Time stands still unless a test moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_table_text_is_that_of_stable_baselines3():
    assert table_text(ROW).split("\n") == [
        "--------------------------------",
        "| rollout/           |         |",
        "|    ep_len_mean     | –       |",
        "|    ep_rew_mean     | 123     |",
        "| time/              |         |",
        "|    total_timesteps | 40000   |",
        "| train/             |         |",
        "|    approx_kl       | 0.00123 |",
        "--------------------------------",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (2**31, "2147483648"),
        (999.7, "1000"),
        (-1234.5, "-1234"),
        (-2.0, "-2"),
        (1.5e9, "1.5e+09"),
        (np.inf, "inf"),
        (jnp.float32(0.1), "0.1"),
        (jnp.bfloat16(0.5), "0.5"),
        (np.array([1.0, 5.0, 2.0]), "2 [1 … 5]"),
        (jnp.array([1.0, jnp.nan, 3.0]), "2 [1 … 3]"),
        (np.array([7, 7]), "7"),
        (np.array([10, 20, 40]), "20 [10 … 40]"),
        (np.array([np.nan, np.nan]), "–"),
    ],
)
def test_format_value_is_short(value, text):
    assert format_value(value) == text


def test_live_view_on_a_terminal_is_redrawn_eight_times_a_second(clock):
    console = terminal()
    with LiveView(console=console) as view:
        assert "starting" in shown(console)
        for step in range(1, 101):  # a hundred updates in one second
            clock(0.01)
            view.update(ROW | {"time/total_timesteps": 1000 * step}, 1000 * step, 200_000)
        frames = shown(console).count("rollout/")
        assert 7 <= frames <= 8
        assert "/200,000 steps" in shown(console)
        assert "50%" not in shown(console)
    assert shown(console).count("rollout/") > frames, "the last state is shown at the end"
    for text in ("50%", "100,000/200,000 steps", "steps/s", "100000", "approx_kl"):
        assert text in shown(console)


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt, None])
def test_live_view_restores_the_terminal(exception):
    console = terminal()

    def train():
        with LiveView(console=console) as view:
            view.update(ROW, 1, 2)
            assert HIDE_CURSOR in shown(console)
            assert SHOW_CURSOR not in shown(console)
            if exception:
                raise exception

    if exception:
        with pytest.raises(exception):
            train()
    else:
        train()
    assert shown(console).endswith(SHOW_CURSOR)


def test_live_view_restores_the_terminal_when_drawing_fails():
    console = terminal()
    with pytest.raises(ValueError), LiveView(console=console) as view:  # noqa: PT011 (the message is NumPy's)
        view.update({"train/loss": "not a number"}, 1, 2)
    assert shown(console).endswith(SHOW_CURSOR)


def test_live_view_off_a_terminal_is_a_plain_table_now_and_then_and_at_the_end(clock):
    console = plain()
    with LiveView(console=console) as view:
        for step in range(1, 121):  # fourteen seconds
            clock(0.125 if step <= 112 else 0)
            view.update(ROW, 500 * step, 60_000)
    text = shown(console)
    assert text.count("rollout/") == 3
    assert "\x1b" not in text
    lines = text.split("\n")
    assert lines[0].startswith("33% · 20,000/60,000 steps · ")
    assert lines[0].endswith(" left")
    assert "100% · 60,000/60,000 steps" in text
    assert table_text(ROW) in text


def test_live_view_does_not_print_again_what_is_not_new(clock):
    console = plain()
    with LiveView(console=console) as view:
        clock(6)
        view.update(ROW, 1, 2)
    assert shown(console).count("rollout/") == 1
    console = plain()
    with LiveView(console=console):
        pass
    assert shown(console) == ""


@pytest.mark.parametrize("console", [terminal(), plain()], ids=["terminal", "plain"])
def test_live_view_disabled_says_nothing(console):
    with LiveView(enabled=False, console=console) as view:
        view.update(ROW, 1, 2)
    assert shown(console) == ""


def test_live_view_draws_nothing_at_an_update_between_frames(clock, monkeypatch):
    drawn = []
    with LiveView(console=terminal()) as view:
        picture = view._picture
        monkeypatch.setattr(view, "_picture", lambda: drawn.append(1) or picture())
        clock(1.0)
        view.update(ROW, 1, 1000)
        assert len(drawn) == 1
        for step in range(1000):  # while time stands still
            view.update(ROW, step, 1000)
        assert len(drawn) == 1


def test_live_view_between_two_rows_follows_the_steps_and_says_what_is_waited_for(clock):
    watch, console = Watch(), terminal()
    with LiveView(console=console) as view:
        view.watch = watch
        view.begin(1_000, 5_000)
        watch.steps, watch.phase = 250, "compiling"
        clock(1.0)
        view.tick()
    assert "1,250/5,000 steps · compiling" in shown(console)
    console = plain()
    with LiveView(console=console) as view:
        view.watch = watch
        view.begin(1_000, 5_000)
        for steps in (300, 350, 350):
            watch.steps = steps
            clock(6)
            view.tick()
    lines = shown(console).splitlines()
    assert [line.split(" · ")[1] for line in lines] == ["1,050/5,000 steps", "1,100/5,000 steps"]
