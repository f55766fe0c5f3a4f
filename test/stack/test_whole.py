"""The whole stack as processes over DDS: one run, looked at from all sides, and its recording replayed."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from fail2progress.agent.loop import Agent, AgentConfig, TaskSpec
from fail2progress.core.camera import Camera
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.planning.planner import Planner
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.ros.bags.reader import read
from fail2progress.ros.graph import RECORDED, STACKS
from fail2progress.ros.launch.supervisor import stale_shared_memory
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed
from support.processes import SharedMemoryWatch, command, leftovers

LIMIT = 400
QUICK = "/**:\n  ros__parameters:\n    samples: 6\n    epochs: 40\n    patience: 0.0\n    moving_rate: 0.2\n"
AGAIN = "/**:\n  ros__parameters:\n    samples: 1\n    epochs: 1\n    patience: 0.0\n"
"""Of a replay, whose lesson nobody looks at."""


@dataclass
class Ran:
    shared: set[str]
    """Shared memory that its processes used."""
    folder: Path
    code: int
    said: str
    summary: dict[str, Any]


def up(words: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command("up", *words), env=variables, capture_output=True, text=True, timeout=LIMIT)


@pytest.fixture(scope="module")
def ran(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("stack") / "run"
    parameters = folder.parent / "quick.yaml"
    parameters.write_text(QUICK)
    with SharedMemoryWatch(folder) as watch:
        done = up(["sim", "--out", str(folder), "--seed", "0", "--params-file", str(parameters), "--json"], variables)
    return Ran(watch.used, folder, done.returncode, done.stderr, json.loads(done.stdout) if done.stdout else {})


@pytest.fixture(scope="module")
def in_process() -> tuple[list[FailureEvent], list[str]]:
    """The same trial in one process, until its first failure; and the calls that were carried out."""
    trial = task("hierarchical-tabletop").trial(3, first_seed(0))
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    kept: list[FailureEvent] = []
    agent = Agent(
        Planner(start.model, torch.Generator().manual_seed(trial.seed)),
        start.digest,
        kept.append,
        AgentConfig(replan=False, stop_at_failure=True),
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        episode = agent.run(
            SimulatedStretch(trial.scene, seed=trial.seed), TaskSpec(trial.stages, trial.task, trial.objects, trial.seed)
        )
    finally:
        torch.set_num_threads(threads)
    return kept, [str(step.planned.call) for step in episode.taken]


def test_the_task_is_done_and_a_failure_was_learnt_from(ran: Ran) -> None:
    assert ran.code == 0, ran.said
    first, *later = ran.summary["rounds"]
    assert first["open_loop"] and first["outcome"] == "failure" and len(first["failures"]) == 1
    assert later[0]["open_loop"] and later[-1]["outcome"] == "done"
    assert {one["seed"] for one in later} == {first["seed"]}
    assert ran.summary["failures"][0]["lesson"]
    assert "with the first model, by its first plan alone, it stopped at a failure" in ran.said


def test_over_ros_it_is_the_same_as_in_one_process(ran: Ran, in_process: tuple[list[FailureEvent], list[str]]) -> None:
    (event,), calls = in_process
    said = ran.summary["failures"][0]
    assert said["event"] == event.id
    assert said["plan"] == [str(call.call()) for call in event.header.plan]
    assert said["mismatches"] == list(map(str, event.header.mismatches))
    assert said["class"] == Classifier(MujocoSimulator(), Camera()).classify(event).category.value
    carried_out = [line.removeprefix("act: ") for line in json.loads((ran.folder / "result.json").read_text())["said"]]
    assert [line for line in carried_out if line in calls][: len(calls)] == calls


def test_the_report_shows_the_failure_and_both_rounds(ran: Ran) -> None:
    page = (ran.folder / "report.html").read_text()
    assert ran.summary["failures"][0]["event"] in page
    assert page.count("<tr><td>10000</td>") == len(ran.summary["rounds"]) >= 2
    assert page.count("data:image/png") >= 2


def test_everything_on_the_wire_is_in_the_bag(ran: Ran) -> None:
    (bag,) = (ran.folder / "bags").iterdir()
    topics = {item.topic.lstrip("/").removesuffix("/compressed").removesuffix("/compressedDepth") for item in read(bag)}
    assert set(RECORDED) <= topics
    messages = list(read(bag))
    seconds = (messages[-1].time - messages[0].time) / 1e9
    assert sum(file.stat().st_size for file in bag.iterdir()) < seconds * 135_000, "a tenth of raw images: 323 MB in 240 s"
    import yaml

    about = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert about["message_count"] == sum(1 for _ in read(bag))


def test_nothing_is_left_behind(ran: Ran) -> None:
    """Of this run: other tests kill processes meanwhile, and clean up at their own end."""
    assert leftovers(ran.folder) == []
    own = {path for path in ran.shared if "port" not in path}  # a port's memory is anybody's who comes next
    assert len(own) > len(STACKS["sim"]), "every node has some"
    assert own & set(map(str, stale_shared_memory())) == set()


@pytest.mark.parametrize("source", ["segments", "camera"])
def test_replay_finds_the_same_failures(source: str, ran: Ran, variables: dict[str, str], tmp_path: Path) -> None:
    """From what was judged at the time, and from the images: a table that drove aside would be a failure of its own."""
    (bag,) = (ran.folder / "bags").iterdir()
    parameters = tmp_path / "quick.yaml"
    parameters.write_text(AGAIN)
    out = tmp_path / "again"
    done = up(["replay", str(bag), "--source", source, "--out", str(out), "--params-file", str(parameters), "--json"], variables)
    assert done.returncode == 0, done.stderr
    assert "could not be judged" not in done.stderr
    found = json.loads(done.stdout)["failures"]
    keys = ("event", "plan", "mismatches", "class")
    assert [{k: f[k] for k in keys} for f in found] == [{k: f[k] for k in keys} for f in ran.summary["failures"]]


def test_ctrl_c_ends_all_processes(variables: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = command("up", "sim", "--out", str(folder), "--robot", "hand")
    stack = subprocess.Popen(words, env=variables, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: len(leftovers(folder)) > 8, 60)
        time.sleep(3)
        os.kill(stack.pid, signal.SIGINT)
        said = stack.communicate(timeout=60)[1]
    finally:
        stack.kill()
    assert stack.returncode == 130
    assert "stopped" in said
    until(lambda: leftovers(folder) == [], 10)
    assert FailureStore(folder / "failures.sqlite").headers() is not None


def until(true: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)
