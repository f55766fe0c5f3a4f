"""Starts the processes of a stack from the table, restarts one that dies, and ends them all. Imports no ROS."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fail2progress.core.children import module_command
from fail2progress.core.files import locked
from fail2progress.ros import graph as table
from fail2progress.ros.launch.claim import RUN, run_id
from fail2progress.ros.launch.environment import SECURE, SUPERVISOR, environment
from fail2progress.ros.launch.restarts import GRACE, MISTAKE, PAUSE, Next, what_now
from fail2progress.ros.launch.shared_memory import SHARED, shortage
from fail2progress.ros.launch.starting import ForkServer, Running, Starter, how_ended
from fail2progress.ros.security.policy import ENCLAVES

MIDDLEWARE = re.compile(r"(sem\.)?(fastdds|fastrtps|fast_datasharing)_")
"""Names of the middleware's shared memory: Fast DDS 3 (from Kilted on), 2 (Humble, Jazzy), and its data sharing."""
_LOCKS = ("_el", "_sl")
"""Endings of the locks that lie beside it."""
LOUD = ("view", "learner")
"""Nodes whose standard output people see, beside that of the last one."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Launch:
    """What to start: a stack by name, with parameters for every node that has them."""

    stack: str
    state_dir: Path
    values: Mapping[str, table.Value] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, table.Value]] = field(default_factory=dict)
    """By node, of which neither values nor params_file say anything."""
    namespace: str = ""
    params_file: Path | None = None
    nodes: tuple[str, ...] | None = None
    """Instead of all nodes of the stack."""
    own_robot: bool = False
    """Whether the robot is moved by a node that is none of the stack."""

    def names(self) -> tuple[str, ...]:
        """The nodes to start, the one that ends the stack last."""
        return self.nodes if self.nodes is not None else table.nodes(self.stack, self.own_robot)

    def command(self, name: str) -> list[str]:
        """The command line of one node."""
        entry = table.NODES[name]
        values = {"state_dir": str(self.state_dir), **self.defaults.get(name, {}), **self.values}
        known = {parameter.name: parameter for parameter in table.parameters(entry)}
        words = [*module_command("fail2progress.ros", name, "--ros-args")]
        if self.namespace:
            words += ["-r", f"__ns:=/{self.namespace.strip('/')}"]
        if os.environ.get(SECURE) == "true":
            words += ["--enclave", f"{ENCLAVES}/{name}"]
        if self.params_file is not None:
            words += ["--params-file", str(self.params_file)]
        for key, value in values.items():
            if key in known:
                words += ["-p", f"{key}:={_text(value)}"]
        return words


def _text(value: table.Value) -> str:
    """A value as rcl's parameter parser (YAML) takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)


@dataclass
class Process:
    """One node's process and how often it was started."""

    name: str
    running: Running
    starts: int = 1


