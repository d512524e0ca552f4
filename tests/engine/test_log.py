"""Every sink keeps every number, also when a run is stopped and goes on."""

from __future__ import annotations

import struct
import sys
import types

import jax.numpy as jnp
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog

from operant.engine import tensorboard
from operant.engine.log import CsvLog, WandbLog, read_csv
from operant.engine.tensorboard import TensorBoardLog

STEP = "time/total_timesteps"


def row(step: int, **more) -> dict:
    return {STEP: step, "time/fps": 1000.0 + step, "train/loss": np.float32(1 / (step + 3))} | more


def write_all(path, rows, **arguments):
    sink = CsvLog(path, **arguments)
    for values in rows:
        sink.write(values)
    sink.close()


def test_csv_log_gives_numbers_back_exactly(tmp_path):
    values = [0.1, np.float32(0.1), jnp.float32(1e-7), np.nan, -np.inf, 3, np.int32(-5), True, 2**40]
    write_all(tmp_path / "m.csv", [{STEP: 1} | {f"train/{i}": value for i, value in enumerate(values)}])
    read = read_csv(tmp_path / "m.csv")
    for i, value in enumerate(values):
        back = read[f"train/{i}"].astype(np.asarray(value).dtype)
        np.testing.assert_array_equal(back, np.asarray(value)[None])
    assert "0.1,0.1,1e-07,nan,-inf,3,-5,1,1099511627776" in (tmp_path / "m.csv").read_text()


def test_csv_log_takes_columns_that_appear_later_and_rows_that_lack_some(tmp_path):
    path = tmp_path / "m.csv"
    sink = CsvLog(path)
    assert read_csv(path) == {}
    sink.write({STEP: 1, "a": 1.0})
    sink.write({STEP: 2, "b": 2.0, "a": 3.0})
    sink.write({STEP: 3})
    # visible before it is closed
    assert path.read_text() == f"{STEP},a,b\n1,1.0,\n2,3.0,2.0\n3,,\n"
    sink.close()
    np.testing.assert_array_equal(read_csv(path)["b"], [np.nan, 2, np.nan])
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.csv"]


def test_csv_log_of_a_new_run_replaces_the_file(tmp_path):
    write_all(tmp_path / "m.csv", [row(1), row(2)])
    write_all(tmp_path / "m.csv", [row(5)])
    np.testing.assert_array_equal(read_csv(tmp_path / "m.csv")[STEP], [5])


def history(seeds=None) -> list[dict]:
    rows = [row(10), row(20), row(30, late=1.5), row(40, late=0.5, later=2.0), row(50, late=np.nan)]
    return [{k: v if k == STEP else np.full(seeds, v) for k, v in r.items()} if seeds else r for r in rows]


@pytest.mark.parametrize("seeds", [None, 3])
@pytest.mark.parametrize(("checkpoint", "stopped"), [(c, s) for s in range(6) for c in range(s + 1)])
def test_csv_log_of_a_resumed_run_equals_an_uninterrupted_one(tmp_path, seeds, checkpoint, stopped):
    rows = history(seeds)
    for end in range(checkpoint, 6):
        write_all(tmp_path / "whole.csv", rows[:end])
        write_all(tmp_path / "stopped.csv", rows[:stopped])
        with (tmp_path / "stopped.csv").open("a") as file:
            file.write("10")  # killed while it wrote a line
        write_all(tmp_path / "stopped.csv", rows[checkpoint:end], resume_from_step=10 * checkpoint)
        assert (tmp_path / "stopped.csv").read_text() == (tmp_path / "whole.csv").read_text()


def test_csv_log_resumed_without_a_file_starts_one(tmp_path):
    write_all(tmp_path / "m.csv", [row(20)], resume_from_step=10)
    np.testing.assert_array_equal(read_csv(tmp_path / "m.csv")[STEP], [20])


