"""Do corrections between episodes help? Attempts until a goal is reached, with a fault of the hand, with and without them.

Each trial starts without corrections and attempts its goal again and again, at most ATTEMPTS times; an attempt is an episode of
one skill: look, act, look, judge. With corrections, every failure is classified and its signals go to the corrector, as in the
loop and on ROS. Resumable; the same seed gives the same trials.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.agent.correcting import Correcting
from fail2progress.agent.monitor import SkillExecution, StepResult, judge
from fail2progress.agent.observer import RobotObserver
from fail2progress.core.camera import Camera
from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.evaluation.comparison import LEVEL, holm, leaning, signed_rank
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.correction_faults import FAULTS, Attempt
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Corrections
from fail2progress.failures.monitor import MonitorRule
from fail2progress.perception.relations.registry import GEOMETRIC, relation_detector
from fail2progress.planning.planned import PlannedSkill
from fail2progress.robots.base import ExecutionError, Robot
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Disturbances

ATTEMPTS = 10
"""A goal that has not been reached by then counts as so many attempts."""
ROBOTS = ("hand", "stretch")
_FEWEST = 5
"""Trials from which their spread says something: an interval of fewer, drawn again from themselves, is too narrow to be told."""


@dataclass(frozen=True)
class Item:
    """One trial: a fault, with corrections or without, by number."""

    seed: int
    fault: str
    corrected: bool
    number: int
    robot: str = "hand"

    @property
    def key(self) -> str:
        """Names its row."""
        return f"{self.fault} {'with' if self.corrected else 'without'} {self.number}"

    def rng(self, *more: int) -> np.random.Generator:
        """The same with corrections and without."""
        return np.random.default_rng([self.seed, list(FAULTS).index(self.fault), self.number, *more])


@dataclass(frozen=True)
class Study:
    """So many trials of each fault, with corrections and without."""

    folder: Path
    trials: int = 100
    seed: int = 0
    robot: str = "hand"

    def items(self) -> Iterator[Item]:
        """All trials; the faults take turns, so that an interrupted study has something of each."""
        for number in range(self.trials):
            for fault in FAULTS:
                for corrected in (True, False):
                    yield Item(self.seed, fault, corrected, number, self.robot)

    @property
    def total(self) -> int:
        """Trials of all kinds."""
        return 2 * self.trials * len(FAULTS)

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = study_rows(self.folder, "corrections", seed=self.seed, robot=self.robot)
        missing = [item for item in self.items() if item.key not in rows.by_key]
        for row in executor.map_unordered(trial, missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [rows.by_key[item.key] for item in self.items()]
        return {
            "faults": _compared(found),
            "attempts_at_most": ATTEMPTS,
            "provenance": provenance(trials=self.trials, seed=self.seed, robot=self.robot),
        }


def trial(item: Item) -> Row:
    """Attempts until the goal is reached, with the corrections that were made."""
    wrong = FAULTS[item.fault].draw(item.rng(0))
    with tempfile.TemporaryDirectory() as folder:
        classifier = Classifier(simulators.make(), Camera())
        correcting = Correcting(Corrector(Path(folder) / FILE), classifier.classify)
        attempts, reached = 0, False
        while attempts < ATTEMPTS and not reached:
            attempts += 1
            reached = _attempt(item, wrong, attempts, correcting)
        made = correcting.corrector.read()
    return {"key": item.key, "fault": item.fault, "corrected": item.corrected, "attempts": attempts, "reached": reached} | _told(
        made
    )


def _attempt(item: Item, wrong: Disturbances, number: int, correcting: Correcting) -> bool:
    """One episode; whether its goal holds in the end."""
    attempt = FAULTS[item.fault].setting(item.rng(1), item.rng(2, number))
    robot = _robot(item, attempt, wrong, number)
    began = correcting.begin()  # nothing, where nobody corrects
    robot.adjust(began.adjustments)
    step = carry_out(robot, attempt)
    if item.corrected and step is not None:
        correcting.review([step], began)
    return bool(attempt.goal.satisfied(robot.truth))


def _robot(item: Item, attempt: Attempt, wrong: Disturbances, number: int) -> SimulatedRobot | SimulatedStretch:
    seed = int(item.rng(3, number).integers(2**31))
    if item.robot == "stretch":
        return SimulatedStretch(attempt.scene, seed=seed, disturbances=wrong)
    return SimulatedRobot(simulators.make(), attempt.scene, seed=seed, disturbances=wrong)


def carry_out(robot: Robot, attempt: Attempt) -> StepResult | None:
    """Look, act, look, and judge against what the commanded motion would bring about; None where the robot cannot act."""
    observer = RobotObserver(robot, relation_detector(GEOMETRIC))
    before = observer.look()
    displacement = np.zeros((len(before.cloud), 3))
    displacement[before.cloud.index(attempt.call.object)] = attempt.call.shift
    expected = observer.detector.observe(before.cloud.shifted(displacement)).relations
    planned = PlannedSkill(attempt.call, expected, displacement)
    of = ("corrections", len(before.cloud), 0, 0, attempt.goal, (attempt.call,))
    execution = SkillExecution(*of, planned, "", before.cloud, before.relations, before.image)
    try:
        robot.execute(attempt.call)
    except ExecutionError:
        return None
    return judge(execution, observer.look(planned), MonitorRule())


def _told(made: Corrections) -> dict[str, object]:
    return {
        "corrections": [str(one) for one in made.corrections],
        "undone": sum(one.status == "undone" for one in made.corrections),
        "bounded": all(_within(skill, values) for skill, values in made.adjustments.items()),
    }


def _within(skill: str, values: Any) -> bool:
    from fail2progress.skills.adjustments import checked

    return bool(checked({skill: values}))


def _compared(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By fault, both ways, and whether the same trials take fewer attempts with corrections, or more: by the signed-rank test
    over pairs of trials, after Holm over the faults."""
    found = {name: _ways([row for row in rows if row["fault"] == name]) for name in FAULTS}
    fewer = {name: [without[key] - with_[key] for key in with_] for name, (with_, without) in found.items()}
    adjusted = dict(zip(found, holm([signed_rank(values) for values in fewer.values()]), strict=True))
    return {
        name: {
            "with": _mean([row for row in rows if row["fault"] == name and row["corrected"]]),
            "without": _mean([row for row in rows if row["fault"] == name and not row["corrected"]]),
            "p_holm": adjusted[name],
            "fewer": adjusted[name] < LEVEL and leaning(fewer[name]) > 0,
            "worse": adjusted[name] < LEVEL and leaning(fewer[name]) < 0,
        }
        for name in found
    }


