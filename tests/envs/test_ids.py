"""Texts that cannot be the id of an environment are refused as such, whichever way they come in."""

from __future__ import annotations

import pytest

import operant
from operant.cli import main
from operant.envs.ids import require_well_formed, resolve

MALFORMED = (
    "",
    " ",
    "../x",
    "Cart Pole-v1",
    "CartPole-v1\0",
    ":CartPole-v1",
    "a:b:CartPole-v1",
    "..:X-v0",
    "a-b:X-v0",
    "é/…",
)


@pytest.mark.parametrize("id", MALFORMED)
def test_require_well_formed_refuses_a_malformed_id(id, capsys):
    with pytest.raises(ValueError, match="Malformed environment id"):
        operant.PPO(id, preset=None)
    with pytest.raises(ValueError, match="Malformed environment id"):
        operant.make("random", "CartPole-v1").evaluate(1, env=id, deterministic=False)
    for command in (["train", "ppo"], ["evaluate", "random"], ["check"], ["environments"]):
        assert main([*command, id]) == 2
        assert repr(id) in capsys.readouterr().err


def test_require_well_formed_and_resolve_take_well_formed_ids():
    for id in (
        "CartPole-v1",
        "ALE/Pong-v5",
        "GridWorld",
        "my.module:MyEnv-v0",
        "a_b:name/space-v3",
        "CartPole",
    ):
        require_well_formed(id)
    assert resolve("CartPole") == "CartPole-v1"
