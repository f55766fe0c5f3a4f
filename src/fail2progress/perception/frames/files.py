"""RGB-D from files: colour, depth, and the camera's file; images that differ in size or viewpoint are brought together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fail2progress.core.images import TooLargeError, opened
from fail2progress.core.rgbd import Intrinsics, RgbdFrame
from fail2progress.core.scene import Array
from fail2progress.perception.frames.alignment import fit_of, laid
from fail2progress.perception.frames.array_files import MAX_PIXELS, check_size, colours, read_array
from fail2progress.perception.frames.camera_files import Calibration, parse_camera, read_camera
from fail2progress.perception.frames.depth_units import in_metres
from fail2progress.perception.frames.distortion import remapped
from fail2progress.perception.frames.exif import UPRIGHT, orientation_of, turned_to
from fail2progress.perception.frames.registration import registered
from fail2progress.perception.segmentation.base import PerceptionError

__all__ = ["FileFrame", "images", "parse_camera", "read_camera", "read_files", "read_frame", "read_image"]

_PGM = re.compile(rb"P[25](?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)")
"""The head of such a file, with the largest number."""
_SEEN = 0.01
"""Share of an image that has depth once it is registered, at least."""
_SAME = 0.01
"""Share by which the proportions of two images of one camera may differ."""


@dataclass(frozen=True)
class FileFrame:
    """A frame that was read, and what had to be assumed for it: a sentence each."""

    frame: RgbdFrame
    notes: tuple[str, ...]


def read_frame(colour: Path, depth: Path, camera: Path) -> RgbdFrame:
    """The frame of `read_files`."""
    return read_files(colour, depth, camera).frame


def read_files(colour: Path, depth: Path, camera: Path, up: Array | None = None) -> FileFrame:
    """One image pair; up: (3,) in the optical frame, in place of what the camera's file says.

    PerceptionError says which file is wrong and how; OSError where one cannot be opened.
    """
    rgb, raw, turns = _images(colour, depth)
    found = read_camera(camera, (rgb.shape[1], rgb.shape[0]), (raw.shape[1], raw.shape[0]), f"{colour.parent.name}/{colour.stem}")
    metres, notes = in_metres(raw, found.unit, found.scaled, depth)
    notes += turns
    found, turned = _turned(found, (rgb.shape, metres.shape), camera)
    notes += turned
    rgb = remapped(rgb, _fitting(found.intrinsics, rgb.shape, colour, camera), found.lens)
    metres = remapped(metres, _fitting(found.depth or found.intrinsics, metres.shape, depth, camera), found.depth_lens)
    notes += _lens_notes(found, camera.name)
    up, source = (found.up, "the camera's file") if up is None else (up, "given")
    if found.depth is not None and found.depth_to_colour is not None:
        metres, rgb, k, turned = _together(found, metres, rgb, (colour, depth, camera))
        notes += turned
        notes.append(f"depth was registered to colour by the camera's file, at {k.width} x {k.height}")
    else:
        metres, rgb, k = _one_camera(found.intrinsics, metres, rgb, (colour, depth, camera), notes)
        metres, beside = laid(rgb, metres, depth.name)
        notes += beside
        if found.unlinked:
            notes.append(f"{camera.name} has no {found.unlinked}: {depth.name} is taken to be aligned to colour")
    if k.impossible:
        raise PerceptionError(f"{camera}: {k.impossible}")
    if k.doubtful:
        notes.append(f"{camera.name}: {k.doubtful}")
    return FileFrame(RgbdFrame(rgb, metres, k, found.pose, up=up, up_source=source), tuple(notes))


def _lens_notes(found: Calibration, source: str) -> list[str]:
    """One where both images have one lens, or else one for each."""
    if found.lens == found.depth_lens:
        return [] if found.lens is None else [found.lens.note(source)]
    lenses = ((found.lens, "colour"), (found.depth_lens, "depth"))
    return [lens.note(f"{source}, {what}") for lens, what in lenses if lens is not None]


def images(colour: Path, depth: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Colours (H, W, 3), turned as their file says where depth lies so, and depth (H, W) as it is stored."""
    return _images(colour, depth)[:2]


def _images(colour: Path, depth: Path) -> tuple[NDArray[np.uint8], NDArray[Any], list[str]]:
    """Those, and what is to be said of how colours were turned."""
    (rgb, orientation), raw = _colour(colour), _depth(depth)
    if orientation == UPRIGHT:
        return rgb, raw, []
    rgb, notes = turned_to(raw, rgb, orientation, (colour.name, depth.name))
    return rgb, raw, notes


