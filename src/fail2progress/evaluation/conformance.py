"""Whether a simulator does what every simulator must: the same jobs as the reference, with tolerances, and good manners.

Jobs come from the pre-training distribution, so many of every skill that is in it. Where the reference's own outcome changes when
everything starts half a millimetre away, no other simulator can be judged by it: such jobs are left out.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, Mask, RelationState
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, Outcome, Simulator
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.samplers import data_sampler
from fail2progress.tasks.pretraining import job

JOBS = 200
SEED = 20_000
MOVED = 0.005
"""Metres beyond which an object counts as moved."""
NEAR = 0.010
"""Metres within which an end place is the same."""
LOOKS = 4
"""How often more the reference looks at each start."""
WELL = 0.3
"""Share of an object's outline above which it is seen well."""
_BOX = 0.02
"""Metres within which the sides of boxes around points are the same."""
_JITTER = 0.0005
_SHARES = {"movable": 0.2, "drawer": 0.1}
"""Of the jobs, for each skill by what it acts on; the first skill of the vocabulary gets the rest."""

_PATIENCE = 5000
"""Jobs in a row of which none is to be judged by, before no more are drawn."""

Report = Callable[[str, float], None]


class NoJobsError(ValueError):
    """No jobs to judge a simulator by, or none of some skill."""


@dataclass(frozen=True)
class Finding:
    """One measure with its bar; `at_most` where less is better."""

    name: str
    value: float
    bar: float
    at_most: bool = False

    @property
    def passed(self) -> bool:
        """Whether the bar is reached; not a number never does."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True)
class Case:
    """A job and what the reference says to it."""

    job: Job
    expected: Outcome
    looks: tuple[SegmentedCloud, ...] = ()
    """What the reference sees before the skill with rays that are drawn otherwise."""


@dataclass(frozen=True)
class Verdict:
    """What was found, over how many jobs."""

    jobs: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether every bar is reached."""
        return all(finding.passed for finding in self.findings)

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        values = {finding.name: finding.value for finding in self.findings}
        return {"jobs": self.jobs, **values, "passed": self.passed, "findings": [f.to_dict() for f in self.findings]}


def cases(reference: Simulator, count: int = JOBS, skills: Sequence[str] | None = None, seed: int = SEED) -> Iterator[Case]:
    """Jobs of every skill, or of some, with the reference's outcomes, as many as asked for; the same for the same seed.

    Skills that pre-training does not draw have none. NoJobsError where one that it draws is not come by.
    """
    wanted, last = _wanted(count, skills), 0
    for number in itertools.count():
        if not +wanted:
            return
        if number - last > _PATIENCE:
            raise NoJobsError(f"none of the last {_PATIENCE} jobs of pre-training was one to judge by for: {', '.join(+wanted)}")
        work = job(seed, number)
        if wanted[work.call.skill] <= 0:
            continue
        shifted = replace(work, scene=work.scene.with_poses(_shaken(work.scene.poses, number)))
        expected, other = reference.execute(work), reference.execute(shifted)
        if expected.stable and not _differs(expected, other) and (_distances(expected, other) < NEAR / 2).all():
            wanted[work.call.skill] -= 1
            last = number
            yield Case(work, expected, tuple(_looks(reference, work, expected.before.scene)))


def _looks(reference: Simulator, work: Job, start: Scene) -> Iterator[SegmentedCloud]:
    for k in range(1, LOOKS + 1):
        yield reference.settle(start, work.camera, work.seed + k).cloud


def _wanted(count: int, skills: Sequence[str] | None) -> Counter[str]:
    """How many jobs of each skill that pre-training draws."""
    first, *others = [name for name, one in SKILLS.items() if data_sampler(one).share > 0]
    chosen = [name for name in others if skills is None or name in skills]
    wanted = Counter({name: max(1, round(_SHARES[SKILLS[name].acts_on] * count)) for name in chosen})
    if skills is None or first in skills:
        wanted[first] = max(0, count - wanted.total())
    return wanted


