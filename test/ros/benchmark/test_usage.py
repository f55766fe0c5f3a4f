"""What is counted of running processes. Imports no ROS."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from fail2progress.failures.store import FailureStore
from fail2progress.ros.benchmark.run import _usage_rows
from fail2progress.ros.benchmark.usage import MIB, Watch, children, learnt_within, name_of, processor_seconds, pss
from support import failures
from support.processes import wait_until

PARENT = """
import subprocess, sys
held = bytearray(64 << 20)
for number in range(0, len(held), 4096):
    held[number] = 1
child = subprocess.Popen([sys.executable, "-c", "input()", "fail2progress.ros", "monitor"], stdin=subprocess.PIPE)
print("task: begun", file=sys.stderr, flush=True)
input()
print("learn: states", file=sys.stderr, flush=True)
input()
child.communicate(b"x")
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def tell(parent: subprocess.Popen[str]) -> None:
    assert parent.stdin is not None
    parent.stdin.write("\n")
    parent.stdin.flush()


def test_phases_of_a_run_are_told_apart(parent: subprocess.Popen[str]) -> None:
    watch = Watch(parent)
    wait_until(lambda: watch.phase == "acting")
    wait_until(lambda: "monitor" in map(name_of, children(parent.pid)))
    watch.sample()
    tell(parent)
    wait_until(lambda: watch.phase == "learning")
    watch.sample()
    tell(parent)
    parent.wait()
    told = watch.to_dict()
    assert told["memory_bytes"].keys() == {"acting", "learning"}  # type: ignore[attr-defined]
    memory = watch.peaks["learning"]
    assert memory["monitor"] > 0 and sum(memory.values()) > 64 * MIB
    assert watch.said[0][1] == "task: begun" and watch.ready["wall_s"] >= watch.said[0][0]
    rows = _usage_rows({**told, "cores": 2, "load_before": 0.5})
    assert [row.name for row in rows] == ["first_line_s", "ready_s", "memory_acting_gb", "memory_learning_gb"]
    assert rows[2].ratio > 1.0, "a smaller process than the limit"


def test_how_long_a_lesson_took_from_its_failure(tmp_path: Path) -> None:
    event = failures.event("stack")
    begun = datetime.fromisoformat(event.header.time).timestamp()
    store = FailureStore(tmp_path / "failures.sqlite")
    store.add(event)
    assert learnt_within(tmp_path) == []
    store.add_lesson(event.id, "v0002", "better")
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "v0002.safetensors").touch()
    os.utime(tmp_path / "models" / "v0002.safetensors", (begun + 41, begun + 41))
    assert learnt_within(tmp_path) == [pytest.approx(41, abs=0.01)]
    told = {"first_line_s": 1.0, "ready_wall_s": 5.0, "memory_bytes": {"acting": 1, "learning": 1}, "lesson_s": [41.0]}
    assert [row.name for row in _usage_rows({**told, "cores": 2, "load_before": 0.5})][-1] == "failure_to_judged_model_s"


def test_a_damaged_record_or_a_version_that_is_gone_hides_no_other_lesson(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event, store = failures.event("stack"), FailureStore(tmp_path / "failures.sqlite")
    for version, name in enumerate(("damaged", "gone", "whole"), 2):
        store.add(event.model_copy(update={"header": event.header.model_copy(update={"id": name})}))
        store.add_lesson(name, f"v000{version}", "better")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE failures SET header = '{' WHERE id = 'damaged'")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "v0004.safetensors").touch()
    assert len(learnt_within(tmp_path)) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "failure damaged: Invalid JSON" in told[0] and "failure gone: " in told[1]


def test_who_has_ended_takes_nothing(parent: subprocess.Popen[str]) -> None:
    assert processor_seconds(os.getpid()) > 0
    parent.kill()
    parent.wait()
    assert pss(parent.pid) == processor_seconds(parent.pid) == 0
    assert name_of(parent.pid) == "ended"
