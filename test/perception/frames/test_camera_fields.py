"""Where a camera's numbers are in what other programs write."""

import json
from pathlib import Path

import pytest

from fail2progress.perception.frames.camera_files import parse_camera, read_camera
from fail2progress.perception.segmentation.base import PerceptionError

NUMBERS = {"fx": 60.0, "fy": 61.0, "cx": 32.0, "cy": 24.0}


@pytest.mark.parametrize("key", ["cam", "camera_params", "color_camera"])
def test_the_camera_may_lie_under_a_key_that_speaks_of_one(key: str) -> None:
    """NICE-SLAM and SplaTAM."""
    found = parse_camera({"dataset": "tum", key: {"H": 48, "W": 64, **NUMBERS, "png_depth_scale": 5000.0}}, "here")
    assert (found.intrinsics.width, found.intrinsics.fx, found.unit) == (64, 60.0, 0.0002)


def test_of_cameras_by_image_each_image_has_its_own(tmp_path: Path) -> None:
    """BOP's scene_camera.json."""

    def entry(fx: float) -> dict[str, object]:
        return {"cam_K": [fx, 0, 32.0, 0, 61.0, 24.0, 0, 0, 1], "depth_scale": 1.0}

    path = tmp_path / "scene_camera.json"
    path.write_text(json.dumps({"0": entry(60.0), "7": entry(90.0)}))
    for image, fx in (("000000", 60.0), ("000007", 90.0), ("scene_3_rgb_7", 90.0), ("picture", 60.0)):
        assert read_camera(path, (64, 48), image=image).intrinsics.fx == fx
    with pytest.raises(PerceptionError, match=r"scene_camera.json has no camera for image 8: it lists those of 2 images, 0 to 7"):
        read_camera(path, (64, 48), image="000008")
    path.write_text(json.dumps({"0": entry(60.0), "7": {**entry(60.0), "cam_R_w2c": [0.0] * 9}}))
    assert read_camera(path, (64, 48), image="000008").intrinsics.fx == 60.0


@pytest.mark.parametrize(
    "others",
    [
        {"depth_camera": {**NUMBERS, "fx": 40.0}},
        {"ir_cam": {**NUMBERS, "fx": 40.0}},
        {"camera_extrinsics": {"rotation": [1, 0, 0], "translation": [0, 0, 0]}},
        {"right_camera": {**NUMBERS, "fx": 40.0}, "cam_pose": {"k": 3}},
    ],
)
def test_of_several_cameras_that_of_colour_is_taken(others: dict[str, object]) -> None:
    assert parse_camera({**others, "color_camera": NUMBERS}, "here", (64, 48)).intrinsics.fx == 60.0
    with pytest.raises(PerceptionError, match="it has fx under cam_a and cam_b; put the one of the color image under color"):
        parse_camera({"cam_a": NUMBERS, "cam_b": {**NUMBERS, "fx": 40.0}}, "here", (64, 48))


@pytest.mark.parametrize("beside", [{"f": 0.05}, {"k": 2}, {"matrix": [[1.0, 0.0], [0.0, 1.0]]}])
def test_what_lies_beside_a_camera_does_not_hide_it(beside: dict[str, object]) -> None:
    assert parse_camera({**beside, "camera": NUMBERS}, "here", (64, 48)).intrinsics.fx == 60.0


LARGE = {"fx": 120.0, "fy": 122.0, "cx": 66.0, "cy": 49.0}


@pytest.mark.parametrize(
    "size",
    [
        *({key: [128, 96]} for key in ("image_size", "img_size", "resolution", "calibImageSize", "imageResolution", "size")),
        {"resolution": {"width": 128, "height": 96}},
        {"captured_image_size": {"height": 96.0, "width": 128.0}},
        {"cols": 128, "rows": 96},
        {"image_shape": [96, 128, 3]},
        {"image_size": "128x96"},
        {"image_size": [128, 96], "width": 128, "height": 96, "tag_size": [3, 2], "crop_size": [10, 12]},
        {"img_w": 128, "img_h": 96},
    ],
)
def test_the_size_that_a_file_states_is_that_of_its_camera(size: dict[str, object]) -> None:
    """Beside the numbers, or around them."""
    for content in ({**LARGE, **size}, {"camera": LARGE, **size}, {"camera": {"intrinsics": LARGE, **size}}):
        k = parse_camera(content, "camera.json", (64, 48)).intrinsics
        assert (k.width, k.height) == (128, 96)


def test_two_numbers_of_a_size_are_ordered_by_the_middle_of_the_lens() -> None:
    wide = {"fx": 600.0, "fy": 600.0, "cx": 318.0, "cy": 121.0}
    for size in ([640, 240], [240, 640]):
        k = parse_camera({**wide, "image_size": size}, "camera.json", (64, 24)).intrinsics
        assert (k.width, k.height) == (640, 240)


def test_sizes_that_contradict_one_another_are_told() -> None:
    with pytest.raises(PerceptionError, match="it states several sizes of the image: 640 x 480 and 128 x 96"):
        parse_camera({**LARGE, "image_size": [640, 480], "width": 128, "height": 96}, "camera.json")


PLAIN = {"fx": 600, "fy": 601, "cx": 320, "cy": 240}


@pytest.mark.parametrize(
    ("more", "width", "fx"),
    [
        ({"width": 640, "height": 480, "raw_width": 1280, "raw_height": 960}, 640, 600),
        ({"orig_width": 1920, "orig_height": 1080, "width": 640, "height": 480}, 640, 600),
        ({"width": 640, "height": 480, "raw_size": [1280, 960]}, 640, 600),
        ({"raw_width": 1280, "raw_height": 960}, 1280, 600),
        ({"rows": 6, "cols": 9}, 640, 600),
        ({"sensor_width": 6.4, "sensor_height": 4.8}, 640, 600),
        ({"image_shape": [3, 480, 640]}, 640, 600),
        ({"frame_size": [3, 480, 640]}, 640, 600),
        ({"size": [10, 20]}, 640, 600),
        ({"dim": [3, 4]}, 640, 600),
        ({"image_size": [480, 640]}, 640, 600),
        ({"image_size": [480, 640], "width": 640, "height": 480}, 640, 600),
        ({"depth_scale": 1000, "depth_scale_max": 10}, 640, 600),
    ],
)
def test_sizes_of_something_else_change_nothing(more: dict[str, object], width: int, fx: float) -> None:
    """Of a sensor in millimetres, of a chessboard, of an image before it was made smaller, and with the height first."""
    found = parse_camera({**PLAIN, **more}, "k.json", (640, 480)).intrinsics
    assert (found.width, found.fx, found.cx, found.cy) == (width, fx, 320, 240)


def test_the_middle_of_the_lens_stays_where_a_size_has_the_height_first() -> None:
    found = parse_camera(
        {"K": [[600, 0, 335], [0, 600, 250], [0, 0, 1]], "image_size": [480, 640]}, "k.json", (640, 480)
    ).intrinsics
    assert (found.width, found.height, found.cx, found.cy) == (640, 480, 335, 250)


def test_an_image_is_found_by_its_name_among_thousands() -> None:
    content = {f"{i:06d}.png": {"cam_K": [600 + i, 0, 320, 0, 600, 240, 0, 0, 1]} for i in range(2000)}
    assert parse_camera(content, "k.json", (640, 480), "rgb/001234").intrinsics.fx == 1834
