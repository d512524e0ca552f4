"""What speed.md says: who was how many times as fast, and whether that is enough."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks import common
from benchmarks.cases import CASES, FAMILIES, RIVALS, TARGETS, Case, Peer
from benchmarks.peak import SIDE, actor_critic_flops, cartpole_flops

THRESHOLD = 475
ACTOR_CRITICS_ON_PENDULUM = ("sac-pendulum", "td3-pendulum", "tqc-pendulum")

Raw = Mapping[str, Any]


def compare(raw: Raw, sbx: bool = False) -> dict[str, Raw]:
    """By name: operant's and the rival's speeds (or seconds) as spreads, and how many times as fast operant is.

    The rival is the one of its settings with the best median, of SBX with `sbx`, of all others without. The ratio is
    the median of those of every round, or of every repeat of the whole command.
    """
    found = {}
    every = {rival.name for rival in RIVALS}
    rivals = {rival.name for rival in RIVALS if _is_sbx(rival) == sbx}
    for part in FAMILIES.keys() & raw.keys():
        speeds = _rates(raw[part]["runs"])
        best = max(speeds.keys() & rivals, key=lambda name: statistics.median(speeds[name]), default=None)
        for name in speeds.keys() - every if best else ():
            ratios = [ours / theirs for ours, theirs in zip(speeds[name], speeds[best], strict=True)]
            found[name] = _found(speeds, name, best, ratios)
    if "command" in raw and not sbx:
        times = {
            name: [run["scored_seconds"] for run in runs] for name, runs in raw["command"]["runs"].items()
        }
        peers = [name for name in times if name.startswith("SB3")]
        best = min(peers, key=lambda name: statistics.median(times[name]))
        for name in times.keys() - set(peers):
            ratios = [theirs / ours for ours, theirs in zip(times[name], times[best], strict=True)]
            found[name] = _found(times, name, best, ratios)
    return found


def _is_sbx(rival: Case | Peer) -> bool:
    return isinstance(rival, Peer) and rival.package == "sbx"


def _found(values: Mapping[str, list[float]], name: str, best: str, ratios: list[float]) -> Raw:
    spreads = {"ours": common.spread(values[name]), "theirs": common.spread(values[best])}
    return spreads | {"rival": best, "ratio": statistics.median(ratios), "ratios": common.spread(ratios)}


def report(raw: Raw) -> str:
    """The Markdown of speed.md."""
    found, of_sbx = compare(raw), compare(raw, sbx=True)
    sections = [
        "# Speed, next to Stable-Baselines3, sb3-contrib and SBX\n",
        "**Some of it is a quick run, which shows that the benchmark works, and no speeds.**\n"
        * any(part["quick"] for part in raw.values()),
        "Medians (smallest–largest) of rounds in turns. Written by `python -m benchmarks.speed`; "
        "README.md says how it is measured.\n",
    ]
    if found or of_sbx:
        header = ("", "required", "reached", "")
        sections += ["## Targets\n", common.table(header, _targets(found, of_sbx))]
    training = [(rivals, case) for case in CASES for rivals in (found, of_sbx) if case.name in rivals]
    if training:
        header = ("", "operant, steps/s", "rival, steps/s", "ratio", "compile and warm-up, s: cold → cached")
        rows = [_training_row(raw, rivals, case.name, case.family) for rivals, case in training]
        sections += ["\n## Training\n", common.table(header, rows), "\nEvery setting of the rivals:\n"]
        sections.append(common.table(("", "steps/s"), _rival_rows(raw)))
    if "command" in raw:
        header = ("", "scored after, s", "ended after, s", "mean return, least", "ratio")
        sections += ["\n## From the shell to the score\n", common.table(header, _command_rows(raw, found))]
    if "peak" in raw:
        header = ("", "GFLOP/s", "of the peak")
        title = f"\n## Matrix products of updates, against a {SIDE}² float32 product on all cores\n"
        sections += [title, common.table(header, _peak_rows(raw, found))]
    sections += ["\n## When, and with what\n", common.table(_WHEN, _when_rows(raw))]
    return "\n".join([*sections, "", *_versions(raw)]) + "\n"


def _rates(runs: Mapping[str, list[Raw]]) -> dict[str, list[float]]:
    """Steps per second in every round of every repeat."""
    return {name: [rate for run in some for rate in run["rates"]] for name, some in runs.items()}


def _targets(found: Mapping[str, Raw], of_sbx: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    rows = []
    for target in TARGETS:
        measured = of_sbx if target.of_sbx else found
        ratios = [measured[name]["ratio"] for name in target.cases if name in measured]
        if not ratios:
            continue
        reached, required = max(ratios), f"{target.ratio} ×"
        enough = reached >= target.ratio
        if target.of_time:
            reached, required = 1 / reached, f"at most {required}"
            enough = reached <= target.ratio
        rows.append(
            (target.what, required, f"{reached:.{_digits(reached)}f} ×", "pass" if enough else "**fail**")
        )
    return rows


def _digits(ratio: float) -> int:
    return 2 if ratio < 2 else 1


def _training_row(raw: Raw, found: Mapping[str, Raw], name: str, family: str) -> tuple[str, ...]:
    row = found[name]
    startup = [run["startup_seconds"] for run in raw[family]["runs"][name]]
    cached = f"{common.spread(startup[1:])['median']:.1f}" if len(startup) > 1 else "–"
    ratio = common.show(row["ratios"], _digits(row["ratio"])) + " ×"
    theirs = common.show(row["theirs"]) + " SBX" * row["rival"].startswith("SBX")
    return (name, common.show(row["ours"]), theirs, ratio, f"{startup[0]:.1f} → {cached}")


def _rival_rows(raw: Raw) -> list[tuple[str, ...]]:
    every = {
        name: common.spread(rates)
        for part in FAMILIES.keys() & raw.keys()
        for name, rates in _rates(raw[part]["runs"]).items()
    }
    return [(rival.name, common.show(every[rival.name])) for rival in RIVALS if rival.name in every]


def _command_rows(raw: Raw, found: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    rows = []
    for name, runs in sorted(raw["command"]["runs"].items()):
        seconds = [
            common.show(common.spread(run[key] for run in runs), 1)
            for key in ("scored_seconds", "exit_seconds")
        ]
        least = min(run["mean"] for run in runs)
        mark = "" if least >= THRESHOLD else f" (below {THRESHOLD})"
        ratio = common.show(found[name]["ratios"], 1) + " ×" if name in found else "–"
        rows.append((name, *seconds, f"{least:.1f}{mark}", ratio))
    return rows


def _peak_rows(raw: Raw, found: Mapping[str, Raw]) -> list[tuple[str, ...]]:
    peak, update = (raw["peak"]["runs"][what] for what in ("matmul", "update"))
    rates = {"the product itself": peak, "the update alone, one learner on one core": update}
    per_step = {"ppo": cartpole_flops() / 2048}
    per_step |= {part: actor_critic_flops(part) for part in ACTOR_CRITICS_ON_PENDULUM}
    for case in CASES:
        if case.name in found and case.family in per_step and case.agent["backend"] == "native":
            rates[f"{case.name}: all of training"] = (
                per_step[case.family] * found[case.name]["ours"]["median"]
            )
    return [(name, f"{rate / 1e9:,.1f}", f"{100 * rate / peak:.1f} %") for name, rate in rates.items()]


_WHEN = ("", "date", "repeats", "rounds", "load average before", "processor", "cores")


def _when_rows(raw: Raw) -> list[tuple[str, ...]]:
    rows = []
    for name, part in raw.items():
        machine = part["machine"]
        values = (
            part["date"],
            part["repeats"],
            _rounds(part),
            machine["load"],
            machine["processor"],
            machine["cores"],
        )
        rows.append((name, *map(str, values)))
    return rows


def _rounds(part: Raw) -> str:
    """In each repeat, of the sides by turns; what was measured before there were rounds has one."""
    first = next(iter(part["runs"].values()))
    return str(len(first[0]["rates"])) if isinstance(first, list) and "rates" in first[0] else "–"


def _versions(raw: Raw) -> list[str]:
    """What was installed, on each side: a paragraph for each set of versions, and which parts it was installed for."""
    parts: dict[str, list[str]] = {}
    for name in filter(FAMILIES.__contains__, raw):
        for run, *_ in raw[name]["runs"].values():
            installed = ", ".join(f"{package} {version}" for package, version in run["versions"].items())
            parts.setdefault(installed, []).append(name)
    return [f"{', '.join(dict.fromkeys(names))}: {installed}.\n" for installed, names in parts.items()]
