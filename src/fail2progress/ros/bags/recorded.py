"""One message of a recording, and the error of recordings that cannot be used. Imports no ROS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

CDR = "cdr"
_SHORT = re.compile(r"[A-Za-z]\w*/[A-Za-z]\w*")
"""A type as ROS 1 names it, and as some programs do that write CDR: sensor_msgs/Image."""


class BagError(ValueError):
    """A bag that cannot be used, and why."""


@dataclass(frozen=True)
class Recorded:
    """One message as it was on the wire: topic with its slash, type as "package/msg/Name", CDR bytes, time of arrival (ns)."""

    topic: str
    type: str
    data: bytes
    time: int
    definition: str = field(default="", compare=False)
    """Of the type, as the bag has it ("ros2msg"); empty where it has none."""
    encoding: str = CDR
    """How the bytes are encoded; nothing here reads any other than CDR."""


def full_type(name: str, encoding: str) -> str:
    """The name of a type as ROS 2 has it, also where a recording leaves /msg/ out; as it is where the bytes are no CDR."""
    return name.replace("/", "/msg/") if encoding == CDR and _SHORT.fullmatch(name) else name
