"""Simulators of other packages, in this process: what they give is looked at as that of a worker in another process is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from fail2progress.core.camera import Camera
from fail2progress.core.observation import POINTS, SegmentedCloud
from fail2progress.core.parts import PartError, guarded, package_of, told_part
from fail2progress.core.registry import OWN
from fail2progress.core.relations import BINARY, DEFAULT, RelationState, ground_truth
from fail2progress.core.scene import FRAME, Scene
from fail2progress.simulation.base import Job, Outcome, Simulator, Snapshot
from fail2progress.skills.feasibility import unfit

_KIND = "simulator"
_SECONDS = ("stepping", "rays", "total")
_UNIT = 1e-3
"""By how much the length of a quaternion may differ from 1."""


def watched(part: Simulator, name: str) -> Simulator:
    """The simulator; one whose class comes from another package in a form that looks at what it gives."""
    return part if isinstance(part, WatchedSimulator) or package_of(part) == OWN else WatchedSimulator(part, name)


class WatchedSimulator(Simulator):
    """Another one, whose errors and outcomes are told with its name: PartError where they are none that its interface has."""

    def __init__(self, part: Simulator, name: str) -> None:
        self.part, self.name = part, name

    def execute(self, job: Job) -> Outcome:
        """See Simulator.execute."""
        return next(self._outcomes(map(self.part.execute, [job]), deque([job])))

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """See Simulator.execute_all."""
        begun: deque[Job] = deque()

        def noted() -> Iterator[Job]:
            for job in jobs:
                begun.append(job)
                yield job

        with guarded(_KIND, self.part, self.name):
            outcomes = iter(self.part.execute_all(noted()))
        return self._outcomes(outcomes, begun)

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        """See Simulator.settle."""
        try:
            with guarded(_KIND, self.part, self.name):
                snapshot = self.part.settle(scene, camera, seed)
        except PartError as error:
            _let_refuse(error, not len(scene))
            raise
        self._check_snapshot(snapshot, scene, "settle")
        return snapshot

    @property
    def device(self) -> str:
        """See Simulator.device."""
        return self.part.device

    def close(self) -> None:
        """See Simulator.close."""
        self.part.close()

    def _outcomes(self, outcomes: Iterator[Outcome], begun: deque[Job]) -> Iterator[Outcome]:
        """Each looked at, beside the job whose turn it is: the first one that was `begun`."""
        try:
            while True:
                try:
                    with guarded(_KIND, self.part, self.name):
                        outcome = next(outcomes, _NONE)
                except PartError as error:
                    _let_refuse(error, bool(begun) and unfit(begun[0].scene, begun[0].call) is not None)
                    raise
                if outcome is _NONE:
                    return
                if not begun:
                    raise PartError(f"{self._told} gave an outcome of no job: one for each job, in their order")
                yield self._checked(outcome, begun.popleft())
        finally:
            close = getattr(outcomes, "close", None)
            if close is not None:
                close()

    @property
    def _told(self) -> str:
        return told_part(_KIND, self.part, self.name)

    def _checked(self, outcome: object, job: Job) -> Outcome:
        if not isinstance(outcome, Outcome):
            raise PartError(f"{self._told}, execute gave {type(outcome).__name__}, it must give an Outcome")
        if outcome.call != job.call:
            raise PartError(f"{self._told} gave the outcome of {outcome.call} where the turn is that of {job.call}")
        for when, snapshot in (("before", outcome.before), ("after", outcome.after)):
            self._check_snapshot(snapshot, job.scene, f"execute, {when}")
        missing = [key for key in _SECONDS if not np.isfinite(outcome.seconds.get(key, np.nan))]
        if missing:
            raise PartError(f"{self._told}, execute: its seconds say no {missing[0]}; the keys are {', '.join(_SECONDS)}")
        return outcome

    def _check_snapshot(self, snapshot: object, scene: Scene, what: str) -> None:
        """As far as the worker's client goes: things of the scene, relations that follow from it, and a cloud of it."""
        told = f"{self._told}, {what}"
        if not isinstance(snapshot, Snapshot):
            raise PartError(f"{told} gave {type(snapshot).__name__}, it must give a Snapshot")
        now = snapshot.scene
        if now.objects != scene.objects:
            raise PartError(f"{told}: the scene has {', '.join(now.names)}; what was asked for is {', '.join(scene.names)}")
        if not np.allclose(np.linalg.norm(now.poses[:, 3:], axis=1), 1.0, atol=_UNIT):
            raise PartError(f"{told}: poses must hold unit quaternions")
        if not isinstance(snapshot.relations, RelationState) or snapshot.relations.names != now.names:
            raise PartError(f"{told}: relations must be a RelationState of the scene's things, in their order")
        contact = np.asarray(snapshot.relations.binary[..., BINARY.index("contact")], float) > 0.5
        true = ground_truth(now, contact, getattr(self.part, "thresholds", DEFAULT))
        if any((np.asarray(getattr(snapshot.relations, k), float) > 0.5).tolist() != getattr(true, k).tolist() for k in _BOTH):
            raise PartError(f"{told}: relations must follow from scene and contacts as in core.relations.ground_truth")
        _check_cloud(snapshot.cloud, now, told)


_NONE: object = object()
_BOTH = ("binary", "unary")


def _check_cloud(cloud: object, scene: Scene, told: str) -> None:
    if not isinstance(cloud, SegmentedCloud) or (cloud.names, cloud.frame) != (scene.names, FRAME):
        raise PartError(f"{told}: the cloud must be a SegmentedCloud of the scene's things in their order, frame {FRAME!r}")
    if cloud.points.shape[1] != POINTS:
        raise PartError(f"{told}: the cloud has {cloud.points.shape[1]} points a segment, it must have {POINTS}")
    unseen = np.flatnonzero((cloud.visibility > 0) & ~cloud.seen)
    if unseen.size:
        raise PartError(f"{told}: {cloud.names[unseen[0]]} has no points and a visibility above 0; what is not seen has one of 0")


def _let_refuse(error: PartError, meant: bool) -> None:
    """Raise what a part said itself, where it is meant to refuse with a ValueError and did."""
    if meant and isinstance(error.__cause__, ValueError):
        raise error.__cause__ from None
