"""The five signals on scenes whose faults are known, each with its one bounded edit."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Array, Scene, pose
from fail2progress.failures.assets.case import Case, Grasp
from fail2progress.failures.assets.contact import Contact
from fail2progress.failures.assets.geometry import Geometry
from fail2progress.failures.assets.grasp import GraspStability, centre_of_mass
from fail2progress.failures.assets.joint import Joint, clearance
from fail2progress.failures.assets.reach import FARTHEST, Reachability, hand_points
from fail2progress.failures.assets.refine import Refiner, assess, coupled
from fail2progress.failures.assets.schema import DEFAULT, SIGNALS, FailureSignals, Reading, signals_of
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.base import SkillCall

SIMULATOR = MujocoSimulator()
CALL = SkillCall("pick_place", "pill", (0.0, 0.3, 0.05, 0.0))
CABINET = (0.25, 0.22, 0.12)
TRAY = (0.234, 0.186, 0.084)


def table_scene(openings: dict[str, float] | None = None, **changes: Array) -> Scene:
    """A cup, a capsule and a cabinet with its drawer pulled out by 6 cm, on a table; `changes` are other poses."""
    items = {
        "table": (ObjectSpec("table", "table", (0.7, 1.2, 0.04)), pose(0.6, 0.0, 0.48)),
        "cup": (ObjectSpec("cup", "cup", (0.09, 0.09, 0.07)), pose(0.5, 0.2, 0.535)),
        "pill": (ObjectSpec("pill", "capsule", (0.03, 0.03, 0.03)), pose(0.5, -0.1, 0.515)),
        "cabinet": (ObjectSpec("cabinet", "cabinet", CABINET), pose(0.7, -0.4, 0.56)),
        "tray": (ObjectSpec("tray", "drawer", TRAY, "cabinet"), pose(0.7 - 0.006 - 0.06, -0.4, 0.56)),
    }
    specs = tuple(spec for spec, _ in items.values())
    poses = np.stack([changes.get(name, at) for name, (_, at) in items.items()])
    return Scene(specs, poses, openings or {"tray": 0.06})


@pytest.fixture(scope="module")
def true() -> Case:
    snapshot = SIMULATOR.settle(table_scene(), Camera())
    return Case(snapshot.scene, snapshot.cloud, CALL)


def failing(readings: tuple[Reading, ...]) -> set[str]:
    return {reading.asset for reading in readings if reading.fails}


def test_a_true_scene_raises_no_signal(true: Case) -> None:
    readings = assess(true)
    assert failing(readings) == set()
    assert {reading.signal for reading in readings} == set(SIGNALS)
    rows = {row.asset: row for row in signals_of(readings)}
    assert set(rows) == set(true.scene.names)
    assert all(abs(row.geometry_mismatch_mm) < 3.0 for row in rows.values())


@pytest.mark.parametrize("size", [(0.11, 0.09, 0.07), (0.07, 0.09, 0.07), (0.09, 0.09, 0.05), (0.09, 0.09, 0.09)])
def test_geometry_sees_a_wrong_extent_and_refits_it(true: Case, size: tuple[float, float, float]) -> None:
    wrong = true.with_asset("cup", replace(true.scene.objects[1], size=size))
    (reading,) = [r for r in Geometry().readings(wrong) if r.asset == "cup"]
    assert reading.fails
    other = Geometry().edit(wrong, reading)
    assert other is not None
    (after,) = [r for r in Geometry().readings(other) if r.asset == "cup"]
    assert not after.fails and after.size < reading.size
    np.testing.assert_allclose(other.scene.objects[1].size, (0.09, 0.09, 0.07), atol=0.004)


@pytest.mark.parametrize(("grown", "sign"), [(0.02, -1), (-0.02, 1)])
def test_the_sign_of_the_mismatch_tells_too_large_from_too_small(grown: float, sign: int) -> None:
    specs = (ObjectSpec("table", "table", (0.7, 1.2, 0.04)), ObjectSpec("block", "cuboid", (0.08, 0.06, 0.06)))
    snapshot = SIMULATOR.settle(Scene(specs, np.stack([pose(0.6, 0.0, 0.48), pose(0.5, 0.0, 0.53)])), Camera())
    wrong = Case(snapshot.scene, snapshot.cloud).with_asset("block", replace(specs[1], size=(0.08, 0.06, 0.06 + grown)))
    (reading,) = [r for r in Geometry().readings(wrong) if r.asset == "block"]
    assert reading.fails and np.sign(reading.value) == sign and 8.0 < reading.size < 20.0


def test_overlapping_things_are_parted_by_a_bounded_step(true: Case) -> None:
    wrong = true.with_asset("pill", pose=pose(0.5, 0.2 - 0.045 - 0.010, 0.515))  # 5 mm in the cup's wall
    readings = Contact().readings(wrong)
    assert {"cup", "pill"} <= failing(readings)
    (reading,) = [r for r in readings if r.asset == "pill"]
    other = Contact().edit(wrong, reading)
    assert other is not None
    step = other.scene.position("pill") - wrong.scene.position("pill")
    assert 0.001 < np.linalg.norm(step) < 0.007 and step[1] < 0
    assert failing(Contact().readings(other)) == set()
    np.testing.assert_allclose(other.scene.position("cup"), wrong.scene.position("cup"))


def test_floating_things_are_lowered_at_most_a_centimetre_at_a_time(true: Case) -> None:
    wrong = true.moved("pill", np.array([0.0, 0.0, 0.014]))
    found = Refiner((Contact(),)).refine(replace(wrong, cloud=None))
    assert found.passed and found.iterations == 3
    assert [record.accepted for record in found.history] == [True, True]
    np.testing.assert_allclose(found.case.scene.position("pill")[2], 0.515, atol=0.002)


def test_a_drawer_gets_back_its_cabinet_and_its_opening(true: Case) -> None:
    tray = true.scene.index("tray")
    spec = replace(true.scene.objects[tray], inside_of=None)
    shut = replace(true, scene=table_scene({"tray": 0.0}, tray=true.scene.poses[tray]))
    orphan = true.with_asset("tray", spec)
    for wrong in (shut, orphan):
        (reading,) = Joint().readings(wrong)
        assert reading.fails
        found = Refiner((Joint(),)).refine(wrong)
        assert found.passed
        assert found.case.scene.objects[tray].inside_of == "cabinet"
        assert found.case.scene.openings["tray"] == pytest.approx(0.06, abs=0.006)


def test_a_jammed_drawer_gets_a_little_play_and_no_more(true: Case) -> None:
    tray = true.scene.index("tray")
    wrong = true.with_asset("tray", replace(true.scene.objects[tray], size=(TRAY[0], 0.204, TRAY[2])))
    (reading,) = Joint().readings(wrong)
    assert reading.fails and "in the walls of cabinet" in reading.evidence
    other = Joint().edit(wrong, reading)
    assert other is not None and failing(Joint().readings(other)) == set()
    assert 0.0005 <= clearance(other.scene, other.scene.objects[tray]) <= 0.003 + 1e-9


def test_a_place_out_of_reach_moves_at_most_five_centimetres_over_the_same_support(true: Case) -> None:
    high = replace(true, call=SkillCall("pick_place", "pill", (0.0, 0.3, 1.22 - 0.515, 0.0)))
    (reading,) = Reachability().readings(high)
    assert reading.fails and reading.value == pytest.approx(20.0, abs=1.0)
    other = Reachability().edit(high, reading)
    assert other is not None and other.call is not None and failing(Reachability().readings(other)) == set()
    shift = hand_points(other.scene, other.call)["its place"] - (0.5, 0.2, 1.22)
    assert np.linalg.norm(shift) <= FARTHEST + 1e-6
    far = replace(true, call=SkillCall("pick_place", "pill", (0.0, 0.3, 0.8, 0.0)))
    assert Reachability().edit(far, Reachability().readings(far)[0]) is None
    np.testing.assert_allclose(other.scene.poses, high.scene.poses)  # nothing in the scene moves


def test_a_grasp_at_the_edge_moves_towards_the_centre_of_mass(true: Case) -> None:
    begin = Grasp((0.044, 0.0425, 0.03), 1)  # on the rim, at a corner
    edge = replace(true, call=replace(CALL, object="cup"), grasps={"cup": begin})
    (reading,) = GraspStability().readings(edge)
    assert reading.fails
    found = Refiner((GraspStability(),)).refine(edge)
    assert found.passed and 1 < found.iterations <= 6
    ways = [np.array(grasp.centre) - centre_of_mass(true.scene.objects[1]) for grasp in (begin, found.case.grasps["cup"])]
    assert np.linalg.norm(ways[1][[0, 2]]) < np.linalg.norm(ways[0][[0, 2]])
    assert np.linalg.norm(ways[1] - ways[0]) <= 0.008 * (found.iterations - 1) + 1e-9


def test_an_edit_that_raises_another_signal_is_rejected_and_logged(true: Case) -> None:
    # The cup was rebuilt too small; where it belongs now stands the capsule.
    wrong = true.with_asset("cup", replace(true.scene.objects[1], size=(0.09, 0.05, 0.07)))
    wrong = wrong.with_asset("pill", pose=pose(0.5, 0.2 - 0.045 - 0.012, 0.515))
    wrong = replace(wrong, cloud=replace(true.cloud, points=_without(true, "pill")))  # type: ignore[type-var]
    found = Refiner((Geometry(), Contact())).refine(wrong)
    rejected = [record for record in found.history if not record.accepted]
    assert rejected and rejected[0].signal == "geometry_mismatch_mm"
    assert any(text.startswith("contact_equilibrium_fail") for text in rejected[0].raised)
    matrix = coupled(found.history)
    assert matrix["geometry_mismatch_mm"]["contact_equilibrium_fail"] >= 1
    assert matrix["geometry_mismatch_mm"]["rejected"] >= 1
    plain = Refiner((Geometry(), Contact()), policy="corrective").refine(wrong)
    assert all(record.accepted for record in plain.history)


def _without(case: Case, name: str) -> Array:
    assert case.cloud is not None
    points = case.cloud.points.copy()
    points[case.cloud.index(name)] = np.nan
    return points  # type: ignore[return-value]


def test_noise_widens_what_counts_as_mismatch() -> None:
    assert DEFAULT.geometry_limit(0.0) == 0.005
    assert DEFAULT.geometry_limit(0.003) == pytest.approx(0.012)


def test_a_side_that_was_seen_before_a_thing_was_moved_may_face_away_from_the_camera(true: Case) -> None:
    assert true.cloud is not None
    row, points = true.cloud.index("cup"), true.cloud.points.copy()
    middle = np.append(true.scene.position("cup")[:2], 0.0)
    points[row] = (points[row] - middle) * (-1, -1, 1) + middle  # it was turned by half a turn
    below_rim = points[row][points[row][:, 2] < points[row][:, 2].max() - 0.01]
    points[row] = np.resize(below_rim, points[row].shape)
    for shown, fails in ((0.0, False), (0.4, True)):
        visibility = true.cloud.visibility.copy()
        visibility[row] = shown
        case = replace(true, cloud=replace(true.cloud, points=points, visibility=visibility))
        assert [r.fails for r in Geometry().readings(case) if r.asset == "cup"] == [fails]


def test_the_schema_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="extra"):
        FailureSignals.model_validate({"asset": "cup", "colour": 1.0})
    with pytest.raises(ValueError, match="finite"):
        FailureSignals(asset="cup", geometry_mismatch_mm=float("nan"))
    told = FailureSignals(asset="cup", geometry_mismatch_mm=-7.25, contact_equilibrium_fail=True)
    assert str(told) == "cup: geometry -7.2 mm, geometry_mismatch_mm, contact_equilibrium_fail"


@pytest.mark.parametrize("place", [(0.1, 0.1, 1.2), (-0.1, 0.15, 1.3)])
def test_where_the_camera_may_have_been_nothing_is_hidden_that_was_seen(place: tuple[float, float, float]) -> None:
    """Down to the floor of a cup: from the place where the camera usually is, its wall would be in the way."""
    snapshot = SIMULATOR.settle(table_scene(), replace(Camera(), eye=place))
    about = Case(snapshot.scene, snapshot.cloud, CALL, about=0.2)
    assert failing(Geometry().readings(about)) == set()
    wide = about.with_asset("cup", replace(about.scene.objects[1], size=(0.13, 0.13, 0.07)))
    assert failing(Geometry().readings(wide)) == {"cup"}, "what is too large hides from wherever it is looked at"
