"""Folders of RGB-D frames: which colour, depth and camera files belong together, by names as people give them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fail2progress.perception.camera_files import read_camera
from fail2progress.perception.segmentation.base import PerceptionError

_COLOURS = ("image_color", "color", "colour", "rgb", "images", "image")
_DEPTHS = ("aligned_depth", "depths", "depth", "disparity")
"""Words for both, those that say most first."""
_MORE = r"(^|[-_.])(raw|imgs?|images?|aligned|registered|rectified|measured?|map|frames?)(?=$|[-_.\d])"
"""Words beside those two, which tell no frame from another."""
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff", ".npy")
_DEPTH_FILES = (".npy", ".npz", ".tif", ".tiff", ".pgm", ".pfm", ".png")
"""Endings; of two files of one name the former is taken, as depth in a PNG may be a picture of it."""
_ALIGNED = re.compile(r"aligned|registered", re.IGNORECASE)
_TOGETHER = 0.02
"""Seconds between the stamps of two images of one moment, at most, where names are stamps; as TUM RGB-D pairs them."""
_STAMP = 1e6
"""From which a number in a name is a stamp in seconds."""
_CAMERAS = ("camera.json", "camera.yaml", "camera_info.json", "camera_info.yaml", "scene_camera.json", "intrinsics.json")
_CAMERA_FILES = (".json", ".yaml", ".yml", ".txt", ".intr", ".npy", ".npz", ".mat")
_ARRAY_FILES = (".npy", ".npz", ".mat")
_MATLAB = re.compile(r"meta|cam|intr|calib|^k$", re.IGNORECASE)
"""Words for which a MATLAB file is opened that nobody named: of damaged bytes its reader can end the whole process."""
_LONG, _LONG_JSON = 2**16, 2**23
"""Bytes of a text, and of JSON, from which it is not looked into for a camera."""


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
        raise PerceptionError(f"{folder}: no pairs there; {_unpaired(folder)}")
    if camera is not None:
        return [Pair(name, a, b, camera) for name, a, b in found]
    named = {name: _named(folder, name, a) for name, a, _ in found}
    taken = {path for _, a, b in found for path in (a, b)}
    others = _of_cameras(folder, taken) if None in named.values() else []
    return [Pair(name, a, b, named[name] or _nearest(folder, name, others), named[name] is None) for name, a, b in found]


def alone(folder: Path, found: Sequence[Pair]) -> list[Path]:
    """Images of colour or depth that are in none of a folder's pairs, as the other image of their name is not there."""
    lonely, cameras = list[Path](), {pair.camera for pair in found}
    kinds = (
        (_COLOURS, _PICTURES, {pair.colour for pair in found}),
        (_DEPTHS, _DEPTH_FILES, {pair.depth for pair in found}),
    )
    for words, endings, taken in kinds:
        for place in sorted({path.parent for path in taken}):
            images = sorted(path for path in place.iterdir() if path.suffix.lower() in endings)
            if place == folder:
                others = images if words is _DEPTHS else [path for path in images if _word(path.stem, _DEPTHS) is None]
                images = list(_by_key(others, words).values())
            stems = {path.stem for path in taken if path.parent == place}
            lonely += [path for path in images if path.stem not in stems and path not in cameras]
    return lonely


def _by_word(folder: Path) -> list[tuple[str, Path, Path]]:
    """Files whose names differ by the words for colour and depth; or the only ones of both kinds."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    depths = _by_key([path for path in files if path.suffix.lower() in _DEPTH_FILES], _DEPTHS)
    others = [path for path in files if _word(path.stem, _DEPTHS) is None]
    colours = _by_key([path for path in others if path.suffix.lower() in _PICTURES], _COLOURS)
    if len(colours) == len(depths) == 1:
        ((key, colour),), ((other, depth),) = colours.items(), depths.items()
        numbers = [re.findall(r"\d+", name) for name in (key, other)]
        if numbers[0] == numbers[1] or [] in numbers or all(float(one[-1]) > _STAMP for one in numbers):
            return [(key or "frame", colour, depth)]
    return [(key or "frame", path, depths[key]) for key, path in colours.items() if key in depths]


def _by_key(paths: Sequence[Path], words: tuple[str, ...]) -> dict[str, Path]:
    """Those that have one of the words, by the rest of their names; of several alike in that, what is aligned to colour, then the
    one whose word says most, and that has the fewest others beside it: depth, and not depth_raw."""
    found: dict[str, Path] = {}
    having = [(words.index(word), path) for path in paths if (word := _word(path.stem, words)) is not None]
    for _, path in sorted(having, key=lambda one: (not _ALIGNED.search(one[1].stem), one[0], len(one[1].stem), _rank(one[1]))):
        found.setdefault(_key(path.stem, words), path)
    return found


def _rank(path: Path) -> int:
    """Which of two files of one name is rather depth."""
    ending = path.suffix.lower()
    return _DEPTH_FILES.index(ending) if ending in _DEPTH_FILES else len(_DEPTH_FILES)


def _word(stem: str, words: tuple[str, ...]) -> str | None:
    """The first of the words that a name has, beside a sign or a digit."""
    return next((word for word in words if re.search(_beside(word), stem, re.IGNORECASE)), None)


def _beside(word: str) -> str:
    return rf"(^|[-_.]|(?<=\d)){word}(?=$|[-_.\d])"


def _bare(stem: str, words: tuple[str, ...]) -> str:
    """A name without the first of the words that it has, and the sign beside that."""
    word = _word(stem, words)
    return stem if word is None else re.sub(_beside(word), "", stem, count=1, flags=re.IGNORECASE).strip("-_.")


def _key(stem: str, words: tuple[str, ...]) -> str:
    """What is left of it without words that say no more."""
    return re.sub(_MORE, "", _bare(stem, words), flags=re.IGNORECASE).strip("-_.")


def _by_folder(folder: Path) -> list[tuple[str, Path, Path]]:
    """The files of folders of colours, and of those of depth whose names are alike."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    depths = _by_key(inner, _DEPTHS)
    colours = _by_key([path for path in inner if _word(path.stem, _DEPTHS) is None], _COLOURS)
    both = [(key, *one) for key, path in colours.items() if key in depths for one in _alike(path, depths[key])]
    return [(f"{key}_{name}".strip("_"), colour, depth) for key, name, colour, depth in both]


