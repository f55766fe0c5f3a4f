"""fail2progress calibrate: a monitor's threshold with a promised rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import WorkError, checked, print_json, require, say
from fail2progress.cli.limits import MOST, MOST_PROCESSES, MOST_SEED
from fail2progress.cli.outputs import check_output
from fail2progress.cli.voice import progress
from fail2progress.core.shares import percent, rounded

if TYPE_CHECKING:
    from fail2progress.evaluation.monitoring import Judged
    from fail2progress.models.checkpoint import Checkpoint
    from fail2progress.simulation.base import Job


_OWN = ("calibration", "motion", "unseen", "items")
"""What executions are for that are in no item file, and all item files together."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(calibrate)


def calibrate(
    model: Path | None = typer.Option(None, help="Weights (.safetensors); default: those that travel with the package."),
    executions: int = typer.Option(
        1000, min=1, max=MOST, help="Held-out executions of the pre-training distribution to calibrate on."
    ),
    each: int = typer.Option(
        500, min=0, max=MOST, help="Of every skill, at least so many for its threshold of motion; 0: none of its own."
    ),
    unseen: int = typer.Option(500, min=0, max=MOST, help="Further ones, to measure the false alarms on."),
    items: list[Path] = typer.Option([], help="Item files to measure hits and false alarms on (repeatable)."),
    alpha: float = typer.Option(0.02, min=0.0001, max=0.5, help="Promised share of false alarms."),
    relations: str = typer.Option("combined", help="Relation detector of what is observed, for which the calibration then is."),
    seed: int = typer.Option(901, min=0, max=MOST_SEED, help="Of the executions; the unseen ones have the next."),
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Of the simulation (default: one for every core)."
    ),
    out: Path | None = typer.Option(None, help="Calibration to write; default: beside the weights, by its detector's name."),
    as_json: bool = typer.Option(False, "--json", help="Print the calibration as JSON."),
) -> None:
    """Calibrate the monitor of a model by split conformal prediction, and measure it on executions that it was not calibrated on.

    Example: fail2progress calibrate --executions 1000 --items rows.jsonl --json
    """
    from fail2progress.core.files import write_whole
    from fail2progress.core.provenance import provenance
    from fail2progress.evaluation import monitoring
    from fail2progress.failures.calibration import SUFFIX, CalibrationError, enough
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.perception.relations.registry import LEARNED
    from fail2progress.tasks import pretraining
    from fail2progress.tasks.items import read_items

    require(enough(executions, alpha), f"--executions {executions}: too few to promise --alpha {alpha:g}, at least 1/alpha - 1")
    path = model or weights.path(weights.RELATIONAL)
    named = path.stem if relations == LEARNED else f"{path.stem}.{relations}"
    place = out or path.with_name(named + SUFFIX)
    checkpoint = load_checkpoint(path)
    require(
        len({*_OWN, *(file.stem for file in items)}) == len(_OWN) + len(items),
        f"--items: the files' names stand for what was measured on them and must differ, and not be {', '.join(_OWN)}",
    )
    with checked():
        work: dict[str, Iterable[Job]] = {file.stem: [item.job for item in read_items(file)] for file in items}
    check_output("--out", place, ".json")
    usual = [pretraining.job(seed, n) for n in range(executions)]
    work = {"calibration": usual, **work, "motion": pretraining.more_of_each(seed, usual, each)}
    work["unseen"] = [pretraining.job(seed + 1, n) for n in range(unseen)]
    found = {name: _judged(name, list(jobs), checkpoint, relations, simulator, processes) for name, jobs in work.items()}
    try:
        made = monitoring.calibrate(found.pop("calibration"), alpha, checkpoint.digest, found.pop("motion"))
    except CalibrationError as error:
        raise WorkError(f"{error}; give more --executions or a larger --alpha") from error
    measured = {name: monitoring.noticed(judged, made) for name, judged in found.items()}
    measured["items"] = monitoring.noticed((one for file in items for one in found[file.stem]), made)
    numbers = {"seed": seed, "executions": executions, "each": each, "unseen": unseen}
    origin = provenance(**numbers, simulator=simulator, relations=relations)
    made = made.model_copy(update={"measured": measured, "relations": relations, "provenance": origin})
    write_whole(place, made.model_dump_json(indent=1) + "\n")
    if as_json:
        print_json(made.model_dump())
    for name, counts in measured.items():
        say(f"{name}: {_told(counts, alpha)}")
    far = "; ".join(f"{name} {1000 * one.own:.0f}, {1000 * one.others:.0f} mm" for name, one in made.motion.items())
    say(f"motion of the object, of others, surprises beyond: {far or 'no skill has enough executions'}")
    say(f"threshold {made.threshold:.3f} on {made.good} good executions of {made.executions}: {place}")


def _told(counts: dict[str, float], alpha: float) -> str:
    """What was measured, in words."""
    quiet = counts["quiet"] + counts["misses"]
    if not quiet + counts["hits"] + counts["false_alarms"]:
        return "nothing to measure"
    alarms = percent(counts["false_alarm_rate"], alpha, digits=1)
    f1, seen, skills = (rounded(counts[key], 3, 0.0, 1.0) for key in ("f1", "f1_observable", "f1_of_skills"))
    return (
        f"false alarms {alarms}, F1 {f1}, of what can be seen {seen} ({counts['not_observable']} out of sight), without "
        f"relations misread from the start {skills} ({counts['misread']} such alone); of {quiet} without an alarm "
        f"{counts['surprises']} surprise by where things ended"
    )


def _judged(
    name: str, jobs: list[Job], checkpoint: Checkpoint, relations: str, simulator: str, processes: int | None
) -> list[Judged]:
    from fail2progress.evaluation import monitoring
    from fail2progress.perception.relations.registry import relation_detector
    from fail2progress.simulation.parallel import ParallelSimulator

    detector = relation_detector(relations, checkpoint.model, checkpoint.digest)
    with ParallelSimulator(processes, simulator) as physics, progress() as bar:
        found = monitoring.executions(jobs, physics, checkpoint.model, detector)
        return [one for one in bar.track(found, total=len(jobs), description=name) if one is not None]
