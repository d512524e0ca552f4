"""One page about a run, to open in a browser or send to someone: pictures inside, video next to it."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from operant import decimals
from operant.fields import blamed, read_json
from operant.studio import findings, style
from operant.studio.curves import metrics_panel, read_metrics
from operant.studio.repeat import command_line, python
from operant.studio.score import known_interval, score

NAME = "report.html"
SEEDS = "first row: seeds and their interquartile mean; others: episodes and means; 95 % intervals"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; background: #f4f5f7; color: #20242a; font: 16px/1.5 system-ui, sans-serif; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 .2rem; }}
h2 {{ font-size: 1.1rem; margin: 0 0 .8rem; }}
p {{ margin: 0; color: #6b7280; }}
section {{ background: white; border-radius: 10px; padding: 1.4rem; margin-top: 1.2rem; overflow-x: auto;
  box-shadow: 0 1px 2px rgb(0 0 0 / 8%); }}
img, video {{ max-width: 100%; height: auto; display: block; margin: 0 auto; }}
.scores {{ display: flex; flex-wrap: wrap; gap: 1rem 3.5rem; margin-bottom: 1rem; }}
.scores b {{ display: block; font-size: 2.4rem; line-height: 1.15; color: #0072b2; }}
.scores div + div b {{ color: #6b7280; }}
.scores.single {{ margin: 1rem 0 0; gap: .6rem 2rem; font-size: .85rem; }}
.scores.single b {{ font-size: 1.2rem; color: #6b7280; }}
pre {{ background: #f4f5f7; border-radius: 6px; padding: .8rem 1rem; margin: .6rem 0 0; font-size: .88rem;
  white-space: pre-wrap; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
th, td {{ text-align: left; padding: .3rem .8rem .3rem 0; border-top: 1px solid #e3e6ea; }}
tr:first-child > * {{ border-top: 0; }}
th {{ font-weight: normal; color: #6b7280; width: 40%; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }}
{style}
</style>
<main>
<h1>{title}</h1>
<p>{subtitle}</p>
{sections}
</main>
</html>
"""


def report(run_directory: str | Path) -> Path:
    """Write `report.html` into a run directory, from those of its files that exist, and return its path.

    It uses `config.json`, `evaluation.json`, `diagnosis.json`, `metrics.csv`, `curve.png`, `metrics.png`, `policy.png`,
    `critic.png` and `video.mp4`. Pictures are inside the page; the video stays a file next to it. Raises
    FileNotFoundError if there is no such directory, and ValueError if it holds none of these files.
    """
    run = Path(run_directory)
    if not run.is_dir():
        raise FileNotFoundError(f"There is no run directory {run}.")
    config, evaluation = _read_json(run / "config.json"), _read_json(run / "evaluation.json")
    environment = str(evaluation.get("environment") or config.get("environment") or "")
    algorithm = str(config.get("algorithm") or "").upper()
    title = " on ".join(filter(None, [algorithm, environment])) or run.name
    with blamed(run / "evaluation.json"):
        scores = _score(
            evaluation, algorithm or "policy", evaluation.get("threshold", config.get("threshold"))
        )
    with blamed(run / "config.json"):
        settings = [_repeat(config), *_tables(config)]
    with blamed(run / findings.NAME):
        diagnosis = _diagnosis(_read_json(run / findings.NAME))
    sections = [
        scores,
        diagnosis,
        _picture("Learning curve", run / "curve.png"),
        _picture("What the policy does", run / "policy.png"),
        _picture("What the critics expect", run / "critic.png"),
        _video(run / "video.mp4"),
        _picture("Training diagnostics", run / "metrics.png") or _diagnostics(run / "metrics.csv"),
        *settings,
    ]
    if not any(sections):
        raise ValueError(
            f"{run} holds nothing to report: no config.json, evaluation.json, metrics.csv or picture."
        )
    page = whole_page(html.escape(title), html.escape(run.resolve().name), sections)
    partial = run / f".{NAME}.partial"
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, run / NAME)
    return run / NAME


def whole_page(title: str, subtitle: str, sections: Sequence[str]) -> str:
    """A page of these sections; all is HTML."""
    return _PAGE.format(
        title=title, subtitle=subtitle, style=findings.STYLE, sections="\n".join(filter(None, sections))
    )


def _read_json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.exists() else {}


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{content}\n</section>"


