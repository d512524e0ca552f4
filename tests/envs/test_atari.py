"""Atari: ale-py's threads against a loop over one emulator, against single games in wrappers, and what ids mean."""

from __future__ import annotations

import json
import time

import jax
import numpy as np
import pytest

import operant
from operant.agent import showing
from operant.engine.files import leaf_names, read_arrays
from operant.engine.tensors import save_file
from operant.envs.arguments import to_json
from operant.envs.atari import ids
from operant.envs.atari.options import Atari
from operant.envs.atari.threads import AtariThreads
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.gymnasium_stepping import seeds
from operant.envs.ids import atari_id, registered, resolve
from operant.envs.source import Source
from operant.envs.wrappers import as_wrappers
from operant.ops.images import resize_area

pytest.importorskip("ale_py")

KEY = jax.random.key(7)


# ids and options


def test_read_says_what_each_id_of_a_game_means():
    """Catches stickiness or skipping that belongs to another version of an id."""
    for id, sticky, skip, ram in (
        ("ALE/Pong-v5", 0.25, 4, False),
        ("Pong-v0", 0.25, (2, 5), False),
        ("Pong-v4", 0.0, (2, 5), False),
        ("PongNoFrameskip-v0", 0.25, 4, False),
        ("PongNoFrameskip-v4", 0.0, 4, False),
        ("PongDeterministic-v4", 0.0, 4, False),
        ("SpaceInvadersDeterministic-v0", 0.25, 3, False),
        ("Pong-ram-v0", 0.25, (2, 5), True),
        ("Pong-ramNoFrameskip-v4", 0.0, 4, True),
    ):
        said = ids.read(id)
        assert said is not None
        assert (said.id, said.sticky, said.frameskip, said.ram) == (id, sticky, skip, ram)
        assert ids.GAMES[said.game] in ("pong", "space_invaders")
        if id in ("Pong-v0", "PongNoFrameskip-v4", "Pong-ramNoFrameskip-v4"):
            spec = Source(id).spec
            assert spec.id == id
            assert spec.observation_space.shape == ((128,) if ram else (84, 84, 4))
            assert spec.max_episode_steps == (54_000 if skip == (2, 5) else 27_000)
    for short, whole in (
        ("Pong", "ALE/Pong-v5"),
        ("ALE/Pong", "ALE/Pong-v5"),
        ("ale_py:ALE/Pong-v5", "ALE/Pong-v5"),
        ("TicTacToe3D", "ALE/TicTacToe3D-v5"),
        ("MsPacmanNoFrameskip", "MsPacmanNoFrameskip-v4"),
    ):
        assert resolve(short) == atari_id(short) == registered(short) == whole
    for other in ("CartPole-v1", "MinBreakout", "module:Pong-v5", "PongFoo-v4", "Pong-v4-v4"):
        assert atari_id(other) is None


def test_read_knows_the_games_of_ale_py():
    """Catches a game that is missing in the list or called otherwise."""
    from ale_py import roms

    for_two = {"combat", "joust", "maze_craze", "warlords"}
    assert set(ids.GAMES.values()) == set(roms.get_all_rom_ids()) - for_two
    import gymnasium as gym

    registered_games = {id[4:-3] for id in gym.registry if id.startswith("ALE/")}
    assert set(ids.GAMES) == registered_games


def test_an_id_that_somebody_registered_is_theirs(monkeypatch):
    import gymnasium as gym

    monkeypatch.setitem(gym.registry, "Pong-v0", gym.registry["CartPole-v1"])
    assert atari_id("Pong-v0") is None


