"""Own messages of earlier versions in the layout of today."""

import struct

import pytest
from fail2progress_msgs.msg import Relations, Step
from rclpy.serialization import deserialize_message, serialize_message

from fail2progress.ros.bags.cdr import DamagedError
from fail2progress.ros.bags.layout import converted, layout
from fail2progress.ros.bags.writer import definition
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.observations import observation_of
from fail2progress.ros.conversions.records import attempt_of
from support import traffic
from support.recordings import store

STEP, RELATIONS = "fail2progress_msgs/msg/Step", "fail2progress_msgs/msg/Relations"


def first_version(kind: str) -> str:
    """A definition as the first version had it: no runs, steps without places, and parameters without names."""
    lines = definition(kind).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("string run ", "string[] parameter_names", "uint32 place ")))


def test_a_message_in_its_own_layout_stays_as_it_is_but_for_its_run() -> None:
    for message in (traffic.step(3), traffic.relations(2)):
        kind = f"fail2progress_msgs/msg/{type(message).__name__}"
        now = layout(kind, definition(kind))
        data = converted(serialize_message(message), now, now, convert.SCHEMA, {"run": "ours"})
        back = deserialize_message(data, type(message))
        assert back.run == "ours" and back.header == message.header
        back.run = ""
        assert back == message


def test_messages_of_the_first_version_are_read() -> None:
    """Written by an independent library from the first version's definitions."""
    from rosbags.typesys import get_types_from_msg

    types = store()
    for kind in (STEP, RELATIONS):
        types.register(get_types_from_msg(first_version(kind), kind))
    for kind, message in ((STEP, traffic.step(3)), (RELATIONS, traffic.relations(2))):
        now, old = layout(kind, definition(kind)), layout(kind, first_version(kind))
        earlier = converted(serialize_message(message), now, old, 1, {})
        read = types.deserialize_cdr(earlier, kind)
        assert read.schema_version == 1 and not hasattr(read, "run")  # type: ignore[attr-defined]
        data = converted(bytes(types.serialize_cdr(read, kind)), old, now, convert.SCHEMA, {"run": "ours"})
        back = deserialize_message(data, type(message))
        assert back.run == "ours"
        if isinstance(back, Step):
            want, found = attempt_of(message), attempt_of(back)
            assert found.planned.call == want.planned.call and found.plan == want.plan
            assert found.goal == want.goal and found.model == want.model
            assert (found.place, found.conduct.rest) == (None, want.conduct.rest)
        else:
            assert isinstance(back, Relations)
            assert observation_of(back).cloud.points.tobytes() == observation_of(message).cloud.points.tobytes()


def test_damaged_messages_and_definitions_are_refused() -> None:
    now = layout(STEP, definition(STEP))
    whole = serialize_message(traffic.step(3))
    bad = (b"", whole[:3], whole[:200], b"\0\0" + whole[2:], whole[:12] + struct.pack("<I", 2**31) + whole[16:])
    for data in bad:
        with pytest.raises(DamagedError):
            converted(data, now, now, 2, {})
    for text in ("float32[", "= 3", "fail2progress_msgs/Nothing"):
        with pytest.raises(DamagedError):
            layout(STEP, text)
    with pytest.raises(DamagedError):
        converted(whole, layout(STEP, "Nowhere it"), now, 2, {})
