"""What a bag holds and what of it would be played, without starting anything. Imports no ROS."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import Intrinsics
from fail2progress.core.scene import FRAME
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.perception.segmentation.registry import LABEL_IMAGE
from fail2progress.ros import graph as table
from fail2progress.ros.bags import pictures
from fail2progress.ros.bags.pictures import COMPRESSED
from fail2progress.ros.bags.reader import BagError, cut_short, files, read
from fail2progress.ros.bags.survey import Topic, survey
from fail2progress.ros.bags.topics import COLOUR, COLOURS, DEPTH, DEPTHS, INFO, NAMELESS, Choice, Chooser, listed

JUMP = 2 * SECOND
"""Nanoseconds back from which on a clock was set, and no message was late."""
LABELS, NAMES = table.LABELS
NEAREST, FARTHEST = 0.1, 8.0
"""Metres between which the middle reading of a robot's depth image lies."""


@dataclass(frozen=True)
class BagInfo:
    """All topics in the order in which they first appear, and what a replay makes of them."""

    path: Path
    topics: tuple[Topic, ...]
    packed: bool
    """Whether its files are compressed as a whole."""
    played: Mapping[str, str] = field(default_factory=dict)
    """The stack's names by the recorded topics."""
    source: str | None = None
    """Where a replay takes observations from: segments as they were at the time, else the camera; None where from nowhere."""
    problem: str = ""
    """Why nothing can be replayed, in one line."""
    moments: int = 0
    """Observations that there are: segments, or pairs of images."""
    disorder: int = 0
    """By how much messages come before earlier ones at most, ns."""
    unit: float | None = None
    """Metres that a depth of 1 stands for, where it is not what REP-118 says."""
    cut_short: tuple[str, ...] = ()
    """Names of files whose end is missing."""

    def require(self) -> BagInfo:
        """Itself; BagError where nothing can be replayed."""
        if self.problem:
            raise BagError(self.problem)
        return self

    def of(self, name: str) -> Topic | None:
        """The topic that is played as one of the stack's."""
        return next((topic for topic in self.topics if self.played.get(topic.name) == name), None)

    @property
    def segmenter(self) -> str:
        """What its camera's images are segmented by where nobody chose: the labels that it holds, else as everywhere."""
        return LABEL_IMAGE if LABELS in self.played.values() else SEGMENTER

    @property
    def rectified(self) -> bool:
        """Whether its images come without their lens's distortion, which camera infos state as they do for raw ones."""
        colour = self.of(COLOUR)
        return colour is not None and "image_rect" in colour.name

    @property
    def clock_was_set(self) -> bool:
        """Whether a clock was set back meanwhile."""
        return any(topic.back > JUMP for topic in self.topics)

    def warnings(self) -> list[str]:
        """What people should know before they believe a replay."""
        found = []
        if self.source == "camera" and not self._camera_has_a_place():
            found.append(
                "no transforms from camera to planning frame: the camera's place is worked out from the table in every frame"
            )
        for topic in self.topics:
            if topic.type == COMPRESSED and topic.name in self.played:
                found.append(f"{topic.name} is decoded ({', '.join(sorted(topic.encodings))})")
        for topic in self.topics:
            nameless = sorted(topic.encodings & set(NAMELESS))
            if nameless and self.played.get(topic.name) == COLOUR:
                found.append(f"{topic.name}: {nameless[0]} does not say what its channels are: taken for red, green, blue")
        colour, depth = self.of(COLOUR), self.of(DEPTH)
        if colour is not None and depth is not None:
            own, other = (sorted(frame.lstrip("/") for frame in topic.frames) for topic in (depth, colour))
            if own and other and not set(own) & set(other):
                found.append(f"{depth.name} is of the frame {own[0]}, and colour of {other[0]}: see that it is aligned to colour")
        about = self.of(INFO)
        if about is not None and about.lens is not None and not self.rectified:
            found.append(about.lens.note(about.name))
        found += sorted({f"{about.name}: {k.doubtful}" for k in _cameras(about) if k.doubtful}) if about is not None else []
        if self.cut_short:
            found.append(f"{', '.join(self.cut_short)}: the end is missing; what was recorded after that is lost")
        if self.clock_was_set:
            found.append(f"a clock was set back by {max(t.back for t in self.topics) / SECOND:.1f} s meanwhile")
        if "steps" not in self.played.values() and not self.problem:
            found.append("no steps: there is nothing to judge, only segments and relations to see")
        return found

    def _camera_has_a_place(self) -> bool:
        """Whether transforms lead from the planning frame to that of the depth images."""
        depth = self.of(DEPTH)
        edges = set[tuple[str, str]]().union(*(topic.edges for topic in self.topics if topic.name in self.played))
        reached, grows = {frame.lstrip("/") for frame in (depth.frames if depth is not None else ())}, True
        while grows and FRAME not in reached:
            more = {end for edge in edges if reached & set(edge) for end in edge} - reached
            reached, grows = reached | more, bool(more)
        return FRAME in reached

    def to_dict(self) -> dict[str, object]:
        """For --json."""
        return {
            "bag": str(self.path),
            "source": self.source,
            "observations": self.moments,
            "topics": [{**topic.to_dict(), "played_as": self.played.get(topic.name)} for topic in self.topics],
            "warnings": self.warnings(),
            "problem": self.problem or None,
        }


