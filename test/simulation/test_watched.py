"""Simulators of other packages: what they give is looked at, in this process and in workers."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

import fail2progress as f2p
from fail2progress.core.camera import Camera
from fail2progress.core.parts import PartError
from fail2progress.core.registry import Registry
from fail2progress.core.scene import Scene
from fail2progress.simulation import registry
from fail2progress.simulation.base import Disturbances, Job, Outcome, Simulator, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.simulation.registry import SimulatorEntry, SimulatorError
from fail2progress.simulation.watched import WatchedSimulator, watched
from support.plugins import install_plugin

MUG: dict[str, object] = {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)}
CALL = f2p.SkillCall("pick_place", "mug", (0.0, -0.85, 0.02, 0.0), "table_b")


class Own(Simulator):
    """Spoils what another one gives."""

    def __init__(self, spoil: Callable[[Outcome], object] = lambda outcome: outcome) -> None:
        self.mujoco, self.spoil, self.closed = MujocoSimulator(), spoil, False

    def execute(self, job: Job) -> Outcome:
        return self.spoil(self.mujoco.execute(job))  # type: ignore[return-value]

    def settle(self, scene: Scene, camera: Camera, seed: int = 0) -> Snapshot:
        outcome = self.mujoco.settle(scene, camera, seed)
        return self.spoil(Outcome(CALL, outcome, outcome, {}, True)).after  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def start() -> Scene:
    return f2p.scene([MUG])


def after(**values: object) -> Callable[[Outcome], object]:
    """Spoils the end."""
    return lambda outcome: replace(outcome, after=replace(outcome.after, **values))


def emptied(outcome: Outcome) -> Outcome:
    known = outcome.after.relations
    return replace(outcome, after=replace(outcome.after, relations=replace(known, binary=known.binary & False)))


def unseen(outcome: Outcome) -> Outcome:
    cloud = outcome.after.cloud
    return replace(outcome, after=replace(outcome.after, cloud=replace(cloud, points=cloud.points * np.nan)))


def renamed(outcome: Outcome) -> Outcome:
    objects = tuple(replace(spec, name=f"a_{spec.name}") for spec in outcome.after.scene.objects)
    return replace(outcome, after=replace(outcome.after, scene=replace(outcome.after.scene, objects=objects)))


def tilted(outcome: Outcome) -> Outcome:
    return replace(outcome, after=replace(outcome.after, scene=outcome.after.scene.with_poses(2 * outcome.after.scene.poses)))


def failing(outcome: Outcome) -> Outcome:
    raise RuntimeError("licence expired")


WRONG: list[tuple[Callable[[Outcome], object], str]] = [
    (lambda outcome: None, "execute gave NoneType, it must give an Outcome"),
    (lambda outcome: replace(outcome, seconds={}), "its seconds say no stepping"),
    (lambda outcome: replace(outcome, call=replace(CALL, object="table_a")), "gave the outcome of"),
    (after(relations=None), "relations must be a RelationState"),
    (after(cloud=None), "the cloud must be a SegmentedCloud"),
    (emptied, r"after: relations must follow from scene and contacts as in core\.relations\.ground_truth"),
    (unseen, "table_a has no points and a visibility above 0"),
    (renamed, "the scene has a_table_a, .* what was asked for is table_a"),
    (tilted, "poses must hold unit quaternions"),
    (failing, r"raised RuntimeError: licence expired \(test_watched.py, line \d+\)"),
    (lambda outcome: replace(outcome.after.scene, poses=np.full((3, 7), np.nan)), "raised ValueError: poses must be finite"),
]


@pytest.mark.parametrize(("spoil", "said"), WRONG)
def test_what_one_gives_is_looked_at(start: Scene, spoil: Callable[[Outcome], object], said: str) -> None:
    with pytest.raises(PartError, match=f"simulator 'Own' of test.*{said}"):
        f2p.simulate(start, CALL, simulator=Own(spoil))
    with pytest.raises(PartError, match=said):
        list(watched(Own(spoil), "Own").execute_all([Job(start, CALL)]))


def test_a_scene_at_rest_is_looked_at(start: Scene) -> None:
    with pytest.raises(PartError, match="simulator 'mine' of test, settle: table_a has no points"):
        watched(Own(unseen), "mine").settle(start, Camera())


def test_what_is_right_passes_and_refusals_do(start: Scene) -> None:
    part = Own()
    mine = watched(part, "mine")
    assert isinstance(mine, WatchedSimulator) and watched(mine, "again") is mine
    plain, alike = MujocoSimulator().execute(Job(start, CALL)), mine.execute(Job(start, CALL))
    np.testing.assert_array_equal(plain.after.scene.poses, alike.after.scene.poses)
    for refuse in (lambda job: mine.execute(job), lambda job: list(mine.execute_all([job]))):
        with pytest.raises(ValueError, match="nobody") as told:
            refuse(Job(start, replace(CALL, object="nobody")))
        assert not isinstance(told.value, PartError)
    some: Iterator[Outcome] = mine.execute_all(cycle([Job(start, CALL)]))
    assert next(some).call == CALL
    some.close()  # type: ignore[attr-defined]
    mine.close()
    assert part.closed and mine.device == part.device


def test_those_of_this_package_are_used_as_they_are() -> None:
    own = MujocoSimulator()
    assert watched(own, "mujoco") is own
    assert not isinstance(SimulatorEntry("x", "", lambda options: own).made(None), WatchedSimulator)


def test_one_that_cannot_be_made_is_told() -> None:
    def make(options: object) -> Simulator:
        raise OSError("no licence")

    with pytest.raises(PartError, match="simulator 'x' of test raised OSError: no licence"):
        SimulatorEntry("x", "", make).made(None)


SOURCE = """
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.registry import SimulatorEntry

class Spoilt(MujocoSimulator):
    def execute_all(self, jobs):
        for outcome in super().execute_all(jobs):
            outcome.seconds.clear()
            yield outcome

ENTRY = SimulatorEntry("spoilt", "says no seconds", lambda options: Spoilt())
"""


def test_one_in_other_processes_is_told_by_the_same_line(start: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install_plugin(tmp_path, SOURCE, {"fail2progress.simulators": {"spoilt": "ENTRY"}}, "spoilt_simulator")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", ""))))
    fresh = Registry[SimulatorEntry]("simulator", "fail2progress.simulators", lazy=dict(registry.SIMULATORS.lazy))
    monkeypatch.setattr(registry, "SIMULATORS", fresh)
    jobs = [Job(start, CALL, disturbances=Disturbances(), seed=k) for k in range(2)]
    said = "simulator 'spoilt' of spoilt_simulator, execute: its seconds say no stepping"
    with ParallelSimulator(2, "spoilt") as several, pytest.raises(SimulatorError, match=said):
        list(several.execute_all(jobs))
