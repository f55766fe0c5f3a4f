"""Frames with true masks, in the layouts of public data sets: OCID, OSD, BOP, and NAME-color, NAME-depth, NAME-label files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.perception.frames.camera_files import read_camera
from fail2progress.perception.frames.files import images, read_files, read_image
from fail2progress.perception.segmentation.base import PerceptionError

NAMES = ("ocid", "osd", "bop", "files")
XTION = Intrinsics(640, 480, 570.3422, 570.3422, 319.5, 239.5)
"""The camera of OCID: an ASUS Xtion with the values of its driver."""
KINECT = Intrinsics(640, 480, 525.0, 525.0, 319.5, 239.5)
"""The camera of OSD: a Kinect with the values of its driver."""
_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Labelled:
    """A frame with numbers (H, W) of its things, 0 for none."""

    name: str
    frame: RgbdFrame
    things: NDArray[np.int64]


def layout(folder: Path) -> str:
    """Which of NAMES a folder has. PerceptionError where it has none."""
    if next(folder.glob("**/scene_camera.json"), None):
        return "bop"
    if (folder / "annotation").is_dir():
        return "osd"
    if next(folder.glob("**/label/*.png"), None):
        return "ocid"
    if next(folder.glob("*-label.png"), None):
        return "files"
    raise PerceptionError(
        f"{folder}: no data set is known there; OCID has label/, OSD annotation/, BOP scene_camera.json, others NAME-label.png"
    )


def labelled(folder: Path, kind: str) -> Iterator[Labelled]:
    """All frames, in order of their names. PerceptionError names the file that is missing or wrong."""
    yield from {"ocid": _ocid, "osd": _osd, "bop": _bop, "files": _files}[kind](folder)


def _ocid(folder: Path) -> Iterator[Labelled]:
    """SUBSET/{floor, table}/{top, bottom}/[KIND/]SEQUENCE/{rgb, depth, label}/NAME.png; label 1 is the floor, and where there
    is a table, label 2 is that. The last folder called floor or table counts: others are those that a data set lies in."""
    for path in sorted(folder.glob("**/label/*.png")):
        support = 2 if next((part for part in reversed(path.parts) if part in ("floor", "table")), "") == "table" else 1
        rest = path.parent.parent
        frame = _frame(rest / "rgb" / path.name, rest / "depth" / path.name, XTION, 0.001)
        things = _labels(path, frame)
        yield Labelled(str(path.relative_to(folder)), frame, np.where(things > support, things, 0))


def _osd(folder: Path) -> Iterator[Labelled]:
    """{image_color, disparity, annotation}/NAME.png."""
    for path in sorted((folder / "annotation").glob("*.png")):
        frame = _frame(folder / "image_color" / path.name, folder / "disparity" / path.name, KINECT, 0.001)
        yield Labelled(path.name, frame, _labels(path, frame))


def _bop(folder: Path) -> Iterator[Labelled]:
    """.../SCENE/{rgb, depth, mask_visib} and scene_camera.json, by the number of the image."""
    for cameras in sorted(folder.glob("**/scene_camera.json")):
        scene = cameras.parent
        for number in sorted(int(key) for key in json.loads(cameras.read_bytes())):
            masks = sorted((scene / "mask_visib").glob(f"{number:06d}_*.png"))
            if not masks:
                continue
            colour = next((p for p in (scene / "rgb").glob(f"{number:06d}.*") if p.suffix.lower() in _PICTURES), None)
            if colour is None:
                raise PerceptionError(f"{scene}/rgb has no image {number:06d}")
            frame = read_files(colour, scene / "depth" / f"{number:06d}.png", cameras).frame
            things = np.zeros(frame.depth.shape, np.int64)
            for i, path in enumerate(masks):
                things[_labels(path, frame) > 0] = i + 1
            yield Labelled(f"{scene.name}/{number:06d}", frame, things)


def _files(folder: Path) -> Iterator[Labelled]:
    """NAME-color.png, NAME-depth.png, NAME-label.png, and NAME.json or camera.json with the camera."""
    for path in sorted(folder.glob("*-label.png")):
        name = path.name.removesuffix("-label.png")
        own = folder / f"{name}.json"
        camera = own if own.is_file() else folder / "camera.json"
        frame = read_files(folder / f"{name}-color.png", folder / f"{name}-depth.png", camera).frame
        yield Labelled(name, frame, _labels(path, frame))


def _frame(colour: Path, depth: Path, camera: Intrinsics, unit: float) -> RgbdFrame:
    """A pair of one known camera; a camera.json beside the folders takes its place."""
    for path in (colour, depth):
        if not path.is_file():
            raise PerceptionError(f"{path} is missing")
    own = next((folder / "camera.json" for folder in colour.parents[:6] if (folder / "camera.json").is_file()), None)
    rgb, raw = images(colour, depth)
    if rgb.shape[:2] != raw.shape:
        raise PerceptionError(f"{colour} has {_size(rgb)} pixels and {depth} {_size(raw)}; a pair of one camera has as many")
    k = read_camera(own, (raw.shape[1], raw.shape[0])).intrinsics if own else camera
    size = raw.shape[1] / k.width
    k = replace(k, width=raw.shape[1], height=raw.shape[0], fx=k.fx * size, fy=k.fy * size, cx=k.cx * size, cy=k.cy * size)
    return RgbdFrame(rgb, np.asarray(raw * unit, np.float32), k)


def _labels(path: Path, frame: RgbdFrame) -> NDArray[np.int64]:
    """(H, W) numbers of a frame's pixels."""
    image = np.asarray(read_image(path))
    if image.shape[:2] != frame.depth.shape:
        raise PerceptionError(f"{path} has {_size(image)} pixels and its frame {_size(frame.depth)}")
    if image.ndim == 3:  # colours stand for numbers
        image = image[..., :3].astype(np.int64) @ np.array([65536, 256, 1])
    return image.astype(np.int64)


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
