"""Camera files as other programs write them, and the way up that some of them state.

Read are JSON, YAML, OpenCV's XML, settings by lines and sections (.ini, .conf), a text file or `.npy` with the numbers of a
matrix, or with those of one of four columns, and the same under a name in a `.npz` or `.mat` file (GraspNet, YCB). Whatever has a
focal length there is looked at, wherever it lies: ROS, RealSense, Open3D, BOP, OpenCV, ORB-SLAM, Kalibr, COLMAP and others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import Array
from fail2progress.perception.frames.camera_fields import EXPECTED, by_number, pinhole, stated_size
from fail2progress.perception.frames.camera_keys import Whose, plain
from fail2progress.perception.frames.camera_links import is_realsense, link_in, tells_a_motion
from fail2progress.perception.frames.camera_poses import parse_up, rigid
from fail2progress.perception.frames.camera_search import Found, cameras, chosen, listed
from fail2progress.perception.frames.camera_texts import BARE, content_of
from fail2progress.perception.frames.depth_scales import unit_in
from fail2progress.perception.frames.distortion import Lens
from fail2progress.perception.frames.lens_fields import lens_in
from fail2progress.perception.segmentation.base import PerceptionError

_SPEAKS = re.compile(r"meta|cam|intr|calib|^k$", re.IGNORECASE)
"""Words of names of files in which bare numbers are a camera's, though nobody named it."""
_SAME = 1e-3
"""Share by which the numbers of two cameras differ at most that are one."""


@dataclass(frozen=True)
class Calibration:
    """What a camera file says. intrinsics: of the colour image; unit: m of a step of depth, None where it does not say;
    up: (3,) in the optical frame, or None; pose: (4, 4) from the optical frame to a frame with z up, or None; depth: the depth
    camera where it is another one, and depth_to_colour (4, 4) between the optical frames, m; lens, depth_lens: of both images."""

    intrinsics: Intrinsics
    unit: float | None = None
    up: Array | None = None
    pose: Array | None = None
    depth: Intrinsics | None = None
    depth_to_colour: Array | None = None
    scaled: bool = False
    """Whether `unit` comes from a scale, which may count steps a metre, metres a step or millimetres a step."""
    lens: Lens | None = None
    depth_lens: Lens | None = None
    unlinked: str = ""
    """What it lacks to bring depth and colour together, where it tells of another camera for depth or where that is."""
    by_columns: Array | None = None
    """depth_to_colour with its rotation by columns, where nobody says whether the nine numbers of it go by rows."""


def read_camera(
    path: Path, size: tuple[int, int] | None = None, depth_size: tuple[int, int] | None = None, image: str = ""
) -> Calibration:
    """A camera file. size, depth_size: width and height of both images, for files that do not say; image: the name of the colour
    image, after that of its folder and a /, for those that list cameras by image or name. PerceptionError says what is wrong."""
    return parse_camera(content_of(path), str(path), size, image or path.stem, depth_size)


def speaks_of_a_camera(path: Path) -> bool:
    """Whether a file says something of focal lengths, though it may be wrong; OSError where it cannot be opened."""
    return any(found.rank < 3 for found in _all_of(path))


def holds_a_camera(path: Path) -> bool:
    """Whether a file that nobody named has one: focal lengths of less than a pixel are those of a pose's rotation, and numbers of
    which nothing says what they are may be of anything."""
    found = _all_of(path)
    if any(BARE in one.fields for one in found) and not _SPEAKS.search(path.stem):
        return False
    own = (one for one in found if one.whole and one.whose in (Whose.COLOUR, Whose.UNSAID))
    return any((value or 0.0) > 1.0 for one in own for value in one.values[:1])


def _all_of(path: Path) -> list[Found]:
    try:
        content = content_of(path)
        return cameras(by_number(content, "", str(path), _told)) if isinstance(content, dict) else []
    except PerceptionError:
        return []


def _told(entry: Mapping[str, Any]) -> object:
    """What an entry says of the camera itself, and not of its place."""
    return [one.values for one in cameras(entry)], unit_in(entry, entry, "")


def parse_camera(
    content: object,
    source: str,
    size: tuple[int, int] | None = None,
    image: str = "",
    depth_size: tuple[int, int] | None = None,
) -> Calibration:
    """The same from decoded content; image: the name of the colour image, for files that list cameras by image."""
    content = plain(content)
    if not isinstance(content, (dict, list)):
        raise PerceptionError(f"{source}: {EXPECTED}")
    tree = by_number(content, image, source, _told) if isinstance(content, dict) else content
    found = cameras(tree)
    colour = _of_colour(found, source, image, size)
    intrinsics = pinhole(colour, source, size)
    unit, scaled = unit_in(tree, colour.fields, source, is_realsense(tree))
    others = _of_depth(found)
    link = link_in(tree, source, others[0].whose is not Whose.DEPTH) if others else None
    depth = None if link is None else chosen(others, source, image, depth_size, stated_size, "depth")
    return Calibration(
        intrinsics,
        unit,
        _up(colour.fields, source),
        rigid(colour.fields.get("camera_pose"), source, "camera_pose"),
        None if depth is None else pinhole(depth, f"{source}, depth", depth_size),
        None if link is None else link.motion,
        scaled,
        lens_in(colour.fields),
        lens_in(colour.fields) if depth is None else lens_in(depth.fields),
        "" if depth is not None else _unlinked(tree, colour, others),
        None if link is None else link.other,
    )


def _of_colour(found: list[Found], source: str, image: str, size: tuple[int, int] | None) -> Found:
    """The camera of the colour image. PerceptionError says what there is instead."""
    own = [one for one in found if one.whose in (Whose.COLOUR, Whose.UNSAID)]
    colour = chosen(own, source, image, size, stated_size)
    if colour is not None:
        return colour
    if found:
        raise PerceptionError(f"{source}: it has fx under {listed(found)}; put the one of the color image under color")
    raise PerceptionError(f"{source}: no camera is found in it; {EXPECTED}")


def _of_depth(found: list[Found]) -> list[Found]:
    """What may be the depth camera; that of infrared is, where no other is called so."""
    others = [one for one in found if one.whole and one.whose in (Whose.DEPTH, Whose.INFRARED)]
    return [one for one in others if one.whose is Whose.DEPTH] or others


def _unlinked(tree: object, colour: Found, others: list[Found]) -> str:
    """What a file lacks to bring depth and colour together, where it tells of another camera for depth or where that is."""
    if others:
        return "" if any(_one_camera(colour, other) for other in others) else "depth_to_color for its other camera"
    return "depth, the other camera's own fx, fy, cx and cy" if tells_a_motion(tree) else ""


def _one_camera(one: Found, other: Found) -> bool:
    """Whether both have the same numbers, or the same shares of images of which both sizes are stated."""
    if one.same(other):
        return True
    size, another = stated_size(one, ""), stated_size(other, "")
    if size is None or another is None:
        return False
    mine, others = np.array(one.values, np.float64) / (*size, *size), np.array(other.values, np.float64) / (*another, *another)
    return bool(np.allclose(mine, others, rtol=_SAME, atol=_SAME))


def _up(fields: Mapping[str, Any], source: str) -> Array | None:
    if "up" in fields:
        return parse_up(fields["up"], f"{source}, up")
    if "gravity" in fields:
        return -parse_up(fields["gravity"], f"{source}, gravity")
    return None
