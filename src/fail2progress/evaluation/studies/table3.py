"""Table 3 of the paper on this code: Hierarchical Tabletop Organization for 3, 5 and 7 objects, before and after learning.

Failures are met and learned from with 3 objects only. Both configurations of the model go through the same trials, open loop and
planning again after every skill. Rows are kept as they are done, so an interrupted study goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fail2progress.core.executor import Executor
from fail2progress.core.files import write_whole
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.evaluate import evaluate, jobs, summarise
from fail2progress.evaluation.lifelong import Lifelong, Round
from fail2progress.evaluation.predictions import f1
from fail2progress.failures.classifier import Classifier
from fail2progress.learning.finetuning.learner import Learner
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.tasks import DEFAULT
from fail2progress.tasks.registry import task

PAPER = {
    "original": {3: 0.16, 5: 0.10, 7: 0.08},
    "replanning": {3: 0.28, 5: 0.26, 7: 0.18},
    "fail2progress": {3: 0.90, 5: 0.87, 7: 0.82},
}
"""Success rates of Table 3, Points2Plans rows."""


@dataclass(frozen=True)
class Condition:
    """One row of the table: which configuration, which method, open loop or not, how many objects."""

    configuration: str
    method: str
    replan: bool
    objects: int

    @property
    def name(self) -> str:
        """Names the row in the report."""
        return f"{self.configuration}/{self.method}/{'replan' if self.replan else 'open-loop'}/{self.objects}"


def conditions(configurations: tuple[str, ...], counts: tuple[int, ...]) -> Iterator[Condition]:
    """All rows: original is open loop, replanning is not, what has learned is run both ways."""
    ways = (("original", False), ("replanning", True), ("fail2progress", False), ("fail2progress", True))
    for configuration in configurations:
        for method, replan in ways:
            for objects in counts:
                yield Condition(configuration, method, replan, objects)


@dataclass(frozen=True)
class Study:
    """Where models come from and results go to. Models of a configuration: {name}.safetensors in `models`."""

    models: Path
    folder: Path
    trials: int = 100
    seed: int = 5
    rounds: int = 1
    configurations: tuple[str, ...] = ("relational", "plain")
    counts: tuple[int, ...] = (3, 5, 7)

    def learn(
        self, learner: Learner, classifier: Classifier, report: Callable[[str, float], None]
    ) -> Iterator[tuple[str, Round]]:
        """Fine-tune each configuration on its own failures, unless that has been done; yields every round.

        A model that the gate rejects is evaluated all the same: the table shows methods, the gate's verdict stands in the report.
        """
        for configuration in self.configurations:
            if self.tuned(configuration).exists():
                continue
            start = load_checkpoint(self.models / f"{configuration}.safetensors")
            rounds = []
            life = Lifelong(task(DEFAULT), rounds=self.rounds)
            for found in life.run(start.model, start.digest, learner, classifier, self.seed, report):
                rounds.append(found)
                yield configuration, found
            model = rounds[-1].lesson.model if rounds else start.model
            note: dict[str, object] = {
                "parent": start.digest,
                "rounds": [
                    {"event": r.event.id, "class": r.report.category.value, "trials": r.trials, **r.lesson.to_dict()}
                    for r in rounds
                ],
                "provenance": provenance(seed=self.seed, rounds=self.rounds, parent=start.digest),
            }
            save_checkpoint(model, self.tuned(configuration), note)

    def tuned(self, configuration: str) -> Path:
        """Where the fine-tuned model of a configuration lies."""
        return self.folder / f"{configuration}_tuned.safetensors"

    def run(self, executor: Executor, progress: Callable[[str, int], None]) -> dict[str, object]:
        """Carry out what is missing of the table and return the whole report. `progress` hears the row and the trials done."""
        for condition in conditions(self.configurations, self.counts):
            path = self._row_path(condition)
            if not path.exists():
                self._run_row(condition, path, executor, progress)
        return self.report()

    def _run_row(self, condition: Condition, path: Path, executor: Executor, progress: Callable[[str, int], None]) -> None:
        learned = condition.method == "fail2progress"
        model = self.tuned(condition.configuration) if learned else self.models / f"{condition.configuration}.safetensors"
        digest = load_checkpoint(model).digest
        work = jobs(model, DEFAULT, condition.objects, self.trials, self.seed, condition.replan)
        results = []
        for result in evaluate(work, executor):
            results.append(result)
            progress(condition.name, len(results))
        results.sort(key=lambda result: result.seed)
        row = {
            "configuration": condition.configuration,
            "method": condition.method,
            "replan": condition.replan,
            "objects": condition.objects,
            "paper": PAPER[condition.method][condition.objects],
            "model": digest,
            **summarise(results).to_dict(),
            "successful_seeds": [result.seed for result in results if result.success],
            "failed_seeds": {str(result.seed): result.failed_step or "none" for result in results if not result.success},
        }
        write_whole(path, json.dumps(row))

    def _row_path(self, condition: Condition) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"row_{condition.name.replace('/', '_')}_{self.trials}_{self.seed}.json"

    def report(self) -> dict[str, object]:
        """The rows that are there, the models' notes, and provenance."""
        found = conditions(self.configurations, self.counts)
        rows = [json.loads(path.read_text()) for path in map(self._row_path, found) if path.exists()]
        lessons = {name: load_checkpoint(self.tuned(name)).note for name in self.configurations if self.tuned(name).exists()}
        return {
            "table": "table3",
            "task": DEFAULT,
            "rows": rows,
            "detection_f1_over_all_trials": _pooled_detection(rows),
            "lessons": lessons,
            "provenance": provenance(trials=self.trials, seed=self.seed, rounds=self.rounds, counts=self.counts),
        }


def _pooled_detection(rows: list[dict[str, dict[str, int]]]) -> float:
    """F1 of saying that a skill failed, over the skills of all rows together."""
    return f1(*(sum(row["detection"][key] for row in rows) for key in ("hits", "false_alarms", "misses")))


def markdown(report: dict[str, object]) -> str:
    """The rows of a report as a table for people."""
    heads: tuple[str, ...] = ("configuration", "method", "objects", "success", "95 % interval", "paper", "P(goal)")
    heads += ("error along", "bystanders", "relation F1", "detection F1", "skills", "failed at")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    rows = report["rows"]
    for row in rows if isinstance(rows, list) else []:
        way = f"{row['method']}, {'replanning' if row['replan'] else 'open loop'}"
        low, high = row["ci95"]
        failed = ", ".join(f"{name} {count}" for name, count in row["failed_steps"].items()) or "-"
        cells = [row["configuration"], way if row["method"] != "replanning" else "original, replanning", str(row["objects"])]
        cells += [f"**{row['rate']:.0%}**", f"{low:.0%} to {high:.0%}", f"{row['paper']:.0%}", f"{row['plan_probability']:.2f}"]
        cells += [f"{row['along_error_m'] * 100:.1f} cm", f"{row['bystander_error_m'] * 1000:.1f} mm"]
        cells += [f"{row['relation_f1']:.3f}", f"{row['detection_f1']:.3f}", f"{row['skills']:.1f}", failed]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
