"""What the installed JAX and XLA do not know is left out, tried once, and said."""

from __future__ import annotations

import os
import subprocess
import sys

import jax
import jaxlib
import pytest

from operant import supported

OPTION = "xla_backend_optimization_level"


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch):
    monkeypatch.setattr(supported, "_left_out", {})
    supported._answers.cache_clear()
    yield
    supported._answers.cache_clear()


def test_an_option_that_the_compiler_does_not_know_is_left_out_and_not_tried_again(tmp_path, monkeypatch):
    wanted = {"xla_no_such_option": True, OPTION: 0}
    assert supported.compiler_options(wanted, tmp_path) == {OPTION: 0}
    assert supported.left_out() == ["xla_no_such_option (compiler option)"]
    supported._answers.cache_clear()  # as in another process
    monkeypatch.setattr(jax, "jit", None)  # fails if one is tried again
    assert supported.compiler_options(wanted, tmp_path) == {OPTION: 0}


def test_where_answers_cannot_be_kept_they_are_found_out_again(tmp_path):
    (tmp_path / "file").touch()
    assert supported.compiler_options({OPTION: 0}, tmp_path / "file" / "answers") == {OPTION: 0}


@pytest.mark.parametrize("content", ["", "[1, 2]", "null", '{"xla_no_such_option": '])
def test_a_file_of_answers_that_is_damaged_is_made_anew(content, tmp_path):
    path = tmp_path / f"jaxlib-{jaxlib.__version__}.json"
    path.write_text(content)
    assert supported.compiler_options({OPTION: 0}, tmp_path) == {OPTION: 0}
    supported._answers.cache_clear()
    assert supported._answers(tmp_path).get(OPTION) is True
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_option_that_jax_does_not_know_or_take_is_left_out():
    supported.set_option("jax_no_such_option", 1)
    supported.set_option("jax_default_matmul_precision", "no such precision")
    assert supported.left_out() == [
        "jax_no_such_option (JAX option)",
        "jax_default_matmul_precision (JAX option)",
    ]


def test_an_xla_flag_that_would_end_the_process_is_left_out(tmp_path, monkeypatch):
    wanted = {"--xla_no_such_flag": "1", "--xla_cpu_multi_thread_eigen": "false"}
    assert supported.flags(wanted, tmp_path) == wanted  # with these versions they were all tried
    monkeypatch.setattr(supported, "TRIED", ((0, 1), (0, 2)))
    assert supported.flags(wanted, tmp_path) == {"--xla_cpu_multi_thread_eigen": "false"}
    assert supported.left_out() == ["--xla_no_such_flag (XLA flag)"]
    supported._answers.cache_clear()
    monkeypatch.setattr(supported, "_starts", None)  # fails if one is tried again
    assert supported.flags(wanted, tmp_path) == {"--xla_cpu_multi_thread_eigen": "false"}


def test_the_version_is_found_without_importing_jaxlib():
    assert supported.jaxlib_version() == jaxlib.__version__
    first, last = supported.TRIED
    assert first <= supported.numbers("0.10.2") <= last
    for other in ("0.6.2", "0.12.0.2", "0.13.0", "1.0", "0.11.0.dev20260101"):
        assert not first <= supported.numbers(other) <= last


LATER = """
from operant import settings, supported
supported.TRIED = ((0, 1), (0, 2))
settings.flags = lambda: {"--xla_no_such_flag": "1", "--xla_force_host_platform_device_count": "3"}
settings.options = lambda: {"jax_no_such_option": 1}
asked = supported.compiler_options
supported.compiler_options = lambda wanted, where: asked(wanted | {"xla_no_such_option": 1}, where)
import os
os.environ["OPERANT_SETTINGS"] = "on"
settings.apply()
import jax, operant
settings.apply()
operant.PPO("CartPole-v1", preset=None, num_envs=2, n_steps=8, batch_size=8, n_epochs=1).learn(16, progress_bar=False)
report = settings.report()
print(report["devices"], report["unknown to this JAX, left out"], sep="\\n")
"""


@pytest.mark.slow
def test_training_works_with_a_jax_that_has_dropped_something_of_each_kind(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS" and not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", LATER],
        env=environment
        | {"JAX_PLATFORMS": "cpu", "OPERANT_SETTINGS": "off", "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    devices, missing = done.stdout.splitlines()[-2:]
    assert len(devices.split(", ")) == 3
    assert {"--xla_no_such_flag (XLA flag)", "jax_no_such_option (JAX option)"} <= {*missing.split(", ")}
    assert "xla_no_such_option (compiler option)" in missing
