"""What JAX does not promise is named in one file."""

import re
from pathlib import Path

import operant
from operant import private_jax

PRIVATE = re.compile(
    r"jax\._src|xla_client|xla_extension|runtime_executable|execute_sharded|deserialize_executable|config\.values"
)


def test_no_other_file_names_what_is_private():
    package = Path(operant.__file__).parent
    files = [path for path in package.rglob("*.py") if PRIVATE.search(path.read_text())]
    assert files == [Path(private_jax.__file__)]


def test_what_a_release_does_not_have_is_left_out():
    assert private_jax.executable(object()) is None
    assert private_jax.read(b"no program") is None
