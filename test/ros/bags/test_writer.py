"""Bags: written by us and read by others, written by others and read by us, cut short, damaged, and killed in the middle."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import serialize_message

from fail2progress.core.files import unfinished_path
from fail2progress.ros import graph as table
from fail2progress.ros.bags.cdr import DamagedError, header_stamp
from fail2progress.ros.bags.reader import BagError, Recorded, read
from fail2progress.ros.bags.topics import relative
from fail2progress.ros.bags.writer import BagWriter, definition
from fail2progress.ros.delivery import message_type, offered
from fail2progress.ros.nodes.recorder import profile
from support import traffic

SOURCE = Path(__file__).resolve().parents[3] / "src"


def full_name(name: str) -> str:
    package, kind = table.TOPICS[name].type.split("/")
    return f"{package}/msg/{kind}"


def recorded(count: int = 60) -> list[Recorded]:
    """Messages of all topics in turn."""
    names, made = list(table.TOPICS), []
    for number in range(count):
        name = names[number % len(names)]
        message = traffic.VALID[name]()
        made.append(Recorded(f"/robot/{name}", full_name(name), serialize_message(message), 10**18 + number * 10**6))
    return made


def write(folder: Path, messages: list[Recorded], close: bool = True) -> Path:
    """A bag with all topics of the table; the path of its file."""
    writer = BagWriter(folder)
    for name in table.TOPICS:
        writer.add_topic(f"/robot/{name}", full_name(name), profile(table.TOPICS[name]))
    for message in messages:
        writer.write(message.topic, message.data, message.time)
    if close:
        writer.close()
    return folder / f"{folder.name}_0.mcap"


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    messages = recorded()
    file = write(tmp_path / "bag", messages)
    assert list(read(tmp_path / "bag")) == messages == list(read(file))


def test_a_bag_that_was_not_closed_comes_back(tmp_path: Path) -> None:
    messages = recorded()
    write(tmp_path / "bag", messages, close=False)
    assert list(read(tmp_path / "bag")) == messages


def test_a_long_bag_goes_on_in_other_files_and_its_files_are_packed(tmp_path: Path) -> None:
    messages = recorded(2000)
    writer = BagWriter(tmp_path / "bag", largest=600_000)
    for name in table.TOPICS:
        writer.add_topic(f"/robot/{name}", full_name(name))
    for message in messages:
        writer.write(message.topic, message.data, message.time)
    writer.close()
    files = sorted((tmp_path / "bag").glob("*.mcap"))
    assert len(files) > 2 and list(read(tmp_path / "bag")) == messages
    assert sum(file.stat().st_size for file in files) < sum(len(message.data) for message in messages) / 2
    about = json.loads((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert about["relative_file_paths"] == [file.name for file in files] and about["message_count"] == 2000
    assert sum(file["message_count"] for file in about["files"]) == 2000
    assert sorted(path.name for path in (tmp_path / "bag").iterdir()) == sorted([*about["relative_file_paths"], "metadata.yaml"])


def test_a_file_that_cannot_be_packed_stays(tmp_path: Path) -> None:
    messages = recorded(30)
    unfinished_path(tmp_path / "bag" / "bag_0.mcap").mkdir(parents=True)
    write(tmp_path / "bag", messages)
    assert list(read(tmp_path / "bag")) == messages


def test_an_existing_bag_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "bag", recorded(5))
    with pytest.raises(BagError, match="already"):
        BagWriter(tmp_path / "bag")
    assert len(list(read(tmp_path / "bag"))) == 5


def test_rosbags_reads_what_we_write(tmp_path: Path) -> None:
    """A second opinion: topics, types, hashes of types, counts, times, and what is in the messages."""
    highlevel = pytest.importorskip("rosbags.highlevel")
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    messages = recorded()
    write(tmp_path / "bag", messages)
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in table.TOPICS:
        parts = definition(full_name(name)).split("=" * 80 + "\nMSG: ")
        named = [full_name(name) + "\n" + parts[0], *(part.replace("/", "/msg/", 1) for part in parts[1:])]
        for kind, _, text in (part.partition("\n") for part in named):
            if kind not in store.types:
                store.register(get_types_from_msg(text, kind))
    with highlevel.AnyReader([tmp_path / "bag"], default_typestore=store) as reader:
        topics = {connection.topic: connection for connection in reader.connections}
        assert reader.message_count == len(messages)
        assert (reader.start_time, reader.end_time) == (messages[0].time, messages[-1].time + 1)
        assert {topic: c.msgtype for topic, c in topics.items()} == {f"/robot/{n}": full_name(n) for n in table.TOPICS}
        for topic, connection in topics.items():
            (said,), wanted = connection.ext.offered_qos_profiles, offered(table.TOPICS[topic.removeprefix("/robot/")])
            kinds = (said.reliability.value, said.durability.value, said.depth)
            assert kinds == (wanted.reliability.value, wanted.durability.value, wanted.depth)
            assert connection.digest == store.hash_rihs01(connection.msgtype), topic
            assert connection.msgcount == sum(message.topic == topic for message in messages)
        found = list(reader.messages())
        assert [Recorded(c.topic, c.msgtype, bytes(data), time) for c, time, data in found] == messages
        for connection, _, data in found:
            name = connection.topic.removeprefix("/robot/")
            assert_same(traffic.VALID[name](), reader.deserialize(data, connection.msgtype))


def assert_same(ours: Any, theirs: Any) -> None:
    """A message of rclpy against one of rosbags, field by field."""
    for field in ours.get_fields_and_field_types():
        one, other = getattr(ours, field), getattr(theirs, field)
        if hasattr(one, "get_fields_and_field_types"):
            assert_same(one, other)
        elif isinstance(one, (list, tuple)) and one and hasattr(one[0], "get_fields_and_field_types"):
            assert len(one) == len(other)
            for pair in zip(one, other, strict=True):
                assert_same(*pair)
        elif isinstance(one, bytes):
            assert one[0] == other
        elif isinstance(one, (str, bool, int, float)):
            assert one == other, field
        else:
            assert list(one) == list(other), field


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_we_read_what_rosbags_writes(storage: str, tmp_path: Path) -> None:
    rosbag2 = pytest.importorskip("rosbags.rosbag2")
    from rosbags.typesys import Stores, get_typestore

    store, times = get_typestore(Stores.ROS2_JAZZY), [5, 7, 11, 2**60]
    texts = ["first", "", "☃", "x" * 10_000]
    folder, written = tmp_path / "a bag? 100%#1", tmp_path / "bag"
    plugin = rosbag2.StoragePlugin.SQLITE3 if storage == "sqlite3" else rosbag2.StoragePlugin.MCAP
    with rosbag2.Writer(written, version=9, storage_plugin=plugin) as writer:
        connection = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=store)
        for time, text in zip(times, texts, strict=True):
            data = store.serialize_cdr(store.types["std_msgs/msg/String"](data=text), "std_msgs/msg/String")
            writer.write(connection, time, data)
    written.rename(folder)
    found = list(read(folder))
    assert [(item.topic, item.type, item.time) for item in found] == [("/chatter", "std_msgs/msg/String", time) for time in times]
    assert [store.deserialize_cdr(item.data, item.type).data for item in found] == texts


def test_a_bag_cut_anywhere_gives_its_first_messages(tmp_path: Path) -> None:
    messages = recorded(40)
    whole = write(tmp_path / "bag", messages, close=False).read_bytes()
    lengths = set()

    def look(position: int) -> None:
        cut = tmp_path / "cut.mcap"
        cut.write_bytes(whole[:position])
        found = list(read(cut))
        assert found == messages[: len(found)]
        lengths.add(len(found))

    @settings(max_examples=100)
    @given(position=st.integers(0, len(whole)) | st.integers(0, 40))
    def check(position: int) -> None:
        look(position)

    check()
    for position in [*range(0, len(whole), max(len(whole) // 100, 1)), len(whole)]:
        look(position)
    assert {0, len(messages)} <= lengths and len(lengths) > 3


def test_a_bag_with_turned_bytes_is_read_or_damaged(tmp_path: Path) -> None:
    whole = write(tmp_path / "bag", recorded(20)).read_bytes()
    broken = tmp_path / "broken.mcap"

    @settings(max_examples=150)
    @given(seed=st.integers(0, 2**32), count=st.integers(1, 5))
    def check(seed: int, count: int) -> None:
        rng, data = random.Random(seed), bytearray(whole)
        for _ in range(count):
            data[rng.randrange(len(data))] = rng.randrange(256)
        broken.write_bytes(data)
        try:
            for item in read(broken):
                assert isinstance(item.data, bytes) and isinstance(item.topic, str)
        except BagError as error:
            assert "damaged" in str(error)

    check()


@settings(max_examples=40)
@given(content=st.binary(min_size=1, max_size=300))
def test_garbage_is_no_bag(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    for suffix in (".mcap", ".db3"):
        (folder / f"bag{suffix}").write_bytes(b"\1" + content)
        with pytest.raises(BagError, match="damaged"):
            list(read(folder / f"bag{suffix}"))


def test_what_is_not_there_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(BagError, match="no bag there"):
            list(read(path))
    (tmp_path / "folder.mcap").mkdir()
    with pytest.raises(BagError, match="no bag there"):
        list(read(tmp_path / "folder.mcap"))
    with pytest.raises(BagError, match="cannot be read"):
        list(read(tmp_path))


@pytest.mark.parametrize("data", ["'text'", "12345", "NULL", "10000000000000"])
def test_a_database_with_other_things_than_messages_is_damaged(data: str, tmp_path: Path) -> None:
    path = tmp_path / "bag.db3"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE topics (id INTEGER, name TEXT, type TEXT); INSERT INTO topics VALUES (1, '/t', 'std_msgs/msg/String');"
        "CREATE TABLE messages (id INTEGER, topic_id INTEGER, timestamp INTEGER, data BLOB);"
        f"INSERT INTO messages VALUES (1, 1, 5, {data});"
    )
    connection.close()
    with pytest.raises(BagError, match="damaged"):
        list(read(path))


WRITER = """
import sys
from pathlib import Path
from fail2progress.ros.bags.writer import BagWriter
writer = BagWriter(Path(sys.argv[1]))
writer.add_topic("/chatter", "std_msgs/msg/String")
for number in range(10**7):
    writer.write("/chatter", number.to_bytes(8, "little") * (1 + number % 50), number + 1)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("lines", [1, 300, 1111])
