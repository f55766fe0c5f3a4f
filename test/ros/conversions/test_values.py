"""Core values to messages, over the wire format and back; and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message

from fail2progress.failures.event import Call
from fail2progress.failures.report import FailureReport, FailureSignal
from fail2progress.ros.conversions import records as convert_records
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.values import Refused
from support import messages as m

RELAXED = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SIGNALS = st.builds(
    lambda ends, **fields: FailureSignal(low=min(ends), high=max(ends), **fields),
    st.tuples(NUMBERS, NUMBERS), name=m.TEXT, severity=m.SHARES, parameter=m.TEXT, delta=NUMBERS, evidence=m.TEXT,
)  # fmt: skip
SIGNAL = FailureSignal(name="grasp_missed", severity=0.9, parameter="p", delta=-0.01, low=0.1, high=0.16, evidence="it stayed")


def with_signals(report: FailureReport, *signals: FailureSignal) -> FailureReport:
    return report.model_copy(update={"signals": signals})


def over_the_wire(message: Any) -> Any:
    return deserialize_message(serialize_message(message), type(message))


ROUND_TRIPS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "cloud": (m.clouds(), convert.segments_msg, convert.cloud_of),
    "relations": (m.relations(), convert.relations_msg, convert.relations_of),
    "call": (m.calls(), convert.call_msg, convert.call_of),
    "planned": (m.planned(), convert.planned_msg, convert.planned_of),
    "goal": (m.goals(), convert.goal_msg, convert.goal_of),
    "mismatch": (m.MISMATCHES, convert_records.mismatch_msg, convert_records.mismatch_of),
    "attempt": (
        m.attempts(),
        lambda attempt: convert_records.step_msg(attempt, m.EPISODE, 1, attempt.before.stamp),
        convert_records.attempt_of,
    ),
    "event": (m.events(), convert_records.event_msg, convert_records.event_of),
    "report": (
        st.builds(lambda report, signals: with_signals(report, *signals), m.REPORTS, st.lists(SIGNALS, max_size=3)),
        lambda report: convert_records.report_msg(report, 3),
        convert_records.report_of,
    ),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_nothing_is_lost_on_the_way(name: str) -> None:
    strategy, to_message, to_core = ROUND_TRIPS[name]

    @RELAXED
    @given(value=strategy)
    def check(value: Any) -> None:
        assert m.same(to_core(over_the_wire(to_message(value))), value)

    check()


def test_an_observation_without_segments_comes_back() -> None:
    empty = m.SegmentedCloud((), (), np.empty((0, 128, 3), np.float32), np.empty(0, np.float32), "planning", 0)
    assert m.same(convert.cloud_of(over_the_wire(convert.segments_msg(empty))), empty)


@given(nanoseconds=st.integers(0, 2**31 * 10**9 - 1))
def test_every_time_comes_back_to_the_nanosecond(nanoseconds: int) -> None:
    time = convert.time_of(nanoseconds)
    assert time.sec * 10**9 + time.nanosec == nanoseconds
    assert convert.stamp_of(over_the_wire(time)) == nanoseconds


@given(stamp=st.integers().filter(lambda value: not 0 <= value < 2**31 * 10**9))
def test_what_a_time_cannot_hold_is_an_error(stamp: int) -> None:
    with pytest.raises(ValueError, match="stamp must lie"):
        convert.time_of(stamp)


@pytest.mark.parametrize(("sec", "nanosec"), [(-1, 0), (-(2**31), 5), (0, 10**9), (1, 2**32 - 1)])
def test_what_is_no_time_is_refused(sec: int, nanosec: int) -> None:
    with pytest.raises(Refused, match="stamp"):
        convert.stamp_of(convert.Time(sec=sec, nanosec=nanosec))


@given(identity=m.UUIDS)
def test_identities_come_back(identity: str) -> None:
    expected = "" if identity == "00000000-0000-0000-0000-000000000000" else identity
    assert convert.uuid_text(over_the_wire(convert.uuid_msg(identity))) == expected
    assert convert.uuid_text(convert.uuid_msg("")) == ""


def _set(path: str, value: Any) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        *parents, last = path.split(".")
        for parent in parents:
            message = message[int(parent)] if parent.isdigit() else getattr(message, parent)
        setattr(message, last, value)

    return change


def _point(index: int, value: float) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        message.points[index] = value

    return change


MALFORMED: list[tuple[str, Callable[[Any], None], str]] = [
    ("cloud", _set("schema_version", convert.SCHEMA + 1), "schema"),
    ("cloud", _set("points_per_segment", 31), "size"),
    ("cloud", _set("points_per_segment", 0), "count"),
    ("cloud", _set("points_per_segment", 2**32 - 1), "count"),
    ("cloud", _set("names", ["a", "a", "b"]), "name"),
    ("cloud", _set("names", ["a", "", "b"]), "name"),
    ("cloud", _set("names", ["a", "b"]), "size"),
    ("cloud", _set("names", [str(i) for i in range(65)]), "count"),
    ("cloud", _set("names", ["a", "b", "c" * 257]), "text"),
    ("cloud", _set("categories", ["table", "cup", "dragon"]), "name"),
    ("cloud", _set("categories", ["table"]), "size"),
    ("cloud", _set("colours", ["red"]), "size"),
    ("cloud", _set("colours", ["red", "", "b" * 257]), "text"),
    ("cloud", _set("visibility", [1.0, 1.0]), "size"),
    ("cloud", _set("visibility", [1.0, 1.0, float("nan")]), "value"),
    ("cloud", _set("visibility", [1.0, 1.0, -0.1]), "value"),
    ("cloud", _point(5, float("nan")), "value"),
    ("cloud", _point(5, float("inf")), "value"),
    ("cloud", _point(5, 2e3), "value"),
    ("cloud", _set("header.frame_id", ""), "frame"),
    ("cloud", _set("header.frame_id", "f" * 300), "text"),
    ("cloud", _set("header.stamp.sec", -1), "stamp"),
    ("cloud", _set("header.stamp.nanosec", 10**9), "stamp"),
    ("relations", _set("schema_version", 0), "schema"),
    ("relations", _set("names", ["a", "b"]), "size"),
    ("relations", _set("names", ["a", "b", "b"]), "name"),
    ("relations", _set("binary", [0.5] * 80), "size"),
    ("relations", _set("unary", [0.5] * 8 + [1.5]), "value"),
    ("relations", _set("unary", [0.5] * 8 + [float("nan")]), "value"),
    ("call", _set("skill", "juggle"), "call"),
    ("call", _set("parameters", [0.0]), "call"),
    ("call", _set("parameters", [0.0] * 100_000), "count"),
    ("call", _set("parameters", [0.0, 0.0, 0.0, float("nan")]), "call"),
    ("call", _set("parameters", [9.0, 0.0, 0.0, 0.0]), "call"),
    ("call", _set("object", "x" * 100_000), "text"),
    ("planned", _set("displacement", [0.0] * 8), "size"),
    ("planned", _set("displacement", [0.0] * 8 + [float("inf")]), "value"),
    ("planned", _set("call.skill", ""), "call"),
    ("goal", _set("atoms", []), "goal"),
    ("goal", _set("atoms.0.relation", "beside"), "goal"),
    ("goal", _set("atoms.0.other", "cup_1"), "goal"),
    ("goal", lambda message: message.atoms.extend(message.atoms * 2000), "count"),
    ("attempt", _set("schema_version", 7), "schema"),
    ("attempt", _set("before.names", ["table_a", "cup_1", "other"]), "name"),
    ("attempt", _set("planned.call.object", "nobody"), "name"),
    ("attempt", _set("goal.atoms.0.subject", "nobody"), "name"),
    ("attempt", _set("step", 2**32 - 1), "value"),
    ("attempt", _set("place", 2), "value"),
    ("attempt", _set("task", "x" * 1000), "text"),
    ("attempt", lambda message: message.plan.extend(message.plan * 5000), "count"),
    ("event", _set("id.uuid", np.zeros(16, np.uint8)), "name"),
    ("event", _set("observed.names", ["table_a", "cup_1", "other"]), "name"),
    ("event", _set("mismatches.0.expected", 1.01), "value"),
    ("event", _set("mismatches.0.observed", float("nan")), "value"),
    ("event", _set("mismatches.0.relation", "beside"), "name"),
    ("event", _set("call.object", "nobody"), "name"),
    ("event", _set("time", "yesterday"), "value"),
    ("event", _set("goal", ["g" * 10_000]), "text"),
    ("event", lambda message: message.mismatches.extend(message.mismatches * 5000), "count"),
    ("event", _set("schema_version", 65535), "schema"),
    ("report", _set("category", "bad luck"), "value"),
    ("report", _set("confidence", float("nan")), "value"),
    ("report", _set("confidence", -0.5), "value"),
    ("report", _set("failure.uuid", np.zeros(16, np.uint8)), "name"),
    ("report", _set("rebuilt", ["x"] * 65), "count"),
    ("report", _set("schema_version", convert.SCHEMA + 1), "schema"),
    ("report", _set("signals.0.schema_version", 1), "schema"),
    ("report", _set("signals.0.severity", 1.5), "value"),
    ("report", _set("signals.0.delta", float("nan")), "value"),
    ("report", _set("signals.0.low", 1.0), "value"),
    ("report", _set("signals.0.evidence", "x" * 1000), "text"),
    ("report", lambda message: message.signals.extend(message.signals * 5000), "count"),
]
VALID: dict[str, Callable[[], Any]] = {
    "cloud": lambda: convert.segments_msg(m.scene_cloud()),
    "relations": lambda: convert.relations_msg(m.scene_relations()),
    "call": lambda: convert.call_msg(m.scene_attempt().planned.call),
    "planned": lambda: convert.planned_msg(m.scene_attempt().planned),
    "goal": lambda: convert.goal_msg(m.scene_attempt().goal),
    "mismatch": lambda: convert_records.mismatch_msg(m.scene_event().header.mismatches[0]),
    "attempt": lambda: convert_records.step_msg(m.scene_attempt(), m.EPISODE, 1, 2 * 10**9),
    "event": lambda: convert_records.event_msg(m.scene_event()),
    "report": lambda: convert_records.report_msg(with_signals(m.scene_report(), SIGNAL), 3),
}


@pytest.mark.parametrize(("name", "change", "kind"), MALFORMED, ids=[f"{n}-{k}-{i}" for i, (n, _, k) in enumerate(MALFORMED)])
def test_malformed_messages_are_refused_with_their_kind(name: str, change: Callable[[Any], None], kind: str) -> None:
    message = VALID[name]()
    ROUND_TRIPS[name][2](message)
    change(message)
    with pytest.raises(Refused) as refusal:
        ROUND_TRIPS[name][2](message)
    assert refusal.value.kind == kind


@pytest.mark.parametrize("name", VALID)
def test_a_damaged_message_is_refused_or_a_valid_value(name: str) -> None:
    """A value that is taken comes back the same from another round."""
    _, to_message, to_core = ROUND_TRIPS[name]
    rng = np.random.default_rng(5)
    taken = 0
    for _ in range(300):
        message = m.mutate(VALID[name](), rng, times=int(rng.integers(1, 4)))
        try:
            value = to_core(message)
        except Refused:
            continue
        taken += 1
        assert m.same(to_core(over_the_wire(to_message(value))), value)
    assert taken < 300


def test_a_phase_that_is_not_known_is_refused() -> None:
    message = VALID["attempt"]()
    assert convert_records.phase_of(message) == 1
    message.phase = 4
    with pytest.raises(Refused, match="phase"):
        convert_records.phase_of(message)


def test_calls_of_records_are_sent_as_calls() -> None:
    call = m.scene_attempt().planned.call
    assert convert.call_of(convert.call_msg(Call.of(call))) == call
