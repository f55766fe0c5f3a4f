"""The report of a benchmark run as a page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fail2progress.core.shares import per_cent
from fail2progress.reporting import benchmark_pictures as pictures
from fail2progress.reporting.page import page

_CLAIMS = {
    "H1": "An induced benchmark separates the models more than a static one of the same budget.",
    "H2": "Clusters of failures on it follow the structures that items were made as more faithfully.",
    "H3": "Round after round, the clusters of failures stand still.",
}


def benchmark_page(report: Mapping[str, Any]) -> str:
    """The page. What was not run is left out, and said to be."""
    slices, series = report["slices"], report["rounds"]
    plots = []
    if slices:
        plots.append((pictures.separations(slices), "How far each slice tells the levels apart, and how hard it is."))
        plots.append((pictures.levels(slices, report["levels"]), "Accuracy of the capability levels on every slice."))
        plots.append(
            (pictures.structures(slices), "Structures: their share of a slice, and how often they are predicted rightly.")
        )
    if series:
        plots.append((pictures.rounds(series, report["rules"]), "Rounds of induction. Dotted: the bounds of H3."))
    return page(
        "benchmark",
        title=f"Benchmarks from failures, {report['status']}",
        report=report,
        plots=plots,
        verdicts=[_verdict(name, claim, report["hypotheses"][name]) for name, claim in _CLAIMS.items()],
        slices=[_slice_row(name, found) for name, found in slices.items()],
        clusters=[_cluster_row(name, row) for name, found in slices.items() for row in found["failures"]],
        rejected=[_rejected_row(name, row) for name, row in report["rejected"].items()],
        lessons=_lessons(report["learning"]),
        taught=[_taught_row(row) for row in report.get("lessons", ())],
    )


def _verdict(name: str, claim: str, test: Mapping[str, Any] | None) -> dict[str, Any]:
    if test is None:
        return {"name": name, "claim": claim, "run": False, "supported": False, "rows": []}
    return {"name": name, "claim": claim, "run": True, "supported": test["supported"], "rows": list(_reasons(name, test))}


def _reasons(name: str, test: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a verdict rests on."""
    decides = ", which does not decide: its rule does, and that the null does not keep it" if name == "H3" else ""
    rows = [(f"p after Holm's correction{decides}", f"{test['p_holm']:.4f}")]
    if name == "H1" and test["order_kept"] is None:
        rows.append(("the models' order", "not known: no reference was scored"))
    if name == "H1":
        for control, found in test["against"].items():
            rows.append((f"S_c minus that of {control}", _between(found["S_c"])))
            if found["tau_b"] is not None:
                rows.append((f"tau-b minus that of {control}", _between(found["tau_b"])))
        for generator, against in test["others"].items():
            told = "; ".join(f"{control} {_between(found['S_c'])}" for control, found in against.items())
            rows.append((f"beside the rule, S_c of {generator} minus that of", told))
    elif name == "H2":
        for part, about in ((test, ""), (test["second"], " (second clustering)")):
            for key in ("corrected_purity", "ami") if part else ():
                rows.append((f"{key.replace('_', ' ')}, induced minus static{about}", _between(part[key])))
        rows.append(
            ("failures in the smallest arm", f"{test['fewest_failures']}" + ("" if test["enough_failures"] else ", too few"))
        )
    else:
        rows.append(("rounds that stand still", f"{test['rounds_still']} ({test['mode']})"))
        of_null = {
            True: "yes, the null keeps it, too",
            False: "no",
            None: "not known: not run, or too few failures",
        }
        rows.append(("the rule kept by fresh static draws, too", of_null[test.get("rule_of_null")]))
        rows.append(
            (
                "median drift, and that of fresh static draws",
                f"{_number(test['median_drift'])}, {_number(test['median_drift_null'])}",
            )
        )
    return rows


def _slice_row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    needed = found["items_to_order"]
    told = "" if needed is None else ", ".join("-" if n is None else str(n) for n in needed)
    values = (found["accuracy"], found["tau_b"], found["pairs_right"])
    return (
        name,
        f"{found['seeds']} x {found['n'] // found['seeds']}",
        _between(found["S"]),
        _between(found["S_c"]),
        *map(_number, values),
        told,
    )


def _cluster_row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    names = "; ".join(row["clusters"].values())
    return name, str(row["seed"]), str(row["n"]), _number(row["corrected_purity"]), _number(row["ami"]), names


def _rejected_row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    return name, str(row["tried"]), f"{per_cent(row['not_at_rest'])} %", f"{per_cent(row['not_robust'])} %"


def _lessons(learning: Mapping[str, Any] | None) -> list[tuple[str, ...]]:
    """A row a structure: items, and the learner's accuracy after every round."""
    if learning is None:
        return []
    return [
        (name, str(rows[0]["items"]), " → ".join(_number(row["accuracy"]) for row in rows)) for name, rows in learning.items()
    ]


def _taught_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return str(row["round"]), row["structure"], "kept" if row["passed"] else row["reason"]


def _between(found: Mapping[str, Any]) -> str:
    return f"{found['value']:.3f} [{found['lo']:.3f}, {found['hi']:.3f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
