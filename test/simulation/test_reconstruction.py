from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.core.scene import Array, Scene, pose
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.geometry import Geometry
from fail2progress.simulation.base import Job, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.simulation.reconstruction.fit import fit
from fail2progress.simulation.reconstruction.rebuild import noise_of, resting
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import task

TRIALS = [(objects, seed) for objects in (3, 5, 7) for seed in (0, 1, 2)]
CLEARLY = 0.3
"""Share of an object's outline that must show before anything is asked of its rebuilt size."""


def errors(snapshot: Snapshot, rebuilt: Scene) -> tuple[Array, Array]:
    """(N,) errors of sizes (largest extent) and of positions in metres, zero for what is hardly seen."""
    clear = snapshot.cloud.visibility > CLEARLY
    size = np.abs(rebuilt.sizes - snapshot.scene.sizes).max(axis=1)
    return size * clear, np.linalg.norm(rebuilt.poses[:, :3] - snapshot.scene.poses[:, :3], axis=1) * clear


@pytest.mark.parametrize(("objects", "seed"), TRIALS)
def test_task_scenes_are_rebuilt_in_size_and_place(simulator: MujocoSimulator, objects: int, seed: int) -> None:
    snapshot = simulator.settle(task("hierarchical-tabletop").trial(objects, seed).scene, Camera(), seed)
    rebuilt = rebuild(snapshot.cloud)
    assert rebuilt.left_out == () and rebuilt.scene.names == snapshot.scene.names
    size, position = errors(snapshot, rebuilt.scene)
    tables = np.array([spec.category == "table" for spec in snapshot.scene.objects])
    assert size[~tables].max() < 0.01 and position.max() < 0.015
    # 128 points over half a metre leave millimetres at each edge.
    assert size[tables].max() < 0.02


def filled(simulator: MujocoSimulator, objects: int, seed: int) -> Snapshot:
    """A trial's scene with every capsule put into its cup."""
    trial = task("hierarchical-tabletop").trial(objects, seed)
    snapshot = simulator.settle(trial.scene, Camera(), seed)
    placed: dict[str, int] = {}
    for atom in trial.stages[0].atoms:
        here, there = snapshot.scene.position(atom.subject), snapshot.scene.position(atom.other)
        aside = (-0.018, 0.018)[placed.get(atom.other, 0)] if objects > 3 else 0.0
        placed[atom.other] = placed.get(atom.other, 0) + 1
        shift = there - here + (aside, 0.0, 0.07)
        call = SkillCall("pick_place", atom.subject, (*map(float, shift), 0.0))
        snapshot = simulator.execute(Job(snapshot.scene, call, seed=seed)).after
    assert trial.stages[0].satisfied(snapshot.relations)
    return snapshot


@pytest.mark.parametrize(("objects", "seed"), [(3, 0), (5, 0), (7, 1)])
def test_contents_stay_inside(simulator: MujocoSimulator, objects: int, seed: int) -> None:
    snapshot = filled(simulator, objects, seed)
    for relations in (None, snapshot.relations):
        rebuilt = rebuild(snapshot.cloud, relations)
        assert set(rebuilt.left_out) == {n for n, seen in zip(snapshot.cloud.names, snapshot.cloud.seen, strict=True) if not seen}
        settled = simulator.settle(rebuilt.scene, Camera())
        for name in settled.scene.names:
            np.testing.assert_allclose(settled.scene.position(name), snapshot.scene.position(name), atol=0.03)
        kept = {atom for atom in snapshot.relations.holding() if atom[0] == "inside" and atom[1] not in rebuilt.left_out}
        assert kept == {atom for atom in settled.relations.holding() if atom[0] == "inside"}


@pytest.mark.parametrize("lower", [0.006, 0.012, 0.0, -0.015])
def test_what_is_remembered_in_a_container_rests_on_its_floor(simulator: MujocoSimulator, lower: float) -> None:
    """A skill is expected to put a thing where it cannot go: so far into the floor, of which only the upper side is seen; or
    where it was let go."""
    snapshot = filled(simulator, 3, 0)
    kept = next((a, b) for word, a, b in snapshot.relations.holding() if word == "inside")
    row, around = (snapshot.cloud.index(name) for name in kept)
    points, visibility = snapshot.cloud.points.copy(), snapshot.cloud.visibility.copy()
    whole = seen_before(simulator, snapshot, kept[0])
    points[row], visibility[row] = whole - np.array([0.0, 0.0, lower], np.float32), 0.0
    points[around, :, 2] = np.maximum(points[around, :, 2], whole[:, 2].min())  # nothing of its outer side low down is seen
    cloud = replace(snapshot.cloud, points=points, visibility=visibility)
    scene = rebuild(cloud, snapshot.relations).scene
    readings = Contact().readings(Case(scene, resting(cloud, snapshot.relations)))
    assert not [reading.evidence for reading in readings if reading.fails and reading.asset in kept]
    fits = Geometry().readings(Case(scene, resting(cloud, snapshot.relations)))
    assert not [reading.evidence for reading in fits if reading.fails and reading.asset == kept[0]]
    assert scene.position(kept[0])[2] == pytest.approx(snapshot.scene.position(kept[0])[2], abs=0.004)
    height = scene.sizes[scene.index(kept[0]), 2]
    assert height == pytest.approx(snapshot.scene.sizes[snapshot.scene.index(kept[0]), 2], abs=0.003)


