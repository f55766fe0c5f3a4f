"""Which images are taken for a camera's colour and depth by their names, and what is advised where that cannot be told."""

from collections.abc import Iterable
from itertools import chain

import pytest

from fail2progress.ros.bags.recorded import BagError
from fail2progress.ros.bags.survey import CAMERA_INFO, IMAGE, Topic
from fail2progress.ros.bags.topics import Choice, Chooser

KINDS = {"c": (IMAGE, "rgb8"), "g": (IMAGE, "mono8"), "d": (IMAGE, "16UC1"), "i": (CAMERA_INFO, "")}


def topics(*names: str) -> list[Topic]:
    """By names that begin with what they hold: c for colour, g for grey, d for depth, i for a camera info."""
    found = []
    for kind, name in ((name[0], name[1:]) for name in names):
        type_, encoding = KINDS[kind]
        found.append(Topic(name, type_, count=1, encodings={encoding} - {""}))
    return found


def camera(place: str) -> list[str]:
    """Topics of a RealSense camera in a namespace."""
    return [f"c{place}/color/image_raw", f"d{place}/aligned_depth_to_color/image_raw", f"i{place}/color/camera_info"]


def chosen(names: Iterable[str], **choice: str) -> tuple[str, ...]:
    """Names of colour, depth and camera info."""
    chooser = Chooser(topics(*names), Choice.parse(**choice))  # type: ignore[arg-type]
    colour = chooser.colour()
    depth = chooser.depth(colour)
    return tuple("" if topic is None else topic.name for topic in (colour, depth, chooser.info(colour, depth)))


def plain(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name[1:] for name in names)


@pytest.mark.parametrize(
    "place",
    [
        "/left_wrist_camera", "/cam_right_wrist/camera", "/upright_camera", "/left", "/robot/right", "/right_camera",
        "/mask_robot", "/debug", "/infrared_site/cam", "/robot/left_arm",
    ],
)  # fmt: skip
def test_a_whole_camera_is_one_whatever_it_is_called(place: str) -> None:
    assert chosen(camera(place)) == plain(camera(place))
    beside = [*camera(place), *camera("/robot/head")]
    if place.endswith("/camera"):  # the stack's own names come first
        assert chosen(beside) == plain(camera(place))
        return
    with pytest.raises(BagError, match=r"more than one robot or camera|several topics"):
        chosen(beside)


def test_two_arms_can_be_chosen() -> None:
    names = list(chain(camera("/left"), camera("/right"), camera("/head")))
    with pytest.raises(BagError, match="say which: --robot left or --robot right or --robot head"):
        chosen(names)
    assert chosen(names, robot="left") == plain(camera("/left"))
    inside = list(chain(camera("/r/left"), camera("/r/right")))
    assert chosen(inside, camera="right") == plain(camera("/r/right"))


@pytest.mark.parametrize(
    "beside",
    [
        ("g/camera/infra1/image_rect_raw", "i/camera/infra1/camera_info", "g/camera/infra2/image_rect_raw"),
        ("c/camera/left/color/rect/image", "i/camera/left/color/rect/camera_info", "c/camera/right/color/rect/image"),
        ("c/camera/left_raw/image_raw_color", "c/camera/color/image_left"),
        ("d/camera/labels", "c/segmentation/image_raw", "g/detector/mask", "d/camera/depth_confidence"),
        ("d/camera/ir/image_raw", "c/detector/debug_image"),
        ("c/yolo/color_labeled/image", "c/labeled_rgb", "c/seg/labelmap", "c/segmentations/image", "c/camera/maskrcnn/image"),
        ("c/infra1_rgb/x/y/image", "c/yolo/debug/vis/color", "g/camera/infra1/image_rect_raw/throttle", "g/camera/leftIR/image"),
    ],
)
def test_images_that_are_neither_colour_nor_depth_are_left_out_beside_a_camera(beside: tuple[str, ...]) -> None:
    names = camera("/camera")
    assert chosen([*beside, *names]) == plain(names)
    assert chosen([*names, *beside]) == plain(names)


def test_the_eye_that_depth_is_of_is_colour_where_there_is_no_other() -> None:
    names = ["c/zed/left/image_rect_color", "d/zed/depth/depth_registered", "i/zed/left/camera_info"]
    assert chosen(names) == plain(names)
    with pytest.raises(BagError, match=r"several topics of the bag could be it: .*; say which: --topic color:=/zed/left/ima"):
        chosen([*names, "c/zed/right/image_rect_color", "i/zed/right/camera_info"])


def test_what_is_not_colour_is_taken_only_where_it_was_asked_for() -> None:
    names = ["g/robot/infra1/image_rect_raw", "d/robot/depth/image_rect_raw", "i/robot/infra1/camera_info"]
    assert chosen(names)[0] == ""
    assert chosen(names, robot="robot") == plain(names)
    inside = ["g/cam/ir/image", "d/cam/ir/depth", "i/cam/other/camera_info"]
    assert chosen(inside, camera="ir")[:2] == plain(inside)[:2]


VIEWER = [
    "c/device_0/sensor_1/Color_0/image/data",
    "d/device_0/sensor_0/Depth_0/image/data",
    "i/device_0/sensor_1/Color_0/info/camera_info",
]


def test_the_camera_info_is_the_one_that_shares_most_of_its_name_with_colours() -> None:
    assert chosen([*VIEWER, "i/device_0/sensor_0/Depth_0/info/camera_info"]) == plain(VIEWER)
    beside_depth = ["c/cam/color/image_raw", "d/cam/aligned/image_raw", "i/cam/aligned/camera_info", "i/cam/depth/camera_info"]
    assert chosen(beside_depth)[2] == "/cam/aligned/camera_info"


def test_an_option_that_leaves_no_whole_camera_is_not_advised() -> None:
    names = ["c/cam/colour", "d/cam/deep", "i/one/camera_info", "i/two/camera_info"]
    with pytest.raises(BagError) as told:
        chosen(names)
    assert str(told.value).endswith("say which: --topic info:=/one/camera_info")
    assert "--camera" not in str(told.value) and "--robot" not in str(told.value)
