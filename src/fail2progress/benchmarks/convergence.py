"""H3: do clusters of failures stand still when benchmarks are induced round after round?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fail2progress.benchmarks.answers import Answers
from fail2progress.benchmarks.clusters import centroids
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.metrics import corrected_purity, corrected_separation, drift, same_partition

NULL = "null"
"""Rounds of fresh static draws."""
ANCHORS = "anchors"


def round_name(mode: str, number: int) -> str:
    """Name of a round's slice."""
    return f"{mode}/{number}"


def series(answers: Answers, rules: Rules) -> dict[str, list[dict[str, Any]]]:
    """By mode, a row a round: separation, purity, and from the second round on drift and agreement on the anchors."""
    found: dict[str, list[dict[str, Any]]] = {}
    for mode in dict.fromkeys(name.split("/")[0] for name in answers.slices() if "/" in name):
        rows: list[dict[str, Any]] = []
        while answers.seeds(round_name(mode, len(rows))):
            rows.append(_row(answers, mode, len(rows), rules))
        found[mode] = rows
    return found


def _row(answers: Answers, mode: str, number: int, rules: Rules) -> dict[str, Any]:
    name = round_name(mode, number)
    seed = answers.seeds(name)[0]
    table, row = answers.by_level(name, seed), {"round": number}
    now = answers.failures(name, seed)
    values: dict[str, Any] = {**row, "n": len(table), "S_c": corrected_separation(table), "accuracy": float(table.mean())}
    if now is None:  # too few were met for clusters
        return {**values, "failures": answers.failed(name, seed), "corrected_purity": None, "drift": None, "ari": None}
    rng = seeded(rules.seed, name, "purity")
    values |= {"failures": len(now), "corrected_purity": corrected_purity(now.clusters, now.structures, rng)}
    before = answers.failures(round_name(mode, number - 1), seed)
    anchors = [answers.failures(f"{round_name(mode, n)}/{ANCHORS}", seed) for n in (number - 1, number)]
    if before is None or anchors[0] is None or anchors[1] is None:
        return {**values, "drift": None, "ari": None}
    centres = [centroids(each.features, each.clusters) for each in (before, now)]
    return {**values, "drift": drift(*centres), "ari": same_partition(anchors[0].clusters, anchors[1].clusters)}


def verdict(rounds: dict[str, list[dict[str, Any]]], rules: Rules) -> dict[str, Any] | None:
    """H3's rule: small drift and the same partition of the anchors, so many rounds in a row. Null: fresh static draws.

    p: share of the null's rounds that drift no more than the median of the mode's. rule_of_null: whether the null keeps the rule,
    too, so that to keep it says nothing of the mode; None where it was not run, or no round of it tells a drift.
    """
    rows = rounds.get(rules.update)
    if not rows or len(rows) < 2:
        return None
    still, null = _still(rows, rules), rounds.get(NULL, [])
    steps, chance = _drifts(rows), _drifts(null)
    below = sum(value <= np.median(steps) for value in chance) if steps else 0
    return {
        "rule": _in_a_row(still, rules),
        "rule_of_null": _in_a_row(_still(null, rules), rules) if chance else None,
        "p": (1 + below) / (1 + len(chance)) if chance and steps else None,
        "mode": rules.update,
        "rounds_still": int(sum(still)),
        "median_drift": float(np.median(steps)) if steps else None,
        "median_drift_null": float(np.median(chance)) if chance else None,
    }


def _still(rows: list[dict[str, Any]], rules: Rules) -> list[bool]:
    """Whether the clusters stand still, round by round."""
    return [row["drift"] is not None and row["drift"] < rules.drift and row["ari"] >= rules.ari for row in rows]


def _in_a_row(still: list[bool], rules: Rules) -> bool:
    return any(all(still[i : i + rules.consecutive]) for i in range(len(still) - rules.consecutive + 1))


def _drifts(rows: list[dict[str, Any]]) -> list[float]:
    """Those that are known: a round after one single cluster has none, its drift has no scale."""
    return [row["drift"] for row in rows if row["drift"] is not None and math.isfinite(row["drift"])]


def learning(answers: Answers) -> dict[str, list[dict[str, Any]]] | None:
    """The learner's accuracy on held-back items by structure, after every round; None where nothing was learnt."""
    found: dict[str, dict[int, list[float]]] = {}
    for record in answers.learner():
        found.setdefault(record["structure"], {}).setdefault(record["round"], []).append(float(record["correct"]))
    if not found:
        return None
    return {
        structure: [
            {"round": number, "items": len(values), "accuracy": float(np.mean(values))} for number, values in sorted(rows.items())
        ]
        for structure, rows in sorted(found.items())
    }
