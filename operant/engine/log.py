"""Where rows of metrics go: a CSV file, JSON lines, text, Weights & Biases; TensorBoard has a file of its own.

A row maps Stable-Baselines3's names to numbers, or to arrays `[S]` when S seeds train together. It always has
`time/total_timesteps`. What was not computed is not in it; of several seeds, those without a metric that another one
has are NaN, and it is written for the others only.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from operant.engine.files import replacing, writing
from operant.engine.media import Histogram, Image, Video, pixels_of
from operant.fields import FileError, blamed, brief

STEP, RETURN, UPDATES = "time/total_timesteps", "rollout/ep_rew_mean", "train/n_updates"
ITERATIONS, ELAPSED = "time/iterations", "time/time_elapsed"
EVALUATED = "eval/mean_reward"

Row = Mapping[str, Any]


class Logger(Protocol):
    """A place that rows of metrics are written to.

    It may say which one, as `place`, for what a user does not want there, and may have `write_media(step, values)`,
    which takes texts, figures, and what `operant.engine.media` has.
    """

    def write(self, row: Row) -> None:
        """Add a row; rows come in the order of their steps."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


def by_seed(row: Row) -> list[dict[str, np.ndarray]]:
    """A row of numbers for each seed, with a `seed` column from 0 and without what is NaN; just the row when there is
    one learner.
    """
    values = {name: np.asarray(value) for name, value in row.items()}
    values = {name: value.astype(np.int8) if value.dtype == bool else value for name, value in values.items()}
    seeds = next((len(value) for value in values.values() if value.ndim), None)
    if seeds is None:
        return [values]
    columns = {"seed": np.arange(seeds)} | {name: np.broadcast_to(v, (seeds,)) for name, v in values.items()}
    return [
        {name: column[seed] for name, column in columns.items() if not np.isnan(column[seed])}
        for seed in range(seeds)
    ]


class CsvLog:
    """`metrics.csv`: a header and a line a row (with several seeds, a line a seed), each written at once.

    Columns may appear at any time; they are empty in the lines before. With `resume_from_step` the lines
    after that step are dropped, so that a resumed run's file equals that of a run that was never stopped,
    wall-clock columns aside; without it an earlier file is replaced.
    """

    place = "csv"

    def __init__(self, path: str | Path, resume_from_step: int | None = None) -> None:
        self.path = Path(path)
        rows: list[dict[str, str]] = []
        if resume_from_step is not None and self.path.exists():
            rows = [row for row in _read(self.path) if float(row[STEP]) <= resume_from_step]
        # A column that only dropped lines had will appear again, in its place.
        self._columns = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
        self._rewrite(rows)

    def write(self, row: Row) -> None:
        rows = [{name: str(value) for name, value in part.items()} for part in by_seed(row)]
        names = dict.fromkeys(name for part in rows for name in part)
        if new := [name for name in names if name not in self._columns]:
            self._file.close()
            self._columns += new
            self._rewrite(_read(self.path))
        lines = self._lines(rows)
        with writing(self.path, len(lines)):
            self._file.write(lines)
            self._file.flush()

    def close(self) -> None:
        with writing(self.path):
            self._file.close()

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        header = dict(zip(self._columns, self._columns, strict=True))
        text = self._lines([header, *rows]) if header else ""
        with replacing(self.path, len(text)) as temporary:
            temporary.write_text(text)
        self._file = self.path.open("a")

    def _lines(self, rows: Iterable[dict[str, str]]) -> str:
        buffer = io.StringIO()
        csv.DictWriter(buffer, self._columns, extrasaction="ignore", lineterminator="\n").writerows(rows)
        return buffer.getvalue()


