"""sim_stretch: a simulated Stretch that others cannot tell from the real one by its topics."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fail2progress_msgs.msg import ErrorCode, LabelNames
from fail2progress_msgs.srv import SetTrial

from fail2progress.core.files import write_whole
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.core.scene import FRAME, Array, Scene
from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.robots.floating_hand import SimulatedRobot
from fail2progress.robots.stretch.seen import true_name
from fail2progress.robots.stretch.simulated.robot import SimulatedStretch
from fail2progress.ros.clock import ClockSource
from fail2progress.ros.conversions.images import OPTICAL_FRAME, depth_image, image_msg, imu_msg, info_msg
from fail2progress.ros.conversions.values import cloud_of, header, look_msg, time_of
from fail2progress.ros.graph import AFTER, CAMERA, IMU, LABELS
from fail2progress.ros.nodes.robot import RobotNode
from fail2progress.simulation import registry as simulators
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.base import Trial
from fail2progress.tasks.registry import task
from fail2progress.tasks.seeds import first_seed

JOINT_PERIOD = 1 / 15


class SimStretchNode(RobotNode):
    """The world outlives the process: where everything is stands in a file, as a real table would stay where it is."""

    def start(self) -> None:
        """See StackNode. ValueError where there is no such trial."""
        self.clock = ClockSource(self, time.time_ns)
        self.made.callback(self.clock.close)
        self.sending = threading.Lock()
        self.images: list[tuple[str, Any]] = []
        self.placed: list[tuple[str, str, Array]] = []
        """Where everything of the robot was when the images were taken."""
        self.told = {"joints": 0.0, "images": 0.0}
        self.seen: SegmentedCloud | None = None
        self.world = World(self.state_dir / "world.json")
        left = self.world.load()
        named = (str(self.param("task")), int(self.param("objects")), first_seed(int(self.param("seed"))))
        trial = task((left or named)[0]).trial(*(left or named)[1:])
        if left is not None:
            self.get_logger().info(f"the world goes on as it was left: {left[0]}, {left[1]} objects, seed {left[2]}")
        self._place(trial, self.world.scene(trial))
        self.offer()
        self.listen("segments", self.see, when_inactive=True)
        self.serve(SetTrial, "set_trial", self.set_trial, ErrorCode.ROBOT_CANNOT)
        self.create_timer(1.0 / float(self.param("rate")), self._still, callback_group=self.alone)

    def _place(self, trial: Trial, scene: Scene) -> None:
        """A robot before a scene of a trial."""
        if self.param("robot") == "hand":
            robot: Any = SimulatedRobot(simulators.make(str(self.param("simulator"))), scene, seed=trial.seed)
        else:
            robot = SimulatedStretch(scene, seed=trial.seed, simulator=self._stage_of(str(self.param("simulator"))))
        robot.progress = self._progress
        self.robot, self.trial = robot, trial
        self.world.save(trial, robot.scene)
        self.tell_transforms([item for item in robot.transforms() if item[1] == FRAME], "tf_static")
        self._photograph(robot.frame())

    def _stage_of(self, choice: str) -> str:
        """The simulator that a robot with an arm acts in: the chosen one, or the default where it runs whole skills only."""
        entry, _ = simulators.resolve(choice)
        if entry.stage is None:
            self.get_logger().warning(f"{entry.name} runs whole skills only: the robot acts in {simulators.DEFAULT}")
            return simulators.DEFAULT
        return choice

    def set_trial(self, request: Any, response: Any) -> Any:
        """The service: another trial, or the same one from its start."""
        try:
            trial = task(request.task).trial(int(request.objects), int(request.seed))
        except ValueError as error:
            response.error_code, response.error_msg = ErrorCode.ROBOT_BAD_CALL, str(error)
            return response
        if (reason := self.take_up()) is not None:
            response.error_code, response.error_msg = ErrorCode.ROBOT_BUSY, reason
            return response
        try:
            self._place(trial, trial.scene)
            said = f"{trial.reference}, {trial.objects} objects, seed {trial.seed}"
            self.get_logger().warning(f"the world was put into the start of {said}: somebody called set_trial")
        except ValueError as error:
            response.error_code, response.error_msg = ErrorCode.ROBOT_BAD_CALL, str(error)
        finally:
            self.moving.release()
        return response

    def perform(self, call: SkillCall) -> None:
        """See RobotNode."""
        self.begun, self.begun_at = time.monotonic(), self.robot.now
        try:
            self.robot.execute(replace(call, object=self._handled(call.object)))
        finally:
            self.world.save(self.trial, self.robot.scene)
            self._show(self.robot.frame())

    def aim(self, name: str, point: Array) -> None:
        """See RobotNode."""
        if not isinstance(self.robot, SimulatedStretch):
            raise ExecutionError("a free hand has no head to turn: start with robot:=stretch")
        self.begun, self.begun_at = time.monotonic(), self.robot.now
        try:
            self.robot.aim(self.robot.scene.position(self._true(name)) if name else point)
        finally:
            self._photograph(self.robot.frame())
            self._send()

    def see(self, message: Any) -> None:
        """What the stack takes for objects: without the simulator's labels they go by names of their own."""
        self.seen = cloud_of(message)

    def _true(self, name: str) -> str:
        """The simulator's name of what others speak of. ValueError where it is nothing that is there."""
        return true_name(name, self.seen, self.robot.scene)

    def _handled(self, name: str) -> str:
        """The same for a skill. RefusedError where it is nothing that is there."""
        try:
            return self._true(name)
        except ValueError as error:
            raise RefusedError(str(error)) from error

    def _show(self, frame: RgbdFrame) -> None:
        """The skill is over and its looks are taken: as the real robot, it says so and shows what is there."""
        self.tell("looks", look_msg(self.now(), AFTER))
        self._photograph(frame)
        self._send()
        self.tell("looks", look_msg(self.now()))

    def halt(self) -> None:
        """See RobotNode."""
        self.robot.stop()

    def resume(self) -> None:
        """See RobotNode. What is still held is put down first."""
        if hasattr(self.robot, "recover"):
            with self.moving:
                if not self.stopped_anew:
                    self.robot.recover()

    def _progress(self, share: float, phase: str) -> None:
        """The robot moves: joints, and an image from time to time; slower than the computer where a pace is asked for."""
        if self.goal is None:
            if self.stopped_anew:
                self.robot.stop()  # again, as below
            return
        if self.stopped.is_set() or self.lost.is_set() or self.goal.is_cancel_requested or not self.active:
            self.robot.stop()  # again: the robot forgets an earlier stop when a skill begins
        now = time.monotonic()
        if now - self.told["joints"] > JOINT_PERIOD:
            self.told["joints"] = now
            self._tell_state()
            self.feed_back(share, phase)
        if now - self.told["images"] > 1.0 / float(self.param("moving_rate")):
            self.told["images"] = now
            self._photograph(self.robot.frame())
            self._send()
        pace = float(self.param("pace"))
        if pace > 0:
            ahead = (self.robot.now - self.begun_at) / pace - (now - self.begun)
            self.stopped.wait(min(max(ahead, 0.0), 0.2))  # a stop does not wait

    def _still(self) -> None:
        """Nothing moves: the last image again, with a new time."""
        if self.active and not self.moving.locked():
            self._tell_state()
            self._send()

    def _tell_state(self) -> None:
        self.tell_joints(self.robot.joints())
        self.tell_transforms(self._moving_frames())

    def _moving_frames(self) -> list[tuple[str, str, Array]]:
        return [item for item in self.robot.transforms() if item[1] != FRAME]

    def _photograph(self, frame: RgbdFrame) -> None:
        """An image as the messages that a RealSense driver sends, and what a detector would say of it."""
        assert frame.labels is not None and frame.pose is not None
        colour, depth, info = CAMERA
        names = LabelNames(
            header=header(0, OPTICAL_FRAME), names=list(frame.labels.names), categories=list(frame.labels.categories)
        )
        made: list[tuple[str, Any]] = [
            (colour, image_msg(frame.colour, "rgb8", 0)),
            (depth, image_msg(depth_image(frame.depth), "16UC1", 0)),
            (info, info_msg(frame.intrinsics, 0)),
            (LABELS[1], names),
            (LABELS[0], image_msg(frame.labels.image, "16UC1", 0)),
            (IMU, imu_msg(frame.pose[2, :3], 0)),
        ]
        with self.sending:
            self.images, self.placed = made, self._moving_frames()

    def _send(self) -> None:
        with self.sending:
            stamp = time_of(self.now())
            self.tell_transforms(self.placed, stamp=stamp)
            for name, message in self.images:
                message.header.stamp = stamp
                self.tell(name, message)


class World:
    """Which trial it is and where everything is, in a file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left: dict[str, Any] = {}

    def load(self) -> tuple[str, int, int] | None:
        """The trial that was left here, as task, objects and seed; ValueError where the file is damaged."""
        try:
            self.left = json.loads(self.path.read_text())
            name, objects, seed = self.left["trial"]
            return str(name), int(objects), int(seed)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path}: not a saved world ({error}); remove it to start the trial over") from error

    def scene(self, trial: Trial) -> Scene:
        """As it was left, or the trial's start."""
        if not self.left:
            return trial.scene
        try:
            return trial.scene.with_poses(np.array(self.left["poses"], float), self.left["openings"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.path}: not a saved world ({error}); remove it to start the trial over") from error

    def save(self, trial: Trial, scene: Scene) -> None:
        """Keep where everything is now."""
        content = {
            "trial": [trial.reference, trial.objects, trial.seed],
            "poses": scene.poses.tolist(),
            "openings": dict(scene.openings),
        }
        write_whole(self.path, json.dumps(content))
