"""Folders of RGB-D frames: which colour, depth and camera files belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fail2progress.perception.segmentation.base import PerceptionError

_COLOURS = ("color", "colour", "rgb", "image_color", "image", "images")
_DEPTHS = ("depth", "depths", "disparity", "aligned_depth")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
_DEPTH_FILES = (".png", ".tif", ".tiff", ".npy", ".npz", ".pgm")
_CAMERAS = ("camera.json", "camera.yaml", "camera_info.json", "camera_info.yaml", "scene_camera.json", "intrinsics.json")


@dataclass(frozen=True)
class Pair:
    """One frame: its name, and its files."""

    name: str
    colour: Path
    depth: Path
    camera: Path


def pairs(folder: Path, camera: Path | None = None) -> list[Pair]:
    """All frames of a folder by name: NAME-color and NAME-depth files, or folders rgb and depth with the same names in both.

    camera: the file for all of them; None for NAME.json or camera.json beside each. PerceptionError where nothing fits together.
    """
    found = [(name, a, b) for name, a, b in (*_by_word(folder), *_by_folder(folder))]
    if not found:
        raise PerceptionError(
            f"{folder}: no pairs there; name them NAME-color.png and NAME-depth.png, or put them into folders rgb and depth"
        )
    return [Pair(name, a, b, camera or _camera(folder, name)) for name, a, b in sorted(found)]


def _by_word(folder: Path) -> list[tuple[str, Path, Path]]:
    """Files whose names differ by the words for colour and depth."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    depths = {
        key: path for path in files if path.suffix.lower() in _DEPTH_FILES and (key := _without(path.stem, _DEPTHS)) is not None
    }
    colours = {
        key: path for path in files if path.suffix.lower() in _PICTURES and (key := _without(path.stem, _COLOURS)) is not None
    }
    return [(key or "frame", path, depths[key]) for key, path in colours.items() if key in depths]


def _without(stem: str, words: tuple[str, ...]) -> str | None:
    """A name without one of the words and the sign beside it; None where it has none."""
    for word in sorted(words, key=len, reverse=True):
        if re.search(rf"(^|[-_.]){word}($|[-_.])", stem, re.IGNORECASE):
            return re.sub(rf"(^|[-_.]){word}(?=$|[-_.])", "", stem, count=1, flags=re.IGNORECASE).strip("-_.")
    return None


def _by_folder(folder: Path) -> list[tuple[str, Path, Path]]:
    """The same names in a folder of colours and one of depth."""
    inner = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    colour, depth = (next((inner[word] for word in words if word in inner), None) for words in (_COLOURS, _DEPTHS))
    if colour is None or depth is None:
        return []
    depths = {path.stem: path for path in depth.iterdir() if path.suffix.lower() in _DEPTH_FILES}
    pictures = (path for path in sorted(colour.iterdir()) if path.suffix.lower() in _PICTURES)
    return [(path.stem, path, depths[path.stem]) for path in pictures if path.stem in depths]


def _camera(folder: Path, name: str) -> Path:
    names = (f"{name}.json", f"{name}.yaml", *_CAMERAS)
    found = next((folder / other for other in names if (folder / other).is_file()), None)
    if found is None:
        raise PerceptionError(f"{folder}: no camera file for {name} there; name one with --camera")
    return found