def _colour(path: Path) -> tuple[NDArray[np.uint8], int]:
    """(H, W, 3) as stored, and the orientation that is written beside it."""
    if path.suffix.lower() in (".npy", ".npz"):
        return colours(read_array(path, colour=True), path), UPRIGHT
    rgb = read_image(path)
    if rgb.mode.startswith(("I", "F")):
        raise PerceptionError(f"{path}: a {rgb.mode} image is no colour image; the order is COLOR DEPTH")
    return np.asarray(rgb.convert("RGB"), np.uint8), orientation_of(rgb)


def _depth(path: Path) -> NDArray[Any]:
    """(H, W) as stored."""
    if path.suffix.lower() in (".npy", ".npz"):
        image = read_array(path)
        if image.ndim != 2 or image.dtype.kind not in "uif":
            raise PerceptionError(
                f"{path}: an array of {image.shape} {image.dtype} is no depth image; rows by columns of numbers is"
            )
        return image
    raw = read_image(path)
    if raw.mode not in ("I;16", "I;16B", "I;16L", "I", "F", "L"):
        raise PerceptionError(f"{path}: a {raw.mode} image is no depth image; 16-bit grey (PNG), 32-bit float (TIFF) or .npy is")
    return _unscaled(np.asarray(raw), path) if raw.format == "PPM" else np.asarray(raw)


def _unscaled(image: NDArray[Any], path: Path) -> NDArray[Any]:
    """Whole numbers of a PGM file as they stand there, which Pillow scales by the largest that its head allows."""
    with path.open("rb") as file:
        head = _PGM.match(file.read(1000))
    if head is None or image.dtype.kind == "f":
        return image
    return np.rint(image * (int(head[1]) / (255 if image.dtype.itemsize == 1 else 65535))).astype(image.dtype)