@pytest.mark.parametrize("told", [True, False])
def test_what_is_remembered_in_a_cup_in_a_box_rests_on_the_floor_of_the_cup(told: bool) -> None:
    """Both lower than they can be, and whether or not it is told that what is in the cup is in the box."""
    names, points = ("pill", "cup", "box"), np.stack([block(0.03, 0.488), block(0.09, 0.492), block(0.2, 0.5)])
    inside = np.zeros((3, 3, len(BINARY)))
    inside[[0, 1, 0], [1, 2, 2], BINARY.index("inside")] = 1.0, 1.0, told
    cloud = SegmentedCloud(names, ("capsule", "cup", "open_box"), points, np.array([0, 0, 1], np.float32))
    scene = rebuild(cloud, RelationState(names, inside, np.zeros((3, len(UNARY))))).scene
    bottoms = scene.poses[:, 2] - scene.sizes[:, 2] / 2
    walls = [spec.kind.wall for spec in scene.objects]
    assert bottoms[1] == pytest.approx(bottoms[2] + walls[2]) and bottoms[0] == pytest.approx(bottoms[1] + walls[1])


def block(side: float, bottom: float) -> Array:
    """(125, 3) m: points of a cube with sides of so many metres that stands at a height."""
    places = np.linspace(-0.5, 0.5, 5)
    return np.stack(np.meshgrid(places, places, places + 0.5), axis=-1).reshape(-1, 3) * side + (0.6, 0.0, bottom)


def seen_before(simulator: MujocoSimulator, snapshot: Snapshot, name: str) -> Array:
    """(POINTS, 3) m: an object as it was seen where the trial began, moved to where it is."""
    start = simulator.settle(task("hierarchical-tabletop").trial(3, 0).scene, Camera(), 0)
    return start.cloud.points[start.cloud.index(name)] + np.float32(snapshot.scene.position(name) - start.scene.position(name))


def test_only_what_is_remembered_and_believed_inside_is_lifted(simulator: MujocoSimulator) -> None:
    snapshot = filled(simulator, 3, 0)
    assert resting(snapshot.cloud, None) is snapshot.cloud
    seen = replace(snapshot.cloud, visibility=np.maximum(snapshot.cloud.visibility, 0.1))
    assert resting(seen, snapshot.relations) is seen


def test_what_stands_on_a_table_stands_on_the_rebuilt_one(simulator: MujocoSimulator) -> None:
    snapshot = simulator.settle(task("hierarchical-tabletop").trial(3, 4).scene, Camera())
    rebuilt = rebuild(snapshot.cloud, snapshot.relations).scene
    bounds = rebuilt.bounds()
    np.testing.assert_allclose(bounds[2:, 0, 2], bounds[rebuilt.index("table_a"), 1, 2], atol=1e-6)
    np.testing.assert_allclose(simulator.settle(rebuilt, Camera()).scene.poses, rebuilt.poses, atol=2e-3)


@pytest.mark.parametrize("apart", [0.066, 0.10])
def test_what_stands_on_two_things_does_not_reach_down_between_them(simulator: MujocoSimulator, apart: float) -> None:
    table = ObjectSpec("table", "table", (0.5, 0.5, 0.04))
    blocks = [ObjectSpec(f"block_{i}", "cuboid", (0.06, 0.06, 0.05)) for i in (0, 1)]
    board = ObjectSpec("board", "cuboid", (0.06, apart + 0.02, 0.03))
    poses = [pose(0.6, 0.0, 0.48), pose(0.6, -apart / 2, 0.525), pose(0.6, apart / 2, 0.525), pose(0.6, 0.0, 0.565)]
    snapshot = simulator.settle(Scene((table, *blocks, board), np.array(poses), {}), Camera(), 0)
    rebuilt = rebuild(snapshot.cloud).scene
    assert rebuilt.bounds()[rebuilt.index("board"), 0, 2] == pytest.approx(0.55, abs=0.003)


