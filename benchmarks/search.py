"""Do policy searches learn? `python -m benchmarks.search` writes results/search.json, search.md and the curves.

As `benchmarks.learning` does: twenty seeds in one program, with the presets, on Gymnasium's own environments.
"""

from __future__ import annotations

from benchmarks.learning import Study, main

STUDIES = (
    Study("ars", "CartPole-v1", 475),
    Study("cem", "CartPole-v1", 475),
    Study("genetic", "CartPole-v1", 475),
)

if __name__ == "__main__":
    main(STUDIES, "search")