def test_csv_log_has_a_line_for_each_seed(tmp_path):
    write_all(
        tmp_path / "m.csv", [{STEP: 10, "a": np.array([1.0, 2.0])}, {STEP: np.array([20, 21]), "a": 3.0}]
    )
    read = read_csv(tmp_path / "m.csv")
    np.testing.assert_array_equal(read["seed"], [0, 1, 0, 1])
    np.testing.assert_array_equal(read[STEP], [10, 10, 20, 21])
    np.testing.assert_array_equal(read["a"], [1, 2, 3, 3])


def test_read_csv_names_what_is_no_metrics_file(tmp_path):
    (tmp_path / "m.csv").write_text("name,age\n1,2\nAda,36\n")
    with pytest.raises(ValueError, match=r"m\.csv: line 3: name is 'Ada', not a number"):
        read_csv(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text("a,b\n1\n")
    np.testing.assert_array_equal(read_csv(tmp_path / "m.csv")["b"], [np.nan])
    (tmp_path / "m.csv").write_text("a\n1,2\n")
    with pytest.raises(ValueError, match=r"m\.csv: line 2 has more values"):
        read_csv(tmp_path / "m.csv")


def events(directory) -> list[Event]:
    found = []
    for path in sorted(directory.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            found.append(Event.FromString(data[at + 12 : at + 12 + length]))
            at += 12 + length + 4
    return found


def test_tensorboard_log_gets_an_event_a_row(tmp_path):
    sink = TensorBoardLog(tmp_path / "tb")
    for step in (10, 20):
        sink.write(row(step))
    sink.close()
    first, *rest = events(tmp_path / "tb")
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in rest] == [10, 20]
    values = {value.tag: value.simple_value for value in rest[1].summary.value}
    assert values == {"time/fps": 1020.0, "train/loss": np.float32(1 / 23)}


def test_tensorboard_log_shows_rows_while_training(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "SECONDS_TO_FLUSH", 0.0)
    sink = TensorBoardLog(tmp_path)
    sink.write(row(10))
    assert [event.step for event in events(tmp_path)] == [0, 10]
    sink.close()


def test_tensorboard_log_has_a_sub_run_for_each_seed_and_hides_the_abandoned_future(tmp_path):
    for arguments, steps in (({}, (10, 20)), ({"resume_from_step": 10}, (20,))):
        sink = TensorBoardLog(tmp_path, **arguments)
        for step in steps:
            sink.write({STEP: step, "a": np.array([step, -step])})
        sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seed-0", "seed-1"]
    found = events(tmp_path / "seed-1")
    scalars = [
        (event.step, event.summary.value[0].simple_value) for event in found if event.HasField("summary")
    ]
    assert scalars == [(10, -10), (20, -20), (20, -20)]
    (restart,) = [event for event in found if event.HasField("session_log")]
    assert (restart.step, restart.session_log.status) == (11, SessionLog.START)
    assert found.index(restart) == 4


def test_wandb_log_gets_means_and_seeds(monkeypatch):
    calls = []

    class Run:
        def __getattr__(self, name):
            return lambda *arguments, **keywords: calls.append((name, *arguments, keywords))

    def init(**keywords):
        calls.append(("init", keywords))
        return Run()

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    sink = WandbLog("project", {"algorithm": "ppo"})
    sink.write({STEP: 10, "a": 1.0})
    sink.write({STEP: np.array([20, 20]), "a": np.array([1.0, 2.0])})
    sink.close()
    assert calls == [
        ("init", {"project": "project", "config": {"algorithm": "ppo"}}),
        ("define_metric", "*", {"step_metric": STEP}),
        ("log", {STEP: 10.0, "a": 1.0}, {}),
        ("log", {STEP: 20.0, "a": 1.5, "a/seed-0": 1.0, "a/seed-1": 2.0}, {}),
        ("finish", {}),
    ]


def test_wandb_log_says_how_to_install_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match=r"pip install 'operant-rl\[wandb\]'"):
        WandbLog("project", {})
