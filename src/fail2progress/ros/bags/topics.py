"""Which of a recording's topics are played as which of the stack's: by what was asked for, by type, by pixels and by name.

Imports no ROS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from fail2progress.ros import graph as table
from fail2progress.ros.bags.pictures import COMPRESSED, is_depth
from fail2progress.ros.bags.reader import BagError
from fail2progress.ros.bags.survey import IMAGE, Topic

TRANSFORMS = ("tf", "tf_static")
COLOUR, DEPTH, INFO = table.CAMERA
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
ALIASES: Mapping[str, str] = MappingProxyType(
    {"color": COLOUR, "colour": COLOUR, "depth": DEPTH, "info": INFO, "camera_info": INFO, "labels": table.LABELS[0]}
)
"""Short names of the stack's topics."""
_ASKED = ("color", "depth", "camera_info", "labels", table.LABELS[1], "segments", "steps")
"""Topics of the stack that may be asked for."""
DEPTHS = ("16UC1", "mono16", "32FC1")
NAMELESS = ("8UC3", "8UC4", "8UC1")
"""Encodings that do not say what their channels are: they are taken for red, green, blue, and grey."""
COLOURS = ("rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "mono8", "yuv422", "yuv422_yuy2", "uyvy", "yuyv", *NAMELESS)
"""Encodings that are read."""
_OTHERS = ("infra", "/ir/", "label", "mask", "segmentation", "confidence", "disparity", "debug", "left", "right", "theora")
"""Parts of the names of images that are neither colour nor depth of an RGB-D camera."""
_COLOURS = ("color", "colour", "rgb", "bgr")
_ALIGNED = ("aligned", "registered", "to_color", "to_rgb", "to_colour")
_LISTED = 8
"""Topics that are named at most."""
_LAST = ("image_raw", "image_rect_color", "image_color", "image_rect", "image")
"""Last parts of image topics, the best first."""


@dataclass(frozen=True)
class Choice:
    """What was asked for: recorded topics by the stack's name, the namespace of a robot, a part of the name of a camera."""

    topics: Mapping[str, str] = field(default_factory=dict)
    robot: str = ""
    camera: str = ""
    unit: float | None = None
    """Metres that a depth of 1 stands for; None: a millimetre for whole numbers, a metre for others (REP-118)."""

    @classmethod
    def parse(cls, topics: Iterable[str] = (), robot: str = "", camera: str = "") -> Choice:
        """From texts NAME:=NAME, in which either side is the stack's; BagError where neither is, or both are.

        The recorded topic of depth may be followed by @METRES, what a depth of 1 stands for: depth:=/depth/image_raw@0.0001.
        """
        texts, unit = [], None
        for text in topics:
            name, mark, metres = text.partition("@")
            texts.append(name)
            unit = _unit(text, metres) if mark else unit
        return cls(dict(map(_pair, texts)), robot.strip("/"), camera.strip("/"), unit)


def _unit(text: str, metres: str) -> float:
    try:
        found = float(metres)
    except ValueError:
        found = 0.0
    if not 1e-6 <= found <= 10 or "depth" not in text:
        raise BagError(f"--topic {text}: after @ stand the metres that a depth of 1 is, such as depth:=/depth/image_raw@0.0001")
    return found


def _pair(text: str) -> tuple[str, str]:
    left, mark, right = (part.strip() for part in text.partition(":="))
    known = [ALIASES.get(part.strip("/"), part.strip("/")) for part in (left, right)]
    if mark and known[0] in table.TOPICS and right:
        return known[0], f"/{right.strip('/')}"
    if mark and known[1] in table.TOPICS and left:
        return known[1], f"/{left.strip('/')}"
    both = left and right
    why = f"neither {left} nor {right} is a topic of the stack" if both else "name the stack's topic and the recorded one"
    raise BagError(f"--topic {text}: {why}, such as depth:=/depth_to_rgb/image_raw; there are: {', '.join(_ASKED)}")


def relative(topic: str) -> str | None:
    """The stack's name of a recorded topic, whatever namespace it was recorded in; None for one that is not the stack's."""
    fitting = [name for name in table.TOPICS if topic == name or topic.endswith(f"/{name}")]
    return max(fitting, key=len) if fitting else None


class Chooser:
    """Finds the recorded topic for each of the stack's. BagError where several would do, or what was asked for is not there."""

    def __init__(self, topics: Sequence[Topic], choice: Choice) -> None:
        self.choice = choice
        self.all = [topic for topic in topics if topic.count]
        for name, given in choice.topics.items():
            self._check(name, given)
        if choice.robot and not self._of_robot():
            heads = sorted({topic.name.split("/")[1] for topic in self.all if topic.name.count("/") > 1})
            raise BagError(f"--robot {choice.robot}: no topic of the bag begins so; there are: {', '.join(heads)}")
        if choice.camera and not self._of_camera():
            parts = sorted({part for topic in self._of_robot() for part in topic.name.split("/")[1:-1]})
            raise BagError(f"--camera {choice.camera}: no topic of the bag has this part; there are: {', '.join(parts)}")

    def _check(self, name: str, given: str) -> None:
        found, wanted = next((topic for topic in self.all if topic.name == given), None), _full(name)
        if found is None:
            fitting = [topic for topic in self.all if topic.type == wanted or (wanted == IMAGE and topic.type == COMPRESSED)]
            raise BagError(f"--topic {name}:={given}: not in the bag; its topics: {listed(fitting or self.all)}")
        if found.type != wanted and not (wanted == IMAGE and found.type == COMPRESSED):
            raise BagError(f"--topic {name}:={given}: holds {found.type}, not {wanted}")

    def own(self, name: str) -> Topic | None:
        """A topic under the stack's own name, in any namespace."""
        given = self._given(name)
        if given is not None:
            return given
        found = [topic for topic in self._of_robot() if relative(topic.name) == name]
        if not found and name == table.LABELS[0]:
            found = [topic for topic in self._of_robot() if topic.type == COMPRESSED and relative(_base(topic.name)) == name]
        wrong = [topic for topic in found if topic.type not in (_full(name), COMPRESSED)]
        if wrong:
            raise BagError(f"{wrong[0].name} holds {wrong[0].type}, not {_full(name)}")
        if len(found) > 1:
            raise BagError(_several(name, found))
        return found[0] if found else None

    def transforms(self) -> dict[str, str]:
        """Recorded topics of transforms: those of the robot that was asked for, and those that all share."""
        found = [topic for topic in self.all if relative(topic.name) in TRANSFORMS and topic.type == _full("tf")]
        own = [topic for topic in found if topic in self._of_robot() or topic.name.strip("/") in TRANSFORMS]
        return {topic.name: str(relative(topic.name)) for topic in own}

    def colour(self) -> Topic | None:
        """The camera's colour images."""
        return self._given(COLOUR) or self._one(COLOUR, self._ranked(self._images(False), COLOUR, _COLOURS))

    def depth(self, colour: Topic | None) -> Topic | None:
        """Depth images aligned to the colour images, of the same camera."""
        given = self._given(DEPTH)
        if given is not None:
            return given
        found = self._images(True)
        if colour is not None and len(found) > 1:
            near = [_shared(topic.name, colour.name) for topic in found]
            found = [topic for topic, parts in zip(found, near, strict=True) if parts == max(near)]
        return self._one(DEPTH, self._ranked(found, DEPTH, _ALIGNED))

    def info(self, colour: Topic | None, depth: Topic | None) -> Topic | None:
        """What says where the pixels of the colour images look to; aligned depth has the same."""
        given = self._given(INFO)
        if given is not None:
            return given
        found = [topic for topic in self._of_camera() if topic.type == CAMERA_INFO]
        for image in filter(None, (colour, depth)):
            beside = [topic for topic in found if topic.name.rpartition("/")[0] == _base(image.name).rpartition("/")[0]]
            if beside:
                return beside[0]
        return self._one(INFO, found)

    def _given(self, name: str) -> Topic | None:
        return next((topic for topic in self.all if topic.name == self.choice.topics.get(name)), None)

    def _of_robot(self) -> list[Topic]:
        robot = self.choice.robot
        return [topic for topic in self.all if not robot or topic.name.startswith(f"/{robot}/")]

    def _of_camera(self) -> list[Topic]:
        camera = self.choice.camera
        return [topic for topic in self._of_robot() if not camera or f"/{camera}/" in topic.name]

    def _images(self, depth: bool) -> list[Topic]:
        """Images that can be colour or depth, the plain ones where they were recorded also compressed."""
        bases: dict[str, Topic] = {}
        for topic in self._of_camera():
            if topic.type in (IMAGE, COMPRESSED) and _deep(topic) is depth and not any(o in topic.name for o in _OTHERS):
                base = _base(topic.name)
                bases[base] = max(bases.get(base, topic), topic, key=lambda one: (one.whole, one.type == IMAGE))
        return [topic for topic in bases.values() if topic.whole] or list(bases.values())

    @staticmethod
    def _ranked(found: list[Topic], name: str, words: tuple[str, ...]) -> list[Topic]:
        """The best by name: the stack's own, else those with one of the words, else all; of one folder the best last part."""
        exact = [topic for topic in found if _base(topic.name).endswith(f"/{name}")]
        likely = [topic for topic in found if any(word in topic.name for word in words)]
        best: dict[str, Topic] = {}
        for topic in sorted(exact or likely or found, key=lambda topic: _last(topic.name)):
            best.setdefault(_base(topic.name).rpartition("/")[0], topic)
        return list(best.values())

    def _one(self, name: str, found: list[Topic]) -> Topic | None:
        if len(found) > 1:
            raise BagError(_several(name, found))
        return found[0] if found else None


def _full(name: str) -> str:
    return table.TOPICS[name].type.replace("/", "/msg/")


def _deep(topic: Topic) -> bool:
    if not topic.encodings:  # damaged images do not say what they are
        return is_depth("", topic.name) or "depth" in topic.name
    if topic.type == COMPRESSED:
        return any(is_depth(form, topic.name) for form in topic.encodings)
    if topic.encodings <= set(DEPTHS):
        return True
    return "depth" in topic.name and not topic.encodings & set(COLOURS)


def _base(name: str) -> str:
    """The plain topic of a compressed one."""
    return name.removesuffix("/compressedDepth").removesuffix("/compressed")


def _last(name: str) -> int:
    last = _base(name).rpartition("/")[2]
    return _LAST.index(last) if last in _LAST else len(_LAST)


def _shared(one: str, other: str) -> int:
    """How many parts two names have in common at their beginnings."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), 10**6)


def _several(name: str, found: Sequence[Topic]) -> str:
    """Which there are, and what tells them apart."""
    parts = [topic.name.strip("/").split("/") for topic in found]
    common = set(parts[0]).intersection(*map(set, parts[1:]))
    apart = [next((part for part in of if part not in common), "") for of in parts]
    first = all(part == of[0] for part, of in zip(apart, parts, strict=True))
    names = ", ".join(topic.name for topic in found)
    if len(set(apart)) < len(apart) or "" in apart:
        return f"{name}: several topics of the bag could be it: {names}; say which: --topic {name}:={found[0].name}"
    option = "--robot" if first else "--camera"
    return f"{name}: more than one robot or camera: {names}; say which: {' or '.join(f'{option} {part}' for part in apart)}"


def listed(topics: Iterable[Topic]) -> str:
    """Names and types, for people; of many the first."""
    found = [f"{topic.name} ({topic.type})" for topic in topics]
    more = [f"and {len(found) - _LISTED} more, as `fail2progress bag info` shows"] if len(found) > _LISTED else []
    return ", ".join(found[:_LISTED] + more) or "none at all"
