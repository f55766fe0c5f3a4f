"""Drawers in the fronts of boxes are found, shut and pulled out; nothing is found in what only looks like one."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.relations.geometric import GeometricDetector, detect
from fail2progress.perception.segmentation.base import Perceived, Segment
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.tasks.registry import task
from support.cabinets import TABLE, WOOD, cabinet, turned
from support.tabletop_frames import Coloured, frame_of

AHEAD, ASIDE = (0.0, -0.9, 0.7), (0.35, -0.75, 0.8)
LOW, HIGH = (0.30, 0.25, 0.15), (0.35, 0.30, 0.34)
Size = tuple[float, float, float]


def seen(things: list[Coloured], eye: Size = AHEAD, noise: float = 0.0012) -> Perceived:
    return GeometricSegmenter().segment(frame_of([TABLE, *things], eye, (0.0, 0.0, 0.1), noise))


def called(found: Perceived, kind: str) -> list[Segment]:
    return [part for part in found.surfaces if part.category == kind]


@pytest.mark.parametrize("noise", [0.0, 0.002])
@pytest.mark.parametrize("eye", [AHEAD, ASIDE])
@pytest.mark.parametrize(("size", "openings", "yaw"), [(LOW, (0.0,), 0.4), (HIGH, (0.0, 0.0, 0.0), 0.0), (LOW, (0.03,), 0.0)])
def test_every_drawer_of_a_cabinet_is_found(size: Size, openings: tuple[float, ...], yaw: float, eye: Size, noise: float) -> None:
    found = seen(cabinet(size, openings, yaw), eye, noise)
    (body,) = called(found, "cabinet")
    drawers = called(found, "drawer")
    assert len(drawers) == len(openings) and not found.segments
    assert np.allclose(sorted(body.size), sorted(size), atol=0.012)
    assert all(abs(drawer.size[1] - (size[0] - 0.038)) < 0.012 for drawer in drawers)
    heights = [float(drawer.pose[2]) for drawer in drawers]
    assert heights == sorted(heights)


def test_drawers_pulled_out_by_different_ways_stand_where_their_fronts_are() -> None:
    found = seen(cabinet(HIGH, (0.12, 0.06, 0.0)))
    fronts = [float(np.quantile(drawer.points[:, 0], 0.01)) for drawer in called(found, "drawer")]
    body = float(np.quantile(called(found, "cabinet")[0].points[:, 0], 0.01))
    assert np.allclose([body - front for front in fronts], [0.112, 0.052, -0.0105], atol=0.006)


def test_a_thing_in_an_open_drawer_stays_a_thing() -> None:
    block: Coloured = (box(0.05, 0.05, 0.05).shifted(0.02, -0.2, 0.03), (60, 60, 190))
    found = seen([*cabinet(LOW, (0.16,)), block], (0.0, -0.75, 0.9))
    assert len(called(found, "drawer")) == 1 and len(found.segments) == 1
    assert np.allclose(found.segments[0].size[:2], 0.05, atol=0.015)


@pytest.mark.parametrize("opening", [0.0, 0.04, 0.16])
@pytest.mark.parametrize("degrees", [0, 60, 90, 180, 270])
def test_a_drawer_is_open_or_shut_whatever_way_its_front_faces_in_the_frame(opening: float, degrees: int) -> None:
    frame, angle = frame_of([TABLE, *cabinet(LOW, (opening,))], AHEAD, (0.0, 0.0, 0.1)), np.radians(degrees)
    by_hand = GeometricSegmenter().segment(frame).pose
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    found = GeometricSegmenter().segment(replace(frame, pose=turn @ by_hand))
    for state in (detect(found), GeometricDetector().observe(found.cloud()).relations):
        assert (state.value("open", "drawer_1") > 0.5) is (opening > 0.0)
        assert (state.value("inside", "drawer_1", "cabinet_1") > 0.5) is (opening == 0.0)


def _box(colour: tuple[int, int, int] = WOOD) -> Coloured:
    return box(0.3, 0.25, 0.2), colour


PRINT: Coloured = (box(0.24, 0.0004, 0.14).shifted(0, -0.1253, 0.03), (190, 60, 50))
LINES: list[Coloured] = [(box(0.24, 0.0004, 0.003).shifted(0, -0.1253, z), (20, 20, 20)) for z in (0.03, 0.17)] + [
    (box(0.003, 0.0004, 0.14).shifted(x, -0.1253, 0.03), (20, 20, 20)) for x in (-0.12, 0.12)
]
NEAR_BOX: Coloured = (box(0.24, 0.1, 0.15).shifted(0, -0.176, 0), WOOD)
SHELF = cabinet((0.3, 0.25, 0.2), (0.0,))[:1]


@pytest.mark.parametrize(
    "things",
    [[_box()], [_box(), PRINT], [_box(), *LINES], [_box(), NEAR_BOX], SHELF],
    ids=["plain", "print", "lines", "box", "shelf"],
)
@pytest.mark.parametrize("eye", [AHEAD, ASIDE])
@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_what_is_only_like_a_drawer_is_none(things: list[Coloured], eye: Size, noise: float) -> None:
    for yaw in (0.0, 0.3):
        found = seen([(turned(mesh, yaw), colour) for mesh, colour in things], eye, noise)
        assert not called(found, "drawer") and not called(found, "cabinet")


@pytest.mark.parametrize("opening", [0.0, 0.015, 0.04, 0.1, 0.18])
def test_the_drawer_of_drawer_tidying_is_seen_by_the_stretch(opening: float) -> None:
    scene = task("drawer-tidying").trial(1, 560200005).scene
    row, poses = scene.index("drawer"), scene.poses.copy()
    poses[row, 0] -= opening
    look = SimulatedStretch(scene.with_poses(poses, {"drawer": opening})).looks[0]
    assert look.labels is not None
    found = GeometricSegmenter().segment(replace(look, labels=None))
    (drawer,) = called(found, "drawer")
    true = look.labels.image.ravel() == row + 1
    shown = np.zeros(true.size, bool)
    shown[drawer.pixels] = True
    assert (shown & true).sum() > 0.85 * (shown | true).sum()
    assert len(called(found, "cabinet")) == 1 and len(found.segments) == 1


def test_what_stands_lower_before_a_box_is_no_drawer_of_it() -> None:
    step: Coloured = (box(1.2, 0.9, 0.2).shifted(0, 0.4, 0), (120, 120, 125))
    upper: Coloured = (box(0.3, 0.25, 0.15).shifted(0, 0.13, 0.2), WOOD)
    panel: Coloured = (box(0.24, 0.01, 0.12).shifted(0, -0.15, 0.0), (190, 60, 50))
    found = seen([step, upper, panel], (0.0, -0.9, 0.9))
    assert not called(found, "drawer") and not called(found, "cabinet")
