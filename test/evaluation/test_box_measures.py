"""How boxes around all of a thing are scored."""

import numpy as np
import pytest

from fail2progress.evaluation.box_measures import BoxScore, overlap
from fail2progress.evaluation.clutter_truth import snapshot
from fail2progress.perception.segmentation.registry import segmenter


def test_overlap_of_boxes() -> None:
    one = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert overlap(one, one) == 1.0 and overlap(one, one + 2) == 0.0
    assert overlap(one, one + np.array([0.5, 0.0, 0.0])) == pytest.approx(1 / 3)


def test_boxes_of_a_rendered_scene_are_scored() -> None:
    score, by_geometry = BoxScore(), segmenter("geometric")
    for number in (1, 3):
        shot = snapshot(5, number)
        score.add(shot, by_geometry.segment(shot.frame))
    report = score.as_json()
    assert report["things"] >= 2 and 0.1 < report["iou"] <= 1.0  # type: ignore[operator]
    assert sum(row["sides"] for row in report["by_side"].values()) == 6 * report["things"]  # type: ignore[operator, attr-defined]
