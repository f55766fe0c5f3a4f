"""Relations by geometry: against a simulator's truth, on hand-made views, and what must hold for any cloud."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec, Shape
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import BINARY, on
from fail2progress.core.scene import Scene, pose
from fail2progress.perception.completion import complete
from fail2progress.perception.relations.geometric import A9, DEFAULT, GeometricDetector, detect
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.simulation.base import Snapshot
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.mujoco.bodies import compile_scene
from fail2progress.simulation.mujoco.rgbd import photograph
from fail2progress.tasks.layout import DoesNotFitError, random_camera_pose
from fail2progress.tasks.pretraining import random_scene


def seen(scene: Scene, camera: Camera | None = None) -> tuple[Snapshot, Perceived]:
    camera = camera or Camera()
    now = MujocoSimulator().settle(scene, camera)
    return now, LabelledSegmenter().segment(photograph(compile_scene(now.scene), now.scene, camera))


def scene(*things: tuple[str, str, tuple[float, float, float], tuple[float, ...]]) -> Scene:
    """A table with its top at z = 0.5, and things by name, category, size and place."""
    specs = [
        ObjectSpec("table", "table", (0.5, 0.6, 0.04)),
        *(ObjectSpec(name, kind, size) for name, kind, size, _ in things),
    ]
    return Scene(tuple(specs), np.array([pose(0.6, 0.0, 0.48), *(pose(*at) for *_, at in things)]))


def segment(name: str, points: np.ndarray, shape: Shape = Shape.CUBOID) -> Segment:
    kind = "table" if shape is Shape.TABLE else "cuboid"
    return Segment(name, kind, shape, points.astype(np.float32), np.arange(len(points)), pose(0, 0, 0), np.ones(3), 1.0)


def perceived(*segments: Segment) -> Perceived:
    surfaces = tuple(s for s in segments if s.shape is Shape.TABLE)
    return Perceived(tuple(s for s in segments if s.shape is not Shape.TABLE), surfaces, np.eye(4), 640, 480)


def test_agrees_with_the_simulator_over_random_scenes_and_views() -> None:
    hits = np.zeros(3)
    for seed in range(8):
        rng = np.random.default_rng([3, seed])
        with contextlib.suppress(DoesNotFitError):
            eye, target = random_camera_pose(rng)
            now, view = seen(random_scene(rng), Camera(eye=eye, target=target))
            found = detect(view, A9)
            rows = [now.relations.names.index(name) for name in found.names]
            said, true = found.binary > 0.5, now.relations.binary[np.ix_(rows, rows)]
            visible = np.array([len(s.points) >= 20 for s in (*view.surfaces, *view.segments)])
            pairs = visible[:, None] & visible[None]
            hits += [(said & true)[pairs].sum(), (said & ~true)[pairs].sum(), (~said & true)[pairs].sum()]
    assert 2 * hits[0] / (2 * hits[0] + hits[1] + hits[2]) > 0.97


def test_a_content_is_inside_though_its_foot_is_hidden() -> None:
    _, view = seen(
        scene(("cup", "cup", (0.09, 0.09, 0.08), (0.6, 0.0, 0.54)), ("ball", "capsule", (0.03, 0.03, 0.03), (0.6, 0.0, 0.521)))
    )
    state = detect(view, A9)
    assert state.value("inside", "ball", "cup") > 0.9 and state.value("inside", "cup", "ball") < 0.1
    assert state.value("contact", "ball", "cup") > 0.9 and state.value("contact", "ball", "table") < 0.1
    assert {(a, b) for a, b, _ in on(detect(view))} == {("cup", "table")}


def test_what_sticks_out_is_inside_for_people_but_not_completely_contained() -> None:
    _, view = seen(
        scene(("cup", "cup", (0.09, 0.09, 0.06), (0.6, 0.0, 0.53)), ("can", "capsule", (0.05, 0.05, 0.10), (0.6, 0.0, 0.556)))
    )
    assert detect(view).value("inside", "can", "cup") > 0.9
    assert detect(view, A9).value("inside", "can", "cup") < 0.1


def test_a_stack_is_on_not_inside() -> None:
    _, view = seen(
        scene(
            ("low", "cuboid", (0.08, 0.08, 0.06), (0.6, 0.0, 0.53)),
            ("high", "cuboid", (0.05, 0.05, 0.05), (0.6, 0.0, 0.585)),
        )
    )
    assert {(a, b) for a, b, _ in on(detect(view))} == {("high", "low"), ("low", "table")}
    assert detect(view).value("inside", "high", "low") < 0.1 and detect(view).value("contact", "high", "table") < 0.1


def test_a_bridge_is_on_both_of_its_piers_by_all_readings_and_by_the_few_of_a_robots_cloud() -> None:
    low = (0.06, 0.10, 0.08)
    plank = ("plank", "cuboid", (0.26, 0.05, 0.03), (0.6, 0.0, 0.595, np.pi / 2))
    camera = Camera(eye=(0.0, 0.15, 1.1), target=(0.6, 0.0, 0.55))
    piers = [("left", "cuboid", low, (0.6, 0.1, 0.54, np.pi / 2)), ("right", "cuboid", low, (0.6, -0.1, 0.54, np.pi / 2))]
    now, view = seen(scene(*piers, plank), camera)
    for state in (detect(view, A9), GeometricDetector().detect(view.cloud())):
        assert {(a, b) for a, b, _ in on(state)} == {("plank", "left"), ("plank", "right"), ("left", "table"), ("right", "table")}
        for pier in ("left", "right"):
            assert now.relations.value("contact", "plank", pier) == 1.0 and state.value("contact", "plank", pier) > 0.9
        assert state.value("contact", "plank", "table") < 0.1


def test_neighbours_touch_only_without_a_gap() -> None:
    size = (0.06, 0.06, 0.06)
    for y, touching in ((0.0601, True), (0.072, False)):
        _, view = seen(scene(("one", "cuboid", size, (0.6, 0.0, 0.53)), ("other", "cuboid", size, (0.6, y, 0.53))))
        assert (detect(view).value("contact", "one", "other") > 0.5) is touching
        assert detect(view).value("left", "other", "one") > 0.9


def test_the_hidden_lower_part_of_a_box_is_filled_in() -> None:
    rng = np.random.default_rng(0)
    top = np.column_stack([rng.uniform(-0.05, 0.05, (500, 2)), np.full(500, 0.6)])
    table = np.column_stack([rng.uniform(-0.3, 0.3, (2000, 2)), np.full(2000, 0.5)])
    done = complete(perceived(segment("table", table, Shape.TABLE), segment("box", top)), DEFAULT)
    assert done.bounds[1, 0, 2] == pytest.approx(0.5, abs=1e-3) and done.support.tolist() == [-1, 0]


def test_unary_relations_and_an_open_drawer() -> None:
    specs = (
        ObjectSpec("table", "table", (0.5, 0.6, 0.04)),
        ObjectSpec("cabinet", "cabinet", (0.26, 0.22, 0.12)),
        ObjectSpec("drawer", "drawer", (0.244, 0.188, 0.086), inside_of="cabinet"),
        ObjectSpec("box", "cuboid", (0.05, 0.05, 0.05)),
    )
    for opening in (0.0, 0.08):
        rows = [pose(0.6, 0, 0.48), pose(0.65, 0, 0.56), pose(0.644 - opening, 0, 0.56), pose(0.5, 0.2, 0.525)]
        _, view = seen(Scene(specs, np.array(rows), {"drawer": opening}))
        state = detect(view, A9)
        assert (state.value("open", "drawer") > 0.5) is (opening > 0)
        assert (state.value("inside", "drawer", "cabinet") > 0.5) is (opening == 0)
        assert state.value("movable", "box") == 1.0 and state.value("movable", "cabinet") == 0.0
        assert state.value("drawer", "drawer") == 1.0


def test_nothing_is_said_of_what_was_never_seen() -> None:
    _, view = seen(scene(("box", "cuboid", (0.06, 0.06, 0.06), (0.6, 0.0, 0.53))))
    hidden = replace(view.segments[0], id="ghost", points=np.empty((0, 3), np.float32), pixels=np.empty(0, np.int64))
    state = detect(replace(view, segments=(*view.segments, hidden)))
    assert not state.binary[2].any() and not state.binary[:, 2].any() and not state.unary[2].any()
    assert state.names == ("table", "box", "ghost")


def test_a_view_of_nothing() -> None:
    state = detect(perceived())
    assert state.names == () and on(state) == []


clouds = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=4)


@settings(deadline=None, max_examples=25)
@given(clouds, st.integers(0, 10_000))
def test_any_clouds_give_probabilities_that_mirror(parts: list[tuple[int, bool, bool]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    segments = []
    for i, (count, flat, surface) in enumerate(parts):
        points = rng.uniform(-0.3, 0.3, (count, 3)) * ([1, 1, 0] if flat else [1, 1, 1])
        turn = Rotation.random(random_state=seed).as_matrix()
        segments.append(segment(str(i), points @ turn.T, Shape.TABLE if surface else Shape.OPEN_BOX))
    state = detect(perceived(*segments))
    assert ((state.binary >= 0) & (state.binary <= 1)).all() and ((state.unary >= 0) & (state.unary <= 1)).all()
    for one, other in (("left", "right"), ("front", "behind"), ("above", "below")):
        assert np.allclose(state.binary[..., BINARY.index(one)], state.binary[..., BINARY.index(other)].T)
    assert np.allclose(state.binary[..., BINARY.index("contact")], state.binary[..., BINARY.index("contact")].T)
    assert not np.diagonal(state.binary).any()


def test_a_thing_in_a_cup_in_a_box_is_in_both_and_one_in_a_shut_drawer_in_its_cabinet_too() -> None:
    """By A.9; of what people call inside, the nearest container counts."""
    specs = (
        ObjectSpec("table", "table", (0.6, 0.9, 0.04)),
        ObjectSpec("box", "open_box", (0.16, 0.16, 0.09)),
        ObjectSpec("cup", "cup", (0.07, 0.07, 0.07)),
        ObjectSpec("pill", "cuboid", (0.03, 0.03, 0.03)),
        ObjectSpec("chest", "cabinet", (0.25, 0.22, 0.12)),
        ObjectSpec("tray", "drawer", (0.234, 0.188, 0.086), "chest"),
        ObjectSpec("coin", "cuboid", (0.03, 0.03, 0.03)),
    )
    places = ((0.6, 0.0, 0.48), (0.5, 0.25, 0.545), (0.5, 0.25, 0.542), (0.5, 0.25, 0.527), (0.62, -0.2, 0.56))
    poses = np.array([pose(*at) for at in (*places, (0.534, -0.2, 0.56), (0.55, -0.2, 0.539))])
    opened = MujocoSimulator().settle(Scene(specs, poses, {"tray": 0.08}), Camera())
    for name, holders in (("pill", {"cup", "box"}), ("cup", {"box"}), ("coin", {"tray", "chest"})):
        found = GeometricDetector().detect(opened.cloud)
        assert {other for other in opened.scene.names if found.value("inside", name, other) > 0.5} == holders
        assert {other for other in opened.scene.names if opened.relations.value("inside", name, other)} == holders


def test_what_lies_deep_in_a_shut_drawer_is_in_it_and_in_the_cabinet() -> None:
    """Of the drawer only the front is seen; what lies in it is remembered."""
    names, kinds = ("table", "chest", "tray", "coin"), ("table", "cabinet", "drawer", "cuboid")
    boxes = (
        ((0.3, -0.45, 0.46), (0.9, 0.45, 0.5)),
        ((0.495, -0.31, 0.5), (0.745, -0.09, 0.62)),
        ((0.497, -0.294, 0.517), (0.503, -0.106, 0.603)),
        ((0.6, -0.21, 0.523), (0.63, -0.18, 0.553)),
    )
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(low, high, (128, 3)) for low, high in boxes]).astype(np.float32)
    found = GeometricDetector().detect(SegmentedCloud(names, kinds, points, np.float32([1.0, 0.8, 0.3, 0.0])))
    for holder in ("tray", "chest"):
        assert found.value("inside", "coin", holder) > 0.9
    assert found.value("inside", "tray", "chest") > 0.5 > found.value("open", "tray")
