"""The site, made to work without a network and from the disk."""

from __future__ import annotations

import re
from pathlib import Path

from tools.site.links import relative

WORKER = "worker_from_disk.js"
OUTSIDE_SCRIPT = re.compile(r'<script src="https?://[^"]*iframe-worker[^"]*"[^>]*></script>')
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video)[^>]*\ssrc=["']?https?://|<link[^>]*rel=["']?stylesheet[^>]*https?://"""
)


class OutsideError(ValueError):
    """A page that would load something from elsewhere; the message names it."""


def made_offline(site: Path) -> None:
    """Replace the one script that comes from elsewhere by our own. Raises OutsideError where another is left."""
    (site / WORKER).write_text((Path(__file__).with_name(WORKER)).read_text())
    for page in site.rglob("*.html"):
        own = relative(WORKER, page.relative_to(site).as_posix())
        text = OUTSIDE_SCRIPT.sub(f'<script src="{own}"></script>', page.read_text())
        page.write_text(text)
        if found := LOADED.search(text):
            raise OutsideError(
                f"{page}: it loads something from elsewhere: {text[found.start() : found.end() + 60]}"
            )