def test_atari_options_are_all_said_and_come_back_from_what_is_stored():
    """Catches an option that is left at a default which another id, or a later release, has otherwise."""
    for id, given in (
        ("Pong", {}),
        ("Pong-v4", {"stack_num": 1}),
        ("PongNoFrameskip-v4", {"repeat_action_probability": 0.5, "grayscale": False}),
        ("Breakout", {"obs_type": "ram", "noop_max": 0, "episodic_life": False}),
        ("Breakout", {"continuous": True, "continuous_action_threshold": 0.1, "mode": 0, "num_threads": 1}),
    ):
        atari = Atari.of(id, given)
        assert Atari.of(atari.id, atari.env_kwargs) == atari
        assert Atari.of(atari.id, atari.env_kwargs).env_kwargs == atari.env_kwargs
        assert atari.env_kwargs.items() >= given.items()
        for name in (
            "frameskip",
            "repeat_action_probability",
            "noop_max",
            "stack_num",
            "obs_type",
            "episodic_life",
        ):
            assert name in atari.env_kwargs
        stored = json.loads(json.dumps(to_json(Source(id, env_kwargs=given).env_kwargs)[0]))
        assert Atari.of(atari.id, stored) == atari
    assert (
        Source(Atari("Pong", noop_max=3)).env_kwargs == Source("Pong", env_kwargs={"noop_max": 3}).env_kwargs
    )


WRONG = [
    ("ALE/Pnog-v5", {}, "Unknown Atari game 'Pnog' in 'ALE/Pnog-v5'. Did you mean ALE/Pong-v5"),
    ("XyzzyNoFrameskip-v4", {}, "Unknown Atari game 'Xyzzy'"),
    ("Pong-v5", {}, "ALE/Pong-v5"),
    ("ALE/Pong-v4", {}, "no id of an Atari game: ids are such as ALE/Pong-v5 and PongNoFrameskip-v4"),
    ("Pong", {"noop_mx": 3}, "no argument 'noop_mx' .* Did you mean 'noop_max'"),
    ("Pong", {"batch_size": 3}, "a step is always one of all num_envs games"),
    ("Pong", {"life_loss_info": True}, "episodic_life=True is what it does"),
    ("Pong", {"obs_type": "screen"}, "must be one of frames, rgb, grayscale, ram"),
    ("Pong", {"frameskip": 0}, "frameskip=0: must be a whole number"),
    ("Pong", {"frameskip": (5, 2)}, r"frameskip=\(5, 2\): must be"),
    ("Pong", {"repeat_action_probability": 1}, "a number from 0 to below 1"),
    ("Pong", {"img_width": 0}, "img_width=0: must be a whole number, at least 1"),
    ("Pong", {"img_width": 161}, "Resize: 84×161 is more than the 210×160 pixels"),
    ("Pong", {"grayscale": "no"}, "grayscale='no': must be True or False"),
    ("Pong", {"reward_clipping": 1}, "reward_clipping=1: must be True or False"),
    ("Pong", {"mode": 7}, "mode=7: Pong has 0, 1"),
    ("Pong", {"difficulty": 9}, "difficulty=9: Pong has 0, 1, 2, 3"),
    ("Pong", {"obs_type": "ram", "img_height": 84}, "img_height=84 is of preprocessed frames"),
    ("Pong", {"frameskip": 1, "maxpool": True}, "maxpool=True needs at least two frames"),
    ("Pong-v4", {"maxpool": True}, "maxpool=True needs at least two frames"),
    ("Pong", {"continuous": True, "use_fire_reset": True}, "use_fire_reset=True presses one of the choices"),
    ("Pong", {"continuous_action_threshold": 0.2}, "has no effect without continuous=True"),
]


@pytest.mark.parametrize(("id", "given", "match"), WRONG, ids=range(len(WRONG)))
def test_wrong_and_contradictory_options_are_refused_in_a_line(id, given, match):
    with pytest.raises(ValueError, match=match) as caught:
        _ = Source(id, env_kwargs=given).spec
    assert "\n" not in str(caught.value)


def test_ale_pys_threads_are_taken_where_they_can_be_and_refused_where_they_cannot():
    """Catches options that the threads do not have, and leave out in silence."""
    for given, how in (({}, "vector_entry_point"), ({"obs_type": "ram"}, "sync"), ({"mode": 1}, "sync")):
        assert Source("Pong", env_kwargs=given).vectorization == how
    assert Source("Pong-v4").vectorization == Source("CartPole-v1").vectorization == "sync"
    assert Source("Pong", wrappers=(operant.TimeLimit(9),)).vectorization == "sync"
    assert Source("Pong", vectorization="async").vectorization == "async"
    for given, wrappers, match in (
        ({"obs_type": "rgb"}, (), "threads do not take obs_type='rgb'"),
        ({"difficulty": 1}, (), "difficulty=1"),
        ({"frameskip": (2, 5)}, (), "frameskip"),
        ({}, (operant.TimeLimit(9),), "TimeLimit"),
    ):
        with pytest.raises(ValueError, match=match):
            Source("Pong", env_kwargs=given, wrappers=wrappers, vectorization="vector_entry_point")


