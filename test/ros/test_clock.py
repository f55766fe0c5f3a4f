"""Nodes that run on /clock: their time is that of the simulated robot, or of the recording."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from rosgraph_msgs.msg import Clock

from fail2progress.core.observation import SECOND
from fail2progress.ros import clock
from fail2progress.ros import graph as table
from fail2progress.ros.bags.reader import Recorded
from fail2progress.ros.clock import PlayedTime
from fail2progress.ros.conversions.values import stamp_of
from support.rigs import rig, wait_for


def test_the_simulated_robot_gives_the_time_that_it_lives_by(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(use_sim_time=True, robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        said: list[Any] = []
        made.peer.create_subscription(Clock, "/clock", said.append, 10)
        made.activate()
        images = made.collect(table.CAMERA[0])
        assert wait_for(lambda: len(said) > 3 and images), "timers of a node on /clock wait for it"
        assert abs(stamp_of(images[-1].header.stamp) - time.time_ns()) < 60 * SECOND
        assert stamp_of(said[-1].clock) > stamp_of(said[0].clock)
        made.node.let_go()


def test_nobody_tells_the_time_unasked(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(robot="hand")
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        assert not made.peer.count_publishers("/clock")


def test_played_time_goes_with_the_messages_and_on_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transforms are played ahead of what came before them, and time is set back only where the recording's clock was."""
    passed = [0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic_ns=lambda: passed[0]))
    played, told = PlayedTime(), list[float]()
    for item in played.along(Recorded("/t", "", b"", round(at * SECOND)) for at in (100.0, 100.4, 100.1, 100.5, 50.0, 50.033)):
        played.reach(item.time)
        for seconds in (0.0, 0.05, 5.0):
            passed[0] += round(seconds * SECOND)
            told.append(played.now() / SECOND)
    assert told[:6] == [100.0, 100.05, 100.4, 100.4, 100.4, 100.4], "the next one came before this one"
    assert told[6:] == [100.4, 100.45, 100.5, 100.5, 100.5, 100.5, 50.0, 50.033, 50.033, 50.033, 50.083, 55.083]


def test_a_node_says_how_it_is_while_the_time_stands_still(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(use_sim_time=True)
    with rig("recorder", monkeypatch) as made:
        made.activate()
        made.diagnosis()


def test_a_robot_with_an_arm_acts_in_the_default_where_the_chosen_simulator_runs_whole_skills_only(
    ros: Any, monkeypatch: pytest.MonkeyPatch, kinematic: str
) -> None:
    ros(robot="stretch", simulator=kinematic)
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        assert made.node.robot.simulator == "mujoco"
        assert made.node.robot.truth.holding()
