"""Lenses by the names and flags that programs give them."""

import json
from pathlib import Path

import pytest

from fail2progress.perception.frames.camera_files import parse_camera
from fail2progress.perception.frames.distortion import Lens
from fail2progress.perception.frames.files import read_files
from support.frame_files import PLAIN

FIVE = [-0.0556, 0.0668, -0.0004, 0.0006, -0.0213]


@pytest.mark.parametrize(
    ("number", "model"), [(1, "modified_brown_conrady"), (2, "inverse_brown_conrady"), (3, "ftheta"), (5, "kannala_brandt4")]
)
def test_integers_of_realsense_are_models_of_their_own(number: int, model: str) -> None:
    lens = parse_camera({**PLAIN, "model": number, "coeffs": FIVE}, "camera.json").lens
    assert lens == Lens(model, tuple(FIVE)) and not lens.known
    straight = parse_camera({**PLAIN, "model": 4, "coeffs": FIVE}, "camera.json").lens
    assert straight is not None and straight.known
    other = parse_camera({**PLAIN, "model": number, "dist_coeffs": FIVE}, "camera.json").lens
    assert other is not None and other.model == ""  # of some other program, a number of a device
    assert parse_camera({**PLAIN, "model": number, "coeffs": [0.0] * 5}, "camera.json").lens is None


@pytest.mark.parametrize(
    "flag",
    [
        {"is_fisheye": True},
        {"fisheye": True},
        {"intrinsic_type": "FISHEYE"},
        {"camera_type": "fisheye"},
        {"lens": "wide", "lens_model": "OPENCV_FISHEYE"},
        {"projection_model": "equidistant"},
    ],
)
def test_a_fisheye_lens_is_not_undone_as_another(flag: dict[str, object], files: tuple[Path, Path, Path]) -> None:
    files[2].write_text(json.dumps({**PLAIN, "distortion": [0.01, 0.02, -0.01, 0.003], **flag}))
    assert any("the lens's distortion is not undone (" in note for note in read_files(*files).notes)


def test_a_fisheye_lens_without_coefficients_is_no_pinhole() -> None:
    assert parse_camera({**PLAIN, "is_fisheye": True}, "camera.json").lens == Lens("fisheye", ())
    assert parse_camera({**PLAIN, "is_fisheye": False}, "camera.json").lens is None
