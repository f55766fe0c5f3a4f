"""Lifelong learning over mixed tasks and families: failures met one after the other, each classified, learnt, judged and swapped.

What was learnt from earlier failures is rehearsed with what was pre-trained on. After every failure the current model is measured
on all sources met so far, so that what was forgotten shows. Rows are kept as they are done: an interrupted run goes on with the
next failure and the model that it had. Its folder holds what a stack's does: failures with what came of each, and versions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fail2progress.core.choice import content_of
from fail2progress.core.provenance import EVERYTHING, code_version
from fail2progress.core.runs import MODELS, STORE
from fail2progress.evaluation.fresh import COUNT, executions, fresh_f1
from fail2progress.evaluation.rows import Row, Rows
from fail2progress.evaluation.sources import Source
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import note_gaps
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.learning.finetuning.rehearsal import load_rehearsal
from fail2progress.learning.finetuning.versions import register_lesson, version_of
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint
from fail2progress.models.store import Registry, lesson_path
from fail2progress.models.training.transitions import Transitions
from fail2progress.simulation.registry import DEFAULT
from fail2progress.stein.states import NothingToVaryError

Tell = Callable[[str, float], None]
"""Told what is going on and which share of it is done."""

DEFAULT_SOURCES = (
    "hierarchical-tabletop",
    "row-pushed",
    "stack-carried",
    "multi-object-transport",
    "drawer-opened",
    "loaded-pushed",
    "constrained-packing",
    "tall-toppled",
    "nested-carried",
    "drawer-tidying",
)


@dataclass(frozen=True)
class Met:
    """A failure to learn from, after how many trials, and the failures before it that are not the model's."""

    event: FailureEvent
    report: FailureReport
    trials: int
    passed_over: dict[str, int]


@dataclass(frozen=True)
class Curriculum:
    """Sources in turn until `failures` were learnt from, or until none of them gave one within `patience` trials."""

    sources: tuple[Source, ...]
    folder: Path
    failures: int = 10
    patience: int = 20
    trials: int = 20
    """On which every source met so far is measured."""
    seed: int = 0
    fresh: int = COUNT
    """Executions of the pre-training distribution on which is measured what every lesson costs."""
    simulator: str = DEFAULT
    """What its learner simulates with: what another one did is not gone on with."""

    def run(self, start: Checkpoint, learner: Learner, classifier: Classifier, tell: Tell) -> Iterator[Row]:
        """Rows of earlier runs first, then one for every source that was asked for a failure. RowsError: another run's folder."""
        rows = self.rows(start)
        done = list(rows.by_key.values())
        yield from done
        store, versions = FailureStore(self.folder / STORE), Registry(self.folder / MODELS)
        _tell_lessons(done, store)
        model = _brought_into_use(start, done, versions)
        known = cache(lambda: executions(learner.simulator, self.seed, self.fresh))
        while not self.finished(done):
            source = self.sources[len(done) % len(self.sources)]
            begun = time.perf_counter()
            begin = self._original(source, start, done, tell)
            knowing = self._remembering(learner, done, store, versions)
            row, model = self._round(source, model, done, knowing, classifier, store, versions, tell)
            if row["accepted"]:
                tell("measuring what worked before", 0.0)
                row["fresh_f1"] = _fresh_f1(start, done, model, known())
            row["original"] = begin
            row["results"] = self._measured(model, [*done, row], tell)
            row["seconds"] = time.perf_counter() - begun
            rows.add(row)
            _tell_lessons([row], store)
            done.append(row)
            _brought_into_use(start, done, versions)
            yield row

    def finished(self, rows: Sequence[Row]) -> bool:
        """Enough failures were met, or a whole turn of the sources gave none."""
        last = rows[-len(self.sources) :]
        fruitless = len(last) == len(self.sources) and all(row["event"] is None for row in last)
        return fruitless or sum(row["event"] is not None for row in rows) >= self.failures

    def rows(self, start: Checkpoint) -> Rows:
        """What is done in the folder. RowsError where it holds another run."""
        names = [source.name for source in self.sources]
        run = {"model": start.digest, "sources": names, "patience": self.patience, "trials": self.trials, "seed": self.seed}
        run["fresh"] = self.fresh
        other = {"simulator": content_of(self.simulator)} if self.simulator != DEFAULT else {}
        return Rows(self.folder / "lifelong.jsonl", run | other | {"code": code_version(EVERYTHING)}, beside=(STORE, MODELS))

    def _original(self, source: Source, start: Checkpoint, rows: Sequence[Row], tell: Tell) -> dict[str, float]:
        """What the model that was begun with can do of a source; measured once."""
        known = [row["original"] for row in rows if row["source"] == source.name]
        tell(f"{source.name}: the model at the start", 0.0)
        return known[0] if known else source.measure(start, self.seed, self.trials)

    def _remembering(self, learner: Learner, rows: Sequence[Row], store: FailureStore, versions: Registry) -> Learner:
        """A learner that knows what was learnt so far, and from what."""
        learnt = [row for row in rows if row["accepted"]]
        lessons = [load_rehearsal(lesson_path(versions.path(row["model"]))) for row in learnt]
        return learner.remembering(lessons, [store.get(row["event"]) for row in learnt])

    def _round(
        self,
        source: Source,
        model: Checkpoint,
        done: Sequence[Row],
        learner: Learner,
        classifier: Classifier,
        store: FailureStore,
        versions: Registry,
        tell: Tell,
    ) -> tuple[Row, Checkpoint]:
        """One source is asked for a failure; what was learnt from it becomes the model if it is accepted."""
        tried = sum(row["tried"] for row in done if row["source"] == source.name)
        row: Row = {"key": str(len(done)), "source": source.name}
        met = self._meet(source, model, tried, classifier, store, tell)
        if isinstance(met, dict):
            nothing = {"event": None, "class": None, "accepted": False, "reason": "no failure to learn from was met"}
            return {**row, **nothing, "tried": self.patience, "passed_over": met, "lesson": None, "model": None}, model
        row |= {"event": met.event.id, "class": met.report.category.value, "confidence": met.report.confidence}
        row |= {"tried": met.trials, "passed_over": met.passed_over}
        seed = self.seed + len(done)
        try:
            lesson = learner.learn([met.event], model.model, seed, tell)
        except NothingToVaryError as error:
            return {**row, "accepted": False, "reason": str(error), "lesson": None, "model": None}, model
        name = None
        if lesson.verdict.passed:
            name = register_lesson(versions, model, lesson, met.event.id, learner.targeting.method, seed)
        row |= {"accepted": lesson.verdict.passed, "reason": lesson.verdict.reason, "lesson": lesson.to_dict(), "model": name}
        return row, load_checkpoint(versions.path(name)) if name is not None else model

    def _meet(
        self, source: Source, model: Checkpoint, start: int, classifier: Classifier, store: FailureStore, tell: Tell
    ) -> Met | dict[str, int]:
        """The next failure of the model's own making, durable before it is learnt from; else what was passed over."""
        passed: Counter[str] = Counter()
        for number, event in zip(range(self.patience), source.meet(model, self.seed, start), strict=False):
            tell(f"{source.name}: until something fails", number / self.patience)
            if event is None:
                continue
            store.add(event)
            report = classifier.classify(event)
            store.add_report(report)
            note_gaps(store.path, event)
            if report.category is FailureClass.SYMBOLIC_PREDICTION:
                return Met(event, report, number + 1, dict(passed))
            passed[report.category.value] += 1
        return dict(passed)

    def _measured(self, model: Checkpoint, rows: Sequence[Row], tell: Tell) -> dict[str, dict[str, float]]:
        """The current model on every source met so far."""
        met = list(dict.fromkeys(row["source"] for row in rows))
        results = {}
        for number, name in enumerate(met):
            tell(f"measuring {name}", number / len(met))
            source = next(source for source in self.sources if source.name == name)
            results[name] = source.measure(model, self.seed, self.trials)
        return results


