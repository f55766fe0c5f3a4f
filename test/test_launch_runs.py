"""What launch makes of the launch files, with shell scripts in the nodes' places. `launch` comes with a ROS installation only."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress.core.holds import held
from fail2progress.core.runs import Runs
from fail2progress.ros import graph as table
from fail2progress.ros.launch.claim import RUN
from fail2progress.ros.launch.environment import free_domain
from fail2progress.ros.launch.shared_memory import PROFILES
from support.recordings import Rig, simulated, write

ROOT = Path(__file__).resolve().parents[1]
_RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
given = [tuple(word.split(":=", 1)) for word in sys.argv[2:]]
service = LaunchService(noninteractive=True)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=given)])
)
sys.exit(service.run())
"""


class Workspace:
    """An installed package whose nodes are shell scripts that keep a diary."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        index = prefix / "share" / "ament_index" / "resource_index" / "packages"
        index.mkdir(parents=True)
        (index / "fail2progress").touch()
        shutil.copytree(ROOT / "config", prefix / "share" / "fail2progress" / "config")
        (prefix / "lib" / "fail2progress").mkdir(parents=True)
        for name in (*table.NODES, "fail2progress"):
            self.behave(name, "exec sleep 60")

    def behave(self, name: str, script: str) -> None:
        program = self.prefix / "lib" / "fail2progress" / name
        program.write_text(f'#!/bin/sh\necho "{name} $@" >> "{self.prefix}/diary"\n{script}\n')
        program.chmod(0o755)

    def start(self, stack: str, *words: str) -> subprocess.Popen[str]:
        paths = [str(self.prefix), *filter(None, [os.environ.get("AMENT_PREFIX_PATH")])]
        variables = {**os.environ, "AMENT_PREFIX_PATH": os.pathsep.join(paths), "ROS_LOG_DIR": str(self.prefix / "log")}
        command = [sys.executable, "-c", _RUN, str(ROOT / "launch" / f"{stack}.launch.py"), *words]
        return subprocess.Popen(
            command, cwd=self.prefix, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, stack: str, *words: str) -> tuple[int, str]:
        process = self.start(stack, *words)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def diary(self) -> list[str]:
        path = self.prefix / "diary"
        return path.read_text().splitlines() if path.is_file() else []


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    pytest.importorskip("launch_ros", reason="launch comes with a ROS installation only")
    pytest.importorskip("launch.actions")
    return Workspace(tmp_path)


def test_the_stack_ends_well_with_its_task(workspace: Workspace) -> None:
    workspace.behave("task", "sleep 1; exit 0")
    (workspace.prefix / "own.yaml").write_text("/**/task:\n  ros__parameters: {objects: 5}\n")
    code, said = workspace.run("sim", "seed:=7", "namespace:=kitchen", "state_dir:=state", "params_file:=own.yaml")
    assert code == 0, said
    started = [line.split()[0] for line in workspace.diary()]
    assert sorted(started) == sorted(table.STACKS["sim"])
    task = next(line for line in workspace.diary() if line.startswith("task "))
    assert "__ns:=/kitchen" in task and "__node:=task" in task
    files = [Path(path).name for path in re.findall(r"--params-file (\S+)", task)]
    assert files[:2] == ["sim.yaml", "own.yaml"] and len(files) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("report:=page.txt",), "report: page.txt: the name ends in .html"),
        (("result:=/proc/r.json",), "result: /proc: cannot be written"),
        (("model:=/nowhere.safetensors",), "/nowhere.safetensors: no such file"),
    ],
)
def test_what_cannot_be_read_or_written_is_told_before_anything_is_started(
    workspace: Workspace, words: tuple[str, ...], says: str
) -> None:
    code, said = workspace.run("sim", *words)
    assert code == 1 and says in said and workspace.diary() == []


def test_a_misspelt_argument_is_named_and_what_follows_finds_the_folder(workspace: Workspace) -> None:
    workspace.behave("task", "sleep 1; exit 0")
    code, said = workspace.run("sim", "sedd:=3", "goal:=inside(capsule_1, cup_1)")
    assert code == 0 and "sedd:= is no argument of this launch file; do you mean seed:=?" in said
    assert Runs(workspace.prefix / "runs").latest().folder == workspace.prefix / "runs" / "stack"


def test_too_little_shared_memory_is_told_at_the_start(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.behave("task", "sleep 1; exit 0")
    (workspace.prefix / "huge.xml").write_text("<dds><segment_size>1000000000000000</segment_size></dds>")
    monkeypatch.setenv(PROFILES[0], str(workspace.prefix / "huge.xml"))
    code, said = workspace.run("sim")
    assert code == 0 and "/dev/shm has " in said and "10 nodes take" in said


def test_a_launch_that_is_refused_leaves_no_run_and_one_that_works_holds_its_folder(workspace: Workspace) -> None:
    code, said = workspace.run("replay", "bag:=nothere")
    assert code == 1 and "nothere" in said and not (workspace.prefix / "runs" / "replay").exists()
    (workspace.prefix / "state").mkdir()
    with held(workspace.prefix / "state"):
        code, said = workspace.run("sim", "state_dir:=state")
    assert code == 1 and "state is in use by another process" in said and workspace.diary() == []


def test_each_replay_has_a_folder_of_its_own(workspace: Workspace) -> None:
    write(workspace.prefix / "tape", Rig().say(simulated()))
    workspace.behave("player", "sleep 1; exit 0")
    for count in (1, 2):
        code, said = workspace.run("replay", "bag:=tape")
        assert code == 0, said
        assert len(Runs(workspace.prefix / "runs").all()) == count


@pytest.mark.parametrize("code", [1, 2])
def test_a_task_that_fails_is_a_launch_that_fails(workspace: Workspace, code: int) -> None:
    workspace.behave("task", f"sleep 1; exit {code}")
    assert workspace.run("sim")[0] == 1


def test_a_node_that_dies_is_started_anew(workspace: Workspace) -> None:
    again = workspace.prefix / "again"
    workspace.behave("planner", f'test -e "{again}" && exec sleep 60; touch "{again}"; kill -9 $$')
    workspace.behave("task", "sleep 4; exit 0")
    assert workspace.run("sim")[0] == 0
    assert [line.split()[0] for line in workspace.diary()].count("planner") == 2


def test_a_node_that_cannot_run_ends_everything(workspace: Workspace) -> None:
    workspace.behave("stretch", "echo 'fail2progress: stretch: no robot' >&2; exit 2")
    code, said = workspace.run("robot", "camera:=true")
    assert code == 1 and "stretch cannot run" in said and "fail2progress: stretch: no robot" in said
    assert "realsense2_camera is not installed" in said and "camera/color/image_raw" in said


@pytest.mark.parametrize("reported", [0, 1])
def test_a_report_is_written_at_the_end(workspace: Workspace, reported: int) -> None:
    write(workspace.prefix / "tape", Rig().say(simulated()))
    workspace.behave("player", "sleep 1; exit 0")
    workspace.behave("fail2progress", f"exit {reported}")
    code, said = workspace.run("replay", "bag:=tape", "report:=page.html", "state_dir:=state")
    assert code == reported, said
    assert workspace.diary()[-1] == "fail2progress report state --out page.html"


def test_an_interrupt_ends_all_nodes(workspace: Workspace) -> None:
    process = workspace.start("sim")
    assert process.stdout is not None
    started = 0
    while started < len(table.STACKS["sim"]):
        started += "process started" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and len(re.findall(r"process has (?:died|finished)", said)) == len(table.STACKS["sim"])


@pytest.mark.parametrize("run", ["kitchen", ""])
def test_a_node_of_ones_own_may_move_the_robot(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, run: str) -> None:
    """It is no process of the launch: the others belong to the run that both were told, or to none."""
    monkeypatch.setenv(RUN, run)
    monkeypatch.setenv("ROS_DOMAIN_ID", free_domain())
    workspace.behave("planner", f'echo "run: ${RUN}" >> "{workspace.prefix}/diary"; exit 2')
    code, said = workspace.run("robot", "stretch:=false")
    assert code == 1 and "planner cannot run" in said
    assert f"run: {run}" in workspace.diary()
    assert {line.split()[0] for line in workspace.diary()} - {"run:"} <= {*table.STACKS["robot"]} - {"stretch"}
    code, said = workspace.run("robot", "stretch:=mine")
    assert code == 1 and "stretch: 'mine' is neither true nor false" in said


def test_a_wrong_argument_starts_nothing(workspace: Workspace) -> None:
    code, said = workspace.run("sim", "seed:=-1")
    assert code == 1 and "seed: -1 is outside" in said and not workspace.diary()
    code, said = workspace.run("replay")
    assert code == 1 and "bag" in said and not workspace.diary()
    code, said = workspace.run("replay", "bag:=nowhere")
    assert code == 1 and "nowhere: no bag there" in said and not workspace.diary()


def test_a_simulated_world_starts_afresh_unless_it_is_resumed(workspace: Workspace) -> None:
    world = workspace.prefix / "state" / "world.json"
    world.parent.mkdir()
    workspace.behave("task", "exit 0")
    for words, kept in ((("resume:=true",), True), ((), False)):
        world.touch()
        assert workspace.run("sim", "state_dir:=state", *words)[0] == 0
        assert world.exists() == kept


@pytest.mark.parametrize("which", ["own.yaml", "share/fail2progress/config/sim.yaml"])
def test_a_key_that_stands_twice_in_a_parameter_file_starts_nothing(workspace: Workspace, which: str) -> None:
    (workspace.prefix / "own.yaml").write_text("learner:\n  ros__parameters: {samples: 5}\n")
    file = workspace.prefix / which
    file.write_text(file.read_text() + "monitor:\n  ros__parameters:\n    surprises: true\n    surprises: false\n")
    code, said = workspace.run("sim", "params_file:=own.yaml")
    assert code == 1 and "surprises: this key stands here twice" in said and workspace.diary() == []
