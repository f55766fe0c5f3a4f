"""Whether observations can be made of the topics that were chosen, and how many. Imports no ROS."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import product

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import Intrinsics
from fail2progress.ros import graph as table
from fail2progress.ros.bags import pictures
from fail2progress.ros.bags.pictures import COMPRESSED
from fail2progress.ros.bags.recorded import BagError
from fail2progress.ros.bags.survey import IMAGE, Topic
from fail2progress.ros.bags.topic_names import shared
from fail2progress.ros.bags.topics import ALIGNED, CAMERA_INFO, COLOURS, DEPTHS, Chooser

NEAREST, FARTHEST = 0.1, 8.0
"""Metres between which the middle reading of a robot's depth image lies."""
OTHER_LENS = 0.01
"""Share of a focal length by which that of another lens differs; the same one's differs by rounding, or by its calibration."""


def cameras_of(about: Topic) -> list[Intrinsics]:
    """What camera infos speak of, as far as a camera can be like that."""
    found = []
    for (width, height), focal in product(sorted(about.sizes), sorted(about.focal)):
        with suppress(ValueError):
            found.append(Intrinsics(width, height, *focal))
    return found


def check(chooser: Chooser, played: Mapping[str, str], source: str, slop: float) -> int:
    """How many observations there are. BagError where none can be made of what the topics hold."""
    topics = {played[topic.name]: topic for topic in chooser.all if topic.name in played}
    needed = [topics[name] for name in (("segments",) if source == "segments" else table.CAMERA)]
    for topic in needed:
        if not topic.whole:
            way = any(one.type in (IMAGE, COMPRESSED) for one in chooser.all) and source == "segments"
            other = "; --source camera looks at the images instead" if way else ""
            raise BagError(f"{topic.name}: all of its {topic.count} messages are damaged ({topic.damage}){other}")
    if source == "segments":
        return len(set(needed[0].stamps))
    colour, depth, about = needed
    for topic, known in ((colour, COLOURS), (depth, DEPTHS)):
        _check_encodings(topic, known)
    if not any(fx > 0 and fy > 0 for fx, fy, _, _ in about.focal):
        raise BagError(f"{about.name}: {_uncalibrated(about)}; name another: --topic camera_info:=NAME")
    _check_sizes(chooser, colour, depth, about)
    cameras = cameras_of(about)
    if all(k.impossible for k in cameras):
        raise BagError(f"{about.name}: {cameras[0].impossible if cameras else f'{sorted(about.focal)[0]} is no fx, fy, cx, cy'}")
    found = _pairs(colour, depth, slop)
    _check_depth(depth, chooser.choice.unit)
    return found


def _uncalibrated(about: Topic) -> str:
    fx, fy, _, _ = next(iter(about.focal))
    if fx == fy == 0:
        return "fx and fy are 0: the camera was not calibrated"
    return f"fx = {fx:g} and fy = {fy:g} are no focal lengths"