class Supervisor:
    """Runs a stack until its last node is through, it is stopped, or a node cannot be kept running."""

    def __init__(
        self, launch: Launch, say: Say, variables: Mapping[str, str] | None = None, starter: Starter | None = None
    ) -> None:
        self.launch, self.say = launch, say
        self.starter = ForkServer(launch.state_dir, launch.names()) if starter is None else starter
        found = environment(variables, local=launch.stack != "robot")
        self.variables = found | {RUN: run_id(found, launch.own_robot)}
        self.processes: dict[str, Process] = {}
        self.stopping = threading.Event()
        self.code: int | None = None
        self._due: dict[str, float] = {}
        self._starts: dict[str, int] = {}

    def start(self) -> None:
        """Start everything."""
        (self.launch.state_dir / "log").mkdir(parents=True, exist_ok=True)
        self.variables.setdefault("ROS_LOG_DIR", str((self.launch.state_dir / "log" / "ros").resolve()))
        self.variables[SUPERVISOR] = str(os.getpid())
        if short := shortage(self.variables, len(self.launch.names())):
            self.say(f"note: {short}")
        for name in self.launch.names():
            if not self.stopping.is_set():
                self._start(name)

    def run(self) -> int:
        """Keep the stack running; its exit code."""
        try:
            self.start()
            while self.code is None and not self.stopping.wait(0.1):
                self.look_after()
        finally:
            self.stop()
        return 1 if self.code is None else self.code

    def look_after(self) -> None:
        """Restart what has died; take note when the last node is through, or none can be started."""
        for name, process in list(self.processes.items()):
            code = process.running.poll()
            if self.starter.failure:
                self.say(self.starter.failure)
                self.code = 1
                return
            if code is not None:
                del self.processes[name]
                self._ended(name, code)
        for name, due in list(self._due.items()):
            if time.monotonic() >= due:
                del self._due[name]
                self._start(name)

    def _ended(self, name: str, code: int) -> None:
        starts = self._starts[name]
        found = what_now(self.launch.stack, name, code, starts)
        if found is Next.CONCLUDE:
            self.code = code
        elif found is Next.NAME_MISTAKE:
            self.say(f"{name} cannot run: {self._reason(name)}")
            self.code = MISTAKE
        elif found is Next.GIVE_UP:
            self.say(f"{name} ended {starts} times: see {self._log(name)}")
            self.code = 1
        else:
            self.say(f"{name} ended ({how_ended(code)}); it is restarted")
            self._due[name] = time.monotonic() + PAUSE

    def stop(self) -> None:
        """End all processes, by request first, and remove the shared memory that killed ones left."""
        self.stopping.set()
        for number, seconds in ((signal.SIGINT, GRACE), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
            for process in self.processes.values():
                _signal(process.running, number)
            end = time.monotonic() + seconds
            while time.monotonic() < end and any(_runs(p.running) for p in self.processes.values()):
                time.sleep(0.05)
        self.starter.close()
        remove_shared_memory()

    def _start(self, name: str) -> None:
        self._starts[name] = self._starts.get(name, 0) + 1
        loud = name in (table.LAST[self.launch.stack], *LOUD)
        with self._log(name).open("a") as log, self._heard() if loud else nullcontext(log) as out:
            running = self.starter.start(name, self.launch.command(name), self.variables, out, log)
        self.processes[name] = Process(name, running, self._starts[name])

    def _heard(self) -> IO[Any]:
        """A file for what a node says to people."""
        read, write = os.pipe()
        threading.Thread(target=self._pass_on, args=(read,), daemon=True).start()
        return os.fdopen(write, "w")

    def _pass_on(self, read: int) -> None:
        with os.fdopen(read, errors="replace") as lines:
            for line in lines:
                self.say(line.rstrip())

    def _reason(self, name: str) -> str:
        """What a node said last of why it cannot run; where to look if it said nothing."""
        try:
            lines = self._log(name).read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        for mark in (f"fail2progress: {name}: ", "cannot be configured: "):
            said = [line.partition(mark)[2] for line in lines if mark in line]
            if said:
                return said[-1]
        return f"see {self._log(name)}"

    def _log(self, name: str) -> Path:
        return self.launch.state_dir / "log" / f"{name}.log"


def _runs(process: Running) -> bool:
    return process.poll() is None and process.pid is not None


def _signal(process: Running, number: int) -> None:
    """Send a signal to a process and to those that it has started; the last one also where they have outlived it."""
    if process.pid is not None and (number == signal.SIGKILL or _runs(process)):
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, number)


def remove_shared_memory() -> None:
    """Take away the middleware's shared memory that no living process uses: killed processes leave it behind."""
    for path in stale_shared_memory():
        path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether a file is this user's; one that another process removes meanwhile is nobody's."""
    try:
        return path.stat().st_uid == os.getuid()
    except FileNotFoundError:
        return False


def stale_shared_memory() -> list[Path]:
    """The middleware's shared memory of this user that no living process uses, also none of another container that shares it."""
    there = SHARED.iterdir() if SHARED.is_dir() else ()
    files = [path for path in there if MIDDLEWARE.match(path.name) and _is_ours(path)]
    used = set[str]().union(*(shared_memory_of(process) for process in Path("/proc").glob("[0-9]*") if files))
    kept = {_segment(Path(path).name) for path in used}
    # Its locks also show processes that /proc does not, as they have process ids of their own.
    locks = (path for path in files if path.name.endswith(_LOCKS) and _segment(path.name) not in kept)
    kept |= {_segment(path.name) for path in locks if locked(path, shared=False) is not False}
    return [path for path in files if _segment(path.name) not in kept]


def _segment(name: str) -> str:
    """What a file belongs to: beside a segment (mapped) lie a lock (held open) and a mutex (opened when it is needed)."""
    name = name.removeprefix("sem.").removesuffix("_mutex")
    return next((name.removesuffix(end) for end in _LOCKS if name.endswith(end)), name)


def shared_memory_of(process: Path) -> set[str]:
    """Shared memory that a process (/proc/<id>) has mapped or holds open; nothing where it has ended or is another user's."""
    return _mapped(process) | _open(process)


def _mapped(process: Path) -> set[str]:
    """Shared memory that a process has mapped; nothing where it has ended or belongs to somebody else."""
    try:
        lines = [line for line in (process / "maps").read_text().splitlines() if str(SHARED) in line]
    except OSError:
        return set()
    return {line.split(maxsplit=5)[5].split(" (")[0].strip() for line in lines}


def _open(process: Path) -> set[str]:
    """Shared memory that a process holds open."""
    found = set()
    try:
        for descriptor in (process / "fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith(str(SHARED)):
                found.add(target)
    except OSError:
        return found
    return found
