"""What takes too long for every run of the tests: many tasks on a busy computer, and three stacks in one ROS domain."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fail2progress.failures.store import FailureStore
from fail2progress.ros.graph import NODES
from support.processes import command

BUSY_TASKS = int(os.environ.get("FAIL2PROGRESS_BUSY_TASKS", "0"))
"""How many tasks are carried out beside busy processes."""
SIDE_BY_SIDE = os.environ.get("FAIL2PROGRESS_SIDE_BY_SIDE", "")
"""Anything: two simulations and a replay at once."""
LIMIT = 1200
QUICK = "/**:\n  ros__parameters:\n    samples: 6\n    epochs: 40\n"


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that compute all the time."""
    started = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def real_time_outs(path: Path) -> Path:
    """Parameters by which the simulated robot waits for its client as long as the real one, in real time, and for no lesson."""
    limit = next(parameter for parameter in NODES["stretch"].parameters if parameter.name == "client_timeout").default
    text = f"{QUICK}    client_timeout: {limit}\n    pace: 1.0\n    learn_timeout: 0.0\n"
    path.write_text(text)
    return path


@pytest.mark.skipif(not BUSY_TASKS, reason="FAIL2PROGRESS_BUSY_TASKS is not set")
def test_tasks_are_done_beside_twice_as_many_busy_processes_as_cores(variables: dict[str, str], tmp_path: Path) -> None:
    parameters = real_time_outs(tmp_path / "parameters.yaml")
    done, silent = [], []
    with busy(2 * (os.cpu_count() or 1)):
        for seed in range(BUSY_TASKS):
            folder = tmp_path / f"run{seed}"
            words = ["up", "sim", "--no-story", "--seed", str(seed), "--out", str(folder), "--params-file", str(parameters)]
            ran = subprocess.run(command(*words), env=variables, capture_output=True, text=True, timeout=LIMIT)
            said = ran.stderr + "".join(path.read_text() for path in (folder / "log").glob("*.log"))
            (last,) = json.loads((folder / "result.json").read_text())["rounds"]
            done.append(ran.returncode == 0 and last["error_code"] == 0)
            silent += [line for line in said.splitlines() if "silent" in line or "heartbeat" in line]
            print(
                f"seed {seed}: exit code {ran.returncode}, {last['outcome']}, {last['skills']} skills, {last['seconds']} s",
                flush=True,
            )
    assert silent == []
    assert all(done), done


@pytest.mark.skipif(not SIDE_BY_SIDE, reason="FAIL2PROGRESS_SIDE_BY_SIDE is not set")
def test_two_stacks_and_a_replay_in_one_domain_do_not_mix(variables: dict[str, str], tmp_path: Path) -> None:
    """In namespaces of their own: what each has found in the end is its own."""
    parameters = tmp_path / "quick.yaml"
    parameters.write_text(QUICK)

    def start(name: str, *words: str) -> subprocess.Popen[str]:
        common = ["--out", str(tmp_path / name), "--namespace", name, "--params-file", str(parameters)]
        return subprocess.Popen(command("up", *words, *common), env=variables, stderr=subprocess.PIPE, text=True)

    def ended(process: subprocess.Popen[str]) -> str:
        said = process.communicate(timeout=LIMIT)[1]
        assert process.returncode == 0, said
        return said

    ended(start("recorded", "sim", "--seed", "0"))
    (bag,) = (tmp_path / "recorded" / "bags").iterdir()
    together = {
        "one": start("one", "sim", "--seed", "1"),
        "two": start("two", "sim", "--seed", "2"),
        "three": start("three", "replay", str(bag)),
    }
    said = {name: ended(process) for name, process in together.items()}
    domains = {text.partition(" in ROS domain ")[2].partition(";")[0] for text in said.values()}
    assert domains == {variables["ROS_DOMAIN_ID"]}
    found = {
        name: {head.id for head in FailureStore(tmp_path / name / "failures.sqlite").headers()} for name in (*said, "recorded")
    }
    for name in ("one", "two"):
        rounds = json.loads((tmp_path / name / "result.json").read_text())["rounds"]
        assert found[name] == {identity for one in rounds for identity in one["failures"]}
    assert found["three"] == found["recorded"]
    assert not found["one"] & found["two"] and not (found["one"] | found["two"]) & found["three"]
