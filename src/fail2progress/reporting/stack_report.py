"""The HTML report of a stack: what was asked, what failed and why, what was learnt, how it went on. One file, no scripts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from fail2progress.core.objects import category
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.stack_run import Met, StackRun, read_run
from fail2progress.reporting import pictures
from fail2progress.reporting.report import STYLE, figure, table


def html(folder: Path) -> str:
    """The page. All text from outside is escaped."""
    run = read_run(folder)
    failures = "".join(_failure(number, met) for number, met in enumerate(run.met, 1)) or "<p>No failure was met.</p>"
    body = "".join((_lead(run), _rounds(run), _said(run), failures, _models(run), _limits(), _provenance(run)))
    title = "fail2progress: what the stack did"
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{title}</h1>\n{body}\n</body></html>\n'


def _lead(run: StackRun) -> str:
    rounds = run.result.get("rounds", [])
    done = sum(r["error_code"] == 0 for r in rounds)
    learnt = sum(bool(met.lesson and met.lesson[0]) for met in run.met)
    asked = f"{len(rounds)} trial(s) were asked for and {done} done; " if rounds else ""
    found = f"{len(run.met)} failure(s) were met, and {learnt} new model(s) came of them. "
    return f'<p class="lead">{asked}{found}The model in use at the end: {escape(run.current or "the one of the package")}.</p>'


def _rounds(run: StackRun) -> str:
    rows = (
        (str(r["seed"]), r["outcome"], str(r["skills"]), str(len(r["failures"])), r["model"][:12], f"{r['seconds']:.1f} s")
        for r in run.result.get("rounds", [])
    )
    heads = ("trial", "outcome", "skills", "failures", "model at the end", "time")
    return f"<h2>Trials</h2>{table(heads, rows)}" if run.result.get("rounds") else ""


def _said(run: StackRun) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in run.result.get("said", []))
    return f"<h2>How it went</h2><ol>{lines}</ol>" if lines else ""


def _failure(number: int, met: Met) -> str:
    header, report = met.event.header, met.report
    kind = f"{report.category.value.replace('_', ' ')}, confidence {report.confidence:.0%}" if report is not None else "none yet"
    facts: list[tuple[str, str]] = [
        ("id", header.id),
        ("found", header.time),
        ("skill", str(header.call.call())),
        ("what broke", "; ".join(map(str, header.mismatches))),
        ("class", kind),
        ("model that predicted", header.model[:16]),
    ]
    if report is not None and report.differences:
        facts.append(("simulated otherwise", "; ".join(map(str, report.differences))))
    if report is not None and report.signals:
        facts.append(("signals (edits not applied)", "; ".join(map(str, report.signals))))
    if met.lesson is not None:
        facts.append(("lesson", f"{met.lesson[0] or 'no new model'}: {met.lesson[1]}"))
    clouds = "".join(
        figure(pictures.cloud_picture(cloud), text)
        for cloud, text in ((met.event.before, "What was seen before the skill."), (met.event.after, "And after it."))
    )
    return f"<h2>Failure {number}</h2>{table(('', ''), facts)}{clouds}"


def _models(run: StackRun) -> str:
    parts = []
    for name, note in run.versions:
        gate: Any = note.get("gate")
        if not gate:
            continue
        measured = ("failure_f1", "failure_error", "held_out_detection", "held_out_prediction")
        rows = ((key.replace("_", " "), f"{gate['before'][key]:.3f}", f"{gate['after'][key]:.3f}") for key in measured)
        word = '<span class="good">passed</span>' if gate["passed"] else '<span class="bad">rejected</span>'
        seconds: Any = note.get("seconds", {})
        times = figure(pictures.bars(seconds, "s"), "Wall time of learning by stage.") if seconds else ""
        measures = table(("measured on scenes that were not trained on", "before", "after"), rows)
        parts.append(f"<h2>Model {escape(name)}</h2>{measures}<p>Gate: {word}, {escape(gate['reason'])}.</p>{times}")
    return "".join(parts)


def _limits() -> str:
    return (
        "<h2>What this does not show</h2><ul><li>A success rate: these are single trials.</li><li>With a simulated robot: a real one. Its "
        "segments come from the simulator's labels, unless the geometric segmenter was asked for.</li></ul>"
    )


def _provenance(run: StackRun) -> str:
    known = {spec for met in run.met for spec in met.event.header.categories}
    objects = ", ".join(sorted(name for name in known if category(name).movable))
    rows = [(key, str(value)) for key, value in provenance(folder=run.folder.name, categories=objects).items()]
    rows += [(f"model {name}", str(note.get("digest"))) for name, note in run.versions]
    return f"<h2>Provenance</h2>{table(('', ''), rows)}"
