"""What `perceive` does with several frames, by the parts that it is made of."""

from pathlib import Path

from fail2progress.cli.perceiving import Perceiving
from fail2progress.perception.relations.geometric import GeometricDetector
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from support import recordings


def test_frames_of_one_name_are_numbered_by_what_is_no_frames_name_yet(tmp_path: Path) -> None:
    (frame,) = recordings.simulated(1)
    looks = Perceiving(LabelledSegmenter(), GeometricDetector(), None)
    called = ["a", "a", "a-2", "a", "b-2", "b", "b"]
    rows, whole = looks.all([(name, lambda: looks.of(frame)) for name in called], len(called), tmp_path)
    names = [row["name"] for row in rows]
    assert whole and names == ["a", "a-2", "a-2-2", "a-3", "b-2", "b", "b-3"]
    assert {path.stem for path in tmp_path.iterdir()} == set(names)
