"""What a bag holds and what of it would be played, without starting anything. Imports no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fail2progress.core.observation import SECOND
from fail2progress.core.scene import FRAME
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.perception.segmentation.registry import LABEL_IMAGE
from fail2progress.ros import graph as table
from fail2progress.ros.bags.bag_files import METADATA, bag_files, few
from fail2progress.ros.bags.checks import cameras_of, check, own_of
from fail2progress.ros.bags.mcap_records import Lost, cut_short
from fail2progress.ros.bags.pictures import COMPRESSED
from fail2progress.ros.bags.reader import BagError, read
from fail2progress.ros.bags.survey import IMAGE, Topic, survey
from fail2progress.ros.bags.topics import CAMERA_INFO, COLOUR, DEPTH, INFO, NAMELESS, Choice, Chooser, encoded, listed

SOURCES = ("segments", "camera")
"""Where observations can come from."""
JUMP = 2 * SECOND
"""Nanoseconds back from which on a clock was set, and no message was late."""
LABELS, NAMES = table.LABELS


@dataclass(frozen=True)
class BagInfo:
    """All topics in the order in which they first appear, and what a replay makes of them."""

    path: Path
    topics: tuple[Topic, ...]
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
    lost: tuple[Lost, ...] = ()
    """Damaged parts of files, and files of which nothing was read."""
    counted: int | None = None
    """Messages that the metadata say there are; None where they do not."""

    def require(self) -> BagInfo:
        """Itself; BagError where nothing can be replayed."""
        if self.problem:
            raise BagError(self.problem)
        return self

    def of(self, name: str) -> Topic | None:
        """The topic that is played as one of the stack's."""
        return next((topic for topic in self.topics if self.played.get(topic.name) == name), None)

    @property
    def seen(self) -> frozenset[str]:
        """The stack's names of what an observation is made of; names of labels only where each label image has its own."""
        own = {NAMES} if self.named_each else set()
        return frozenset({*self.played.values()} & {"segments", *table.CAMERA, LABELS, *own})

    @property
    def named_each(self) -> bool:
        """Whether more than half of the label images have names of their own; else these count for all that come after, too."""
        labels = self.of(LABELS)
        return labels is not None and 2 * len(set(self.named.values())) > len(set(labels.stamps))

    @cached_property
    def named(self) -> Mapping[int, int]:
        """By the stamps of names (ns): that of the label image that they are of."""
        labels, names = self.of(LABELS), self.of(NAMES)
        return {} if labels is None or names is None else own_of(labels.stamps, names.stamps, table.SLOP)

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

    @property
    def unstamped(self) -> frozenset[str]:
        """Played topics whose messages have no stamp, some or all of them; fixed transforms need none, and names of labels that
        have none count from then on."""
        needless = ("tf_static", NAMES)
        return frozenset(t.name for t in self.topics if t.unstamped and self.played.get(t.name, NAMES) not in needless)

    def warnings(self, judged: bool = True) -> list[str]:
        """What people should know before they believe a replay; judged: whether steps are to be."""
        found = []
        if self.source == "camera" and not self._camera_has_a_place():
            found.append(
                "no transforms from camera to planning frame: the camera's place is worked out from the table in every frame"
            )
        for topic in self.topics:
            if topic.type == COMPRESSED and topic.name in self.played and topic.encodings:
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
        found += sorted({f"{about.name}: {k.doubtful}" for k in cameras_of(about) if k.doubtful}) if about is not None else []
        found += self._damage()
        if self.unstamped and not self.problem:
            names = ", ".join(sorted(self.unstamped))
            found.append(f"messages without a stamp are given the time at which they were recorded: {names}")
        found += self._names_missing()
        jumps = {topic.name: topic.jump for topic in self.topics if topic.jump > JUMP and topic.name in self.played}
        if self.clock_was_set:
            found.append(f"a clock was set back by {max(t.back for t in self.topics) / SECOND:.1f} s meanwhile")
        elif jumps and not self.problem:
            found.append(f"a clock was set back: stamps jump by {max(jumps.values()) / SECOND:.1f} s, of {', '.join(jumps)}")
        if judged and "steps" not in self.played.values() and not self.problem:
            found.append("no steps: there is nothing to judge, only segments and relations to see")
        return found

    def _names_missing(self) -> list[str]:
        """Which names label images have that have none of their own."""
        labels, own = self.of(LABELS), len(set(self.named.values()))
        if labels is None or not 0 < own < (count := len(set(labels.stamps))):
            return []
        others = "are left out, but after names without a stamp" if self.named_each else "have those that came before them"
        return [f"{own} of {count} label images have names of their own; the others {others}"]

    def _damage(self) -> list[str]:
        """What is left out, as it cannot be read."""
        found = []
        if self.cut_short:
            found.append(f"{', '.join(self.cut_short)}: the end is missing; what was recorded after that is lost")
        for why in dict.fromkeys(lost.why for lost in self.lost if lost.why):
            files = dict.fromkeys(lost.file for lost in self.lost if lost.why == why)
            found.append(f"{few(files)}: left out ({why})")
        read_of_all = sum(topic.count for topic in self.topics)
        if self.counted is not None and read_of_all < self.counted:
            found.append(f"{read_of_all} of the {self.counted} messages that {METADATA} counts were read")
        for file in dict.fromkeys(lost.file for lost in self.lost if not lost.why):
            parts = [lost for lost in self.lost if lost.file == file and not lost.why]
            spans = [lost.end - lost.begin for lost in parts if lost.end is not None]
            if spans:
                found.append(f"{file}: {len(spans)} damaged part(s) left out, recorded in {sum(spans) / SECOND:.1f} s")
            if len(spans) < len(parts):
                way = "sqlite3 FILE .recover" if ".db3" in file else "mcap recover"
                found.append(f"{file}: damaged in the middle, and left out from there on; `{way}` may keep more of it")
        for topic in self.topics:
            if topic.damaged and topic.name in self.played and not self.problem:
                found.append(f"{topic.name}: {topic.damaged} of {topic.count} messages are damaged and left out ({topic.damage})")
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
    if source not in ("", *SOURCES):
        raise BagError(f"unknown source {source!r}; there are: {', '.join(SOURCES)}")
    held = bag_files(path)
    lost = list[Lost]()
    topics, disorder = survey(read(path, lost))
    if not topics:
        cut = any(cut_short(file) for file in held.there)
        why = "cut short before its first whole message" if cut else "an empty recording, no message is in it"
        raise BagError(f"{path}: {'damaged, no part of it can be read' if lost else why}")
    found, played, problem, moments = None, dict[str, str](), "", 0
    try:
        chooser = Chooser(topics, choice or Choice())
        found, played = _choose(chooser, path, source)
        moments = check(chooser, played, found, slop)
    except BagError as error:
        found, problem = None, f"{path}: nothing to look at: {error}"
    unit = choice.unit if choice is not None else None
    left_out = {part.file for part in lost if part.why}
    ends = tuple(file.name for file in held.there if file.name not in left_out and cut_short(file))
    return BagInfo(path, topics, played, found, problem, moments, disorder, unit, ends, tuple(lost), held.count)


def _held(chooser: Chooser) -> str:
    """What topics there are where those that are needed are not, and what can be done."""
    others = f"{listed(chooser.undecoded)}: {encoded(chooser.undecoded)}" if chooser.undecoded else ""
    if not chooser.all:
        return f"its topics: {others}"
    images = any(topic.type in (IMAGE, COMPRESSED, CAMERA_INFO) for topic in chooser.all)
    way = "; --topic NAME:=NAME says which of them it is" if images else ""
    return f"its topics: {listed(chooser.all)}{way}" + (f"; and {others}" if others else "")


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
                f"{'no' if asked else 'neither segments nor a'} whole camera (no {', no '.join(lacks)}); {_held(chooser)}"
            )
        source, wanted = "camera", {**wanted, **{name: chooser.own(name) for name in (LABELS, NAMES, "looks")}}
    played = {topic.name: name for name, topic in {**wanted, "steps": chooser.own("steps")}.items() if topic is not None}
    return source, {**chooser.transforms(), **played}
