"""What `start` made is let go of, also where it fails or is repeated."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fail2progress.ros.nodes import learner
from fail2progress.simulation.parallel import ParallelSimulator
from support.rigs import rig, wait_for


def ends(node: Any) -> list[int]:
    """How many publishers, subscriptions, services, clients and timers a node has."""
    return [len(list(items)) for items in (node.publishers, node.subscriptions, node.services, node.clients, node.timers)]


def test_a_start_that_fails_leaves_no_clock_behind(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(use_sim_time=True, robot="hand", task="nowhere")
    with rig("sim_stretch", monkeypatch) as made:
        before = ends(made.node)
        for _ in range(2):
            assert made.node.trigger_configure().name == "FAILURE"
            assert not made.node.clock._thread.is_alive() and ends(made.node) == before
        assert wait_for(lambda: not made.peer.count_publishers("/clock")) and not made.died


def test_a_start_that_fails_leaves_no_workers_behind(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_: Any) -> Any:
        raise OSError("rehearsal.safetensors: cannot be read")

    closed: list[ParallelSimulator] = []
    monkeypatch.setattr(learner, "load_rehearsal", damaged)
    monkeypatch.setattr(ParallelSimulator, "close", lambda made: closed.append(made))
    ros(processes=1)
    with rig("learner", monkeypatch) as made:
        assert made.node.trigger_configure().name == "FAILURE"
        assert closed == [made.node.simulator]
        made.node.let_go()
        assert len(closed) == 1


@pytest.mark.parametrize("name", ["sim_stretch", "task"])
def test_a_node_that_is_cleaned_up_has_the_ends_that_it_had(name: str, ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(use_sim_time=True, robot="hand")
    with rig(name, monkeypatch) as made:
        before, there = ends(made.node), []
        for _ in range(2):
            made.activate()
            there.append(ends(made.node))
            assert made.node.trigger_deactivate().name == made.node.trigger_cleanup().name == "SUCCESS"
            assert ends(made.node) == before
        assert there[0] == there[1] != before and not made.died


ASKED_TO_END = """
import importlib, os, signal, sys, types
from rclpy.lifecycle import LifecycleNode
from fail2progress.ros import __main__ as process

def told(name, step):
    def run(*given):
        print(name, flush=True)
        found = step(*given)
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGTERM)
        return found
    return run

process.importlib = types.SimpleNamespace(import_module=told("import", importlib.import_module))
for name in ("configure", "activate"):
    setattr(LifecycleNode, f"trigger_{name}", told(name, getattr(LifecycleNode, f"trigger_{name}")))
sys.exit(process.main(["relations", "--ros-args", "-p", f"state_dir:={sys.argv[2]}"]))
"""
"""A node as a process that is asked to end during a step of its start; it says the steps."""


@pytest.mark.parametrize(("during", "steps"), [("import", ["import"]), ("configure", ["import", "configure"])])
def test_a_node_that_is_asked_to_end_while_it_starts_goes_no_further(
    during: str, steps: list[str], ros_variables: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ASKED_TO_END, during, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.split() == steps, done.stderr
