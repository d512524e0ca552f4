"""What can be done with a run from the command line: going on, starting from it, checkpoints, films."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
from safetensors.numpy import load_file

import operant
from operant.cli import main, runs
from operant.cli.readers import Lasting, may_leave
from operant.engine.log import read_csv
from operant.engine.run_directory import RunDirectory
from operant.interruption import Terminated

QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "1")
SMALL = ("--preset", "none", "--n-steps", "32", "--network.hidden-sizes", "4", "--checkpoint-every", "32")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A short run of A2C, with two checkpoints; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "run"
    flags = ("--total-timesteps", "64", "--log-interval", "32", "--run-dir", str(path))
    assert main(["train", "a2c", "CartPole-v1", *SMALL, *QUIET, *flags]) == 0
    return path


@pytest.fixture
def run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(finished, tmp_path / "run")


def refused(capsys, *arguments):
    capsys.readouterr()
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_a_finished_run_goes_on_to_a_later_end(run, capsys):
    assert runs.checkpoints(run) == [32, 64]
    assert "--total-timesteps goes on" in refused(capsys, "resume", str(run))
    assert "is at step 64 already" in refused(capsys, "resume", str(run), "--total-timesteps", "64")
    assert main(["resume", str(run), "--total-timesteps", "128", *QUIET]) == 0
    assert list(read_csv(run / "metrics.csv")["time/total_timesteps"]) == [32, 64, 96, 128]
    assert RunDirectory.open(run).read_config()["total_timesteps"] == 128


def test_training_starts_from_what_was_learnt(run, capsys, monkeypatch):
    started = {}
    learn = operant.Agent.learn

    def looked_at(self, *arguments, **how):
        started.update(state=self.state, step=self.step, seeds=self.seeds, algorithm=self.algorithm)
        return learn(self, *arguments, **how)

    monkeypatch.setattr(operant.Agent, "learn", looked_at)
    short = (*QUIET, "--total-timesteps", "32", "--learning-rate", "0.25", "--seeds", "2")
    assert main(["train", "--from", str(run), *short, "--run-dir", "further"]) == 0
    assert f"from: {run}" in capsys.readouterr().out
    known = operant.load(run).state.network
    for ours, theirs in zip(_leaves(started["state"].network), _leaves(known), strict=True):
        assert np.array_equal(ours, np.stack([theirs] * 2))
    algorithm = started["algorithm"]
    assert (started["step"], started["seeds"]) == (0, (0, 1))
    assert (algorithm.n_steps, float(algorithm.learning_rate)) == (32, 0.25)
    assert load_file("further/model.safetensors").keys() == load_file(run / "model.safetensors").keys()


def test_what_training_cannot_start_from(run, capsys):
    wider = ("--network.hidden-sizes", "8", "8")
    assert "does not fit" in refused(capsys, "train", "--from", str(run), *wider)
    assert "a model of a2c, not of ppo" in refused(capsys, "train", "PPO", "CartPole-v1", "--from", str(run))
    assert "made for CartPole-v1" in refused(capsys, "train", "a2c", "Acrobot-v1", "--load", str(run))
    assert "there is no such run or model" in refused(capsys, "train", "--from", "nowhere")
    (run / "text.safetensors").write_text("no model")
    assert "is not a model of operant's" in refused(capsys, "train", "--from", str(run / "text.safetensors"))
    assert "--from needs a file" in refused(capsys, "train", "--from")
    assert "do not go together" in refused(capsys, "train", "--from", str(run), "--config", "x.toml")


def test_a_chosen_checkpoint_is_scored(run, capsys):
    scores = {}
    for step in (32, 64):
        assert main(["evaluate", str(run), "--checkpoint", str(step), "--episodes", "2"]) == 0
        scores[step] = capsys.readouterr().out
    assert main(["evaluate", str(run), "--episodes", "2"]) == 0
    assert capsys.readouterr().out == scores[64]
    assert "none of that step. There are: 32, 64." in refused(
        capsys, "evaluate", str(run), "--checkpoint", "5"
    )
    assert "goes without --best" in refused(capsys, "watch", str(run), "--checkpoint", "32", "--best")
    assert "no --checkpoint" in refused(capsys, "evaluate", "scripted", "--checkpoint", "32")


def test_films(run, capsys, monkeypatch):
    films = {}
    monkeypatch.setattr(
        "operant.cli.record.write_video", lambda path, frames, fps: films.update({path: frames})
    )
    assert main(["record", str(run), "all.mp4", "--all-checkpoints"]) == 0
    frames = films["all.mp4"]
    each = [len(operant.Agent.restore(run, step=step).recording().frames) for step in (32, 64)]
    assert len(frames) == sum(each)
    heights = {frame.shape[0] for frame in frames}
    assert heights == {428}  # CartPole's 400, and the strip that says which step it is
    assert not np.array_equal(frames[0][:28], frames[-1][:28])
    assert main(["record", "scripted", "scripted.mp4"]) == 0
    assert (run.parent / "scripted.mp4").stat().st_size > 0
    assert "cannot be combined with --best" in refused(
        capsys, "record", str(run), "x.mp4", "--all-checkpoints", "--best"
    )


def test_rows_go_to_weights_and_biases(run, capsys, monkeypatch):
    sent = []

    class Run:
        def define_metric(self, *_, **__): ...

        def log(self, row):
            sent.append(row)

        def finish(self):
            sent.append("finished")

    assert "pip install 'operant-rl[wandb]'" in refused(
        capsys, "train", "ppo", "CartPole-v1", "--wandb", "project"
    )
    asked = {}
    module = types.ModuleType("wandb")
    module.init = lambda **how: asked.update(how) or Run()
    module.__spec__ = types.SimpleNamespace(name="wandb")
    monkeypatch.setitem(sys.modules, "wandb", module)
    assert main(["resume", str(run), "--total-timesteps", "96", "--wandb", "mine", *QUIET]) == 0
    assert asked["project"] == "mine"
    assert asked["config"]["algorithm"] == "a2c"
    assert sent[0]["time/total_timesteps"] == 96
    assert sent[-1] == "finished"


# readers


def test_a_reader_who_leaves_does_not_end_training(tmp_path):
    flags = (
        *SMALL,
        "--total-timesteps",
        "64",
        "--episodes",
        "1",
        "--no-video",
        "--no-pictures",
        "--run-dir",
        "run",
    )
    program = [sys.executable, "-m", "operant.cli", "train", "a2c", "CartPole-v1", *flags]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=os.environ
    ) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert (tmp_path / "run" / "evaluation.json").exists()
    assert (tmp_path / "run" / "report.html").exists()


def test_a_stream_that_nobody_reads_takes_everything():
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        lasting = Lasting(stream)
        lasting.write("one")
        lasting.flush()
        os.close(reader)
        for _ in range(2):
            lasting.write("two")
            lasting.flush()
        assert lasting.isatty() is False


def test_streams_are_put_back():
    before = sys.stdout
    with may_leave():
        assert isinstance(sys.stdout, Lasting)
    assert sys.stdout is before


def _leaves(tree):
    import jax

    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


# ends


def test_interrupted_before_its_first_checkpoint_a_run_is_not_told_to_resume(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train = ["train", "a2c", "CartPole-v1", *SMALL, *QUIET, "--total-timesteps", "64", "--run-dir"]

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(operant.Agent, "learn", interrupted)
    assert main([*train, "early"]) == 130
    error = capsys.readouterr().err
    assert "resume" not in error
    assert "nothing was kept" in error
    assert f"start again with `operant {shlex.join([*train, 'early'])}`" in error


def test_what_an_interrupted_overwrite_would_have_replaced_is_not_what_was_kept(run, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(operant.Agent, "learn", interrupted)
    train = ["train", "a2c", "CartPole-v1", *SMALL, *QUIET, "--total-timesteps", "64", "--run-dir", str(run)]
    assert main([*train, "--overwrite"]) == 130
    error = capsys.readouterr().err
    assert "resume" not in error
    assert f"start again with `operant {shlex.join(train)} --overwrite`" in error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_the_exit_code_says_which_signal_asked_to_end(run, monkeypatch, capsys, number):
    def asked_to_end(*_, **__):
        raise Terminated(number)

    monkeypatch.setattr(operant.Agent, "finish", asked_to_end)
    assert main(["resume", str(run), "--total-timesteps", "128", *QUIET]) == 128 + number
    assert f"operant resume {run}" in capsys.readouterr().err


def test_a_loss_that_is_no_number_is_told_in_one_line(run, monkeypatch, capsys):
    from operant.agent import divergence

    class DivergedError(ArithmeticError):
        """As training raises it."""

    monkeypatch.setattr(divergence, "DivergedError", DivergedError)

    def diverged(*_, **__):
        error = DivergedError("train/loss is nan at step 7.")
        error.add_note("The last good checkpoint is of step 3.")
        raise error

    monkeypatch.setattr(operant.Agent, "finish", diverged)
    capsys.readouterr()
    assert main(["resume", str(run), "--total-timesteps", "128", *QUIET]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "failed: train/loss is nan at step 7. The last good checkpoint is of step 3." in error


def test_an_environment_is_looked_at(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "bad_rewards.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Bad(CartPoleEnv):\n"
        "    def step(self, action):\n"
        "        seen, _, *rest = super().step(action)\n"
        "        return seen, float('nan'), *rest\n"
        "gym.register('BadRewards-v0', Bad)\n"
    )
    assert main(["check", "CartPole-v1", "--episodes", "1"]) == 0
    assert capsys.readouterr().out.strip()
    assert main(["check", "bad_rewards:BadRewards-v0", "--episodes", "1"]) == 1
    assert "reward" in capsys.readouterr().out
    assert "Did you mean CartPole-v1" in refused(capsys, "check", "CartPol-v1")


def test_more_checkpoints_are_kept_where_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = (
        "--total-timesteps",
        "128",
        "--log-interval",
        "32",
        "--keep-checkpoints",
        "3",
        "--run-dir",
        "run",
    )
    assert main(["train", "a2c", "CartPole-v1", *SMALL, *QUIET, *flags]) == 0
    assert runs.checkpoints("run") == [64, 96, 128]
    assert RunDirectory.open("run").read_config()["keep_checkpoints"] == 3


def test_the_random_policy_is_scored_as_evaluate_does_until_nobody_waits():
    from operant.cli.preparation import Preparation
    from operant.engine.watch import Stopped

    agent = operant.A2C("CartPole-v1", preset=None)
    with Preparation(agent, 3) as preparation:
        score = preparation.random()
    assert list(score.returns) == list(agent.random().evaluate(3, deterministic=False).returns)
    with Preparation(agent, 10**6) as preparation:
        preparation.begin()
    with pytest.raises(Stopped):
        preparation.random()