def test_a_missing_extra_and_a_missing_file_of_a_game_are_said_in_a_line(monkeypatch, tmp_path, capsys):
    from operant.cli import main

    monkeypatch.setenv("ALE_ROMS_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"ALE/Pong-v5: the file pong.bin is missing .* see ALE_ROMS_DIR"):
        _ = Source("Pong").spec
    monkeypatch.delenv("ALE_ROMS_DIR")
    monkeypatch.setitem(__import__("sys").modules, "ale_py", None)
    with pytest.raises(
        ImportError, match=r'^ALE/Pong-v5 needs the extra atari: pip install "operant-rl\[atari\]"$'
    ):
        _ = Source("Pong").spec
    assert main(["train", "ppo", "Pong"]) == 2
    error = capsys.readouterr().err
    assert 'pip install "operant-rl[atari]"' in error
    assert "Traceback" not in error


# ale-py's threads


class Emulator:
    """The same by a loop over one emulator, as slowly as it is said."""

    def __init__(self, atari, seed):
        import ale_py
        from ale_py import roms

        self.atari, self.ale = atari, ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", atari.sticky)
        self.ale.setInt("random_seed", seed)
        self.ale.loadROM(roms.get_rom_path(atari.rom))
        self.actions = self.ale.getMinimalActionSet()

    def reset(self, frames):
        """A game that begins after so many frames: FIRE, and no-ops."""
        self.ale.reset_game()
        for t in range(frames):
            self.ale.act(self.actions[1] if t == 0 and self.atari.use_fire_reset else self.actions[0])
        self.steps, self.stack = 0, [self.shown([self.screen()])] * 4
        return np.concatenate(self.stack, -1)

    def screen(self):
        return self.ale.getScreenGrayscale() if self.atari.grayscale else self.ale.getScreenRGB()

    def shown(self, screens):
        pooled = np.maximum.reduce(screens)
        channels = [pooled] if self.atari.grayscale else [pooled[..., c] for c in range(3)]
        return np.stack([resize_area(c, self.atari.img_height, self.atari.img_width) for c in channels], -1)

    def step(self, action):
        reward, screens, lives = 0, [], self.ale.lives()
        for _ in range(self.atari.frameskip):
            reward += self.ale.act(self.actions[action])
            screens.append(self.screen())
            if over := self.ale.game_over():
                break
        self.steps += 1
        self.stack = [*self.stack[1:], self.shown(screens[-2:])]
        return np.concatenate(self.stack, -1), reward, over, self.ale.lives() < lives


@pytest.mark.parametrize(
    ("game", "options", "happens"),
    [
        ("Breakout", {}, {"terminated", "lost"}),
        ("Breakout", {"max_num_frames_per_episode": 400}, {"truncated", "lost"}),
        (
            "SpaceInvadersNoFrameskip-v4",
            {"noop_max": 0, "use_fire_reset": False, "img_height": 50, "grayscale": False},
            {"lost", "large"},
        ),
    ],
)
def test_atari_threads_are_a_loop_over_one_emulator(game, options, happens):
    """Catches a game cut short that counts as over, a frame of the next game shown as the last, a life of the next game
    that counts as lost, clipped rewards in scores, a stack that begins with black frames or goes over a game's end.
    """
    n, steps = 2, 220
    source = Source(game, env_kwargs=options)
    threads = source.host(n)
    reset, said = (
        threads.envs.reset,
        [],
    )  # what ale-py says of games that are begun anew when they are cut short
    threads.envs.reset = lambda **how: said.append(answer := reset(**how)) or answer
    observation, mask = threads.reset(KEY)
    assert mask is None
    emulators = [Emulator(source.atari, seed) for seed in seeds(KEY, n)]
    for i, emulator in enumerate(emulators):
        np.testing.assert_array_equal(
            observation[i], emulator.reset(threads.infos[i]["episode_frame_number"])
        )
    seen = dict.fromkeys(("terminated", "truncated", "lost", "large"), 0)
    generator, told, channels = np.random.default_rng(0), [], 1 if source.atari.grayscale else 3
    threads.on_end = lambda i, n, info: told.append((i, n))
    for _ in range(steps):
        actions = generator.integers(0, source.spec.action_space.n, n)
        answer = threads.step(actions)
        for i, emulator in enumerate(emulators):
            shown, reward, over, lost = emulator.step(int(actions[i]))
            cut = not over and emulator.steps == source.atari.max_steps
            assert (answer.terminated[i], answer.truncated[i]) == (over, cut)
            assert (answer.raw_reward[i], answer.reward[i]) == (reward, np.clip(reward, -1, 1))
            assert answer.discount[i] == (0 if lost else 1)
            for name, happened in (("terminated", over), ("truncated", cut), ("lost", lost and not over)):
                seen[name] += happened
            seen["large"] += reward > 1
            # Of a game that is over, ale-py shows the frame before once more; no value depends on it.
            known = slice(None, -channels if over else None)
            np.testing.assert_array_equal(answer.next_observation[i][..., known], shown[..., known])
            if over or cut:
                assert (i, n) in told
                begun = threads.infos[i] if over else {name: each[i] for name, each in said[-1][1].items()}
                shown = emulator.reset(begun["episode_frame_number"])
                assert begun["lives"] == emulator.ale.lives()
            np.testing.assert_array_equal(answer.observation[i], shown)
    assert len(told) == seen["terminated"] + seen["truncated"]
    assert all(seen[what] for what in happens), seen
    threads.close()


SAME = {"noop_max": 0, "repeat_action_probability": 0.0}  # nothing by chance


@pytest.mark.parametrize(
    ("game", "options"),
    [
        ("Pong", {"full_action_space": True, "use_fire_reset": False}),
        (
            "Breakout",
            {
                "img_height": 40,
                "img_width": 80,
                "stack_num": 2,
                "frameskip": 3,
                "max_num_frames_per_episode": 200,
            },
        ),
        (
            "Seaquest",
            {"grayscale": False, "maxpool": False, "episodic_life": False, "reward_clipping": False},
        ),
        ("Boxing", {"continuous": True, "frameskip": 1, "img_height": 210, "img_width": 160}),
    ],
)
def test_a_single_game_in_wrappers_is_that_of_ale_pys_threads(game, options):
    """Catches an option that one of the two reads otherwise: what is scored and filmed is not what was trained."""
    source = Source(game, env_kwargs=SAME | options)
    threads, single = source.host(1), Source(game, env_kwargs=SAME | options, vectorization="sync").host(1)
    assert single.spec == threads.spec
    np.testing.assert_array_equal(single.reset(KEY)[0], threads.reset(KEY)[0])
    generator, space, moved = np.random.default_rng(0), source.spec.action_space, False
    for _ in range(120):
        if options.get("continuous"):
            action = generator.uniform(*space.bounds, (1, 3)).astype(np.float32)
        else:
            action = generator.integers(0, space.n, 1)
        one, other = single.step(action), threads.step(action)
        for name in (
            "observation",
            "reward",
            "terminated",
            "truncated",
            "raw_reward",
            "discount",
            "next_observation",
        ):
            if name == "next_observation" and one.terminated[0]:
                continue
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        moved |= bool((one.observation != one.next_observation).any() or one.reward[0])
    assert moved or game != "Breakout"
    threads.close(), single.close()


def test_atari_threads_show_the_last_frames_of_a_game_before_those_of_the_next():
    """Catches the first frame of the next game in place of the last: only its newest frame is ale-py's of before."""
    host = Source("Breakout", env_kwargs={"noop_max": 0}).host(4)
    before, seen = host.reset(KEY)[0], 0
    for t in range(300):
        answer = host.step(np.full(4, 1 + 2 * (t % 2)))  # FIRE, or after it to the left
        np.testing.assert_array_equal(answer.next_observation[..., :3], before[..., 1:])
        for i in np.flatnonzero(answer.terminated):
            seen += 1
            assert (answer.next_observation[i, ..., 3] != answer.observation[i, ..., 3]).any()
            np.testing.assert_array_equal(answer.observation[i], answer.observation[i][..., :1].repeat(4, -1))
        before = answer.observation
    assert seen


def test_atari_threads_count_a_life_that_is_won_and_a_game_without_lives_as_no_loss():
    """Catches a life of the next game, or one that is won, which end value."""
    host = Source("Pong").host(1)
    host.reset(KEY)
    receive, lives, over = host.envs.recv, iter([0, 2, 3, 2, 2, 5]), iter([0, 0, 0, 0, 1, 0])

    def told():
        frames, reward, _, truncated, infos = receive()
        infos = infos | {"lives": np.array([next(lives)]), "final_obs": frames}
        return frames, reward, np.array([bool(next(over))]), truncated, infos

    host.envs.recv = told
    assert [host.step(np.zeros(1, int)).discount[0] for _ in range(6)] == [1, 1, 1, 0, 0, 1]


def test_atari_threads_repeat_themselves_from_a_key_and_differ_among_each_other():
    """Catches games that all begin alike, and threads that get in each other's way."""
    runs = []
    for threads in (0, 1):
        host = Source("Pong", env_kwargs={"num_threads": threads}).host(2)
        first = [host.reset(KEY)[0]]
        runs.append(np.stack(first + [host.step(np.full(2, 2 + t % 2)).next_observation for t in range(12)]))
        host.close()
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][:, 0] != runs[0][:, 1]).any()
    host = Source("Pong").host(4)
    host.reset(jax.random.key(9), group=2)
    begun = [info["episode_frame_number"] for info in host.infos]
    assert begun[::2] == begun[1::2]
    assert len(set(begun)) > 1


