"""A disk that is full for a while: what could not be written is left out, and hides nothing of what comes later."""

import json
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcap.reader import make_reader
from rclpy.serialization import serialize_message

from fail2progress.core.files import unfinished_path
from fail2progress.ros import graph as table
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import Recorded, read
from fail2progress.ros.bags.writer import METADATA, BagWriter
from support import traffic

LAST = "view/markers"
"""Announced while there is no room."""


def recorded(count: int) -> list[Recorded]:
    """Messages of all topics in turn."""
    names = list(table.TOPICS)
    made = []
    for number in range(count):
        name = names[number % len(names)]
        made.append(Recorded(f"/{name}", kind(name), serialize_message(traffic.VALID[name]()), 10**18 + number * 10**6))
    return made


def kind(name: str) -> str:
    return table.TOPICS[name].type.replace("/", "/msg/")


@contextmanager
def full(size: int) -> Iterator[None]:
    """No file grows beyond so many bytes: what is written then is cut there, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(writer: BagWriter, messages: list[Recorded]) -> list[Recorded]:
    """Those that there was room for."""
    written = []
    for message in messages:
        try:
            writer.write(message.topic, message.data, message.time)
        except OSError:
            continue
        written.append(message)
    return written


@pytest.mark.parametrize(
    ("largest", "room"), [(10**9, 30_000), (10**9, 0), (60_000, 0)], ids=["some", "nothing", "another file is due"]
)
def test_what_comes_after_a_full_disk_is_read_back(tmp_path: Path, largest: int, room: int) -> None:
    messages, writer = recorded(600), BagWriter(tmp_path / "bag", largest)
    for name in table.TOPICS:
        if name != LAST:
            writer.add_topic(f"/{name}", kind(name))
    before = [message for message in messages[:200] if message.topic != f"/{LAST}"]
    written = write(writer, before)
    assert written == before
    newest = max((tmp_path / "bag").glob("*.mcap"), key=lambda file: file.stat().st_mtime_ns)
    with full(newest.stat().st_size + room if room else 3):
        writer.add_topic(f"/{LAST}", kind(LAST))
        meanwhile = write(writer, messages[200:400])
        assert len(meanwhile) < 200 and bool(meanwhile) == bool(room)
    assert write(writer, messages[400:]) == messages[400:]
    written += meanwhile + messages[400:]
    assert list(read(tmp_path / "bag")) == written
    writer.close()
    assert list(read(tmp_path / "bag")) == written
    about = json.loads((tmp_path / "bag" / METADATA).read_text())["rosbag2_bagfile_information"]
    assert about["message_count"] == len(written) and all((tmp_path / "bag" / part["path"]).exists() for part in about["files"])


def test_a_bag_that_cannot_be_begun_is_refused(tmp_path: Path) -> None:
    with full(3), pytest.raises(OSError, match="File too large"):
        BagWriter(tmp_path / "bag")
    assert not list((tmp_path / "bag").iterdir())


@pytest.mark.parametrize("begun", [False, True], ids=["nothing of the file is written", "a topic is announced meanwhile"])
def test_a_disk_that_is_full_for_long_costs_neither_memory_nor_what_comes_later(tmp_path: Path, begun: bool) -> None:
    message, late = recorded(1)[0], Recorded(f"/{LAST}", kind(LAST), serialize_message(traffic.VALID[LAST]()), 10**18)
    writer = BagWriter(tmp_path / "bag")
    for name in table.TOPICS:
        if name != LAST:
            writer.add_topic(f"/{name}", kind(name))
    written = write(writer, [message] * begun)
    file = tmp_path / "bag" / "bag_0.mcap"
    with full(file.stat().st_size):
        writer.add_topic(late.topic, late.type)
        tracemalloc.start()
        assert write(writer, [message] * 10_000) == []
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < 1_000_000
    written += write(writer, [message, late] * 20)
    lost = list[Lost]()
    assert len(written) == 40 + begun and list(read(tmp_path / "bag", lost)) == written and not lost
    writer.close()
    assert list(read(tmp_path / "bag")) == written and file.stat().st_size < 200_000


def test_a_file_that_could_not_be_packed_says_what_is_in_it(tmp_path: Path) -> None:
    """By mcap's own reader, after messages that there was no room for."""
    messages, writer = recorded(60), BagWriter(tmp_path / "bag")
    for name in table.TOPICS:
        writer.add_topic(f"/{name}", kind(name))
    file = tmp_path / "bag" / "bag_0.mcap"
    written = write(writer, messages[:20])
    with full(file.stat().st_size):
        assert write(writer, messages[20:40]) == []
    written += write(writer, messages[40:])
    unfinished_path(file).mkdir()
    writer.close()
    with file.open("rb") as opened:
        summary = make_reader(opened).get_summary()
        assert summary is not None and summary.statistics is not None
        counted = summary.statistics
        assert {channel.topic for channel in summary.channels.values()} == {f"/{name}" for name in table.TOPICS}
        times = [message.time for message in written]
        assert (counted.message_count, counted.message_start_time, counted.message_end_time) == (40, min(times), max(times))
        assert [message.data for _, _, message in make_reader(opened).iter_messages()] == [message.data for message in written]
