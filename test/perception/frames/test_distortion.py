"""Lens distortion: points that the model projects come to lie where a pinhole has them, and what cannot be undone is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from fail2progress.core.rgbd import Intrinsics, Labels, RgbdFrame
from fail2progress.perception.frames.camera_files import parse_camera
from fail2progress.perception.frames.distortion import Lens, lens_of, remapped, straight
from fail2progress.perception.frames.files import read_files
from support.frame_files import PLAIN

K = Intrinsics(320, 240, 260.0, 262.0, 158.0, 121.5)
BARREL = (-0.28, 0.07, 0.001, -0.002, 0.0)
OF_RATIOS = (0.45, -0.1, 0.0005, 0.0004, 0.02, 0.78, -0.1, 0.03)


def project(x: float, y: float, d: tuple[float, ...]) -> tuple[float, float]:
    """Column and row of the point (x, y, 1), as the documentation of OpenCV and of ROS have it."""
    k1, k2, p1, p2, k3, k4, k5, k6 = (*d, *[0.0] * (8 - len(d)))
    r = np.hypot(x, y)
    ratio = (1 + k1 * r**2 + k2 * r**4 + k3 * r**6) / (1 + k4 * r**2 + k5 * r**4 + k6 * r**6)
    bent_x = x * ratio + 2 * p1 * x * y + p2 * (r**2 + 2 * x**2)
    bent_y = y * ratio + p1 * (r**2 + 2 * y**2) + 2 * p2 * x * y
    return K.fx * bent_x + K.cx, K.fy * bent_y + K.cy


@pytest.mark.parametrize("d", [BARREL[:4], BARREL, (0.12, -0.05, 0.0, 0.001), OF_RATIOS, (*OF_RATIOS, 0.0, 0.0, 0.0, 0.0)])
def test_points_that_the_model_projects_lie_where_a_pinhole_has_them(d: tuple[float, ...]) -> None:
    places = [(x, y) for x in np.linspace(-0.5, 0.5, 7) for y in np.linspace(-0.36, 0.36, 5)]
    image = np.zeros((K.height, K.width), np.uint16)
    for number, (x, y) in enumerate(places, 1):
        column, row = np.round(project(x, y, d[:8])).astype(int)
        image[row - 3 : row + 4, column - 3 : column + 4] = number
    found = remapped(image, K, Lens("plumb_bob", d))
    moved = 0.0
    for number, (x, y) in enumerate(places, 1):
        rows, columns = np.nonzero(found == number)
        assert columns.mean() == pytest.approx(K.fx * x + K.cx, abs=1.0)
        assert rows.mean() == pytest.approx(K.fy * y + K.cy, abs=1.0)
        before = np.nonzero(image == number)[1].mean()
        moved = max(moved, abs(columns.mean() - before))
    assert moved > 2.5


def test_depth_is_not_mixed_and_labels_go_along() -> None:
    halves = np.where(np.arange(K.width) < 200, np.float32(0.5), np.float32(1.5))[None].repeat(K.height, axis=0)
    colour = np.repeat((100 * halves[..., None]).astype(np.uint8), 3, axis=2)
    labels = Labels((1 + (halves > 1)).astype(np.uint16), ("near", "far"), ("cuboid", "cuboid"))
    found = straight(RgbdFrame(colour, halves, K, labels=labels), lens_of("plumb_bob", BARREL))
    assert set(np.unique(found.depth)) <= {np.float32(0), np.float32(0.5), np.float32(1.5)} and found.intrinsics == K
    assert found.labels is not None and ((found.depth == 1.5) == (found.labels.image == 2)).all()
    assert (found.depth != halves).any() and ((found.depth == 1.5) == (found.colour[..., 0] == 150)).all()


def test_rays_that_the_model_folds_back_show_nothing() -> None:
    wide = Intrinsics(320, 240, 100.0, 100.0, 160.0, 120.0)
    found = remapped(np.ones((240, 320), np.float32), wide, Lens("plumb_bob", (-0.28, 0.0, 0.0, 0.0)))
    assert found[120, 160] == 1 and found[120, 160 + 105] == 1 and found[120, 160 + 112] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"distortion_model": "plumb_bob", "distortion_coefficients": {"rows": 1, "cols": 5, "data": list(BARREL)}},
        {"distortion_model": "plumb_bob", "d": list(BARREL)},
        {"model": "distortion.brown_conrady", "coeffs": list(BARREL)},
        {"distortion_model": "radtan", "distortion_coeffs": list(BARREL[:4])},
        {"Camera.k1": -0.28, "Camera.k2": 0.07, "Camera.p1": 0.001, "Camera.p2": -0.002},
        {"camera_model": "OPENCV", "k1": -0.28, "k2": 0.07, "p1": 0.001, "p2": -0.002},
        {"dist_coeffs": [list(BARREL)]},
        {"distortion": {"model": "plumb_bob", "coefficients": list(BARREL)}},
    ],
)
def test_distortion_of_camera_files_of_every_kind_is_understood(fields: dict[str, object]) -> None:
    lens = parse_camera({**PLAIN, **fields}, "camera.json").lens
    assert lens is not None and lens.known and lens.terms == (*BARREL, 0.0, 0.0, 0.0)


def test_a_frame_of_files_is_straight_and_that_is_said(files: tuple[Path, Path, Path]) -> None:
    colour, depth, camera = files
    image = np.full((48, 64), 850, np.uint16)
    image[:, 60:] = 1200
    np.save(depth.with_suffix(".npy"), image)
    seen = {}
    for name, d in (("none", [0.0] * 5), ("pincushion", [0.5, 0.0, 0.0, 0.0, 0.0])):
        camera.write_text(json.dumps({**PLAIN, "distortion_model": "plumb_bob", "d": d}))
        seen[name] = read_files(colour, depth.with_suffix(".npy"), camera)
    assert seen["none"].notes == ()
    assert seen["pincushion"].notes == ("camera.json: the lens's distortion is undone (plumb_bob, 5 coefficients)",)
    assert (seen["none"].frame.depth[24] > 1).sum() == 4
    bent = seen["pincushion"].frame
    # At 0.47 of a focal length the lens shows 0.42: three pixels farther in, and beyond the image's border there is nothing.
    assert (bent.depth[24] > 1).sum() > 0 and int(np.argmax(bent.depth[24] > 1)) == 58
    assert bent.depth[0, 0] == 0 and (bent.colour[0, 0] == 0).all()


@pytest.mark.parametrize(
    ("model", "d"),
    [("equidistant", [0.1, 0.0, 0.0]), ("Inverse Brown Conrady", list(BARREL)), ("plumb_bob", [0.1] * 14), ("plumb_bob", "x")],
)
def test_models_that_are_not_undone_are_told(files: tuple[Path, Path, Path], model: str, d: object) -> None:
    files[2].write_text(json.dumps({**PLAIN, "distortion_model": model, "d": d}))
    read = read_files(*files)
    assert read.frame.depth == pytest.approx(0.85)
    assert len(read.notes) == 1 and f"the lens's distortion is not undone ({model}" in read.notes[0]


@pytest.mark.parametrize("device", ["Intel RealSense D435", "OpenCV AI Kit D", "Omnivision OV5640", "zed2i", "OAK-D"])
@pytest.mark.parametrize("key", ["model", "camera_model"])
def test_the_name_of_a_device_is_no_model_of_its_lens(device: str, key: str) -> None:
    lens = parse_camera({**PLAIN, key: device, "coeffs": list(BARREL)}, "camera.json").lens
    assert lens is not None and lens.known and lens.note("a") == "a: the lens's distortion is undone (plumb_bob, 5 coefficients)"
    fields = {key: device, "distortion_model": "equidistant", "coeffs": list(BARREL)}
    assert parse_camera({**PLAIN, **fields}, "camera.json").lens == Lens("equidistant", BARREL)


@pytest.mark.parametrize("model", ["OPENCV_FISHEYE", "KannalaBrandt8", "Inverse Brown Conrady", "distortion.ftheta"])
def test_another_model_of_lenses_is_told_under_any_key(model: str) -> None:
    lens = parse_camera({**PLAIN, "model": model, "coeffs": list(BARREL)}, "camera.json").lens
    assert lens == Lens(model, BARREL) and not lens.known


@pytest.mark.parametrize(
    ("lens", "said"),
    [
        (Lens("", (0.1,)), "undone (plumb_bob, 1 coefficient)"),
        (Lens("plumb_bob", (0.1,) * 14), "not undone (plumb_bob, 14 coefficients; that of at most 8 would be)"),
        (Lens("equidistant", (0.1,) * 4), "not undone (equidistant, 4 coefficients; that of plumb_bob, rational_polynomial or"),
        (Lens("radtan", (np.nan,)), "not undone (radtan, 1 coefficient; its coefficients are not all numbers)"),
    ],
)
def test_what_becomes_of_a_distortion_is_told_with_the_reason(lens: Lens, said: str) -> None:
    assert lens.note("a").startswith(f"a: the lens's distortion is {said}")


def test_terms_by_name_are_as_many_as_are_named() -> None:
    assert parse_camera({**PLAIN, "k1": 0.1, "k2": 0.0}, "camera.json").lens == Lens("", (0.1, 0.0))
    assert parse_camera({**PLAIN, "k3": 0.1}, "camera.json").lens == Lens("", (0.0, 0.0, 0.0, 0.0, 0.1))


def test_lenses_of_two_cameras_are_told_apart(files: tuple[Path, Path, Path]) -> None:
    link = {"rotation": np.eye(3).tolist(), "translation": [0.0, 0.0, 0.0]}
    depth = {**PLAIN, "distortion_model": "equidistant", "d": [0.1, 0.0, 0.0, 0.0]}
    files[2].write_text(json.dumps({"color": {**PLAIN, "d": list(BARREL)}, "depth": depth, "depth_to_color": link}))
    notes = [note for note in read_files(*files).notes if "distortion" in note]
    assert [note.partition(" (")[0] for note in notes] == [
        "camera.json, colour: the lens's distortion is undone",
        "camera.json, depth: the lens's distortion is not undone",
    ]


def test_no_distortion_in_words_is_none() -> None:
    assert parse_camera({**PLAIN, "distortion": "none"}, "camera.json").lens is None
