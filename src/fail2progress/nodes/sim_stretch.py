"""sim_stretch: a simulated Stretch that others cannot tell from the real one by its topics."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from fail2progress_msgs.msg import LabelNames

from fail2progress.nodes.convert import header, time_of
from fail2progress.nodes.images import OPTICAL_FRAME, depth_image, image_msg, info_msg
from fail2progress.nodes.robot import RobotNode
from fail2progress.nodes.table import CAMERA, LABELS
from fail2progress.robots.simulated import SimulatedRobot
from fail2progress.robots.simulated_stretch import SimulatedStretch
from fail2progress.sim.mujoco_backend import MujocoSimulator
from fail2progress.sim.tasks import Trial, task
from fail2progress.skills.base import SkillCall
from fail2progress.world.rgbd import RgbdFrame
from fail2progress.world.scene import Scene

JOINT_PERIOD = 1 / 15
MOVING_PERIOD = 0.5
"""Wall seconds between two images of a moving robot: each costs as much as a good part of the skill."""


class Node(RobotNode):
    """The world outlives the process: where everything is stands in a file, as a real table would stay where it is."""

    def start(self) -> None:
        """See StackNode. ValueError where there is no such trial."""
        trial = task(str(self.param("task"))).trial(int(self.param("objects")), int(self.param("seed")))
        self.world = World(self.state_dir / "world.json", trial)
        scene = self.world.load()
        if self.param("robot") == "hand":
            self.robot: Any = SimulatedRobot(MujocoSimulator(), scene, seed=trial.seed)
        else:
            self.robot = SimulatedStretch(scene, seed=trial.seed)
        self.robot.progress = self._progress
        self.sending = threading.Lock()
        self.images: list[tuple[str, Any]] = []
        self.told = {"joints": 0.0, "images": 0.0}
        self.offer()
        self._photograph(self.robot.frame())
        self.create_timer(1.0 / float(self.param("rate")), self._still, callback_group=self.alone)

    def perform(self, call: SkillCall) -> None:
        """See RobotNode."""
        self.begun, self.begun_at = time.monotonic(), self.robot.now
        try:
            self.robot.execute(call)
        finally:
            self.world.save(self.robot.scene)
            self._photograph(self.robot.frame())

    def halt(self) -> None:
        """See RobotNode."""
        self.robot.stop()

    def _progress(self, share: float, phase: str) -> None:
        """The robot moves: joints, and now and then an image; slower than the computer where a pace is asked for."""
        if self.goal is None:
            return
        now = time.monotonic()
        if now - self.told["joints"] > JOINT_PERIOD:
            self.told["joints"] = now
            self._tell_state()
            self.feed_back(share, phase)
        if now - self.told["images"] > MOVING_PERIOD:
            self.told["images"] = now
            self._photograph(self.robot.frame())
            self._send()
        pace = float(self.param("pace"))
        if pace > 0:
            ahead = (self.robot.now - self.begun_at) / pace - (now - self.begun)
            time.sleep(min(max(ahead, 0.0), 0.2))

    def _still(self) -> None:
        """Nothing moves: the last image again, with a new time."""
        if self.active and not self.moving.locked():
            self._tell_state()
            self._send()

    def _tell_state(self) -> None:
        self.tell_joints(self.robot.joints())
        self.tell_transforms(self.robot.transforms())

    def _photograph(self, frame: RgbdFrame) -> None:
        """An image as the messages that a RealSense driver sends, and what a detector would say of it."""
        assert frame.labels is not None
        colour, depth, info = CAMERA
        names = LabelNames(names=list(frame.labels.names), categories=list(frame.labels.categories))
        made: list[tuple[str, Any]] = [
            (colour, image_msg(frame.colour, "rgb8", 0.0)),
            (depth, image_msg(depth_image(frame.depth), "16UC1", 0.0)),
            (info, info_msg(frame.intrinsics, 0.0)),
            (LABELS[0], image_msg(frame.labels.image, "16UC1", 0.0)),
        ]
        names.header = header(0.0, OPTICAL_FRAME)
        with self.sending:
            self.images = made
            self.tell(LABELS[1], names)

    def _send(self) -> None:
        with self.sending:
            stamp = time_of(self.now())
            for name, message in self.images:
                message.header.stamp = stamp
                self.tell(name, message)


class World:
    """Where everything is, in a file that is replaced as a whole."""

    def __init__(self, path: Path, trial: Trial) -> None:
        self.path, self.trial = path, trial
        self.key = [trial.task, trial.objects, trial.seed]

    def load(self) -> Scene:
        """As it was left, or the trial's start where another trial was left or none."""
        try:
            left = json.loads(self.path.read_text())
            if left["trial"] != self.key:
                return self.trial.scene
            return self.trial.scene.with_poses(np.array(left["poses"], float), left["openings"])
        except FileNotFoundError:
            return self.trial.scene
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.path}: not a saved world ({error}); remove it to start the trial anew") from error

    def save(self, scene: Scene) -> None:
        """Keep where everything is now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        unfinished.write_text(json.dumps({"trial": self.key, "poses": scene.poses.tolist(), "openings": dict(scene.openings)}))
        unfinished.replace(self.path)