def read_csv(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a metrics file as float64, NaN where a line has no number; `{}` while there is none.

    Raises FileError naming the line for anything else.
    """
    columns: dict[str, list[float]] = {}
    for number, row in enumerate(_read(Path(path)), 2):
        for name, text in row.items():
            try:
                columns.setdefault(name, []).append(float(text or "nan"))
            except (TypeError, ValueError):
                raise FileError(f"line {number}: {name} is {brief(text)}, not a number.", path) from None
    return {name: np.asarray(column) for name, column in columns.items()}


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """The rows that a `CsvLog` was given, in order; with several seeds, arrays `[S]`, NaN for those without a number.
    What has none at all is not in a row.

    Raises FileError naming the line or the column that is not as it was written.
    """
    columns = read_csv(path)
    steps, seed = columns.get(STEP), columns.pop("seed", None)
    if columns and (steps is None or not ((steps >= 0) & (steps < 2**53)).all()):
        raise FileError("it must be a column of steps.", path, STEP)
    if seed is not None:
        learners = int(np.nan_to_num(seed, posinf=len(seed)).max()) + 1
        rows = (
            len(seed) // learners if learners > 0 else 0
        )  # a killed process may have written a part of the last
        if (rows and (seed[: rows * learners] != np.tile(np.arange(learners), rows)).any()) or learners > len(
            seed
        ):
            raise FileError("it must count the learners, line by line.", path, "seed")
        columns = {name: column[: rows * learners].reshape(-1, learners) for name, column in columns.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [
        {name: value for name, value in row.items() if not np.isnan(value).all()}
        | {STEP: int(np.max(row[STEP]))}
        for row in rows
    ]


def _read(path: Path) -> list[dict[str, str]]:
    with blamed(path):
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a running or killed process may have written half a line
        lines = csv.DictReader(io.StringIO(whole), restkey="", restval="")
        rows = list(lines)
        for number, row in enumerate(rows, 2):
            if "" in row:
                raise FileError(f"line {number} has more values than the first has names.")
        return rows


class JsonLog:
    """A file of one JSON object a row, as Stable-Baselines3's `progress.json`: `learn(loggers=[JsonLog(path)])`.

    With several seeds a value is a list, null for those without one. What is not finite is null as well.
    """

    place = "json"

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = Path(path).open("w")  # noqa: SIM115 (closed by `close`)

    def write(self, row: Row) -> None:
        values = {name: np.asarray(value).astype(object).tolist() for name, value in row.items()}
        self._file.write(json.dumps(_without_nan(values)) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


class TextLog:
    """A file of the table of each row, as Stable-Baselines3's `log.txt`: `learn(loggers=[TextLog(path)])`."""

    place = "text"

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = Path(path).open("w")  # noqa: SIM115 (closed by `close`)

    def write(self, row: Row) -> None:
        from operant.engine.progress import table_text

        self._file.write(table_text(row) + "\n")
        self._file.flush()

    def write_media(self, step: int, values: Mapping[str, Any]) -> None:
        """Texts only."""
        self._file.writelines(f"{name}: {text}\n" for name, text in values.items() if isinstance(text, str))

    def close(self) -> None:
        self._file.close()


class WandbLog:
    """Rows as history of a Weights & Biases run, over `time/total_timesteps`.

        agent.learn(100_000, loggers=[operant.WandbLog("project", agent.config())])

    With several seeds a metric is the mean of those that have it, with one `<name>/seed-<i>` for each.
    Further arguments are those of `wandb.init`, such as `name` and `group`. Raises ImportError without the extra.
    """

    place = "wandb"

    def __init__(self, project: str, config: Mapping[str, Any] | None = None, **options: Any) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports] (an extra)
        except ImportError as error:
            raise ImportError("Weights & Biases needs an extra: pip install 'operant-rl[wandb]'.") from error
        self._run = wandb.init(project=project, config=None if config is None else dict(config), **options)
        self._run.define_metric("*", step_metric=STEP)

    def write(self, row: Row) -> None:
        parts = by_seed(row)
        history = {name: float(np.mean([part[name] for part in parts if name in part])) for name in row}
        for name, value in row.items():
            if np.ndim(value) and name != STEP:
                history |= {
                    f"{name}/seed-{seed}": float(part[name])
                    for seed, part in enumerate(parts)
                    if name in part
                }
        self._run.log(history)

    def write_media(self, step: int, values: Mapping[str, Any]) -> None:
        """Texts, figures, pictures, histograms and films at a step."""
        import wandb  # pyright: ignore[reportMissingImports] (an extra)

        def shown(value: Any) -> Any:
            if isinstance(value, Histogram):
                return wandb.Histogram(np.asarray(value.values).reshape(-1))
            if isinstance(value, Video):
                return wandb.Video(np.moveaxis(pixels_of(value.frames), -1, 1), fps=value.fps)
            if isinstance(value, Image):
                return wandb.Image(pixels_of(value.pixels))
            return wandb.Html(html.escape(value)) if isinstance(value, str) else wandb.Image(value)

        self._run.log({STEP: step} | {name: shown(value) for name, value in values.items()})

    def close(self) -> None:
        self._run.finish()
