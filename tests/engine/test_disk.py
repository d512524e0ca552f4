"""What a disk does to a run: the order in which things reach it, that it is full, and what else lies there."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import jax.numpy as jnp
import pytest

from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from operant.engine.files import DiskError, replacing, save_tree
from operant.engine.log import CsvLog
from operant.engine.run_directory import RunDirectory

CONFIG = {"algorithm": "ppo"}


def save(directory: Path, step: int, value: float, keep: int = 1) -> Path:
    return save_checkpoint(directory, step, {"weight": jnp.full((2, 3), value, jnp.float32)}, CONFIG, keep)


def value(path: Path | None) -> float:
    assert path is not None
    return float(load_checkpoint(path, {"weight": jnp.zeros((2, 3))})[0]["weight"][0, 0])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def everything(directory: Path) -> dict[str, bytes | None]:
    """All below a directory, with what files hold."""
    paths = sorted(directory.rglob("*"))
    return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """What reaches the disk in `tmp_path`, in order; at every call there is a whole checkpoint in it."""
    made: list[tuple[str, ...]] = []

    def short(path) -> str:
        return re.sub(r"\.\d+\.tmp$", ".tmp", str(Path(path).relative_to(tmp_path)))

    def note(name, *paths):
        assert latest_checkpoint(tmp_path) is not None, f"nothing was left at {name} {paths}, after {made}"
        made.append((name, *map(short, paths)))

    def recording(module, name, paths_of=lambda *arguments: arguments):
        function = getattr(module, name)

        def call(*arguments, **keywords):
            note(name, *paths_of(*arguments))
            return function(*arguments, **keywords)

        monkeypatch.setattr(module, name, call)

    recording(os, "fsync", lambda descriptor: [os.readlink(f"/proc/self/fd/{descriptor}")])
    recording(os, "replace")
    recording(os, "rename")
    recording(shutil, "rmtree", lambda path, **_: [path])
    return made


WRITTEN = [
    ("fsync", "20.tmp/.run.safetensors.tmp"),
    ("replace", "20.tmp/.run.safetensors.tmp", "20.tmp/run.safetensors"),
    ("fsync", "20.tmp"),
    ("fsync", "20.tmp/manifest.json"),
    ("fsync", "20.tmp"),
]
LINUX = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="paths of descriptors need /proc")


@LINUX
def test_save_checkpoint_syncs_files_and_directory_before_the_name_and_deletes_the_old_one_last(
    tmp_path, request
):
    save(tmp_path, 10, 1)
    calls = request.getfixturevalue("calls")
    save(tmp_path, 20, 2)
    assert calls == [
        *WRITTEN,
        ("rename", "20.tmp", "20"),
        ("fsync", "."),
        ("rename", "10", "10.tmp"),
        ("rmtree", "10.tmp"),
    ]
    calls.clear()
    save(tmp_path, 20, 3)
    assert calls == [
        *WRITTEN,
        ("rename", "20", "20.old"),
        ("rename", "20.tmp", "20"),
        ("fsync", "."),
        ("rename", "20.old", "20.old.tmp"),
        ("rmtree", "20.old.tmp"),
    ]


@LINUX
def test_make_directory_syncs_new_directories_with_those_above_them(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files, "sync", lambda path: synced.append(path))
    files.make_directory(tmp_path / "runs" / "one")
    assert synced == [tmp_path, tmp_path / "runs"]
    files.make_directory(tmp_path / "runs" / "one")
    assert len(synced) == 2


def full(code: int):
    def fail(*arguments, **keywords):
        raise OSError(code, os.strerror(code))

    return fail


def full_halfway(tensors, path, header) -> None:
    Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("what", "module", "failing", "reason", "needed"),
    [
        ("run.safetensors", (files, "save_file"), full_halfway, "No space left on device", "24 bytes"),
        ("manifest.json", (Path, "write_text"), full(errno.EDQUOT), "Disk quota exceeded", r"\d\d\d bytes"),
        ("run.safetensors", (os, "fsync"), full(errno.EIO), "Input/output error", "24 bytes"),
        ("20", (Path, "mkdir"), full(errno.ENOSPC), "No space left on device", "24 bytes"),
        ("20", (Path, "rename"), full(errno.ENOSPC), "No space left on device", "24 bytes"),
    ],
    ids=["tensors", "manifest", "fsync", "directory", "name"],
)
def test_disk_error_names_a_full_disk_with_the_room_and_the_old_checkpoint_stays(
    tmp_path, monkeypatch, what, module, failing, reason, needed
):
    save(tmp_path, 10, 1)
    before = everything(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(*module, failing)
        with pytest.raises(
            DiskError,
            match=rf"{what} could not be written: .*{reason}\. {needed} are needed, and [\d,]+ are free",
        ) as error:
            save(tmp_path, 20, 2)
    assert error.value.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)
    assert everything(tmp_path) == before, "what was half written takes room"
    save(tmp_path, 20, 2)
    assert names(tmp_path) == ["20"]


def test_disk_error_is_only_what_the_disk_does(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), replacing(tmp_path / "nowhere" / "file") as path:
        path.write_text("")
    with pytest.raises(KeyError), replacing(tmp_path / "file") as path:
        raise KeyError


def test_csv_log_says_which_file_rows_do_not_fit_into(tmp_path, monkeypatch):
    log = CsvLog(tmp_path / "metrics.csv")
    log.write({"time/total_timesteps": 1})
    log._file.close()
    log._file = open("/dev/full", "w")  # noqa: SIM115 (its closing fails, too)
    with pytest.raises(
        DiskError, match=r"metrics\.csv could not be written: No space left.*2 bytes are needed"
    ):
        log.write({"time/total_timesteps": 2})
    with pytest.raises(DiskError, match=r"metrics\.csv"):
        log.close()


@pytest.fixture
def outside(tmp_path):
    """A directory of somebody else's."""
    directory = tmp_path / "outside"
    save(directory, 10, 7)
    (directory / "notes").write_text("precious")
    return directory


