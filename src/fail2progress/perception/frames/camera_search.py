"""Cameras in a file's content, wherever they lie: what has a focal length, and which of several is the one that is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np

from fail2progress.perception.frames.camera_keys import Levels, Whose, joined, mappings, number, numbers, of_word, whose, words
from fail2progress.perception.segmentation.base import PerceptionError

_SCALARS = {
    **dict.fromkeys(("fx", "flx", "focalx", "focallengthx"), "fx"),
    **dict.fromkeys(("fy", "fly", "focaly", "focallengthy"), "fy"),
    **dict.fromkeys(("cx", "ppx", "principalpointx"), "cx"),
    **dict.fromkeys(("cy", "ppy", "principalpointy"), "cy"),
    **dict.fromkeys(("f", "focallength"), "f"),
}
"""Names of the numbers of a pinhole, the words of a key joined; f is both fx and fy."""
_LISTS = {
    **dict.fromkeys(("intrinsics", "fxfycxcy"), ("fx", "fy", "cx", "cy")),
    **dict.fromkeys(("f", "focallength"), ("fx", "fy")),
    **dict.fromkeys(("c", "principalpoint", "opticalcenter", "opticalcentre"), ("cx", "cy")),
}
_LONGEST_NAME = 4
"""Words of which these names consist at most."""
_NEEDED = ("fx", "fy", "cx", "cy")
_AROUND = r"(calibration|color|colour|rgb|depth|ir|left|right|camera|cam|\d+)*"
_MATRIX = re.compile(rf"{_AROUND}(k|intr|intrinsics?|matrix|mat|mtx)+{_AROUND}")
"""Names that matrices of cameras have, the words of a key joined."""
_MOTIONS = re.compile(r"extrin|pose|transf?|rot|rect|homog|inv|fundament|essent|dist|jac|cov|(r|t|tf)$")
"""Words of matrices that are no camera's, by how they begin; ..."""
_PROJECTIONS = re.compile(r"p|proj.*")
"""... and of those that go after others, as they are of a rectified image."""
_MODES = re.compile(r"\d+|\d*k|f?u?hd|q?vga|[x]|modes?|nfov|wfov|binned|unbinned|by|size|sizes")
"""Words that tell sizes of images of one camera apart."""
_SAME = 1e-3
"""Share by which numbers differ at most that are the same."""


@dataclass(frozen=True)
class Found:
    """Numbers that may be a camera's. keys: what they lie under; rank: the lower, the surer; given: fx, fy, cx, cy as far as they
    are there; around: the mappings that they lie in, outermost first; before: the words before their names."""

    keys: tuple[str, ...]
    rank: int
    given: Mapping[str, Any]
    around: Levels
    before: tuple[str, ...] = ()
    problem: str = ""
    """Why these are no numbers of a camera."""

    @cached_property
    def levels(self) -> tuple[Mapping[str, Any], ...]:
        """The mappings around, with keys that speak of this camera made plain."""
        return _plain_levels(self.around, self.keys, self.before)

    @cached_property
    def whose(self) -> Whose:
        """Whose camera it is by its keys."""
        return whose(self.keys)

    @cached_property
    def fields(self) -> dict[str, Any]:
        """All that is said around the numbers, what is nearer before what is farther."""
        return {key: value for level in self.levels for key, value in level.items()}

    @cached_property
    def values(self) -> tuple[float | None, ...]:
        """fx, fy, cx, cy."""
        return tuple(number(self.given.get(name)) for name in _NEEDED)

    @property
    def whole(self) -> bool:
        """Whether it has all four numbers."""
        return not self.problem and all(value is not None and np.isfinite(value) for value in self.values)

    @property
    def name(self) -> str:
        """Its keys for people."""
        return ".".join(self.keys) or "no key"

    def same(self, other: Found) -> bool:
        """Whether both are one camera."""
        if not self.whole or not other.whole:
            return self.given == other.given and self.problem == other.problem
        pairs = zip(self.values, other.values, strict=True)
        return all(one is not None and two is not None and abs(one - two) <= _SAME * abs(two) for one, two in pairs)


def cameras(tree: object) -> list[Found]:
    """All that may be a camera in a file's content."""
    return [found for levels in mappings(tree) for found in (*_by_names(levels), *_by_matrices(levels))]


def _by_names(levels: Levels) -> Iterator[Found]:
    """Numbers by name in one mapping, together where the words before their names are alike."""
    path, fields = levels[-1]
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, value in fields.items():
        for before, names in _named(key, value):
            groups.setdefault(before, {}).update(names)
    for before, given in groups.items():
        rank = 0 if "fx" in given else 3
        given = {**({"fx": given["f"], "fy": given["f"]} if "f" in given else {}), **given}
        if "fx" in given or "fy" in given:
            keys = (*path, "_".join(before)) if before else path
            yield Found(keys, rank, given, levels, before)


def _named(key: str, value: object) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """What one key and its value say, and the words before the name."""
    parts = words(key)
    for count in range(min(len(parts), _LONGEST_NAME), 0, -1):
        name, before = "".join(parts[-count:]), parts[:-count]
        if isinstance(value, (list, tuple)):
            found = numbers(value)
            names = _LISTS.get(name, ())
            if found is not None and names and len(found) == len(names):
                yield before, dict(zip(names, found, strict=True))
                return
        elif name in _SCALARS and not isinstance(value, Mapping):
            yield before, {_SCALARS[name]: value}
            return


