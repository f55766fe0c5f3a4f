"""Room for the middleware's segments, by its own profile. Imports no ROS."""

import re
import shutil
from pathlib import Path

import pytest

from fail2progress.ros import graph as table
from fail2progress.ros.launch.shared_memory import BESIDE, PROFILES, SHARED, shortage, taken

ROOT = Path(__file__).resolve().parents[3]
OURS = {PROFILES[0]: str(ROOT / "config" / "ros" / "fastdds.xml")}


def test_a_node_takes_what_its_profile_says(tmp_path: Path) -> None:
    assert taken(OURS) == taken({PROFILES[1]: OURS[PROFILES[0]]}) == 8388608 + BESIDE
    assert taken({**OURS, "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}) == taken({}) == taken({PROFILES[0]: "nowhere.xml"}) == 0
    for text, bytes_taken in (("<dds/>", 0), ("<dds", 0), ("<a><segment_size>many</segment_size></a>", 0)):
        (tmp_path / "p.xml").write_text(text)
        assert taken({PROFILES[0]: str(tmp_path / "p.xml")}) == bytes_taken


@pytest.mark.skipif(not SHARED.is_dir(), reason="the system has no such folder")
def test_too_little_room_is_told_with_what_to_do(tmp_path: Path) -> None:
    free = shutil.disk_usage(SHARED).free
    (tmp_path / "p.xml").write_text(f"<dds><segment_size>{free}</segment_size></dds>")
    said = shortage({PROFILES[0]: str(tmp_path / "p.xml")}, 2)
    assert re.match(r"/dev/shm has \d+ MB free, 2 nodes take \d+ MB, .*: give a container more", said) and "\n" not in said
    assert shortage({PROFILES[0]: str(tmp_path / "p.xml")}, 0) == shortage({}, 10) == ""


def test_what_is_advised_is_enough_for_every_stack_with_some_beside_it() -> None:
    needed = (max(map(len, table.STACKS.values())) + 5) * taken(OURS)
    assert 64 * 2**20 < needed < 512 * 2**20, "docker gives 64 MB unless it is told otherwise"
