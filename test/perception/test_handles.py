"""What only sticks out of a vessel is no part of its mouth: what lies under a pan's handle is not in the pan."""

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import Mesh, box, lathe, tube, union
from fail2progress.learning.segmentation.things import basin
from fail2progress.perception.handles import body
from fail2progress.perception.relations.geometric import detect
from fail2progress.perception.segmentation.base import Perceived
from support.knowing_guide import coloured, seen
from support.tabletop_frames import Coloured, frame_of

TABLE: Coloured = (box(1.0, 0.8, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
RADIUS, HIGH, LONG = 0.11, 0.06, 0.14


def pan() -> Mesh:
    path = np.array([[RADIUS, 0, HIGH * 0.9], [RADIUS + 0.05, 0, HIGH], [RADIUS + LONG, 0, HIGH]])
    return union(basin(RADIUS, HIGH, RADIUS * 0.85, 1.0, 0.003), tube(path, 0.01))


def points_of(mesh: Mesh, count: int = 6000) -> np.ndarray:
    """Points (n, 3) m spread over the triangles of a mesh by their areas."""
    rng = np.random.default_rng(0)
    corners = mesh.vertices[mesh.triangles].astype(float)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.linalg.norm(np.cross(one, other), axis=1)
    rows = rng.choice(len(corners), count, p=areas / areas.sum())
    u, v = rng.random((2, count, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return np.asarray(corners[rows, 0] + u * one[rows] + v * other[rows], np.float32)


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.4])
def test_a_handle_is_no_part_of_the_body_and_all_else_is(turn: float) -> None:
    points = points_of(pan())
    out = points[:, 0] > RADIUS + 0.02
    c, s = np.cos(turn), np.sin(turn)
    kept = body((points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])).astype(np.float32))
    assert kept[points[:, 0] < RADIUS].all() and kept[out].mean() < 0.05 < out.mean()


@pytest.mark.parametrize(
    "mesh",
    [
        basin(0.12, 0.07, 0.08, 0.7, 0.004),
        basin(0.035, 0.09, 0.03, 1.0, 0.003),
        lathe(np.array([[0, 0], [0.05, 0], [0.05, 0.1], [0, 0.1]])),
        box(0.3, 0.2, 0.1),
    ],
)
def test_of_what_has_no_handle_all_is_body(mesh: Mesh) -> None:
    points = points_of(mesh)
    assert body(points).all()
    near = points[points[:, 1] < np.quantile(points[:, 1], 0.3)]  # the side towards a camera
    assert body(near).all() and body(points[:1]).all() and body(points[:0]).all()


RED, GREEN, BLUE = (180, 50, 45), (60, 160, 60), (40, 60, 170)


def test_what_lies_in_a_pan_is_in_it_and_what_lies_under_its_handle_is_not() -> None:
    turned = pan().moved(np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]))  # its handle towards the camera
    cube, bar = box(0.05, 0.045, 0.04).shifted(0.02, 0.0, 0.004), box(0.13, 0.04, 0.035).shifted(0.0, -0.17, 0.0)
    frame = frame_of([TABLE, (turned, BLUE), (cube, GREEN), (bar, RED)], (0.0, -0.5, 0.75), (0.0, -0.05, 0.0))
    found = seen(frame, [coloured(frame, colour) for colour in (BLUE, GREEN, RED)])
    named = {part.colour: part for part in found.segments}
    assert set(named) == {"blue", "green", "red"} and named["blue"].hollow
    assert inside(found) == {(named["green"].id, named["blue"].id)}
    beside = named["blue"].points[named["blue"].points[:, 2] < named["blue"].points[:, 2].max() - HIGH / 2]
    assert (np.abs(beside[:, 1]) < RADIUS + 0.01).all() and (beside[:, 0] > named["green"].points[:, 0].min() - 2 * RADIUS).all()


def test_a_narrow_wall_beside_what_hides_the_rest_of_a_tray_is_body() -> None:
    floor = points_of(box(0.12, 0.12, 0.004))
    for wall in (box(0.012, 0.18, 0.06).shifted(0.09, 0.0, 0.0), box(0.18, 0.012, 0.06).shifted(0.0, -0.09, 0.0)):
        assert body(np.concatenate([floor, points_of(wall)])).all()


def inside(found: Perceived) -> set[tuple[str, str]]:
    return {(a, b) for name, a, b in detect(found).holding() if name == "inside"}
