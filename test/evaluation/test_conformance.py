from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.evaluation import conformance
from fail2progress.evaluation.conformance import Case, NoJobsError, Verdict
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.parallel import serving
from fail2progress.simulation.registry import make
from fail2progress.simulation.worker.client import WorkerSimulator
from fail2progress.simulation.worker.options import WorkerOptions
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import SKILLS
from support.press_pull import sampling
from support.press_pull.definition import SKILL


@pytest.fixture(scope="module")
def work() -> list[Case]:
    return list(conformance.cases(MujocoSimulator(), 40))


def value(verdict: Verdict, name: str) -> float:
    return next(found.value for found in verdict.findings if found.name == name)


def below(verdict: Verdict) -> set[str]:
    return {found.name for found in verdict.findings if not found.passed}


def test_the_jobs_are_of_all_skills_and_shapes(work: list[Case]) -> None:
    skills = [case.job.call.skill for case in work]
    assert {name: skills.count(name) for name in set(skills)} == {
        "pick_place": 24,
        "push": 8,
        "open_drawer": 4,
        "close_drawer": 4,
    }
    shapes = {spec.kind.shape.value for case in work for spec in case.job.scene.objects}
    assert shapes >= {"table", "cuboid", "cylinder", "open_box", "drawer", "shelf"}


def test_the_jobs_are_the_same_each_time(work: list[Case]) -> None:
    again = list(conformance.cases(MujocoSimulator(), 10, ("push",)))
    assert [case.job.call.skill for case in again] == ["push"] * 2
    pushes = [case.job for case in work if case.job.call.skill == "push"]
    assert [case.job.call for case in again] == [job.call for job in pushes[:2]]


def test_there_are_no_jobs_of_a_skill_that_pre_training_does_not_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "NEVER", replace(sampling.DATA, share=0.0), raising=False)
    with SKILLS.including(replace(SKILL, data="support.press_pull.sampling:NEVER")):
        assert [case.job.call.skill for case in conformance.cases(MujocoSimulator(), 2, ("push", "press_pull"))] == ["push"]
        assert list(conformance.cases(MujocoSimulator(), 2, ("press_pull",))) == []


def test_a_skill_that_no_job_is_come_by_of_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "_PATIENCE", 10)
    execute = MujocoSimulator.execute
    monkeypatch.setattr(MujocoSimulator, "execute", lambda self, job: replace(execute(self, job), stable=False))
    with pytest.raises(NoJobsError, match=r"none of the last 10 jobs .* for: push"):
        list(conformance.cases(MujocoSimulator(), 2, ("push",)))


def test_the_reference_conforms_to_itself(work: list[Case]) -> None:
    verdict = conformance.check(MujocoSimulator(), work)
    assert below(verdict) == set() and verdict.passed and verdict.jobs == 40
    assert (value(verdict, "same_relations"), value(verdict, "within_10_mm")) == (1.0, 1.0)


def test_the_reference_behind_a_wire_conforms(work: list[Case]) -> None:
    with WorkerSimulator(WorkerOptions(command=serving("mujoco"), workers=2)) as simulator:
        assert below(conformance.check(simulator, work)) == set()


class Sloppy(MujocoSimulator):
    """Does it 12 mm off, differently each time, takes whatever it is asked for, and mixes up the order."""

    calls = 0

    def execute(self, job: Job) -> Outcome:
        self.calls += 1
        scene = job.scene
        call = job.call if job.call.object in scene.names and scene.objects[scene.index(job.call.object)].movable else None
        outcome = super().execute(job if call else replace(job, call=any_push(job)))
        poses = outcome.after.scene.poses.copy()
        poses[scene.index(outcome.call.object), 0] += 0.012 + 1e-5 * self.calls
        return replace(outcome, after=replace(outcome.after, scene=scene.with_poses(poses, outcome.after.scene.openings)))

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        jobs = iter(jobs)
        for one in jobs:
            other = next(jobs, None)
            if other is not None:
                yield self.execute(other)
            yield self.execute(one)


def any_push(job: Job) -> SkillCall:
    return SkillCall("push", next(spec.name for spec in job.scene.objects if spec.movable), (0.0, 0.01))


def test_what_does_not_conform_is_found(work: list[Case]) -> None:
    movers = [case for case in work if case.job.call.skill in ("pick_place", "push")]
    verdict = conformance.check(Sloppy(), movers)
    assert value(verdict, "in_order") < 0.1
    wanted = {"in_order", "within_10_mm", "same_seed_differs_m", "impossible_jobs_refused", "goes_on_after_being_stopped"}
    assert below(verdict) >= wanted and not verdict.passed


def test_a_simulator_without_dynamics_does_not_agree(work: list[Case], kinematic: str) -> None:
    movers = [case for case in work if case.job.call.skill == "push"]
    with make(kinematic) as simulator:
        verdict = conformance.check(simulator, movers)
    assert {"within_10_mm"} <= below(verdict)
    assert value(verdict, "in_order") == 1.0 and value(verdict, "same_seed_differs_m") == 0.0


class Elsewhere(MujocoSimulator):
    """Draws its rays otherwise, and sees everything some metres aside."""

    def __init__(self, aside: float) -> None:
        super().__init__()
        self.aside = aside

    def execute_all(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for outcome in super().execute_all(replace(one, seed=one.seed + 991) for one in jobs):
            cloud = outcome.before.cloud
            moved = cloud.shifted(np.tile([self.aside, 0.0, 0.0], (len(cloud), 1)))
            yield replace(outcome, before=replace(outcome.before, cloud=moved))


def test_other_rays_are_seen_alike_and_things_that_are_two_centimetres_aside_are_not(work: list[Case]) -> None:
    alike = {aside: value(conformance.check(Elsewhere(aside), work), "seen_alike") for aside in (0.0, 0.022)}
    assert alike[0.0] >= 0.9 and alike[0.022] < 0.1


def test_the_bench_counts_executions(work: list[Case]) -> None:
    found = conformance.bench(MujocoSimulator(), [case.job for case in work[:6]])
    assert found["jobs"] == 6 and np.isfinite(found["executions_per_s"]) and 0.1 < float(str(found["share_in_physics"])) <= 1.0
