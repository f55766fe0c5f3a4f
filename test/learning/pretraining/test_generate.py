import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fail2progress.core.executor import Executor
from fail2progress.learning.pretraining import generate as room
from fail2progress.learning.pretraining.generate import ShardDone, ShardTask, generate, make_shard, write_manifest
from fail2progress.learning.pretraining.prepare import load
from fail2progress.learning.pretraining.shards import DataError, digest, open_dataset, shard_names
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.skills.registry import SKILLS
from fail2progress.tasks.pretraining import job
from support.press_pull import definition as press_pull


class Here(Executor):
    """Works in this process, last item first, and counts."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in reversed(list(items)):
            self.done.append(item)
            yield function(item)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SHARD", 4)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_missing_is_made_again_and_is_the_same(tmp_path: Path) -> None:
    executor = Here()
    done = list(generate(tmp_path, 10, 3, executor))
    assert shard_names(tmp_path) == ["shard_00000", "shard_00001", "shard_00002"]
    assert [(task.first, task.last) for task in executor.done] == [(8, 10), (4, 8), (0, 4)]
    assert sum(d.executions for d in done) == sum(map(len, open_dataset(tmp_path, verify=True))) <= 10
    assert all(d.seconds["total"] > d.seconds["stepping"] > 0 for d in done)
    first = digests(tmp_path)

    shutil.rmtree(tmp_path / "shard_00001")
    again = Here()
    assert [d.name for d in generate(tmp_path, 10, 3, again)] == ["shard_00001"]
    assert digests(tmp_path) == first
    assert list(generate(tmp_path, 10, 3, again)) == [] and len(again.done) == 1


def test_what_a_call_for_fewer_ended_with_is_made_longer(tmp_path: Path) -> None:
    """Whatever was asked for between: no execution is left out that was asked for."""
    for executions in (6, 2, 13):
        list(generate(tmp_path, executions, 3, Here()))
    list(generate(tmp_path / "at once", 13, 3, Here()))
    numbers = [[shard.values["number"].tolist() for shard in open_dataset(tmp_path / folder)] for folder in ("", "at once")]
    assert numbers[0] == numbers[1] and list(generate(tmp_path, 13, 3, Here())) == []


def test_shards_hold_the_jobs_of_their_numbers(tmp_path: Path) -> None:
    done = make_shard(ShardTask(str(tmp_path), "shard_00005", 3, 20, 23))
    assert isinstance(done, ShardDone)
    (shard,) = open_dataset(tmp_path)
    for row, number in enumerate(shard.values["number"].tolist()):
        np.testing.assert_allclose(shard.values["parameters"][row], job(3, number).call.padded, rtol=1e-6)


def test_a_shard_of_which_no_execution_began_at_rest_is_kept_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every, shaky = MujocoSimulator.execute_all, {job(3, number).seed for number in range(4, 8)}

    def execute_all(self: MujocoSimulator, jobs: list[Job]) -> Iterator[Outcome]:
        for one, outcome in zip(jobs, every(self, jobs), strict=True):
            yield replace(outcome, stable=outcome.stable and one.seed not in shaky)

    monkeypatch.setattr(MujocoSimulator, "execute_all", execute_all)
    assert sorted((done.name, done.executions > 0) for done in generate(tmp_path, 10, 3, Here())) == [
        ("shard_00000", True),
        ("shard_00001", False),
        ("shard_00002", True),
    ]
    shards = open_dataset(tmp_path, verify=True)
    assert len(shards[1]) == 0 and len(load(shards)) == sum(map(len, shards)) == len(load([shards[0], shards[2]]))
    assert list(generate(tmp_path, 10, 3, Here())) == []  # it is done
    with pytest.raises(DataError, match="all executions of these data were left out"):
        load([shards[1]])


def test_another_seed_is_refused_and_nothing_is_touched(tmp_path: Path) -> None:
    list(generate(tmp_path, 2, 3, Here()))
    before = digests(tmp_path)
    with pytest.raises(DataError, match=r"'seed': 3.*not of seed 4; choose another folder"):
        list(generate(tmp_path, 2, 4, Here()))
    assert digests(tmp_path) == before


def test_data_of_another_simulator_are_refused(tmp_path: Path) -> None:
    list(generate(tmp_path / "data", 4, 3, Here()))
    other = tmp_path / "other.yaml"
    other.write_text("simulator: mujoco\n")
    with pytest.raises(DataError, match=r"'seed': 3, 'schema': 1}, not of seed 3 by the simulator"):
        list(generate(tmp_path / "data", 8, 3, Here(), str(other)))
    list(generate(tmp_path / "others", 4, 3, Here(), str(other)))
    other.write_text("simulator: mujoco  # with other options\n")
    with pytest.raises(DataError, match="'simulator': "):
        list(generate(tmp_path / "others", 8, 3, Here(), str(other)))


def test_data_drawn_without_a_skill_of_another_package_are_refused_with_it_and_the_other_way_round(tmp_path: Path) -> None:
    list(generate(tmp_path / "without", 4, 3, Here()))
    with SKILLS.including(press_pull.SKILL):
        with pytest.raises(DataError, match=r"'seed': 3, 'schema': 1}, not of seed 3 with press_pull; choose another folder"):
            list(generate(tmp_path / "without", 8, 3, Here()))
        for _ in range(2):
            list(generate(tmp_path / "with", 4, 3, Here()))
    with pytest.raises(DataError, match=r"'skills': \['press_pull'\]}, not of seed 3; choose another folder"):
        list(generate(tmp_path / "with", 8, 3, Here()))


def test_data_of_another_version_of_the_code_are_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(generate(tmp_path, 2, 3, Here()))
    monkeypatch.setattr(room, "code_version", lambda parts: "another")
    assert list(generate(tmp_path, 2, 3, Here())) == []  # nothing is missing
    with pytest.raises(DataError, match="was begun by another version of the code"):
        list(generate(tmp_path, 4, 3, Here()))


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_source_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "source.json").write_text(content)
    with pytest.raises(DataError, match=str(tmp_path)):
        list(generate(tmp_path, 2, 3, Here()))


def test_the_manifest_names_every_shard(tmp_path: Path) -> None:
    list(generate(tmp_path, 5, 3, Here()))
    manifest = json.loads(write_manifest(tmp_path, 3, {"executions": 5}).read_text())
    assert (manifest["seed"], manifest["schema"], manifest["executions"]) == (3, 1, 5)
    assert manifest["shards"] == {name: digest(tmp_path / name / "shard.json") for name in ("shard_00000", "shard_00001")}
