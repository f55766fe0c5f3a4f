"""What the names of camera topics say. Imports no ROS."""

from __future__ import annotations

import re

_OTHERS = re.compile(r"infra|ir$|label|mask|segment|confiden|disparit|debug|theora")
"""How words of the names of images begin that are neither colour nor depth of an RGB-D camera."""
_SIDES = frozenset(("left", "right"))
"""What images of a pair of eyes are called by, but whole cameras, too, as those of two arms."""
_PLAIN = frozenset(["camera", "cam", "color", "gray", "mono", "raw", "rect"])
"""Words beside which a side is still all that a part says: left_raw."""
_LAST = ("image_raw", "image_rect_color", "image_color", "image_rect", "image")
"""Last parts of image topics, the best first."""


def plain(name: str) -> str:
    """The plain topic of a compressed one."""
    return name.removesuffix("/compressedDepth").removesuffix("/compressed")


def rank(name: str) -> int:
    """How good the last part of an image topic is; 0 is best."""
    last = plain(name).rpartition("/")[2]
    return _LAST.index(last) if last in _LAST else len(_LAST)


def shared(one: str, other: str) -> int:
    """How many parts two names have in common at their beginnings."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), 10**6)


def of_no_camera(name: str) -> list[str]:
    """The beginnings of an image topic up to each part that says that it is neither colour nor depth: /camera/infra1."""
    parts = plain(name).split("/")
    return ["/".join(parts[: at + 1]) for at, part in enumerate(parts) if any(map(_OTHERS.match, _words(part)))]


def of_one_eye(name: str) -> list[str]:
    """The beginnings of an image topic up to each part that says nothing but left or right; and all of image_left."""
    parts, found = plain(name).split("/"), list[str]()
    for at, part in enumerate(parts):
        words = _words(part)
        if words & _SIDES and (words <= _SIDES | _PLAIN or at == len(parts) - 1):
            found.append("/".join(parts[: at + 1]))
    return found


def _words(part: str) -> set[str]:
    """Of one part of a name, without numbers: leftIR and left_ir have the same."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)}
