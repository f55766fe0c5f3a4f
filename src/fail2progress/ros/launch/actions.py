"""A stack for `ros2 launch`: the nodes of the table as launch actions, restarted when they die, with an exit code."""

# `launch` comes with a ROS installation only, and without types.
# mypy: disable-error-code="attr-defined,import-not-found,import-untyped"

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from fail2progress.core.runs import MODELS, ROOT, held_run
from fail2progress.models.notes import start_note
from fail2progress.ros import graph as table
from fail2progress.ros.bags.info import BagInfo, info
from fail2progress.ros.bags.topics import Choice
from fail2progress.ros.launch import description as launching
from fail2progress.ros.launch.claim import RUN, Claim, claim, run_id
from fail2progress.ros.launch.environment import SECURE, SUPERVISOR, lacking
from fail2progress.ros.launch.restarts import GRACE, PAUSE, Next, what_now
from fail2progress.ros.launch.shared_memory import shortage
from fail2progress.ros.parameter_file import check_file
from fail2progress.ros.security.policy import ENCLAVES

PACKAGE = "fail2progress"
CAMERA_PACKAGE = "realsense2_camera"
WORLD = "world.json"
"""The simulated world in the state folder."""


class StackError(RuntimeError):
    """The stack did not do its work. Raised while launch handles an event, it is what makes `ros2 launch` return 1."""


def description(stack: str) -> LaunchDescription:
    """The launch description of a stack of the table."""
    prefix = Path(get_package_prefix(PACKAGE))
    share = prefix / "share" / PACKAGE
    declared = [
        DeclareLaunchArgument(item.name, default_value=item.default, description=item.description)
        for item in launching.arguments(stack)
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=Run(stack, prefix, share).begin)])


