"""An Atari game and all that is done to it, as a value: what is seen, what an action is, how a game starts and ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, get_args

from operant.envs.atari import ids

if TYPE_CHECKING:
    import gymnasium as gym

    from operant.envs.wrappers.base import Wrapper

Seen = Literal["frames", "rgb", "grayscale", "ram"]
FRAMES = 108_000  # half an hour of play
NOT_TAKEN = {
    "autoreset_mode": "a game that ends is always begun anew in the same step, and its last frame is kept",
    "batch_size": "a step is always one of all num_envs games",
    "life_loss_info": "episodic_life=True is what it does: a lost life ends value, and not the game",
    "render_mode": "operant watch shows the game in a window, and operant record films it",
    "sound_obs": "policies do not listen",
    "game": "the id names it",
}


MAYBE = ("use_fire_reset", "maxpool", "grayscale")  # flags whose default depends on the others


@dataclass(frozen=True)
class Atari:
    """An Atari game with its preprocessing: `operant.PPO(operant.Atari("Pong", noop_max=0))`.

    The very options are keyword arguments of its id, `operant.PPO("ALE/Pong-v5", env_kwargs={"noop_max": 0})` and
    `--env-kwargs noop_max=0`, with the names that ale-py's AtariVectorEnv gives them. The defaults are those of the
    published results (Mnih et al. 2015; Machado et al. 2018), with sticky actions as the id says.

    Raises ValueError, naming the option, its value and the remedy, for what cannot be or goes against another option.
    """

    id: str
    """ALE/Pong-v5 or Pong (sticky), PongNoFrameskip-v4 (not sticky), Pong-v0, Pong-v4 and their kin."""
    _: KW_ONLY
    obs_type: Seen | None = None
    """frames: preprocessed pictures; rgb, grayscale, ram: the screen or the memory as the emulator has them. None:
    frames, and ram for an id that says so."""
    frameskip: int | tuple[int, int] | None = None
    """Frames for which an action is held; (2, 5): 2, 3 or 4 by chance. None: as the id says."""
    repeat_action_probability: float | None = None
    """The probability, in each frame, that the action of the frame before is taken once more (sticky actions). None: as
    the id says."""
    full_action_space: bool = False
    """All 18 actions, or only those that do something in the game."""
    continuous: bool = False
    """The stick as angle and strength instead of one of the actions (CALE, Farebrother & Castro 2024)."""
    continuous_action_threshold: float = 0.5
    """How far the stick must be moved to count."""
    max_num_frames_per_episode: int = FRAMES
    """Frames after which a game is cut short: truncated, not terminated."""
    mode: int | None = None
    """The game's mode; None: its own default."""
    difficulty: int | None = None
    """The game's difficulty; None: its own default."""
    noop_max: int = 30
    """A game starts with a random number of no-ops up to this one; 0: with none."""
    use_fire_reset: bool | None = None
    """FIRE is pressed once before them, if the game has it: Breakout starts with it. None: yes, unless continuous."""
    episodic_life: bool = True
    """A lost life ends value, by a discount of 0, and not the game: whole games are scored, whatever this says."""
    reward_clipping: bool = True
    """What is learnt from are rewards clipped to [-1, 1]; scores are the game's own."""
    stack_num: int | None = None
    """How many of the last observations are seen at once. None: 4 frames, and 1 of all else."""
    maxpool: bool | None = None
    """The maximum of the last two frames is seen, since some things are drawn in every other frame only. None: yes,
    where there are two."""
    grayscale: bool | None = None
    """Frames are grey. None: yes."""
    img_height: int | None = None
    """The height that frames are made smaller to. None: 84."""
    img_width: int | None = None
    """The width. None: 84."""
    num_threads: int = 0
    """Threads of the emulators; 0: one for each game and core. Nothing else depends on it."""
    thread_affinity_offset: int = -1
    """The processor that the first thread stays on, and the next on the next; -1: any."""

    def __post_init__(self) -> None:
        said = ids.read(self.id)
        if said is None:
            raise ValueError(
                f"{self.id!r} is no id of an Atari game, such as ALE/Pong-v5 or Pong.{ids.nearest(self.id)}"
            )
        self._set(id=said.id)
        self._fill(obs_type="ram" if said.ram else "frames")
        if self.obs_type not in get_args(Seen):
            raise self._wrong("obs_type", f"one of {', '.join(get_args(Seen))}")
        if isinstance(self.frameskip, list):  # of a file
            self._set(frameskip=tuple(self.frameskip))
        self._fill(frameskip=said.frameskip, repeat_action_probability=said.sticky)
        self._fill(use_fire_reset=not self.continuous)
        if self.obs_type == "frames":
            several = isinstance(self.frameskip, int) and self.frameskip > 1
            self._fill(maxpool=several, grayscale=True, img_height=84, img_width=84, stack_num=4)
        self._fill(stack_num=1)
        self._require_possible()
        self._require_consistent()

    @classmethod
    def of(cls, id: str, env_kwargs: Mapping[str, Any]) -> Atari:
        """That of an id and the keyword arguments that somebody gives. Raises ValueError for one that there is not."""
        known = [each.name for each in fields(cls) if each.name != "id"]
        for name, value in env_kwargs.items():
            if name in known:
                continue
            close = get_close_matches(name, known, n=1)
            guess = f" Did you mean {close[0]!r}?" if close else f" It takes {', '.join(known)}."
            why = f": {NOT_TAKEN[name]}. Leave it out." if name in NOT_TAKEN else f".{guess}"
            raise ValueError(f"env_kwargs: {id} has no argument {name!r} (value {value!r}){why}")
        return cls(id, **env_kwargs)

    @property
    def env_kwargs(self) -> dict[str, Any]:
        """All options that apply, by name, with which `Atari.of` makes the same again."""
        usual = {"num_threads": 0, "thread_affinity_offset": -1}  # of which no result depends
        usual |= {} if self.continuous else {"continuous_action_threshold": 0.5}
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "id"}
        return {
            name: value for name, value in values.items() if value is not None and usual.get(name) != value
        }

    @property
    def game(self) -> str:
        """The game's name, as in ids."""
        said = ids.read(self.id)
        assert said is not None
        return said.game

    @property
    def rom(self) -> str:
        """The game's name, as of its file."""
        return ids.GAMES[self.game]

    @property
    def sticky(self) -> float:
        """The probability of an action's being taken once more."""
        return self.repeat_action_probability or 0.0

    @property
    def max_steps(self) -> int:
        """Of the agent, after which a game is cut short; where the skip is random, at most."""
        least = self.frameskip[0] if isinstance(self.frameskip, tuple) else self.frameskip
        assert least is not None
        return math.ceil(self.max_num_frames_per_episode / least)

    @property
    def wrappers(self) -> tuple[Wrapper, ...]:
        """What goes around a game, the innermost first: what an action is, what is seen, and what is learnt from."""
        from operant.envs.wrappers import ClipReward, FrameStack, LifeLoss, Repeat, Resize, TimeLimit

        made: list[Wrapper] = []
        if isinstance(self.frameskip, int):
            made += [Repeat(self.frameskip, 2 if self.maxpool else 1)] * (self.frameskip > 1)
            made.append(TimeLimit(self.max_steps))
        made += [LifeLoss()] * self.episodic_life
        if self.img_height is not None and self.img_width is not None:
            made.append(Resize(self.img_height, self.img_width))
        made += [FrameStack(self.stack_num)] if self.stack_num is not None and self.stack_num > 1 else []
        return (*made, *[ClipReward()] * self.reward_clipping)

    @property
    def not_threaded(self) -> str:
        """The option for which ale-py's threads cannot step it; "" where they can."""
        if self.obs_type != "frames":
            return f"obs_type={self.obs_type!r}"
        if isinstance(self.frameskip, tuple):
            return f"frameskip={self.frameskip}"
        return next(
            (
                f"{name}={value}"
                for name in ("mode", "difficulty")
                if (value := getattr(self, name)) is not None
            ),
            "",
        )

    def __call__(self, render_mode: str | None = None) -> gym.Env:
        """One game for Gymnasium, without `wrappers`. Raises ImportError or ValueError where it cannot be."""
        from operant.envs.atari.game import game

        return game(self, render_mode)

    def _fill(self, **values: Any) -> None:
        """Set those of these that are None."""
        self._set(**{name: value for name, value in values.items() if getattr(self, name) is None})

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _wrong(self, name: str, allowed: str) -> ValueError:
        return ValueError(f"{self.id}: {name}={getattr(self, name)!r}: must be {allowed}.")

    def _require_possible(self) -> None:
        """Raise ValueError for the first value that cannot be."""
        for each in fields(self):
            value = getattr(self, each.name)
            flag = isinstance(each.default, bool) or each.name in MAYBE
            if flag and value is not None and not isinstance(value, bool):
                raise self._wrong(each.name, "True or False")
        least_of = {"noop_max": 0, "mode": 0, "difficulty": 0, "num_threads": 0, "thread_affinity_offset": -1}
        least_of |= dict.fromkeys(("max_num_frames_per_episode", "stack_num", "img_height", "img_width"), 1)
        for name, least in least_of.items():
            value = getattr(self, name)
            if value is not None and not (_is_whole(value) and value >= least):
                raise self._wrong(name, f"a whole number, at least {least}")
        for name, most in (("repeat_action_probability", 1), ("continuous_action_threshold", math.inf)):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < most):
                raise self._wrong(name, "a number from 0 to below 1" if most == 1 else "a number, at least 0")
        skip: Any = self.frameskip
        least: Any = skip
        most: Any = None
        if isinstance(skip, tuple) and len(skip) == 2:
            least, most = skip
        rising = most is None or (_is_whole(most) and most > least)
        if not (_is_whole(least) and least >= 1 and rising):
            raise self._wrong("frameskip", "a whole number, at least 1, or two, as in (2, 5) for 2 to 4")

    def _require_consistent(self) -> None:
        """Raise ValueError for options that go against each other."""
        if self.obs_type != "frames":
            for name in ("maxpool", "grayscale", "img_height", "img_width"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"{self.id}: {name}={getattr(self, name)!r} is of preprocessed frames, and obs_type="
                        f"{self.obs_type!r} is seen as it is. Leave one of them out."
                    )
        if self.maxpool and not (isinstance(self.frameskip, int) and self.frameskip > 1):
            raise ValueError(
                f"{self.id}: maxpool=True needs at least two frames of an action, and frameskip={self.frameskip!r}. "
                "Leave it out, or take frameskip=4."
            )
        if self.continuous and self.use_fire_reset:
            raise ValueError(
                f"{self.id}: use_fire_reset=True presses one of the choices, of which there are none with "
                "continuous=True. Leave one of them out."
            )
        if self.continuous_action_threshold != 0.5 and not self.continuous:
            raise ValueError(
                f"{self.id}: continuous_action_threshold={self.continuous_action_threshold!r} has no effect without "
                "continuous=True: add it."
            )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
