"""Drawers, shelves, stacks and turned things, rebuilt from what a camera sees of them."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.simulation.base import Job, Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.mujoco.inspection import leave_alone
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.simulation.wire.records import outcome_record, read_outcome
from fail2progress.skills.base import SkillCall

Build = Callable[..., Scene]
TABLE = (ObjectSpec("table", "table", (0.6, 0.9, 0.04)), pose(0.6, 0.0, 0.48))
CABINET = (0.25, 0.22, 0.12)
INNER = (CABINET[0] - 0.016, CABINET[1] - 0.032, CABINET[2] - 0.034)


def bench(opening: float, yaw: float = 0.0, contents: bool = False) -> Scene:
    """Two cabinets side by side on a table, one of them with a drawer pulled out by `opening` m; all turned by `yaw`."""
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])

    def at(x: float, y: float, z: float) -> np.ndarray:
        return pose(*(turn @ (x, y) + (0.62, 0.0)), z, yaw)

    items = [
        TABLE,
        (ObjectSpec("left", "cabinet", CABINET), at(0.0, 0.2, 0.56)),
        (ObjectSpec("right", "cabinet", CABINET), at(0.0, -0.2, 0.56)),
        (ObjectSpec("tray", "drawer", INNER, "right"), at(-0.006 - opening, -0.2, 0.56)),
    ]
    if contents:
        floor = 0.56 - INNER[2] / 2 + 0.006
        items.append((ObjectSpec("pill", "capsule", (0.035, 0.035, 0.03)), at(-0.07 - opening, -0.2, floor + 0.015)))
    specs, poses = zip(*items, strict=True)
    return Scene(tuple(specs), np.stack(poses), {"tray": opening})


def turned(scene: Scene, name: str) -> float:
    q = scene.poses[scene.index(name), 3:]
    return float(2 * np.arctan2(q[3], q[0]))


@pytest.mark.parametrize("opening", [0.0, 0.06, 0.12])
@pytest.mark.parametrize("yaw", [0.0, 0.3])
def test_a_drawer_gets_its_cabinet_and_its_opening(simulator: MujocoSimulator, opening: float, yaw: float) -> None:
    snapshot = simulator.settle(bench(opening, yaw), Camera())
    rebuilt = rebuild(snapshot.cloud).scene
    spec = rebuilt.objects[rebuilt.index("tray")]
    assert spec.inside_of == "right"
    assert rebuilt.openings["tray"] == pytest.approx(opening, abs=0.006)
    assert turned(rebuilt, "tray") == pytest.approx(yaw, abs=0.03)
    np.testing.assert_allclose(rebuilt.position("tray"), snapshot.scene.position("tray"), atol=0.008)
    np.testing.assert_allclose(spec.size, INNER, atol=0.01)


@pytest.mark.parametrize(("skill", "direction"), [("open_drawer", np.pi), ("close_drawer", 0.0)])
def test_a_rebuilt_drawer_moves_as_the_true_one_with_what_is_in_it(
    simulator: MujocoSimulator, skill: str, direction: float
) -> None:
    snapshot = simulator.settle(bench(0.08, contents=True), Camera())
    rebuilt = rebuild(snapshot.cloud, snapshot.relations).scene
    call = SkillCall(skill, "tray", (direction, 0.05))
    ends = [simulator.execute(Job(scene, call)).after.scene for scene in (snapshot.scene, rebuilt)]
    for name in ("tray", "pill"):
        np.testing.assert_allclose(ends[1].position(name), ends[0].position(name), atol=0.015)


def test_a_drawer_without_a_cabinet_is_left_without_one_and_shut(simulator: MujocoSimulator) -> None:
    snapshot = simulator.settle(bench(0.1, contents=True), Camera())
    points = snapshot.cloud.points.copy()
    points[snapshot.cloud.index("right")] = np.nan
    rebuilt = rebuild(replace(snapshot.cloud, points=points)).scene
    assert rebuilt.objects[rebuilt.index("tray")].inside_of is None and rebuilt.openings == {"tray": 0.0}
    work = Job(rebuilt, SkillCall("pick_place", "pill", (0.0, 0.05, 0.05, 0.0)))
    assert read_outcome(outcome_record(simulator.execute(work)), work).after.scene.names == rebuilt.names


def clear(snapshot: Snapshot, rebuilt: Scene, name: str, off: float = 0.005) -> None:
    """An object's box is rebuilt to some millimetres."""
    ours, true = rebuilt.bounds()[rebuilt.index(name)], snapshot.scene.bounds()[snapshot.scene.index(name)]
    np.testing.assert_allclose(ours, true, atol=off)


@pytest.mark.parametrize("yaw", [-0.7, -0.3, 0.15, 0.5, 1.2])
@pytest.mark.parametrize(
    ("kind", "size"), [("cup", (0.08, 0.09, 0.07)), ("open_box", (0.12, 0.18, 0.08)), ("cuboid", (0.05, 0.09, 0.06))]
)
def test_turned_things_are_rebuilt_turned(
    simulator: MujocoSimulator, on_table: Build, kind: str, size: tuple[float, float, float], yaw: float
) -> None:
    snapshot = simulator.settle(on_table(("thing", kind, size, 0.6, 0.1, 0.0, yaw)), Camera())
    rebuilt = rebuild(snapshot.cloud).scene
    clear(snapshot, rebuilt, "thing")
    quarter = (turned(rebuilt, "thing") - yaw) % (np.pi / 2)
    assert min(quarter, np.pi / 2 - quarter) < 0.03
    np.testing.assert_allclose(np.sort(rebuilt.objects[1].size[:2]), np.sort(size[:2]), atol=0.004)


