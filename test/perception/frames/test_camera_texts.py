"""The forms in which programs write cameras as text."""

from pathlib import Path

import pytest

from fail2progress.perception.frames.camera_files import read_camera
from fail2progress.perception.segmentation.base import PerceptionError

ENUMERATED = """Device info:
    Name                          :     Intel RealSense D435
 Intrinsic of "Color" / 64x48 / {YUYV/RGB8}
  Width:      \t64
  Height:     \t48
  PPX:        \t32.0
  PPY:        \t24.0
  Fx:         \t60.0
  Fy:         \t61.0
  Distortion: \tInverse Brown Conrady
  Coeffs:     \t-0.05  \t0.06  \t0  \t0  \t0
  FOV (deg):  \t55.65 x 43.18

 Intrinsic of "Color" / 64x48 / {BGR8}
  Width:      \t64
  Height:     \t48
  PPX:        \t32.0
  PPY:        \t24.0
  Fx:         \t60.0
  Fy:         \t61.0
  Distortion: \tInverse Brown Conrady
  Coeffs:     \t-0.05  \t0.06  \t0  \t0  \t0
  FOV (deg):  \t55.65 x 43.18

 Intrinsic of "Color" / 128x96 / {YUYV/RGB8}
  Width:      \t128
  Height:     \t96
  PPX:        \t64.5
  PPY:        \t48.5
  Fx:         \t120.0
  Fy:         \t122.0

 Intrinsic of "Depth" / 64x48 / {Z16}
  Width:      \t64
  Height:     \t48
  PPX:        \t31.0
  PPY:        \t23.0
  Fx:         \t40.0
  Fy:         \t40.0

Extrinsic from "Depth"\t  To\t  "Color" :
 Rotation Matrix:
   0.8            -0.6            0
   0.6             0.8            0
   0               0              1

 Translation Vector: 0.015  0.001  0.0002
"""
XML = """<?xml version="1.0"?>
<opencv_storage>
<cameraMatrix type_id="opencv-matrix">
<rows>3</rows>
<cols>3</cols>
<dt>d</dt>
<data>
 60. 0. 32. 0. 61. 24. 0. 0. 1.</data></cameraMatrix>
<distCoeffs type_id="opencv-matrix"><rows>1</rows><cols>4</cols><dt>d</dt><data>0.1 0. 0. 0.</data></distCoeffs></opencv_storage>
"""
ZED = """[LEFT_CAM_HD]
fx=600
fy=610
cx=640
cy=360
k1=-0.17

[LEFT_CAM_VGA]
fx=60
fy=61
cx=32
cy=24

[RIGHT_CAM_VGA]
fx=70
fy=71
cx=32
cy=24
"""


@pytest.mark.parametrize(
    "text",
    [
        "60 61 32 24\n",
        "64 48 60 61 32 24\n",
        "# Camera intrinsics matrix\n60 0 32\n0 61 24\n0 0 1\n",
        "fx = 60\nfy = 61\ncx = 32\ncy = 24\n",
        "# of a run\nfx 60\nfy 61\ncx 32\ncy 24\n",
        "m_color = 60 0 32 0 0 61 24 0 0 0 1 0 0 0 0 1\nm_shift = 1000\n",
        "cam0=[60 0 32; 0 61 24; 0 0 1]\nwidth=64\nheight=48\n",
        "P0: 6e1 0 32 0 0 6.1e1 24 0 0 0 1 0\n",
        "# Camera list\n1 PINHOLE 64 48 60 61 32 24\n",
        "1 OPENCV 64 48 60 61 32 24 0 0 0 0\n",
        "%YAML:1.0\nCamera.fx: 60\nCamera.fy:61\nCamera.cx: 32\nCamera.cy: 24\nViewer.PointSize:2\n",
        XML,
        ENUMERATED,
        "[camera]\nfx: 60\nfy: 61\ncx: 32\ncy: 24\n",
    ],
)
def test_texts_of_many_programs_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "camera").write_text(text)
    k = read_camera(tmp_path / "camera", (64, 48)).intrinsics
    assert (k.width, k.height, k.fx, k.fy, k.cx, k.cy) == (64, 48, 60.0, 61.0, 32.0, 24.0)


def test_what_rs_enumerate_devices_tells_is_all_read(tmp_path: Path) -> None:
    """It writes rotations as rows, though RealSense keeps them by columns."""
    (tmp_path / "camera.txt").write_text(ENUMERATED)
    found = read_camera(tmp_path / "camera.txt", (64, 48), (64, 48))
    assert found.lens is not None and found.lens.model == "Inverse Brown Conrady" and not found.lens.known
    assert found.depth is not None and found.depth.fx == 40.0 and found.depth_to_colour is not None
    assert found.depth_to_colour[:2, :2].tolist() == [[0.8, -0.6], [0.6, 0.8]]
    assert found.depth_to_colour[:3, 3].tolist() == [0.015, 0.001, 0.0002]
    assert read_camera(tmp_path / "camera.txt", (128, 96), (64, 48)).intrinsics.fx == 120.0


def test_a_lens_of_xml_and_of_colmap_is_read(tmp_path: Path) -> None:
    for text, lens in ((XML, (0.1, 0.0, 0.0, 0.0)), ("1 SIMPLE_RADIAL 64 48 60 32 24 0.02\n", (0.02,))):
        (tmp_path / "camera").write_text(text)
        found = read_camera(tmp_path / "camera", (64, 48)).lens
        assert found is not None and found.coefficients == lens and found.known
    (tmp_path / "camera").write_text("1 OPENCV_FISHEYE 64 48 60 61 32 24 0.1 0 0 0\n")
    found = read_camera(tmp_path / "camera", (64, 48)).lens
    assert found is not None and not found.known


@pytest.mark.parametrize(("size", "fx"), [((1280, 720), 600.0), ((672, 376), 60.0)])
def test_the_section_of_the_image_s_size_is_taken(tmp_path: Path, size: tuple[int, int], fx: float) -> None:
    """Of the calibration that ZED cameras come with; depth is in the view of the left one."""
    (tmp_path / "SN1.conf").write_text(ZED)
    k = read_camera(tmp_path / "SN1.conf", size).intrinsics
    assert (k.width, k.fx) == (size[0], fx)
    with pytest.raises(PerceptionError, match="it has fx under LEFT_CAM_HD and LEFT_CAM_VGA"):
        read_camera(tmp_path / "SN1.conf", (640, 480))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[STEREO]\nBaseline=119.87\n", "nor settings by lines with fx"),
        ("fx = 60\nfx = 70\nfy = 61\ncx = 32\ncy = 24\n", "fx: this key stands here twice"),
        ("1 FOV 64 48 60 61 32 24 0.9\n", "COLMAP's camera 1 has the model FOV, which is not read"),
        ("<?xml version='1.0'?>\n<opencv_storage><K>", "is not XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<opencv_storage>&b;</opencv_storage>", "camera: no camera|camera is|camera: expected"),
        ("fx: 60\nfy: 61\ncx: 32\ncy: 24\n1: 2\n'1': 3\n", "this key stands here twice"),
        ("1 2 3 4 5\n", "expected fx"),
    ],
)
def test_texts_that_are_no_camera_are_told(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "camera").write_text(text)
    with pytest.raises(PerceptionError, match=says):
        read_camera(tmp_path / "camera", (64, 48))
