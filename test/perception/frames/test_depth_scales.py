"""What a step of depth is, wherever a camera's file says it and however it calls it."""

import pytest

from fail2progress.perception.frames.camera_files import parse_camera
from fail2progress.perception.segmentation.base import PerceptionError
from support.frame_files import PLAIN


@pytest.mark.parametrize(
    "scale",
    [
        {"depth": {"scale": 0.0001}},
        {"depth": {"intrinsics": PLAIN, "scale_m_per_unit": 0.0001}},
        {"metadata": {"depth_scale": 0.0001}},
        {"depth_sensor": {"depth_scale": 0.0001}},
        {"Preprocessing": {"depthmap_factor": 10_000.0}},
        {"streams": [{"name": "depth", "unit": "mm", "depth_scale": 0.0001}]},
        {"integer_depth_scale": 0.0001},
        {"depth_scale_m_per_unit": 0.0001},
        {"depth_to_meters": 0.0001},
        {"depth_to_m": 0.0001},
        {"depth_divisor": 10_000},
        {"depth_multiplier": 10_000},
        {"depth_units_um": 100},
        {"depth_scale_mm": 0.1},
        {"depth_scale": "0.0001"},
        {"depth_units": 100, "coeffs": [0.0] * 5},
        {"depth_units": 0.0001, "coeffs": [0.0] * 5},
        {"depth_scale": 10_000, "depth": {"scale": 0.0001}, "depth_unit_factor": 1.0},
    ],
)
def test_a_scale_is_known_wherever_it_stands(scale: dict[str, object]) -> None:
    found = parse_camera({"color": PLAIN, **scale}, "camera.json") if "depth" in scale else parse_camera({**PLAIN, **scale}, "a")
    assert found.unit == pytest.approx(0.0001) and found.scaled


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"depth_scale": 1000, "metadata": {"depth_scale": 0.0001}}, r"depth_scale = 1000 and depth_scale = 0.0001 say that"),
        ({"depth": {"scale": 0.001}, "depth_divisor": 10_000}, r"depth_divisor = 10000 and depth\.scale = 0.001 say that"),
        ({"depth_scale_wobble": 0.3}, r"it is not understood what depth_scale_wobble = 0.3 says of a step of depth; write"),
        ({"depth_scale": -1.0}, r"it is not understood what depth_scale = -1.0 says"),
        ({"depth_scale_mm": 1000}, r"depth_scale_mm = 1000 would be 1 m a step of depth, which no camera has"),
        (
            {"depth_unit_m": 0.001, "depth": {"depth_unit_m": 0.0001}},
            "depth_unit_m stands in it with several values: 0.001, 0",
        ),
    ],
)
def test_scales_that_disagree_or_are_not_understood_are_named(content: dict[str, object], says: str) -> None:
    with pytest.raises(PerceptionError, match=rf"camera\.json: {says}"):
        parse_camera({**PLAIN, **content}, "camera.json")
    if "depth_unit_m" not in content:
        assert parse_camera({**PLAIN, **content, "depth_unit_m": 0.002}, "camera.json").unit == 0.002


@pytest.mark.parametrize(
    "other",
    [
        {"depth_decoder": {"scale_factor": 2}},
        {"max_depth_m": 3.0, "depth_near_meters": 0.2},
        {"depth": {"width": 64, "exposure": 100}, "color": {"scale": 0.5}},
        {"depth_colormap_scale": 0.03, "depth_scales": [1, 2]},
    ],
)
def test_other_numbers_of_depth_are_no_scale(other: dict[str, object]) -> None:
    assert parse_camera({"camera": PLAIN, **other}, "camera.json").unit is None
