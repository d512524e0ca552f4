"""The commands; each parameter is a flag, each docstring the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from operant.cli.arguments import (
    Best,
    Checkpoint,
    Environment,
    EnvKwargs,
    EnvTimeout,
    Episodes,
    LearntModel,
    Model,
    Modules,
    OwnEnvironment,
    Seed,
    Stochastic,
    Wrappers,
)
from operant.cli.errors import WrongInput, from_input
from operant.zoo import is_name


def is_sweep(path: str) -> bool:
    """Whether a directory is that of a sweep."""
    return (Path(path) / "sweep.json").is_file()


def train(
    algorithm: tyro.conf.Positional[str],
    environment: tyro.conf.Positional[str],
) -> None:
    """Train, score and show one algorithm in one environment: `operant train ppo CartPole-v1`."""


def sweep(
    algorithm: tyro.conf.Positional[str],
    environment: tyro.conf.Positional[str],
) -> None:
    """Try many hyperparameters together: `operant sweep ppo CartPole-v1 --learning-rate log:1e-4:1e-2`."""


def resume(
    run: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="Its directory, or that of a sweep.")
    ],
    *,
    total_timesteps: Annotated[
        int | None,
        tyro.conf.arg(help="A new total number of steps to train for; schedules then end there, too."),
    ] = None,
    episodes: Annotated[int, tyro.conf.arg(help="Episodes to score the result by.")] = 100,
    wandb: Annotated[
        str | None, tyro.conf.arg(metavar="PROJECT", help="Send the metrics to Weights & Biases, too.")
    ] = None,
    progress: Annotated[bool, tyro.conf.arg(help="Show a table and a progress bar.")] = True,
    video: Annotated[bool, tyro.conf.arg(help="Film an episode.")] = True,
    pictures: Annotated[bool, tyro.conf.arg(help="Draw curves and a map of the policy.")] = True,
    env_timeout: EnvTimeout = None,
    live: Annotated[
        bool, tyro.conf.arg(help="Open a page in a browser on this machine that shows and steers training.")
    ] = False,
    devices: Annotated[
        int | None, tyro.conf.arg(help="Devices that train together from now on; none: the run's own.")
    ] = None,
    coordinator: Annotated[
        str | None,
        tyro.conf.arg(metavar="HOST:PORT", help="Where the first of several processes waits for the others."),
    ] = None,
    num_processes: Annotated[int | None, tyro.conf.arg(help="How many of them train together.")] = None,
    process_id: Annotated[int | None, tyro.conf.arg(help="Which of them this is, from 0.")] = None,
    modules: Modules = (),
) -> None:
    """Continue a run from its last checkpoint to its end, or to a later one, and score it; or a sweep."""
    if is_sweep(run):
        from operant.cli.sweep import resume as resume_sweep

        not_for_sweeps = {
            "--total-timesteps": total_timesteps,
            "--wandb": wandb,
            "--devices": devices,
            "--coordinator": coordinator,
        }
        for flag, value in not_for_sweeps.items():
            if value is not None:
                raise WrongInput(f"{flag}: {run} is a sweep, which goes on as it was begun.")
        resume_sweep(run, modules, progress, pictures)
        return
    from operant.cli.train import resume

    resume(
        *(run, total_timesteps, episodes, wandb, progress, video, pictures, modules, env_timeout, live),
        *(devices, coordinator, num_processes, process_id),
    )


def evaluate(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Episodes = 100,
    seed: Seed = 10_000,
    stochastic: Stochastic = False,
    epsilon: Annotated[
        float,
        tyro.conf.arg(
            help="The probability that an action is a random one, as in scores of DQN (0.05 in the papers)."
        ),
    ] = 0.0,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Score a model (along with the random policy), or a policy given by name, over whole episodes."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes, require_share

    with from_input():
        require_episodes(episodes, seed)
        require_share("--epsilon", epsilon)
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        player, how = request.player()
    print(player.evaluate(episodes, seed, with_random=model != "random", epsilon=epsilon, **how))


def watch(
    model: Model,
    environment: Environment = None,
    *,
    episodes: Episodes = 1,
    seed: Seed = 20_000,
    stochastic: Stochastic = False,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Watch a model, or a policy given by name, in a window."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        request.require()
        from operant.studio.recording import require_display

        require_display()
        player, how = request.player()
    returns = player.watch(episodes, seed, **how)
    print("returns:", ", ".join(f"{value:.1f}" for value in returns))


def record(
    model: Model,
    output: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.mp4", help="The film to write.")
    ],
    *,
    environment: OwnEnvironment = None,
    episodes: Episodes = 1,
    seed: Seed = 20_000,
    stochastic: Stochastic = False,
    best: Best = False,
    checkpoint: Checkpoint = None,
    all_checkpoints: Annotated[
        bool,
        tyro.conf.arg(help="Film every checkpoint of a run, one after another."),
    ] = False,
    with_random: Annotated[bool, tyro.conf.arg(help="Show the random policy next to it.")] = False,
    with_estimates: Annotated[
        bool,
        tyro.conf.arg(
            help="Draw what it expects, and how likely or good each action is, next to each frame."
        ),
    ] = False,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Film a model, or a policy given by name, as MP4."""
    from operant.cli.play import PolicyRequest
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        if all_checkpoints and (best or with_random or with_estimates or checkpoint is not None):
            raise ValueError(
                "--all-checkpoints cannot be combined with --best, --with-random, --with-estimates or --checkpoint."
            )
        if with_random and with_estimates:
            raise ValueError("--with-random cannot be combined with --with-estimates.")
        request = PolicyRequest(
            model, environment, best, stochastic, checkpoint, env_kwargs, modules, env_timeout
        )
        request.require()
    from operant.cli.record import record, record_checkpoints

    if all_checkpoints:
        record_checkpoints(request, output, episodes, seed)
    else:
        record(request, output, episodes, seed, with_random, with_estimates)
    print(output)


