"""The supervisor with tiny processes in the place of nodes. Imports no ROS."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.children import module_command
from fail2progress.ros.launch import restarts
from fail2progress.ros.launch import supervisor as module
from fail2progress.ros.launch.claim import RUN
from fail2progress.ros.launch.environment import SUPERVISOR
from fail2progress.ros.launch.shared_memory import PROFILES
from fail2progress.ros.launch.supervisor import Launch, Supervisor
from support.processes import Separate

ROOT = Path(__file__).resolve().parents[3]
SLEEP = "import time\ntime.sleep(600)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEP}"


def wait_for(true: Callable[[], object], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Supervisor]]:
    """A supervisor whose nodes run these texts."""
    monkeypatch.delenv("ROS_LOG_DIR", raising=False)
    monkeypatch.setattr(module, "environment", lambda variables, local=True: dict(os.environ if variables is None else variables))
    monkeypatch.setattr(module, "PAUSE", 0.02)
    monkeypatch.setattr(module, "GRACE", 1.0)
    monkeypatch.setattr(module, "SHARED", tmp_path / "shm")
    made: list[Supervisor] = []

    def start(programs: dict[str, str], stack: str = "sim") -> Supervisor:
        def command(launch: Launch, name: str) -> list[str]:
            return [sys.executable, "-S", "-c", programs[name]]

        monkeypatch.setattr(Launch, "command", command)
        said: list[str] = []
        made.append(Supervisor(Launch(stack, tmp_path / "state", nodes=tuple(programs)), said.append, starter=Separate()))
        made[-1].said = said  # type: ignore[attr-defined]
        return made[-1]

    yield start
    for supervisor in made:
        supervisor.stop()


def running(supervisor: Supervisor) -> threading.Thread:
    thread = threading.Thread(target=supervisor.run, daemon=True)
    thread.start()
    return thread


def said(supervisor: Any) -> str:
    return "\n".join(supervisor.said)


def test_a_node_that_cannot_run_ends_the_stack_with_its_reason(make: Callable[..., Supervisor]) -> None:
    lines = "import sys\nprint('noise\\nfail2progress: relations: loglevel: wrong', file=sys.stderr)\nsys.exit(2)"
    supervisor = make({"monitor": SLEEP, "relations": lines})
    assert supervisor.run() == 2
    assert said(supervisor) == "relations cannot run: loglevel: wrong"


def test_a_node_that_is_killed_is_started_anew(make: Callable[..., Supervisor]) -> None:
    supervisor = make({"monitor": SLEEP, "relations": SLEEP})
    thread = running(supervisor)
    assert wait_for(lambda: len(supervisor.processes) == 2)
    first, other = (supervisor.processes[name].running.pid for name in ("monitor", "relations"))
    for starts in (2, 3):
        os.kill(supervisor.processes["monitor"].running.pid, signal.SIGKILL)
        assert wait_for(lambda: "monitor" in supervisor.processes and supervisor.processes["monitor"].starts == starts)  # noqa: B023
    assert "monitor ended (signal SIGKILL); it is restarted" in said(supervisor)
    assert supervisor.processes["relations"].running.pid == other != first
    assert supervisor.code is None
    supervisor.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_node_that_keeps_ending_is_given_up(make: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "MOST_STARTS", 3)
    supervisor = make({"monitor": "raise SystemExit(7)", "relations": SLEEP})
    assert supervisor.run() == 1
    assert said(supervisor).count("it is restarted") == 2
    assert "monitor ended 3 times" in said(supervisor) and "exit code 7" in said(supervisor)
    assert not any(alive(process.running.pid) for process in supervisor.processes.values())


def test_a_node_that_was_started_wrongly_is_not_started_again(make: Callable[..., Supervisor]) -> None:
    supervisor = make({"monitor": "import sys\nprint('no such model', file=sys.stderr)\nraise SystemExit(2)", "relations": SLEEP})
    assert supervisor.run() == 2
    assert "monitor cannot run: see" in said(supervisor)
    assert (supervisor.launch.state_dir / "log" / "monitor.log").read_text() == "no such model\n"


@pytest.mark.parametrize("code", [0, 3])
def test_the_last_node_ends_the_stack_with_its_code(code: int, make: Callable[..., Supervisor]) -> None:
    supervisor = make({"monitor": SLEEP, "task": f"print('all done')\nraise SystemExit({code})"})
    assert supervisor.run() == code
    assert wait_for(lambda: "all done" in said(supervisor))
    assert not any(alive(process.running.pid) for process in supervisor.processes.values())


def test_a_last_node_that_is_killed_is_started_anew(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    once = f"import os, pathlib, signal\np = pathlib.Path({str(tmp_path / 'once')!r})\n"
    once += "if not p.exists():\n    p.touch()\n    os.kill(os.getpid(), signal.SIGKILL)\nraise SystemExit(5)"
    assert make({"task": once}).run() == 5


def test_stopping_leaves_no_process_however_stubborn(make: Callable[..., Supervisor]) -> None:
    """Children of nodes end with them: each node is the head of a process group of its own."""
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {STUBBORN!r}])"
    supervisor = make({"monitor": SLEEP, "relations": STUBBORN, "learner": parent})
    supervisor.start()
    groups = [process.running.pid for process in supervisor.processes.values()]
    assert wait_for(lambda: len(members(groups)) == 4)
    supervisor.stop()
    assert wait_for(lambda: not members(groups)), members(groups)


def test_what_outlives_its_node_ends_with_the_stack(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    """A node that a signal ends at once leaves its child, which heeds none."""
    ready = tmp_path / "ready"
    child = "import signal, pathlib, time\nfor number in (2, 15):\n    signal.signal(number, signal.SIG_IGN)\n"
    child += f"pathlib.Path({str(ready)!r}).touch()\ntime.sleep(600)"
    parent = "import signal, subprocess, sys, time\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    parent += f"subprocess.Popen([sys.executable, '-S', '-c', {child!r}])\ntime.sleep(600)"
    supervisor = make({"learner": parent})
    supervisor.start()
    groups = [process.running.pid for process in supervisor.processes.values()]
    assert wait_for(ready.exists) and len(members(groups)) == 2
    supervisor.stop()
    assert wait_for(lambda: not members(groups)), members(groups)


def members(groups: list[int]) -> list[int]:
    """Living processes of these process groups."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, group = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if state != "Z" and int(group) in groups:
            found.append(int(stat.parent.name))
    return found