@pytest.mark.parametrize("yaw", [0.0, 0.4])
def test_what_lies_across_a_container_does_not_reach_down_into_it(simulator: MujocoSimulator, yaw: float) -> None:
    table = ObjectSpec("table", "table", (0.5, 0.6, 0.04)), pose(0.6, 0.3, 0.48)
    box = ObjectSpec("box", "open_box", (0.14, 0.12, 0.06)), pose(0.6, 0.3, 0.53, yaw)
    bar = ObjectSpec("bar", "cuboid", (0.03, 0.16, 0.02)), pose(0.6, 0.3, 0.57, yaw)
    objects, poses = zip(table, box, bar, strict=True)
    snapshot = simulator.settle(Scene(objects, np.stack(poses)), Camera(), 0)
    rebuilt = rebuild(snapshot.cloud).scene
    here, there = snapshot.scene.bounds()[2], rebuilt.bounds()[rebuilt.index("bar")]
    assert np.abs(here - there).max() < 0.004


@pytest.mark.parametrize("sigma", [0.001, 0.003])
def test_noise_is_estimated_and_averaged_out(simulator: MujocoSimulator, sigma: float) -> None:
    scene = task("hierarchical-tabletop").trial(3, 0).scene
    snapshot = simulator.settle(scene, Camera(noise=sigma))
    assert sigma / 2 < noise_of(snapshot.cloud) < 2 * sigma
    size, position = errors(snapshot, rebuild(snapshot.cloud).scene)
    # The outermost of 128 noisy points stick out by 2.5 sigma on either side.
    assert size[2:].max() < 0.012 and position.max() < 0.01


def test_unseen_objects_are_left_out_and_named(simulator: MujocoSimulator) -> None:
    cloud = simulator.settle(task("hierarchical-tabletop").trial(3, 0).scene, Camera()).cloud
    points = cloud.points.copy()
    points[cloud.index("cup_2")] = np.nan
    rebuilt = rebuild(replace(cloud, points=points))
    assert rebuilt.left_out == ("cup_2",) and "cup_2" not in rebuilt.scene.names and len(rebuilt.scene) == len(cloud) - 1


