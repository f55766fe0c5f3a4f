"""Scores of perception, on segments that are known."""

from collections import Counter

import numpy as np
import pytest

from fail2progress.core.objects import Shape
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import pose
from fail2progress.evaluation.boxed_frames import Boxed, BoxedFrame, Truth
from fail2progress.evaluation.studies.perception import Study, _summary, box_iou, compare, real, score, snapshot
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment, Segmenter
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.tasks.tabletops import tabletop


def test_true_segments_score_full_marks() -> None:
    table, frame = snapshot(2)
    rows = score(table, frame, LabelledSegmenter().segment(frame))
    assert rows and all(row["iou"] == pytest.approx(1.0) for row in rows)


def test_a_frame_that_is_refused_counts_as_missed() -> None:
    class Refuses(Segmenter):
        def segment(self, frame: RgbdFrame) -> Perceived:
            raise PerceptionError("no table found")

    report = Study(1, 2).run(Refuses(), lambda text: None)["simulated"]
    assert isinstance(report, dict)
    assert report["found"] == 0.0 and report["frames_refused"] == 1 and report["mean_iou"] == 0.0
    frame = BoxedFrame("a", snapshot(2)[1], Truth(objects=(Boxed(name="mug", box_xyxy_px=(0, 0, 9, 9)),), on=()))
    told: list[str] = []
    own = real(Refuses(), [frame], told.append)
    assert (own["objects"], own["found"], own["found_share"], own["frames_refused"]) == (1, 0, 0.0, 1)
    assert told == ["frame a refused: no table found"] and own["frames"][0]["missed"] == ["mug"]  # type: ignore[index]


def test_where_nothing_was_to_be_found_nothing_is_told(recwarn: pytest.WarningsRecorder) -> None:
    found = _summary([], Counter({"refused": 1}), [])
    assert found["found"] is found["mean_iou"] is found["segments_per_object"] is None and found["frames_refused"] == 1
    assert set(found) == set(_summary([{"how": "alone", "iou": 0.7}], Counter(), [])) and not recwarn.list
    assert real(LabelledSegmenter(), [], lambda text: None)["found_share"] is None


def test_tables_are_the_same_for_the_same_seed() -> None:
    one, other = (tabletop(np.random.default_rng(5), 6) for _ in range(2))
    assert one.scene.objects == other.scene.objects and one.arrangement == other.arrangement
    assert set(one.arrangement) == set(one.scene.names) - {"table"}


def test_boxes_are_compared_by_overlap() -> None:
    assert box_iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert box_iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert box_iou((0, 0, 10, 10), (20, 20, 30, 30)) == 0.0


def test_objects_are_found_by_their_boxes_one_segment_each() -> None:
    pixels = np.array([0, 5, 64 * 5 + 5])
    segment = Segment("a", "cuboid", Shape.CUBOID, np.zeros((3, 3), np.float32), pixels, pose(0, 0, 0), np.ones(3), 1.0)
    perceived = Perceived((segment,), (), np.eye(4), 64, 48, {"total": 0.1})
    drawn = (Boxed(name="cup", box_xyxy_px=(0, 0, 5, 5)), Boxed(name="can", box_xyxy_px=(0, 0, 5, 6)))
    row = compare(perceived, Truth(objects=drawn, inside=(("can", "cup"),)))
    assert (row["found"], row["objects"], row["missed"]) == (1, 2, ["can"])
    assert (row["relations"], row["relations_found"], row["false_relations"]) == (1, 0, 0)
