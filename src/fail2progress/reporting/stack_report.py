"""What a stack did as a page: what was asked, what failed and why, what was learnt, how it went on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fail2progress import __version__
from fail2progress.core.objects import kind_of
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.stack_run import Met, StackRun
from fail2progress.failures import sentences
from fail2progress.failures.asset_words import in_short
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.models.store import Registry
from fail2progress.reporting import pictures
from fail2progress.reporting.curves import DRAWN, Lesson, learning_curves
from fail2progress.reporting.page import page
from fail2progress.reporting.story_picture import Panel, story_panels, story_picture


def html(run: StackRun) -> str:
    """The page of a run."""
    rounds = run.result.get("rounds", [])
    return page(
        "stack",
        title="fail2progress: what the stack did",
        run=run,
        saved=run.saved,
        rounds=[_round(one) for one in rounds],
        said=run.result.get("said", []),
        done=sum(one["error_code"] == 0 for one in rounds),
        learnt=sum(bool(met.lesson and met.lesson[0]) for met in run.met),
        failures=[_failure(met, run) for met in run.met],
        curves=_curves(run),
        models=[model for name, note in run.versions if (model := _model(name, note))],
        provenance=_provenance(run),
    )


def _round(one: dict[str, Any]) -> tuple[str, ...]:
    how = "one plan" if one.get("open_loop") else "planned after every skill"
    learning = one.get("learning_seconds", 0.0)
    texts = (str(one["seed"]), how, one["outcome"], str(one["skills"]), str(len(one["failures"])), one["model"][:12])
    return (*texts, f"{one['seconds'] - learning:.1f} s", f"{learning:.1f} s")


def _failure(met: Met, run: StackRun) -> dict[str, Any]:
    panels, reason = _panels(met, run)
    return {
        "panels": [(panel.title, story_picture((panel,))) for panel in panels],
        "sentences": sentences.story(met.event, met.lessons),
        "facts": [*_facts(met), *([("scenes are not shown", reason)] if reason else [])],
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
    if report is not None and report.reason:
        facts.append(("why that class", report.reason))
    if report is not None and report.differences:
        facts.append(("simulated otherwise", "; ".join(map(str, report.differences))))
    if report is not None and report.signals:
        facts.append(("signals, with the edits that answer them", "; ".join(map(str, report.signals))))
    if report is not None and report.rebuilt:
        facts.append(("rebuilt assets", in_short(met.event, report)))
    for number, lesson in enumerate(sentences.learnt_in_short(met.lessons)):
        facts.append(("later attempt" if number else "lesson", lesson))
    return facts


def _model(name: str, note: dict[str, Any]) -> dict[str, Any] | None:
    """A learnt version; None for one that did not come from learning."""
    if not note.get("gate"):
        return None
    seconds = note.get("seconds") or {}
    return {"name": name, "gate": note["gate"], "timings": pictures.bars(seconds, "s") if seconds else None}


def _panels(met: Met, run: StackRun) -> tuple[tuple[Panel, ...], str]:
    """The failure in scenes, where a version learnt from it, as nothing else says what the next model expects; and why there are
    none where one of the two models cannot be loaded."""
    parents = {name: note.get("parent_version") for name, note in run.versions}
    version = met.lesson[0] if met.lesson is not None else ""
    if parents.get(version) not in parents:
        return (), ""
    versions, event = Registry(run.folder / "models"), met.event
    try:
        before, after = (load_checkpoint(versions.path(str(name))).model for name in (parents[version], version))
    except CheckpointError as error:  # whole, and of a package that is not installed
        return (), str(error)
    _, expected, _ = predict_effect(before, encode_observation(before, event.before), event.header.call.call())
    return story_panels(event, expected, after), ""


def _curves(run: StackRun) -> bytes | None:
    """How good the versions are, over those that learnt here and passed; None where none did."""
    lessons = []
    for name, note in run.versions:
        gate, event, parent = (cast("Any", note.get(key)) for key in ("gate", "event", "parent_version"))
        if gate and gate["passed"] and event and parent and all({*DRAWN} <= set(gate[side]) for side in ("before", "after")):
            lessons.append(Lesson(event[:8], parent, name, gate["before"], gate["after"]))
    return learning_curves(lessons) if lessons else None


def _provenance(run: StackRun) -> list[tuple[str, str]]:
    """Of the run: the code that it began with, which need not be the one that writes the page."""
    known = {spec for met in run.met for spec in met.event.header.categories}
    began = {key: value for key, value in run.provenance.items() if key != "configuration"}
    now = provenance()
    return [
        ("folder", run.folder.name),
        *((key, str(value)) for key, value in (began or {"code": "not noted when the run began"}).items()),
        *(("gone on with", f"{start.started}, {_commit(start.provenance)}") for start in run.later),
        ("categories", ", ".join(sorted(name for name in known if kind_of(name).movable))),
        *((f"model {name}", str(note.get("digest"))) for name, note in run.versions),
        ("page written by", f"fail2progress {__version__}, {_commit(now)}, {now['time_utc']}"),
    ]


def _commit(origin: Mapping[str, object]) -> str:
    return f"commit {origin.get('commit') or 'unknown'}{' with changes' if origin.get('changed_files') else ''}"
