"""The real robot's node over DDS, on an imitation of the robot whose time runs by itself."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from fail2progress_msgs.action import AimCamera
from fail2progress_msgs.msg import ErrorCode

from fail2progress.robots.stretch.real.driver import hold
from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.ros import graph as table
from fail2progress.ros.__main__ import main
from fail2progress.ros.actions import Dispatcher
from fail2progress.ros.conversions.points import points_msg
from fail2progress.ros.conversions.values import segments_msg
from fail2progress.ros.nodes import stretch
from fail2progress.ros.nodes.stretch import StretchNode
from fail2progress.ros.security.policy import access_of
from fail2progress.skills.base import SkillCall
from support import stretch_bench as benches
from support.driver_node import DriverNode
from support.driving import cloud
from support.endpoints import uncovered
from support.fake_stretch import FakeStretch
from support.live_clock import LiveClock
from support.rigs import wait_for
from support.stretch_bench import BODY, DRIVER, Bench


@pytest.fixture
def bench(ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Parameters: see support.stretch_bench.bench."""
    with benches.bench(ros, monkeypatch, *getattr(request, "param", ())) as made:
        yield made


BOTH = pytest.mark.parametrize("bench", [(1.0, 1.0, BODY), (1.0, 1.0, DRIVER)], indirect=True, ids=[BODY, DRIVER])
"""By either transport."""


@pytest.mark.parametrize("bench", [(10.0, 1.0), (8.0, 1.0, DRIVER)], indirect=True, ids=[BODY, DRIVER])
def test_a_skill_is_carried_out_and_told_of(bench: Bench) -> None:
    joints, transforms, looks = (bench.rig.collect(name) for name in ("joint_states", "tf", "looks"))
    answer = bench.result(bench.send())
    assert answer.result.error_code == ErrorCode.OK, answer.result.error_msg
    assert answer.status == GoalStatus.STATUS_SUCCEEDED and not bench.body.moving
    assert wait_for(lambda: len(looks) == 12)
    assert [message.when for message in looks] == ["before", ""] * 3 + ["after", ""] * 3
    assert {"look", "drive", "reach", "push", "home"} <= set(bench.phases) and len(set(bench.phases)) > 2
    assert {"joint_lift", "wrist_extension"} <= set(joints[-1].name) and len({m.position[1] for m in joints}) > 2
    frames = {(item.header.frame_id, item.child_frame_id) for item in transforms[-1].transforms}
    assert ("odom", "planning") in frames and ("odom", "base_link") in frames
    # The state is noted with the joints, a few times a second, and told once a second: the next report may be of before.
    assert wait_for(lambda: bench.facts()["state"] == "idle") and bench.facts()["homed"] == "true"


@pytest.mark.parametrize("bench", [(10.0, 1.0)], indirect=True)
def test_the_camera_is_aimed_at_what_was_seen_without_a_heartbeat(bench: Bench) -> None:
    bench.beating = False
    aiming = Dispatcher(bench.rig.peer, AimCamera, "aim_camera")
    assert aiming.found(60.0) and wait_for(lambda: bench.node.seen is not None)
    for goal, code in ((AimCamera.Goal(object="cup"), ErrorCode.OK), (AimCamera.Goal(object="fork"), ErrorCode.ROBOT_BAD_CALL)):
        future = aiming.send(goal)
        assert wait_for(future.done)
        answer = bench.result(future.result())
        assert answer.result.error_code == code, answer.result.error_msg
    assert "'fork' has not been seen; seen: cup, table" in answer.result.error_msg
    moved = {command.joint for command in bench.body.commands}
    assert moved and moved <= {"head_pan", "head_tilt"}
    aiming.close()


@pytest.mark.parametrize("bench", [(10.0, 0.5)], indirect=True)
def test_a_goal_that_is_typed_by_hand_needs_no_heartbeat(bench: Bench) -> None:
    bench.beating = False
    assert bench.result(bench.send(unattended=True)).result.error_code == ErrorCode.OK


@BOTH
def test_stop_ends_motion_and_the_goal_until_resume(bench: Bench) -> None:
    handle = bench.underway()
    assert bench.ask("stop_the_robot").success and not bench.body.moving
    answer = bench.result(handle)
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_ABORTED, ErrorCode.ROBOT_STOPPED)
    refused = bench.result(bench.send())
    assert refused.result.error_code == ErrorCode.ROBOT_STOPPED and "resume" in refused.result.error_msg
    assert bench.ask("resume_the_robot").success
    bench.underway().cancel_goal_async()


