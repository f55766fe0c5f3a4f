"""Is the class of a failure right? Wrong predictions and faults of the hand, put into executions of the pre-training kind.

`prediction`: the world does what the simulation does, and the model expected that nothing moves. The others: the hand misses,
loses what it carries, has fingers with a tenth of their friction, things of eight times the weight, or places them 8 cm aside, or
something knocks the object when all is over; the model expected the undisturbed outcome. An execution counts where that breaks
a support relation of the moved object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.executor import Executor
from fail2progress.core.provenance import provenance
from fail2progress.core.relations import SUPPORT, RelationState
from fail2progress.evaluation.rows import Row, Rows
from fail2progress.evaluation.studies.reconstruction import share
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import Call, FailureEvent, Header, Mismatch, event_id
from fail2progress.failures.report import FailureClass
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

    def run(self, executor: Executor, progress: Callable[[int], None]) -> dict[str, object]:
        """Carry out what is missing, and return the report. RowsError where the folder holds another study's rows."""
        rows = Rows(self.folder / "rows.jsonl", {"study": "classes", "seed": self.seed, "kinds": list(RIGHT)})
        missing = [(self.seed, i) for i in range(self.executions) if str(i) not in rows.by_key]
        for row in executor.map_unordered(measure, missing):
            rows.add(row)
            progress(len(rows.by_key))
        found = [one for i in range(self.executions) for one in rows.by_key[str(i)]["failures"]]
        return {**report(found), "provenance": provenance(executions=self.executions, seed=self.seed, bias_m=BIAS)}


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


def measure(item: tuple[int, int]) -> Row:
    """The failures of one execution, classified."""
    simulator, wanted = simulators.make(), job(*item)
    row: Row = {"key": str(item[1]), "failures": []}
    true = simulator.execute(wanted)
    if not skill(wanted.call.skill).carries or not true.stable:
        return row
    undisturbed = _probabilities(true.after.relations)
    classifier = Classifier(simulator, wanted.camera)
    for kind, right in RIGHT.items():
        expected = _probabilities(true.before.relations) if kind == "prediction" else undisturbed
        world = true if kind == "prediction" else simulator.execute(_faulty(wanted, kind, item))
        event = _event(wanted, world, expected, item[1])
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


def _probabilities(state: RelationState) -> RelationState:
    return RelationState(state.names, np.asarray(state.binary, float), np.asarray(state.unary, float))


def _event(wanted: Job, world: Outcome, expected: RelationState, number: int) -> FailureEvent:
    """What the robot would have stored: its own call, and what it saw."""
    before, after, observed = world.before.cloud, world.after.cloud, _probabilities(world.after.relations)
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
        mismatches=_broken(expected, observed, wanted.call.object),
        names=before.names,
        categories=before.categories,
        frame=before.frame,
        stamps=(0, 1_000_000_000),
    )
    relations = _probabilities(world.before.relations)
    return FailureEvent(
        header=header, before=before, after=after, relations_before=relations, expected=expected, observed=observed
    )


def _broken(expected: RelationState, observed: RelationState, name: str) -> tuple[Mismatch, ...]:
    """The support relations of the moved object that came out otherwise."""
    return tuple(
        Mismatch(relation=kind, subject=name, other=other, expected=was, observed=now)
        for kind in SUPPORT
        for other in expected.names
        if other != name
        and ((was := expected.value(kind, name, other)) > 0.5) != ((now := observed.value(kind, name, other)) > 0.5)
    )


def markdown(found: dict[str, Any]) -> str:
    """The report as a page."""
    rows = {"right": found["right"], "right, of those decided": found["right_of_decided"], "undecided": found["undecided"]}
    rows |= {f"right: {kind}": row for kind, row in found["by_kind"].items()}
    lines = ["# Classes of failures", "", "| | share | 95 % interval | of |", "|---|---|---|---|"]
    for name, row in rows.items():
        interval = f"{row['ci95'][0]:.1%} to {row['ci95'][1]:.1%}" if row["ci95"] else "-"
        rate = "-" if row["rate"] is None else f"{row['rate']:.1%}"
        lines.append(f"| {name} | {rate} | {interval} | {row['of']} |")
    return "\n".join([*lines, "", "Made by `fail2progress reproduce classes`.", ""])
