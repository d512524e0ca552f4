"""The live page: runs in a browser while they train and afterwards, and what a person asks of one while it trains.

`operant train … --live` and `operant ui RUNS` open it; in Python it is `with operant.live.open_page(run_dir) as page`.
It needs the extra `live`, and nothing here is imported before it is asked for.
"""

from __future__ import annotations

from operant.lazy import exports

__all__ = ["Page", "open_page"]  # pyright: ignore[reportUnsupportedDunderAll] (found when asked for)

__getattr__ = exports(__name__, dict.fromkeys(__all__, "operant.live.page"))
