"""How each skill moves the hand in physics: pick-and-place, push, open and close drawer (paper A.10).

A controller is a function of the running simulation; they are looked up by skill name. All speeds keep below the robot's limit.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import mujoco
import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.mujoco.bodies import PUSHER, TIMESTEP
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.skills.base import SkillCall
from fail2progress.skills.feasibility import STRETCH_RE2, Limits

CLEARANCE = 0.04
"""Metres between what is carried and the highest thing on its way."""
_CHUNK = 2
"""Steps between two set-points of the hand."""
_REST_SPEED = 0.01
"""Below this generalised speed (m/s, rad/s) things are at rest."""


@dataclass
class Running:
    """A simulation under way: the compiled bodies, the scene as it was, and the seconds spent inside MuJoCo."""

    bodies: Bodies
    scene: Scene
    limits: Limits = STRETCH_RE2
    stepping: float = 0.0
    disturbances: Disturbances = field(default_factory=Disturbances)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def step(self, steps: int) -> None:
        """Advance physics."""
        start = time.perf_counter()
        mujoco.mj_step(self.bodies.model, self.bodies.data, nstep=steps)
        self.stepping += time.perf_counter() - start

    def settle(self, at_most: float = 1.6) -> bool:
        """Step until everything rests, at most so many seconds; whether it does."""
        for _ in range(int(at_most / (25 * TIMESTEP))):
            self.step(25)
            if np.abs(self.bodies.data.qvel).max(initial=0.0) < _REST_SPEED:
                return True
        return False


Controller = Callable[[Running, SkillCall], None]


def pick_place(run: Running, call: SkillCall) -> None:
    """Weld, lift, over, lower, let go. The weld is what a closed gripper does; a miss closes beside the object."""
    data = run.bodies.data
    index = run.scene.index(call.object)
    body = data.body(call.object)
    start, quat = body.xpos.copy(), body.xquat.copy()
    if run.rng.random() < run.disturbances.grasp_miss:
        return
    data.mocap_pos[0], data.mocap_quat[0] = start, quat
    data.eq_active[0] = 1
    goal = start + np.array(call.parameters[:3])
    top = max(start[2], goal[2]) + CLEARANCE
    top = max(top, _highest(run, index, start, goal) + CLEARANCE + run.scene.sizes[index, 2] / 2)
    way = [start, np.array([*start[:2], top]), np.array([*goal[:2], top]), goal]
    _carry(run, way, quat, call.parameters[3])
    data.eq_active[0] = 0


def _highest(run: Running, index: int, start: Array, goal: Array) -> float:
    """Top (m) of everything under the straight way between two points, what is carried and contained left out."""
    bounds = run.scene.bounds()
    low, high = np.minimum(start, goal)[:2] - 0.12, np.maximum(start, goal)[:2] + 0.12
    near = ((bounds[:, 0, :2] < high) & (bounds[:, 1, :2] > low)).all(axis=1)
    contained = (bounds[:, 0] >= bounds[index, 0] - 0.002).all(axis=1) & (bounds[:, 1] <= bounds[index, 1] + 0.05).all(axis=1)
    return float(bounds[near & ~contained, 1, 2].max(initial=0.0))


def _carry(run: Running, way: list[Array], quat: Array, turn: float) -> None:
    """Move the hand along straight pieces with smooth starts and stops; the turn happens on the way over."""
    slip_at = run.rng.random() if run.rng.random() < run.disturbances.grasp_slip else None
    hand, hand_quat = run.bodies.data.mocap_pos[0], run.bodies.data.mocap_quat[0]
    for leg, (begin, end) in enumerate(itertools.pairwise(way)):
        progress = _smooth(float(np.linalg.norm(end - begin)), run.limits.speed, turn if leg == 1 else 0.0)
        for share, position in zip(progress, begin + progress[:, None] * (end - begin), strict=True):
            hand[:] = position
            if turn and leg == 1:
                hand_quat[:] = _turned(quat, turn * share)
            run.step(_CHUNK)
            if slip_at is not None and leg == 1 and share > slip_at:
                run.bodies.data.eq_active[0] = 0
                return


def _smooth(length: float, speed: float, turn: float) -> Array:
    """Shares of the way at each set-point: minimum jerk, whose peak speed is 1.875 times its mean."""
    duration = max(1.875 * length / speed, abs(turn) / 1.5, 0.05)
    t = np.linspace(0.0, 1.0, max(int(duration / (_CHUNK * TIMESTEP)), 2))
    return np.asarray(t**3 * (10 - 15 * t + 6 * t**2))


def _turned(quat: Array, yaw: float) -> Array:
    """A quaternion (w, x, y, z) turned about the vertical."""
    result = np.empty(4)
    mujoco.mju_mulQuat(result, np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]), quat)
    return result


def push_start(scene: Scene, call: SkillCall) -> tuple[Array, float]:
    """Where the closed gripper starts: behind the object as seen along the push, near its foot; and its yaw."""
    yaw = call.parameters[0]
    forward = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    index = scene.index(call.object)
    low, high = scene.bounds()[index]
    reach = float(np.abs(forward[:2]) @ (high - low)[:2]) / 2 + PUSHER[0] + 0.01
    start = scene.poses[index, :3] - reach * forward
    start[2] = low[2] + max(min(0.4 * (high - low)[2], 0.05), PUSHER[2] + 0.004)
    return start, yaw


def push(run: Running, call: SkillCall) -> None:
    """Drive the closed gripper forward by the gap plus the distance, then back."""
    data = run.bodies.data
    distance = call.parameters[1] + 0.01
    for share in _smooth(distance, 0.4 * run.limits.speed, 0.0):
        data.ctrl[0] = distance * share
        run.step(_CHUNK)
    for share in _smooth(0.05, 0.4 * run.limits.speed, 0.0):
        data.ctrl[0] = distance - 0.05 * share
        run.step(_CHUNK)


def slide_drawer(run: Running, call: SkillCall) -> None:
    """Move the handle by distance along direction; the drawer follows the part of it that lies along its rails."""
    data = run.bodies.data
    joint = data.joint(call.object)
    axis = -data.body(call.object).xmat.reshape(3, 3)[:, 0]
    forward = np.array([np.cos(call.parameters[0]), np.sin(call.parameters[0]), 0.0])
    travel = call.parameters[1] * float(forward @ axis)
    begin = float(joint.qpos[0])
    for share in _smooth(abs(travel), 0.5 * run.limits.speed, 0.0):
        error = begin + travel * share - joint.qpos[0]
        joint.qfrc_applied[0] = np.clip(600.0 * error - 30.0 * joint.qvel[0], -25.0, 25.0)
        run.step(_CHUNK)
    joint.qfrc_applied[0] = 0.0


CONTROLLERS: dict[str, Controller] = {
    "pick_place": pick_place,
    "push": push,
    "open_drawer": slide_drawer,
    "close_drawer": slide_drawer,
}