def test_atari_threads_name_what_takes_too_long():
    source = Source("Pong")
    host = AtariThreads(source.atari, 1, source.spec, timeout=0.3)
    host.reset(KEY)
    host.envs.recv = lambda: time.sleep(5)
    with pytest.raises(EnvironmentFault, match=r"ALE/Pong-v5, step 1: .*env_timeout=0.3 s"):
        host.step(np.zeros(1, int))


# storing


STORED = [
    ("Breakout", {}, ()),
    ("Pong-v0", {"obs_type": "ram", "stack_num": 2}, ()),
    ("Boxing", {"continuous": True, "episodic_life": False, "noop_max": 0, "grayscale": False}, ()),
    ("Qbert", {"reward_clipping": False}, ("time-limit:60", "scale-reward:0.5")),
]


@pytest.mark.parametrize(("game", "options", "wrappers"), STORED, ids=[game for game, *_ in STORED])
def test_games_go_on_from_where_they_were_stored_to_the_last_bit(game, options, wrappers, tmp_path):
    """Catches a layer's counter, the last sticky action, a generator, or a frame of a stack that is not stored."""
    source = Source(game, env_kwargs=options, wrappers=as_wrappers(wrappers), vectorization="sync")
    one, other = source.host(2), source.host(2)
    one.reset(KEY), other.reset(jax.random.key(1))
    generator, space = np.random.default_rng(0), source.spec.action_space

    def action():
        if options.get("continuous"):
            return generator.uniform(*space.bounds, (2, 3)).astype(np.float32)
        return generator.integers(0, space.n, 2)

    for _ in range(40):
        one.step(action()), other.step(action())
    save_file(arrays := one.stored(), tmp_path / "games.safetensors", {})
    other.restore(read_arrays(tmp_path / "games.safetensors", ""))
    assert arrays.keys() == other.stored().keys()
    over = 0
    for _ in range(150 if game in ("Breakout", "Qbert") else 60):
        chosen = action()
        mine, others = one.step(chosen), other.step(chosen)
        for name, value in vars(mine).items():
            np.testing.assert_array_equal(value, getattr(others, name), err_msg=name)
        over += (mine.terminated | mine.truncated).sum()
        assert [dict(info) for info in one.infos] == [dict(info) for info in other.infos]
    assert over or game not in ("Breakout", "Qbert")


