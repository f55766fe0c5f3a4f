"""Failure classification (paper section 4): rebuild O_F, run phi_k(a_k) there, compare the outcome R'' with what was observed.

The paper's text compares with R', which it defines as the prediction; what tells the two kinds apart is the comparison with the
observed relations (DESIGN 5, first row). If the simulation does what the world did, the model was wrong; otherwise the world
did something that the simulation does not know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.relations import RelationState
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.signals import signals
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.simulation.reconstruction import rebuild


@dataclass(frozen=True)
class Classifier:
    """Repeats the failed skill in the rebuilt scene, each time with the placements shifted a little."""

    simulator: Simulator
    camera: Camera
    repetitions: int = 5
    jitter: float = 0.004
    """Standard deviation in metres of the shift: what decides shall not hang on a millimetre."""

    def classify(self, event: FailureEvent, seed: int = 0) -> FailureReport:
        """The class with its evidence. ValueError where the scene cannot be rebuilt."""
        rebuilt = rebuild(event.before, event.relations_before)
        rng = np.random.default_rng(seed)
        jobs = []
        for repetition in range(self.repetitions):
            poses = rebuilt.scene.poses.copy()
            poses[rebuilt.scene.index(event.header.call.object), :2] += self.jitter * rng.standard_normal(2) * (repetition > 0)
            scene = rebuilt.scene.with_poses(poses)
            jobs.append(Job(scene, event.header.call.call(), self.camera, seed=seed + repetition))
        outcomes = list(self.simulator.execute_all(jobs))
        differences = [_differences(event, outcome) for outcome in outcomes]
        agreeing = sum(not found for found in differences)
        symbolic = agreeing * 2 > len(differences)
        votes = agreeing if symbolic else len(differences) - agreeing
        report = FailureReport(
            failure=event.id,
            category=FailureClass.SYMBOLIC_PREDICTION if symbolic else FailureClass.SIM2REAL_GAP,
            confidence=votes / len(differences),
            repetitions=len(differences),
            differences=min((found for found in differences if bool(found) != symbolic), key=len),
            rebuilt=tuple(f"{s.name}: {s.category} {np.round(s.size, 3).tolist()} m" for s in rebuilt.scene.objects),
        )
        return report.model_copy(update={"signals": signals(event, report)})


def _differences(event: FailureEvent, outcome: Outcome) -> tuple[Mismatch, ...]:
    """The relations that made the failure, where the simulation did not end as the world did."""
    simulated: RelationState = outcome.after.relations
    found = []
    for mismatch in event.header.mismatches:
        if mismatch.subject not in simulated.names or mismatch.other not in simulated.names:
            continue
        value = simulated.value(mismatch.relation, mismatch.subject, mismatch.other)
        if (value > 0.5) != (mismatch.observed > 0.5):
            found.append(mismatch.model_copy(update={"expected": value}))
    return tuple(found)
