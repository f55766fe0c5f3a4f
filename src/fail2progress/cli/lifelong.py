"""fail2progress evaluate --lifelong: failures met one after the other, and what is left of each lesson."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import TaskProgressColumn

from fail2progress.cli.common import StoppedError, checked, print_json, say, shown
from fail2progress.cli.outputs import made_for
from fail2progress.cli.voice import Bars
from fail2progress.core.shares import percent

if TYPE_CHECKING:
    from fail2progress.evaluation.curriculum import Curriculum
    from fail2progress.models.checkpoint import Checkpoint

FOLDER = Path("runs/lifelong")
TRIALS = 20


@dataclass(frozen=True)
class LifelongOptions:
    """What `evaluate --lifelong` was asked for."""

    model: Path
    out: Path
    over: Sequence[str]
    failures: int
    trials: int
    seed: int
    simulator: str
    processes: int | None
    executor: str


def run_lifelong(options: LifelongOptions, as_json: bool) -> None:
    """Go through it, a line for every failure. An interrupted run goes on when it is called again with the same folder."""
    from fail2progress.core.camera import Camera
    from fail2progress.core.executor import executor
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation.curriculum import DEFAULT_SOURCES, Curriculum, summary
    from fail2progress.evaluation.sources import sources
    from fail2progress.failures.classifier import Classifier
    from fail2progress.learning.finetuning.learner import Learner
    from fail2progress.learning.finetuning.rehearsal import load_rehearsal
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.simulation.parallel import ParallelSimulator

    start, begun = load_checkpoint(options.model), time.perf_counter()
    with checked():
        physics = ParallelSimulator(options.processes, options.simulator)
    with made_for(options.out), physics:
        with checked():
            found = sources(options.over or DEFAULT_SOURCES, physics, executor(options.executor, options.processes))
        asked = {"failures": options.failures, "trials": options.trials, "seed": options.seed}
        life = Curriculum(found, options.out, **asked, simulator=options.simulator)
        with checked():
            life.rows(start)
        # All that can be tried, so that what is learnt does not hang on a computer's speed.
        learner = Learner(physics, load_rehearsal(weights.path(weights.KEEPSAKE)), patience=math.inf)
        rows = _followed(life, start, learner, Classifier(physics, Camera()))
    said = summary(rows)
    if as_json:
        origin = provenance(sources=[source.name for source in found], failures=options.failures)
        head = {"provenance": origin, "seed": options.seed, "model": shown(options.model), "seconds": time.perf_counter() - begun}
        print_json({**said, **head, "trials": options.trials, "folder": shown(options.out)})
    say(f"{said['met']} failures met, {said['accepted']} learnt")
    if not life.finished(rows):
        raise StoppedError(f"stopped; go on with the same command: what is done is in {options.out}")


def _followed(life: Curriculum, start: Checkpoint, learner: Any, classifier: Any) -> list[dict[str, Any]]:
    """The rows that are done, also when Ctrl-C ends it."""
    rows: list[dict[str, Any]] = []
    with Bars(TaskProgressColumn()) as bar:
        whole = bar.add_task("failures", total=life.failures)
        stage = bar.add_task("looking for a failure", total=1.0)
        try:
            for row in life.run(start, learner, classifier, lambda what, share: _show(bar, stage, what, share)):
                rows.append(row)
                bar.update(whole, completed=sum(each["event"] is not None for each in rows))
                bar.console.print(_line(row))
        except KeyboardInterrupt:
            pass
    return rows


def _show(bar: Bars, stage: Any, what: str, share: float) -> None:
    bar.update(stage, description=what, completed=share)


def _line(row: dict[str, Any]) -> str:
    """A round in one line."""
    if row["event"] is None:
        return f"{row['source']}: {row['reason']} in {row['tried']} trials"
    verdict = "learnt" if row["accepted"] else "not learnt"
    after = ", ".join(f"{name} {percent(figures['success'])}" for name, figures in row["results"].items())
    return f"{row['source']}: failure {row['event'][:8]} {verdict} ({row['reason']}); success now: {after}"