class Run:
    """One run of a stack: what was given, which nodes were started, and how it ended."""

    def __init__(self, stack: str, prefix: Path, share: Path) -> None:
        self.stack, self.prefix, self.share = stack, prefix, share
        self.starts: Counter[str] = Counter()
        self.names: dict[Any, str] = {}
        self.given: dict[str, str] = {}
        self.values: dict[str, dict[str, table.Value]] = {}
        self.notes: list[str] = []
        """What is to be said before anything is started."""
        self.reporter: Any = None
        self.made = ExitStack()
        """Holds the folder, until this process ends."""
        self.held: Claim | None = None
        """The ROS domain, until this process ends."""
        self.code: int | None = None

    def begin(self, context: Any) -> list[Any]:
        """Everything to start. ValueError, which ends the launch, names an argument that cannot be."""
        known = context.launch_configurations
        self.given = {item.name: known[item.name] for item in launching.arguments(self.stack)}
        self.check(known)
        fresh = not launching.truth("resume", self.given.get("resume", "true"))
        clock = launching.truth("use_sim_time", self.given["use_sim_time"])
        own_robot = launching.own_robot(self.given)
        wanted = os.environ.get("ROS_DOMAIN_ID", "0")
        self.held = claim(self.stack, self.given["namespace"], wanted, Path(self.given["state_dir"] or ROOT / self.stack))
        folder = self.folder()
        if fresh:
            (folder / WORLD).unlink(missing_ok=True)
        for values in self.values.values():
            values |= {"use_sim_time": clock, "state_dir": str(folder)}
        variables = dict(lacking(self.share, os.environ, local=self.stack != "robot"))
        variables |= {RUN: run_id(os.environ, own_robot), "ROS_DOMAIN_ID": self.held.domain}
        if "launch-prefix" not in known:  # else a debugger or a terminal stands between launch and the node
            variables[SUPERVISOR] = str(os.getpid())
        names = table.nodes(self.stack, own_robot)
        short = shortage({**os.environ, **variables}, len(names))
        return [
            *(SetEnvironmentVariable(name, value) for name, value in variables.items()),
            *(LogInfo(msg=note) for note in (*self.notes, self.held.note, short) if note),
            RegisterEventHandler(OnProcessExit(on_exit=self.ended)),
            *(self.node(name) for name in names),
            *self.camera(),
        ]

    def check(self, known: Mapping[str, str]) -> None:
        """ValueError for what cannot be, before anything is started or kept; else parameters, and what is to be said."""
        self.values = launching.values(self.stack, self.given)
        for file in self.files():
            check_file(Path(file))
        launching.check_files(self.given)
        self.notes = launching.misspelt(self.stack, known)
        if named := self.given["model"]:  # a replay has a new folder, without versions, where none is given
            self.notes.append(start_note(Path(named), Path(self.given["state_dir"] or ROOT / "new", MODELS)))
        if self.stack == "replay":
            self.values["segmentation"] |= launching.fitting(self.given, self.bag())

    def folder(self) -> Path:
        """Where the stack keeps what it does, held while this process lives, and known to what follows a run. RunError, a
        ValueError, where another process has it."""
        folder = self.made.enter_context(held_run(self.given["state_dir"], self.stack, datetime.now()))
        self.given["state_dir"] = str(folder)
        return folder

    def bag(self) -> BagInfo:
        """The recording; BagError, a ValueError, where nothing of it can be replayed: before anything is started."""
        given = self.given
        choice = Choice.parse(given["topics"].split(), given["robot"], given["camera"])
        return info(Path(given["bag"]), choice, given["source"], float(given["slop"] or table.SLOP)).require()

    def files(self) -> list[str]:
        """Files with parameters; the last one wins."""
        return [str(self.share / launching.settings_file(self.stack)), *filter(None, [self.given["params_file"]])]

    def node(self, name: str) -> Any:
        """A node's process."""
        values = {key: ParameterValue(value, value_type=type(value)) for key, value in self.values[name].items()}
        action = Node(
            package=PACKAGE,
            executable=name,
            name=name,
            namespace=self.given["namespace"],
            parameters=[*self.files(), values],
            output="screen",
            ros_arguments=["--enclave", f"{ENCLAVES}/{name}"] if os.environ.get(SECURE) == "true" else [],
            sigterm_timeout=str(GRACE),
        )
        self.starts[name] += 1
        self.names[action] = name
        return action

    def camera(self) -> list[Any]:
        """The RealSense driver for the real robot."""
        if self.stack != "robot" or not launching.truth("camera", self.given["camera"]):
            return []
        try:
            get_package_prefix(CAMERA_PACKAGE)
        except PackageNotFoundError:
            return [LogInfo(msg=f"{CAMERA_PACKAGE} is not installed: start a driver that publishes {', '.join(table.CAMERA)}")]
        driver = Node(
            package=CAMERA_PACKAGE,
            executable="realsense2_camera_node",
            name="camera",
            namespace=self.given["namespace"],
            parameters=[dict(launching.CAMERA_PARAMETERS)],
            remappings=list(launching.CAMERA_REMAPPINGS),
            output="screen",
            respawn=True,
            respawn_delay=2.0,
        )
        return [driver]

    def ended(self, event: Any, context: Any) -> list[Any] | None:
        """A process has ended: the work is done, or a node is restarted, or the stack cannot go on (StackError)."""
        if event.action is self.reporter:
            return self.conclude(event.returncode)
        name = self.names.get(event.action)
        if name is None or context.is_shutdown:
            return None
        starts = self.starts[name]
        found = what_now(self.stack, name, event.returncode, starts)
        if found is Next.CONCLUDE:
            self.code = event.returncode
            return self.report()
        if found is Next.NAME_MISTAKE:
            raise StackError(f"{name} cannot run; what it said stands above")
        if found is Next.GIVE_UP:
            raise StackError(f"{name} ended {starts} times")
        return [TimerAction(period=PAUSE, actions=[self.node(name)])]

    def report(self) -> list[Any]:
        """The work is done: report on it where that was asked for, then end."""
        if not self.given.get("report"):
            return self.conclude(0)
        program = self.prefix / "lib" / PACKAGE / PACKAGE
        command = [str(program), "report", self.given["state_dir"], "--out", self.given["report"]]
        self.reporter = ExecuteProcess(cmd=command, output="screen")
        return [self.reporter]

    def conclude(self, reported: int) -> list[Any]:
        """End with success, or with StackError."""
        if self.code != 0:
            raise StackError(f"{table.LAST[self.stack]} ended with exit code {self.code}")
        if reported != 0:
            raise StackError(f"the report ended with exit code {reported}")
        return [Shutdown(reason="the work is done")]
