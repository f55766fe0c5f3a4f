"""The site of a study on one page: who beats whom, tables with intervals, plots, failures with pictures, lessons, provenance."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fail2progress.core.scene import Scene
from fail2progress.core.shares import percent
from fail2progress.evaluation.studies.methods import METHODS
from fail2progress.evaluation.studies.table3_page import (
    FURTHER,
    HEADS,
    MEANINGS,
    columns,
    further,
    is_data,
    overview,
    values,
    verdicts,
    way,
)
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
_ACROSS = 500
"""Pixels that one of a pair of pictures is wide on the page."""


_ENDS = {
    **dict.fromkeys(("done", "goal missed"), "the plan was carried out"),
    "no plan": "no plan was left",
    "too many skills": "the limit of skills was reached",
}
"""What outcomes of the loop say, of trials that missed the goal."""
_GAP = "(1 - F1 of what is seen after a skill against what is seen after it in the rebuilt scene)"


@dataclass(frozen=True)
class Part:
    """A report, its title (default: the report's), and what somebody wrote about it, in Markdown."""

    report: Report
    title: str = ""
    lead: str = ""
    name: str = ""
    """Of its file, which links "[...](NAME.md)" of any lead mean; default: the report's table."""


def html(parts: Sequence[Part], lead: str = "") -> str:
    """The page of some reports; `lead`, in Markdown, comes before all of them."""
    titles, names = _titles(parts), _names(parts)
    found = [
        {
            **(_data_part if is_data(part.report) else _trial_part)(part.report, name),
            "title": title,
            "written": _linked_within(part.lead, names),
        }
        for part, title, name in zip(parts, titles, names, strict=True)
    ]
    methods = dict.fromkeys(row["method"] for part in parts if not is_data(part.report) for row in part.report["rows"])
    known = [(name, METHODS.get(name).summary) for name in METHODS.names() if name in methods]
    return page(
        "study",
        title="fail2progress: the study",
        parts=found,
        lead=_linked_within(lead, names),
        methods=known,
        meanings=MEANINGS,
    )


def _names(parts: Sequence[Part]) -> list[str]:
    """Of the sections, all different: reports of one table may have been made apart."""
    names: list[str] = []
    for number, part in enumerate(parts):
        name = part.name or str(part.report["table"])
        names.append(f"{name}-{number + 1}" if name in names else name)
    return names


def _linked_within(text: str, names: Sequence[str]) -> str:
    """Markdown whose links to other parts' files lead to their sections."""
    return re.sub(r"\]\(([\w-]+)\.md\)", lambda found: f"](#{found[1]})" if found[1] in names else found[0], text)


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


def _data_part(report: Report, name: str) -> dict[str, Any]:
    heads, rows = columns(report)
    drawn = any("kept" in row for row in report["rows"])
    told = "Mean and standard deviation over the failures (time on a logarithmic scale); diamonds: the paper."
    plot = [(told, plots.generators(report["rows"]))] if drawn else []
    tables = [{"title": "", "heads": heads, "rows": [{"cells": row, "link": ""} for row in rows]}]
    empty: dict[str, Any] = {"verdicts": None, "overview": [], "failures": [], "lessons": [], "untested": []}
    return {**_head(report, name), **empty, "plots": plot, "tables": tables}


def _trial_part(report: Report, name: str) -> dict[str, Any]:
    failures = list(_failures(report, name))
    return {
        **_head(report, name),
        "verdicts": verdicts(report),
        "plots": list(_plots(report)),
        "overview": [
            (title, heads, [tuple(cell.replace("**", "") for cell in row) for row in rows])
            for title, heads, rows in overview(report)
        ],
        "tables": list(_tables(report, {failure["cell"]: failure["id"] for failure in failures})),
        "failures": failures,
        "lessons": list(_lessons(report)),
        "untested": list(_untested(report)),
    }


def _head(report: Report, name: str) -> dict[str, Any]:
    origin = report["provenance"]
    facts = [(key, str(value)) for key, value in origin.items() if key != "configuration"]
    facts += [(key, str(value)) for key, value in origin["configuration"].items()]
    return {"name": name, "size": _size_of(report), "provenance": facts}


def _size_of(report: Report) -> str:
    """How much was run: "54 cells, 10 to 15 trials each of 20 asked for, 3 not run"."""
    rows, word = report["rows"], "failures" if is_data(report) else "trials"
    run = [count for row in rows if (count := row["made"] if is_data(report) else row["trials"])]
    parts = [f"{len(rows)} cell{'s' if len(rows) > 1 else ''}"]
    if run:
        fewest, most, asked = min(run), max(run), max(row["asked"] for row in rows)
        span = str(most) if fewest == most else f"{fewest} to {most}"
        parts.append(f"{span} {word} each" + ("" if fewest == asked else f" of {asked} asked for"))
    return ", ".join([*parts, *([f"{len(rows) - len(run)} not run"] if len(run) < len(rows) else [])])


def _tables(report: Report, pictured: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for spare in dict.fromkeys(row["spare"] for row in report["rows"]):
        rows = [_linked(row, pictured.get(row.get("cell", ""), "")) for row in report["rows"] if row["spare"] == spare]
        yield {"title": way(spare), "heads": (*HEADS, *FURTHER), "rows": rows}


def _linked(row: dict[str, Any], link: str) -> dict[str, Any]:
    return {"cells": [text.replace("**", "") for text in (*values(row), *further(row))], "link": link}


def _plots(report: Report) -> Iterator[tuple[str, bytes]]:
    """Of each way to act: bars where methods stand beside each other, lines with a further quantity along an axis of its own."""
    axis = report["axis"]
    for spare in dict.fromkeys(row["spare"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["spare"] == spare]
        if not any(row["trials"] for row in rows):
            continue
        told = f"Trials that reach the goal, with 95 % intervals ({way(spare)})"
        pairs = dict.fromkeys((row["base_model"], row["method"]) for row in rows if row["trials"])
        if axis == "objects" or (axis == "condition" and len(pairs) > 1):
            beside = "; diamonds: the paper" if any(row["paper"] is not None for row in rows) else ""
            yield f"{told}{beside}.", plots.success(rows, axis)
        if axis == "samples":
            names = ("particles", "seconds from failure to model")
            yield f"{told}, and seconds from failure to model by the clock.", plots.lines(rows, _times(report), axis, names)
        elif axis == "condition":
            yield from (_along(told, [row for row in rows if (row["base_model"], row["method"]) == pair], pair) for pair in pairs)


def _along(told: str, rows: Sequence[Mapping[str, Any]], pair: tuple[str, str]) -> tuple[str, bytes]:
    """Success and Sim2Real gap of one model and method against noise."""
    gaps = {row["condition"]: row["sim2real_gap"] for row in rows if row["trials"]}
    names = ("standard deviation of the noise on every point and axis", "Sim2Real gap")
    return f"{', '.join(pair)}. {told}, and the Sim2Real gap {_GAP}.", plots.lines(rows, gaps, "condition", names)


def _times(report: Report) -> dict[str, float]:
    """Seconds of a lesson by its number of samples."""
    samples = {row["method"]: row["samples"] for row in report["rows"]}
    found = {}
    for name, note in report["lessons"].items():
        rounds = note.get("rounds") or []
        if rounds:
            found[str(samples[name.split("/")[-1]])] = float(sum(rounds[-1]["seconds"].values()))
    return found


def _failures(report: Report, name: str) -> Iterator[dict[str, Any]]:
    """One failed trial of each cell, as it ended, up to PICTURES; cells that seldom failed first, as they say more."""
    shown = sorted((row for row in report["rows"] if row.get("example")), key=lambda row: len(row["failed_seeds"]))
    for row in shown[:PICTURES]:
        example = row["example"]
        start = task(report["task"]).trial(row["objects"], example["seed"]).scene
        ended = Scene(start.objects, np.array(example["poses"], float), start.openings)
        yield {
            "id": f"{name}-{row['cell']}",
            "cell": row["cell"],
            "title": ", ".join((*_named(row), "" if row["spare"] is None else "within the budget")).strip(", "),
            "caption": f"Trial {example['seed']} as it ended: {_ended(example)}.",
            "picture": webp(scene_picture(ended, framed(ended, _SMALL), _ACROSS)),
            "count": f"{len(row['failed_seeds'])} of {row['trials']} trials failed, by what was missed first",
            "all": _by_step(row["failed_seeds"]),
        }


def _ended(example: Mapping[str, str]) -> str:
    """How a trial without success ended, in words."""
    outcome = _ENDS.get(example["outcome"], example["outcome"])
    missed = f"the first skill that missed what it was for is {example['step']}" if example["step"] else "no skill missed"
    return f"{outcome}; {missed}"


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
    """What each model learnt from failures, and whether the acceptance test passed it."""
    for name, note in report["lessons"].items():
        rounds = note.get("rounds")
        if not rounds:
            continue
        gate, data = rounds[-1]["gate"], rounds[-1]["dataset"]
        before, after = gate["before"], gate["after"]
        learnt = f"{before['failure_f1']:.3f} to {after['failure_f1']:.3f}"
        kept = f"{before['held_out_prediction']:.4f} to {after['held_out_prediction']:.4f}"
        seconds = f"{sum(rounds[-1]['seconds'].values()):.0f}"
        reason = gate["reason"] if len(rounds) == 1 else f"failure {len(rounds)}: {gate['reason']}"
        yield name, reason, learnt, kept, f"{data['samples']}, {percent(data['relations_kept'])} kept", seconds


def _untested(report: Report) -> Iterator[str]:
    """Models that no acceptance test was asked about, and what they learnt from."""
    for name, note in report["lessons"].items():
        if not note.get("rounds"):
            count = note.get("samples", "?")
            told = f"{count} execution{'' if count == 1 else 's'}, weights adjusted: {note.get('adjusts', 'all')}"
            yield f"{name} ({note.get('not_learnt') or told})"