def test_motion_stands_still_within_a_fifth_of_a_second_of_stop(bench: Bench) -> None:
    bench.underway()
    moved = [0.0]
    bench.clock.always(lambda: moved.append(bench.clock.time) if bench.body.moving else None)
    begin = bench.clock.now()
    bench.node.halt()
    assert moved[-1] - begin < 0.2


@BOTH
def test_a_cancelled_goal_ends_motion_and_another_one_is_taken(bench: Bench) -> None:
    handle = bench.underway()
    assert wait_for(handle.cancel_goal_async().done)
    answer = bench.result(handle)
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_CANCELED, ErrorCode.ROBOT_STOPPED)
    assert not bench.body.moving
    again = bench.underway()
    assert wait_for(again.cancel_goal_async().done)
    bench.result(again)


@pytest.mark.parametrize("bench", [(1.0, 0.4), (1.0, 0.4, DRIVER)], indirect=True, ids=[BODY, DRIVER])
def test_a_lost_client_ends_motion_before_the_goal(bench: Bench) -> None:
    handle = bench.underway()
    bench.beating = False
    answer = bench.result(handle)
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_ABORTED, ErrorCode.ROBOT_LOST)
    assert "silent" in answer.result.error_msg or "heartbeat" in answer.result.error_msg
    assert not bench.body.moving


@BOTH
def test_the_run_stop_ends_the_goal_and_bars_resume_while_it_is_pressed(bench: Bench) -> None:
    handle = bench.underway()
    bench.body.press()
    answer = bench.result(handle)
    assert answer.result.error_code == ErrorCode.ROBOT_STOPPED and "run-stop" in answer.result.error_msg
    barred = bench.ask("resume_the_robot")
    assert not barred.success and "release" in barred.message
    bench.body.release()
    assert wait_for(lambda: bench.ask("resume_the_robot").success)
    bench.underway().cancel_goal_async()


@BOTH
def test_troubles_have_codes(bench: Bench) -> None:
    unseen = bench.result(bench.send(SkillCall("push", "ghost", (0.7, 0.1))))
    assert unseen.result.error_code == ErrorCode.ROBOT_REFUSED and "has not been seen" in unseen.result.error_msg
    beyond = bench.result(bench.send(SkillCall("pick_place", "cup", (0.45, -0.4, 0.45, 0.0))))
    assert beyond.result.error_code == ErrorCode.ROBOT_REFUSED and beyond.result.error_msg
    handle = bench.underway()
    bench.body.broken = True
    cut_off = bench.result(handle)
    assert cut_off.result.error_code == ErrorCode.ROBOT_LOST and "USB" in cut_off.result.error_msg
    assert wait_for(lambda: any(kind.startswith("status/") for kind in bench.node.refused))
    bench.body.broken = False


def test_what_was_seen_before_the_last_motion_is_not_relied_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "SIGHT", 0.5)
    assert wait_for(lambda: bench.node.seen is not None)
    bench.seeing = False
    time.sleep(0.2)
    answer = bench.result(bench.send())
    assert answer.result.error_code == ErrorCode.ROBOT_CANNOT and "segmentation" in answer.result.error_msg
    strange = segments_msg(replace(cloud("cup"), frame="map", stamp=time.time_ns()))
    bench.rig.outlet("segments").publish(strange)
    assert wait_for(lambda: bench.node.refused["segments/frame"] == 1)


def test_the_base_does_not_drive_where_the_camera_sees_something(bench: Bench) -> None:
    """The push needs a drive; a chair's leg stands on its way."""
    heights = np.linspace(0.1, 0.6, 12)
    bench.obstacles = np.stack([np.zeros(12), np.full(12, 0.55), heights], axis=1).astype(np.float32)
    answer = bench.result(bench.send())
    assert answer.result.error_code == ErrorCode.ROBOT_CANNOT, answer.result
    assert "in the base's way" in answer.result.error_msg and "look_around" in answer.result.error_msg
    assert not bench.body.x and not bench.body.y
    strange = points_msg(bench.obstacles, "map", time.time_ns())
    bench.rig.outlet("obstacles").publish(strange)
    assert wait_for(lambda: bench.node.refused["obstacles/frame"] == 1)


@BOTH
def test_a_node_that_is_deactivated_does_not_move(bench: Bench) -> None:
    handle = bench.underway()
    bench.node.trigger_deactivate()
    assert bench.result(handle).result.error_code == ErrorCode.ROBOT_STOPPED and not bench.body.moving


