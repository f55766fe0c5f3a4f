"""Folders of RGB-D frames: which colour, depth and camera files belong together, by names as people give them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from fail2progress.perception.frames.camera_files import holds_a_camera, speaks_of_a_camera
from fail2progress.perception.frames.frame_numbers import TOGETHER, by_numbers, contradict
from fail2progress.perception.frames.frame_words import ALIGNED, COLOURS, DEPTHS, bare, key_of, loose_key, rank_of, word_in
from fail2progress.perception.segmentation.base import PerceptionError

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff", ".npy")
_DEPTH_FILES = (".npy", ".npz", ".tif", ".tiff", ".pgm", ".pfm", ".png")
"""Endings; of two files of one name the former is taken, as depth in a PNG may be a picture of it, and so are colours."""
_CAMERAS = ("camera.json", "camera.yaml", "camera_info.json", "camera_info.yaml", "scene_camera.json", "intrinsics.json")
_CAMERA_FILES = (".json", ".yaml", ".yml", ".txt", ".intr", ".npy", ".npz", ".mat")
_ARRAY_FILES = (".npy", ".npz", ".mat")
_MATLAB = re.compile(r"meta|cam|intr|calib|^k$", re.IGNORECASE)
"""Words for which a MATLAB file is opened that nobody named: of damaged bytes its reader can end the whole process."""
_NAMED = 2
"""Folders with frames that are named, at most."""
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
    PerceptionError where nothing fits together, or two frames have one name.
    """
    found = sorted([*_by_word(folder), *_by_folder(folder)])
    if not found:
        raise PerceptionError(f"{folder}: no pairs there; {_unpaired(folder)}")
    for (name, one, _), (following, other, _) in pairwise(found):
        if name == following:
            both = f"{one.relative_to(folder)} and {other.relative_to(folder)}"
            raise PerceptionError(f"{folder}: {both} are two frames of the name {name}; rename one, or move it to another folder")
    if camera is not None:
        return [Pair(name, a, b, camera) for name, a, b in found]
    others = _Cameras(folder, {path for _, a, b in found for path in (a, b)})
    files = {name: others.of(name, _own(folder, name, a)) for name, a, _ in found}
    return [Pair(name, a, b, *files[name]) for name, a, b in found]


def alone(folder: Path, found: Sequence[Pair]) -> list[Path]:
    """Images of colour or depth that are in none of a folder's pairs, as the other image of their name is not there."""
    lonely, cameras = list[Path](), {pair.camera for pair in found}
    kinds = (
        (COLOURS, _PICTURES, {pair.colour for pair in found}),
        (DEPTHS, _DEPTH_FILES, {pair.depth for pair in found}),
    )
    for words, endings, taken in kinds:
        for place in sorted({path.parent for path in taken}):
            images = sorted(path for path in place.iterdir() if path.suffix.lower() in endings)
            if place == folder:
                images = list(_kinds(images)[words is DEPTHS].values())
            stems = {path.stem for path in taken if path.parent == place}
            lonely += [path for path in images if path.stem not in stems and path not in cameras]
    return lonely


def _by_word(folder: Path) -> list[tuple[str, Path, Path]]:
    """Files whose names differ by the words for colour and depth; or the only ones of both kinds."""
    colours, depths = _kinds(sorted(path for path in folder.iterdir() if path.is_file()))
    if len(colours) == len(depths) == 1:
        ((key, colour),), ((other, depth),) = colours.items(), depths.items()
        if not contradict(key, other):
            return [(key or "frame", colour, depth)]
    return [(key or "frame", colour, depth) for key, colour, depth in _matched(colours, depths)]