def _shaken(poses: Array, number: int) -> Array:
    """Everything shifted sideways by half a millimetre in one direction: nothing overlaps that did not before."""
    angle = 2.4 * number
    shaken = poses.copy()
    shaken[:, :2] += _JITTER * np.array([np.cos(angle), np.sin(angle)])
    shaken[:, :2] += np.random.default_rng(number).normal(0.0, _JITTER / 3, shaken[:, :2].shape)
    return shaken


def check(simulator: Simulator, work: Sequence[Case], report: Report = lambda stage, share: None) -> Verdict:
    """Run every check. NoJobsError where there are no jobs."""
    if not work:
        raise NoJobsError("a simulator cannot be checked without jobs: pre-training draws none of its skills")
    outcomes: list[Outcome] = []
    for outcome in simulator.execute_all([case.job for case in work]):
        outcomes.append(outcome)
        report("jobs", len(outcomes) / len(work))
    report("manners", 0.0)
    found = (
        *_agreement(work, outcomes),
        *_determinism(simulator, work[: min(8, len(work))], outcomes),
        _refusals(simulator, work),
        _cancellation(simulator, work),
    )
    return Verdict(len(outcomes), found)


def _agreement(work: Sequence[Case], outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """An outcome of another job than the one whose turn it was counts as wrong in everything."""
    pairs = [(case.expected, outcome) for case, outcome in zip(work, outcomes, strict=False)]
    own = [(one, other) for one, other in pairs if (one.call, one.after.scene.names) == (other.call, other.after.scene.names)]

    def share(right: Callable[[Outcome, Outcome], bool]) -> float:
        return sum(right(one, other) for one, other in own) / len(work)

    yield Finding("in_order", share(lambda one, other: True), 1.0)
    yield Finding("same_relations", share(lambda one, other: not _differs(one, other)), 0.97)
    places = np.concatenate([np.empty(0), *(_distances(one, other)[_moved(one) | _moved(other)] for one, other in own)])
    yield Finding("within_10_mm", float((places < NEAR).mean()) if len(places) else float(bool(own)), 0.95)
    yield Finding("stable", share(lambda one, other: other.stable), 0.97)
    alike = [_seen_alike(case, outcome) for case, outcome in zip(work, outcomes, strict=False)]
    yield Finding("seen_alike", sum(alike) / len(work), 0.95)


def _determinism(simulator: Simulator, work: Sequence[Case], first: Sequence[Outcome]) -> Iterator[Finding]:
    again = list(simulator.execute_all([case.job for case in work]))
    off = [_apart(one, other) for one, other in zip(first, again, strict=False)]
    same = [
        np.array_equal(a.after.cloud.points, b.after.cloud.points, equal_nan=True) for a, b in zip(first, again, strict=False)
    ]
    yield Finding("same_seed_differs_m", max(off), 1e-6, at_most=True)
    yield Finding("same_seed_same_cloud", float(np.mean(same)), 1.0)
    other = simulator.execute(replace(work[0].job, seed=work[0].job.seed + 1))
    changed = not np.array_equal(other.after.cloud.points, first[0].after.cloud.points, equal_nan=True)
    yield Finding("another_seed_another_cloud", float(changed), 1.0)


def _refusals(simulator: Simulator, work: Sequence[Case]) -> Finding:
    """Jobs that cannot be done end in a ValueError that names the object; what comes after them is done."""
    scene = work[0].job.scene
    fixed = next(spec.name for spec in scene.objects if not spec.movable)
    no_drawer = next(spec.name for spec in scene.objects if not spec.is_drawer)
    impossible = (
        SkillCall("pick_place", "nobody", (0.1, 0.0, 0.0, 0.0)),
        SkillCall("pick_place", fixed, (0.1, 0.0, 0.0, 0.0)),
        SkillCall("open_drawer", no_drawer, (0.0, 0.1)),
    )
    refused = [_refuses(simulator, replace(work[0].job, call=call)) for call in impossible]
    simulator.execute(work[0].job)
    return Finding("impossible_jobs_refused", float(np.mean(refused)), 1.0)


def _refuses(simulator: Simulator, impossible: Job) -> bool:
    try:
        simulator.execute(impossible)
    except ValueError as error:
        return impossible.call.object in str(error)
    return False


def _cancellation(simulator: Simulator, work: Sequence[Case]) -> Finding:
    """Closing the iterator stops: jobs are taken from an endless supply, and the simulator is used again afterwards."""
    supply = itertools.cycle([case.job for case in work[:4]])
    outcomes = iter(simulator.execute_all(supply))
    first = next(outcomes)
    close = getattr(outcomes, "close", None)
    if close is not None:
        close()
    again = simulator.execute(work[0].job)
    return Finding("goes_on_after_being_stopped", float(_apart(first, again) < 1e-6), 1.0)


def _apart(one: Outcome, other: Outcome) -> float:
    """The largest difference between two outcomes' poses; infinite where they are of unlike scenes."""
    if one.after.scene.names != other.after.scene.names:
        return float("inf")
    return float(np.abs(one.after.scene.poses - other.after.scene.poses).max())


def supports(relations: RelationState) -> Mask:
    """(N, N) i is kept by j: inside it, or above it and in contact."""
    binary = np.asarray(relations.binary, float) > 0.5
    inside, above, contact = (binary[..., BINARY.index(name)] for name in ("inside", "above", "contact"))
    return np.asarray(inside | (above & contact))


def _differs(one: Outcome, other: Outcome) -> bool:
    unlike = (supports(one.after.relations) != supports(other.after.relations)).any()
    return bool(unlike or (np.asarray(one.after.relations.unary) != np.asarray(other.after.relations.unary)).any())


def _distances(one: Outcome, other: Outcome) -> Array:
    """(N,) between the end places of two outcomes, in metres."""
    return np.asarray(np.linalg.norm(one.after.scene.poses[:, :3] - other.after.scene.poses[:, :3], axis=1))


def _moved(outcome: Outcome) -> Mask:
    return np.asarray(np.linalg.norm(outcome.displacements, axis=1) > MOVED)


def _seen_alike(case: Case, outcome: Outcome) -> bool:
    """What the reference sees well before the skill is seen here too, within 2 cm of a box that it sees around it.

    The boxes are those around points by chance: where they differ from one drawing of rays to another, each of them is right.
    """
    clouds, seen = (case.expected.before.cloud, *case.looks), outcome.before.cloud
    if seen.names != clouds[0].names:
        return False
    well = np.all([cloud.visibility > WELL for cloud in clouds], axis=0)
    if not seen.seen[well].all():
        return False
    boxes, own = np.stack([cloud.bounds()[well] for cloud in clouds]), seen.bounds()[well]
    return bool(((own > boxes.min(axis=0) - _BOX) & (own < boxes.max(axis=0) + _BOX)).all())


def bench(simulator: Simulator, work: Iterable[Job]) -> dict[str, object]:
    """Executions a second, and the share of the time inside stepping and ray casting, after one job to warm up.

    processor_s: of this process, without what workers of its own spend.
    """
    jobs = list(work)
    simulator.execute(jobs[0])
    start, busy = time.perf_counter(), time.process_time()
    seconds = [outcome.seconds for outcome in simulator.execute_all(jobs)]
    total, busy = time.perf_counter() - start, time.process_time() - busy
    inside = sum(s.get("stepping", 0.0) + s.get("rays", 0.0) for s in seconds)
    return {
        "jobs": len(jobs),
        "seconds": total,
        "executions_per_s": len(jobs) / total,
        "processor_s": busy,
        "stepping_and_rays_s": inside,
        "share_in_physics": inside / total,
    }
