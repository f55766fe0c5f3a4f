"""What `fail2progress up sim` takes of a computer: start-up, processor time, and the memory of each process. Imports no ROS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from fail2progress.core.children import module_command
from fail2progress.failures.store import FailureStore, StoreError
from fail2progress.models.store import Registry
from fail2progress.ros.graph import NODES

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024
READY, LEARNING = "task: ", "learn: "
"""What the command says first when the first task has been taken, and when learning has begun."""
PERIOD = 0.5
LONGEST = 1200.0
"""Seconds that the whole run may take."""


def children(root: int) -> list[int]:
    """A process and all that were started by it or by those, living ones."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(_fields(stat)[1]), []).append(int(stat.parent.name))
        except OSError:
            continue
    found = [root]
    for process in found:
        found += parents.get(process, [])
    return found


def pss(process: int) -> int:
    """Bytes of memory of a process, shared pages divided by the number of those who share them; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def processor_seconds(process: int) -> float:
    """Seconds of processor time of a process and of those of its children that have ended."""
    try:
        return sum(map(int, _fields(Path(f"/proc/{process}/stat"))[11:15])) / TICKS
    except OSError:
        return 0.0


def name_of(process: int) -> str:
    """The node that a process is, or what it is instead."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
        name = Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return "ended"
    if name in NODES:
        return name
    if "fail2progress.ros" in words:
        return words[words.index("fail2progress.ros") + 1]
    return "supervisor" if "up" in words else name


def _fields(stat: Path) -> list[str]:
    """State, parent and what else follows the name in a process's status (proc(5))."""
    return stat.read_text().rsplit(")", 1)[1].split()


class Watch:
    """A running stack: when it said what, and the most memory that it took in each phase."""

    def __init__(self, command: subprocess.Popen[str]) -> None:
        self.command, self.began = command, time.monotonic()
        self.said: list[tuple[float, str]] = []
        self.ready: dict[str, float] = {}
        self.peaks: dict[str, dict[str, int]] = {}
        self.phase = "starting"
        self.hearing = threading.Thread(target=self._hear, daemon=True)
        self.hearing.start()

    def _hear(self) -> None:
        assert self.command.stderr is not None
        for line in self.command.stderr:
            self.said.append((time.monotonic() - self.began, line.rstrip()))
            if line.startswith(READY) and not self.ready:
                processes = children(self.command.pid)
                self.ready = {"wall_s": self.said[-1][0], "processor_s": sum(map(processor_seconds, processes))}
                self.phase = "acting"
            if line.startswith(LEARNING):
                self.phase = "learning"

    def sample(self) -> None:
        """Memory of all processes now."""
        phase = self.phase
        found: dict[str, int] = {}
        for process in children(self.command.pid):
            name = name_of(process)
            found[name] = found.get(name, 0) + pss(process)
        if sum(found.values()) > sum(self.peaks.get(phase, {}).values()):
            self.peaks[phase] = found

    def to_dict(self) -> dict[str, object]:
        """Seconds, and MiB by process at the moment of each phase in which all together took the most."""
        memory = {phase: {name: round(size / MIB) for name, size in sorted(peak.items())} for phase, peak in self.peaks.items()}
        totals = {phase: sum(peak.values()) for phase, peak in self.peaks.items()}
        return {
            "first_line_s": self.said[0][0] if self.said else None,
            "ready_wall_s": self.ready.get("wall_s"),
            "ready_processor_s": self.ready.get("processor_s"),
            "run_wall_s": time.monotonic() - self.began,
            "memory_bytes": totals,
            "memory_mib": memory,
            "code": self.command.returncode,
        }


def measure_usage(variables: Mapping[str, str]) -> dict[str, object]:
    """One run of `fail2progress up sim` until its end, looked at twice a second. RuntimeError where it does not learn."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        words = module_command("fail2progress.cli", "up", "sim", "--out", str(Path(folder) / "run"))
        command = subprocess.Popen(words, env=dict(variables), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        watch = Watch(command)
        try:
            while command.poll() is None and time.monotonic() < watch.began + LONGEST:
                watch.sample()
                time.sleep(PERIOD)
        finally:
            command.send_signal(signal.SIGINT)
            command.wait(60)
            watch.hearing.join(5)
        lessons = learnt_within(Path(folder) / "run")
    if "learning" not in watch.peaks:
        raise RuntimeError(f"the run learnt nothing: {watch.said[-1][1] if watch.said else 'it said nothing'}")
    return {**watch.to_dict(), "lesson_s": lessons, "load_before": load, "cores": os.cpu_count()}


def learnt_within(run: Path) -> list[float]:
    """Seconds from each failure of a run to the model that was learnt from it, judged and on disk. What cannot be read is named
    on standard error and left out."""
    store, versions = FailureStore(run / "failures.sqlite"), Registry(run / "models")

    def taken(identity: str) -> float | None:
        lesson, met = store.lesson(identity), datetime.fromisoformat(store.header(identity).time).timestamp()
        if lesson is None or not lesson[0]:
            return None
        if not (weights := versions.path(lesson[0])).is_file():
            raise StoreError(f"failure {identity}: {weights}, which was learnt from it, is not there")
        return weights.stat().st_mtime - met

    found, wrong = store.readable(taken)
    for error in wrong.values():
        print(f"note: {error}; it is left out", file=sys.stderr)
    return [seconds for seconds in found if seconds is not None]
