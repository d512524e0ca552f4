"""A page for each algorithm: its equations and symbols, hyperparameters, presets, measured curves, and its source."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operant.algorithms.configurations import CONFIGURATIONS
from operant.algorithms.names import PLACES
from tools.site.links import ROOT, relative

FAMILIES = {
    "tabular": "With tables",
    "search": "Policy search",
    "policy_gradient": "Policy gradients",
    "value": "Deep Q-learning",
    "actor_critic": "Actor–critics with replay",
    "imitation": "From recorded data",
    "language": "Language models",
    "algorithms": "To compare with",
}


class Algorithms:
    """What is known of all algorithms without training any."""

    def __init__(self) -> None:
        self.catalogue = json.loads((ROOT / "operant" / "catalogue.json").read_text())["algorithms"]
        learning = json.loads((ROOT / "benchmarks" / "results" / "learning.json").read_text())
        self.studies: list[dict[str, Any]] = learning["studies"]

    def page(self, name: str) -> str:
        """Where the page of an algorithm is."""
        return f"algorithms/{name}.md"

    def pages(self) -> dict[str, str]:
        """The Markdown of all pages by their places."""
        return {"algorithms/index.md": self.index()} | {self.page(name): self.text(name) for name in PLACES}

    def families(self) -> dict[str, list[str]]:
        """The names of all algorithms by the title of their family."""
        found = {
            title: [name for name in PLACES if family(name) == folder] for folder, title in FAMILIES.items()
        }
        return {title: names for title, names in found.items() if names}

    def menu(self) -> list[dict[str, list[dict[str, str]]]]:
        """Their places in the site's menu."""
        return [
            {title: [{constructor(self.catalogue[name]): self.page(name)} for name in names]}
            for title, names in self.families().items()
        ]

    def index(self) -> str:
        """All of them by family, each with what it is."""
        lines = ["# Algorithms", "", "Each is one file, shown on its page along with its equations."]
        for title, members in self.families().items():
            lines += ["", f"## {title}", "", "| | what it is | actions |", "|---|---|---|"]
            for name in members:
                entry = self.catalogue[name]
                lines.append(
                    f"| [{constructor(entry)}]({name}.md) | {entry['about']} | {', '.join(entry['actions'])} |"
                )
        return "\n".join(lines) + "\n"

    def text(self, name: str) -> str:
        """The page of one algorithm."""
        entry, file = self.catalogue[name], source(name)
        code, of_data = (ROOT / file).read_text(), family(name) == "imitation"
        arguments = repr(self.example(name)) + (", dataset=FILE" if of_data else "")
        words = self.example(name) + " --dataset FILE" * of_data
        if family(name) == "language":
            arguments, words = "dataset=FILE, network=operant.pretrained(MODEL)", "--data FILE --model MODEL"
        parts = [f"# {constructor(entry)}", entry["title"]]
        configuration = CONFIGURATIONS.get(name)
        if configuration is not None:
            parent = constructor(self.catalogue[configuration.of])
            parts += [
                f"It is [{parent}]({configuration.of}.md) with other values, and has no code of its own: "
                f"`operant.{parent}` with these values is the same algorithm.",
                _values(configuration.defaults),
            ]
        else:
            parts += ["## The idea, and its symbols", ast.get_docstring(ast.parse(code)) or ""]
        parts += [
            "## Try it",
            f"```\noperant train {name} {words}\n```",
            f"```python\nagent = operant.{entry['constructor']}({arguments})\nagent.learn(10_000)\n```",
            ("" if family(name) == "language" else f"Actions: {', '.join(entry['actions'])}. ")
            + f"`operant train {name} --help` lists every flag.",
            "## Hyperparameters",
            _hyperparameters(entry["hyperparameters"]),
            *self.presets(name),
            *self.measured(name),
        ]
        if configuration is None:
            parts += ["## Source", f"`{file}`, all of it:", f'```python linenums="1"\n{code}\n```']
        return "\n\n".join(parts) + "\n"

    def example(self, name: str) -> str:
        """An environment that it can be tried on: one that it has a preset for, or one of its action space."""
        known = [each for each in _presets(name) if each[0].isupper() and "/" not in each]
        if known:
            return known[0]
        if family(name) == "tabular":
            return "FrozenLake-v1"
        return "Pendulum-v1" if self.catalogue[name]["actions"] == ["Box"] else "CartPole-v1"

    def presets(self, name: str) -> list[str]:
        tables = _presets(name)
        if not tables:
            return []
        rows = [f"| `{preset}` | {_short(values)} |" for preset, values in tables.items()]
        return ["## Presets", "| | values |\n|---|---|\n" + "\n".join(rows)]

    def measured(self, name: str) -> list[str]:
        """Every study of it: its curve, its score and every seed."""
        studies = [study for study in self.studies if study["algorithm"] == name]
        if not studies:
            return []
        parts = [
            "## Measured",
            f"Seeds that no preset was chosen by; [how]({relative('results/learning.md', self.page(name))}).",
        ]
        for study in studies:
            low, high = study["interval"]
            seeds = ", ".join(f"{mean:.4g}" for mean in study["means"])
            parts += [
                f"### {study['name']}",
                f"Interquartile mean {study['iqm']:.1f} [{low:.1f}, {high:.1f}] after {study['steps']:,} steps.",
                f"![{study['name']}]({relative('results/' + study['picture'], self.page(name))})",
                f"Every seed: {seeds}.",
                f"```\npython -m benchmarks.learning --only '{study['name'].lower()}'\n```",
            ]
        return parts


def family(name: str) -> str:
    """The folder of an algorithm's file."""
    return Path(source(name)).parent.name


def source(name: str) -> Path:
    """The file of an algorithm, relative to the repository."""
    return Path(PLACES[name].partition(":")[0].replace(".", "/") + ".py")


def constructor(entry: Mapping[str, Any]) -> str:
    """What an algorithm of the catalogue is called in Python."""
    return entry["constructor"]


def _presets(name: str) -> dict[str, dict[str, Any]]:
    file = ROOT / "operant" / "presets" / f"{name}.toml"
    return tomllib.loads(file.read_text()) if file.exists() else {}


def _hyperparameters(rows: list[dict[str, Any]]) -> str:
    lines = [f"| `{row['name']}` | {_code(row['default'])} | {_cell(row['help'])} |" for row in rows]
    return "| | default | |\n|---|---|---|\n" + "\n".join(lines)


def _values(values: Mapping[str, Any]) -> str:
    return "| | |\n|---|---|\n" + "\n".join(
        f"| `{name}` | {_code(value)} |" for name, value in values.items()
    )


def _short(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_code(value)}" for name, value in values.items())


def _code(value: Any) -> str:
    return f"`{_cell(str(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