def _image(png: bytes, description: str) -> str:
    return (
        f'<img alt="{html.escape(description)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    )


def _picture(heading: str, path: Path) -> str:
    return _section(heading, _image(path.read_bytes(), heading)) if path.exists() else ""


def _video(path: Path) -> str:
    if not path.exists():
        return ""
    return _section(
        "Watch it", f'<video src="{html.escape(path.name)}" controls loop muted autoplay playsinline></video>'
    )


def _score(evaluation: Mapping[str, Any], name: str, threshold: float | None) -> str:
    if not {"mean", "seeds"} & set(evaluation):
        return ""
    learners = {f"{name}, seed {seed}": row for seed, row in evaluation.get("seeds", {}).items()}
    kept = evaluation.get("best", {})
    kept = {f"{name}, seed {seed}": kept[seed] for seed in kept} if learners else {name: kept}
    better = {
        f"{label}, at step {row['step']:,}": row for label, row in kept.items() if row.get("training_forgot")
    }
    each = {label: row for label, row in {**(learners or {name: evaluation}), **better}.items() if row}
    random = {"random policy": evaluation["random"]} if evaluation.get("random") else {}
    if not learners:
        first, more = each | random, {}
    else:  # what they say together comes first
        together = {
            "mean": evaluation["iqm"],
            "interval": evaluation.get("iqm_interval"),
            "returns": [row["mean"] for row in learners.values()],
        }
        count = f"{len(learners)} seed{'s' * (len(learners) != 1)}"
        median = {"mean": evaluation["median"], "note": f"of {count}, each by the mean of its episodes"}
        first = {"median": median, "interquartile mean": together, **random}
        more = each
    numbers = "".join(_number(label, row) for label, row in first.items())
    drawn = ({f"{name}, all seeds": first["interquartile mean"]} if learners else {}) | each | random
    how = {"subtitle": SEEDS} if learners else {}
    picture = score(drawn, title="Returns", threshold=threshold, **how)
    singles = "".join(_number(label, row) for label, row in more.items())
    return _section(
        "Score",
        f'<div class="scores">{numbers}</div>\n{_image(style.png(picture), "Returns")}'
        + (f'\n<div class="scores single">{singles}</div>' if singles else ""),
    )


def _repeat(config: Mapping[str, Any]) -> str:
    """The command line and the Python script that repeat the training."""
    if "operant_version" not in config:
        return ""
    line, script = command_line(config), python(config)
    parts = [f"<pre>{html.escape(text.strip())}</pre>" for text in (line, script) if text]
    return _section("Train it again", "\n".join(parts))


def _diagnosis(values: Mapping[str, Any]) -> str:
    """What a diagnosis found, if there is one."""
    return _section("Diagnosis", findings.section(values)) if values else ""


def _number(label: str, evaluation: Mapping[str, Any]) -> str:
    interval = known_interval(evaluation)
    notes = [evaluation["note"]] if "note" in evaluation else []
    notes += ["95 % interval {} to {}".format(*decimals.scores(*interval))] if interval else []
    if "episodes" in evaluation:
        notes.append(f"{evaluation['episodes']} episode{'s' * (evaluation['episodes'] != 1)}")
    note = html.escape(", ".join(notes))
    return f"<div>{html.escape(label)}<b>{decimals.score(evaluation['mean'])}</b><p>{note}</p></div>"


def _diagnostics(path: Path) -> str:
    columns = read_metrics(path) if path.exists() else {}
    try:
        picture = metrics_panel(columns, title="Over training")
    except (KeyError, ValueError):  # a run that was stopped before it learnt has no diagnostics
        return ""
    return _section("Training diagnostics", _image(style.png(picture), "Training diagnostics"))


def _tables(config: Mapping[str, Any]) -> list[str]:
    """A table of the configuration's plain values, and one for each group of values in it."""
    groups = {key: value for key, value in config.items() if isinstance(value, Mapping) and value}
    plain = {key: value for key, value in config.items() if not isinstance(value, Mapping)}
    order = sorted(groups, key=lambda key: (key != "hyperparameters", key == "versions"))
    tables = [_table("Run", plain)] if plain else []
    return [*(_table(key.replace("_", " ").capitalize(), groups[key]) for key in order), *tables]


def _table(heading: str, values: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"<tr><th>{html.escape(str(key))}</th><td>{html.escape(_text(value))}</td></tr>"
        for key, value in values.items()
    )
    return _section(heading, f"<table>\n{rows}\n</table>")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
