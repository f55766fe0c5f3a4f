from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.scene import Scene
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.parallel import ParallelSimulator
from fail2progress.skills.base import SkillCall
from support.shadows import shadowed

Build = Callable[..., Scene]
CUBE = (0.04, 0.04, 0.04)


def jobs(on_table: Build) -> list[Job]:
    scene = on_table(("it", "cuboid", CUBE, 0.6, 0.0, 0.0, 0.0), ("cup", "cup", (0.08, 0.08, 0.07), 0.6, 0.3, 0.0, 0.0))
    calls = [SkillCall("pick_place", "it", (0.0, -0.02 * i - 0.1, 0.012, 0.0)) for i in range(4)]
    calls += [SkillCall("push", "cup", (0.3 * i, 0.1)) for i in range(3)]
    return [Job(scene, call, seed=i, disturbances=Disturbances(grasp_slip=0.5)) for i, call in enumerate(calls)]


def test_outcomes_are_those_of_one_process_in_the_order_of_the_jobs(on_table: Build, simulator: MujocoSimulator) -> None:
    work = jobs(on_table)
    with ParallelSimulator(2) as parallel:
        assert parallel.processes == 2
        together = list(parallel.execute_all(work))
        again = list(parallel.execute_all(iter(work[:2])))
    alone = list(simulator.execute_all(work))
    assert [outcome.call for outcome in together] == [job.call for job in work]
    for one, other in zip(alone + alone[:2], together + again, strict=True):
        assert np.array_equal(one.after.scene.poses, other.after.scene.poses)
        assert np.array_equal(one.after.cloud.points, other.after.cloud.points, equal_nan=True)
        assert np.array_equal(one.after.relations.binary, other.after.relations.binary)


def test_one_process_needs_no_workers(on_table: Build, simulator: MujocoSimulator) -> None:
    job = jobs(on_table)[0]
    with ParallelSimulator(1) as parallel:
        (outcome,) = parallel.execute_all([job])
        seen = parallel.settle(job.scene, Camera())
    assert np.array_equal(outcome.after.scene.poses, simulator.execute(job).after.scene.poses)
    assert np.array_equal(seen.cloud.points, simulator.settle(job.scene, Camera()).cloud.points)


def test_workers_start_where_a_lab_has_files_called_as_modules_are(
    on_table: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shadowed(tmp_path / "lab"))
    with ParallelSimulator(2) as parallel:
        assert len(list(parallel.execute_all(jobs(on_table)[:2]))) == 2