STRAYS = ["10", "10.tmp", "10.old", "20", "20.tmp", "20.old", "30", "5.tmp"]


@pytest.mark.parametrize("kind", ["directory", "checkpoint", "file", "nowhere", "hard link", "own file"])
@pytest.mark.parametrize("name", STRAYS)
def test_save_checkpoint_is_not_stopped_by_links_and_strays_and_touches_nothing_outside(
    tmp_path, outside, name, kind
):
    directory = tmp_path / "checkpoints"
    save(directory, 10, 1)
    stray = directory / name
    if stray.exists():
        shutil.rmtree(stray)
    match kind:
        case "directory":
            stray.symlink_to(outside)
        case "checkpoint":
            stray.symlink_to(outside / "10")
        case "file":
            stray.symlink_to(outside / "notes")
        case "nowhere":
            stray.symlink_to(outside / "none")
        case "hard link":
            stray.mkdir()
            (stray / "run.safetensors").hardlink_to(outside / "10" / "run.safetensors")
            (stray / "manifest.json").hardlink_to(outside / "10" / "manifest.json")
        case "own file":
            stray.write_text("a note")
    before = everything(outside)
    assert save(directory, 20, 2) == directory / "20"
    assert value(latest_checkpoint(directory)) == 2
    save(directory, 20, 3)
    assert names(directory) == ["20"]
    assert value(directory / "20") == 3
    assert not (directory / "20").is_symlink()
    assert everything(outside) == before


def test_save_checkpoint_leaves_names_that_are_not_ours(tmp_path):
    for name in ("notes.txt", "mine.tmp", "10 copy", "best.old", ".hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    for step in (10, 20, 30):
        save(tmp_path, step, step)
    assert names(tmp_path) == [".hidden", "10 copy", "30", "best.old", "mine.tmp", "notes.txt"]


def test_save_checkpoint_does_not_count_a_stray_among_those_that_are_kept(tmp_path):
    save(tmp_path, 10, 1)
    (tmp_path / "15").touch()
    save(tmp_path, 20, 2, keep=2)
    assert names(tmp_path) == ["10", "20"]


def test_save_checkpoint_says_what_cannot_be_deleted_and_goes_on(tmp_path, monkeypatch):
    """As on a shared disk where somebody reads an old checkpoint."""
    save(tmp_path, 10, 1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", full(errno.ENOTEMPTY))
        with pytest.warns(UserWarning, match=r"10\.tmp is not needed any more and could not be deleted"):
            save(tmp_path, 20, 2)
    assert value(latest_checkpoint(tmp_path)) == 2
    save(tmp_path, 30, 3)
    assert names(tmp_path) == ["30"]


@pytest.mark.parametrize("how", ["symlink_to", "hardlink_to"])
def test_run_directory_replaces_files_that_are_links(tmp_path, outside, how):
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    (outside / "metrics.csv").write_text("time/total_timesteps\n1\n")
    run.config_file.unlink()
    links = [run.config_file, run.metrics_file, run.model_file]
    # Where a process of this id, killed before, left off.
    links += [run.path / f".{link.name}.{os.getpid()}.tmp" for link in links]
    for link in links:
        getattr(link, how)(outside / ("metrics.csv" if link == run.metrics_file else "notes"))
    before = everything(outside)
    run.write_config(CONFIG)
    log = CsvLog(run.metrics_file, resume_from_step=1)
    log.write({"time/total_timesteps": 2})
    log.close()
    save_tree(run.model_file, {"weight": jnp.ones(2)}, {})
    assert everything(outside) == before
    assert run.read_config() == CONFIG
    assert run.metrics_file.read_text().split() == ["time/total_timesteps", "1", "2"]
    assert names(run.path) == ["config.json", "metrics.csv", "model.safetensors"]


def test_finish_does_not_write_pictures_through_links(tmp_path):
    from matplotlib.figure import Figure

    from operant.studio import style

    (tmp_path / "precious").write_text("kept")
    (tmp_path / "curve.png").symlink_to(tmp_path / "precious")
    style.finish(Figure((1, 1)), tmp_path / "curve.png")
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert names(tmp_path) == ["curve.png", "precious"]


@pytest.mark.parametrize("folder", ["checkpoints", "best", "tensorboard"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_run_directory_refuses_a_folder_that_is_none_of_the_run_before_training(
    tmp_path, outside, folder, kind
):
    """Training deletes what it no longer needs in it: another run's, perhaps."""
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    before = everything(outside)
    place = run.path / folder
    if kind == "link":
        place.symlink_to(outside)
    else:
        place.touch()
    with pytest.raises(FileExistsError, match=rf"{folder} is a {kind}, where a run has a folder of its own"):
        run.tidy()
    assert everything(outside) == before


def test_run_directory_clears_what_a_killed_process_left_and_may_be_reached_by_a_link(tmp_path):
    run = RunDirectory.create(tmp_path / "run", CONFIG)
    run.best.mkdir()
    left = [run.path / ".metrics.csv.123.tmp", run.best / ".model.safetensors.9.tmp"]
    kept = [run.path / ".mine.tmp", run.path / "notes.1.tmp"]
    for path in (*left, *kept):
        path.touch()
    (tmp_path / "link").symlink_to(run.path)
    through = RunDirectory(tmp_path / "link")
    with through.held():
        through.tidy()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)
