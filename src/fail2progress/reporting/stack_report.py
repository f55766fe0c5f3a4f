"""What a stack did as a page: what was asked, what failed and why, what was learnt, how it went on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fail2progress.core.objects import category
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.stack_run import Met, StackRun, read_run
from fail2progress.failures import sentences
from fail2progress.reporting import pictures
from fail2progress.reporting.page import page


def html(folder: Path) -> str:
    """The page of the run in a folder."""
    run = read_run(folder)
    rounds = run.result.get("rounds", [])
    return page(
        "stack",
        title="fail2progress: what the stack did",
        run=run,
        rounds=[_round(one) for one in rounds],
        said=run.result.get("said", []),
        done=sum(one["error_code"] == 0 for one in rounds),
        learnt=sum(bool(met.lesson and met.lesson[0]) for met in run.met),
        failures=[_failure(met) for met in run.met],
        models=[model for name, note in run.versions if (model := _model(name, note))],
        provenance=_provenance(run),
    )


def _round(one: dict[str, Any]) -> tuple[str, ...]:
    texts = (str(one["seed"]), one["outcome"], str(one["skills"]), str(len(one["failures"])), one["model"][:12])
    return (*texts, f"{one['seconds']:.1f} s")


def _failure(met: Met) -> dict[str, Any]:
    return {
        "sentences": sentences.story(met.event, met.lesson),
        "facts": _facts(met),
        "before": pictures.cloud_picture(met.event.before),
        "after": pictures.cloud_picture(met.event.after),
    }


def _facts(met: Met) -> list[tuple[str, str]]:
    header, report = met.event.header, met.report
    kind = f"{report.category.value.replace('_', ' ')}, confidence {report.confidence:.0%}" if report is not None else "none yet"
    facts = [
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
    return facts


def _model(name: str, note: dict[str, Any]) -> dict[str, Any] | None:
    """A learnt version; None for one that did not come from learning."""
    if not note.get("gate"):
        return None
    seconds = note.get("seconds") or {}
    return {"name": name, "gate": note["gate"], "timings": pictures.bars(seconds, "s") if seconds else None}


def _provenance(run: StackRun) -> list[tuple[str, str]]:
    known = {spec for met in run.met for spec in met.event.header.categories}
    objects = ", ".join(sorted(name for name in known if category(name).movable))
    return [
        *((key, str(value)) for key, value in provenance(folder=run.folder.name, categories=objects).items()),
        *((f"model {name}", str(note.get("digest"))) for name, note in run.versions),
    ]
