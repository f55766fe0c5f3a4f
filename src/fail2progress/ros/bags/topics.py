"""Which of a recording's topics are played as which of the stack's: by what was asked for, by type, by pixels and by name.

Imports no ROS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from fail2progress.ros import graph as table
from fail2progress.ros.bags.pictures import COMPRESSED, is_depth
from fail2progress.ros.bags.recorded import CDR, BagError
from fail2progress.ros.bags.survey import IMAGE, Topic
from fail2progress.ros.bags.topic_names import of_no_camera, of_one_eye, plain, rank, shared

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
_COLOURS = ("color", "colour", "rgb", "bgr")
ALIGNED = ("aligned", "registered", "to_color", "to_rgb", "to_colour")
"""Parts of the names of depth images that are aligned to colour."""
_LISTED = 8
"""Topics that are named at most."""


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
        self.all = [topic for topic in topics if topic.count and topic.serialization == CDR]
        self.undecoded = [topic for topic in topics if topic.count and topic.serialization != CDR]
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
        if any(topic.name == given for topic in self.undecoded):
            raise BagError(f"--topic {name}:={given}: {encoded(topic for topic in self.undecoded if topic.name == given)}")
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
            found = [topic for topic in self._of_robot() if topic.type == COMPRESSED and relative(plain(topic.name)) == name]
        wrong = [topic for topic in found if topic.type not in (_full(name), COMPRESSED)]
        if wrong:
            raise BagError(f"{wrong[0].name} holds {wrong[0].type}, not {_full(name)}")
        if len(found) > 1:
            raise BagError(self._several(name, found))
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
            near = [shared(topic.name, colour.name) for topic in found]
            found = [topic for topic, parts in zip(found, near, strict=True) if parts == max(near)]
        return self._one(DEPTH, self._ranked(found, DEPTH, ALIGNED))

    def info(self, colour: Topic | None, depth: Topic | None) -> Topic | None:
        """What says where the pixels of the colour images look to; aligned depth has the same.

        It lies beside the images, or shares more of its name with the colour images' than others do.
        """
        given = self._given(INFO)
        if given is not None:
            return given
        found = [topic for topic in self._of_camera() if topic.type == CAMERA_INFO]
        if colour is None or len(found) < 2:
            return self._one(INFO, found)
        near = {topic.name: shared(topic.name, colour.name) for topic in found}
        nearest = [topic for topic in found if near[topic.name] == max(near.values())]
        own = [topic for topic in nearest if depth is None or near[topic.name] > shared(topic.name, depth.name)]
        for likely in (_beside(colour, found), own, _beside(depth, found), nearest):
            if len(likely) == 1:
                return likely[0]
        return self._one(INFO, nearest)

    def _given(self, name: str) -> Topic | None:
        return next((topic for topic in self.all if topic.name == self.choice.topics.get(name)), None)

    def _of_robot(self, robot: str = "") -> list[Topic]:
        robot = robot or self.choice.robot
        return [topic for topic in self.all if not robot or topic.name.startswith(f"/{robot}/")]

    def _of_camera(self, camera: str = "") -> list[Topic]:
        camera = camera or self.choice.camera
        return [topic for topic in self._of_robot() if not camera or f"/{camera}/" in topic.name]

    def _images(self, depth: bool) -> list[Topic]:
        """Images that can be colour or depth, the plain ones where they were recorded also compressed.

        Those of one eye count where there are no others, and of what was asked for all do.
        """
        bases: dict[str, Topic] = {}
        found = [topic for topic in self._of_camera() if topic.type in (IMAGE, COMPRESSED) and _deep(topic) is depth]
        proper = [topic for topic in found if all(map(self._is_whole, of_no_camera(topic.name)))]
        likely = [topic for topic in proper if all(map(self._is_whole, of_one_eye(topic.name)))]
        for topic in likely or (found if self.choice.camera or self.choice.robot else proper):
            base = plain(topic.name)
            bases[base] = max(bases.get(base, topic), topic, key=lambda one: (one.whole, one.type == IMAGE))
        return [topic for topic in bases.values() if topic.whole] or list(bases.values())

    def _is_whole(self, prefix: str) -> bool:
        """Whether there are colour, depth and a camera info below a part of names, which is a camera's name then."""
        return _has_all([topic for topic in self.all if topic.name.startswith(f"{prefix}/")])

    @staticmethod
    def _ranked(found: list[Topic], name: str, words: tuple[str, ...]) -> list[Topic]:
        """The best by name: the stack's own, else those with one of the words, else all; of one folder the best last part."""
        exact = [topic for topic in found if plain(topic.name).endswith(f"/{name}")]
        likely = [topic for topic in found if any(word in topic.name for word in words)]
        best: dict[str, Topic] = {}
        for topic in sorted(exact or likely or found, key=lambda topic: rank(topic.name)):
            best.setdefault(plain(topic.name).rpartition("/")[0], topic)
        return list(best.values())

    def _one(self, name: str, found: list[Topic]) -> Topic | None:
        if len(found) > 1:
            raise BagError(self._several(name, found))
        return found[0] if found else None

    def _several(self, name: str, found: Sequence[Topic]) -> str:
        """Which there are, and what tells them apart; of a camera an option must leave all of one."""
        parts = [topic.name.strip("/").split("/") for topic in found]
        common = set(parts[0]).intersection(*map(set, parts[1:]))
        apart = [next((part for part in of if part not in common), "") for of in parts]
        first = all(part == of[0] for part, of in zip(apart, parts, strict=True))
        option = "--robot" if first else "--camera"
        names = ", ".join(topic.name for topic in found)
        left = [self._of_robot(part) if first else self._of_camera(part) for part in apart]
        if len(set(apart)) < len(apart) or "" in apart or (name in table.CAMERA and not all(map(_has_all, left))):
            short = next((short for short, full in ALIASES.items() if full == name), name)
            return f"{name}: several topics of the bag could be it: {names}; say which: --topic {short}:={found[0].name}"
        return f"{name}: more than one robot or camera: {names}; say which: {' or '.join(f'{option} {part}' for part in apart)}"


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


def _has_all(topics: Sequence[Topic]) -> bool:
    """Whether colour, depth and a camera info are among them."""
    images = {_deep(topic) for topic in topics if topic.type in (IMAGE, COMPRESSED)}
    return images == {True, False} and any(topic.type == CAMERA_INFO for topic in topics)


def _beside(image: Topic | None, found: Sequence[Topic]) -> list[Topic]:
    """The first of those in the folder of an image, in a list; none where there is none."""
    folder = plain(image.name).rpartition("/")[0] if image is not None else None
    return [topic for topic in found if topic.name.rpartition("/")[0] == folder][:1]


def listed(topics: Iterable[Topic]) -> str:
    """Names and types, for people; of many the first."""
    found = [f"{topic.name} ({topic.type})" for topic in topics]
    more = [f"and {len(found) - _LISTED} more, as `fail2progress bag info` shows"] if len(found) > _LISTED else []
    return ", ".join(found[:_LISTED] + more) or "none at all"


def encoded(topics: Iterable[Topic]) -> str:
    """How messages are encoded that cannot be read."""
    return f"encoded as {', '.join(sorted({topic.serialization for topic in topics}))}; only CDR is read"