def test_nothing_seen_is_an_error() -> None:
    unseen = SegmentedCloud(("a",), ("cup",), np.full((1, 8, 3), np.nan, np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match=r"no segment has points"):
        rebuild(unseen)


@pytest.mark.parametrize(
    ("kept", "off"),
    [("front", 0.012), ("top", 0.006)],
)
def test_what_shows_little_is_as_deep_and_high_as_wide(
    simulator: MujocoSimulator, on_table: Callable[..., Scene], kept: str, off: float
) -> None:
    """A strip of its front, all else hidden from above; or of its top, what is nearer hidden by what stands before it."""
    true = on_table(("block", "cuboid", (0.04, 0.042, 0.045), 0.6, 0.0, 0.0, 0.0))
    cloud = simulator.settle(true, Camera()).cloud
    row, rng = cloud.index("block"), np.random.default_rng(0)
    low, high = true.bounds()[row]
    strips = {"front": ([low[0], low[1], low[2] + 0.01], [low[0], high[1], low[2] + 0.02])}
    strips["top"] = ([high[0] - 0.012, low[1], high[2]], [high[0], high[1], high[2]])
    points, visibility = cloud.points.copy(), cloud.visibility.copy()
    points[row], visibility[row] = rng.uniform(*strips[kept], points[row].shape), 0.15
    rebuilt = rebuild(replace(cloud, points=points, visibility=visibility)).scene
    np.testing.assert_allclose(rebuilt.bounds()[rebuilt.index("block")], true.bounds()[row], atol=off)
    remembered = rebuild(replace(cloud, points=points, visibility=0.0 * visibility)).scene
    assert remembered.sizes[remembered.index("block")].min() < 0.025  # what is remembered is as it was seen


def test_a_patch_of_a_round_top_is_not_taken_for_a_wide_thing() -> None:
    """Of a capsule in a cup a strip of its top is seen; a circle twice as wide holds it as well."""
    along, across = np.meshgrid(np.linspace(-0.0075, 0.0075, 16), np.linspace(0.0, 0.010, 8))
    patch = np.stack([0.7 + along.ravel(), 0.57 + across.ravel(), np.full(along.size, 0.509)], axis=1)
    found = fit("capsule", patch, 0.483, 0.509)
    seen = float(np.hypot(0.015, 0.010))
    assert seen - 0.001 < found.length < 1.5 * seen


@pytest.mark.parametrize("share", [0.5, 0.35])
def test_an_arc_of_a_round_side_gives_its_diameter(share: float) -> None:
    angle = np.linspace(-np.pi * share, np.pi * share, 16)
    side = [(0.6 + 0.02 * np.cos(a), 0.1 + 0.02 * np.sin(a), z) for a in angle for z in np.linspace(0.50, 0.54, 8)]
    found = fit("capsule", np.array(side), 0.50, 0.54)
    assert found.length == pytest.approx(0.04, abs=0.0005)
    assert (found.x, found.y) == pytest.approx((0.6, 0.1), abs=0.0005)


@pytest.mark.parametrize("at", [(0.5, 0.35), (0.45, -0.3), (0.6, 0.0)])
@pytest.mark.parametrize("rim", [True, False])
def test_the_far_walls_of_a_hollow_thing_are_behind_the_faces_that_are_seen(at: tuple[float, float], rim: bool) -> None:
    """A cup of 90 by 84 mm, walls of 5 mm, taken for an open box; its rim, two pixels thick, may be missing in the segment."""
    rng, half, wall, high = np.random.default_rng(0), np.array([0.045, 0.042]), 0.005, 0.08
    away = np.array([1.0, np.sign(at[1])])
    places: list[Array] = []
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            face = rng.uniform(-1.0, 1.0, (30, 3)) * [*(half - wall), high / 2] + [0.0, 0.0, high / 2]
            if at[1] == 0.0 and axis == 1:
                continue  # seen along its faces: of neither anything is said
            outside = side != away[axis]
            face[:, axis] = side * (half[axis] if outside else half[axis] - wall)
            places.append(face if outside else face[face[:, 2] > 0.02])
    places.append(rng.uniform(-1.0, 1.0, (20, 3)) * [*(half - wall), 0.0] + [0.0, 0.0, wall])
    if rim:
        edge = rng.uniform(-1.0, 1.0, (24, 3)) * [*half, 0.0] + [0.0, 0.0, high]
        edge[:, 0] = np.where(rng.random(24) < 0.5, 1.0, -1.0) * rng.uniform(half[0] - wall, half[0], 24)
        edge[0, :2], edge[1, :2] = half, -half
        places.append(edge)
    points = np.concatenate(places) + np.array([*at, 0.0])
    found = fit("open_box", points, 0.0, high)
    if at[1] != 0.0 or rim:
        np.testing.assert_allclose((found.length, found.width), 2 * half, atol=0.0025)
        np.testing.assert_allclose((found.x, found.y), at, atol=0.0015)
    assert abs(found.length - 2 * half[0]) < 0.0025


def test_what_is_counted_to_a_table_by_mistake_does_not_raise_it(simulator: MujocoSimulator) -> None:
    """A segmenter takes the foot of a cup for the table that it stands on."""
    cloud = simulator.settle(task("hierarchical-tabletop").trial(3, 0).scene, Camera()).cloud
    row = next(i for i, kind in enumerate(cloud.categories) if kind == "table")
    points = cloud.points.copy()
    points[row, :10, 2] += 0.006
    before, after = (rebuild(replace(cloud, points=each)).scene for each in (cloud.points, points))
    np.testing.assert_allclose(after.bounds(), before.bounds(), atol=0.001)


SLIVER = [
    (-47, -70, 0), (-47, -40, 0), (-47, -10, 0), (-47, 20, 0), (-47, 50, 0), (-45, 80, -2),
    (-40, -98, -11), (-27, 80, 23), (-19, 53, 9), (-16, -66, 4), (-16, -36, 4), (-16, -6, 4),
    (-16, 24, 4), (-16, 114, 4), (20, -121, 0), (20, -91, 0), (20, 90, 0), (21, -60, -3),
    (21, -30, -3), (21, 0, -3), (21, 30, -3), (21, 61, -3), (56, -55, -5), (56, -25, -5),
    (56, 6, -5), (56, 36, -5), (56, 66, -5),
]  # fmt: skip
"""Tenths of a millimetre: all that a segmenter shows of a can of 30 by 35 mm in a bag."""


def test_a_sliver_of_a_can_is_as_deep_and_high_as_wide() -> None:
    """In no attitude of a coin, which would fall over when the scene is settled."""
    table, can = np.array([[0.3, -0.2, 0.5], [0.7, 0.3, 0.5]]), np.array(SLIVER) / 1e4 + [0.5, 0.1, 0.535]
    corners = np.array([[x, y, 0.5] for x in table[:, 0] for y in table[:, 1]])
    points = np.stack([each[np.arange(27) % len(each)] for each in (corners, can)]).astype(np.float32)
    cloud = SegmentedCloud(("table", "can"), ("table", "capsule"), points, np.array([1.0, 0.12], np.float32))
    scene = rebuild(cloud).scene
    assert scene.sizes[1].min() > 0.02 and np.allclose(scene.poses[1, 4:6], 0.0)
