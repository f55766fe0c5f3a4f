"""Boxes around all of a thing: hidden parts are filled in, and what is less known has a larger deviation."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.learning.segmentation.meshes import Mesh, box, lathe
from fail2progress.perception.amodal import AmodalBox, amodal_boxes
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
FLOOR = (box(8, 8, 0.05).shifted(0, 0, -0.75), (120, 120, 125))
COLOURS = ((180, 50, 45), (50, 80, 170), (225, 225, 222))


def seen(*meshes: Mesh, eye: tuple[float, float, float] = (0.0, -0.7, 0.5)) -> tuple[Perceived, list[AmodalBox]]:
    """The frame, and boxes from left to right (the planning frame's y falls)."""
    things = list(zip(meshes, COLOURS, strict=False))
    found = GeometricSegmenter().segment(frame_of([TABLE, FLOOR, *things], eye, (0.0, 0.0, 0.03)))
    return found, sorted(amodal_boxes(found), key=lambda whole: -whole.pose[1])


def test_a_box_on_a_table_has_its_size_and_stands_on_the_table() -> None:
    found, (whole,) = seen(box(0.12, 0.08, 0.1))
    assert sorted(whole.size[:2]) == pytest.approx([0.08, 0.12], abs=0.02) and whole.size[2] == pytest.approx(0.1, abs=0.01)
    table = found.surfaces[0].points[:, 2].mean()
    assert whole.pose[2] - whole.size[2] / 2 == pytest.approx(table, abs=0.005)
    assert (
        whole.deviation.shape == (6,) and (whole.deviation > 0).all() and whole.deviation.max() < 0.04
    )  # two of them hold 95 of 100 sides


def test_of_what_is_seen_from_low_less_is_known_behind() -> None:
    deviations = []
    for eye in ((0.0, -0.5, 0.75), (0.0, -0.8, 0.18)):
        _, (whole,) = seen(box(0.16, 0.08, 0.12), eye=eye)
        deviations.append(float(whole.deviation[:4].max()))
    assert deviations[1] > 1.3 * deviations[0]


def test_what_stands_behind_something_goes_on_behind_it_and_less_surely() -> None:
    back, front = box(0.2, 0.1, 0.12).shifted(0, 0.12, 0), box(0.14, 0.05, 0.26).shifted(0.1, 0.0, 0)
    found, _ = seen(back, front)
    far = max(range(len(found.segments)), key=lambda i: float(found.segments[i].pose[0]))
    hidden, whole = found.segments[far].hidden, amodal_boxes(found)[far]
    assert hidden is not None and hidden[:4].max() > 0.3
    assert whole.deviation[:4][hidden[:4] > 0.3].min() > whole.deviation[:4][hidden[:4] == 0].min()


def test_what_was_named_but_of_which_nothing_was_read_keeps_its_box() -> None:
    found, _ = seen(box(0.12, 0.08, 0.1))
    (part,) = found.segments
    bare = replace(part, points=part.points[:0], pixels=part.pixels[:0], hidden=None)
    (whole,) = amodal_boxes(replace(found, segments=(bare,)))
    assert np.isfinite(whole.size).all() and np.isfinite(whole.pose).all() and (whole.deviation > 0).all()


def test_a_can_is_as_deep_as_it_is_wide() -> None:
    can = lathe(np.array([[0, 0], [0.04, 0], [0.04, 0.12], [0, 0.12]]), 40)
    _, (whole,) = seen(can, eye=(0.0, -0.7, 0.3))
    assert whole.size[:2] == pytest.approx([0.08, 0.08], abs=0.02)
