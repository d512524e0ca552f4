"""No file runs code: nothing that a file names is imported, executed, started or written, whoever reads it.

A child process watches itself with an audit hook while every entry that reads a file reads hostile ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability import damage, templates

NAMES = (
    "evilmod",
    "evilmod:CartPole-v1",
    "evilmod.sub:Thing",
    "__import__('evilmod')",
    "!evilmod",
    "cos\nsystem",
)
WATCHING = '''
import sys, os
SEEN = []
def watch(event, arguments):
    """Notes what runs code: by a hostile name, or at all."""
    if event in ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.fork",
                 "os.forkpty", "socket.connect", "shutil.rmtree", "os.startfile", "pty.spawn"):
        SEEN.append(f"{event} {arguments}")
    elif event in ("import", "compile", "exec") and "evilmod" in repr(arguments):
        SEEN.append(f"{event} {arguments}")
    elif event == "open" and "run" in str(arguments[0]).split(os.sep) and set("wxa+") & set(str(arguments[1] or "")):
        SEEN.append(f"{event} {arguments}")
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, next to modules that leave a mark when they are imported."""
    directory = tmp_path_factory.mktemp("hostile")
    run = templates.copy_of("ppo", directory).rename(directory / "run")
    (directory / "evilmod").mkdir()
    for module in ("evilmod/__init__.py", "evilmod/sub.py"):
        (directory / module).write_text(
            "import gymnasium, pathlib; pathlib.Path(__file__).with_name('imported').touch()\n"
        )
    return run


def child(code: str, directory: Path) -> list[str]:
    """What a process that runs this code, in this directory, noted."""
    done = subprocess.run(
        [sys.executable, "-c", f"{WATCHING}\n{code}\nprint(repr(SEEN))"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=directory,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return eval(done.stdout.splitlines()[-1])


def test_the_hook_sees_a_pickle_and_an_import(run):
    code = """
import pickle
sys.addaudithook(watch)
pickle.loads(b"cos\\nsystem\\n(S'true'\\ntR.")
import evilmod
open("run/x", "w").close(); os.unlink("run/x")
"""
    seen = child(code, run.parent)
    for event in ("pickle.find_class", "os.system", "import", "exec", "open"):
        assert any(line.startswith(event) for line in seen), (event, seen)
    (run.parent / "evilmod" / "imported").unlink()


def lies(values: dict, name: str) -> list[dict]:
    """A config with this name in the place of every text, one by one, and where text may stand."""
    found = []
    for where in damage.places(values):
        held = values
        for key in where:
            held = held[key]
        if isinstance(held, str):
            found.append(damage.with_value(values, where, name))
    for where, value in {
        ("env_kwargs",): {"entry_point": name, "id": name, "render_mode": name},
        ("wrappers",): [{"name": name}],
        ("curiosity",): {"name": name},
        ("hyperparameters", "network"): {"activation": name, "encoders": {name: [4]}},
        ("hyperparameters", "learning_rate"): name,
        ("observation_space", "kind"): name,
    }.items():
        found.append(damage.with_value(values, where, value))
    # An old file, whose environment is made when it is loaded.
    old = {key: value for key, value in values.items() if key not in ("border", "dummy_steps", "frame_stack")}
    return [*found, {**old, "environment": name}, {**values, "environment": name, "backend": "gymnasium"}]


def test_no_entry_runs_what_a_file_names(run):
    model, config = (
        damage.metadata_of(run / "model.safetensors"),
        json.loads((run / "config.json").read_text()),
    )
    hostile = lies(config, "evilmod:CartPole-v1")
    hostile += [{**config, "environment": name} for name in NAMES]
    (run.parent / "hostile.json").write_text(json.dumps([hostile, model]))
    code = """
import contextlib, io, json, shutil, warnings
from pathlib import Path
import operant
from operant.cli import main
from tests.reliability import damage

warnings.simplefilter("ignore")
os.environ["COLUMNS"] = "80"
hostile, model = json.loads(Path("hostile.json").read_text())
refused, used, commands = 0, 0, 0

def tried(read):
    global refused, used
    try:
        read()
        used += 1
    except (ValueError, OSError, ImportError) as error:
        refused += 1

def typed(*words):
    global commands
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        commands += main(list(words)) == 2

operant.load("run").evaluate(1)   # what is imported by everybody is, before anybody looks
operant.Agent.restore("run")
sys.addaudithook(watch)
for config in hostile:
    own = {key: value for key, value in config.items() if key not in ("operant_version", "total_timesteps")}
    text = json.dumps({**model, "config": own})
    before = len(SEEN)
    damage.set_text(Path("run/model.safetensors"), text)
    shutil.copy("run/model.safetensors", "run/best/model.safetensors")
    Path("run/config.json").write_text(json.dumps(config))
    del SEEN[before:]             # what was written here is no reader's doing
    tried(lambda: operant.load("run/model.safetensors").evaluate(1))
    tried(lambda: operant.load("run", best=True))
    tried(lambda: operant.load("run").predict([0.0] * 4))
    tried(lambda: operant.Agent.restore("run"))
    typed("info", "run")
    if config["environment"] != "CartPole-v1":
        tried(lambda: operant.load("run").record("film.mp4"))
        tried(lambda: operant.Agent.resume("run", progress_bar=False))
        for words in (("evaluate", "run"), ("evaluate", "run", "--checkpoint", "64"), ("resume", "run"),
                      ("record", "run", "film.mp4"), ("watch", "run"), ("export", "run", "--output", "policy.onnx"),
                      ("train", "--config", "run/config.json"), ("train", "--from", "run/model.safetensors")):
            typed(*words)
assert refused > len(hostile) and used and commands > 20, (refused, used, commands)
assert "evilmod" not in sys.modules
"""
    assert child(code, run.parent) == []
    assert not (run.parent / "evilmod" / "imported").exists()
