"""Public data sets: simulated frames written in each layout are read alike and give the same score."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.labelled_frames import NAMES, labelled, layout
from fail2progress.evaluation.studies.labelled_perception import study
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.base import PerceptionError
from fail2progress.perception.segmentation.registry import segmenter
from support.tabletop_frames import FOCAL, frame_of

THINGS = [(box(0.1, 0.07, 0.12).shifted(-0.12, 0.05, 0), (180, 50, 45)), (box(0.07, 0.07, 0.1).shifted(0.1, 0, 0), (50, 80, 170))]


@pytest.fixture(scope="module")
def scene() -> tuple[RgbdFrame, np.ndarray]:
    """A frame, and the numbers of its things by their colours."""
    frame = frame_of([(box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105)), *THINGS], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
    red, green, blue = (frame.colour[..., i].astype(int) for i in range(3))
    return frame, np.where(red > 2 * blue, 1, np.where(blue > 1.5 * red, 2, 0)) * (np.abs(red - green) > 20)


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def _write(folder: Path, kind: str, frame: RgbdFrame, things: np.ndarray) -> None:
    depth, k = np.round(frame.depth * 1000).astype(np.uint16), frame.intrinsics
    camera = {"width": k.width, "height": k.height, "fx": k.fx, "fy": k.fy, "cx": k.cx, "cy": k.cy}
    if kind == "ocid":
        numbers = np.where(things > 0, things + 2, 2).astype(np.uint8)
        for name, image in (("rgb", frame.colour), ("depth", depth), ("label", numbers)):
            _save(folder / "ARID20/table/top/seq01" / name / "result_1.png", image)
    elif kind == "osd":
        for name, image in (("image_color", frame.colour), ("disparity", depth), ("annotation", things.astype(np.uint8))):
            _save(folder / name / "learn0.png", image)
    elif kind == "bop":
        scene = folder / "test/000001"
        _save(scene / "rgb/000003.png", frame.colour)
        _save(scene / "depth/000003.png", depth)
        for i in (1, 2):
            _save(scene / f"mask_visib/000003_{i - 1:06d}.png", ((things == i) * 255).astype(np.uint8))
        matrix = [k.fx, 0, k.cx, 0, k.fy, k.cy, 0, 0, 1]
        (scene / "scene_camera.json").write_text(json.dumps({"3": {"cam_K": matrix, "depth_scale": 1.0}}))
    else:
        for name, image in (("color", frame.colour), ("depth", depth), ("label", things.astype(np.uint8))):
            _save(folder / f"a-{name}.png", image)
    if kind in ("ocid", "osd", "files"):
        (folder / "camera.json").write_text(json.dumps(camera))


@pytest.mark.parametrize("kind", NAMES)
def test_every_layout_gives_the_frame_and_its_things(tmp_path: Path, scene: tuple[RgbdFrame, np.ndarray], kind: str) -> None:
    frame, things = scene
    _write(tmp_path, kind, frame, things)
    assert layout(tmp_path) == kind
    (item,) = labelled(tmp_path, kind)
    assert ((item.things > 0) == (things > 0)).all() and len(np.unique(item.things)) == 3
    assert np.abs(item.frame.depth - frame.depth).max() <= 6e-4 and item.frame.intrinsics.fx == pytest.approx(FOCAL)


@pytest.mark.parametrize(
    ("where", "first"),
    [
        ("ARID20/floor/bottom/seq03", 2),
        ("ARID10/table/top/fruits/seq07", 3),
        ("YCB10/floor/top/cuboid/seq21", 2),
        ("YCB10/table/bottom/mixed/seq30", 3),
    ],
)
def test_subsets_of_ocid_as_published_have_labels_of_a_palette(
    tmp_path: Path, scene: tuple[RgbdFrame, np.ndarray], where: str, first: int
) -> None:
    # A user's own folder may be called as one of the data set's is.
    folder, (frame, things) = tmp_path / "table" / "OCID-dataset", scene
    numbers = np.where(things > 0, things + first - 1, np.arange(things.shape[1]) % first).astype(np.uint8)
    palette = Image.fromarray(numbers, mode="P")
    palette.putpalette([value for i in range(256) for value in (i * 7 % 256, i * 31 % 256, i)])
    for name in ("rgb", "depth", "label"):
        (folder / where / name).mkdir(parents=True)
    file = "result_2018-08-20-12-57-47.png"
    Image.fromarray(frame.colour).save(folder / where / "rgb" / file)
    Image.fromarray(np.round(frame.depth * 1000).astype(np.uint16)).save(folder / where / "depth" / file)
    palette.save(folder / where / "label" / file)
    assert layout(folder) == "ocid"
    (item,) = labelled(folder, "ocid")
    assert ((item.things > 0) == (things > 0)).all() and item.name == f"{where}/label/{file}"
    assert item.frame.intrinsics.fx == pytest.approx(570.34, abs=0.01)


@pytest.mark.parametrize("kind", NAMES)
def test_labels_of_another_size_than_their_frame_are_refused(
    tmp_path: Path, scene: tuple[RgbdFrame, np.ndarray], kind: str
) -> None:
    frame, things = scene
    _write(tmp_path, kind, frame, things)
    path = next(
        path
        for path in sorted(tmp_path.rglob("*.png"))
        if {"label", "annotation", "mask_visib"} & {path.parent.name} or path.name.endswith("-label.png")
    )
    Image.open(path).resize((30, 20)).save(path)
    with pytest.raises(
        PerceptionError, match=f"{path.name} has 30 x 20 pixels and its frame {things.shape[1]} x {things.shape[0]}"
    ):
        list(labelled(tmp_path, kind))


@pytest.mark.parametrize(("name", "said"), [("rgb", "30 x 20 pixels and "), ("label", "Image size")])
def test_images_that_do_not_go_together_or_are_too_large_are_named(
    tmp_path: Path, scene: tuple[RgbdFrame, np.ndarray], name: str, said: str
) -> None:
    _write(tmp_path, "ocid", *scene)
    (path,) = tmp_path.rglob(f"{name}/*.png")
    if name == "rgb":
        Image.open(path).resize((30, 20)).save(path)
    else:
        Image.new("1", (16_000, 16_000)).save(path)
    with pytest.raises(PerceptionError, match=f"{path.name}.*{said}"):
        list(labelled(tmp_path, "ocid"))


def test_the_study_gives_published_measures(tmp_path: Path, scene: tuple[RgbdFrame, np.ndarray]) -> None:
    _write(tmp_path, "bop", *scene)
    report = study(tmp_path, None, segmenter("geometric"), None, lambda text: None)
    assert (report["dataset"], report["frames"], report["things"], report["frames_refused"]) == ("bop", 1, 2, 0)
    assert report["overlap_F"] > 88 and report["boundary_F"] > 60 and report["segmented_75"] == 100  # type: ignore[operator]


def test_a_folder_without_a_known_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="no data set is known"):
        layout(tmp_path)
