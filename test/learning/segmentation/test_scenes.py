"""Rendered training scenes: what they hold, that a seed gives the same, and what sensors make of them."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from fail2progress.core.executor import PoolExecutor
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.learning.segmentation import crowds, rendering, scenes, sensors
from fail2progress.learning.segmentation.bystanders import surround
from fail2progress.learning.segmentation.drapes import cloth
from fail2progress.learning.segmentation.limbed import ALL, VESSELS, soft_toy
from fail2progress.learning.segmentation.meshes import box, open_box
from fail2progress.learning.segmentation.piles import Ground, Pile, profile
from fail2progress.learning.segmentation.prints import several
from fail2progress.learning.segmentation.rasters import Triangles
from fail2progress.learning.segmentation.rendering import HEIGHT, WIDTH, View, _albedo, printed
from fail2progress.learning.segmentation.scenery import BACKGROUND, FIRST, SUPPORT, Scenery
from fail2progress.learning.segmentation.slight import SLIGHT
from fail2progress.learning.segmentation.things import turn

SEEDS = [(7, i) for i in range(6)]


@pytest.fixture(scope="module")
def views() -> list[View]:
    return [scenes.scene(seed) for seed in SEEDS]


def test_scenes_show_things_on_supports_before_a_background(views: list[View]) -> None:
    for view in views:
        assert view.depth.shape == view.labels.shape == (HEIGHT, WIDTH) and view.colour.shape == (HEIGHT, WIDTH, 3)
        assert (view.labels[view.depth == 0] == BACKGROUND).all() and view.depth.max() < 6.0
    shown = [set(np.unique(view.labels).tolist()) for view in views]
    assert all(SUPPORT in labels for labels in shown) and sum(max(labels) >= FIRST for labels in shown) >= 5
    assert any(BACKGROUND in labels for labels in shown)


def test_a_seed_gives_the_same_scene(views: list[View]) -> None:
    again = scenes.scene(SEEDS[0])
    assert (again.labels == views[0].labels).all() and (again.colour == views[0].colour).all()


def test_scenes_to_train_on_have_heaps_on_tables_and_vessels_full_of_things() -> None:
    ways = [crowds.scenery(np.random.default_rng((8, i))).ways for i in range(120)]
    heaps = [found for found in ways if found.count("in a heap") > 3]
    assert len(heaps) >= 15 and any({"apart", "in a heap"} <= set(found) for found in heaps)
    assert any(found.count("inside") > 3 for found in ways)
    full = [crowds._filled(np.random.default_rng((8, i))).ways.count("inside") > 3 for i in range(40)]
    assert sum(full) >= 16


def test_glass_shows_what_is_behind_it_and_its_depth_is_its_own_or_of_that() -> None:
    pole = box(0.02, 0.3, 0.12).shifted(-0.1, 0, 0)
    found = Scenery([box(1, 1, 0.05).shifted(0, 0, -0.05), pole, box(0.08, 0.08, 0.1)], [SUPPORT, FIRST, FIRST + 1])
    through = replace(found, clear=frozenset({2}))
    shown, depths = [], []
    for seed in range(12):
        solid, clear = (rendering.view(one, np.random.default_rng(seed)) for one in (found, through))
        assert (solid.labels == clear.labels).all()
        own = clear.labels == FIRST + 1
        behind = rendering.view(
            replace(found, meshes=[*found.meshes[:2], found.meshes[2].shifted(0, 0, -50)]), np.random.default_rng(seed)
        )
        depths.append(bool((clear.depth[own] >= solid.depth[own]).all() and (clear.depth[own] > solid.depth[own] + 0.01).any()))
        assert (clear.depth[own] <= np.maximum(behind.depth, solid.depth)[own] + 1e-6).all()
        assert (clear.depth[~own] == solid.depth[~own]).all()
        shown.append(float(np.ptp(clear.colour[own].mean(axis=1))))
    assert 2 <= sum(depths) <= 10 and max(shown) > 40


def test_slight_things_are_flat_thin_or_small() -> None:
    rng = np.random.default_rng(3)
    for maker, _ in SLIGHT:
        sizes = np.sort([np.ptp(maker(rng).vertices, axis=0) for _ in range(30)], axis=1)
        assert (sizes[:, 0] < 0.03).all() and np.median(sizes[:, 0]) < 0.016, maker
    assert {maker for maker, _ in SLIGHT} <= {maker for maker, _ in ALL}


def test_things_of_one_kind_stand_in_rows_and_touch() -> None:
    found = [crowds._in_rows(np.random.default_rng((9, i))) for i in range(12)]
    assert sum(one.ways.count("touching") >= 3 for one in found) >= 8


def test_cupboards_have_things_on_several_boards_and_none_through_a_board() -> None:
    levels = []
    for i in range(12):
        found = crowds._cupboard(np.random.default_rng((12, i)))
        boards = [mesh for mesh, label in zip(found.meshes, found.labels, strict=True) if label == SUPPORT]
        tops = np.sort([float(mesh.vertices[:, 2].max()) for mesh in boards])
        things = [mesh for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
        foot = np.array([float(mesh.vertices[:, 2].min()) for mesh in things])
        on = np.searchsorted(tops, foot + 0.003) - 1
        assert (on >= 0).all() and len(found.ways) == len(found.places) == len(things)
        high = np.array([float(mesh.vertices[:, 2].max()) for mesh in things])
        above = np.append(tops, np.inf)[on + 1]
        assert (high < above).all()
        levels.append(len(set(on.tolist())))
    assert sum(count >= 2 for count in levels) >= 6


def test_packages_full_of_one_product_hold_it_side_by_side_and_most_of_them_alike() -> None:
    alike = loose = 0
    for i in range(20):
        found = crowds._full(np.random.default_rng((13, i)))
        numbers = [n for n, label in enumerate(found.labels) if label >= FIRST]
        sizes = np.array([np.ptp(found.meshes[n].vertices, axis=0) for n in numbers])
        straight = bool(np.allclose(sizes, sizes[:1], atol=1e-6))
        assert len(numbers) == len(found.ways) and (straight or np.ptp(sizes, axis=0).max() < 0.1)
        loose += not straight
        middles = np.array(found.places)
        away = np.linalg.norm(middles[:, None] - middles[None], axis=2)[~np.eye(len(middles), dtype=bool)]
        assert not straight or away.min(initial=np.inf) > sizes[0, :2].min() - 1e-6
        assert not found.looks or sorted(found.looks) == numbers
        alike += bool(found.looks)
    assert 8 <= alike <= 19 and 4 <= loose <= 16


def test_totes_of_parts_hold_many_of_one_shape_any_way_up() -> None:
    counts, alike = [], 0
    for i in range(12):
        found = crowds._of_parts(np.random.default_rng((15, i)))
        parts = [mesh for mesh, label in zip(found.meshes, found.labels, strict=True) if label >= FIRST]
        edges = [np.linalg.norm(mesh.vertices[0] - mesh.vertices[-1]) for mesh in parts]
        assert len({len(mesh.vertices) for mesh in parts}) <= 1 and np.allclose(edges, edges[:1], atol=1e-5)
        heights = [np.ptp(mesh.vertices[:, 2]) for mesh in parts]
        assert len(parts) < 4 or np.ptp(heights) > 0.0
        counts.append(len(parts))
        alike += bool(found.looks)
    assert max(counts) > 20 and 4 <= alike <= 12


def test_a_cloth_lies_on_its_table_with_folds_and_is_no_thing() -> None:
    rng = np.random.default_rng(4)
    heights = [cloth(np.array([0.5, 0.4]), rng).vertices[:, 2] for _ in range(20)]
    assert all(low.min() > 0 and low.max() < 0.08 for low in heights)
    assert np.median([low.max() for low in heights]) > 0.008 and np.median([np.median(low) for low in heights]) < 0.008
    for i in range(8):
        found = crowds._draped(np.random.default_rng((16, i)))
        assert found.labels.count(SUPPORT) == 2 and len([1 for label in found.labels if label >= FIRST]) == len(found.ways)


def test_things_with_the_same_look_have_the_same_colours() -> None:
    found = crowds._full(np.random.default_rng((13, 0)))
    numbers = [n for n, label in enumerate(found.labels) if label >= FIRST]
    local = np.random.default_rng(0).uniform(-0.02, 0.02, (50, 50, 3))

    def painted(looks: dict[int, int]) -> list[Array]:
        found.looks = looks
        owners = np.repeat(np.array(numbers[:2]), 25)[:, None].repeat(50, axis=1)
        middles = np.array([mesh.vertices.mean(axis=0) for mesh in found.meshes])
        places = np.concatenate([local[:25], local[:25]]) + middles[owners]
        image = _albedo(found, places, owners, np.random.default_rng(1), several)
        return [image[:25], image[25:]]

    one, two = painted(dict.fromkeys(numbers, 5))
    assert np.allclose(one, two, atol=0.05) or (np.abs(one - two) > 0.05).mean() < 0.02
    one, two = painted({})
    assert not np.allclose(one, two, atol=0.05)


def test_robots_hands_people_and_other_totes_are_background_and_leave_the_things_as_they_are() -> None:
    more = 0
    for i in range(30):
        found = crowds._heaped(np.random.default_rng((10, i)))
        before = len(found.meshes), list(found.labels), list(found.ways)
        surround(found, i % 2 == 0, np.random.default_rng((11, i)))
        added = found.labels[before[0] :]
        assert found.labels[: before[0]] == before[1] and found.ways == before[2] and set(added) <= {BACKGROUND}
        assert all(np.isfinite(mesh.vertices).all() for mesh in found.meshes[before[0] :])
        more += bool(added)
    assert 8 <= more <= 27


def test_a_thing_has_several_prints_and_a_support_one() -> None:
    places = np.random.default_rng(1).uniform(-0.05, 0.05, (4000, 3))

    def colours(support: bool) -> list[int]:
        found = (several(places, np.full(3, 0.5), support, np.random.default_rng((2, i))) for i in range(60))
        return [len(np.unique(colour.round(3), axis=0)) for colour in found]

    things = colours(False)
    assert 10 <= sum(count == 1 for count in things) <= 40 and sum(count > 3 for count in things) >= 15
    for i in range(20):
        told = [paint(places, np.full(3, 0.5), True, np.random.default_rng((2, i))) for paint in (several, printed)]
        assert (told[0] == told[1]).all()


def test_every_maker_makes_things_of_household_size_that_stand_on_the_ground() -> None:
    rng = np.random.default_rng(0)
    for maker in (*(maker for maker, _ in ALL), *VESSELS):
        for _ in range(5):
            vertices = maker(rng).vertices
            size = np.ptp(vertices, axis=0)
            assert np.isfinite(vertices).all() and 0.01 < size.max() < 0.7, maker
            assert vertices[:, 2].min() == pytest.approx(0.0, abs=2e-3), maker


def test_a_soft_toy_is_one_thing_whose_limbs_stand_out() -> None:
    toys = [profile(soft_toy(np.random.default_rng(seed))) for seed in range(30)]
    filled = [~np.isnan(toy.top) for toy in toys]
    assert all(ndimage.label(seen, np.ones((3, 3)))[1] == 1 for seen in filled)
    assert np.mean([seen.mean() for seen in filled]) < 0.65  # a box fills all of its outline, an ellipse 0.79


def test_things_are_let_down_until_they_touch() -> None:
    pile = Pile(Ground())
    assert pile.add(open_box(0.2, 0.2, 0.1, 0.01), np.zeros(2), "apart", level=0.0)
    assert pile.add(box(0.05, 0.05, 0.04), np.zeros(2), "inside")  # within
    assert pile.add(box(0.1, 0.1, 0.05), np.array([0.4, 0.0]), "apart", level=0.0)
    assert pile.add(box(0.05, 0.05, 0.05), np.array([0.4, 0.0]), "stacked")  # upon
    assert not pile.add(box(0.05, 0.05, 0.05), np.array([0.4, 0.05]), "stacked")  # would fall
    assert not pile.add(box(0.05, 0.05, 0.05), np.array([0.4, 0.0]), "apart", level=0.0)
    bottoms = [float(mesh.vertices[:, 2].min()) for mesh in pile.meshes]
    assert bottoms == pytest.approx([0.0, 0.01, 0.0, 0.05], abs=1e-3)
    assert pile.beside(box(0.06, 0.06, 0.06), np.array([0.4, 0.0]), np.pi)
    gap = pile.meshes[2].vertices[:, 0].min() - pile.meshes[-1].vertices[:, 0].max()
    assert -0.002 <= gap < 0.012


def test_a_profile_says_how_low_and_how_high_a_thing_is() -> None:
    found = profile(open_box(0.2, 0.2, 0.1, 0.02))
    middle = tuple(n // 2 for n in found.bottom.shape)
    assert found.bottom[middle] == pytest.approx(0.0, abs=1e-4) and found.top[middle] == pytest.approx(0.02, abs=1e-4)
    assert np.nanmax(found.top) == pytest.approx(0.1, abs=1e-4)
    for turned, shape in ((np.eye(3), (1, 20)), (turn(2, np.pi / 2), (20, 1))):  # no wider than a cell
        thin = profile(box(0.004, 0.0999, 0.02).shifted(0.0025, 0.05, 0).moved(turned))
        assert thin.top.shape == shape and (np.abs(thin.top - 0.02) < 1e-4).all()


def test_a_camera_sees_the_nearest_mesh_at_its_depth_also_where_it_passes_the_camera() -> None:
    floor = box(40, 40, 0.1).shifted(0, 0, -0.1)
    meshes = [box(0.1, 0.1, 0.1), box(0.1, 0.1, 0.1).shifted(0, 0, 0.5), floor]
    camera = Intrinsics(65, 65, 60.0, 60.0, 32.0, 32.0)
    down = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    hits = Triangles(meshes).seen(camera, np.array([0.0, 0.0, 2.0]), down)
    assert hits.reach[32, 32] == pytest.approx(1.4, abs=1e-5) and hits.mesh[32, 32] == 1
    assert hits.reach[0, 0] == pytest.approx(2.0, abs=1e-5) and hits.mesh[0, 0] == 2
    assert np.abs(np.abs(hits.normals[..., 2]) - 1.0).max() <= 1e-6
    # Along the floor, whose triangles end behind the camera: it is seen below the horizon, and nothing above it.
    ahead = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    hits = Triangles([floor]).seen(camera, np.array([0.0, 0.0, 1.0]), ahead)
    v = (np.arange(40, 65) - 32) / 60
    assert hits.reach[40:, 5] == pytest.approx(1 / v, rel=1e-4) and not np.isfinite(hits.reach[:32]).any()


def test_sensors_err_as_sensors_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "painted", lambda rng, rooms: several)  # bright enough for time of flight
    for i, view in enumerate(map(scenes.scene, SEEDS)):
        for number, sensor in product(range(2), sensors.SENSORS):
            read = sensors.sensed_by(sensor, view, np.random.default_rng((i, number)))
            both = (read > 0) & (view.depth > 0)
            assert read.dtype == np.float32 and np.isfinite(read).all() and both.mean() > 0.2
            off = np.abs(read - view.depth)[both]
            if sensor != "time of flight":  # its errors are of depth, those of the others of inverse depth
                off /= view.depth[both] ** 2
            assert np.median(off) < 0.015


def test_depth_runs_from_things_to_what_is_behind_them_in_some_images_and_never_beyond_either() -> None:
    depth = np.full((60, 80), 1.0, np.float32)
    depth[20:40, 30:50] = 0.7
    runs, lost = 0, 0
    for i in range(40):
        read = sensors.misread(depth, np.random.default_rng(i))
        known = read > 0
        assert read.dtype == np.float32 and (read[known] >= 0.7 - 1e-5).all() and (read[known] <= 1 + 1e-5).all()
        assert np.allclose(read[20:40, 30:50][known[20:40, 30:50]], 0.7)
        runs += bool(((read > 0.72) & (read < 0.98)).any())
        lost += bool((~known).any())
    assert 5 <= runs <= 25 and 1 <= lost <= 15


def test_rendering_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SHARD", 2)
    with PoolExecutor(1) as workers:
        (first,) = scenes.render(tmp_path, 2, 7, workers)
        stamp = first.stat().st_mtime_ns
        (second,) = scenes.render(tmp_path, 3, 7, workers)
        (bright,) = scenes.render(tmp_path, 2, 7, workers, rooms=1.0)
    assert first.stat().st_mtime_ns == stamp and [first, second] == scenes.files(tmp_path, 3, 7)
    held, whole = scenes.read(first), scenes.scene((7, 0))
    assert len(held) == 2 and (held.labels[0].numpy() == whole.labels).all() and (held.colour[0].numpy() == whole.colour).all()
    assert held.depth.shape == held.labels.shape == (2, HEIGHT, WIDTH)
    assert held.cameras[0].tolist() == pytest.approx([whole.camera.fx, whole.camera.fy, whole.camera.cx, whole.camera.cy])
    again = scenes.read(second)
    assert not (again.labels[0] == held.labels[0]).all()
    assert [bright] == scenes.files(tmp_path, 2, 7, 1.0) and bright != first
    assert not (scenes.read(bright).colour == held.colour).all()
