import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.simulation.base import Disturbances, Job, Outcome, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.wire.frames import ProtocolError, encode, read_frame
from fail2progress.simulation.wire.records import (
    job_record,
    look_record,
    outcome_record,
    read_job,
    read_look,
    read_outcome,
    read_snapshot,
    snapshot_record,
)
from fail2progress.simulation.wire.serving import Record, join
from fail2progress.tasks.pretraining import job


@pytest.fixture(scope="module")
def done() -> tuple[Job, Outcome]:
    work = next(work for n in range(100) if (work := job(3, n)).scene.openings)
    return work, MujocoSimulator().execute(work)


def same(one: Snapshot, other: Snapshot) -> bool:
    return (
        one.scene.objects == other.scene.objects
        and one.scene.openings == other.scene.openings
        and np.array_equal(one.scene.poses, other.scene.poses)
        and np.array_equal(one.relations.binary, other.relations.binary)
        and np.array_equal(one.relations.unary, other.relations.unary)
        and np.array_equal(one.cloud.points, other.cloud.points, equal_nan=True)
        and np.array_equal(one.cloud.visibility, other.cloud.visibility)
    )


def through_bytes(record: Record) -> Record:
    frame = read_frame(io.BytesIO(encode(join([record]))))
    assert frame is not None
    return Record(frame.header["jobs"][0], {name.partition("/")[2]: array for name, array in frame.arrays.items()})


@pytest.mark.parametrize("number", range(40))
def test_jobs_come_back_as_they_were(number: int) -> None:
    wrong, adjusted = Disturbances(0.25, 0.5, (("grip", -0.1), ("reach", 0.02)), 0.5, 2.0, 0.1), {"grip": 0.5}
    work = replace(job(2, number), disturbances=wrong, seed=number, camera=Camera(noise=0.002), adjustments=adjusted)
    again = read_job(through_bytes(job_record(work)))
    assert (again.call, again.camera, again.seed, again.disturbances) == (work.call, work.camera, work.seed, work.disturbances)
    assert again.scene.objects == work.scene.objects and again.scene.openings == work.scene.openings
    assert again.adjustments == work.adjustments
    assert np.array_equal(again.scene.poses, work.scene.poses)


def test_outcomes_come_back_as_they_were(done: tuple[Job, Outcome]) -> None:
    work, outcome = done
    again = read_outcome(through_bytes(outcome_record(outcome)), work)
    assert same(again.before, outcome.before) and same(again.after, outcome.after)
    assert (again.call, again.stable, again.seconds) == (outcome.call, outcome.stable, outcome.seconds)


def test_scenes_and_snapshots_come_back_as_they_were(done: tuple[Job, Outcome]) -> None:
    work, outcome = done
    scene, camera, seed = read_look(through_bytes(look_record(work.scene, work.camera, 5)))
    assert scene.objects == work.scene.objects and (camera, seed) == (work.camera, 5)
    assert same(read_snapshot(through_bytes(snapshot_record(outcome.after)), scene, camera, 5), outcome.after)


def test_a_cloud_that_is_left_out_is_cast_from_the_poses(done: tuple[Job, Outcome]) -> None:
    work, outcome = done
    record = outcome_record(outcome)
    bare = {name: a for name, a in record.arrays.items() if not name.endswith(("points", "visibility"))}
    again = read_outcome(Record(record.header, bare), work)
    for own, cast in ((outcome.before.cloud, again.before.cloud), (outcome.after.cloud, again.after.cloud)):
        assert np.array_equal(own.seen, cast.seen)
        np.testing.assert_allclose(cast.visibility, own.visibility, atol=0.05)
        low, high = (np.abs(own.bounds() - cast.bounds())[own.seen].max(axis=(1, 2)), 0.03)
        assert (low < high).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"before/poses": np.zeros((2, 7))}, r"poses must be \(\d+, 7\) finite float64, got float64 \(2, 7\)"),
        ({"after/contact": np.zeros((1, 1), bool)}, r"contact must be a symmetric"),
        ({"after/contact": None}, r"contact must be a symmetric"),
        ({"after/points": np.zeros((1, 4, 3), np.float32)}, r"points must be"),
        ({"after/visibility": None}, r"points must be"),
        ({"before/poses": None}, r"poses must be .*got none"),
    ],
)
def test_outcomes_that_do_not_fit_are_refused(done: tuple[Job, Outcome], change: dict[str, np.ndarray | None], said: str) -> None:
    record = outcome_record(done[1])
    arrays = {name: array for name, array in {**record.arrays, **change}.items() if array is not None}
    with pytest.raises(ProtocolError, match=said):
        read_outcome(Record(record.header, arrays), done[0])


def test_lies_about_poses_contacts_and_openings_are_refused(done: tuple[Job, Outcome]) -> None:
    work, outcome = done
    record = outcome_record(outcome)
    poses, lop = record.arrays["after/poses"].copy(), record.arrays["after/contact"].copy()
    poses[0, 3:] = 0.3
    lop[0, 1] = ~lop[0, 1]
    with pytest.raises(ProtocolError, match=r"unit quaternions"):
        read_outcome(Record(record.header, {**record.arrays, "after/poses": poses}), work)
    with pytest.raises(ProtocolError, match=r"contact must be a symmetric"):
        read_outcome(Record(record.header, {**record.arrays, "after/contact": lop}), work)
    with pytest.raises(ProtocolError, match=r"openings of \[\] where the scene has \['drawer'\]"):
        read_outcome(Record({**record.header, "after": {"openings_m": {}}}, record.arrays), work)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"call": {"skill": "juggle", "object": "x", "parameters": []}}, r"call: unknown skill 'juggle'"),
        ({"objects": [{"name": "x", "category": "sofa", "size_m": [1, 1, 1]}]}, r"scene: .*'sofa'"),
        ({"objects": []}, r"poses must be \(0, 7\)"),
        ({"seed": -1}, r"seed: "),
        ({"camera": None}, r"camera: "),
    ],
)
def test_jobs_that_make_no_sense_are_refused(change: dict[str, object], said: str) -> None:
    record = job_record(job(2, 0))
    with pytest.raises(ProtocolError, match=said):
        read_job(Record({**record.header, **change}, record.arrays))


def test_the_guide_names_all_that_a_job_may_bring() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "simulators.md").read_text()
    (job_of_the_guide,) = (part for part in guide.split("\n\n") if "A **job** is" in part)
    header = job_record(job(2, 0)).header
    assert all(f"`{name}`" in job_of_the_guide for name in (*header["call"], *header["disturbances"], "adjustments"))
