import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fail2progress.learning.pretraining.prepare import load
from fail2progress.learning.pretraining.shards import (
    DataError,
    arrays,
    digest,
    open_dataset,
    read_shard,
    shard_names,
    write_shard,
)
from fail2progress.simulation.base import Outcome
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.vocabulary import current
from support.long_skill import LONG


@pytest.fixture
def shard(outcomes: tuple[Outcome, ...], tmp_path: Path) -> Path:
    write_shard(tmp_path, "shard_00000", arrays(outcomes[:6], range(6)))
    return tmp_path / "shard_00000"


def test_what_is_read_is_what_was_written(outcomes: tuple[Outcome, ...], shard: Path) -> None:
    content, read = arrays(outcomes[:6], range(6)), read_shard(shard, verify=True)
    assert len(read) == 6 and set(read.values) == set(content)
    for key, values in content.items():
        assert read.values[key].dtype == values.dtype
        assert np.array_equal(read.values[key], values, equal_nan=values.dtype.kind == "f")
    assert [path.name for path in shard.parent.iterdir()] == ["shard_00000"]


def test_arrays_are_as_long_as_what_they_count(outcomes: tuple[Outcome, ...]) -> None:
    content = arrays(outcomes[:6], range(10, 16))
    segments, pairs = int(content["count"].sum()), int((content["count"].astype(int) ** 2).sum())
    assert content["points0"].shape == content["points1"].shape == (segments, 128, 3)
    assert content["pose0"].shape == (segments, 7) and content["binary1"].shape == (pairs, 9)
    assert content["number"].tolist() == list(range(10, 16))


def test_a_shard_is_replaced_whole(outcomes: tuple[Outcome, ...], shard: Path) -> None:
    write_shard(shard.parent, shard.name, arrays(outcomes[:2], range(2)))
    assert len(read_shard(shard, verify=True)) == 2


def test_the_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert digest(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def cut(shard: Path) -> None:
    path = shard / "points0.npy"
    path.write_bytes(path.read_bytes()[:-100])


def emptied(shard: Path) -> None:
    (shard / "count.npy").write_bytes(b"")


def lost(shard: Path) -> None:
    (shard / "pose1.npy").unlink()


def note(content: str) -> Callable[[Path], object]:
    return lambda shard: (shard / "shard.json").write_text(content)


NOTES = ("", "[]", "3", "{}", '{"schema": 1}', '{"schema": 1, "files": 3}', '{"schema": 1, "files": ["x"]}')


@pytest.mark.parametrize("damage", [cut, emptied, lost, *map(note, NOTES)])
def test_damaged_shards_are_refused(shard: Path, damage: Callable[[Path], object]) -> None:
    damage(shard)
    with pytest.raises(DataError, match="shard_00000"):
        read_shard(shard)


def test_an_array_of_objects_is_not_unpickled(shard: Path) -> None:
    np.save(shard / "count.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="shard_00000"):
        read_shard(shard)


def test_other_content_than_the_digest_says(shard: Path) -> None:
    path = shard / "parameters.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert len(read_shard(shard)) == 6
    with pytest.raises(DataError, match=r"parameters.npy: content does not match its digest; delete"):
        read_shard(shard, verify=True)


def test_another_schema(shard: Path) -> None:
    content = json.loads((shard / "shard.json").read_text())
    (shard / "shard.json").write_text(json.dumps({**content, "schema": 9}))
    with pytest.raises(DataError, match="schema 9, this version reads 1"):
        read_shard(shard)


def rewrite(shard: Path, vocabulary: dict[str, object] | None) -> None:
    content = json.loads((shard / "shard.json").read_text())
    (shard / "shard.json").write_text(json.dumps({**content, "vocabulary": vocabulary}))


def test_another_vocabulary_is_refused_with_the_difference(shard: Path) -> None:
    rewrite(shard, {**current().to_dict(), "unary": ["open", "movable", "drawer"]})
    with pytest.raises(DataError, match="shard_00000: of another vocabulary: unary relations open, movable, drawer, known here"):
        read_shard(shard)


def test_skills_are_numbered_as_here_whichever_order_a_shard_was_written_in(shard: Path) -> None:
    numbers = np.array(read_shard(shard).values["skill"])
    assert json.loads((shard / "shard.json").read_text())["vocabulary"] == current().to_dict()
    rewrite(shard, None)
    assert np.array_equal(read_shard(shard).values["skill"], numbers)
    rewrite(shard, replace(current(), skills=current().skills[::-1]).to_dict())
    assert np.array_equal(read_shard(shard).values["skill"], len(current().skills) - 1 - numbers)


def test_parameters_are_as_long_as_the_skills_of_here_have_them(shard: Path, outcomes: tuple[Outcome, ...]) -> None:
    written = np.array(read_shard(shard).values["parameters"])
    with SKILLS.including(LONG):
        read = read_shard(shard, verify=True).values["parameters"]
        write_shard(shard.parent, "shard_00001", arrays(outcomes[:2], range(2)))
        assert load(open_dataset(shard.parent)).parameters.shape == (8, 6)
    assert written.shape == (6, 4) and read.shape == (6, 6) and read.dtype == written.dtype
    assert np.array_equal(read[:, :4], written) and not read[:, 4:].any()


def test_a_data_set_is_its_whole_shards_in_order(outcomes: tuple[Outcome, ...], shard: Path) -> None:
    write_shard(shard.parent, "shard_00002", arrays(outcomes[:1], [500]))
    write_shard(shard.parent, "shard_00001", arrays(outcomes[:3], range(3)))
    (shard.parent / "shard_00003").mkdir()  # never finished
    assert shard_names(shard.parent) == ["shard_00000", "shard_00001", "shard_00002"]
    assert [len(part) for part in open_dataset(shard.parent, verify=True)] == [6, 3, 1]


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no shards here; make some with: fail2progress generate"):
        open_dataset(tmp_path)


READ = """
import os, resource, sys
from pathlib import Path

from fail2progress.learning.pretraining.prepare import load
from fail2progress.learning.pretraining.shards import DataError, open_dataset

limit = int(sys.argv[2]) or max(map(int, os.listdir("/proc/self/fd"))) + 2
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
try:
    shards = open_dataset(Path(sys.argv[1]))
    print(len(shards), sum(map(len, shards)), len(load(shards)))
except (OSError, DataError) as error:
    print(type(error).__name__, error)
"""


def read_with(limit: int, folder: Path) -> str:
    """What a process says that may have so many files open; 0: a few more than Python itself."""
    done = subprocess.run([sys.executable, "-c", READ, str(folder), str(limit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_as_many_shards_as_one_likes_are_read_with_few_files_open(outcomes: tuple[Outcome, ...], tmp_path: Path) -> None:
    write_shard(tmp_path, "shard_00000", arrays(outcomes[:1], range(1)))
    for number in range(1, 160):
        shutil.copytree(tmp_path / "shard_00000", tmp_path / f"shard_{number:05d}")
    assert read_with(1024, tmp_path) == "160 160 160"
    assert read_with(64, tmp_path) == "160 160 160"


def test_what_a_whole_shard_cannot_be_read_for_is_told_as_it_is(shard: Path) -> None:
    """Nobody deletes data because a process has too many files open, or may not read them."""
    said = read_with(0, shard.parent)
    assert said.startswith("OSError [Errno 24] Too many open files: ") and "damaged" not in said
    path = shard / "count.npy"
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(OSError, match=r"Too many levels of symbolic links: .*count.npy"):
        read_shard(shard)
