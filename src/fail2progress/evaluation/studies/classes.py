"""Is the class of a failure right? Wrong predictions and faults of the hand, put into executions of the pre-training kind.

`prediction`: the world does what the simulation does, and the model expected that nothing moves. The others: the hand misses,
loses what it carries, has fingers with a tenth of their friction, things of eight times the weight, or places them 8 cm aside, or
something knocks the object when all is over; the model expected the undisturbed outcome. What holds and what was expected is as
a relation detector sees it, through the robot's memory of what is hidden. An execution counts where a support relation of the
moved object, which the camera saw before, is broken by the rule that the monitor goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.observation import Observation
from fail2progress.core.provenance import provenance
from fail2progress.core.relations import SUPPORT, RelationState
from fail2progress.core.scene import Array
from fail2progress.core.shares import percent
from fail2progress.evaluation.rows import Row
from fail2progress.evaluation.studies.cells import study_rows
from fail2progress.evaluation.studies.reconstruction import share
from fail2progress.failures.calibration import rule_for
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.monitor import MonitorRule
from fail2progress.failures.report import FailureClass
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.relations.registry import DEFAULT, relation_detector
from fail2progress.simulation import registry as simulators
from fail2progress.simulation.base import Disturbances, Job, Outcome
from fail2progress.skills.registry import skill
from fail2progress.tasks.pretraining import job

BIAS = 0.08
"""Metres by which a biased hand places things aside."""
FAULTS = ("miss", "slip", "friction", "weight", "bias", "disturbance")
RIGHT = {"prediction": FailureClass.SYMBOLIC_PREDICTION, **dict.fromkeys(FAULTS, FailureClass.SIM2REAL_GAP)}


@dataclass(frozen=True)
class Study:
    """The first so many executions of a seed."""

    folder: Path
    executions: int = 60
    seed: int = 913
    relations: str = DEFAULT
    """Name of the relation detector."""

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = study_rows(self.folder, "classes", **self._identity)
        missing = [(self.seed, i) for i in range(self.executions) if str(i) not in rows.by_key]
        for row in executor.map_unordered(partial(measure, relations=self.relations), missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [one for i in range(self.executions) for one in rows.by_key[str(i)]["failures"]]
        origin = provenance(executions=self.executions, seed=self.seed, relations=self.relations, bias_m=BIAS)
        return {**report(found), "provenance": origin}

    @property
    def _identity(self) -> dict[str, object]:
        return {"seed": self.seed, "kinds": list(RIGHT), "relations": self.relations}


def report(found: Sequence[dict[str, Any]]) -> dict[str, object]:
    """Shares of right, wrong and undecided classes, over all failures and for each kind."""
    decided = [one for one in found if one["class"] != FailureClass.UNDECIDED.value]
    return {
        "right": share([one["class"] == one["right"] for one in found]),
        "right_of_decided": share([one["class"] == one["right"] for one in decided]),
        "undecided": share([one["class"] == FailureClass.UNDECIDED.value for one in found]),
        "by_kind": {k: share([one["class"] == one["right"] for one in found if one["kind"] == k]) for k in RIGHT},
        "wrong": [one for one in decided if one["class"] != one["right"]],
        "reasons": sorted(one["reason"] for one in found if one["reason"]),
    }


@dataclass(frozen=True)
class Eyes:
    """How the robot sees, and what of it makes a failure."""

    detector: RelationDetector
    rule: MonitorRule

    def seen(self, outcome: Outcome, shift: Array) -> tuple[Observation, Observation]:
        """Before and after an execution; what is hidden then is where it is thought to be, moved by `shift` (N, 3) m."""
        memory = ObjectMemory()
        before = self.detector.observe(memory.update(outcome.before.cloud))
        return before, self.detector.observe(memory.update(outcome.after.cloud, shift, outcome.call.object))


@lru_cache(maxsize=2)
def eyes(relations: str) -> Eyes:
    """With the model of the package."""
    checkpoint = load_checkpoint(weights.path(weights.RELATIONAL))
    return Eyes(relation_detector(relations, checkpoint.model, checkpoint.digest), rule_for(checkpoint.digest, relations))


def measure(item: tuple[int, int], relations: str = DEFAULT) -> Row:
    """The failures of one execution, classified."""
    simulator, wanted = simulators.make(), job(*item)
    row: Row = {"key": str(item[1]), "failures": []}
    true = simulator.execute(wanted)
    if not skill(wanted.call.skill).carries or not true.stable:
        return row
    robot, still = eyes(relations), np.zeros_like(true.displacements)
    before, undisturbed = robot.seen(true, true.displacements)
    if not before.cloud.seen[before.cloud.names.index(wanted.call.object)]:
        return row  # no robot acts on what it has never seen (docs/decisions/0054)
    classifier = Classifier(simulator, wanted.camera)
    for kind, right in RIGHT.items():
        astray = kind == "prediction"
        expected, shift = (before.relations, still) if astray else (undisturbed.relations, true.displacements)
        world = true if astray else simulator.execute(_faulty(wanted, kind, item))
        event = _event(wanted, robot.seen(world, shift), expected, robot.rule, item[1])
        if event.header.mismatches:
            found = classifier.classify(event)
            said = {"class": found.category.value, "right": right.value, "reason": found.reason}
            row["failures"].append({"execution": item[1], "kind": kind, **said})
    return row


def disturbances(kind: str, rng: np.random.Generator) -> Disturbances:
    """What is wrong with the hand, or the world, for one of FAULTS."""
    angle = rng.uniform(0.0, 2 * np.pi)
    aside = (("place_x", BIAS * float(np.cos(angle))), ("place_y", BIAS * float(np.sin(angle))))
    return {
        "miss": Disturbances(grasp_miss=1.0),
        "slip": Disturbances(grasp_slip=1.0),
        "friction": Disturbances(friction=0.1),
        "weight": Disturbances(weight=8.0),
        "bias": Disturbances(errors=aside),
        "disturbance": Disturbances(bump=1.0),
    }[kind]


def _faulty(wanted: Job, kind: str, item: tuple[int, int]) -> Job:
    return replace(wanted, disturbances=disturbances(kind, np.random.default_rng(item)))


def _event(
    wanted: Job, seen: tuple[Observation, Observation], expected: RelationState, rule: MonitorRule, number: int
) -> FailureEvent:
    """What the robot would have stored: its own call, and what it saw."""
    before, after = (one.cloud for one in seen)
    header = Header(
        id=event_id(before, wanted.call, "", number, 0),
        time="1970-01-01T00:00:00+00:00",
        task="classes",
        objects=len(before),
        seed=number,
        step=0,
        goal=(),
        call=Call.of(wanted.call),
        plan=(),
        model="",
        mismatches=_broken(expected, seen[1].relations, wanted.call.object, rule),
        names=before.names,
        categories=before.categories,
        frame=before.frame,
        stamps=(0, 1_000_000_000),
    )
    relations = seen[0].relations
    return FailureEvent(
        header=header, before=before, after=after, relations_before=relations, expected=expected, observed=seen[1].relations
    )


def _broken(expected: RelationState, observed: RelationState, name: str, rule: MonitorRule) -> tuple[Mismatch, ...]:
    """The support relations of the moved object that came out otherwise, with certainty on both sides."""
    values = (
        Mismatch(relation=kind, subject=name, other=other, expected=expected.value(kind, name, other), observed=seen)
        for kind in SUPPORT
        for other in expected.names
        if other != name
        for seen in [observed.value(kind, name, other)]
    )
    return tuple(m for m in values if max(m.expected, m.observed) > rule.high and min(m.expected, m.observed) < rule.low)


def markdown(found: dict[str, Any]) -> str:
    """The report as a page."""
    rows = {"right": found["right"], "right, of those decided": found["right_of_decided"], "undecided": found["undecided"]}
    rows |= {f"right: {kind}": row for kind, row in found["by_kind"].items()}
    lines = ["# Classes of failures", "", "| | share | 95 % interval | of |", "|---|---|---|---|"]
    for name, row in rows.items():
        interval = " to ".join(percent(end, digits=1) for end in row["ci95"]) if row["ci95"] else "-"
        rate = percent(row["rate"], digits=1)
        lines.append(f"| {name} | {rate} | {interval} | {row['of']} |")
    return "\n".join([*lines, "", "Made by `fail2progress reproduce classes`.", ""])