INTERRUPTED = f"""
import os, sys
from pathlib import Path
from fail2progress.ros.launch import supervisor as module
from support.processes import Separate
module.environment = lambda variables, local=True: dict(os.environ)
module.SHARED = Path(sys.argv[1]) / "shm"
module.Launch.command = lambda self, name: [sys.executable, "-S", "-c", {SLEEP!r}]
made = module.Supervisor(module.Launch("sim", Path(sys.argv[1]), nodes=("monitor", "relations")), print, starter=Separate())
look = made.look_after
def look_after():
    print(*(process.running.pid for process in made.processes.values()), flush=True)
    look()
made.look_after = look_after
made.run()
"""


def test_an_interrupt_leaves_no_process(tmp_path: Path) -> None:
    """As a terminal sends it."""
    places = (str(ROOT / "src"), str(ROOT / "test"), os.environ.get("PYTHONPATH", ""))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        children = [int(word) for word in process.stdout.readline().split()]
        assert len(children) == 2 and all(map(alive, children))
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode != 0
    assert not any(map(alive, children))


def test_nodes_know_who_looks_after_them(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    program = f"import os\nprint(os.environ[{SUPERVISOR!r}], os.getppid(), os.environ['ROS_LOG_DIR'])"
    supervisor = make({"task": program})
    assert supervisor.run() == 0
    assert wait_for(lambda: said(supervisor))
    assert said(supervisor) == f"{os.getpid()} {os.getpid()} {(tmp_path / 'state' / 'log' / 'ros').resolve()}"


def test_too_little_shared_memory_is_told_at_the_start(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    supervisor = make({"task": "raise SystemExit(0)"})
    (tmp_path / "huge.xml").write_text("<dds><segment_size>1000000000000000</segment_size></dds>")
    supervisor.variables[PROFILES[0]] = str(tmp_path / "huge.xml")
    assert supervisor.run() == 0
    assert said(supervisor).startswith("note: /dev/shm has ") and "1 nodes take 1000000001 MB" in said(supervisor)


def test_command_lines_name_only_what_a_node_has(tmp_path: Path) -> None:
    values = {"seed": 3, "segmenter": "geometric", "autostart": False, "slop": 0.5}
    launch = Launch("sim", tmp_path, values, namespace="/robot/one/", params_file=tmp_path / "p.yaml")
    words = launch.command("segmentation")
    begin = list(module_command("fail2progress.ros", "segmentation", "--ros-args"))
    assert words[: len(begin)] == begin and begin[0] == sys.executable
    given = words[len(begin) :]
    assert given[:4] == ["-r", "__ns:=/robot/one", "--params-file", str(tmp_path / "p.yaml")]
    assert given[4::2] == ["-p"] * 4
    assert set(given[5::2]) == {f'state_dir:="{tmp_path}"', 'segmenter:="geometric"', "autostart:=false", "slop:=0.5"}
    assert "seed:=3" in launch.command("sim_stretch")
    assert launch.names()[-1] == "task" and Launch("sim", tmp_path, nodes=("monitor",)).names() == ("monitor",)


def test_values_win_over_what_is_usual(tmp_path: Path) -> None:
    usual = {name: {"segmenter": "fused", "obstacles": True, "slop": 0.1} for name in ("segmentation", "planner")}
    words = Launch("robot", tmp_path, {"slop": 0.5}, usual, params_file=tmp_path / "gone.yaml").command("segmentation")
    assert {"obstacles:=true", "slop:=0.5", 'segmenter:="fused"'} <= set(words) and "slop:=0.1" not in words


def test_a_node_of_ones_own_may_move_the_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is none of the stack, so the stack's nodes belong to the run that both were told, or to none."""
    monkeypatch.setattr(module, "environment", lambda variables, local: dict(variables or {}))
    own, whole = (Launch("robot", tmp_path, own_robot=mine) for mine in (True, False))
    assert set(whole.names()) - set(own.names()) == {"stretch"}
    runs = [Supervisor(own, print, given, Separate()).variables[RUN] for given in ({RUN: "kitchen"}, {})]
    assert runs == ["kitchen", ""]
    assert len(Supervisor(whole, print, {RUN: "kitchen"}, Separate()).variables[RUN]) == 32


LEFT = ("fastdds_left", "fastrtps_796f9c10effb4cf1", "sem.fastrtps_port7411_mutex", "fast_datasharing_01.0f")


def test_shared_memory_in_use_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What killed nodes left goes, whichever Fast DDS made it; what is used and what others made stay."""
    import mmap

    shared = tmp_path / "shm"
    monkeypatch.setattr(module, "SHARED", shared)
    module.remove_shared_memory()
    shared.mkdir()
    other, *used = (
        shared / name for name in ("breakfast_dds", "fastdds_port7000", "fastdds_port7000_el", "sem.fastdds_port7000_mutex")
    )
    for path in (other, *used, *(shared / name for name in LEFT)):
        path.write_bytes(bytes(4096))
    with used[0].open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        module.remove_shared_memory()
        assert sorted(shared.iterdir()) == sorted((other, *used))
    module.remove_shared_memory()
    assert list(shared.iterdir()) == [other]


def test_shared_memory_of_other_containers_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their processes are not in /proc; their locks are seen all the same."""
    monkeypatch.setattr(module, "SHARED", tmp_path)
    monkeypatch.setattr(module, "shared_memory_of", lambda process: set())
    theirs = [tmp_path / name for name in ("fastdds_12ab", "fastdds_12ab_el", "fastdds_port7000", "fastdds_port7000_sl")]
    left = [tmp_path / name for name in ("fastdds_34cd", "fastdds_34cd_el")]
    for path in (*theirs, *left):
        path.touch()
    with theirs[1].open() as lock, theirs[3].open() as shared:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(shared, fcntl.LOCK_SH)
        module.remove_shared_memory()
        assert sorted(tmp_path.iterdir()) == sorted(theirs)
    module.remove_shared_memory()
    assert list(tmp_path.iterdir()) == []