def test_stacks_and_rows_keep_their_places(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(
        ("base", "cuboid", (0.08, 0.08, 0.05), 0.55, 0.2, 0.0, 0.0),
        ("middle", "cuboid", (0.06, 0.06, 0.04), 0.55, 0.2, 0.05, 0.0),
        ("top", "capsule", (0.035, 0.035, 0.03), 0.55, 0.2, 0.09, 0.0),
        ("one", "cuboid", (0.05, 0.05, 0.05), 0.55, -0.1, 0.0, 0.0),
        ("two", "cuboid", (0.05, 0.05, 0.05), 0.55, -0.1505, 0.0, 0.0),
    )
    snapshot = simulator.settle(scene, Camera())
    rebuilt = rebuild(snapshot.cloud).scene
    for name in scene.names[1:]:
        clear(snapshot, rebuilt, name, off=0.01)  # what stands on the base hides its far side
    settled = simulator.settle(rebuilt, Camera()).scene
    np.testing.assert_allclose(settled.poses[:, :3], rebuilt.poses[:, :3], atol=0.003)


def test_what_stands_in_a_shelf_stands_on_its_board(simulator: MujocoSimulator) -> None:
    specs = (TABLE[0], ObjectSpec("rack", "shelf", (0.26, 0.30, 0.28)), ObjectSpec("pill", "capsule", (0.04, 0.04, 0.04)))
    scene = Scene(specs, np.stack([TABLE[1], pose(0.65, 0.0, 0.64), pose(0.58, 0.03, 0.535)]))
    snapshot = simulator.settle(scene, Camera())
    for relations in (None, snapshot.relations):
        rebuilt = rebuild(snapshot.cloud, relations).scene
        low = rebuilt.bounds()[:, 0, 2]
        assert low[rebuilt.index("pill")] == pytest.approx(0.515, abs=0.003)
        assert low[rebuilt.index("rack")] == pytest.approx(0.5, abs=0.003)


def still(scene: Scene) -> None:
    """Nothing overlaps, and nothing moves when left alone."""
    rest = leave_alone(scene)
    assert max((overlap.depth for overlap in rest.overlaps), default=0.0) < 5e-4 and rest.shift.max() < 1e-3


@pytest.mark.parametrize("height", [0.002, 0.004, 0.006, 0.009])
def test_what_is_thin_stands_on_the_table_and_not_in_it(simulator: MujocoSimulator, on_table: Build, height: float) -> None:
    snapshot = simulator.settle(on_table(("plate", "cuboid", (0.12, 0.15, height), 0.6, 0.1, 0.0, 0.0)), Camera())
    rebuilt = rebuild(snapshot.cloud)
    clear(snapshot, rebuilt.scene, "plate")
    assert rebuilt.scene.sizes[1, 2] == pytest.approx(height, abs=5e-4) and rebuilt.gaps == ()
    still(rebuilt.scene)


def test_thin_things_lie_on_each_other_and_in_a_cup(simulator: MujocoSimulator, on_table: Build) -> None:
    plates = [(f"plate_{i}", "cuboid", (0.12 - 0.02 * i, 0.12 - 0.02 * i, 0.005), 0.6, 0.2, 0.005 * i, 0.0) for i in range(3)]
    cup, coin = (
        ("cup", "cup", (0.1, 0.1, 0.06), 0.6, -0.1, 0.0, 0.0),
        ("coin", "capsule", (0.03, 0.03, 0.004), 0.6, -0.1, 0.005, 0.0),
    )
    snapshot = simulator.settle(on_table(*plates, cup, coin), Camera())
    rebuilt = rebuild(snapshot.cloud, snapshot.relations).scene
    np.testing.assert_allclose(rebuilt.bounds()[:, :, 2], snapshot.scene.bounds()[:, :, 2], atol=5e-4)
    still(rebuilt)


def test_a_flat_tray_stands_on_the_table(simulator: MujocoSimulator, on_table: Build) -> None:
    snapshot = simulator.settle(on_table(("tray", "open_box", (0.12, 0.15, 0.008), 0.6, 0.1, 0.0, 0.0)), Camera())
    rebuilt = rebuild(snapshot.cloud).scene
    clear(snapshot, rebuilt, "tray")
    still(rebuilt)


def test_a_top_with_nothing_known_below_it_is_taken_for_a_centimetre_and_told(
    simulator: MujocoSimulator, on_table: Build
) -> None:
    snapshot = simulator.settle(on_table(("plate", "cuboid", (0.12, 0.15, 0.004), 0.6, 0.1, 0.0, 0.0)), Camera())
    points = snapshot.cloud.points.copy()
    points[0] = np.nan
    rebuilt = rebuild(replace(snapshot.cloud, points=points))
    assert rebuilt.scene.sizes[0, 2] == pytest.approx(0.01)
    assert any(re.fullmatch("plate: [34] mm of its height were seen", gap.evidence) for gap in rebuilt.gaps)
