"""Values of a file are checked by kind, and what is wrong is said with the file and the field."""

from __future__ import annotations

import pickle
import sys
import types

import gymnasium as gym
import pytest

from operant.envs.ids import registered
from operant.fields import COUNT, FLAG, FileError, blamed, check, optional, parse, read_json, several, whole

KINDS = {"seed": whole(0, 9), "flag": FLAG.later, "sizes": several(COUNT, at_least=1), "end": optional(COUNT)}
RIGHT = {"seed": 3, "sizes": [1, 2], "end": None, "unknown": object()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": True}, r"^seed: it is True; must be a whole number from 0 to 9\.$"),
        ({"seed": 10}, "^seed: it is 10"),
        ({"seed": 10**1000}, "^seed: it is a number of 3,322 bits"),
        ({"flag": 1}, "^flag: it is 1; must be true or false"),
        ({"sizes": []}, r"^sizes: it is \[\]"),
        ({"sizes": [1, "2"]}, "^sizes: it is .* each a whole number from 1"),
        ({"end": 0}, "^end: it is 0; must be a whole number from 1, or null"),
    ],
)
def test_fields_of_other_kinds_are_named(changed, said):
    assert check(RIGHT, KINDS) is RIGHT
    with pytest.raises(FileError, match=said):
        check(RIGHT | changed, KINDS)


def test_what_is_missing_is_named_with_the_file():
    with (
        pytest.raises(FileError, match=r"^x\.json: config\.sizes: it is missing\.$"),
        blamed("x.json", "config"),
    ):
        check({"seed": 3}, KINDS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not UTF-8"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
        (b" " * 2**24 + b"1", "operant writes at most"),
        (b"[]", "must be a table"),
    ],
    ids=["cut", "bytes", "deep", "large", "list"],
)
def test_a_file_that_is_no_json_is_named(text, said, tmp_path):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(FileError, match=rf"x\.json: .*{said}"):
        read_json(tmp_path / "x.json")
    assert parse('{"a": 1}') == {"a": 1}
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none")


def test_an_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(FileError("why", "file", "field")))
    assert (str(error), error.path, error.field) == ("file: field: why", "file", "field")


def test_an_id_of_a_file_is_that_of_what_is_registered(monkeypatch):
    assert registered("CartPole-v1") == "CartPole-v1"
    with pytest.raises(ValueError, match=r"nobodys:CartPole-v1 .* import it first .* --import nobodys"):
        registered("nobodys:CartPole-v1")
    monkeypatch.setitem(sys.modules, "nobodys", types.ModuleType("nobodys"))  # somebody has imported it
    assert registered("nobodys:CartPole-v1") == "CartPole-v1"
    with pytest.raises(ValueError, match="is no id"):
        registered("a b!")
    monkeypatch.setitem(gym.registry, "Any-v0", gym.envs.registration.EnvSpec("Any-v0", "shimmy.x:Y"))
    with pytest.raises(ValueError, match="a file named them"):
        registered("Any-v0")
