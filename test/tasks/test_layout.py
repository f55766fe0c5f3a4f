import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.relations import binary_relations
from fail2progress.core.scene import Array, pose, rotations
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.layout import GAP, DoesNotFitError, Layout, random_camera_pose, two_tables

SIZE = st.tuples(*[st.floats(0.02, 0.12)] * 3)


def gaps(bounds: Array) -> Array:
    """(N, N) largest axis gap between boxes in metres, negative where they overlap."""
    apart = np.maximum(bounds[:, None, 0] - bounds[None, :, 1], bounds[None, :, 0] - bounds[:, None, 1]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.lists(st.tuples(SIZE, st.floats(-3, 3)), min_size=1, max_size=8))
def test_what_stands_on_tables_never_overlaps(seed: int, items: list[tuple[tuple[float, float, float], float]]) -> None:
    layout = two_tables(np.random.default_rng(seed))
    for i, (size, yaw) in enumerate(items):
        try:
            layout.stand(ObjectSpec(f"o{i}", "cuboid", size), "table_a", yaw)
        except DoesNotFitError:
            continue
    bounds = layout.scene().bounds()
    assert gaps(bounds).min() > -1e-9
    movable = bounds[2:]
    assert (gaps(movable) >= GAP - 1e-9).all()
    table = bounds[0]
    assert (movable[:, 0, :2] >= table[0, :2]).all() and (movable[:, 1, :2] <= table[1, :2]).all()
    np.testing.assert_allclose(movable[:, 0, 2], table[1, 2])


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.floats(-3, 3), st.floats(-3, 3))
@example(0, np.pi, 0.0)
def test_what_stands_on_a_turned_table_stands_on_it_with_all_its_foot(seed: int, turn: float, yaw: float) -> None:
    layout = Layout(np.random.default_rng(seed))
    layout.add(ObjectSpec("table", "table", (0.5, 0.7, 0.04)), pose(0.6, 0.1, 0.48, turn))
    layout.stand(ObjectSpec("thing", "cuboid", (0.08, 0.12, 0.05)), "table", yaw, shares=((0.5, 1.0), (0.0, 1.0)))
    row = [ObjectSpec(f"row_{i}", "cuboid", (0.03, 0.03, 0.03)) for i in range(2)]
    layout.stand_row(row, "table", (0.001,), yaw)
    scene = layout.scene()
    back = rotations(scene.poses[:1, 3:])[0][:2, :2].T
    for spec, at in zip(scene.objects[1:], scene.poses[1:], strict=True):
        corners = np.array([[x, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) * spec.size[:2]
        local = (at[:2] + corners @ rotations(at[None, 3:])[0][:2, :2].T - scene.poses[0, :2]) @ back.T
        assert (np.abs(local) <= np.array([0.25, 0.35]) + 1e-9).all()
    assert (back @ (scene.position("thing")[:2] - scene.poses[0, :2]))[0] >= -1e-9  # in the half that was asked for


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.floats(-1.5, 1.5), st.integers(1, 3))
def test_what_is_put_into_a_container_is_inside(seed: int, yaw: float, count: int) -> None:
    layout = two_tables(np.random.default_rng(seed))
    layout.stand(ObjectSpec("box", "open_box", (0.14, 0.16, 0.08)), "table_b", yaw)
    for i in range(count):
        layout.drop_in(ObjectSpec(f"c{i}", "capsule", (0.03, 0.03, 0.03)), "box")
    scene = layout.scene()
    bounds = scene.bounds()
    assert binary_relations(bounds, np.zeros((len(scene),) * 2, bool))[3:, 2, -1].all()
    middle = scene.poses[3:, :2]
    apart = np.linalg.norm(middle[:, None] - middle[None], axis=2) + np.eye(count)
    assert (apart > 0.03).all()
    np.testing.assert_allclose(bounds[3:, 0, 2], bounds[2, 0, 2] + 0.006)


def test_what_does_not_fit_is_named() -> None:
    layout = two_tables(np.random.default_rng(0))
    with pytest.raises(DoesNotFitError, match=r"plank is larger than table_a"):
        layout.stand(ObjectSpec("plank", "cuboid", (2, 0.1, 0.1)), "table_a")
    layout.stand(ObjectSpec("cup", "cup", (0.08, 0.08, 0.07)), "table_a")
    with pytest.raises(DoesNotFitError, match=r"brick does not fit into cup"):
        layout.drop_in(ObjectSpec("brick", "cuboid", (0.08, 0.02, 0.02)), "cup")
    with pytest.raises(DoesNotFitError, match=r"no room for c\d in cup"):
        for i in range(9):
            layout.drop_in(ObjectSpec(f"c{i}", "capsule", (0.03, 0.03, 0.03)), "cup")


def test_what_is_higher_than_a_shelf_does_not_fit_into_it() -> None:
    layout = two_tables(np.random.default_rng(0))
    layout.stand(ObjectSpec("shelf", "shelf", (0.25, 0.4, 0.14)), "table_a")
    with pytest.raises(DoesNotFitError, match="tall does not fit into shelf"):
        layout.drop_in(ObjectSpec("tall", "cuboid", (0.05, 0.05, 0.111)), "shelf")
    layout.drop_in(ObjectSpec("low", "cuboid", (0.05, 0.05, 0.109)), "shelf")
    layout.stand(ObjectSpec("box", "open_box", (0.14, 0.16, 0.08)), "table_b")
    layout.drop_in(ObjectSpec("high", "cuboid", (0.05, 0.05, 0.2)), "box")


@pytest.mark.parametrize("kind", ["shelf", "cabinet"])
def test_what_is_stacked_in_a_thing_with_a_roof_ends_below_it(kind: str) -> None:
    layout = two_tables(np.random.default_rng(0))
    around = ObjectSpec("around", kind, (0.3, 0.3, 0.2))
    layout.stand(around, "table_a")
    layout.drop_in(ObjectSpec("base", "cuboid", (0.06, 0.06, 0.1)), "around")
    room = around.size[2] - 2 * around.kind.wall - 0.1
    with pytest.raises(DoesNotFitError, match="no room for top on base"):
        layout.stack(ObjectSpec("top", "cuboid", (0.05, 0.05, room + 0.001)), "base")
    layout.stack(ObjectSpec("top", "cuboid", (0.05, 0.05, room - 0.001)), "base")
    layout.stack(ObjectSpec("above", "cuboid", (0.05, 0.05, 0.1)), "around")


def test_nothing_is_put_where_something_is() -> None:
    layout = Layout(np.random.default_rng(0))
    layout.add(ObjectSpec("base", "cuboid", (0.1, 0.1, 0.1)), pose(1, 2, 0.05))
    layout.add(ObjectSpec("tall", "cuboid", (0.1, 0.1, 0.3)), pose(1, 2.101, 0.15))
    layout.stack(ObjectSpec("first", "cuboid", (0.04, 0.04, 0.04)), "base")
    with pytest.raises(DoesNotFitError, match="no room for second on base"):
        layout.stack(ObjectSpec("second", "cuboid", (0.02, 0.02, 0.02)), "base")
    layout.stack(ObjectSpec("second", "cuboid", (0.02, 0.02, 0.02)), "first")
    layout.add(ObjectSpec("cabinet", "cabinet", (0.25, 0.22, 0.12)), pose(3, 0, 0.06, 0.5))
    layout.fit_drawer("upper", "cabinet", 0.1)
    with pytest.raises(DoesNotFitError, match="no room for lower in cabinet"):
        layout.fit_drawer("lower", "cabinet", 0.0)


def test_a_stack_stands_on_its_base() -> None:
    layout = Layout(np.random.default_rng(0))
    layout.add(ObjectSpec("base", "cuboid", (0.1, 0.1, 0.1)), pose(1, 2, 0.05))
    layout.stack(ObjectSpec("top", "cuboid", (0.04, 0.04, 0.04)), "base")
    np.testing.assert_allclose(layout.scene().position("top"), [1, 2, 0.12])


def test_nothing_is_stacked_through_what_stands_beside_its_base_or_sticks_out_of_it() -> None:
    plate, base = ObjectSpec("plate", "cuboid", (0.16, 0.16, 0.02)), ObjectSpec("base", "cuboid", (0.05, 0.05, 0.05))
    tower, low = ObjectSpec("tower", "cuboid", (0.05, 0.05, 0.2)), ObjectSpec("low", "cuboid", (0.05, 0.05, 0.05))
    cup, stick = ObjectSpec("base", "cup", (0.08, 0.08, 0.05)), ObjectSpec("stick", "cuboid", (0.01, 0.01, 0.1))
    tote = ObjectSpec("tote", "open_box", (0.3, 0.3, 0.12))
    for below, other, at, fits in (
        (base, tower, pose(0, 0.06, 0.1), False),
        (base, low, pose(0, 0.06, 0.025), True),
        (cup, stick, pose(0, 0, 0.055), False),
        (base, tote, pose(0, 0, 0.055), True),
    ):
        layout = Layout(np.random.default_rng(0))
        layout.add(below, pose(0, 0, 0.025))
        layout.add(other, at)
        if fits:
            layout.stack(plate, "base")
        else:
            with pytest.raises(DoesNotFitError, match="no room for plate on base"):
                layout.stack(plate, "base")


@given(st.integers(0, 2**32))
def test_cameras_look_down_at_the_tables(seed: int) -> None:
    eye, target = random_camera_pose(np.random.default_rng(seed))
    assert eye[2] > target[2] + 0.5 and target[0] > eye[0]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(-3.1, 3.1))