def read_image(path: Path) -> Image.Image:
    """The decoded image, refused before decoding where it is too large. PerceptionError for that, and for what is no image."""
    check_size(path)
    try:
        image = opened(path)
        if image.size[0] * image.size[1] > MAX_PIXELS:
            raise PerceptionError(f"{path}: {image.size[0]} x {image.size[1]} pixels are too many (at most {MAX_PIXELS})")
        image.load()
    except TooLargeError as error:
        raise PerceptionError(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        raise PerceptionError(_unknown(path)) from error
    except (PerceptionError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except (OSError, SyntaxError, ValueError, IndexError, MemoryError, Image.DecompressionBombError) as error:
        raise PerceptionError(f"{path} is damaged: {error}") from error
    return image


def _unknown(path: Path) -> str:
    """Which kinds are read; Pillow takes a TIFF of other numbers for no image at all."""
    with path.open("rb") as file:
        tiff = file.read(4) in (b"II*\0", b"MM\0*")
    numbers = "whole numbers of 8 or 16 bits, signed ones of 32, and floating point of 32"
    if tiff:
        return f"{path} is a TIFF of numbers that are not read, or is damaged: {numbers} are; or save it as .npy"
    return f"{path} is not an image of a kind that is known: PNG, JPEG, TIFF ({numbers}), PGM, PFM and .npy are read"


def _together(
    found: Calibration, metres: NDArray[np.float32], rgb: NDArray[np.uint8], paths: tuple[Path, Path, Path]
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Intrinsics, list[str]]:
    """Depth of one camera in the view of the other, at the size of the smaller, and what had to be assumed."""
    assert found.depth is not None and found.depth_to_colour is not None
    colour, depth, camera = paths
    k_colour, k_depth = _fitting(found.intrinsics, rgb.shape, colour, camera), _fitting(found.depth, metres.shape, depth, camera)
    if rgb.shape[0] > metres.shape[0]:
        k_colour = resized(k_colour, round(k_colour.width * metres.shape[0] / rgb.shape[0]), metres.shape[0])
        rgb = _shrunk(rgb, k_colour)
    ways = [way for way in (found.depth_to_colour, found.by_columns) if way is not None]
    laid_out, notes = _best(rgb, [registered(metres, k_depth, k_colour, way) for way in ways], camera)
    if np.count_nonzero(laid_out) < _SEEN * laid_out.size:
        raise PerceptionError(
            f"{camera}: by its depth_to_color hardly any of {depth} is in view of {colour}; it must lead from depth to colour,"
            " in metres"
        )
    return laid_out, rgb, k_colour, notes


def _best(rgb: NDArray[np.uint8], ways: list[NDArray[np.float32]], camera: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Of depth by a rotation by rows and by columns, what lies better on its colours, and a note."""
    if len(ways) == 1:
        return ways[0], []
    fits = [fit_of(rgb, way) for way in ways]
    lies = [-np.inf if fit is None else fit.here for fit in fits]
    told = "depth lies better on its colours so" if lies[0] != lies[1] else "nothing in the images tells which is right"
    best = int(lies[1] > lies[0])
    name = ("rows", "columns")[best]
    return ways[best], [
        f"{camera.name} does not say how the nine numbers of its rotation go: they are read by {name}, as {told}; write them as"
        " three rows"
    ]


def _one_camera(
    k: Intrinsics, metres: NDArray[np.float32], rgb: NDArray[np.uint8], paths: tuple[Path, Path, Path], notes: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Intrinsics]:
    """Both at the size of the smaller; the images must have the proportions that the camera's file says."""
    colour, depth, camera = paths
    of_colour, of_depth = _fitting(k, rgb.shape, colour, camera), _fitting(k, metres.shape, depth, camera)
    smaller = min((of_colour, of_depth), key=lambda size: size.width)
    if of_colour.width != of_depth.width:
        notes.append(
            f"{colour.name} and {depth.name} differ in size; taken to show the same view, at {smaller.width} x {smaller.height}"
        )
    if of_colour.width != smaller.width:
        rgb = _shrunk(rgb, smaller)
    if of_depth.width != smaller.width:
        rows = ((np.arange(smaller.height) + 0.5) * of_depth.height / smaller.height).astype(int)
        columns = ((np.arange(smaller.width) + 0.5) * of_depth.width / smaller.width).astype(int)
        metres = metres[np.ix_(rows, columns)]
    if smaller.width != k.width:
        notes.append(f"{camera.name} is for {k.width} x {k.height}; scaled to {smaller.width} x {smaller.height}")
    return metres, rgb, smaller


def _turned(found: Calibration, shapes: tuple[tuple[int, ...], ...], camera: Path) -> tuple[Calibration, list[str]]:
    """The camera of images that were turned by a quarter without it, and a note; else what is given. Which way they were turned
    nobody says, so that the middle of the image is taken, between the two places where the camera's own would be."""
    k = found.intrinsics
    upright = all(_proportions(shape[1], shape[0], k.height, k.width) for shape in shapes) and k.width != k.height
    bound = (found.depth, found.lens, found.depth_lens, found.up, found.pose)  # of which nobody knows what they are since
    if not upright or any(part is not None for part in bound):
        return found, []
    turned = Intrinsics(k.height, k.width, k.fy, k.fx, (k.height - 1) / 2, (k.width - 1) / 2)
    note = (
        f"{camera.name} is for {k.width} x {k.height}: the images are taken to be turned by a quarter, with cx and cy in the"
        " middle; write those of the turned image to measure better"
    )
    return replace(found, intrinsics=turned), [note]


def _proportions(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether two images have the same."""
    return abs(width / height / (other_width / other_height) - 1) <= _SAME


def _fitting(k: Intrinsics, shape: tuple[int, ...], path: Path, camera: Path) -> Intrinsics:
    """The camera at the size of an image. PerceptionError where the proportions differ."""
    height, width = shape[:2]
    if not _proportions(width, height, k.width, k.height):
        raise PerceptionError(
            f"{path} is {width} x {height}, but {camera} says {k.width} x {k.height}: give the camera's file of images of this"
            " size, which may be a part of its sensor; images of two cameras need both under color and depth, and depth_to_color"
        )
    return k if width == k.width and height == k.height else resized(k, width, height)


def resized(k: Intrinsics, width: int, height: int) -> Intrinsics:
    """The same camera with another number of pixels."""
    x, y = width / k.width, height / k.height
    return replace(k, width=width, height=height, fx=k.fx * x, fy=k.fy * y, cx=(k.cx + 0.5) * x - 0.5, cy=(k.cy + 0.5) * y - 0.5)


def _shrunk(rgb: NDArray[np.uint8], k: Intrinsics) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(rgb).resize((k.width, k.height), Image.Resampling.BOX), np.uint8)
