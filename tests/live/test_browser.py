"""The live page in a real browser, as a person uses it; skipped where there is no Playwright or Chromium."""

from __future__ import annotations

import re

import pytest

from operant.engine.interventions import read_interventions
from operant.live.page import Page
from tests.live.browsers import CONTRAST, MARKS, NAMELESS, opened, picture, says
from tests.live.pages import Held, wait_until
from tests.shared import ppo

pytestmark = MARKS
TOTAL, EVERY = 128 * 24, 128


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    held = Held(
        tmp_path_factory.mktemp("browser") / "five-seeds", ppo(seed=3, seeds=5, learning_rate=3e-3), TOTAL
    )
    yield held
    held.page.steering.ask("stop")
    held.thread.join(60)
    held.page.close()


def test_a_person_sees_a_run_learn_and_steers_it(held, browser):
    tab, wrong, asked = opened(browser, held.page.address, viewport={"width": 1080, "height": 1180})
    says(tab, "#state", "paused · 128 of 3,072 steps")
    assert tab.url == f"http://127.0.0.1:{held.page.port}/"  # the token is not left in the address
    assert held.page.token not in tab.evaluate("document.cookie")  # nor where a script reads it
    says(tab, "#curves figcaption", "at 128")

    tab.get_by_role("button", name="One chunk on").click()
    says(tab, "#curves figcaption", r"five-seeds: .* \[.* … .*\] at 256")

    tab.get_by_text("Hyperparameters that can be changed now").click()
    tab.get_by_label("new learning_rate").fill("-1")
    tab.get_by_role("button", name="change learning_rate").click()
    says(tab, "#problem", "learning_rate")
    tab.get_by_label("new learning_rate").fill("0.004")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="One chunk on").click()
    says(tab, "#now-learning_rate", r"^0\.004$")
    says(tab, "#problem", "^$")
    kept = [(one.step, one.name, one.value) for one in read_interventions(held.path / "interventions.jsonl")]
    assert (256, "learning_rate", 0.004) in kept

    tab.get_by_role("button", name="Go on").click()
    says(tab, "#state", "training is over|3,072 of 3,072")
    wait_until(lambda: not held.thread.is_alive())
    says(tab, "#curves figcaption", "at 3,072")

    tab.get_by_role("button", name="Watch the newest policy").click()
    says(tab, "#frame-about", r"as of step 3,072: \d+ after \d+ steps")
    says(tab, "#thoughts", "likely: push left.*%.*value of the state")
    assert tab.locator("#frame").get_attribute("src").startswith("data:image/jpeg")
    tab.evaluate("scrollTo(0, 0)")
    picture(tab, "page")
    tab.get_by_role("button", name="Stop watching").click()
    wait_until(lambda: all(player._thread is None for player in held.page._players.values()))

    tab.get_by_role("button", name="Draw it").click()
    tab.wait_for_selector("#drawn:not([hidden])")

    chart = tab.locator("canvas").first
    chart.focus()
    for _ in range(5):
        tab.keyboard.press("ArrowLeft")
    assert not re.search("at 3,072", chart.get_attribute("aria-label"))

    tab.get_by_label("Only names with").fill("rew_mean")
    tab.wait_for_function("() => document.querySelectorAll('#curves figure').length === 1")
    contrast, where = tab.evaluate(CONTRAST)
    assert contrast >= 4.5, where
    assert len(wrong) == 1  # the browser's own word of the refused change
    assert "400" in wrong[0]
    assert {re.match(r"(data:|http://127\.0\.0\.1:\d+/)", url) is not None for url in asked} == {True}
    tab.context.close()


def test_it_fits_on_a_phone_in_the_dark_and_everything_has_a_name(held, browser):
    look = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "device_scale_factor": 2}
    tab, wrong, _ = opened(browser, held.page.address, **look)
    says(tab, "#runs", "five-seeds")
    tab.evaluate("() => document.querySelector('#curves').scrollIntoView()")
    says(tab, "#curves figcaption", "at ")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert tab.evaluate(NAMELESS) == []
    contrast, where = tab.evaluate(CONTRAST)
    assert contrast >= 4.5, where
    assert tab.evaluate("document.querySelectorAll('main h2').length") >= 4
    says(tab, "#curves figure:nth-child(4) figcaption", "at ")
    picture(tab, "phone")
    assert wrong == []
    tab.context.close()


def test_another_page_in_the_same_browser_reaches_nothing(held, browser):
    tab, _, _ = opened(browser, held.page.address)
    says(tab, "#curves figcaption", "at ")
    answers = []
    here = f"http://127.0.0.1:{held.page.port}"
    tab.context.route("http://evil.test/", lambda route: route.fulfill(body="<title>evil</title>"))
    tab.goto("http://evil.test/")
    tab.on("response", lambda answer: answers.append((answer.url, answer.status)))
    for code in (
        f"fetch('{here}/api/runs', {{credentials: 'include'}})",
        f"fetch('{here}/api/runs', {{credentials: 'include', mode: 'no-cors'}})",
        f"fetch('{here}/api/steer', {{method: 'POST', credentials: 'include', mode: 'no-cors', body: '{{}}'}})",
    ):
        assert (
            tab.evaluate(f"{code}.then(a => a.type === 'opaque' ? 'opaque' : 'read', () => 'refused')")
            != "read"
        )
    assert all(status >= 400 for url, status in answers if url.startswith(f"{here}/api"))
    tab.context.close()


def test_it_says_that_the_server_is_gone_and_goes_on_when_it_is_back(held, browser):
    wait_until(lambda: (held.path / "config.json").exists())
    first = Page([held.path]).start()
    tab, _, _ = opened(browser, first.address)
    says(tab, "#curves figcaption", "at ")
    first.close()
    says(tab, "#state", "does not answer")
    again = Page([held.path], port=first.port)
    again.token = again.server.config.app.token = first.token
    with again:
        says(tab, "#state", "1 run")
    says(tab, "#state", "does not answer")
    with Page([held.path], port=first.port):  # somebody else's, or started anew: it has another token
        says(tab, "#state", "Another server is here now: open the address that its terminal shows")
    tab.context.close()
