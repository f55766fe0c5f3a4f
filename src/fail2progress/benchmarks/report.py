"""The report of a run, computed from its log and nothing else: what `replay` computes again must be equal to the last digit."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from fail2progress.benchmarks.answers import REFERENCE, Answers
from fail2progress.benchmarks.bootstrap import Draws, two_level
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.convergence import learning, series, verdict
from fail2progress.benchmarks.events import Recorded
from fail2progress.benchmarks.hypotheses import separation_hypothesis, structure_hypothesis
from fail2progress.benchmarks.items import seeded
from fail2progress.benchmarks.metrics import (
    corrected_purity,
    corrected_separations,
    items_to_order,
    mutual_information,
    order_agreement,
    replicated,
    separation,
)
from fail2progress.evaluation.comparison import holm


def report(found: Recorded) -> dict[str, Any]:
    """Slices with their intervals, hypotheses by their rules, rounds."""
    answers, rules = Answers(found), Rules.model_validate(found.config["rules"])
    names = [name for name in answers.slices() if name != REFERENCE and "/" not in name]
    slices = {name: _slice(answers, name, rules) for name in names}
    rounds = series(answers, rules)
    hypotheses = _hypotheses(answers, rules, rounds)
    reference = answers.reference()
    return {
        "status": found.config["status"],
        "levels": answers.levels,
        "reference": None if reference is None else dict(zip(answers.levels, reference.tolist(), strict=True)),
        "slices": slices,
        "hypotheses": hypotheses,
        "rounds": rounds,
        "learning": learning(answers),
        "lessons": [{k: v for k, v in each.items() if k != "kind"} for each in found.records("lesson_record")],
        "rejected": found.rejected,
        "rules": rules.model_dump(),
        "log": found.digest,
        "provenance": found.started,
        **({"computed": found.computed} if found.computed else {}),
    }


def _slice(answers: Answers, name: str, rules: Rules) -> dict[str, Any]:
    """One slice: S and S_c with intervals, accuracies, order."""
    seeds, reference = answers.seeds(name), answers.reference()
    tables = [answers.by_level(name, seed) for seed in seeds]
    accuracy = np.mean([table.mean(axis=0) for table in tables], axis=0)
    rng = seeded(rules.seed, name, "report")
    ids = [answers.ids(name, seed) for seed in seeds]
    draws = Draws(chain(*ids), rules.n_boot, rng)
    counts = [draws.counts(each) for each in ids]
    plain, corrected = replicated(tables, counts)
    values = np.array([separation(table.mean(axis=0)) for table in tables])
    by_seed = [_of_seed(answers, name, seed) for seed in seeds]
    mine = np.array([each["S_c"] for each in by_seed])
    needed = None if reference is None else items_to_order(np.concatenate(tables), reference)
    return {
        "n": int(sum(len(table) for table in tables)),
        "seeds": len(seeds),
        "different_items": len(set(chain(*ids))),
        "accuracy": float(accuracy.mean()),
        "accuracy_by_level": dict(zip(answers.levels, accuracy.tolist(), strict=True)),
        "graded": float(np.mean([answers.graded(name, seed).mean() for seed in seeds])),
        "S": two_level(values, plain, rules.n_boot, rng, least=0.0).bounds(),
        "S_c": two_level(mine, corrected, rules.n_boot, rng, least=0.0).to_dict(),
        "tau_b": None if reference is None else order_agreement(accuracy, reference),
        "items_to_order": None if needed is None else [int(n) if np.isfinite(n) else None for n in needed],
        "pairs_right": _pairs_right(answers, name),
        "by_structure": _by_structure(answers, name),
        "failures": _failures(answers, name, rules),
        "by_seed": by_seed,
    }


def _of_seed(answers: Answers, name: str, seed: int) -> dict[str, Any]:
    table = answers.by_level(name, seed)
    correct = answers.correct(name, seed).mean(axis=0)
    members = [f"{m['level']}#{m['seed']}" for m in answers.members]
    return {
        "seed": seed,
        "n": len(table),
        "S": separation(table.mean(axis=0)),
        "S_c": float(corrected_separations(table, np.ones((1, len(table)), np.int64))[0]),
        "accuracy_by_model": dict(zip(members, correct.tolist(), strict=True)),
    }


def _pairs_right(answers: Answers, name: str) -> float | None:
    """Share of counterfactual pairs of which an evaluee gets both sides right; None where there are no whole pairs."""
    right: list[float] = []
    for seed in answers.seeds(name):
        table, sides = answers.of_evaluees(name, seed), dict[str, list[int]]()
        for row, record in enumerate(answers.records(name, seed)):
            if record["pair"]:
                sides.setdefault(record["pair"], []).append(row)
        right += [float((table[rows] == 1).all(axis=0).mean()) for rows in sides.values() if len(rows) == 2]
    return float(np.mean(right)) if right else None


def _by_structure(answers: Answers, name: str) -> dict[str, dict[str, float]]:
    """Items of a structure, and the evaluees' mean accuracy on them."""
    found: dict[str, list[float]] = {}
    for seed in answers.seeds(name):
        table = answers.by_level(name, seed).mean(axis=1)
        for record, value in zip(answers.records(name, seed), table.tolist(), strict=True):
            found.setdefault(record["structure"], []).append(value)
    return {key: {"items": len(values), "accuracy": float(np.mean(values))} for key, values in sorted(found.items())}


def _failures(answers: Answers, name: str, rules: Rules) -> list[dict[str, Any]]:
    """Of every seed: the evaluees' failures, how their clusters follow the structures, and the clusters' names."""
    rows = []
    for seed in answers.seeds(name):
        table = answers.failures(name, seed)
        if table is None:
            continue
        rng = seeded(rules.seed, seed, name, "purity")
        names = {str(key): value for key, value in sorted(table.names.items())}
        purity, shared = (
            corrected_purity(table.clusters, table.structures, rng),
            mutual_information(table.clusters, table.structures),
        )
        rows.append({"seed": seed, "n": len(table), "corrected_purity": purity, "ami": shared, "clusters": names})
    return rows


def _hypotheses(answers: Answers, rules: Rules, rounds: dict[str, Any]) -> dict[str, Any]:
    """H1 to H3 by their rules, with Holm's correction over the three. What was not run is None."""
    h1 = separation_hypothesis(answers, rules)
    h2 = structure_hypothesis(answers, rules)
    h3 = verdict(rounds, rules)
    tests = {"H1": h1, "H2": h2, "H3": h3}
    # One that was not run, or has no p-value, counts as a test all the same.
    adjusted = holm([test["p"] if test and test["p"] is not None else 1.0 for test in tests.values()])
    for (name, test), value in zip(tests.items(), adjusted, strict=True):
        if test is not None:
            test["p_holm"] = value
            # A rule that the null keeps, too, or may keep, shows nothing.
            shown = test["rule_of_null"] is False if name == "H3" else value < 0.05
            test["supported"] = bool(test["rule"] and shown)
    return tests