def test_rows_stand_in_contact_in_their_direction(seed: int, yaw: float) -> None:
    rng = np.random.default_rng(seed)
    layout = two_tables(rng)
    specs = [ObjectSpec(f"row_{i}", "cuboid", (0.05, rng.uniform(0.03, 0.06), rng.uniform(0.03, 0.08))) for i in range(3)]
    layout.stand_row(specs, "table_a", (0.001, 0.02), yaw)
    scene = layout.scene()
    steps = np.diff([scene.position(spec.name)[:2] for spec in specs], axis=0)
    np.testing.assert_allclose(steps, np.outer([0.051, 0.07], [np.cos(yaw), np.sin(yaw)]), atol=1e-9)
    table = scene.bounds()[scene.index("table_a")]
    assert all(np.isclose(scene.bounds()[scene.index(spec.name), 0, 2], table[1, 2]) for spec in specs)


@pytest.mark.parametrize("opening", [0.0, 0.08])
@pytest.mark.parametrize("yaw", [0.0, 1.0])
def test_a_drawer_fits_its_cabinet_and_takes_things(simulator: MujocoSimulator, opening: float, yaw: float) -> None:
    layout = two_tables(np.random.default_rng(0))
    layout.add(ObjectSpec("cabinet", "cabinet", (0.26, 0.22, 0.13)), pose(0.6, 0.4, layout.bounds()[0, 1, 2] + 0.065, yaw))
    layout.fit_drawer("drawer", "cabinet", opening)
    layout.drop_in(ObjectSpec("pill", "cuboid", (0.03, 0.03, 0.03)), "drawer")
    scene = layout.scene()
    settled = simulator.settle(scene, Camera())
    np.testing.assert_allclose(settled.scene.poses[:, :3], scene.poses[:, :3], atol=4e-3)
    assert bool(settled.relations.value("open", "drawer")) == (opening > 0) and settled.relations.value(
        "inside", "pill", "drawer"
    )


