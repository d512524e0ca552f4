"""The pages of the documentation's site, as far as they are made without the extra `docs`."""

import json
import re
from pathlib import Path

import pytest

from operant import decimals, zoo
from operant.algorithms.names import PLACES
from tools.site.algorithms import Algorithms, source
from tools.site.links import ROOT, BrokenLinkError, rewritten
from tools.site.offline import OutsideError, made_offline
from tools.site.pages import Pages
from tools.site.reference import groups
from tools.site.search_index import names_alone
from tools.site.zoo import PAGE, page, pictures

MENU = (ROOT / "tools" / "site" / "mkdocs.yml").read_text()


def moved(file: Path) -> str:
    """Every file's page is in a folder of its own."""
    return f"pages/{file.stem}.md"


def test_rewritten_links_lead_from_the_page_to_the_page_of_the_file():
    text = "[a](../README.md#speed), ![`b`](architecture.svg) and [c](https://jax.dev), [d](#here)"
    assert rewritten(text, Path("docs/atari.md"), "how/atari.md", moved) == (
        "[a](../pages/README.md#speed), ![`b`](../pages/architecture.md) and [c](https://jax.dev), [d](#here)"
    )


def test_rewritten_leaves_blocks_of_code_alone():
    text = "before [a](atari.md)\n```python\nx = table[key](atari.md)\n```\nafter [b](atari.md)\n"
    found = rewritten(text, Path("docs/images.md"), "images.md", moved)
    assert found == (
        "before [a](pages/atari.md)\n```python\nx = table[key](atari.md)\n```\nafter [b](pages/atari.md)\n"
    )


@pytest.mark.parametrize("target", ["nowhere.md", "../../outside.md", "/etc/passwd"])
def test_rewritten_refuses_a_link_that_leads_to_nothing(target):
    with pytest.raises(BrokenLinkError, match=re.escape(target)):
        rewritten(f"[a]({target})", Path("docs/atari.md"), "atari.md", moved)


def test_every_algorithm_has_a_page_with_its_hyperparameters_and_its_own_source():
    algorithms = Algorithms()
    pages = algorithms.pages()
    assert set(pages) == {algorithms.page(name) for name in PLACES} | {"algorithms/index.md"}
    for name in PLACES:
        text = pages[algorithms.page(name)]
        for row in algorithms.catalogue[name]["hyperparameters"]:
            assert f"| `{row['name']}` |" in text, name
        assert f"]({name}.md)" in pages["algorithms/index.md"], name
    assert (ROOT / source("ppo")).read_text() in pages["algorithms/ppo.md"]
    assert "(td3.md)" in pages["algorithms/ddpg.md"]
    assert "## Source" not in pages["algorithms/ddpg.md"]
    listed = [name for names in algorithms.families().values() for name in names]
    assert sorted(listed) == sorted(PLACES)
    assert len(json.dumps(algorithms.menu())) > len(listed) * 10


def test_every_seed_of_a_measured_study_is_on_the_page_of_its_algorithm():
    algorithms = Algorithms()
    study = next(study for study in algorithms.studies if study["name"] == "DQN LunarLander")
    seeds = ", ".join(f"{mean:.4g}" for mean in study["means"])
    assert len(study["means"]) == 20
    assert f"Every seed: {seeds}." in algorithms.text("dqn")


def test_the_zoo_has_the_curve_every_seed_and_the_commands_of_each_study():
    text, known = page(), pictures()
    assert f" {PAGE}\n" in MENU
    for name, entry in zoo.entries().items():
        section = text.partition(f"### {name}\n")[2].partition("\n#")[0]
        assert f"\n{entry.command}\n" in section
        assert f"operant zoo reproduce {name} --seeds {len(entry.seeds)}\n" in section
        assert "| " + " | ".join(decimals.scores(*entry.means)) + " |" in section
        assert f"({known[entry.title]})" in section
        assert (ROOT / "benchmarks" / "results" / known[entry.title]).exists()
        assert (f"operant watch zoo:{name}\n" in section) == (entry.model is not None)


def test_every_page_of_docs_is_in_the_menu():
    pages = Pages(Path("nowhere"))
    files = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    assert len(files) > 20
    missing = [file.name for file in files if f" {pages.place_of(file.relative_to(ROOT))}\n" not in MENU]
    assert missing == []


def test_every_link_of_a_page_leads_to_a_file_that_is_there(tmp_path):
    pages = Pages(tmp_path)
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"):
        pages.prose(Path(name))
    for file in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks" / "results").glob("*.md")]:
        pages.prose(file.relative_to(ROOT))
    assert (tmp_path / "index.md").read_text().startswith("# operant")
    assert "(command_line.md)" in (tmp_path / "index.md").read_text()
    pages.source(Path("examples/callback.py"))
    assert "```python\n" in (tmp_path / "source/examples/callback.py.md").read_text()


def test_links_of_a_tutorial_lead_to_pages(tmp_path):
    pytest.importorskip("nbconvert")
    Pages(tmp_path).tutorial(Path("docs/tutorials/ppo_from_its_equations.ipynb"))
    text = (tmp_path / "tutorials" / "ppo_from_its_equations.md").read_text()
    assert "](policies_and_reinforce.md)" in text
    assert "](../source/operant/algorithms/policy_gradient/ppo.py.md)" in text
    assert "](ppo_from_its_equations/output_" in text  # a picture


def test_made_offline_replaces_the_script_from_elsewhere_and_refuses_any_other(tmp_path):
    (tmp_path / "deep").mkdir()
    page = tmp_path / "deep" / "page.html"
    page.write_text('<script src="https://unpkg.com/iframe-worker/shim" type="text/javascript"></script>')
    made_offline(tmp_path)
    assert page.read_text() == '<script src="../worker_from_disk.js"></script>'
    assert (tmp_path / "worker_from_disk.js").exists()
    page.write_text('<img alt="" src="https://example.org/pixel.png">')
    with pytest.raises(OutsideError, match="pixel"):
        made_offline(tmp_path)


def test_every_public_name_has_its_place_in_the_reference():
    listed = groups()
    assert "operant.agent.Agent" in listed["Agents"]
    assert len({name for names in listed.values() for name in names}) > 50


def test_names_alone_leaves_files_their_titles_and_pages_all(tmp_path):
    page = {"location": "atari.html#scores", "title": "Scores", "text": "whole games, “as they are”"}
    file = {"location": "source/operant/ppo.py.html", "title": "ppo.py", "text": "scores of whole games"}
    (tmp_path / "search.json").write_text(json.dumps({"config": {"lang": ["en"]}, "items": [page, file]}))
    (tmp_path / "search.js").write_text("var __index = {};")
    names_alone(tmp_path)
    index = json.loads((tmp_path / "search.json").read_text())
    assert index == {"config": {"lang": ["en"]}, "items": [page, file | {"text": ""}]}
    script = (tmp_path / "search.js").read_text()
    assert json.loads(script.removeprefix("var __index = ").removesuffix(";")) == index
