import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.playback import LEAD, SKEW, Gaps, ahead
from fail2progress.ros.bags.reader import Recorded

BEGIN = 1_700_000_000_000_000_000
MS = 1_000_000


def message(topic: str, arrived: int, stamp: int | None = None) -> Recorded:
    """Times in ns after BEGIN."""
    seconds, rest = divmod(BEGIN + (arrived if stamp is None else stamp), 1_000_000_000)
    return Recorded(topic, "", b"\x00\x01\x00\x00" + struct.pack("<iI", seconds, rest), BEGIN + arrived)


def topics(*items: Recorded) -> list[str]:
    return [item.topic for item in ahead(sorted(items, key=lambda item: item.time))]


def test_a_step_that_was_heard_late_is_put_back_before_what_was_seen_after_it() -> None:
    seen, ended = message("/segments", 100 * MS, stamp=90 * MS), message("/steps", 120 * MS, stamp=80 * MS)
    assert topics(seen, ended) == ["/steps", "/segments"]
    assert topics(message("/segments", 100 * MS, stamp=70 * MS), ended) == ["/segments", "/steps"]


def test_stamps_of_another_clock_do_not_count() -> None:
    assert topics(message("/segments", 100 * MS, stamp=-2 * SKEW), message("/steps", 120 * MS, stamp=80 * MS)) == [
        "/steps",
        "/segments",
    ]
    assert topics(message("/segments", 60 * MS, stamp=2 * SKEW), message("/steps", 120 * MS, stamp=80 * MS)) == [
        "/segments",
        "/steps",
    ]


def test_names_of_labels_go_by_their_stamps_where_they_have_any() -> None:
    labels, names = message("/camera/labels", 100 * MS, stamp=90 * MS), message("/camera/label_names", 120 * MS, stamp=80 * MS)
    assert topics(labels, names) == ["/camera/label_names", "/camera/labels"]
    later = message("/camera/label_names", 120 * MS, stamp=-BEGIN)
    assert topics(labels, later, message("/steps", 125 * MS, stamp=110 * MS)) == [
        "/camera/labels",
        "/steps",
        "/camera/label_names",
    ]


def test_transforms_come_first() -> None:
    assert topics(message("/segments", 0, 0), message("/tf", LEAD // 2)) == ["/tf", "/segments"]
    assert topics(message("/segments", 0, 0), message("/tf", 2 * LEAD)) == ["/segments", "/tf"]


@given(st.lists(st.tuples(st.sampled_from(["/steps", "/segments", "/tf", "/other"]), st.integers(0, 1000), st.integers(0, 100))))
def test_nothing_is_lost_and_stamps_within_the_lead_are_in_order(drawn: list[tuple[str, int, int]]) -> None:
    items = sorted((message(topic, at * MS, (at - late) * MS) for topic, at, late in drawn), key=lambda item: item.time)
    played = list(ahead(items))
    assert sorted(map(id, played)) == sorted(map(id, items))
    stamps = [struct.unpack_from("<iI", item.data, 4) for item in played if item.topic in ("/steps", "/segments")]
    assert stamps == sorted(stamps)


def test_what_is_seen_between_damage_and_the_next_step_is_passed_over() -> None:
    lost = (Lost("b", 50, 60), Lost("a", 10, None))
    gaps = Gaps(BagInfo(Path("bag"), (), {"/steps": "steps"}, lost=lost))
    assert [gaps.hold(time) for time in (5, 9, 10, 11)] == [False, False, True, True]
    gaps.step(12)
    assert not gaps.hold(13)
    gaps.step(61)  # after the second one, of which no image came before it
    assert not gaps.hold(62)
    gaps.begin()
    assert gaps.hold(63) and gaps.passed == 3
    assert not Gaps(BagInfo(Path("bag"), (), {"/segments": "segments"}, lost=lost)).hold(100)
