"""What is counted of running processes. Imports no ROS."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from fail2progress.ros.benchmark.run import _usage_rows
from fail2progress.ros.benchmark.usage import MIB, Watch, children, name_of, processor_seconds, pss
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


def test_who_has_ended_takes_nothing(parent: subprocess.Popen[str]) -> None:
    assert processor_seconds(os.getpid()) > 0
    parent.kill()
    parent.wait()
    assert pss(parent.pid) == processor_seconds(parent.pid) == 0
    assert name_of(parent.pid) == "ended"