def _alike(colour: Path, depth: Path) -> list[tuple[str, Path, Path]]:
    """The files of the same name in two folders; where there is none, of the same without the words, of the same moment, or of
    the same number."""
    pictures = [path for path in sorted(colour.iterdir()) if path.suffix.lower() in _PICTURES]
    readings = [path for path in sorted(depth.iterdir(), key=_rank, reverse=True) if path.suffix.lower() in _DEPTH_FILES]
    others = {path.stem: path for path in readings}
    if same := [(path.stem, path, others[path.stem]) for path in pictures if path.stem in others]:
        return same
    others = {_key(path.stem, _DEPTHS): path for path in readings}
    keys = {_key(path.stem, _COLOURS): path for path in pictures}
    if alike := [(key or "frame", path, others[key]) for key, path in keys.items() if key in others]:
        return alike
    stamped = all(any(_is_stamp(path.stem) for path in paths) for paths in (pictures, readings))
    return (_of_one_moment if stamped else _of_one_number)(pictures, readings)


def _of_one_moment(pictures: Sequence[Path], readings: Sequence[Path]) -> list[tuple[str, Path, Path]]:
    """Images whose names are stamps, of both kinds some, each with the nearest one of the other kind."""
    there = sorted((float(path.stem), path) for path in readings if _is_stamp(path.stem))
    found = []
    for path in (path for path in pictures if _is_stamp(path.stem)):
        moment = float(path.stem)
        at = bisect_left(there, (moment, path))
        when, other = min(there[max(at - 1, 0) : at + 1], key=lambda one: abs(one[0] - moment))
        if abs(when - moment) <= _TOGETHER:
            found.append((path.stem, path, other))
    return found


def _is_stamp(stem: str) -> bool:
    return re.fullmatch(r"\d+\.\d+", stem) is not None and float(stem) > _STAMP


def _of_one_number(pictures: Sequence[Path], readings: Sequence[Path]) -> list[tuple[str, Path, Path]]:
    """Images with the same number in their names: the last, or the first one, by which they can be told apart."""
    for place in (-1, 0):
        numbered = [_numbered(paths, place) for paths in (pictures, readings)]
        if all(numbered) and (common := sorted(set(numbered[0]) & set(numbered[1]))):
            return [(numbered[0][number].stem, numbered[0][number], numbered[1][number]) for number in common]
    return []


def _numbered(paths: Sequence[Path], place: int) -> dict[int, Path]:
    """By the number at a place of their names; none where two have the same."""
    found = {int(numbers[place]): path for path in paths if (numbers := re.findall(r"\d+", path.stem))}
    return found if len(found) == len({path.stem for path in paths}) else {}


def _unpaired(folder: Path) -> str:
    """What is to be done where nothing fits together: by what there is."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    both = [_by_key(inner, _DEPTHS), _by_key([path for path in inner if _word(path.stem, _DEPTHS) is None], _COLOURS)]
    if all(both):
        depth, colour = (next(iter(kind.values())) for kind in both)
        firsts = [next((path.name for path in sorted(one.iterdir()) if path.is_file()), "nothing") for one in (colour, depth)]
        kinds = f"{', '.join(_PICTURES)} for colour, {', '.join(_DEPTH_FILES)} for depth"
        return (
            f"{colour.name} holds {firsts[0]} and {depth.name} {firsts[1]}: two of one frame need the same name or number, or"
            f" stamps within {_TOGETHER:g} s ({kinds} are read)"
        )
    return "name them NAME-color.png and NAME-depth.png, or put them into folders rgb and depth"


def _named(folder: Path, name: str, colour: Path) -> Path | None:
    """The camera's file of a frame by the names that are asked for: the frame's with all its words, too."""
    own = (f"{one}.{ending}" for one in (name, _bare(colour.stem, _COLOURS)) for ending in ("json", "yaml"))
    there = [folder / other for other in (*own, *_CAMERAS) if (folder / other).is_file()]
    if len(there) > 1:  # NAME.json may as well say what is in the picture
        return next((path for path in there if _is_camera(path)), there[0])
    return next(iter(there), None)


def _of_cameras(folder: Path, taken: set[Path]) -> list[Path]:
    """Files of a folder that say what a camera is, whatever their names."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _CAMERA_FILES and path not in taken)
    return [path for path in files if _is_camera(path)]


def _is_camera(path: Path) -> bool:
    """Focal lengths of less than a pixel are those of a pose's rotation."""
    try:
        longest = _LONG_JSON if path.suffix.lower() == ".json" else _LONG
        if path.suffix.lower() not in _ARRAY_FILES and path.stat().st_size > longest:
            return False
        if path.suffix.lower() == ".mat" and not _MATLAB.search(path.stem):
            return False
        k = read_camera(path, (1, 1), (1, 1)).intrinsics
    except (PerceptionError, OSError):
        return False
    return min(k.fx, k.fy) > 1.0


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
