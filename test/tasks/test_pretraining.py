from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.relations import binary_relations
from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Job, Outcome
from fail2progress.skills.feasibility import infeasible
from fail2progress.skills.placement import release_height
from fail2progress.tasks.pretraining import job

COUNT = 700
BINARY_INSIDE = 8


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    return [job(11, number) for number in range(COUNT)]


def loads(scene: Scene, name: str) -> list[str]:
    """Movable objects whose middle is over an object and higher than its foot: what it would carry."""
    box, row = scene.bounds(), scene.index(name)
    middle = box.mean(axis=1)
    over = ((middle[:, :2] > box[row, 0, :2]) & (middle[:, :2] < box[row, 1, :2])).all(axis=1) & (middle[:, 2] > box[row, 0, 2])
    return [o.name for i, o in enumerate(scene.objects) if over[i] and i != row and o.movable and box[i, 0, 2] > box[row, 0, 2]]


def overlapping(one: Array, others: Array, slack: float = 0.002) -> Array:
    return np.asarray(((one[0] + slack < others[:, 1]) & (one[1] - slack > others[:, 0])).all(axis=1))


def test_nothing_that_is_moved_is_loaded(jobs: list[Job]) -> None:
    carried = [j for j in jobs if j.call.skill in ("pick_place", "push")]
    assert len(carried) > 0.8 * COUNT
    for j in carried:
        assert loads(j.scene, j.call.object) == []
        inside = binary_relations(j.scene.bounds(), np.zeros((len(j.scene),) * 2, bool))[..., BINARY_INSIDE]
        assert not inside[:, j.scene.index(j.call.object)].any()


def test_but_there_are_loaded_containers_to_be_seen(jobs: list[Job]) -> None:
    loaded = [any(loads(j.scene, o.name) for o in j.scene.objects if o.kind.container and o.movable) for j in jobs]
    assert np.mean(loaded) > 0.2


def test_nothing_stands_in_the_way_of_a_push(jobs: list[Job]) -> None:
    pushes = [j for j in jobs if j.call.skill == "push"]
    assert len(pushes) > 10
    for j in pushes:
        row = j.scene.index(j.call.object)
        direction, distance = j.call.parameters
        box, others = j.scene.bounds()[row], np.delete(j.scene.bounds(), row, axis=0)
        box = box + np.array([[0.0, 0.0, 0.003], [0.0, 0.0, 0.0]])  # not what it stands on
        for way in np.linspace(0.0, distance, 12):
            moved = box + way * np.array([np.cos(direction), np.sin(direction), 0.0])
            assert not overlapping(moved, others).any()


def test_pushes_displace_one_object_only(outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        if outcome.call.skill == "push":
            far = np.linalg.norm(outcome.displacements, axis=1) > 0.02
            far[outcome.before.scene.index(outcome.call.object)] = False
            assert not far.any()


def test_contents_never_travel_with_a_container(outcomes: tuple[Outcome, ...]) -> None:
    carried = 0
    for outcome in outcomes:
        scene, name = outcome.before.scene, outcome.call.object
        if outcome.call.skill != "pick_place" or not scene.objects[scene.index(name)].kind.container:
            continue
        carried += 1
        shift = outcome.displacements
        along = np.linalg.norm(shift - shift[scene.index(name)], axis=1) < 0.05
        along &= np.linalg.norm(shift, axis=1) > 0.05
        along[scene.index(name)] = False
        assert not along.any()
        assert all(outcome.before.relations.value("inside", other, name) == 0 for other in scene.names)
    assert carried > 10


def test_skills_have_their_shares(jobs: list[Job]) -> None:
    found = Counter(j.call.skill for j in jobs)
    assert set(found) == {"pick_place", "push", "open_drawer", "close_drawer"}
    assert found["pick_place"] / COUNT == pytest.approx(0.88, abs=0.06)
    assert found["push"] / COUNT == pytest.approx(0.06, abs=0.04)  # of 12 % drawn, many have something in the way


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), number=st.integers(0, 100_000))
def test_the_same_number_gives_the_same_job(seed: int, number: int) -> None:
    one, other = job(seed, number), job(seed, number)
    assert one.call == other.call and one.camera == other.camera and one.seed == other.seed
    assert one.scene.objects == other.scene.objects and np.array_equal(one.scene.poses, other.scene.poses)
    assert infeasible(one.scene, one.call) is None


def test_numbers_and_seeds_give_jobs_of_their_own(jobs: list[Job]) -> None:
    assert len({str(j.call) for j in jobs}) == COUNT
    assert str(job(12, 0).call) != str(jobs[0].call)


def test_scenes_have_tables_containers_and_room(jobs: list[Job]) -> None:
    for j in jobs[:200]:
        kinds = Counter(o.category for o in j.scene.objects)
        assert kinds["table"] == 2 and kinds["cup"] + kinds["open_box"] >= 1
        half = j.scene.sizes / 2
        half[:, :2] = half[:, :2].min(axis=1, keepdims=True)  # what a turned box fills at least
        box = np.stack([j.scene.poses[:, :3] - half, j.scene.poses[:, :3] + half], axis=1)
        movable = [i for i, o in enumerate(j.scene.objects) if o.movable and not o.kind.container]
        for row in movable:  # solid things are in nothing solid
            solid = [i for i in movable if i != row]
            assert not overlapping(box[row], box[solid]).any()


def test_scenes_are_at_rest(outcomes: tuple[Outcome, ...]) -> None:
    assert np.mean([outcome.stable for outcome in outcomes]) > 0.97


def test_near_misses_are_in_it(outcomes: tuple[Outcome, ...]) -> None:
    aimed = [o for o in outcomes if o.call.target is not None and _container(o, o.call.target)]
    into = [o.after.relations.value("inside", o.call.object, o.call.target or "") for o in aimed]
    assert len(aimed) > 30 and 0.2 < np.mean(into) < 0.95


def _container(outcome: Outcome, name: str) -> bool:
    scene = outcome.before.scene
    return scene.objects[scene.index(name)].kind.container


def test_the_release_height_is_that_of_what_lies_below(jobs: list[Job]) -> None:
    scene = next(j.scene for j in jobs if any(o.category == "cup" for o in j.scene.objects))
    box = scene.bounds()
    cup = next(i for i, o in enumerate(scene.objects) if o.category == "cup")
    row = next(i for i, o in enumerate(scene.objects) if o.name.startswith("small"))
    empty = Scene(scene.objects[:2], scene.poses[:2])
    for table in range(2):
        assert release_height(empty, 1 - table, scene.poses[table, :2]) == pytest.approx(box[table, 1, 2])
    assert release_height(scene, row, scene.poses[cup, :2]) >= box[cup, 1, 2] - 1e-9
    assert release_height(scene, row, np.array([9.0, 9.0])) <= box[:2, 1, 2].min()
