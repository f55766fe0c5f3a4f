"""What `start` made is let go of, also where it fails or is repeated."""

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
