"""Frames of one's own with boxes: read, or told what they need."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fail2progress.evaluation.boxed_frames import read_boxed
from fail2progress.perception.segmentation.base import PerceptionError
from support.frame_files import PLAIN

THINGS = [{"name": "mug", "box_xyxy_px": [12, 8, 19, 17]}, {"name": "book", "box_xyxy_px": [0, 0, 9, 9]}]


def written(folder: Path, content: object, name: str = "a") -> Path:
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(folder / f"{name}-color.png")
    Image.fromarray(np.full((48, 64), 850, np.uint16)).save(folder / f"{name}-depth.png")
    (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_frames_are_read_with_their_camera_or_that_of_all(tmp_path: Path) -> None:
    written(tmp_path, {"camera": PLAIN, "objects": THINGS, "on": [["mug", "book"]]})
    written(tmp_path, {"objects": THINGS}, "b")
    (tmp_path / "camera.json").write_text(json.dumps({**PLAIN, "fx": 50.0}))
    one, other = read_boxed(tmp_path)
    assert (one.name, one.truth.on, one.truth.inside) == ("a", (("mug", "book"),), ())
    assert [item.name for item in other.truth.objects] == ["mug", "book"]
    assert (one.frame.intrinsics.fx, other.frame.intrinsics.fx) == (60.0, 50.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"camera": PLAIN}, r"a\.json: objects is missing; the form is .*box_xyxy_px"),
        ({**PLAIN, "objects": [{"name": "mug", "box": [1, 2, 3, 4]}]}, r"objects\.0\.box_xyxy_px is missing"),
        ({**PLAIN, "objects": [{"name": "mug", "box_xyxy_px": [1, 2, 3]}]}, r"objects\.0\.box_xyxy_px"),
        ("{", r"a\.json is not JSON"),
        ({**PLAIN, "objects": [THINGS[0], THINGS[0]]}, r"a\.json: .*two things are called 'mug'"),
        ({**PLAIN, "objects": THINGS, "on": [["mug", "shelf"]]}, "'shelf' is in a relation and is no thing of the frame"),
        (
            {**PLAIN, "objects": [{"name": "mug", "box_xyxy_px": [19, 8, 12, 17]}]},
            r"objects\.0: .*box of 'mug' is not x0, y0, x1, y1",
        ),
        ({**PLAIN, "objects": [{"name": "mug", "box_xyxy_px": [12, 17, 19, 17]}]}, "x0 < x1 and y0 < y1"),
    ],
)
def test_what_a_frame_needs_is_told(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(PerceptionError, match=said):
        read_boxed(written(tmp_path, content))


def test_a_folder_without_frames_or_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "camera.json").write_text(json.dumps(PLAIN))
    with pytest.raises(PerceptionError, match=r"no frame NAME\.json with boxes there; its form is"):
        read_boxed(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"objects": []}))
    with pytest.raises(PerceptionError, match=r"a\.json: there is no a-color\.png beside it"):
        read_boxed(tmp_path)
