"""Nodes that run on /clock: their time is that of the simulated robot, or of the recording."""

import time
from typing import Any

import pytest
from rosgraph_msgs.msg import Clock

from fail2progress.core.observation import SECOND
from fail2progress.ros import graph as table
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


def test_played_time_goes_with_the_messages_and_on_between_them() -> None:
    played = PlayedTime()
    for stamp in (10**18, 10**18 + SECOND, 10**17):
        played.reach(stamp)
        first = played.now()
        assert 0 <= first - stamp < 60 * SECOND and played.now() >= first


def test_a_robot_with_an_arm_acts_in_the_default_where_the_chosen_simulator_runs_whole_skills_only(
    ros: Any, monkeypatch: pytest.MonkeyPatch, kinematic: str
) -> None:
    ros(robot="stretch", simulator=kinematic)
    with rig("sim_stretch", monkeypatch) as made:
        made.activate()
        assert made.node.robot.simulator == "mujoco"
        assert made.node.robot.truth.holding()
