"""A real browser: Playwright with Debian's Chromium. OPERANT_SCREENSHOTS=docs/live writes the pictures of the docs."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("playwright") is None, reason="no Playwright: pip install playwright"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
SCREENSHOTS = Path(folder).absolute() if (folder := os.environ.get("OPERANT_SCREENSHOTS")) else None
SECONDS = 60_000  # milliseconds that a person would wait on a busy machine

CONTRAST = """() => {
  // The least contrast of text and its background (WCAG 2.2, 1.4.3), and the element that has it.
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.disabled) continue;
    const [one, other] = [channels(getComputedStyle(element).color), behind(element)].map(luminance);
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < worst[0]) worst = [contrast, element.outerHTML.slice(0, 200)];
  }
  return worst;
}"""

NAMED = "button, input, select, img, canvas, progress, svg[role], section, summary"
NAMELESS = (
    f"() => [...document.querySelectorAll('{NAMED}')]"
    + """
  .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.alt || e.closest("label") || e.hidden ||
    document.getElementById(e.getAttribute("aria-labelledby"))))
  .map((e) => e.outerHTML)"""
)


def picture(tab, name: str, of: str | None = None) -> None:
    """A picture for the docs, where they are asked for: of what is on screen, or of one element."""
    if SCREENSHOTS is not None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (tab if of is None else tab.locator(of)).screenshot(path=SCREENSHOTS / f"{name}.png")


def opened(browser, address: str, **look):
    """A tab that shows the page, what went wrong in it, and the addresses that it asked."""
    tab = browser.new_context(**look).new_page()
    tab.set_default_timeout(SECONDS)
    wrong, asked = [], []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    return tab, wrong, asked


def says(tab, selector: str, pattern: str) -> None:
    """Wait until the text there has this pattern."""
    tab.wait_for_function(
        "([where, pattern]) => [...document.querySelectorAll(where)].some(e => RegExp(pattern).test(e.textContent))",
        arg=[selector, pattern],
    )
