"""H1 and H2 by their rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fail2progress.benchmarks.answers import Answers, FailureTable
from fail2progress.benchmarks.bootstrap import Draws, two_level
from fail2progress.benchmarks.clusters import CLUSTERERS
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.metrics import (
    Codes,
    corrected_purity,
    corrected_separation,
    corrected_separations,
    mutual_information,
    order_agreements,
)
from fail2progress.core.scene import Array

_FEW = 200
"""Replicates of a seed where each costs a clustering score or a rank correlation."""
_PERMUTATIONS = 5


def separation_hypothesis(answers: Answers, rules: Rules) -> dict[str, Any] | None:
    """H1: S_c of the induced slice minus that of every control above 0, and the models' order not worse.

    Without a reference slice the order is not known, and the rule is not kept.
    """
    controls = [name for name in rules.controls if answers.seeds(name)]
    if not answers.seeds(rules.primary) or not controls:
        return None
    against = {name: _against(answers, rules.primary, name, rules) for name in controls}
    others = [name for name in rules.generators if name not in (rules.primary, *controls) and answers.seeds(name)]
    complete = len(controls) == len(rules.controls)
    order = [test["tau_b"] for test in against.values()]
    known = all(test is not None for test in order)
    kept = known and all(test["value"] >= -rules.tau_tolerance for test in order)
    above = all(test["S_c"]["lo"] > 0 for test in against.values())
    return {
        "rule": complete and above and kept,
        "order_kept": kept if known else None,
        "p": max(test["S_c"]["p"] for test in against.values()),
        "against": against,
        "others": {name: {control: _against(answers, name, control, rules) for control in controls} for name in others},
    }


def _against(answers: Answers, name: str, control: str, rules: Rules) -> dict[str, Any]:
    """An induced slice minus a control, seed by seed."""
    seeds = [seed for seed in answers.seeds(name) if seed in answers.seeds(control)]
    rng, reference = seeded(rules.seed, control, "H1"), answers.reference()
    values, replicates, orders, order_replicates = [], [], [], []
    arms = (name, control)
    draws = Draws((item for seed in seeds for arm in arms for item in answers.ids(arm, seed)), rules.n_boot, rng)
    for seed in seeds:
        pair = [answers.by_level(arm, seed) for arm in arms]
        counts = [draws.counts(answers.ids(arm, seed)) for arm in arms]
        values.append(corrected_separation(pair[0]) - corrected_separation(pair[1]))
        both = [corrected_separations(table, count) for table, count in zip(pair, counts, strict=True)]
        replicates.append(both[0] - both[1])
        if reference is not None:
            orders.append(_order(pair, [np.ones((1, len(table)), np.int64) for table in pair], reference)[0])
            order_replicates.append(_order(pair, [count[:_FEW] for count in counts], reference))
    tau = two_level(np.array(orders), np.array(order_replicates), rules.n_boot, rng).to_dict() if orders else None
    return {"S_c": two_level(np.array(values), np.array(replicates), rules.n_boot, rng).to_dict(), "tau_b": tau}


def _order(pair: Sequence[Array], counts: Sequence[Codes], reference: Array) -> Array:
    """(R,) differences of tau-b between the induced slice and the control, items as often as counted."""
    one, other = (order_agreements(count @ table, reference) for table, count in zip(pair, counts, strict=True))
    return np.asarray(one - other)


def structure_hypothesis(answers: Answers, rules: Rules, control: str = "static") -> dict[str, Any] | None:
    """H2: corrected purity and adjusted mutual information of failure clusters, induced minus static, at equal numbers.

    A seed with too few failures for clusters is in no test, and too few for the rule.
    """
    pairs: list[_Pair] = []
    seeds = [seed for seed in answers.seeds(rules.clustered) if seed in answers.seeds(control)]
    for seed in seeds:
        tables = answers.failures(rules.clustered, seed), answers.failures(control, seed)
        if tables[0] is not None and tables[1] is not None:
            pairs.append((seed, tables[0], tables[1]))
    if not pairs:
        return None
    fewest = min(answers.failed(arm, seed) for arm in (rules.clustered, control) for seed in seeds)
    enough = len(pairs) == len(seeds) and fewest >= rules.fewest_failures
    tests = _clustering_tests(pairs, rules)
    second = None if rules.second is None else _clustering_tests([_again(pair, rules.second, rules.k) for pair in pairs], rules)
    return {
        "rule": enough and all(test["lo"] > 0 for test in tests.values()),
        "p": max(test["p"] for test in tests.values()),
        "fewest_failures": fewest,
        "enough_failures": enough,
        **tests,
        "second": second,
    }


_Pair = tuple[int, FailureTable, FailureTable]
"""A seed with the failures of the induced slice and of the static one."""


def _again(pair: _Pair, clusterer: str, k: int) -> _Pair:
    """The same failures in the clusters of another method; those that it leaves out count as a cluster."""
    seed, *tables = pair
    one, other = (replace(t, clusters=CLUSTERERS.get(clusterer)(t.features, k, seed)) for t in tables)
    return seed, one, other


def _clustering_tests(pairs: Sequence[_Pair], rules: Rules) -> dict[str, dict[str, float]]:
    """Corrected purity and adjusted mutual information, induced minus static."""
    tests = {}
    for name, measure in {"corrected_purity": _purity, "ami": _shared}.items():
        rng = seeded(rules.seed, name, "H2")
        draws = Draws((item for _, one, other in pairs for item in (*one.items, *other.items)), _FEW, rng)
        rows = [_difference(one, other, measure, draws, seeded(rules.seed, seed, name, "H2")) for seed, one, other in pairs]
        values, replicates = (np.array(column) for column in zip(*rows, strict=True))
        tests[name] = two_level(values, replicates, rules.n_boot, rng).to_dict()
    return tests


def _difference(
    one: FailureTable, other: FailureTable, measure: Any, draws: Draws, rng: np.random.Generator
) -> tuple[float, Array]:
    """Induced minus static on as many failures of both, and its replicates."""
    count = min(len(one), len(other))
    rows = [rng.permutation(len(table))[:count] for table in (one, other)]
    counts = [draws.counts([table.items[i] for i in some]) for table, some in zip((one, other), rows, strict=True)]

    def score(table: FailureTable, chosen: Any) -> float:
        return float(measure(table.clusters[chosen], table.structures[chosen], rng))

    value = score(one, rows[0]) - score(other, rows[1])
    found = [score(one, rows[0].repeat(n)) - score(other, rows[1].repeat(m)) for n, m in zip(*counts, strict=True)]
    return value, np.array(found)


def _purity(clusters: Any, structures: Any, rng: np.random.Generator) -> float:
    return corrected_purity(clusters, structures, rng, _PERMUTATIONS)


def _shared(clusters: Any, structures: Any, rng: np.random.Generator) -> float:
    return mutual_information(clusters, structures)
