"""Folders of RGB-D frames: which colour, depth and camera files belong together, by names as people give them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fail2progress.perception.camera_files import read_camera
from fail2progress.perception.segmentation.base import PerceptionError

_COLOURS = ("image_color", "color", "colour", "rgb", "images", "image")
_DEPTHS = ("aligned_depth", "depths", "depth", "disparity")
"""Words for both, those that say most first."""
_MORE = "raw|imgs?|images?|aligned|registered|rectified|measured?|map|frames?"
"""Words beside those two, which tell no frame from another."""
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
_DEPTH_FILES = (".png", ".tif", ".tiff", ".npy", ".npz", ".pgm")
_CAMERAS = ("camera.json", "camera.yaml", "camera_info.json", "camera_info.yaml", "scene_camera.json", "intrinsics.json")
_CAMERA_FILES = (".json", ".yaml", ".yml", ".txt", ".intr", ".npy", ".npz", ".mat")
_TRIED = 20
"""Files of a folder that are looked into for a camera, at most."""


@dataclass(frozen=True)
class Pair:
    """One frame: its name, and its files. guessed: the camera's file was told by what is in it, not by its name."""

    name: str
    colour: Path
    depth: Path
    camera: Path
    guessed: bool = False


def pairs(folder: Path, camera: Path | None = None) -> list[Pair]:
    """All frames of a folder by name: NAME-color and NAME-depth files, or folders rgb and depth with the same names in both.

    camera: the file for all of them; None for NAME.json or camera.json beside each, or whatever file there is of a camera.
    PerceptionError where nothing fits together.
    """
    found = sorted([*_by_word(folder), *_by_folder(folder)])
    if not found:
        raise PerceptionError(
            f"{folder}: no pairs there; name them NAME-color.png and NAME-depth.png, or put them into folders rgb and depth"
        )
    if camera is not None:
        return [Pair(name, a, b, camera) for name, a, b in found]
    named = {name: _named(folder, name) for name, _, _ in found}
    taken = {path for _, a, b in found for path in (a, b)}
    others = _of_cameras(folder, taken) if None in named.values() else []
    return [Pair(name, a, b, named[name] or _nearest(folder, name, others), named[name] is None) for name, a, b in found]


def _by_word(folder: Path) -> list[tuple[str, Path, Path]]:
    """Files whose names differ by the words for colour and depth; or the only ones of both kinds."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    depths = _with_word(files, _DEPTHS, _DEPTH_FILES)
    colours = _with_word([path for path in files if path not in depths.values()], _COLOURS, _PICTURES)
    if len(colours) == len(depths) == 1:
        (key, colour), depth = next(iter(colours.items())), next(iter(depths.values()))
        return [(key or "frame", colour, depth)]
    return [(key or "frame", path, depths[key]) for key, path in colours.items() if key in depths]


def _with_word(files: Iterable[Path], words: tuple[str, ...], endings: tuple[str, ...]) -> dict[str, Path]:
    found = ((_without(path.stem, words), path) for path in files if path.suffix.lower() in endings)
    return {key: path for key, path in found if key is not None}


def _without(stem: str, words: tuple[str, ...]) -> str | None:
    """A name without one of the words, the sign beside it, and words that say no more; None where it has none."""
    for word in words:
        if re.search(rf"(^|[-_.]|(?<=\d)){word}(?=$|[-_.\d])", stem, re.IGNORECASE):
            rest = re.sub(rf"(^|[-_.]|(?<=\d)){word}(?=$|[-_.\d])", "", stem, count=1, flags=re.IGNORECASE)
            return re.sub(rf"(^|[-_.])({_MORE})(?=$|[-_.\d])", "", rest, flags=re.IGNORECASE).strip("-_.")
    return None


def _by_folder(folder: Path) -> list[tuple[str, Path, Path]]:
    """The same names in a folder of colours and one of depth."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    depths = {key: path for path in inner if (key := _without(path.name, _DEPTHS)) is not None}
    colours = {key: path for path in inner if path not in depths.values() and (key := _without(path.name, _COLOURS)) is not None}
    found = []
    for key, colour in colours.items():
        if key in depths:
            names = _by_stem(depths[key], _DEPTHS, _DEPTH_FILES)
            pictures = _by_stem(colour, _COLOURS, _PICTURES)
            found += [(f"{key}_{name}".strip("_"), path, names[name]) for name, path in pictures.items() if name in names]
    return found


def _by_stem(folder: Path, words: tuple[str, ...], endings: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder by their names without one of the words."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings)
    return {_without(path.stem, words) or path.stem: path for path in files}


def _named(folder: Path, name: str) -> Path | None:
    """The camera's file of a frame by the names that are asked for."""
    names = (f"{name}.json", f"{name}.yaml", *_CAMERAS)
    return next((folder / other for other in names if (folder / other).is_file()), None)


def _of_cameras(folder: Path, taken: set[Path]) -> list[Path]:
    """Files of a folder that say what a camera is, whatever their names."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _CAMERA_FILES and path not in taken)
    return [path for path in files[:_TRIED] if _is_camera(path)]


def _is_camera(path: Path) -> bool:
    try:
        read_camera(path, (1, 1))
    except (PerceptionError, OSError):
        return False
    return True


def _nearest(folder: Path, name: str, cameras: list[Path]) -> Path:
    """Of several files of cameras, the one that shares the most of a frame's name; PerceptionError where two share as much."""
    if not cameras:
        raise PerceptionError(
            f"{folder}: no camera file for {name} there; name one with --camera,"
            " or put a camera.json with fx, fy, cx and cy there"
        )
    words = set(re.findall(r"\d+|[a-z]+", name.lower()))
    shared = [len(words & set(re.findall(r"\d+|[a-z]+", path.stem.lower()))) for path in cameras]
    best = [path for path, count in zip(cameras, shared, strict=True) if count == max(shared)]
    if len(best) > 1:
        raise PerceptionError(f"{folder}: several camera files for {name}: {', '.join(path.name for path in best)}; --camera")
    return best[0]
