"""The segmentation node without labels, while a robot looks in the middle of a step."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fail2progress_msgs.msg import Step
from geometry_msgs.msg import TransformStamped
from scipy.spatial.transform import Rotation
from tf2_msgs.msg import TFMessage

from fail2progress.core.observation import SECOND
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.perception.frames.alignment import Offset
from fail2progress.perception.segmentation.base import Perceived
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.ros import graph as table
from fail2progress.ros.conversions import values as convert
from fail2progress.ros.conversions.images import OPTICAL_FRAME, depth_image, image_msg, imu_msg, info_msg
from fail2progress.ros.conversions.points import points_of
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.registry import task
from support import sliding_bar, traffic
from support.rigs import Rig, rig, wait_for

ROBOT = SimulatedRobot(MujocoSimulator(), task("hierarchical-tabletop").trial(3, 0).scene)
FRAME = ROBOT.frame()


def camera() -> TFMessage:
    (parent, _, pose), *_ = ROBOT.transforms()
    return placed(parent, OPTICAL_FRAME, pose)


def placed(parent: str, child: str, pose: Sequence[float] | np.ndarray) -> TFMessage:
    item = TransformStamped(child_frame_id=child)
    item.header.frame_id = parent
    move, turn = item.transform.translation, item.transform.rotation
    move.x, move.y, move.z, turn.w, turn.x, turn.y, turn.z = map(float, pose)
    return TFMessage(transforms=[item])


def photograph(made: Rig, stamp: float, frame: RgbdFrame = FRAME) -> None:
    """An image of the scene whose first pixel differs from those before."""
    colour = frame.colour.copy()
    colour[0, 0] = int(stamp * 10) % 256
    at = round(stamp * SECOND)
    images = (image_msg(colour, "rgb8", at), image_msg(depth_image(frame.depth), "16UC1", at))
    for name, message in zip(table.CAMERA, (*images, info_msg(frame.intrinsics, at)), strict=True):
        assert made.send(name, message)


def look(made: Rig, stamp: float, when: str) -> None:
    assert made.send("looks", convert.look_msg(round(stamp * SECOND), when))


def test_what_a_robot_looks_at_in_the_middle_of_a_step_is_segmented_and_nothing_else(
    ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", camera())
        assert made.send("steps", traffic.step(0, Step.STARTED))
        made.node.heard = time.monotonic() + 60.0  # the planner is at work
        photograph(made, 10.0)
        look(made, 11.0, table.BEFORE)
        photograph(made, 11.5)
        assert wait_for(lambda: len(said) == 1)
        assert made.node.shift, "nothing has been moved yet: what the skill shall move is expected afterwards"
        look(made, 12.0, "")
        photograph(made, 12.5)
        look(made, 13.0, table.AFTER)
        photograph(made, 12.9)
        photograph(made, 13.5)
        assert wait_for(lambda: len(said) == 2)
        assert made.node.shift == {}
        look(made, 14.0, "")
        assert made.send("steps", traffic.step(0, Step.FINISHED))
        assert made.node.shift == {}, "it counts once"
        photograph(made, 15.0)
        assert wait_for(lambda: len(said) == 3)
    assert [convert.stamp_of(message.header.stamp) for message in said] == [11_500_000_000, 13_500_000_000, 15_000_000_000]


def told(made: Rig, phase: int, stamp: float) -> None:
    message = traffic.step(0, phase)
    message.header.stamp = convert.time_of(round(stamp * SECOND))
    assert made.send("steps", message)


@pytest.mark.parametrize("end", [Step.FINISHED, Step.FAILED])
def test_images_of_a_skill_that_come_after_its_end_are_passed_over(ros: Any, monkeypatch: pytest.MonkeyPatch, end: int) -> None:
    """They show the robot's arm and what is in its hand. What it looked at after its skill is segmented, also late."""
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", camera())
        told(made, Step.STARTED, 10.0)
        look(made, 11.0, table.AFTER)
        look(made, 12.0, "")
        told(made, end, 13.0)
        shift = dict(made.node.shift)
        for stamp in (10.0, 10.9, 12.1, 12.9):
            photograph(made, stamp)
        assert made.node.shift == shift and not said and made.node.refused["step"] == 4
        photograph(made, 9.9)
        assert wait_for(lambda: len(said) == 1) and made.node.shift == shift, "seen before the skill, which it does not show"
        photograph(made, 11.5)
        assert wait_for(lambda: len(said) == 2) and made.node.shift == {}
        told(made, end, 13.0)
        photograph(made, 13.0)
        assert wait_for(lambda: len(said) == 3) and made.node.refused["step"] == 4
    assert [convert.stamp_of(message.header.stamp) // 10**8 for message in said] == [99, 115, 130]


def test_what_a_skill_moved_is_expected_though_the_clock_was_set_back(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", camera())
        photograph(made, 3590.0)
        told(made, Step.STARTED, 3600.0)
        told(made, Step.FINISHED, 3610.0)
        assert wait_for(lambda: len(said) == 1) and made.node.shift
        photograph(made, 100.0)
        assert wait_for(lambda: len(said) == 2) and made.node.shift == {} and made.node.refused["clock"] == 1


@pytest.mark.parametrize("by", [0, -20])
def test_depth_beside_its_colours_is_told_of_in_the_log_and_in_diagnostics(
    ros: Any, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    ros(segmenter="geometric")
    frame = replace(FRAME, depth=Offset(by, 0, True).moved(FRAME.depth))
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert made.send("tf_static", camera())
        for number in range(5):
            photograph(made, 10.0 + number, frame)
        assert wait_for(lambda: len(said) == 5)
        assert ("20 pixels to the right" in made.node.facts.get("alignment", "")) == (by < 0)


def test_a_step_that_failed_is_not_thought_to_have_moved_anything(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        assert made.send("steps", traffic.step(0, Step.STARTED)) and made.node.shift
        assert made.send("steps", traffic.step(0, Step.FAILED))
        assert made.node.shift == {} and not made.node.moving
        assert made.send("steps", traffic.step(0, Step.STARTED)) and made.node.shift, "another skill in its place"
        assert made.send("steps", traffic.step(0, Step.FAILED))
        assert made.send("steps", traffic.step(1)) and made.node.shift


def test_all_that_the_camera_sees_is_told_where_it_is_asked_for(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall 0.6 m before a camera that looks up from 0.5 m is 1.1 m high, whatever is a segment."""
    ros(segmenter="label-image", obstacles=True)
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said, grids = made.collect("obstacles"), made.collect("costmap")
        wall = image_msg(np.full(traffic.SIZE, 600, np.uint16), "16UC1", SECOND)
        of = {"tf_static": traffic.transforms(), table.CAMERA[1]: wall}
        for name in ("tf_static", table.LABELS[1], *table.CAMERA, table.LABELS[0]):
            assert made.send(name, of.get(name) or traffic.VALID[name]())
        assert wait_for(lambda: said)
        points = points_of(said[0])
        assert said[0].header.frame_id == "planning" and len(points) > 5
        np.testing.assert_allclose(points[:, 2], 1.1, atol=1e-4)
        assert wait_for(lambda: grids)
        (grid, about), cells = (grids[0], grids[0].info), np.asarray(grids[0].data)
        assert grid.header.frame_id == "planning" and len(cells) == about.width * about.height == 150 * 150
        rows, columns = np.divmod(np.flatnonzero(cells == 100), about.width)
        corners = np.stack([columns, rows], axis=1) * about.resolution + [about.origin.position.x, about.origin.position.y]
        away = points[:, None, :2] - corners
        assert (((away > -1e-5) & (away < about.resolution + 1e-5)).all(axis=2)).any(axis=1).all(), (
            "every point is in such a cell"
        )
        assert not (cells == 0).any(), "no floor was seen"


def test_up_comes_from_the_imu_where_no_transform_says_where_the_camera_is(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        assert FRAME.pose is not None
        assert made.send("camera/imu", imu_msg(FRAME.pose[2, :3], 10 * SECOND))
        photograph(made, 10.0)
        assert wait_for(lambda: said)
        assert made.node.facts["up by"] == "the IMU"
        wrong = imu_msg(FRAME.pose[2, :3], 11 * SECOND)
        wrong.header.frame_id = "base_imu"
        assert made.send("camera/imu", wrong)
        assert wait_for(lambda: any(name.startswith("camera/imu") for name in made.node.refused))


def test_boxes_around_all_of_a_thing_are_told_with_their_segments(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vision_msgs = pytest.importorskip("vision_msgs.msg")
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said, whole = made.collect("segments"), []
        made.peer.create_subscription(vision_msgs.Detection3DArray, "segments/whole", whole.append, 10)
        assert wait_for(lambda: made.node.count_subscribers("segments/whole") > 0)
        assert made.send("tf_static", camera())
        photograph(made, 10.0)
        assert wait_for(lambda: said and whole)
        cloud = convert.cloud_of(said[-1])
        boxes = {found.id: found for found in whole[-1].detections}
        assert boxes and set(boxes) == {n for n, kind in zip(cloud.names, cloud.categories, strict=True) if kind != "table"}
        assert whole[-1].header.stamp == said[-1].header.stamp
        for name, found in boxes.items():
            low, high = cloud.bounds()[cloud.names.index(name)]
            size = found.bbox.size
            assert size.z > 0.8 * (high - low)[2] and found.results[0].pose.covariance[0] > 0


def test_the_robots_own_arm_is_left_out_where_tf_has_its_links(ros: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ros(segmenter="geometric", urdf=str(sliding_bar.urdf(tmp_path)))
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        x, y, z, w = Rotation.from_matrix(sliding_bar.axes()).as_quat()
        assert made.send("tf_static", placed("planning", OPTICAL_FRAME, (*sliding_bar.EYE, w, x, y, z)))
        frame = sliding_bar.photograph(0.2)
        photograph(made, 10.0, frame)
        assert wait_for(lambda: len(said) == 1)
        assert made.send("tf_static", placed("planning", "arm", (-0.2, 0.05, 0.06, 1.0, 0.0, 0.0, 0.0)))
        photograph(made, 10.5, frame)
        assert wait_for(lambda: len(said) == 2)
        counts = [sum(kind != "table" and v > 0 for kind, v in zip(m.categories, m.visibility, strict=True)) for m in said]
        assert counts[0] > 1 and counts[1] == 1


def test_what_came_during_a_frame_is_taken_in_before_the_next_and_the_newest_image_is_segmented(
    ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that hangs on moving joints: every image waits for its transform, which comes later."""
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        said = made.collect("segments")
        busy, go_on = threading.Event(), threading.Event()
        segment = made.node.segmenter.segment

        def slowly(frame: RgbdFrame) -> Perceived:
            busy.set()
            assert go_on.wait(30.0)
            return segment(frame)

        made.node.segmenter = SimpleNamespace(segment=slowly)
        made.send("tf", at(camera(), 10.0))
        for stamp in (10.0, 10.1, 10.2, 10.3, 10.4, 10.5):
            publish(made, stamp)
            assert wait_for(busy.is_set)
        time.sleep(0.5)  # all of it has come
        go_on.set()
        assert wait_for(lambda: len(said) == 2)
        time.sleep(0.3)
    assert [convert.stamp_of(message.header.stamp) for message in said] == [10_000_000_000, 10_500_000_000]


def at(message: TFMessage, stamp: float) -> TFMessage:
    for item in message.transforms:
        item.header.stamp = convert.time_of(round(stamp * SECOND))
    return message


def publish(made: Rig, stamp: float) -> None:
    """An image and, after it, the transform of its time, which nobody waits for."""
    colour, at_once = FRAME.colour.copy(), round(stamp * SECOND)
    colour[0, 0] = int(stamp * 10) % 256
    images = (image_msg(colour, "rgb8", at_once), image_msg(depth_image(FRAME.depth), "16UC1", at_once))
    for name, message in zip(table.CAMERA, (*images, info_msg(FRAME.intrinsics, at_once)), strict=True):
        made.outlet(name).publish(message)
    made.outlet("tf").publish(at(camera(), stamp))
