"""The study of families as Markdown: what it says in words, the bars, and a line for every cell."""

from __future__ import annotations

from collections.abc import Sequence

from fail2progress.evaluation.studies.families_bars import CHOSEN, Row, bars, gate, lost, lost_where_chosen, told_lost
from fail2progress.evaluation.studies.families_words import by_things, compared, spreads, states_compared


def markdown(report: dict[str, object]) -> str:
    """Words, bars, and both tables of cells."""
    rows: list[Row] = report["rows"]  # type: ignore[assignment]
    lines = ["# Families of failures", "", *_setting(report), "## In words", "", *compared(rows), *gate(rows), ""]
    lines += ["## What one failure gains", ""]
    lines += [*(bars(rows) or ["Nothing that could be compared with true executions."]), "", "## Data around a failure", ""]
    lines += [*spreads(rows), *by_things(rows), *states_compared(rows), "", *_data(rows), "", "## One failure learnt from", ""]
    head = "family | data | passed | adjusts | F1 before | after | along (mm) before | after | moved (mm) before | after"
    lines += [f"| {head} | held-out F1 lost | where it was chosen | CPU (s) |", "|" + "---|" * 13]
    lines += [_learn_line(row) for row in rows if row["kind"] == "learn"]
    return "\n".join([*lines, "", CHOSEN]) + "\n"


def _setting(report: dict[str, object]) -> list[str]:
    """One line on what the cells have in common."""
    origin = report.get("provenance")
    known = origin["configuration"] if isinstance(origin, dict) else {}
    if "targeting" not in known:
        return []
    target = known["targeting"]
    chosen = f"{target['oversampling']:g} particles for each, {target['explorers']:.0%} explorers"
    chosen += f", everything placed {target['placing']}" if target.get("placing", "together") != "together" else ""
    return [f"Seed {known['seed']}, {target['samples']} samples a failure ({chosen}), {known['tests']} unseen executions.", ""]


def _data(rows: Sequence[Row]) -> list[str]:
    head = "| family | generator | R_F drawn | believed | simulated | in D+ | within (mm) | places (m) | actions | stable |"
    return [head, "|" + "---|" * 10, *(_data_line(row) for row in rows if row["kind"] == "data")]


def _data_line(row: dict[str, object]) -> str:
    if "kept" not in row:
        return f"| {row['family']} {row['failure']} | {row['method']} | {row['reason']} |" + " |" * 7
    kept, spread = row["kept"], row["spread"]
    assert isinstance(kept, dict) and isinstance(spread, dict)
    shares = " | ".join(f"{kept[key]:.2f}" for key in ("drawn", "believed", "simulated", "chosen"))
    spreads = f"{1000 * spread['within']:.0f} | {spread['places']:.2f} | {spread['actions']:.2f}"
    return f"| {row['family']} {row['failure']} | {row['method']} | {shares} | {spreads} | {row['stable']}/{row['tried']} |"


def _learn_line(row: dict[str, object]) -> str:
    if "after" not in row:
        return f"| {row['family']} {row['failure']} | {row['method']} | {row['reason']} |" + " |" * 10
    before, after = row["before"], row["after"]
    assert isinstance(before, dict) and isinstance(after, dict)
    both = " | ".join(
        f"{side[key]:{form}}"
        for key, form in (("f1", ".3f"), ("along_mm", ".0f"), ("moved_mm", ".0f"))
        for side in (before, after)
    )
    costs = f"{told_lost(lost(row))} | {told_lost(lost_where_chosen(row))}"
    passed = {True: "yes", False: "no"}.get(bool(row["passed"]), "") if "passed" in row else "-"
    first = f"| {row['family']} {row['failure']} | {row['method']} | {passed} | {row.get('adjusts', '-')}"
    return f"{first} | {both} | {costs} | {row['cpu_s']:.0f} |"