def test_nothing_that_was_written_is_lost_by_kill_9(lines: int, tmp_path: Path, ros_variables: dict[str, str]) -> None:
    variables = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "bag")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        written = lines + len([line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")])
    found = list(read(tmp_path / "bag"))
    assert len(found) >= written
    assert all(item.data == number.to_bytes(8, "little") * (1 + number % 50) for number, item in enumerate(found))


def test_every_type_of_the_stack_has_a_whole_definition() -> None:
    for topic in table.TOPICS.values():
        kind = full_name(topic.name)
        assert definition(kind)
        assert message_type(topic.type).__name__ == kind.split("/")[-1]


def test_names_of_recorded_topics_are_found_in_any_namespace() -> None:
    for name in table.TOPICS:
        assert relative(f"/{name}") == relative(f"/robot/one/{name}") == name
    assert relative("/nothing") is None and relative("/xsteps") is None


@given(seconds=st.integers(0, 2**31 - 1), nanoseconds=st.integers(0, 10**9 - 1))
def test_stamps_are_read_from_serialised_messages(seconds: int, nanoseconds: int) -> None:
    message = traffic.VALID["heartbeat"]()
    message.header.stamp.sec, message.header.stamp.nanosec = seconds, nanoseconds
    assert header_stamp(serialize_message(message)) == seconds * 10**9 + nanoseconds
    with pytest.raises(DamagedError, match="no header"):
        header_stamp(b"\0" * 11)
