"""The site of a study on one page: who beats whom, tables with intervals, plots, failures with pictures, lessons, provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.evaluation.studies.table3_page import FURTHER, HEADS, columns, further, is_data, lead, overview, values
from fail2progress.reporting import study_plots as plots
from fail2progress.reporting.framing import framed
from fail2progress.reporting.page import page, webp
from fail2progress.reporting.pictures import scene_picture
from fail2progress.reporting.render import VIEW
from fail2progress.tasks.registry import task

Report = Mapping[str, Any]
PICTURES = 10
"""Failures with pictures that a part shows at most; the others are in its table by seed and step."""
_SMALL = replace(VIEW, width=320, height=200, focal=205.0)
"""Wide enough for all that lies about; it is turned to that, and enlarged."""


@dataclass(frozen=True)
class Part:
    """A report, its title (default: the report's), and what somebody wrote about it, in Markdown."""

    report: Report
    title: str = ""
    lead: str = ""


def html(parts: Sequence[Part], lead: str = "") -> str:
    """The page of some reports; `lead`, in Markdown, comes before all of them."""
    titles = _titles(parts)
    found: list[dict[str, Any]] = []
    for number, part in enumerate(parts):
        one = _data_part(part.report) if is_data(part.report) else _trial_part(part.report)
        if any(one["name"] == other["name"] for other in found):
            one["name"] += f"-{number + 1}"  # reports of one table that were made apart
        found.append({**one, "title": titles[number], "written": part.lead})
    return page("study", title="fail2progress: the study", parts=found, lead=lead)


def _titles(parts: Sequence[Part]) -> list[str]:
    """One for each part, all different: where several are alike, models, trials and the code tell them apart."""
    titles = [part.title or str(part.report["title"]) for part in parts]
    for tells in (_size, _code):
        count = Counter(titles)
        titles = [f"{one}, {tells(part.report)}" if count[one] > 1 else one for one, part in zip(titles, parts, strict=True)]
    count = Counter(titles)
    return [f"{one} ({number})" if count[one] > 1 else one for number, one in enumerate(titles, start=1)]


def _size(report: Report) -> str:
    models = dict.fromkeys(row["base_model"] for row in report["rows"] if "base_model" in row)
    return ", ".join((*models, f"{max(row['asked'] for row in report['rows'])} trials a cell"))


def _code(report: Report) -> str:
    return f"commit {str(report['provenance']['commit'])[:7]}"


def _data_part(report: Report) -> dict[str, Any]:
    heads, rows = columns(report)
    drawn = any("kept" in row for row in report["rows"])
    plot = (
        [("Mean and standard deviation over the failures; diamonds: the paper.", plots.generators(report["rows"]))]
        if drawn
        else []
    )
    tables = [{"title": "", "heads": heads, "rows": [{"cells": row, "link": ""} for row in rows]}]
    return {**_head(report), "lead": [], "plots": plot, "overview": [], "tables": tables, "failures": [], "lessons": []}


def _trial_part(report: Report) -> dict[str, Any]:
    failures = list(_failures(report))
    return {
        **_head(report),
        "lead": lead(report),
        "plots": list(_plots(report)),
        "overview": [
            (title, heads, [tuple(cell.replace("**", "") for cell in row) for row in rows])
            for title, heads, rows in overview(report)
        ],
        "tables": list(_tables(report, {failure["cell"]: failure["id"] for failure in failures})),
        "failures": failures,
        "lessons": list(_lessons(report)),
    }


def _head(report: Report) -> dict[str, Any]:
    rows = report["rows"]
    origin = report["provenance"]
    facts = [(key, str(value)) for key, value in origin.items() if key != "configuration"]
    facts += [(key, str(value)) for key, value in origin["configuration"].items()]
    complete = sum(bool(row["complete"]) for row in rows)
    return {"name": report["table"], "cells": len(rows), "complete": complete, "provenance": facts}


def _tables(report: Report, pictured: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for spare in dict.fromkeys(row["spare"] for row in report["rows"]):
        rows = [_linked(row, pictured.get(row.get("cell", ""), "")) for row in report["rows"] if row["spare"] == spare]
        title = "As in the paper" if spare is None else f"Planning again, at most the shortest plan's skills + {spare}"
        yield {"title": title, "heads": (*HEADS, *FURTHER), "rows": rows}


def _linked(row: dict[str, Any], link: str) -> dict[str, Any]:
    return {"cells": [text.replace("**", "") for text in (*values(row), *further(row))], "link": link}


def _plots(report: Report) -> Iterator[tuple[str, bytes]]:
    rows = [row for row in report["rows"] if row["spare"] is None]
    if not any(row["trials"] for row in rows):
        return
    axis = report["axis"]
    if axis != "samples":
        yield "Success with 95 % intervals; diamonds: the paper.", plots.success(rows, axis)
    if axis == "condition":
        gaps = {row["condition"]: row["sim2real_gap"] for row in rows if row["trials"]}
        yield "Success and Sim2Real gap.", plots.lines(rows, gaps, axis, ("noise on every point and axis", "Sim2Real gap"))
    if axis == "samples":
        yield "Success, and seconds from failure to model.", plots.lines(rows, _times(report), axis, ("particles", "time, s"))


def _times(report: Report) -> dict[str, float]:
    """Seconds of a lesson by its number of samples."""
    samples = {row["method"]: row["samples"] for row in report["rows"]}
    found = {}
    for name, note in report["lessons"].items():
        rounds = note.get("rounds") or []
        if rounds:
            found[str(samples[name.split("/")[-1]])] = float(sum(rounds[-1]["seconds"].values()))
    return found


def _failures(report: Report) -> Iterator[dict[str, Any]]:
    """One failed trial of each cell, as it ended, up to PICTURES; cells that seldom failed first, as they say more."""
    shown = sorted((row for row in report["rows"] if row.get("example")), key=lambda row: len(row["failed_seeds"]))
    for row in shown[:PICTURES]:
        example = row["example"]
        start = task(report["task"]).trial(row["objects"], example["seed"]).scene
        ended = Scene(start.objects, np.array(example["poses"], float), start.openings)
        yield {
            "id": f"{report['table']}-{row['cell']}",
            "cell": row["cell"],
            "title": ", ".join((*_named(row), "" if row["spare"] is None else "within the budget")).strip(", "),
            "caption": f"Trial {example['seed']}, its end ({example['outcome']}); first missed: {example['step'] or 'nothing'}.",
            "picture": webp(scene_picture(ended, framed(ended, _SMALL))),
            "count": f"{len(row['failed_seeds'])} of {row['trials']} trials failed, by what was missed first",
            "all": _by_step(row["failed_seeds"]),
        }


def _named(row: Mapping[str, Any]) -> tuple[str, ...]:
    model, method, objects, seen = values(dict(row))[:4]
    return (model, method, f"{objects} objects", *(() if seen == "usual" else (seen,)))


def _by_step(failed: Mapping[str, str]) -> str:
    """Seeds by the step that was missed first."""
    steps: dict[str, list[str]] = {}
    for seed, step in failed.items():
        steps.setdefault(step, []).append(seed)
    return "; ".join(f"{step} {len(seeds)}: {', '.join(seeds)}" for step, seeds in steps.items())


def _lessons(report: Report) -> Iterator[tuple[str, ...]]:
    """What each model learnt from, and whether the acceptance test passed it."""
    for name, note in report["lessons"].items():
        rounds = note.get("rounds")
        if not rounds:
            told = (
                note.get("not_learnt") or f"{note.get('samples', '?')} executions, weights adjusted: {note.get('adjusts', 'all')}"
            )
            yield name, told, "-", "-", "-", "-"
            continue
        gate, data = rounds[-1]["gate"], rounds[-1]["dataset"]
        before, after = gate["before"], gate["after"]
        learnt = f"{before['failure_f1']:.3f} to {after['failure_f1']:.3f}"
        kept = f"{before['held_out_prediction']:.4f} to {after['held_out_prediction']:.4f}"
        seconds = f"{sum(rounds[-1]['seconds'].values()):.0f}"
        reason = gate["reason"] if len(rounds) == 1 else f"failure {len(rounds)}: {gate['reason']}"
        yield name, reason, learnt, kept, f"{data['samples']}, {data['relations_kept']:.0%} kept", seconds