def _plain_levels(levels: Levels, keys: tuple[str, ...], before: tuple[str, ...]) -> tuple[Mapping[str, Any], ...]:
    """The mappings around a camera without the words before its names, nor those that say that they speak of this one. What
    lies around a camera that is not of colours, and does not say so, is of the other one."""
    own = whose(keys)
    found = []
    for path, fields in levels:
        inside = own in (Whose.COLOUR, Whose.UNSAID) or whose(path) == own
        spoken = {_without(key, own, before): value for key, value in fields.items() if _without(key, own, before) != key}
        found.append({**(fields if inside else {}), **spoken})
    return tuple(found)


def _without(key: str, own: Whose, before: tuple[str, ...]) -> str:
    key = re.sub(r"^Camera1?\.", "", key)  # of ORB-SLAM, before all that it says of the camera
    parts = words(key)
    if before and parts[: len(before)] == before:
        return "_".join(parts[len(before) :])
    kept = [part for part in parts if own is Whose.UNSAID or of_word(part) != own]
    return "_".join(kept) if kept and len(kept) < len(parts) else key


def _by_matrices(levels: Levels) -> Iterator[Found]:
    """Matrices of one mapping that are a camera's, by their names or by their last row."""
    path, fields = levels[-1]
    for key, value in fields.items():
        parts, name = words(key), joined(key)
        if isinstance(value, Mapping) or any(_MOTIONS.match(part) for part in parts):
            continue
        known = bool(parts) and _MATRIX.fullmatch(name) is not None
        found = numbers(value) if isinstance(value, (list, tuple, str, np.ndarray)) else None
        keys = (*path, key)
        if found is not None and len(found) in (9, 12, 16):
            matrix = _upright(found)
            given = {"fx": matrix[0, 0], "fy": matrix[1, 1], "cx": matrix[0, 2], "cy": matrix[1, 2]}
            numeric = {name: float(one) for name, one in given.items()}
            last = not matrix.any() or np.allclose(matrix[2], (0, 0, 1))
            if last and (known or (matrix[1, 0] == 0 and min(matrix[0, 0], matrix[1, 1]) > 1)):
                rank = 4 if any(_PROJECTIONS.fullmatch(part) for part in parts) else 0 if known else 2
                yield Found(keys, rank, numeric, levels)
            elif known:
                problem = f"{key} is no calibration matrix, whose last row is 0 0 1"
                yield Found(keys, 5, numeric, levels, problem=problem)
        elif known and (isinstance(value, np.ndarray) or (found is not None and len(found) not in (0, 1, 4))):
            yield Found(keys, 5, {}, levels, problem=f"{key} must be nine numbers")


def _upright(found: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(3, 3) of nine numbers by rows, or by columns as Open3D and Record3D write them; or of twelve or sixteen, with a fourth
    column."""
    values = np.array(found, np.float64)
    matrix = (values.reshape(-1, 4) if values.size in (12, 16) else values.reshape(3, 3))[:3, :3]
    return matrix.T if (matrix[:2, 2] == 0).all() and (matrix[2, :2] != 0).any() else matrix


def chosen(
    found: Iterable[Found],
    source: str,
    image: str,
    size: tuple[int, int] | None,
    stated: Callable[[Found, str, tuple[int, int] | None], tuple[int, int] | None],
    kind: str = "color",
) -> Found | None:
    """Of cameras of one kind the surest, or that of an image by its name, its folder's or its size; None where there is none.

    stated: the size that a camera's fields say; kind: what it is asked for. PerceptionError names
    those between which nothing decides.
    """
    ranked = sorted(found, key=lambda one: (not one.whole, one.whose, one.rank))
    best = [one for one in ranked if (one.whole, one.whose, one.rank) == (ranked[0].whole, ranked[0].whose, ranked[0].rank)]
    different = list[tuple[Found, list[tuple[int, int]]]]()
    for one in best if len(best) > 1 else ():
        alike = [sizes for other, sizes in different if one.same(other)]
        own = [known for known in (stated(one, source, size),) if known is not None]
        if not any(len({*own, *sizes}) < 2 for sizes in alike):
            different.append((one, own))
    if len(different) < 2:
        return best[0] if best else None
    named = _by_image([one for one, _ in different], image)
    if len(named) > 1 and len({_camera_words(one) for one in named}) == 1:
        named = [one for one in named if stated(one, source, size) == size] or named
    if len(named) == 1:
        return named[0]
    raise PerceptionError(
        f"{source}: it has fx under {listed(named)}; put the one of the {kind} image under {kind}, or name the image or its"
        " folder after one"
    )


def listed(found: Sequence[Found]) -> str:
    """Their names: a, b and c."""
    names = list(dict.fromkeys(one.name for one in found))
    names = [*names[:6], f"{len(names) - 6} more"] if len(names) > 7 else names
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _by_image(found: list[Found], image: str) -> list[Found]:
    """Those that lie under the image's name, or else those of whose words the most are in it, of words that not all have."""
    exact = [one for one in found if any(PurePath(key).stem == PurePath(image).name for key in one.keys)]
    if exact:
        return exact
    sets = [set(_parts(".".join(one.keys))) for one in found]
    all_have = {word for word in sets[0] if all(word in own for own in sets)}
    there = set(_parts(image))
    counts = [len((own - all_have) & there) for own in sets]
    return [one for one, count in zip(found, counts, strict=True) if count == max(counts)]


def _parts(name: str) -> list[str]:
    """Words with the numbers after them, and numbers as long as a camera's; others count images, and not cameras."""
    return [re.sub("[-_]", "", part) for part in re.findall(r"[a-z]+[-_]?\d*|\d{6,}", name.lower())]


def _camera_words(found: Found) -> tuple[str, ...]:
    return tuple(part for key in found.keys for part in words(key) if not _MODES.fullmatch(part))
