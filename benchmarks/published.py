"""Published returns on MuJoCo, to set ours next to.

Evaluation returns on Gymnasium's `-v4` environments after 100,000, 300,000, 500,000 and 1,000,000 steps: mean and
standard deviation over ten seeds. From the results that the authors of SimbaV2 (Lee et al. 2025, arXiv:2502.15280)
publish with their code.
"""

from __future__ import annotations

AT = (100_000, 300_000, 500_000, 1_000_000)
SEEDS = 10

# {(algorithm, environment): [(mean, standard deviation) after each of `AT`]}
RETURNS: dict[tuple[str, str], list[tuple[int, int]]] = {
    ("sac", "HalfCheetah-v4"): [(6156, 700), (8593, 964), (9838, 922), (11321, 1051)],
    ("sac", "Hopper-v4"): [(1103, 368), (2160, 981), (2887, 837), (2787, 823)],
    ("sac", "Walker2d-v4"): [(690, 241), (2470, 1571), (3603, 1169), (4536, 469)],
    ("crossq", "HalfCheetah-v4"): [(8112, 896), (10012, 1112), (11344, 1466), (12893, 1717)],
    ("crossq", "Hopper-v4"): [(2764, 781), (2644, 886), (2302, 445), (2467, 937)],
    ("crossq", "Walker2d-v4"): [(3914, 1641), (5941, 483), (6352, 514), (6257, 1500)],
}


def after(algorithm: str, environment: str, steps: int) -> tuple[int, int] | None:
    """`(mean, standard deviation)` after this number of steps, if they are published."""
    known = RETURNS.get((algorithm, environment))
    return None if known is None or steps not in AT else known[AT.index(steps)]
