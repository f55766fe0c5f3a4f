"""Messages to the core's types and back. What comes from outside is checked here; Refused says what is wrong with it."""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from fail2progress_msgs.msg import Atom as AtomMsg
from fail2progress_msgs.msg import Goal as GoalMsg
from fail2progress_msgs.msg import Look, Segments
from fail2progress_msgs.msg import PlannedSkill as PlannedSkillMsg
from fail2progress_msgs.msg import RelationState as RelationStateMsg
from fail2progress_msgs.msg import SkillCall as SkillCallMsg
from numpy.typing import NDArray
from std_msgs.msg import Header as HeaderMsg
from unique_identifier_msgs.msg import UUID

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.objects import CATEGORIES
from fail2progress.core.observation import SECOND, SegmentedCloud
from fail2progress.core.relations import BINARY, UNARY, RelationState
from fail2progress.failures.event import Call
from fail2progress.planning.planned import PlannedSkill
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill

SCHEMA = 4
MOST_SEGMENTS = 64
MOST_POINTS = 4096
MOST_TEXT = 256
"""Characters of a name; what is longer names nothing, and would go into every log, bag and store."""


class Refused(ValueError):
    """A message that is not taken: `kind` is what is counted, the text says more."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


def time_of(stamp: int) -> Time:
    """Nanoseconds to a Time. ValueError for what a Time cannot hold."""
    if not 0 <= stamp < 2**31 * SECOND:
        raise ValueError(f"a stamp must lie in [0, 2^31) s, got {stamp} ns")
    seconds, rest = divmod(stamp, SECOND)
    return Time(sec=seconds, nanosec=rest)


def stamp_of(time: Time) -> int:
    """Nanoseconds. Refused for invalid times: before 1970, or a billion nanoseconds and more."""
    if time.sec < 0 or time.nanosec >= SECOND:
        raise Refused("stamp", f"{time.sec} s and {time.nanosec} ns are no time")
    return int(time.sec) * SECOND + int(time.nanosec)


def header(stamp: int, frame: str) -> HeaderMsg:
    """A header."""
    return HeaderMsg(stamp=time_of(stamp), frame_id=frame)


def look_msg(stamp: int, when: str = "") -> Look:
    """The robot stands still and looks since then (ns), before or after its skill; without either it moves on."""
    return Look(header=header(stamp, ""), when=when)


def uuid_msg(identity: str) -> UUID:
    """A UUID in text; "" gives the zero one."""
    return UUID(uuid=np.frombuffer(uuid.UUID(identity).bytes if identity else bytes(16), np.uint8))


def uuid_text(message: UUID) -> str:
    """A UUID as text, "" for the zero one."""
    content = bytes(bytearray(message.uuid))
    return str(uuid.UUID(bytes=content)) if any(content) else ""


def check_schema(message: Any) -> None:
    """Refused unless a message has the schema version that is known here."""
    if message.schema_version != SCHEMA:
        raise Refused("schema", f"{type(message).__name__} has schema {message.schema_version}, known is {SCHEMA}")


def check_texts(*texts: str) -> None:
    """Refused where a text is too long for a name."""
    longest = max(texts, key=len, default="")
    if len(longest) > MOST_TEXT:
        raise Refused("text", f"{longest[:40]!r}... has {len(longest)} characters; at most {MOST_TEXT} are taken")


def _array(values: Any, kind: type[np.generic], shape: tuple[int, ...], what: str) -> NDArray[Any]:
    """A sequence as an array of a shape; Refused where the number of elements is another."""
    found = np.frombuffer(values, kind) if isinstance(values, array) else np.asarray(values, kind)
    if found.size != int(np.prod(shape)):
        raise Refused("size", f"{what} has {found.size} values, not {' * '.join(map(str, shape))}")
    return found.reshape(shape).copy()


def _flat(values: NDArray[Any], code: str) -> array[Any]:
    """An array for a sequence field: assigning bytes is a thousand times faster than assigning numbers."""
    flat: array[Any] = array(code)
    flat.frombytes(np.ascontiguousarray(values, {"f": np.float32, "d": np.float64}[code]).tobytes())
    return flat


def segments_msg(cloud: SegmentedCloud) -> Segments:
    """From the core's type."""
    return Segments(
        header=header(cloud.stamp, cloud.frame),
        schema_version=SCHEMA,
        names=list(cloud.names),
        categories=list(cloud.categories),
        points_per_segment=cloud.points.shape[1],
        points=_flat(cloud.points, "f"),
        visibility=_flat(cloud.visibility, "f"),
        colours=list(cloud.colours),
    )


