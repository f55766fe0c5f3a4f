"""Which files are one recording, in which order, and what is said of those that are missing or that are none."""

import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from mcap.writer import Writer

from fail2progress.core.observation import SECOND
from fail2progress.ros.bags.bag_files import METADATA, bag_files
from fail2progress.ros.bags.info import info
from fail2progress.ros.bags.mcap_records import Lost
from fail2progress.ros.bags.reader import BagError, read
from support import recordings
from support.recordings import BEGIN, Rig

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:6c65717c\nsize 19001054\n"


def written(folder: Path, files: Mapping[str, int], listed: Sequence[str] | None = None, count: int | None = None) -> Path:
    """A folder with MCAP files that hold a message each, of a time; and metadata that list files."""
    folder.mkdir(exist_ok=True)
    for name, time in files.items():
        with (folder / name).open("wb") as out:
            writer = Writer(out)
            writer.start(profile="ros2", library="test")
            schema = writer.register_schema("pkg/msg/Type", "ros2msg", b"uint8 data")
            writer.add_message(writer.register_channel("/topic", "cdr", schema), time, b"\0\1\0\0\1", time)
            writer.finish()
    if listed is not None:
        about = {"relative_file_paths": list(listed), "message_count": count}
        (folder / METADATA).write_text(json.dumps({"rosbag2_bagfile_information": about}))
    return folder


def times(path: Path, lost: list[Lost] | None = None) -> list[int]:
    return [item.time for item in read(path, lost)]


def test_the_files_that_metadata_list_are_read_in_their_order_and_no_others(tmp_path: Path) -> None:
    """Also where names tell another order, where they have the recording's folder before them, and where others lie beside."""
    hours = {"log_11_00.mcap": 30, "log_10_59.mcap": 20, "log_10_58.mcap": 10}
    beside = {"log_10_58_recovered.mcap": 1, "note.mcap": 2, "a_0.mcap": 3}
    names = ["old/log_10_58.mcap", "log_10_59.mcap", "log_11_00.mcap"]
    assert times(written(tmp_path / "bag", {**hours, **beside}, names)) == [10, 20, 30]
    (tmp_path / "bag" / "log_10_58.db3").write_bytes(b"x")
    assert times(tmp_path / "bag") == [10, 20, 30]


def test_a_missing_file_is_told_where_it_was_with_how_much_was_read(tmp_path: Path) -> None:
    bag = written(tmp_path / "bag", {"b_0.mcap": 10, "b_3.mcap": 40}, [f"b_{n}.mcap" for n in range(4)], 4)
    lost = list[Lost]()
    assert times(bag, lost) == [10, 40]
    assert [(part.file, part.begin, part.end) for part in lost] == [("b_1.mcap", 10, None), ("b_2.mcap", 10, None)]
    said = info(bag).warnings()
    assert "b_1.mcap, b_2.mcap: left out (not there, though it belongs to the recording)" in said
    assert "2 of the 4 messages that metadata.yaml counts were read" in said


def test_whole_recordings_say_nothing_of_missing_messages(tmp_path: Path) -> None:
    bag = recordings.write(tmp_path / "bag", Rig().say(recordings.simulated(1)))
    assert not any("left out" in said or "were read" in said for said in info(bag).warnings())


def test_where_no_listed_file_is_there_those_that_are_are_the_recording_renamed(tmp_path: Path) -> None:
    assert times(written(tmp_path / "one", {"monday.mcap": 5}, ["bag_0.mcap"])) == [5]
    assert times(written(tmp_path / "two", {"new_0.mcap": 5, "new_1.mcap": 6}, ["old_0.mcap", "old_1.mcap"])) == [5, 6]
    several = written(tmp_path / "several", {"other.mcap": 5, "another.mcap": 6}, ["bag_0.mcap"])
    with pytest.raises(BagError, match=r"several recordings.*name one of: another.mcap, other.mcap"):
        list(read(several))
    assert times(several / "other.mcap") == [5]


def test_files_that_metadata_do_not_list_yet_belong_to_it_by_their_numbers(tmp_path: Path) -> None:
    """A recorder that is killed leaves them, also between listed ones; what is called otherwise is told."""
    bag = written(tmp_path / "bag", {f"bag_{n}.mcap": n for n in (9, 10, 11, 13)}, ["bag_9.mcap"], 1)
    assert times(bag) == [9, 10, 11, 13]
    gap, lost = (
        written(tmp_path / "gap", {f"a_{n}.mcap": n for n in (0, 1, 2)} | {"b_0.mcap": 7}, ["a_0.mcap", "a_2.mcap"]),
        list[Lost](),
    )
    assert times(gap, lost) == [0, 1, 2]
    assert [(part.file, part.why) for part in lost] == [("b_0.mcap", "not listed in metadata.yaml")]


