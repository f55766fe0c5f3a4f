"""Numbers and stamps in the names of images."""

from pathlib import Path

import pytest

from fail2progress.perception.frames.frame_numbers import by_numbers, contradict


def paired(colours: tuple[str, ...], depths: tuple[str, ...]) -> list[tuple[str, str]]:
    found = by_numbers([Path(name) for name in colours], [Path(name) for name in depths])
    return [(colour.name, depth.name) for _, colour, depth in found]


@pytest.mark.parametrize(
    ("colours", "depths", "right"),
    [
        (("1.png", "2.png"), ("0001.png", "0002.png"), 2),
        (("0000001-000000000000.png", "0000002-000000033369.png"), ("00001-000000000013.png", "00002-000000000000.png"), 2),
        (("1305031102.175304.png",), ("1305031102.160407.png",), 1),
        (("rgb_1305031102175.png",), ("depth_1305031102160.png",), 1),  # thousandths of a second
        (("1700000000005000000.png",), ("1700000000015000000.png",), 1),  # billionths
        (("left_0007_cam1.png",), ("left_7_cam1.png",), 1),
    ],
)
def test_images_of_one_number_or_moment_are_paired(colours: tuple[str, ...], depths: tuple[str, ...], right: int) -> None:
    assert paired(colours, depths) == list(zip(colours, depths, strict=True)) and len(colours) == right


@pytest.mark.parametrize(
    ("colours", "depths"),
    [
        (("rgb_1305031107.178.png",), ("depth_1305031103.178.png",)),
        (("2024-01-01_12-00-01.png",), ("2024-01-01_12-05-01.png",)),
        (("0007_cam1.png",), ("0003_cam1.png",)),
        (("0001_13.png", "0002_23.png"), ("00001_33.png", "00002_43.png")),
        (("1.png", "01.png"), ("1.png",)),
        (("a.png",), ("b.png",)),
        ((), ("1.png",)),
    ],
)
def test_images_whose_numbers_contradict_are_not(colours: tuple[str, ...], depths: tuple[str, ...]) -> None:
    assert paired(colours, depths) == []


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [("1", "2", True), ("0001", "1", False), ("", "2", False), ("8", "16", False), ("1920x1080", "640x576", False)],
)
def test_what_two_names_number_contradicts(one: str, other: str, apart: bool) -> None:
    assert contradict(one, other) == apart
