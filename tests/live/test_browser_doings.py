"""What a person does on the page, in a real browser: plays, branches, asks what looks wrong, judges pairs."""

from __future__ import annotations

import json
import time

import pytest

import operant
from operant.engine.interventions import read_interventions
from operant.language.data.labelling import Asking, Labels, Question
from operant.live.labelling import Labelling
from operant.live.page import Page
from tests.live.browsers import CONTRAST, MARKS, NAMELESS, opened, picture, says
from tests.live.pages import Held, learns_from_clips
from tests.shared import ppo

pytestmark = MARKS
TALL = {"viewport": {"width": 1080, "height": 1180}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("doings") / "cartpole"
    agent = ppo(seed=3, learning_rate=3e-3)
    kept = {"run_dir": path, "checkpoint_every": 1024, "keep_checkpoints": 9}
    agent.learn(3072, progress_bar=False, log_interval=256, **kept)
    agent.save(path / "model.safetensors")
    return path


def test_a_person_plays_by_keys_beside_the_policy(run, browser):
    with Page([run]) as page:
        tab, wrong, _ = opened(browser, page.address, **TALL)
        says(tab, "#rival", "cartpole")
        tab.get_by_label("pace").select_option("slow")
        tab.get_by_role("button", name="Play yourself").press("Enter")
        says(tab, "#own-about", r"You: \d+ after \d+ steps")
        says(tab, "#controls", r"push left \(←\).*push right \(→\)")
        contest = next(iter(page.contests._going.values()))
        for key, action in (("ArrowRight", 1), ("ArrowLeft", 0)):
            tab.keyboard.down(key)
            for _ in range(200):
                if int(contest._action) == action:
                    break
                tab.wait_for_timeout(20)
            assert int(contest._action) == action
            tab.keyboard.up(key)
        picture(tab, "contest", "section[aria-labelledby=contest-title]")
        tab.keyboard.down("ArrowLeft")  # until the pole falls
        says(tab, "#own-about", "and it is over")
        tab.keyboard.up("ArrowLeft")
        says(tab, "#contest-state", r"You \d+, the policy \d+\.")
        says(tab, "#contest-scores", r"\(you : policy\): \d+ : \d+")
        tab.get_by_role("button", name="Next episode").click()
        says(tab, "#own-about", r"You: \d+ after \d+ steps$")
        tab.get_by_role("button", name="Stop playing").click()
        for _ in range(200):
            if not page.contests._going:
                break
            time.sleep(0.05)
        assert not page.contests._going  # nobody plays on
        assert wrong == []
        tab.context.close()


def test_of_images_the_page_shows_what_the_network_sees_and_where_it_looks(tmp_path, browser):
    small = {"convolutions": [[8, 3, 1]], "convolution_features": 32, "hidden_sizes": []}
    agent = operant.DQN("MinBreakout", seed=0, preset=None, network=small, learning_starts=200, num_envs=4)
    agent.learn(2_000, progress_bar=False, run_dir=tmp_path / "breakout")
    agent.save(tmp_path / "breakout" / "model.safetensors")
    with Page([tmp_path / "breakout"]) as page:
        tab, wrong, _ = opened(browser, page.address, **TALL)
        says(tab, "#whose", "breakout")
        tab.get_by_role("button", name="Watch the newest policy").click()
        for what in ("sees", "looks"):
            tab.wait_for_selector(f"#{what}[src^='data:image/png']")
        says(tab, "#thoughts", "Q: .*")
        tab.get_by_role("combobox", name="Picture").select_option("saliency")
        tab.get_by_role("button", name="Draw it").click()
        tab.wait_for_selector("#drawn:not([hidden])")
        picture(tab, "looks", "section[aria-labelledby=play-title]")
        tab.get_by_role("combobox", name="Picture").select_option("critic")
        tab.get_by_role("button", name="Draw it").click()
        tab.wait_for_function("() => document.querySelector('#drawn').alt.startsWith('what critics expect')")
        assert wrong == []
        tab.context.close()


def test_a_person_branches_a_run_and_sees_the_tree(run, browser, monkeypatch):
    monkeypatch.chdir(run.parent)
    with Page([run]) as page:
        tab, wrong, _ = opened(browser, page.address, **TALL)
        for step, value in (("2048", "0.0001"), ("1024", "linear:0.01:0")):
            tab.get_by_role("button", name="branch cartpole", exact=True).click()
            tab.get_by_label("at the checkpoint of step").select_option(step)
            tab.get_by_role("button", name="Change a hyperparameter").click()
            tab.get_by_label("hyperparameter 1", exact=True).fill("learning_rate")
            tab.get_by_label("new value of hyperparameter 1").fill(value)
            tab.get_by_role("button", name="Begin the branch").click()
            name = f"cartpole-at-{step}"
            says(tab, "#branch-told", f"{name} has begun; train it with: operant resume {name} --live")
            says(tab, "#runs", f"↳ cartpole-at-{step} from step {int(step):,}")
        tree = tab.locator("#tree-drawn")
        assert "cartpole-at-2048 from cartpole at step 2048, learning_rate=0.0001" in tree.get_attribute(
            "aria-label"
        )
        says(tab, "#tree-drawn text", "cartpole-at-1024: learning_rate=linear:0.01:0")
        assert tab.locator("#tree-drawn circle").count() == 3 + 2
        picture(tab, "branches", "section[aria-labelledby=runs-title]")
        tab.get_by_role("button", name="Change a hyperparameter").click()
        tab.get_by_label("hyperparameter 1", exact=True).fill("network")
        tab.get_by_label("new value of hyperparameter 1").fill("x")
        tab.get_by_role("button", name="Begin the branch").click()
        says(tab, "#branch-told", "network: PPO cannot change it")
        assert len(wrong) == 1  # the browser's own word of what was refused
        assert tab.evaluate(NAMELESS) == []
        tab.context.close()


def test_a_person_asks_what_looks_wrong_and_for_pictures(run, browser):
    with Page([run]) as page:
        tab, wrong, _ = opened(browser, page.address, **TALL)
        says(tab, "#patient", "cartpole")
        tab.get_by_role("button", name="What looks wrong?").click()
        says(tab, "#diagnosis-title", r"ppo on CartPole-v1, 3,072 steps: .*(wrong)")
        says(tab, "#diagnosis-notes", "by the metrics alone")
        tab.get_by_role("button", name="Draw it").click()
        tab.wait_for_selector("#drawn:not([hidden])")
        assert tab.locator("#drawn").get_attribute("alt").startswith("what it does, or its table, drawn at")
        tab.get_by_role("combobox", name="Picture").select_option("replay")
        tab.get_by_role("button", name="Draw it").click()
        says(tab, "#draw-state", "PPO has no replay in the page's own process")
        contrast, where = tab.evaluate(CONTRAST)
        assert contrast >= 4.5, where
        assert len(wrong) == 1  # the picture that there is not
        tab.context.close()


def test_a_person_judges_pairs_by_keys(tmp_path, browser):
    texts = [
        ("Why is the sky blue?", "Blue light is scattered most by the air.", "It mirrors the sea."),
        ("Name a prime above 10.", "11", "12"),
    ]
    asking = Asking(Labels(tmp_path / "pairs.jsonl"), iter([Question(*each) for each in texts]))
    with Page(labelling=Labelling(asking, 2)) as page:
        tab, wrong, _ = opened(browser, page.address, viewport={"width": 900, "height": 520})
        says(tab, "#state", "1 of 2, in pairs.jsonl")
        says(tab, "#prompt", "Why is the sky blue")
        assert tab.url.endswith("/label")
        assert tab.evaluate(NAMELESS) == []
        contrast, where = tab.evaluate(CONTRAST)
        assert contrast >= 4.5, where
        picture(tab, "label")
        tab.keyboard.press("2")
        says(tab, "#state", "2 of 2")
        tab.keyboard.press("u")
        says(tab, "#state", "1 of 2")
        tab.keyboard.press("ArrowLeft")
        says(tab, "#prompt", "prime")
        tab.get_by_role("button", name="The first is better").click()
        says(tab, "#state", "All 2 are answered: pairs.jsonl")
        assert not tab.locator("#pair").is_visible()
        kept = [json.loads(line)["chosen"] for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
        assert kept == ["Blue light is scattered most by the air.", "11"]
        tab.keyboard.press("u")
        says(tab, "#state", "2 of 2")
        assert wrong == []
        tab.context.close()


def test_a_person_compares_clips_by_keys_and_the_run_learns_from_it(tmp_path, browser):
    held = Held(tmp_path / "run", learns_from_clips(tmp_path / "clips"))
    try:
        tab, wrong, asked = opened(browser, held.page.address, **TALL)
        tab.get_by_role("button", name="Compare clips").press("Enter")
        tab.wait_for_selector("#clips:not([hidden])")
        for side in ("left", "right"):
            tab.wait_for_function(f"() => document.querySelector('#clip-{side}').readyState === 4")
            tab.wait_for_function(f"() => document.querySelector('#clip-{side}').ended")  # it plays by itself
        tab.evaluate(
            "() => document.querySelector('#clip-left').addEventListener('playing', e => window.again = true)"
        )
        tab.keyboard.press("r")
        tab.wait_for_function("() => window.again")
        assert tab.evaluate(NAMELESS) == []
        contrast, where = tab.evaluate(CONTRAST)
        assert contrast >= 4.5, where
        picture(tab, "clips", "#compare-section")
        tab.keyboard.press("ArrowRight")
        says(tab, "#compare-state", "1 of at most 20 comparisons$")
        tab.keyboard.press("e")
        says(tab, "#compare-state", "2 of at most 20 comparisons$")
        tab.keyboard.press("s")
        tab.wait_for_function("() => document.querySelector('#clip-left').src.endsWith('number=3&side=left')")
        tab.get_by_role("button", name="The first is better").click()
        says(tab, "#compare-state", "3 of at most 20 comparisons")
        tab.get_by_role("button", name="Go on").click()
        held.thread.join(120)
        tab.wait_for_selector("#compare-section", state="hidden")  # training is over
        found = [
            one.value for one in read_interventions(held.path / "interventions.jsonl") if one.kind == "answer"
        ]
        assert found == [1, 1, 0.5]  # what is decided comes first
        kept = json.loads((tmp_path / "clips" / "pairs.jsonl").read_text().splitlines()[0])
        assert (kept["chosen"], kept["rejected"]) == ("clip-001.mp4", "clip-000.mp4")
        assert all(address.startswith(f"http://127.0.0.1:{held.page.port}/") for address in asked)
        assert wrong == []
        tab.context.close()
    finally:
        held.page.steering.ask("stop")
        held.thread.join(60)
        held.page.close()