def _tell_lessons(rows: Sequence[Row], store: FailureStore) -> None:
    """Say in the store what came of each failure, where that is not done: the process may have ended after the row."""
    for row in (row for row in rows if row["event"] is not None):
        lesson = (row["model"] or "", row["reason"])
        if lesson not in store.lessons(row["event"]):
            store.add_lesson(row["event"], *lesson)


def _brought_into_use(start: Checkpoint, rows: Sequence[Row], versions: Registry) -> Checkpoint:
    """The model that the rows tell of, which becomes the version in use whatever was: the process may have ended after a row and
    before that, and versions of an earlier run, whose rows were deleted, may lie beside."""
    accepted = [row["model"] for row in rows if row["accepted"]]
    if accepted:
        return versions.make_current(accepted[-1])
    if versions.versions():
        versions.make_current(version_of(versions, start))
    else:
        versions.begin(start)
    return start


def _fresh_f1(start: Checkpoint, rows: Sequence[Row], model: Checkpoint, found: Transitions) -> dict[str, float]:
    """F1 on executions of the pre-training distribution that nothing was chosen by, before an accepted lesson and after it."""
    before = [row["fresh_f1"]["after"] for row in rows if row["accepted"]]
    first = before[-1] if before else fresh_f1(start.model, found)
    return {"before": first, "after": fresh_f1(model.model, found)}


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """For --json: how many failures were met and learnt, what the first and the last model can do of what was met, and what was
    forgotten: F1 on executions of the pre-training distribution, and on each family since its last lesson."""
    met = [row for row in rows if row["event"] is not None]
    accepted = [row for row in met if row["accepted"]]
    last = rows[-1]["results"] if rows else {}
    first = {row["source"]: row["original"] for row in rows}
    return {
        "rounds": list(rows),
        "met": len(met),
        "accepted": len(accepted),
        "success": {name: {"before": first[name]["success"], "after": last[name]["success"]} for name in last},
        "held_out_f1_lost": _lost([row["fresh_f1"] for row in accepted]) if all("fresh_f1" in row for row in accepted) else None,
        "f1_lost_where_chosen": _lost([_where_chosen(row) for row in accepted]),
        "f1": {name: figures for name in last if (figures := _since_its_lesson(rows, name)) is not None},
    }


def _where_chosen(row: Row) -> dict[str, float]:
    """F1 before and after, on the held-out executions by which the acceptance test also chose the model."""
    return {side: row["lesson"]["gate"][side]["held_out_prediction"] for side in ("before", "after")}


def _lost(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """F1 of prediction that accepted lessons cost: all of them together, and the most for one."""
    lost = [each["before"] - each["after"] for each in figures]
    return {"in_all": float(sum(lost)), "most_for_one": max(lost, default=0.0)}


def _since_its_lesson(rows: Sequence[Row], name: str) -> dict[str, float] | None:
    """F1 on a family: of the first model, right after the family's last accepted lesson, and at the end. None for tasks."""
    lessons = [row for row in rows if row["source"] == name and row["accepted"]]
    if not lessons or "f1" not in lessons[0]["original"]:
        return None
    return {
        "before": lessons[0]["original"]["f1"],
        "after_its_lesson": lessons[-1]["results"][name]["f1"],
        "at_the_end": rows[-1]["results"][name]["f1"],
    }
