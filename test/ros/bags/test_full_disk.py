"""A disk that is full for a while: what could not be written is left out, and hides nothing of what comes later."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rclpy.serialization import serialize_message

from fail2progress.ros import graph as table
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