def test_homing_is_left_to_its_own_program(bench: Bench) -> None:
    assert bench.ask("home_the_robot").success
    bench.body.homed = False
    answer = bench.ask("home_the_robot")
    assert not answer.success and "stretch_robot_home.py" in answer.message


@pytest.mark.parametrize("bench", [(10.0, 0.5)], indirect=True)
def test_it_looks_around_for_whoever_asks_and_moves_nothing_but_its_head(bench: Bench) -> None:
    bench.beating = False
    answer = bench.ask("look_around")
    assert answer.success and answer.message == "sees cup, table"
    assert {command.joint for command in bench.body.commands} == {"head_pan", "head_tilt"} and not bench.body.moving
    assert bench.ask("stop_the_robot").success
    refused = bench.ask("look_around")
    assert not refused.success and "resume()" in refused.message
    assert bench.ask("resume_the_robot").success
    bench.seeing, stretch_sight = False, stretch.SIGHT
    stretch.SIGHT = 0.5
    try:
        blind = bench.ask("look_around")
    finally:
        stretch.SIGHT = stretch_sight
    assert not blind.success and "do camera and segmentation run?" in blind.message


@pytest.mark.parametrize("bench", [(3.0, 1.0, DRIVER)], indirect=True)
def test_the_driver_homes_the_robot_takes_positions_and_keeps_the_grasp(bench: Bench) -> None:
    assert bench.driver is not None and bench.driver.mode == "position"
    access = access_of(table.NODES["stretch"]).within("f2p")
    assert not uncovered(bench.node, access) and not uncovered(bench.node.transport.node, access)
    bench.body.homed = False
    assert wait_for(lambda: not bench.node.transport.is_homed())
    unhomed = bench.result(bench.send())
    assert unhomed.result.error_code == ErrorCode.ROBOT_STOPPED and "home" in unhomed.result.error_msg
    answer = bench.ask("home_the_robot")
    assert answer.success and wait_for(lambda: bench.node.transport.is_homed())
    grip = bench.body.axes["stretch_gripper"]
    grip.position, grip.block = 40.0, 20.0
    transport = bench.node.transport
    transport.end_of_arm.move_to("stretch_gripper", -30.0, 4.0, 8.0)
    transport.push_command()
    assert wait_for(lambda: grip.contacts)
    squeezed = grip.contacts
    hold(transport, ())
    assert wait_for(lambda: bench.driver is not None and bench.driver.stops == 1)
    assert wait_for(lambda: grip.contacts > squeezed), "the driver's stop lets go, so the fingers squeeze again"


@pytest.mark.parametrize("bench", [(1.0, 1.0, DRIVER)], indirect=True)
def test_a_driver_that_somebody_switches_over_or_that_dies_ends_the_goal(bench: Bench) -> None:
    assert bench.driver is not None
    handle = bench.underway()
    bench.driver.mode = "navigation"
    answer = bench.result(handle)
    assert answer.result.error_code == ErrorCode.ROBOT_LOST and "only accepts goals in position" in answer.result.error_msg
    assert "switch_to_position_mode" in answer.result.error_msg
    assert not bench.body.moving


def test_a_driver_in_the_same_namespace_is_told_of(
    ros: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ros()
    body = FakeStretch(LiveClock(1.0))
    driver = DriverNode(body)
    try:
        monkeypatch.setattr(stretch, "connect", _nobody)
        with pytest.raises(ValueError, match="start this one in a namespace"):
            StretchNode(table.NODES["stretch"])
    finally:
        driver.close()


def _nobody() -> Any:
    raise TransportError("stretch_body cannot be imported: pip install 'fail2progress[stretch]'")


@pytest.mark.parametrize("robot", ["none", "unhomed"])
def test_without_a_robot_the_node_says_so_in_one_line(
    robot: str, ros_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends: list[bool] = []
    body = SimpleNamespace(is_homed=lambda: False, stop=lambda: ends.append(True))
    monkeypatch.setattr(stretch, "connect", _nobody if robot == "none" else lambda: body)
    monkeypatch.setattr(stretch, "connect_driver", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["stretch", "--ros-args", "--log-level", "fatal"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("fail2progress: stretch: ") and "\n" not in said
    assert ("stretch_body" if robot == "none" else "stretch_robot_home.py") in said
    assert len(ends) == (robot == "unhomed")


def test_the_table_says_what_the_node_offers() -> None:
    entry = table.NODES["stretch"]
    assert set(entry.services) == {"stop_the_robot", "resume_the_robot", "home_the_robot", "look_around"}
    assert {"corrections", "heartbeat", "obstacles", "segments"} == set(entry.subscribes)
