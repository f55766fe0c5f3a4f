"""The truth of rendered crowded scenes: what is hollow, and what lies in what, by its meshes alone."""

import numpy as np

from fail2progress.evaluation.clutter_truth import snapshot, truth_of
from fail2progress.learning.segmentation.meshes import Mesh, box, open_box
from fail2progress.learning.segmentation.scenery import FIRST, SUPPORT, Scenery


def scene(*things: tuple[Mesh, tuple[float, float]]) -> Scenery:
    made = Scenery()
    made.add(SUPPORT, box(1, 1, 0.02).shifted(0, 0, -0.02))
    for number, (mesh, place) in enumerate(things):
        made.add(FIRST + number, mesh)
        made.places.append(np.array(place))
    return made


TRAY = open_box(0.2, 0.2, 0.08, 0.004)


def test_what_is_in_across_beside_and_just_at_the_rim() -> None:
    in_it = box(0.04, 0.04, 0.04).shifted(0.02, 0, 0.004), (0.02, 0.0)
    on_it = box(0.3, 0.3, 0.02).shifted(0, 0, 0.08), (0.0, 0.0)
    beside = box(0.05, 0.05, 0.05).shifted(0.2, 0, 0), (0.2, 0.0)
    high = box(0.03, 0.03, 0.2).shifted(0, 0, 0.06), (0.0, 0.0)
    truth = truth_of(scene((TRAY, (0.0, 0.0)), in_it, on_it, beside, high))
    assert truth.hollow.tolist() == [True, False, False, False, False]
    assert truth.inside[:, 0].tolist() == [0, 1, 0, 0, -1] and not truth.inside[:, 1:].any()


def test_of_two_trays_in_one_another_one_is_inside() -> None:
    small = open_box(0.12, 0.12, 0.09, 0.004).shifted(0, 0, 0.004)
    assert truth_of(scene((TRAY, (0.0, 0.0)), (small, (0.0, 0.0)))).inside.tolist() == [[0, 0], [1, 0]]


def test_a_tray_upside_down_holds_nothing() -> None:
    turned = TRAY.moved(np.diag([1.0, -1.0, -1.0]), (0, 0, 0.08))
    assert not truth_of(scene((turned, (0.0, 0.0)))).hollow.any()


def test_a_snapshot_is_the_same_again_and_knows_each_of_its_things() -> None:
    one, other = snapshot(5, 1), snapshot(5, 1)
    assert (one.frame.depth == other.frame.depth).all() and len(one.truth.vertices) == len(one.ways) == int(
        one.things.max(initial=0)
    )
    low = min(points[:, 2].min() for points in one.truth.vertices)
    assert abs(low) < 0.01  # something stands on the table, which is at z = 0