def test_stored_games_of_another_kind_or_damaged_are_refused_and_others_are_not_stored():
    one = Source("Pong", env_kwargs={"obs_type": "ram"}).host(1)
    other = Source("Breakout", env_kwargs={"obs_type": "ram"}).host(1)
    one.reset(KEY), other.reset(KEY)
    arrays = one.stored()
    with pytest.raises(ValueError, match="no state of this game"):
        other.restore(arrays)
    with pytest.raises(ValueError, match="no state of this game"):
        one.restore(arrays | {"0/emulator": arrays["0/emulator"][:500]})
    with pytest.raises(ValueError, match="other games, or of the same in other wrappers"):
        one.restore({name: array for name, array in arrays.items() if "total" not in name})
    strange = Source("Pong", env_kwargs={"obs_type": "ram"}, wrappers=(operant.StickyActions(0.5),)).host(1)
    strange.reset(KEY)
    for host in (strange, Source("Pong").host(1), Source("CartPole-v1", "gymnasium").host(1)):
        host.reset(KEY)
        assert host.stored() is None


# training


SMALL = {"network": {"hidden_sizes": [8]}, "num_envs": 2, "preset": None}
TINY = {
    "network": {"convolutions": [[2, 8, 8]], "convolution_features": 4, "hidden_sizes": []},
    "preset": None,
}


