"""What a harness asks the models: every item by its whole content, in whichever slice it stands."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.benchmarks.build import Carried, Rejected, carry_out
from fail2progress.benchmarks.config import Rules
from fail2progress.benchmarks.harness import Harness
from fail2progress.benchmarks.items import BenchmarkItem, read_file
from fail2progress.benchmarks.manifest import SCOUT
from fail2progress.benchmarks.panel import Panel
from fail2progress.benchmarks.session import Pool, Session
from fail2progress.benchmarks.store import ExecutionStore

RULES = Rules(primary="induced", generators=(), controls=("static",), k=2, budget=6, n_seeds=1, n_boot=20)


def seen_from_elsewhere(item: BenchmarkItem) -> BenchmarkItem:
    """The same scene and call, and with them the same id, from another camera and with another seed."""
    job = item.item.job
    eye = (job.camera.eye[0] + 0.15, job.camera.eye[1] - 0.25, job.camera.eye[2] + 0.1)
    moved = replace(job, camera=replace(job.camera, eye=eye), seed=job.seed + 1)
    return replace(item, item=replace(item.item, job=moved))


@pytest.fixture(scope="module")
def other(pool: list[Carried], store: ExecutionStore) -> list[Carried]:
    """Items of the pool under another camera."""
    return carry_out([seen_from_elsewhere(each.item) for each in pool[:12]], store, Rejected())


def points(items: Sequence[Carried]) -> list[bytes]:
    return [each.execution.points.tobytes() for each in items]


def test_answers_for_one_camera_are_not_given_for_another(
    pool: list[Carried], other: list[Carried], panel: Panel, store: ExecutionStore
) -> None:
    ids = {each.id for each in other}
    same = [each for each in pool if each.id in ids]
    assert [each.id for each in same] == [each.id for each in other] and not set(points(same)) & set(points(other))
    harness = Harness(RULES, panel, store, {"static": same, "induced": other})
    first, second = harness.answered(same), harness.answered(other)
    for mine, expected in zip([*first, *second], panel.respond([each.execution for each in [*same, *other]]), strict=True):
        assert np.array_equal(mine.correct, expected.correct) and np.allclose(mine.graded, expected.graded, atol=1e-4)
    assert any(not np.allclose(one.graded, two.graded, atol=1e-3) for one, two in zip(first, second, strict=True))
    scouted = harness.scouted(same), harness.scouted(other)
    assert any(not np.allclose(a.graded, b.graded, atol=1e-3) for a, b in zip(*scouted, strict=True))
    assert np.allclose(scouted[1][0].graded[panel.of(SCOUT)[0]], second[0].graded[panel.of(SCOUT)[0]], atol=1e-4)


def test_executions_of_one_id_and_two_cameras_are_kept_apart(pool: list[Carried], store: ExecutionStore) -> None:
    item = pool[0].item
    one, two = store.run([item, seen_from_elsewhere(item)])
    assert one is not None and two is not None and one.points.tobytes() != two.points.tobytes()
    assert one.points.tobytes() == pool[0].execution.points.tobytes()


def test_slices_that_share_scenes_under_other_cameras_are_told(
    pool: list[Carried], other: list[Carried], panel: Panel, store: ExecutionStore, pool_file: Path, tmp_path: Path
) -> None:
    said, file = list[str](), read_file(pool_file)
    pools = {"static": Pool.of(file, pool), "induced": Pool.of(file, other)}
    Session(RULES, panel, store, pools, Pool.of(file, pool[:4]), tell=said.append).run(tmp_path / "run")
    notes = [each for each in said if each.startswith("note: ")]
    assert len(notes) == 2 and notes[0].startswith(f"note: {len(other)} items of static and induced have the same scene and call")
    assert " items of induced and reference have the same scene" in notes[1]