def cloud_of(message: Segments) -> SegmentedCloud:
    """To the core's type. A segment has finite points, or NaN throughout if it was never seen."""
    check_schema(message)
    names, categories = _names(message.names), tuple(message.categories)
    count, size = len(names), int(message.points_per_segment)
    if not 1 <= size <= MOST_POINTS:
        raise Refused("count", f"{size} points a segment; between 1 and {MOST_POINTS} are taken")
    if len(categories) != count:
        raise Refused("size", f"{len(categories)} categories for {count} segments")
    unknown = [kind for kind in categories if kind not in CATEGORIES]
    if unknown:
        raise Refused("name", f"unknown category {unknown[0]!r}; known: {', '.join(sorted(CATEGORIES))}")
    points = _array(message.points, np.float32, (count, size, 3), "points")
    finite = np.isfinite(points).all(axis=(1, 2))
    if not (finite | np.isnan(points).all(axis=(1, 2))).all() or (np.abs(points[finite]) > 1e3).any():
        raise Refused("value", "a segment with infinite, far or partly missing points")
    visibility = _array(message.visibility, np.float32, (count,), "visibility")
    if not ((visibility >= 0) & (visibility <= 1)).all():
        raise Refused("value", "a visibility outside [0, 1]")
    if not message.header.frame_id:
        raise Refused("frame", "segments without a frame")
    colours = tuple(message.colours)
    if colours and len(colours) != count:
        raise Refused("size", f"{len(colours)} colours of {count} segments")
    check_texts(message.header.frame_id, *colours)
    return SegmentedCloud(names, categories, points, visibility, message.header.frame_id, stamp_of(message.header.stamp), colours)


def _names(values: Iterable[str]) -> tuple[str, ...]:
    names = tuple(values)
    if len(names) > MOST_SEGMENTS:
        raise Refused("count", f"{len(names)} segments; at most {MOST_SEGMENTS} are taken")
    if len(set(names)) != len(names) or "" in names:
        raise Refused("name", "segments need distinct names")
    check_texts(*names)
    return names


def relations_msg(state: RelationState) -> RelationStateMsg:
    """From the core's type."""
    return RelationStateMsg(
        schema_version=SCHEMA,
        names=list(state.names),
        truth=state.binary.dtype == np.bool_,
        binary=_flat(state.binary, "d"),
        unary=_flat(state.unary, "d"),
    )


def relations_of(message: RelationStateMsg) -> RelationState:
    """To the core's type; probabilities must lie in [0, 1]."""
    check_schema(message)
    names = _names(message.names)
    binary = _array(message.binary, np.float64, (len(names), len(names), len(BINARY)), "binary")
    unary = _array(message.unary, np.float64, (len(names), len(UNARY)), "unary")
    for values in (binary, unary):
        if not ((values >= 0) & (values <= 1)).all():
            raise Refused("value", "a probability outside [0, 1]")
    if message.truth:
        return RelationState(names, binary > 0.5, unary > 0.5)
    return RelationState(names, binary, unary)


def call_msg(call: SkillCall | Call) -> SkillCallMsg:
    """From the core's type."""
    return SkillCallMsg(
        skill=call.skill,
        object=call.object,
        parameters=[float(value) for value in call.parameters],
        has_target=call.target is not None,
        target=call.target or "",
        parameter_names=[parameter.name for parameter in skill(call.skill).parameters],
    )


def call_of(message: SkillCallMsg) -> SkillCall:
    """To the core's type; Refused for an unknown skill, and for parameters that it lacks or that are out of bounds."""
    if max(len(message.parameters), len(message.parameter_names)) > 64:
        raise Refused("count", f"{len(message.parameters)} parameters")
    check_texts(message.skill, message.object, message.target, *message.parameter_names)
    try:
        target = message.target if message.has_target else None
        return SkillCall(message.skill, message.object, _parameters(message), target)
    except ValueError as error:
        raise Refused("call", str(error)) from error


def _parameters(message: SkillCallMsg) -> tuple[float, ...]:
    """In the skill's order. ValueError where they are named, and are not those that the skill has."""
    values, names = tuple(map(float, message.parameters)), tuple(message.parameter_names)
    if not names:
        return values
    wanted = tuple(parameter.name for parameter in skill(message.skill).parameters)
    if sorted(names) != sorted(wanted) or len(names) != len(values):
        raise ValueError(f"{message.skill} takes {', '.join(wanted)}, got {len(values)} values for {', '.join(names)}")
    return tuple(values[names.index(name)] for name in wanted)


def planned_msg(planned: PlannedSkill) -> PlannedSkillMsg:
    """From the core's type."""
    return PlannedSkillMsg(
        call=call_msg(planned.call), expected=relations_msg(planned.expected), displacement=_flat(planned.displacement, "d")
    )


def planned_of(message: PlannedSkillMsg) -> PlannedSkill:
    """To the core's type."""
    expected = relations_of(message.expected)
    shift = _array(message.displacement, np.float64, (len(expected.names), 3), "displacement")
    if not np.isfinite(shift).all() or (np.abs(shift) > 1e3).any():
        raise Refused("value", "a displacement that is not finite")
    return PlannedSkill(call_of(message.call), expected, shift)


def goal_msg(goal: Goal) -> GoalMsg:
    """From the core's type."""
    return GoalMsg(
        atoms=[AtomMsg(relation=a.relation, subject=a.subject, other=a.other or "", holds=a.holds) for a in goal.atoms]
    )


def goal_of(message: GoalMsg) -> Goal:
    """To the core's type; Refused for unknown relations and empty goals."""
    if len(message.atoms) > 1024:
        raise Refused("count", f"a goal of {len(message.atoms)} relations")
    check_texts(*(text for a in message.atoms for text in (a.relation, a.subject, a.other)))
    try:
        return Goal(tuple(Atom(a.relation, a.subject, a.other or None, bool(a.holds)) for a in message.atoms))
    except ValueError as error:
        raise Refused("goal", str(error)) from error
