"""The report of table3 for people: first who beats whom, then the tables."""

from __future__ import annotations

from collections.abc import Mapping

from fail2progress.evaluation.comparison import LEVEL, Comparison
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.table3 import comparisons

OURS = "fail2progress"
HEADS = ("model", "method", "objects", "success", "95 % interval", "paper", "P(goal)")
FURTHER = ("error along", "bystanders", "relation F1", "detection F1", "skills", "failed at")


def markdown(report: Mapping[str, object]) -> str:
    """The report as a page."""
    lines = [*_told(comparisons(report)), ""]
    rows = report["rows"]
    found: list[Row] = list(rows) if isinstance(rows, list) else []
    for spare in dict.fromkeys(row["spare"] for row in found):
        title = "As in the paper" if spare is None else f"Planning again, at most the shortest plan's skills + {spare}"
        lines += [f"## {title}", "", "| " + " | ".join((*HEADS, *FURTHER)) + " |", "|" + "---|" * len((*HEADS, *FURTHER))]
        lines += ["| " + " | ".join((*values(row), *_further(row))) + " |" for row in found if row["spare"] == spare] + [""]
    return "\n".join(lines)


def _told(found: list[Comparison]) -> list[str]:
    """Where our method is not shown to be better comes first; then what is shown, a line for each winner of a group."""
    ours = [one for one in found if OURS in (one.first, one.second)]
    equal = [f"- {one}" for one in ours if not (one.shown and one.first == OURS)]
    winners: dict[tuple[str, str], list[str]] = {}
    for one in found:
        if one.shown:
            winners.setdefault((one.where, one.first), []).append(one.second)
    shown = [f"- {where}: {first} beats {', '.join(losers)}" for (where, first), losers in winners.items()]
    head = f"McNemar's exact test on the same trials, after Holm over {len(found)} comparisons, level {LEVEL}."
    lines = [f"**Where {OURS} is not shown to be better:**", "", *equal, ""] if equal else []
    return [*lines, head, "", *(shown or ["No difference is shown."])]


def values(row: Row) -> tuple[str, ...]:
    """A row's cells under HEADS; one that was not run says so."""
    name = row["configuration"] if row["configuration"] == row["base_model"] else f"{row['base_model']} ({row['configuration']})"
    head = (name, f"{row['method']}{', replanning' if row['replan'] else ', open loop'}", str(row["objects"]))
    beside = "-" if row["paper"] is None else f"{row['paper']:.0%}"
    if not row["trials"]:
        return (*head, row["not_run"], "-", beside, "-")
    low, high = row["ci95"]
    part = "" if row["complete"] else f" of {row['trials']} trials; {row['asked']} asked for"
    return (*head, f"**{row['rate']:.0%}**{part}", f"{low:.0%} to {high:.0%}", beside, f"{row['plan_probability']:.2f}")


def _further(row: Row) -> tuple[str, ...]:
    if not row["trials"]:
        return ("-",) * len(FURTHER)
    failed = ", ".join(f"{name} {count}" for name, count in row["failed_steps"].items()) or "-"
    errors = (f"{row['along_error_m'] * 100:.1f} cm", f"{row['bystander_error_m'] * 1000:.1f} mm")
    return (*errors, f"{row['relation_f1']:.3f}", f"{row['detection_f1']:.3f}", f"{row['skills']:.1f}", failed)
