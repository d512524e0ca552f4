"""The output of a notebook's cell, as a place where something is shown and replaced."""

from __future__ import annotations

import sys
from typing import Any


class Cell:
    """One output of the cell that runs, replaced in place by each `show`."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    @classmethod
    def here(cls) -> Cell | None:
        """A new output of the cell that runs; None where this is no notebook."""
        ipython: Any = sys.modules.get("IPython")  # it is there already wherever there is a notebook
        if ipython is None or getattr(ipython.get_ipython(), "kernel", None) is None:
            return None
        return cls(ipython.display.display({"text/plain": ""}, raw=True, display_id=True))

    def show(self, html: str, text: str) -> None:
        """Replace what is there. The text is for where no HTML can be shown."""
        self._handle.update({"text/html": html, "text/plain": text}, raw=True)