@pytest.mark.parametrize("side", range(4))
def test_things_stand_against_others(side: int) -> None:
    layout = two_tables(np.random.default_rng(0))
    layout.add(ObjectSpec("box", "cuboid", (0.06, 0.08, 0.05)), pose(0.6, 0.4, layout.bounds()[0, 1, 2] + 0.025, 0.5))
    layout.beside(ObjectSpec("next", "cuboid", (0.04, 0.04, 0.04)), "box", side)
    distance = np.linalg.norm(layout.scene().position("next")[:2] - layout.scene().position("box")[:2])
    assert distance == pytest.approx((0.06, 0.08)[side % 2] / 2 + 0.02 + 0.001)
    with pytest.raises(DoesNotFitError, match="no room for third beside box"):
        layout.beside(ObjectSpec("third", "cuboid", (0.04, 0.04, 0.04)), "box", side)


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_nothing_stands_against_others_beyond_the_edge_of_what_these_stand_on(turn: float) -> None:
    layout = Layout(np.random.default_rng(0))
    layout.add(ObjectSpec("table", "table", (0.5, 0.7, 0.04)), pose(0.6, 0.1, 0.48, turn))
    near = np.array([0.6, 0.1]) + 0.2 * np.array([np.cos(turn), np.sin(turn)])  # 2 cm from the table's own +x edge
    layout.add(ObjectSpec("box", "cuboid", (0.06, 0.06, 0.05)), pose(near[0], near[1], 0.525, turn))
    block = ObjectSpec("next", "cuboid", (0.04, 0.04, 0.04))
    with pytest.raises(DoesNotFitError, match="no room for next beside box"):
        layout.beside(block, "box", 0)
    for side in (1, 2, 3):
        layout.beside(block, "box", side)
        layout.take_back()


def test_on_the_floor_there_is_room_all_around() -> None:
    layout = Layout(np.random.default_rng(0))
    layout.add(ObjectSpec("box", "cuboid", (0.06, 0.06, 0.05)), pose(0.6, 0.4, 0.025))
    for side in range(4):
        layout.beside(ObjectSpec(f"next_{side}", "cuboid", (0.04, 0.04, 0.04)), "box", side)