def _ways(rows: Sequence[Row]) -> tuple[dict[str, int], dict[str, int]]:
    """Attempts with corrections and without, by the number of the trial, which is the same both ways."""
    with_, without = (
        {row["key"].rsplit(" ", 1)[1]: int(row["attempts"]) for row in rows if row["corrected"] is corrected}
        for corrected in (True, False)
    )
    return with_, without


def _mean(rows: Sequence[Row]) -> dict[str, Any]:
    """Mean attempts with a 95 % bootstrap interval (None of fewer than _FEWEST trials), share reached, corrections a trial."""
    attempts = np.array([row["attempts"] for row in rows], float)
    drawn = np.random.default_rng(0).choice(attempts, (4000, len(attempts))).mean(axis=1)
    interval = [float(value) for value in np.percentile(drawn, [2.5, 97.5])]
    return {
        "trials": len(rows),
        "mean_attempts": float(attempts.mean()),
        "ci95": interval if len(rows) >= _FEWEST else None,
        "reached": int(sum(row["reached"] for row in rows)),
        "corrections": sum(len(row["corrections"]) for row in rows),
        "undone": sum(row["undone"] for row in rows),
    }


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = ["# Corrections between episodes, against faults of the hand", ""]
    lines += [
        f"Attempts until the goal is reached (at most {report['attempts_at_most']}), mean and 95 % interval (none of fewer than "
        f"{_FEWEST} trials); p: of the signed-rank test over the same trials both ways, after Holm over the faults.",
        "",
    ]
    lines += [
        "| fault | without | with corrections | reached without, with | corrections, undone | |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in report["faults"].items():
        one, other = row["with"], row["without"]
        verdict = "fewer" if row["fewer"] else "more" if row["worse"] else "no difference shown"
        verdict += f" (p {row['p_holm']:.2g})"
        reached = f"{other['reached']}, {one['reached']} of {one['trials']}"
        cells = (_interval(other), _interval(one), reached, f"{one['corrections']}, {one['undone']}", verdict)
        lines.append(f"| {name}: {FAULTS[name].summary} | {' | '.join(cells)} |")
    made = report["provenance"]["configuration"]
    options = " ".join(f"--{name} {made[name]}" for name in ("robot", "trials", "seed"))
    return "\n".join([*lines, "", f"Made by `fail2progress reproduce corrections {options}`.", ""])


def _interval(row: dict[str, Any]) -> str:
    ends = f" ({row['ci95'][0]:.2f} to {row['ci95'][1]:.2f})" if row["ci95"] is not None else ""
    return f"{row['mean_attempts']:.2f}{ends}"
