"""What users of other libraries type: accepted if it means the same here, otherwise answered in one line."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from operant import catalogue
from operant.cli.errors import WrongInput
from operant.lazy import nearest

_NETWORK = "the network is made for the environment; --network.hidden-sizes 64 64 and its kin say how."
_DEVICE = "JAX chooses the device: a GPU where its CUDA build is installed; `operant info` tells which."
_RUN_DIR = (
    "every run has a directory, runs/…, with TensorBoard's events in it; --run-dir DIRECTORY names another."
)
_WANDB = "--wandb PROJECT sends the metrics to Weights & Biases."

# Flags of other libraries that mean the same here.
SAME = {
    "env": "environment",
    "env_id": "environment",
    "env_name": "environment",
    "environment": "environment",
    **dict.fromkeys(
        ("n", "n_timesteps", "timesteps", "steps", "num_timesteps", "total_steps", "max_steps", "frames"),
        "total_timesteps",
    ),
    **dict.fromkeys(("lr", "alpha", "step_size"), "learning_rate"),
    **dict.fromkeys(("n_envs", "num_workers"), "num_envs"),
    **dict.fromkeys(("n_seeds", "num_seeds"), "seeds"),
    **dict.fromkeys(("eval_freq", "eval_every", "evaluation_interval"), "evaluate_every"),
    **dict.fromkeys(("eval_episodes", "n_eval_episodes"), "evaluation_episodes"),
    **dict.fromkeys(("save_freq", "checkpoint_freq", "save_every"), "checkpoint_every"),
    **dict.fromkeys(("progress_bar", "P"), "progress"),
    **dict.fromkeys(("wandb_project", "wandb_project_name"), "wandb"),
    **dict.fromkeys(("hidden_sizes", "net_arch", "hiddens"), "network.hidden_sizes"),
    "activation": "network.activation",
    "data": "dataset",
    "discount": "gamma",
    "lam": "gae_lambda",
    "entropy_coef": "ent_coef",
    "value_coef": "vf_coef",
    "max_grad_norm": "max_grad_norm",
    "grad_clip": "max_grad_norm",
    "minibatch_size": "batch_size",
    "update_epochs": "n_epochs",
    "clip_coef": "clip_range",
    "buffer": "buffer_size",
    "replay_size": "buffer_size",
    "target_network_frequency": "target_update_interval",
}

# Those that do not, and what there is instead.
ANSWERS = {
    **dict.fromkeys(("policy", "policy_kwargs"), _NETWORK),
    **dict.fromkeys(("device", "cuda", "gpu", "num_threads"), _DEVICE),
    **dict.fromkeys(
        ("verbose", "v", "quiet"),
        "--no-progress is quiet; without it there is a table and a bar of progress.",
    ),
    **dict.fromkeys(
        ("tensorboard_log", "f", "log_folder", "log_dir", "logdir", "save_path", "output", "out"), _RUN_DIR
    ),
    **dict.fromkeys(("track", "wandb_entity", "wandb_tags"), _WANDB),
    **dict.fromkeys(
        ("conf_file", "yaml_file"), "--preset FILE.toml takes hyperparameters, --config FILE.toml whole runs."
    ),
    **dict.fromkeys(
        ("optimize", "optimize_hyperparameters", "study_name"),
        "`operant sweep ALGORITHM ENVIRONMENT` searches for hyperparameters, as in --learning-rate log:1e-4:1e-2.",
    ),
    "vec_env": "--vectorization sync steps the environments one by one, async has a process for each.",
    "render": "`operant watch RUN` shows a window after training, and every run films itself.",
    "save": "every run keeps its model; --run-dir DIRECTORY says where.",
    "use_sb3": "algorithms are operant's own.",
}

# Names of algorithms that are flags of others here.
ALGORITHMS = {
    "doubledqn": ("dqn", "--double"),
    "ddqn": ("dqn", "--double"),
    "duelingdqn": ("dqn", "--dueling mean"),
    "c51": ("dqn", "--distributional categorical"),
    "noisydqn": ("dqn", "--noisy"),
    "munchausendqn": ("dqn", "--munchausen"),
    "sacdiscrete": ("sac", ""),
    "drqn": ("dqn", "--network.memory lstm"),
    "maskableppo": ("ppo", ""),
    "recurrentppo": ("ppo", "--network.memory lstm"),
    "ppolstm": ("ppo", "--network.memory lstm"),
    "ppo2": ("ppo", ""),
    "vpg": ("reinforce", ""),
    "pg": ("reinforce", ""),
    "ga": ("genetic", ""),
    "es": ("evolution-strategies", ""),
    "openaies": ("evolution-strategies", ""),
}
LATER = (
    "her",
    "a3c",
    "acktr",
    "acer",
    "impala",
    "dreamer",
    "dreamerv3",
)


def algorithm(name: str) -> str:
    """The algorithm of a name in any spelling, as in PPO, QRDQN or q_learning.

    Raises WrongInput naming the algorithms that come closest.
    """
    known = {_squeezed(each): each for each in catalogue.algorithms()}
    squeezed = _squeezed(name)
    if squeezed in known:
        return known[squeezed]
    if squeezed in ALGORITHMS:
        what, how = ALGORITHMS[squeezed]
        command = f"operant train {what} ENVIRONMENT {how}".rstrip()
        raise WrongInput(f"{name} is {what} {how}".rstrip() + f" here: `{command}`.")
    if squeezed in LATER:
        raise WrongInput(
            f"there is no {name} here; sac, td3 and ppo take continuous actions, and `operant algorithms` lists more."
        )
    raise WrongInput(f"Unknown algorithm {name!r}. {nearest(name, catalogue.algorithms())}")


RENAMED_FLAGS = {"--beside-random": "--with-random"}


def refuse_renamed(arguments: Sequence[str]) -> None:
    """Raise WrongInput, with the new name, for a flag that an earlier version had."""
    for argument in arguments:
        flag = argument.partition("=")[0]
        if flag in RENAMED_FLAGS:
            raise WrongInput(f"{flag} is called {RENAMED_FLAGS[flag]} now.")


def algorithm_first(arguments: Sequence[str]) -> list[str]:
    """The arguments of `train` with the algorithm first, if it was given as a flag."""
    for i, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if flag in ("--algo", "--algorithm", "--agent"):
            after = list(arguments[i + 1 :])
            return [value if equals else after.pop(0), *arguments[:i], *after] if equals or after else []
    return list(arguments)


def understood(arguments: Sequence[str], names: Collection[str]) -> list[str]:
    """The arguments after an algorithm, whose flags are `names`, with other libraries' flags translated.

    Raises WrongInput, with an answer, for flags without an equivalent.
    """
    found: list[str] = []
    environment: list[str] = []
    skip = 0
    for i, argument in enumerate(arguments):
        if skip:
            skip -= 1
            continue
        key, equals, value = argument.lstrip("-").partition("=")
        key = key.replace("-", "_")
        if not re.match(r"--?[A-Za-z]", argument) or key in names or key.partition(".")[0] in names:
            found.append(argument)
        elif key in ("params", "hyperparams"):  # as in -params learning_rate:0.01 n_steps:64
            pairs = _until_flag(arguments[i + 1 :])
            skip = len(pairs)
            for pair in pairs:
                name, _, text = pair.partition(":")
                found += [f"--{name}", text]
        elif SAME.get(key) == "environment":
            if not equals and i + 1 < len(arguments):
                value, skip = arguments[i + 1], 1
            environment = [value]
        elif key in SAME and SAME[key].partition(".")[0] in names:
            found.append(f"--{SAME[key].replace('_', '-')}" + equals + value)
        elif key in ANSWERS:
            raise WrongInput(f"{argument.partition('=')[0]}: {ANSWERS[key]}")
        else:
            found.append(argument)
    return environment + found


def _until_flag(arguments: Sequence[str]) -> list[str]:
    ends = (i for i, argument in enumerate(arguments) if re.match(r"--?[A-Za-z]", argument))
    return list(arguments[: next(ends, len(arguments))])


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
