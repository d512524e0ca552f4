"""Which ids are those of Atari games, and what they say. Neither JAX nor Gymnasium is needed for it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import NamedTuple

# Those of ale-py 0.12 that one can play alone, as it calls their files.
_ROMS = """
adventure air_raid alien amidar assault asterix asteroids atlantis atlantis2 backgammon bank_heist basic_math
battle_zone beam_rider berzerk blackjack bowling boxing breakout carnival casino centipede chopper_command
crazy_climber crossbow darkchambers defender demon_attack donkey_kong double_dunk earthworld elevator_action enduro
entombed et fishing_derby flag_capture freeway frogger frostbite galaxian gopher gravitar hangman haunted_house hero
human_cannonball ice_hockey jamesbond journey_escape kaboom kangaroo keystone_kapers king_kong klax koolaid krull
kung_fu_master laser_gates lost_luggage mario_bros miniature_golf montezuma_revenge mr_do ms_pacman name_this_game
othello pacman phoenix pitfall pitfall2 pong pooyan private_eye qbert riverraid road_runner robotank seaquest
sir_lancelot skiing solaris space_invaders space_war star_gunner superman surround tennis tetris tic_tac_toe_3d
time_pilot trondead turmoil tutankham up_n_down venture video_checkers video_chess video_cube video_pinball
wizard_of_wor word_zapper yars_revenge zaxxon
"""
GAMES = {rom.title().replace("_", ""): rom for rom in _ROMS.split()}
"""`{the name in ids: the name of the file}`."""

STICKY = 0.25  # Machado et al. 2018, section 5.2
SKIP = 4  # frames of an action, in all published results but some of Space Invaders
RANDOM_SKIP = (2, 5)  # from 2 to 4
_ID = re.compile(r"(ALE/)?([A-Za-z]\w*?)(-ram)?(NoFrameskip|Deterministic)?(?:-v(\d+))?")


class Said(NamedTuple):
    """What an id says."""

    id: str  # with its version
    game: str  # as in ids: Pong
    sticky: float  # the probability that an action is taken once more
    frameskip: int | tuple[int, int]
    ram: bool  # whether the memory is seen in place of the screen


def read(id: str) -> Said | None:
    """What the id of an Atari game says; None for any other id.

    `ALE/Pong-v5` and `Pong` are sticky (0.25), and an action lasts 4 frames; of `Pong-v0` and `Pong-v4` the first is
    sticky, and actions last 2 to 4 frames by chance. `PongNoFrameskip-v4` leaves skipping to the preprocessing, where
    actions last 4 frames, as those of `PongDeterministic-v4` do (of Space Invaders 3).

    Raises ValueError, with the nearest games, where the game is unknown.
    """
    found = _ID.fullmatch(id.removeprefix("ale_py:"))
    if found is None:
        return None
    namespace, game, ram, kind, version = found.groups()
    ours = namespace or kind or id.startswith("ale_py:")
    if game not in GAMES:
        if ours:
            raise ValueError(f"Unknown Atari game {game!r} in {id!r}.{nearest(game)}")
        return None
    if namespace or not (kind or version):
        if version not in (None, "5") or kind:
            raise ValueError(
                f"{id!r} is no id of an Atari game: ids are such as ALE/{game}-v5 and {game}NoFrameskip-v4."
            )
        return Said(f"ALE/{game}{ram or ''}-v5", game, STICKY, SKIP, bool(ram))
    version = version or "4"
    if version not in ("0", "4"):
        raise ValueError(f"{id!r}: version {version} of {game} is ALE/{game}-v5; others are 0 and 4.")
    skip = 3 if (game, kind) == ("SpaceInvaders", "Deterministic") else SKIP
    name = f"{game}{ram or ''}{kind or ''}-v{version}"
    return Said(name, game, STICKY if version == "0" else 0.0, skip if kind else RANDOM_SKIP, bool(ram))


def nearest(game: str) -> str:
    """ " Did you mean …?" with the ids of the games that are called most like this, and "" where none is."""
    known = {name.lower(): name for name in GAMES}
    close = get_close_matches(game.lower().replace("_", ""), known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(f'ALE/{known[name]}-v5' for name in close)}?" if close else ""