def info(path: Path, choice: Choice | None = None, source: str = "", slop: float = table.SLOP) -> BagInfo:
    """Look through a bag; BagError where it cannot be read or is empty. What cannot be played is said in `problem`.

    source: "segments" or "camera"; "": segments where there are any. slop: seconds by which images of one moment differ.
    """
    packed = any(file.suffix == ".zstd" for file in files(path))
    topics, disorder = survey(read(path))
    if not topics:
        cut = any(cut_short(file) for file in files(path))
        why = "cut short before its first whole message" if cut else "an empty recording, no message is in it"
        raise BagError(f"{path}: {why}")
    found, played, problem, moments = None, dict[str, str](), "", 0
    try:
        chooser = Chooser(topics, choice or Choice())
        found, played = _choose(chooser, path, source)
        moments = _check(chooser, played, found, slop)
        _check_depth(chooser, played)
    except BagError as error:
        found, problem = None, f"{path}: nothing to replay: {error}"
    unit = choice.unit if choice is not None else None
    ends = tuple(file.name for file in files(path) if cut_short(file))
    return BagInfo(path, topics, packed, played, found, problem, moments, disorder, unit, ends)


def _cameras(about: Topic) -> list[Intrinsics]:
    """What camera infos speak of, as far as a camera can be like that."""
    found = []
    for (width, height), focal in product(sorted(about.sizes), sorted(about.focal)):
        with suppress(ValueError):
            found.append(Intrinsics(width, height, *focal))
    return found


def _choose(chooser: Chooser, path: Path, asked: str) -> tuple[str, dict[str, str]]:
    """Where observations come from, and what is played as what."""
    segments = chooser.own("segments") if asked != "camera" else None
    if segments is not None:
        source, wanted = "segments", dict[str, Topic | None](segments=segments)
    elif asked == "segments":
        raise BagError(f"it holds no segments; its topics: {listed(chooser.all)}")
    else:
        colour = chooser.colour()
        depth = chooser.depth(colour)
        wanted = {COLOUR: colour, DEPTH: depth, INFO: chooser.info(colour, depth)}
        lacks = [name for name, topic in wanted.items() if topic is None]
        if lacks:
            raise BagError(
                f"{'' if asked else 'neither segments nor '}a whole camera (no {', no '.join(lacks)}); its topics: "
                f"{listed(chooser.all)}; --topic NAME:=NAME says which of them it is"
            )
        source, wanted = "camera", {**wanted, **{name: chooser.own(name) for name in (LABELS, NAMES, "looks")}}
    played = {topic.name: name for name, topic in {**wanted, "steps": chooser.own("steps")}.items() if topic is not None}
    return source, {**chooser.transforms(), **played}


def _check(chooser: Chooser, played: Mapping[str, str], source: str, slop: float) -> int:
    """How many observations there are. BagError where none can be made of what the topics hold."""
    topics = {played[topic.name]: topic for topic in chooser.all if topic.name in played}
    if source == "segments":
        return topics["segments"].count
    colour, depth, about = (topics[name] for name in table.CAMERA)
    for topic, known in ((colour, COLOURS), (depth, DEPTHS)):
        _check_encodings(topic, known)
    if not any(fx > 0 and fy > 0 for fx, fy, _, _ in about.focal):
        raise BagError(f"{about.name}: fx and fy are 0: the camera was not calibrated; name another: --topic camera_info:=NAME")
    _check_sizes(chooser, colour, depth, about)
    cameras = _cameras(about)
    if all(k.impossible for k in cameras):
        raise BagError(f"{about.name}: {cameras[0].impossible if cameras else f'{sorted(about.focal)[0]} is no fx, fy, cx, cy'}")
    return _pairs(colour, depth, slop)


def _check_depth(chooser: Chooser, played: Mapping[str, str]) -> None:
    """BagError where depth images hold no reading, or none that a robot would look at: then the unit is another one."""
    for topic in chooser.all:
        if played.get(topic.name) != DEPTH or not topic.depths:
            continue
        seen = [depth for depth in topic.depths if depth == depth]
        if not seen:
            raise BagError(f"{topic.name}: no reading in any of {len(topic.depths)} depth images that were looked into")
        unit = chooser.choice.unit or (1.0 if topic.encodings == {"32FC1"} else 0.001)
        typical = sorted(seen)[len(seen) // 2] * unit
        if not NEAREST <= typical <= FARTHEST and chooser.choice.unit is None:
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
    own = next((t for t in chooser.all if t.name == f"{depth.name.rpartition('/')[0]}/camera_info" and t.focal), None)
    if own is not None and own.name != about.name and not own.focal & about.focal and colour.frames != depth.frames:
        raise BagError(f"{depth.name}: another camera ({', '.join(depth.frames)}) than {colour.name}: {hint}")


def _pairs(colour: Topic, depth: Topic, slop: float) -> int:
    """Depth images with a colour image of the same moment; BagError where there is none."""
    stamps = sorted(colour.stamps)
    apart = []
    for stamp in depth.stamps:
        at = bisect_left(stamps, stamp)
        apart.append(min((abs(stamp - near) for near in stamps[max(at - 1, 0) : at + 1]), default=2**62))
    found = sum(gap <= slop * SECOND for gap in apart)
    if not found:
        raise BagError(
            f"{colour.name} and {depth.name}: no two stamps within {slop:g} s, the nearest are {min(apart) / SECOND:.3f} s "
            "apart: --slop takes more"
        )
    return found
