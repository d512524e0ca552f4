"""`operant zoo`: what was measured, and the trained models that come with operant."""

from __future__ import annotations

from pathlib import Path

from operant import decimals, zoo
from operant.cli.errors import WrongInput, from_input
from operant.cli.tables import table

REPRODUCE = "reproduce"


def run(words: tuple[str, ...], seeds: int | None, run_dir: str | None, progress: bool) -> None:
    """List everything, describe what is named, or train it again."""
    if words[:1] == (REPRODUCE,):
        if len(words) != 2:
            raise WrongInput(
                "`operant zoo reproduce` takes one name, as in: operant zoo reproduce ppo/CartPole-v1."
            )
        _reproduce(words[1], seeds or 1, run_dir, progress)
        return
    if seeds is not None or run_dir is not None or not progress:
        raise WrongInput("--seeds, --run-dir and --no-progress go with `operant zoo reproduce NAME`.")
    with from_input():
        found = [zoo.entry(name) for name in words]
    print("\n\n".join(map(described, found)) if found else listing())


def listing() -> str:
    """A line for each pair of an algorithm and an environment that was measured."""
    heading = ("name", "score of seeds", "seeds", "steps", "model", "")
    rows = [
        (
            each.name,
            decimals.score(each.iqm, each.interval),
            str(len(each.seeds)),
            f"{each.steps:,}",
            "–" if each.model is None else decimals.score(each.model.mean),
            "" if each.model is None else f"seed {each.model.seed}, {each.model.bytes / 1000:,.0f} kB",
        )
        for each in zoo.entries().values()
    ]
    return (
        f"{table(heading, rows)}\n\nScores are interquartile means of the seeds' mean returns, with a 95 % interval; a "
        "model's is its own mean\nreturn. `operant watch zoo:NAME` plays a model, `operant zoo NAME` says more, and "
        "`operant zoo reproduce NAME`\ntrains it again and compares."
    )


def described(entry: zoo.Entry) -> str:
    """Everything that is known of one of them."""
    every = entry.evaluate_every
    rows = [
        ("name", entry.name),
        ("what it is", entry.title),
        (
            "score",
            f"{decimals.score(entry.iqm, entry.interval)}, interquartile mean of {len(entry.seeds)} seeds",
        ),
        ("of each seed", ", ".join(decimals.scores(*entry.means))),
        ("seeds", f"{entry.seeds[0]} to {entry.seeds[-1]}, which no preset was chosen by"),
        ("steps", f"{entry.steps:,} of each seed"),
        *([("scored is", f"the best by an evaluation every {every:,} steps")] if every else []),
        ("measured", entry.date),
        ("all seeds", entry.command),
        ("again", f"operant zoo reproduce {entry.name}"),
    ]
    model = entry.model
    if model is None:
        return table(("", ""), [*rows, ("model", "none is shipped")])
    before = ", ".join(f"{seed}: {decimals.score(mean)}" for seed, mean in model.passed_over.items())
    first = f"the first that reached {entry.threshold:g}" + (f" (not {before})" if before else "")
    rows += [
        ("model", f"zoo:{entry.name}, {model.bytes:,} bytes, sha256 {model.sha256[:16]}…"),
        ("its seed", f"{model.seed}, {first}"),
        ("its score", f"{decimals.score(model.mean, model.interval)} over {model.episodes} episodes"),
        (
            "trained on",
            f"{model.processor}; {', '.join(f'{name} {of}' for name, of in model.versions.items())}",
        ),
        ("play it", f"operant watch zoo:{entry.name}"),
        ("in Python", f'operant.load("zoo:{entry.name}")'),
    ]
    return table(("", ""), rows)


def _reproduce(name: str, seeds: int, run_dir: str | None, progress: bool) -> None:
    with from_input():
        entry = zoo.entry(name)
        from operant import reproduction
        from operant.engine.run_directory import RunDirectory

        chosen = reproduction.chosen(entry, seeds)
        if run_dir is not None:
            RunDirectory(Path(run_dir)).check()
        reproduction.fresh(entry, chosen[:1]).close()  # what is missing is said before anything is trained
    again = reproduction.repeated(entry, chosen, run_dir, progress)
    print(again)
    if run_dir is not None:
        print(run_dir)
    if not again.ok:
        raise SystemExit(1)
