"""H1 and H2 by their rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from fail2progress.benchmarks.answers import Answers, FailureTable
from fail2progress.benchmarks.bootstrap import drawn_counts, two_level
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.metrics import (
    corrected_purity,
    corrected_separation,
    corrected_separations,
    mutual_information,
    order_agreement,
)
from fail2progress.core.scene import Array

_FEW = 100
"""Replicates of a seed where each costs a clustering score or a rank correlation."""
_PERMUTATIONS = 5


def separation_hypothesis(answers: Answers, rules: Rules) -> dict[str, Any] | None:
    """H1: S_c of the induced slice minus that of every control above 0, and the models' order not worse."""
    controls = [name for name in rules.controls if answers.seeds(name)]
    if not answers.seeds(rules.primary) or not controls:
        return None
    against = {name: _against(answers, name, rules) for name in controls}
    complete = len(controls) == len(rules.controls)
    order = [test["tau_b"] for test in against.values()]
    kept = all(test is None or test["value"] >= -rules.tau_tolerance for test in order)
    above = all(test["S_c"]["lo"] > 0 for test in against.values())
    return {
        "rule": complete and above and kept,
        "order_kept": kept if any(order) else None,
        "p": max(test["S_c"]["p"] for test in against.values()),
        "against": against,
    }


def _against(answers: Answers, control: str, rules: Rules) -> dict[str, Any]:
    """The induced slice minus a control, seed by seed."""
    seeds = [seed for seed in answers.seeds(rules.primary) if seed in answers.seeds(control)]
    rng, reference = seeded(rules.seed, control, "H1"), answers.reference()
    values, replicates, orders, order_replicates = [], [], [], []
    for seed in seeds:
        pair = [answers.by_level(name, seed) for name in (rules.primary, control)]
        counts = [drawn_counts(len(table), rules.n_boot, rng) for table in pair]
        values.append(corrected_separation(pair[0]) - corrected_separation(pair[1]))
        both = [corrected_separations(table, count) for table, count in zip(pair, counts, strict=True)]
        replicates.append(both[0] - both[1])
        if reference is not None:
            orders.append(_order(pair, [np.ones(len(table)) for table in pair], reference))
            some = zip(counts[0][:_FEW], counts[1][:_FEW], strict=True)
            order_replicates.append(np.array([_order(pair, list(each), reference) for each in some]))
    tau = two_level(np.array(orders), np.array(order_replicates), rules.n_boot, rng).to_dict() if orders else None
    return {"S_c": two_level(np.array(values), np.array(replicates), rules.n_boot, rng).to_dict(), "tau_b": tau}


def _order(pair: list[Array], counts: list[Array], reference: Array) -> float:
    """Difference of tau-b between the induced slice and the control, items as often as counted."""
    one, other = (order_agreement(count @ table, reference) for table, count in zip(pair, counts, strict=True))
    return one - other


def structure_hypothesis(answers: Answers, rules: Rules, control: str = "static") -> dict[str, Any] | None:
    """H2: corrected purity and adjusted mutual information of failure clusters, induced minus static, at equal numbers."""
    pairs = []
    for seed in answers.seeds(rules.primary):
        tables = answers.failures(rules.primary, seed), answers.failures(control, seed)
        if tables[0] is not None and tables[1] is not None:
            pairs.append((seed, tables[0], tables[1]))
    if not pairs:
        return None
    fewest = min(min(len(one), len(other)) for _, one, other in pairs)
    scores = {"corrected_purity": _purity, "ami": _shared}
    tests = {}
    for name, measure in scores.items():
        rows = [_difference(one, other, measure, seeded(rules.seed, seed, name, "H2")) for seed, one, other in pairs]
        values, replicates = (np.array(column) for column in zip(*rows, strict=True))
        tests[name] = two_level(values, replicates, rules.n_boot, seeded(rules.seed, name, "H2")).to_dict()
    enough = fewest >= rules.fewest_failures
    return {
        "rule": enough and all(test["lo"] > 0 for test in tests.values()),
        "p": max(test["p"] for test in tests.values()),
        "fewest_failures": fewest,
        "enough_failures": enough,
        **tests,
    }


def _difference(one: FailureTable, other: FailureTable, measure: Any, rng: np.random.Generator) -> tuple[float, Array]:
    """Induced minus static on as many failures of both, and its replicates."""
    count = min(len(one), len(other))
    rows = [rng.permutation(len(table))[:count] for table in (one, other)]

    def score(table: FailureTable, chosen: Any) -> float:
        return float(measure(table.clusters[chosen], table.structures[chosen], rng))

    value = score(one, rows[0]) - score(other, rows[1])
    found = [score(one, rng.choice(rows[0], count)) - score(other, rng.choice(rows[1], count)) for _ in range(_FEW)]
    return value, np.array(found)


def _purity(clusters: Any, structures: Any, rng: np.random.Generator) -> float:
    return corrected_purity(clusters, structures, rng, _PERMUTATIONS)


def _shared(clusters: Any, structures: Any, rng: np.random.Generator) -> float:
    return mutual_information(clusters, structures)
