"""What a diagnosis found as HTML: a section of a report, and a page of its own. Both are made of its JSON values."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import Any

from operant.fields import NUMBER, TEXT, blamed, check, either, optional, several, table
from operant.fields import TABLE as TABLE_OF_VALUES
from operant.studio import style
from operant.studio.chart import Chart

NAME = "diagnosis.json"
NOTHING = "Nothing looks wrong."
_FINDING = {
    "check": TEXT,
    "weight": NUMBER,
    "wrong": TEXT,
    "remedies": several(TEXT),
    "evidence": TABLE_OF_VALUES,
    "chart": optional(TABLE_OF_VALUES),
    "source": TEXT,
}
STYLE = """
.finding { border-top: 1px solid #e3e6ea; padding: 1rem 0; display: flex; flex-wrap: wrap; gap: .6rem 1.4rem; }
.finding > div { flex: 1 1 22rem; }
.finding img { max-width: 22rem; margin: 0; }
.finding h3 { font-size: 1rem; margin: 0 0 .3rem; font-weight: 600; }
.finding ul { margin: .3rem 0; padding-left: 1.2rem; }
.finding small { color: #6b7280; }
.weight { display: inline-block; min-width: 2.2rem; color: #d55e00; }
"""


def section(values: Mapping[str, Any]) -> str:
    """The findings, each with its evidence, its small picture and what to try. Raises FileError for other values."""
    with blamed(field="findings"):
        found = check(dict(values), {"findings": several(TABLE_OF_VALUES), "notes": several(TEXT)})
        findings = "\n".join(map(_finding, found["findings"])) or f"<p>{NOTHING}</p>"
    notes = "".join(f"<p><small>{html.escape(note)}</small></p>" for note in found["notes"])
    return f"{findings}\n{notes}"


def page(title: str, values: Mapping[str, Any]) -> str:
    """A whole page; `title` is HTML."""
    from operant.studio.report import whole_page

    return whole_page(title, "", [f"<section>\n<h2>Diagnosis</h2>\n{section(values)}\n</section>"])


def _finding(values: Mapping[str, Any]) -> str:
    found = check(table(values), _FINDING)
    evidence = check(found["evidence"], dict.fromkeys(found["evidence"], either(NUMBER, TEXT)), "evidence")
    measured = ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.4g')}"
        for name, value in evidence.items()
    )
    remedies = "".join(f"<li>{html.escape(remedy)}</li>" for remedy in found["remedies"])
    picture = "" if found["chart"] is None else _picture(Chart.from_json(found["chart"]), found["check"])
    source = f"<small>{html.escape(found['source'])}</small>" if found["source"] else ""
    return (
        f'<div class="finding"><div><h3><span class="weight">{found["weight"]:.2f}</span>'
        f"{html.escape(found['wrong'])}</h3>"
        f"<small>{html.escape(measured)}</small><ul>{remedies}</ul>{source}</div>{picture}</div>"
    )


def _picture(chart: Chart, name: str) -> str:
    data = base64.b64encode(style.png(chart.draw())).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'
