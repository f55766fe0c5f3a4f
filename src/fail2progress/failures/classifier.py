"""Failure classification (paper section 4): rebuild O_F, run phi_k(a_k) there, compare the outcome R'' with what was observed.

The paper's text compares with R', which it defines as the prediction; what tells the two kinds apart is the comparison with the
observed relations (docs/decisions/0014). If the simulation does what the world did, the model was wrong; otherwise the world
did something that the simulation does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Scene
from fail2progress.failures.assets.case import known_scene
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.geometry import Geometry
from fail2progress.failures.assets.grasp import GraspStability
from fail2progress.failures.assets.joint import Joint
from fail2progress.failures.assets.reach import Reachability
from fail2progress.failures.assets.refine import Refinement, Refiner, Signal, assess
from fail2progress.failures.assets.schema import FailureSignals, signals_of
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.physics import SURFACE, Inference, UntoldError, explanation, shifts
from fail2progress.failures.report import LONGEST, FailureClass, FailureReport
from fail2progress.failures.signals import signals
from fail2progress.failures.surprise import moving, same_motion
from fail2progress.simulation.base import Job, OrdinaryPhysicsError, Outcome, Simulator
from fail2progress.simulation.reconstruction.rebuild import why_left_out
from fail2progress.skills.registry import skill

_STOOD = 0.03
"""Metres that a thing may move while a rebuilt scene comes to rest, each way."""


def _scene_signals() -> tuple[Signal, ...]:
    """What makes a rebuilt scene another one than that which was seen; only these are corrected before the skill is repeated."""
    return (Geometry(), Joint(), Contact())


@dataclass(frozen=True)
class Classifier:
    """Repeats the failed skill in the rebuilt and corrected scene, each time with the placements shifted a little."""

    simulator: Simulator
    camera: Camera
    repetitions: int = 5
    jitter: float = 0.002
    """Standard deviation in metres of the shift, as far as rebuilt places are off: what decides shall not hang on less, and what
    was put onto a rim must come out as it did (docs/decisions/0062)."""
    refiner: Refiner = field(default_factory=lambda: Refiner(_scene_signals()))

    def classify(self, event: FailureEvent, seed: int = 0) -> FailureReport:
        """The class with its evidence. ValueError where nothing was seen.

        Undecided where the failed skill's object was not seen, or something in every relation that broke, or where an object
        concerned still does not fit what was seen.
        """
        call, known = event.header.call.call(), known_scene(event, self.simulator, seed)
        before, rebuilt = known.before, known.rebuilt
        if call.object not in rebuilt.scene.names:
            reason = why_left_out(before, call.object)
            return undecided(event, f"{reason}: there is nothing to repeat the skill with", rebuilt.scene)
        if reason := _out_of_sight(event, before, rebuilt.scene):
            return undecided(event, f"{reason}: there is nothing to compare with what was observed", rebuilt.scene)
        found = self.refiner.refine(known.case(call, self.camera.eye))
        reason = _unfit(event, found)
        report = undecided(event, reason, found.case.scene) if reason else self._repeated(event, found.case.scene, seed)
        used = {"initial_signals": _all_signals(found, first=True), "final_signals": _all_signals(found, first=False)}
        return report.model_copy(update={**used, "signals": () if reason else signals(event, report)})

    def _repeated(self, event: FailureEvent, base: Scene, seed: int) -> FailureReport:
        """The vote of the repetitions in which what is concerned stood still before the skill began; most have to."""
        rng = np.random.default_rng(seed)
        jobs = []
        for repetition in range(self.repetitions):
            poses = base.poses.copy()
            poses[base.index(event.header.call.object), :2] += self.jitter * rng.standard_normal(2) * (repetition > 0)
            jobs.append(Job(base.with_poses(poses), event.header.call.call(), self.camera, seed=seed + repetition))
        done = zip(jobs, self.simulator.execute_all(jobs), strict=True)
        outcomes = [outcome for job, outcome in done if stood(job.scene, outcome, concerned(event))]
        if 2 * len(outcomes) <= len(jobs):
            fallen = f"{len(jobs) - len(outcomes)} of {len(jobs)} repetitions"
            return undecided(event, f"what was rebuilt did not stay where it was seen before the skill began, in {fallen}", base)
        differences = [_differences(event, outcome) for outcome in outcomes]
        agree = [not found and _moved_alike(event, outcome) for found, outcome in zip(differences, outcomes, strict=True)]
        symbolic = sum(agree) * 2 > len(agree)
        votes = agree.count(symbolic)
        return FailureReport(
            failure=event.id,
            category=FailureClass.SYMBOLIC_PREDICTION if symbolic else FailureClass.SIM2REAL_GAP,
            confidence=votes / len(agree),
            repetitions=len(agree),
            differences=min((found for found, same in zip(differences, agree, strict=True) if same == symbolic), key=len),
            rebuilt=_described(base),
            reason="" if symbolic else self._cause(event, base, seed),
        )

    def _cause(self, event: FailureEvent, base: Scene, seed: int) -> str:
        """Which physics would explain a gap. Friction between things says nothing of what the hand holds."""
        call = event.header.call.call()
        if skill(call.skill).carries:
            return ""
        seen = shifts(event.before, event.after, base.names)
        try:
            found = Inference(self.simulator, self.camera).infer(base, call, seen, SURFACE, seed)
        except (UntoldError, OrdinaryPhysicsError):
            return ""
        return explanation(SURFACE, found)


def undecided(event: FailureEvent, reason: str, scene: Scene | None = None) -> FailureReport:
    """A report of no class, with the reason; of a scene, as far as it was rebuilt."""
    return FailureReport(
        failure=event.id,
        category=FailureClass.UNDECIDED,
        confidence=0.0,
        repetitions=0,
        differences=(),
        rebuilt=_described(scene) if scene is not None else (),
        reason=reason[:LONGEST],
    )


def _out_of_sight(event: FailureEvent, before: SegmentedCloud, scene: Scene) -> str:
    """Why none of the relations that broke can be looked at in the rebuilt scene; "" where one can, or where none broke."""
    broken = [mismatch.names for mismatch in event.header.mismatches]
    if not broken or any(set(names) <= set(scene.names) for names in broken):
        return ""
    missing = dict.fromkeys(name for names in broken for name in names if name not in scene.names)
    return ", ".join(why_left_out(before, name) for name in missing)


def _described(scene: Scene) -> tuple[str, ...]:
    return tuple(f"{s.name}: {s.category} {np.round(s.size, 3).tolist()} m" for s in scene.objects)


def _unfit(event: FailureEvent, found: Refinement) -> str:
    """What still fails on an object concerned; "" where nothing does."""
    return "; ".join(reading.evidence for reading in found.open if reading.asset in concerned(event))


def concerned(event: FailureEvent) -> set[str]:
    """The moved object and those whose relations were broken."""
    return {event.header.call.object, *(name for mismatch in event.header.mismatches for name in mismatch.names)}


def stood(scene: Scene, outcome: Outcome, names: set[str]) -> bool:
    """Whether none of these things moved by itself before the skill began."""
    rows = [scene.index(name) for name in names if name in scene.names]
    return bool(np.abs(outcome.before.scene.poses[rows, :3] - scene.poses[rows, :3]).max(initial=0.0) < _STOOD)


def _all_signals(found: Refinement, first: bool) -> tuple[FailureSignals, ...]:
    """The scene's signals with those of the call, reach and grasp, which are measured and not corrected: the call was made."""
    about_call = {row.asset: row for row in signals_of(assess(found.case, (Reachability(), GraspStability())))}
    fields = ("reachability_fail", "grasp_instability")
    rows = found.initial if first else found.final
    return tuple(
        row.model_copy(update={field: getattr(about_call[row.asset], field) for field in fields})
        if row.asset in about_call
        else row
        for row in rows
    )


def _moved_alike(event: FailureEvent, outcome: Outcome) -> bool:
    """Whether what moved did so in the simulation as in the world; asked where that alone is the failure: a surprise."""
    if event.header.mismatches:
        return True
    names, simulated = outcome.before.scene.names, outcome.displacements
    seen = shifts(event.before, event.after, names)
    judged = {names.index(event.header.call.object), *(names.index(name) for name in moving(event) if name in names)}
    return all(same_motion(seen[row], simulated[row]) for row in judged if np.isfinite(seen[row]).all())


def _differences(event: FailureEvent, outcome: Outcome) -> tuple[Mismatch, ...]:
    """The relations that made the failure, where the simulation did not end as the world did."""
    simulated: RelationState = outcome.after.relations
    found = []
    for mismatch in event.header.mismatches:
        if not set(mismatch.names) <= set(simulated.names):
            continue
        value = mismatch.value(simulated)
        if (value > 0.5) != (mismatch.observed > 0.5):
            found.append(mismatch.model_copy(update={"expected": value}))
    return tuple(found)