def assert_same(one, other):
    named = zip(leaf_names(one), jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    for name, mine, others in named:
        if jax.numpy.issubdtype(mine.dtype, jax.dtypes.prng_key):
            mine, others = jax.random.key_data(mine), jax.random.key_data(others)
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(others), err_msg=name)


@pytest.mark.parametrize("how", ["ppo of memory", "dqn of frames", "two seeds"])
def test_a_run_on_atari_that_is_resumed_is_the_run_that_was_never_stopped(how, tmp_path, capfd):
    """Catches games that begin anew, frames that are missing in the replay, a discount that is lost with a life."""
    arguments = {"env": "Breakout", "vectorization": "sync"}
    if how == "dqn of frames":
        make, arguments = operant.DQN, arguments | TINY
        arguments |= {"buffer_size": 60, "learning_starts": 16, "batch_size": 4, "train_freq": 8}
    else:
        make, arguments = operant.PPO, arguments | SMALL
        arguments |= {"env_kwargs": {"obs_type": "ram"}, "n_steps": 16, "batch_size": 16, "n_epochs": 1}
        arguments |= {"seeds": 2} if how == "two seeds" else {}
    whole = make(**arguments).learn(160, progress_bar=False, run_dir=tmp_path / "whole", log_interval=32)

    class Stop(operant.Callback):
        def on_row(self, progress):
            return progress.step < 64

    stopped = make(**arguments)
    stopped.learn(160, Stop(), progress_bar=False, run_dir=tmp_path / "part", log_interval=32)
    assert stopped.step < 160
    capfd.readouterr()
    resumed = operant.resume(tmp_path / "part", progress_bar=False)
    assert "goes on with the very games that it was stored with" in capfd.readouterr().err
    assert resumed.step == whole.step == 160
    assert_same(whole._core.learner.run, resumed._core.learner.run)


def test_a_run_in_ale_pys_threads_starts_new_games_when_it_is_resumed_and_says_so(
    tmp_path, capfd, monkeypatch
):
    monkeypatch.setattr(showing, "_announced", set())  # each game's options are said once in a process
    arguments = TINY | {"n_steps": 8, "batch_size": 8, "n_epochs": 1, "num_envs": 2}
    operant.PPO("Pong", **arguments).learn(32, progress_bar=False, run_dir=tmp_path / "run", log_interval=16)
    said = capfd.readouterr().err
    assert (
        "ALE/Pong-v5: an action lasts 4 frames; the maximum of the last two frames, grey, 84×84, stacks of 4"
        in said
    )
    assert "up to 30 no-ops and FIRE at the start, sticky actions 0.25" in said
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["total_timesteps"] = 64
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    resumed = operant.resume(tmp_path / "run", progress_bar=False)
    assert resumed.step == 64
    assert resumed.source.env_kwargs == Source("Pong").env_kwargs
    assert resumed.source.vectorization == "vector_entry_point"
    assert (
        "starts new games, since ale-py's threads cannot be stored; --vectorization sync"
        in capfd.readouterr().err
    )
