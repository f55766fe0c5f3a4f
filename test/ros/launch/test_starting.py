"""Nodes forked from a process that has imported what they need."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.ros.launch.environment import works
from fail2progress.ros.launch.starting import Forked, ForkServer, how_ended
from fail2progress.ros.launch.supervisor import Launch, Supervisor
from support.processes import wait_until
from support.shadows import shadowed

NAMES = ("monitor", "task")


class Stand:
    """A fork server and what was started by it."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.variables = folder, variables
        (folder / "log").mkdir(parents=True)
        self.server = ForkServer(folder, NAMES)

    def start(self, name: str, *words: str) -> Forked:
        with (self.folder / "out").open("a") as out, (self.folder / "err").open("a") as err:
            found = self.server.start(name, ["python", "-m", "fail2progress.ros", name, *words], self.variables, out, err)
        assert isinstance(found, Forked)
        return found

    def node(self) -> Forked:
        """A monitor that is up."""
        before = self.active()
        found = self.start("monitor", "--ros-args", "-p", f"state_dir:={self.folder / f'state{before}'}")
        wait_until(lambda: list(self.folder.glob(f"state{before}/*.sqlite")) or found.poll() is not None)
        assert found.poll() is None, (self.folder / "err").read_text()
        return found

    def active(self) -> int:
        return len(list(self.folder.glob("state*")))


@pytest.fixture
def stand(ros_variables: dict[str, str], tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path / "run", {**os.environ, **ros_variables})
    yield made
    made.server.close()


def gone(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_a_forked_node_is_a_process_of_its_own(stand: Stand) -> None:
    node, other = stand.node(), stand.start("nonsense")
    pid = node.pid
    assert pid is not None and os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/comm").read_text() == "monitor\n"
    wait_until(lambda: other.poll() is not None)
    assert other.poll() == 2
    assert "unknown node 'nonsense'" in (stand.folder / "err").read_text()
    os.killpg(pid, signal.SIGINT)
    wait_until(lambda: node.poll() is not None)
    assert node.poll() == 0


def test_who_was_killed_is_told_and_started_again(stand: Stand) -> None:
    """A node alone; then the server, with which its nodes end."""
    node = stand.node()
    assert node.pid is not None
    os.kill(node.pid, signal.SIGKILL)
    wait_until(lambda: node.poll() is not None)
    assert node.poll() == -signal.SIGKILL
    second = stand.node()
    pid = second.pid
    assert pid is not None
    os.kill(int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
    wait_until(lambda: second.poll() is not None)
    assert second.poll() == -signal.SIGKILL
    wait_until(lambda: gone(pid))
    assert stand.node().pid not in (None, pid)


def test_nodes_end_with_their_supervisor(stand: Stand) -> None:
    """Whose end of the socket is closed when its process ends, however that comes."""
    node = stand.node()
    pid = node.pid
    assert pid is not None and stand.server._link is not None
    stand.server._link.close()
    wait_until(lambda: gone(pid))


def test_nodes_start_where_a_lab_has_files_called_as_modules_are(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shadowed(tmp_path / "lab"))
    assert works(stand.variables)
    assert stand.node().pid is not None


@pytest.fixture
def unprepared(ros_variables: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Variables with which reading what nodes need ends the process."""
    return {**os.environ, **ros_variables, "PYTHONPATH": f"{shadowed(tmp_path / 'lab')}{os.pathsep}{os.environ['PYTHONPATH']}"}


def test_a_server_that_cannot_start_is_told_once_with_what_it_said(unprepared: dict[str, str], tmp_path: Path) -> None:
    said: list[str] = []
    launch = Launch("sim", tmp_path / "run", nodes=NAMES)
    supervisor = Supervisor(launch, said.append, os.environ, ForkServer(launch.state_dir, NAMES))
    supervisor.variables.update(unprepared)
    (tmp_path / "run" / "log").mkdir(parents=True)
    (tmp_path / "run" / "log" / "fork_server.log").write_text("what was said in an earlier run\n")
    assert supervisor.run() == 1
    (told,) = said
    assert told.startswith("no node can be started: the process that they are forked from has ended (exit code 1): ")
    assert ".py of the lab was imported; see " in told and told.endswith(str(tmp_path / "run" / "log" / "fork_server.log"))
    assert "earlier run" not in told
    log = (tmp_path / "run" / "log" / "fork_server.log").read_text()
    assert log.count("of the lab") == 1


def test_the_end_of_a_process_is_told_also_by_a_signal_without_a_name() -> None:
    assert [how_ended(code) for code in (3, -9, -40)] == ["exit code 3", "signal SIGKILL", "signal 40"]
