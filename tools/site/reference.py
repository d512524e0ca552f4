"""The reference: every public name, with its signature and its docstring."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from operant.algorithms.names import CONSTRUCTORS
from tools.site.links import ROOT

if TYPE_CHECKING:
    import griffe

# What a user meets besides `operant` itself.
MODULES = {
    "operant.callbacks": "operant.agent.callbacks",
    "operant.authoring": "operant.authoring",
    "operant.mdp": "operant.mdp",
    "operant.language": "operant.language",
    "operant.zoo": "operant.zoo",
}
GROUPS = {  # names of `operant` by where they come from
    "agent": "Agents",
    "construct": "Agents",
    "connecting": "Agents",
    "algorithms": "Agents",
    "comparison": "Agents",
    "reproduction": "Agents",
    "diagnosis": "Sweeps, steering and diagnosis",
    "sweeps": "Sweeps, steering and diagnosis",
    "engine": "Experience and files",
    "replay": "Experience and files",
    "fields": "Experience and files",
    "envs": "Environments and wrappers",
    "networks": "Networks, schedules and curiosity",
    "ops": "Networks, schedules and curiosity",
    "curiosity": "Networks, schedules and curiosity",
    "studio": "Pictures",
}


class UndocumentedError(ValueError):
    """Public names without a docstring; the message lists them."""


def pages() -> dict[str, str]:
    """The Markdown of all pages by their places. Raises UndocumentedError."""
    found = {"reference/index.md": ""}
    listed = groups()
    missing: list[str] = []
    package = _package()
    for title, names in listed.items():
        found[f"reference/{_slug(title)}.md"] = _page(title, names)
    for title, module in MODULES.items():
        names = [f"{module}.{name}" for name in _exported(package, module)]
        found[f"reference/{title}.md"] = _page(f"`{title}`", names)
        listed[title] = names
    for names in listed.values():
        missing += [name for name in names if not _documented(package, name)]
    if missing:
        raise UndocumentedError(f"Public names without a docstring: {', '.join(sorted(missing))}.")
    found["reference/index.md"] = _index(listed)
    return found


def groups() -> dict[str, list[str]]:
    """Where each name of `operant` is defined, by group; the constructors have pages of their own."""
    tree = ast.parse((ROOT / "operant" / "__init__.pyi").read_text())
    found: dict[str, list[str]] = defaultdict(list)
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or node.module in ("operant", "operant.version"):
            continue
        for alias in node.names:
            if alias.name in CONSTRUCTORS or alias.name == "callbacks":
                continue
            assert node.module is not None
            found[GROUPS[node.module.split(".")[1]]].append(f"{node.module}.{alias.name}")
    return dict(found)


def _package() -> griffe.Module:
    import griffe

    loader = griffe.GriffeLoader(search_paths=[ROOT])
    package = loader.load("operant", try_relative_path=False)
    loader.resolve_aliases(external=False)
    assert isinstance(package, griffe.Module)
    return package


def _exported(package: griffe.Module, module: str) -> list[str]:
    """What `__all__` of a module lists."""
    found = package[module.removeprefix("operant.")]
    return sorted(str(name) for name in found.exports or () if not str(name).startswith("_"))


def _documented(package: griffe.Module, name: str) -> bool:
    found = package[name.removeprefix("operant.")]
    if found.is_alias:
        found = found.final_target
    return found.is_attribute or found.is_module or bool(found.docstring and found.docstring.value.strip())


def _page(title: str, names: list[str]) -> str:
    return f"# {title}\n\n" + "\n".join(f"::: {name}\n" for name in names)


def _index(groups: dict[str, list[str]]) -> str:
    lines = [
        "# Reference",
        "",
        "Every public name. Algorithms are called with an environment and their hyperparameters, as in "
        "`operant.PPO(env, …)`: they have [pages of their own](../algorithms/index.md).",
    ]
    for title, names in groups.items():
        page = f"{title if title in MODULES else _slug(title)}.md"
        lines += ["", f"## [{title}]({page})", ""]
        lines += [", ".join(f"[`{name.rpartition('.')[2]}`]({page}#{name})" for name in names)]
    return "\n".join(lines) + "\n"


def _slug(title: str) -> str:
    return title.lower().replace(",", "").replace(" ", "_")
