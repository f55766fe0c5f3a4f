"""The Sim2Real gap of a trial (paper figure 3b): what the robot sees after a skill, and after the same in the rebuilt scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fail2progress.agent.monitor import StepResult
from fail2progress.core.camera import Camera
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.parts import PartError
from fail2progress.core.relations import RelationState
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.simulation.reconstruction import rebuild


def sim2real_gap(
    detector: RelationDetector, taken: tuple[StepResult, ...], outcomes: list[Outcome], simulator: Simulator, camera: Camera
) -> float:
    """Mean over the skills of 1 - F1 of the relations seen after the skill in the rebuilt scene, against those seen in truth.

    `detector`: the one by which the robot saw; that two detectors differ is no gap. The rebuilt scene is seen without noise. A
    scene that cannot be rebuilt, or in which the skill is impossible, has no relation in common with the true one. NaN where no
    skill was carried out.
    """
    clean = replace(camera, noise=0.0)
    gaps = [_gap(detector, step, outcome, simulator, clean) for step, outcome in zip(taken, outcomes, strict=False)]
    return float(np.mean(gaps)) if gaps else float("nan")


def _gap(detector: RelationDetector, step: StepResult, outcome: Outcome, simulator: Simulator, camera: Camera) -> float:
    relations = step.conduct.before if step.conduct is not None else None
    try:
        scene = rebuild(outcome.before.cloud, relations).scene
        again = simulator.execute(Job(scene, outcome.call, camera))
        found = _seen(detector, step, again)
    except PartError:
        raise  # its fault is no gap
    except ValueError:
        return 1.0
    return 1.0 - agreement(found, step.observed)


def _seen(detector: RelationDetector, step: StepResult, again: Outcome) -> RelationState:
    """The relations after the skill, with what is hidden remembered, as the robot remembers it."""
    memory, before = ObjectMemory(), again.before.cloud
    memory.update(before)
    shift = step.planned.of(before.names).displacement
    return detector.observe(memory.update(again.after.cloud, shift, again.call.object)).relations


def agreement(one: RelationState, other: RelationState) -> float:
    """F1 between two sets of binary relations, over the objects that both know; 1 where both are empty."""
    names = [name for name in one.names if name in other.names]
    rows = [np.ix_(*[[state.names.index(name) for name in names]] * 2) for state in (one, other)]
    first, second = (np.asarray(state.binary, float)[row] > 0.5 for state, row in zip((one, other), rows, strict=True))
    total = int(first.sum() + second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0