def plot(
    runs: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN…", help="Run directories.")
    ],
    *,
    output: Annotated[str, tyro.conf.arg(help="The picture to write, as PNG.")] = "curves.png",
    metric: Annotated[str, tyro.conf.arg(help="The column of metrics.csv to draw.")] = "rollout/ep_rew_mean",
) -> None:
    """Draw the learning curves of runs, with their seeds, and of the random policy into one picture."""
    from operant.cli.plot import plot

    plot(runs, output, metric)


def show(
    model: LearntModel,
    output: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.png", help="The picture to write.")
    ],
    *,
    what: Annotated[
        Literal["policy", "critic", "actions", "saliency"],
        tyro.conf.arg(
            help="policy: what it does over two elements of the observation; of one state, critic: what is expected "
            "of actions, actions: how likely they are, saliency: which pixels matter."
        ),
    ] = "policy",
    axes: Annotated[
        tuple[str, str] | None,
        tyro.conf.arg(
            metavar="ELEMENT ELEMENT",
            help="With policy: elements of the observation, by number or name; none: the known or first ones.",
        ),
    ] = None,
    observation: Annotated[
        tuple[float, ...] | None,
        tyro.conf.arg(
            metavar="NUMBER…",
            help="With critic or actions: the state, a vector; none: one of an episode that the policy plays.",
        ),
    ] = None,
    steps: Annotated[
        int,
        tyro.conf.arg(
            help="With critic, actions or saliency: the state after this many steps of the episode."
        ),
    ] = 0,
    of: Annotated[
        Literal["policy", "value"],
        tyro.conf.arg(help="With saliency: which pixels matter to what it does, or to what it expects."),
    ] = "policy",
    environment: OwnEnvironment = None,
    best: Best = False,
    checkpoint: Checkpoint = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Draw what a policy does, what its critics expect of actions, or which pixels it looks at."""
    from operant.cli.pictures import picture
    from operant.cli.play import PolicyRequest

    with from_input():
        request = PolicyRequest(model, environment, best, False, checkpoint, env_kwargs, modules, env_timeout)
        picture(request, output, what, axes, observation, steps, of)
    print(output)


def compare(
    a: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="RUN|MODEL|zoo:NAME", help="A run directory or a model."),
    ],
    b: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="RUN|MODEL|zoo:NAME", help="The run or model to compare it with."),
    ],
    *,
    episodes: Annotated[int, tyro.conf.arg(help="Episodes for scoring a model that has no score yet.")] = 100,
    output: Annotated[str | None, tyro.conf.arg(help="A picture of the comparison to write, as PNG.")] = None,
) -> None:
    """Compare two runs: the difference of their scores, and the probability that one is better."""
    with from_input():
        from operant.cli.runs import require_model
        from operant.cli.training import require_episodes

        require_episodes(episodes)
        require_model(a)
        require_model(b)
        from operant.comparison import compare

        comparison = compare(a, b, episodes=episodes)
    print(comparison)
    if output is not None:
        comparison.plot(output)
        print(output)


def diagnose(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="A run directory.")],
    *,
    html: Annotated[
        str | None,
        tyro.conf.arg(metavar="FILE", help="A page to write, with the evidence as small pictures."),
    ] = None,
    json: Annotated[bool, tyro.conf.arg(help="Print JSON instead of a table.")] = False,
    probe: Annotated[
        bool, tyro.conf.arg(help="Play some hundred steps; without, the run's files alone are looked at.")
    ] = True,
    environment: OwnEnvironment = None,
    env_kwargs: EnvKwargs = (),
    env_timeout: EnvTimeout = None,
    modules: Modules = (),
) -> None:
    """Say what looks wrong with a run, by which evidence, and what to try; the weightiest first."""
    from operant.cli import runs
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.training import require_timeout

    with from_input():
        given = read(env_kwargs) or None
        require_timeout(env_timeout)
        config = runs.require(run)
        if environment is None:
            runs.require_module(config, modules)
        else:
            require_known(environment, modules)
        from operant.cli.diagnose import keep, show
        from operant.diagnosis.diagnosing import diagnose

        found = diagnose(run, env=environment, env_kwargs=given, env_timeout=env_timeout, probe=probe)
        show(found, html, json)
    if probe:
        keep(found, run)


def export(
    model: LearntModel,
    *,
    format: Annotated[
        Literal["onnx", "numpy", "huggingface"],
        tyro.conf.arg(
            help="onnx: a file for onnxruntime; numpy: a folder with Python that needs NumPy only; huggingface: a "
            "language model with its tokeniser as a folder that other tools read."
        ),
    ] = "onnx",
    output: Annotated[
        str | None,
        tyro.conf.arg(
            help="Where to write it; none: policy.onnx, policy/ or language_model/ next to the model, or here for one "
            "that comes with operant."
        ),
    ] = None,
    best: Best = False,
) -> None:
    """Write what a model has learnt for use without operant: its deterministic policy, or its language model."""
    from operant.cli.runs import require_model

    with from_input():
        require_model(model)
        from operant.agent import Agent

        agent = Agent.load(model, best=best)
        agent = agent if agent.seeds is None else agent.best()
        place = Path() if is_name(model) else Path(model) if Path(model).is_dir() else Path(model).parent
        if format == "huggingface":
            folder = Path(output or place / "language_model")
            agent.language_model.save(folder)
            print(folder)
            return
        name = "policy.onnx" if format == "onnx" else "policy"
        print(agent.export(output or place / name, format))


def generate(
    model: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(
            metavar="RUN|MODEL",
            help="A run or a model of operant's, a folder with config.json and model.safetensors, as Hugging Face lays "
            "them out, or a .gguf file.",
        ),
    ],
    prompts: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="PROMPT…", help="Texts to go on from; each gets a response."),
    ],
    *,
    max_new_tokens: Annotated[int, tyro.conf.arg(help="After which a response is cut off.")] = 128,
    temperature: Annotated[
        float, tyro.conf.arg(help="Below 1 likely tokens become likelier; 0 takes the likeliest each time.")
    ] = 1.0,
    top_k: Annotated[int, tyro.conf.arg(help="Only this many of the likeliest tokens; 0: all.")] = 0,
    top_p: Annotated[
        float, tyro.conf.arg(help="Only the likeliest tokens that hold this share of the probability.")
    ] = 1.0,
    seed: Annotated[int, tyro.conf.arg(help="The seed of all randomness.")] = 0,
    chat: Annotated[
        Literal["none", "chatml", "plain"],
        tyro.conf.arg(help="Give each prompt as a user's message in this form of chat."),
    ] = "none",
) -> None:
    """Generate text with a language model."""
    from operant.cli.generate import responses

    values = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    with from_input():
        found = responses(model, prompts, chat, max_new_tokens=max_new_tokens, seed=seed, **values)
    print("\n\n".join(found))


def label(
    data: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(
            metavar="FILE",
            help="JSON lines (or CSV, Parquet) with a prompt and two responses each; with --model prompts alone.",
        ),
    ],
    output: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="PAIRS.jsonl",
            help="Where answers are appended; none: next to FILE. What is in it already is not asked again.",
        ),
    ] = None,
    *,
    model: Annotated[
        str | None, tyro.conf.arg(metavar="RUN|MODEL", help="Who writes two responses to each prompt.")
    ] = None,
    max_new_tokens: Annotated[int, tyro.conf.arg(help="After which a response is cut off.")] = 128,
    temperature: Annotated[
        float, tyro.conf.arg(help="Below 1 likely tokens become likelier, and responses more alike.")
    ] = 1.0,
    top_p: Annotated[
        float, tyro.conf.arg(help="Only the likeliest tokens that hold this share of the probability.")
    ] = 1.0,
    chat: Annotated[
        Literal["none", "chatml", "plain"],
        tyro.conf.arg(help="Give each prompt as a user's message in this form of chat."),
    ] = "none",
    seed: Annotated[int, tyro.conf.arg(help="The seed of responses, and of which is on the left.")] = 0,
    live: Annotated[bool, tyro.conf.arg(help="Ask on a page in a browser on this machine.")] = False,
) -> None:
    """Say which of two responses is better, key by key: pairs for a reward model or DPO."""
    from operant.cli.label import label

    values = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_p": top_p}
    with from_input():
        label(data, output, model, chat, seed, values, live)


def branch(
    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="Its run directory.")],
    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NEW", help="That of the new run.")],
    *,
    step: Annotated[int | None, tyro.conf.arg(help="That of the checkpoint; none: the last one.")] = None,
    change: Annotated[
        tuple[str, ...],
        tyro.conf.arg(
            metavar="NAME=VALUE…",
            help="New values of traced hyperparameters, such as learning_rate=1e-4 or ent_coef=linear:0.01:0.",
        ),
    ] = (),
    modules: Modules = (),
) -> None:
    """Begin a new run from a checkpoint of another, with changes; `operant resume NEW` trains it."""
    from operant.cli.branch import branch

    branch(run, path, step, change, modules)


def ui(
    runs: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="RUN…", help="Run directories; none: all in runs/."),
    ] = (),
    *,
    port: Annotated[int, tyro.conf.arg(help="Where to listen on this machine; 0: any free port.")] = 0,
) -> None:
    """Open a page in a browser on this machine that shows runs, finished or being trained, side by side."""
    from operant.cli.ui import ui

    ui(runs, port)


def demo(
    *,
    seed: Annotated[int, tyro.conf.arg(help="The seed of all randomness.")] = 0,
    browser: Annotated[
        bool, tyro.conf.arg(help="Open the live page in a browser, where the extra `live` is installed.")
    ] = True,
) -> None:
    """Three learners in about a minute, explained for somebody who has never seen one."""
    from operant.cli.demo import demo
    from operant.cli.training import require_seeds

    with from_input():
        require_seeds("seed", [seed])
    demo(seed, browser)


def zoo(
    words: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(
            metavar="[reproduce] [NAME]",
            help="None: list everything; NAME, such as ppo/CartPole-v1: say all that is known of it; reproduce NAME: "
            "train it again from its preset, and compare score and bits with what is stored.",
        ),
    ] = (),
    *,
    seeds: Annotated[
        int | None,
        tyro.conf.arg(
            help="With reproduce: how many of the study's seeds to train together; none: one, the shipped model's."
        ),
    ] = None,
    run_dir: Annotated[
        str | None, tyro.conf.arg(help="With reproduce: the directory of a run to keep it in.")
    ] = None,
    progress: Annotated[bool, tyro.conf.arg(help="With reproduce: show a table and a progress bar.")] = True,
) -> None:
    """List what was measured and the trained models that come with operant; or train one of them again."""
    from operant.cli.zoo import run

    run(words, seeds, run_dir, progress)


def algorithms() -> None:
    """List the algorithms, the papers they come from, and the action spaces they take."""
    from operant.cli.tables import algorithms

    print(algorithms())


def environments(
    environment: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="ENVIRONMENT", help="The id of an environment to describe."),
    ] = None,
    *,
    wrappers: Wrappers = (),
    env_kwargs: EnvKwargs = (),
    picture: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="FILE.png",
            help="Draw what becomes of its image on the way to a policy, as of an Atari game.",
        ),
    ] = None,
    modules: Modules = (),
) -> None:
    """List the environments that can be trained on, with their spaces; or describe one, with its wrappers."""
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.modules import load

    with from_input():
        if environment is None and (wrappers or env_kwargs or picture):
            raise ValueError(
                "--wrappers, --env-kwargs and --picture need an environment: name it before them."
            )
        if environment is None:
            load(modules)
        else:
            require_known(environment, modules)
        from operant.cli import tables

        text = (
            tables.environments()
            if environment is None
            else tables.environment(environment, wrappers, read(env_kwargs))
        )
    print(text)
    if picture is not None:
        from operant.studio.stages import plot_preprocessing

        with from_input():
            plot_preprocessing(environment, picture, wrappers=wrappers, env_kwargs=read(env_kwargs))
        print(picture)


def check(
    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT", help="Its id.")],
    *,
    episodes: Episodes = 5,
    seed: Annotated[int, tyro.conf.arg(help="Seed of the first episode.")] = 0,
    wrappers: Wrappers = (),
    env_kwargs: EnvKwargs = (),
    modules: Modules = (),
) -> None:
    """Play an environment with random actions and report its faults; the exit code is 1 if there are any."""
    from operant.cli.env_kwargs import read
    from operant.cli.environments import require_known
    from operant.cli.training import require_episodes

    with from_input():
        require_episodes(episodes, seed)
        require_known(environment, modules)
        import operant

        report = operant.check(
            environment, episodes, seed, env_kwargs=read(env_kwargs) or None, wrappers=wrappers
        )
    print(report)
    if not report.ok:
        raise SystemExit(1)


def info(
    run: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="RUN",
            help="A run to describe: how it was trained, its score, and how to repeat it; or a sweep, or zoo:NAME.",
        ),
    ] = None,
) -> None:
    """Print versions, devices and the settings that operant made for this process; or describe a run."""
    if run is None:
        from operant.cli.tables import info

        print(info())
    elif is_name(run):
        from operant.cli.zoo import run as describe_entry

        describe_entry((run,), None, None, True)
    elif is_sweep(run):
        from operant.cli.sweep import describe

        print(describe(run))
    else:
        from operant.cli import runs

        print(runs.describe(run))


COMMANDS = {
    command.__name__: command
    for command in (
        train,
        sweep,
        resume,
        evaluate,
        watch,
        record,
        plot,
        show,
        compare,
        diagnose,
        export,
        generate,
        label,
        branch,
        ui,
        zoo,
        demo,
        algorithms,
        environments,
        check,
        info,
    )
}