def test_the_time_at_which_a_recording_began_is_no_number_of_a_split(tmp_path: Path) -> None:
    name = "rosbag2_2024_03_05-10_20_30"
    assert times(written(tmp_path / "splits", {f"{name}_{n}.mcap": n for n in (10, 11, 13)}, None)) == [10, 11, 13]
    with pytest.raises(BagError, match="several recordings"):
        list(read(written(tmp_path / "two", {f"{name}.mcap": 1, f"{name[:-2]}31.mcap": 2}, None)))


def test_a_listed_file_may_be_there_unpacked(tmp_path: Path) -> None:
    assert times(written(tmp_path / "bag", {"b_0.mcap": 7}, ["b_0.mcap.zstd"])) == [7]


@pytest.mark.parametrize("listed", [[""], [], "b_0.mcap", [3], None])
def test_metadata_that_list_nothing_are_no_list(listed: object, tmp_path: Path) -> None:
    bag = written(tmp_path / "bag", {"b_0.mcap": 7})
    (bag / METADATA).write_text(json.dumps({"rosbag2_bagfile_information": {"relative_file_paths": listed}}))
    assert times(bag) == [7]


def test_splits_without_metadata_are_one_recording_by_their_numbers(tmp_path: Path) -> None:
    bag, lost = written(tmp_path / "bag", {f"rosbag2_2025_11_07-06_11_13_{n}.mcap": n for n in (9, 10, 12)}), list[Lost]()
    assert times(bag, lost) == [9, 10, 12]
    assert [(part.file, part.begin) for part in lost] == [("rosbag2_2025_11_07-06_11_13_11.mcap", 10)]


@pytest.mark.parametrize(
    "names",
    [
        ("monday_run.mcap", "tuesday_run.mcap"),
        ("bag_0.mcap", "bag_0_recovered.mcap"),
        ("log_10_58_13.mcap", "log_10_58_40.mcap"),
        ("log_10_58.mcap", "log_11_00.mcap"),
        ("run_20240501.mcap", "run_20240502.mcap"),
        ("bag_0.mcap", "bag_1.db3"),
        ("bag_0.mcap", "bag.mcap"),
        ("bag_1.mcap", "bag_01.mcap"),
        ("bag_1.mcap", "bag_2024.mcap"),
    ],
)
def test_several_recordings_in_one_folder_are_refused_and_one_can_be_named(names: tuple[str, ...], tmp_path: Path) -> None:
    bag = written(tmp_path / "bag", {name: number for number, name in enumerate(names)})
    why = f"several recordings, and no metadata.yaml that says which belong together; name one of: {', '.join(sorted(names))}"
    with pytest.raises(BagError) as told:
        list(read(bag))
    assert str(told.value).endswith(why)
    mine = next(name for name in names if name.endswith(".mcap"))
    assert times(bag / mine) == [names.index(mine)]


@pytest.mark.parametrize("name", ["bag_0.mcap", "bag_0.db3", "bag_0.mcap.zstd", "bag_0.db3.zstd", "old.bag"])
def test_a_git_lfs_pointer_is_called_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(POINTER)
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(BagError, match=rf"{name}: a Git LFS pointer; `git lfs pull` fetches the recording"):
            info(path)


def test_files_that_cannot_be_opened_among_whole_ones_are_told_by_name(tmp_path: Path) -> None:
    bag = written(tmp_path / "bag", {"b_0.mcap": 10, "b_3.mcap": 40}, [f"b_{n}.mcap" for n in range(4)])
    (bag / "b_1.mcap").write_bytes(POINTER)
    (bag / "b_2.mcap").write_bytes(b"no MCAP file, and longer than its beginning")
    assert times(bag) == [10, 40]
    said = info(bag).warnings()
    assert "b_1.mcap: left out (a Git LFS pointer; `git lfs pull` fetches the recording)" in said
    assert "b_2.mcap: left out (damaged (it does not begin as an MCAP file))" in said
    assert not any("the end is missing" in warning for warning in said)


def test_the_command_that_converts_a_ros_1_bag_can_be_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my runs"
    folder.mkdir()
    (folder / "one run.bag").write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    for path in (folder, folder / "one run.bag"):
        with pytest.raises(BagError) as told:
            list(read(path))
        command, install = str(told.value).split("convert it first: ")[1].split(" (")
        whole = ["rosbags-convert", "--src", str(folder / "one run.bag"), "--dst", str(folder / "one run")]
        assert shlex.split(command) == whole and install == "pip install rosbags)"


def test_missing_files_are_told_of_recordings_that_are_played(tmp_path: Path) -> None:
    """Of three seconds the last: what is seen then is all there is."""
    parts = [recordings.write(tmp_path / f"p{n}", Rig().say(recordings.simulated(1), BEGIN + n * SECOND)) for n in range(3)]
    bag = written(tmp_path / "split", {}, [f"split_{n}.mcap" for n in range(3)], 9)
    shutil.copy(next(parts[2].glob("*.mcap")), bag / "split_2.mcap")
    found = info(bag)
    assert found.moments == 1 and "3 of the 9 messages that metadata.yaml counts were read" in found.warnings()
    assert [file.name for file in bag_files(bag).there] == ["split_2.mcap"]