def _kinds(paths: Sequence[Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Files or folders of colour, and those of depth, by what tells their frames apart. What has words of both is depth, as a
    picture of it in colours is; but NAME-color is colour beside NAME-depth, whatever is in NAME."""
    speaking = {path for path in paths if word_in(path.stem, DEPTHS)}
    names = {bare(path.stem, DEPTHS) for path in speaking}
    beside = {path for path in speaking if word_in(path.stem, COLOURS) and bare(path.stem, COLOURS) in names}
    speaking -= beside
    depths = [path for path in paths if path in speaking and (path.suffix.lower() in _DEPTH_FILES or path.is_dir())]
    others = [path for path in paths if path not in speaking]
    colours = _pictures([path for path in others if path.is_file()]) + [path for path in others if path.is_dir()]
    return _by_key(colours, COLOURS), _by_key(depths, DEPTHS)


def _by_key(paths: Sequence[Path], words: tuple[str, ...]) -> dict[str, Path]:
    """Those that have one of the words, by the rest of their names; of several alike in that, what is aligned to colour, then the
    one whose word says most, and that has the fewest others beside it: depth, and not depth_raw."""
    found: dict[str, Path] = {}
    having = [(rank_of(word, words), path) for path in paths if (word := word_in(path.stem, words)) is not None]

    def order(one: tuple[int, Path]) -> tuple[bool, int, int, int]:
        return words is DEPTHS and _last(one[1])[0], one[0], len(one[1].stem), _rank(one[1])

    for _, path in sorted(having, key=order):
        found.setdefault(key_of(path.stem, words), path)
    return found


def _matched(colours: dict[str, Path], depths: dict[str, Path]) -> list[tuple[str, Path, Path]]:
    """Those of both kinds that are left alike by their words; where there are none, those that are so without words for how depth
    was come by (depth_gt), if these leave no two of a kind alike; or the only ones of both, if their names do not differ in more
    than what one says and the other does not."""
    same = [(key, path, depths[key]) for key, path in colours.items() if key in depths]
    if same:
        return same
    pictures, readings = _loose(colours), _loose(depths)
    same = [(key, path, readings[key]) for key, path in pictures.items() if key in readings]
    if same or not len(pictures) == len(readings) == 1:
        return same
    ((key, colour),), ((other, depth),) = pictures.items(), readings.items()
    numbered = key.isdigit() and other.isdigit()  # as in rgb8 and depth16
    if (key and other and not numbered) or contradict(key, other):
        return []
    return [("" if numbered else key, colour, depth)]


def _loose(kind: dict[str, Path]) -> dict[str, Path]:
    """Of one kind by looser keys; without pictures that were made of it. Empty where two have the same."""
    keys = {path: loose for key, path in kind.items() if (loose := loose_key(key)) is not None}
    return {key: path for path, key in keys.items()} if len(set(keys.values())) == len(keys) else {}


def _rank(path: Path) -> int:
    """Which of two files of one name is rather depth."""
    ending = path.suffix.lower()
    return _DEPTH_FILES.index(ending) if ending in _DEPTH_FILES else len(_DEPTH_FILES)


def _by_folder(folder: Path) -> list[tuple[str, Path, Path]]:
    """The files of folders of colours, and of those of depth whose names are alike."""
    both = [(key, *one) for key, colour, depth in _folders(folder) for one in _alike(colour, depth)]
    return [(f"{key}_{name}".strip("_"), colour, depth) for key, name, colour, depth in both]


def _folders(folder: Path) -> list[tuple[str, Path, Path]]:
    """Folders of colours with those of depth that belong to them."""
    return _matched(*_kinds(sorted(path for path in folder.iterdir() if path.is_dir())))


def _alike(colour: Path, depth: Path) -> list[tuple[str, Path, Path]]:
    """The files of two folders that belong together: of the same name, of the same without the words, or of the same numbers and
    moment, by whichever most are paired."""
    images = _pictures(list(colour.iterdir()))
    pictures = sorted({path.stem: path for path in sorted(images, key=_last, reverse=True)}.values())
    readings = sorted((path for path in depth.iterdir() if path.suffix.lower() in _DEPTH_FILES), key=_last, reverse=True)
    others = {path.stem: path for path in readings}
    same = [(path.stem, path, others[path.stem]) for path in pictures if path.stem in others]
    others = {key_of(path.stem, DEPTHS): path for path in readings}
    keys = {key_of(path.stem, COLOURS): path for path in pictures}
    rest = [(key or "frame", path, others[key]) for key, path in keys.items() if key in others]
    return max(same, rest, by_numbers(pictures, readings), key=len)


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """Those that can be colours; .npz files only where there are no others, as much else is in such files."""
    usual = [path for path in paths if path.suffix.lower() in _PICTURES]
    return usual or [path for path in paths if path.suffix.lower() == ".npz"]


def _last(path: Path) -> tuple[bool, int, str]:
    """An order in which of files with one name what is aligned comes first, then numbers rather than a picture."""
    return not ALIGNED.search(path.stem), _rank(path), path.name


def _unpaired(folder: Path) -> str:
    """What is to be done where nothing fits together: by what there is."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    fitting = list(islice((path for path in inner if _has_pairs(path)), _NAMED))
    if fitting:
        names = " and ".join(path.name for path in fitting)
        one = "has some: give" if len(fitting) == 1 else "have some each: give one of them, as"
        return f"{names} in it {one} {fitting[0]}"
    belonging = next(iter(_folders(folder)), None)
    if belonging is not None:
        _, *both = belonging
        firsts = [next((path.name for path in sorted(one.glob("[!.]*")) if path.is_file()), "nothing") for one in both]
        kinds = f"{', '.join(_PICTURES)}, .npz for colour, {', '.join(_DEPTH_FILES)} for depth"
        return (
            f"{both[0].name} holds {firsts[0]} and {both[1].name} {firsts[1]}: two of one frame need the same name or numbers, or"
            f" stamps within {TOGETHER:g} s ({kinds} are read)"
        )
    kinds_there = _kinds(inner)
    if all(kinds_there):
        colours, depths = (", ".join(path.name for path in kind.values()) for kind in kinds_there)
        return (
            f"of its folders {colours} {_are(kinds_there[0])} colour and {depths} {_are(kinds_there[1])} depth, and their names"
            " do not say which belong together: call them rgb and depth, or NAME_rgb and NAME_depth"
        )
    return "name them NAME-color.png and NAME-depth.png, or put them into folders rgb and depth"


def _are(kind: dict[str, Path]) -> str:
    return "is" if len(kind) == 1 else "are"


def _has_pairs(folder: Path) -> bool:
    """Whether there are frames in it; not where it may not be looked into."""
    try:
        return bool(_by_word(folder) or _by_folder(folder))
    except PermissionError:
        return False


def _own(folder: Path, name: str, colour: Path) -> Path | None:
    """The file of a frame's own name, with all its words or without."""
    own = (folder / f"{one}.{ending}" for one in (name, bare(colour.stem, COLOURS)) for ending in ("json", "yaml"))
    return next((path for path in own if path.is_file()), None)


class _Cameras:
    """The cameras of a folder's frames; taken: its images."""

    def __init__(self, folder: Path, taken: set[Path]) -> None:
        self._folder, self._taken = folder, taken
        self._found: list[Path] | None = None

    def of(self, name: str, own: Path | None) -> tuple[Path, bool]:
        """That of a frame, and whether it was guessed: the file of its own name, unless that says what is in the picture; one of
        the names that are asked for; or the one that shares the most of the frame's. PerceptionError where two share as much."""
        if own is not None and own.stat().st_size <= _LONG and speaks_of_a_camera(own):
            return own, False
        usual = next((self._folder / one for one in _CAMERAS if (self._folder / one).is_file()), None)
        if usual is not None:
            return usual, False
        if self._found is None:
            files = sorted(path for path in self._folder.iterdir() if path.suffix.lower() in _CAMERA_FILES)
            self._found = [path for path in files if path not in self._taken and _is_camera(path)]
        if own is not None and not self._found:
            return own, False  # so that what is wrong with it is told
        return _nearest(self._folder, name, self._found), True


def _is_camera(path: Path) -> bool:
    try:
        longest = _LONG_JSON if path.suffix.lower() == ".json" else _LONG
        if path.suffix.lower() not in _ARRAY_FILES and path.stat().st_size > longest:
            return False
        if path.suffix.lower() == ".mat" and not _MATLAB.search(path.stem):
            return False
        return holds_a_camera(path)
    except OSError:
        return False


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