def _check_depth(topic: Topic, given: float | None) -> None:
    """BagError where depth images hold no reading, or none that a robot would look at: then the unit is another one.

    given: what a depth of 1 was said to stand for, m.
    """
    if not topic.depths:
        return
    seen = [depth for depth in topic.depths if depth == depth]
    if not seen:
        raise BagError(f"{topic.name}: no reading in any of {len(topic.depths)} depth images that were looked into")
    unit = given or (1.0 if topic.encodings == {"32FC1"} else 0.001)
    typical = sorted(seen)[len(seen) // 2] * unit
    if not NEAREST <= typical <= FARTHEST and given is None:
        raise BagError(
            f"{topic.name}: its middle reading is {typical:.3g} m, which no robot looks at, if 1 "
            f"stands for {unit:g} m; say what it stands for: --topic depth:={topic.name}@METRES"
        )


def _check_encodings(topic: Topic, known: tuple[str, ...]) -> None:
    if topic.type == COMPRESSED:
        bad, known = [form for form in topic.encodings if pictures.unknown(form)], ("png", "jpeg")
    else:
        bad = [name for name in topic.encodings if name not in known]
    if bad and len(bad) == len(topic.encodings):
        raise BagError(f"{topic.name}: encoding {sorted(bad)[0]!r}; known: {', '.join(known)}")


def _check_sizes(chooser: Chooser, colour: Topic, depth: Topic, about: Topic) -> None:
    """BagError where depth is not aligned to colour, or the camera info speaks of other images."""
    (one, *_), (other, *_) = sorted(colour.sizes) or [(0, 0)], sorted(depth.sizes) or [(0, 0)]
    hint = "record depth aligned to colour (RealSense: align_depth.enable:=true), or name another: --topic depth:=NAME"
    if one != other:
        raise BagError(f"{depth.name}: {other[0]} x {other[1]} pixels, but {colour.name} {one[0]} x {one[1]}: {hint}")
    if one not in about.sizes:
        wrong = sorted(about.sizes)[0]
        turned = " (turned by a quarter?)" if wrong == one[::-1] else ""
        raise BagError(
            f"{about.name}: speaks of {wrong[0]} x {wrong[1]} pixels, the images have {one[0]} x {one[1]}{turned};"
            " record the camera info of these images, or name it: --topic info:=NAME"
        )
    own = _own_info(chooser, colour, depth)
    if own is None or own.name == about.name or own.focal & about.focal:
        return
    if colour.frames != depth.frames:
        raise BagError(f"{depth.name}: another camera ({', '.join(depth.frames)}) than {colour.name}: {hint}")
    (one_lens, *_), (other_lens, *_) = sorted(own.focal), sorted(about.focal)
    if any(abs(a - b) > OTHER_LENS * abs(b) for a, b in zip(one_lens[:2], other_lens[:2], strict=True)):
        raise BagError(
            f"{depth.name}: another lens (fx {one_lens[0]:.4g}, as {own.name} says) than {colour.name} "
            f"(fx {other_lens[0]:.4g}): {hint}"
        )


def _own_info(chooser: Chooser, colour: Topic, depth: Topic) -> Topic | None:
    """The camera info of depth images: beside them, or the one that shares most of its name with theirs and less with colour's.

    Depth that is called aligned has colour's, and none of its own but beside it.
    """
    infos = [topic for topic in chooser.all if topic.type == CAMERA_INFO and topic.focal]
    near = {topic.name: shared(topic.name, depth.name) for topic in infos}
    aligned = any(word in depth.name for word in ALIGNED)
    found = [t for t in infos if t.name == f"{depth.name.rpartition('/')[0]}/camera_info"] or [
        t for t in infos if not aligned and near[t.name] == max(near.values()) and near[t.name] > shared(t.name, colour.name)
    ]
    return found[0] if found else None


def gaps_to(stamps: Iterable[int], others: Iterable[int]) -> list[int]:
    """From each stamp to the nearest of others, ns; what comes twice counts once."""
    found, known = [], sorted(set(others))
    for stamp in set(stamps):
        at = bisect_left(known, stamp)
        found.append(min((abs(stamp - near) for near in known[max(at - 1, 0) : at + 1]), default=2**62))
    return found


def own_of(stamps: Iterable[int], others: Iterable[int], slop: float) -> dict[int, int]:
    """By others (stamps, ns): the one of `stamps` that each is of, which is the nearest within `slop` s."""
    found, known = {}, sorted(set(stamps))
    for stamp in set(others):
        at = bisect_left(known, stamp)
        nearest = min(known[max(at - 1, 0) : at + 1], key=lambda near: abs(stamp - near), default=None)
        if nearest is not None and abs(stamp - nearest) <= slop * SECOND:
            found[stamp] = nearest
    return found


def _pairs(colour: Topic, depth: Topic, slop: float) -> int:
    """Moments of which there is a depth image and a colour image; BagError where there is none. What comes twice counts once."""
    apart = gaps_to(depth.stamps, colour.stamps)
    found = sum(gap <= slop * SECOND for gap in apart)
    if not found:
        raise BagError(
            f"{colour.name} and {depth.name}: no two stamps within {slop:g} s, the nearest are {min(apart) / SECOND:.3f} s "
            "apart: --slop takes more"
        )
    return found
