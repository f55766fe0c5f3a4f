"""How boxes are scored, and how the laws of their sides are fitted."""

import numpy as np
import pytest

from fail2progress.evaluation.box_measures import BoxScore, fitted, overlap
from fail2progress.evaluation.clutter_truth import snapshot
from fail2progress.perception.segmentation.registry import segmenter


def test_overlap_of_boxes() -> None:
    one = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert overlap(one, one) == 1.0 and overlap(one, one + 2) == 0.0
    assert overlap(one, one + np.array([0.5, 0.0, 0.0])) == pytest.approx(1 / 3)


def test_laws_are_found_again_in_what_they_made() -> None:
    rng = np.random.default_rng(0)
    scale, missing = rng.uniform(0.05, 0.3, 3000), rng.uniform(0.0, 0.1, 3000)
    excess = 0.01 + 0.1 * scale + 0.5 * missing + (0.004 + 0.05 * scale) * rng.standard_t(4, 3000)
    law = fitted({"far": list(zip(scale, missing, excess, np.zeros(3000), strict=True))})["far"]
    mean, _ = law.at(0.2, 0.05)
    assert mean == pytest.approx(0.055, abs=0.003)
    assert law.at(0.3, 0.05)[1] > 1.5 * law.at(0.05, 0.05)[1]


def test_boxes_of_a_rendered_scene_are_scored() -> None:
    score, by_geometry = BoxScore(), segmenter("geometric")
    for number in (1, 3):
        shot = snapshot(5, number)
        score.add(shot, by_geometry.segment(shot.frame))
    report = score.as_json()
    assert report["things"] >= 2 and 0.1 < report["iou"] <= 1.0  # type: ignore[operator]
    assert sum(row["sides"] for row in report["by_side"].values()) == 6 * report["things"]  # type: ignore[operator, attr-defined]
