"""A hand in physics without an arm, for which skills have programs (`skills.programs`)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import mujoco
import numpy as np

from fail2progress.core.scene import Array, Scene, turned
from fail2progress.simulation.base import Disturbances
from fail2progress.simulation.held import MOMENT, TRAILING, Held
from fail2progress.simulation.knock import knocked
from fail2progress.simulation.mujoco.bodies import TIMESTEP, knock, read_scene
from fail2progress.simulation.mujoco.rays import Bodies
from fail2progress.simulation.rest import PAUSE
from fail2progress.skills.limits import STRETCH_RE2, Limits

_CHUNK = 2
"""Steps between two set-points of the hand."""
_ARRIVING = 10
"""Set-points before the end of a way at which a hand arrives: several times the time in which what it holds follows it."""
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
    adjustments: Mapping[str, float] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    _held: Held = field(default_factory=Held)

    def step(self, steps: int) -> None:
        """Advance physics."""
        start = time.perf_counter()
        mujoco.mj_step(self.bodies.model, self.bodies.data, nstep=steps)
        self.stepping += time.perf_counter() - start

    def settle(self, at_most: float = 1.6, every: int = 25, times: int = 1) -> Array | None:
        """Step until everything rests, so many times in a row when looked at every so many steps, at most so many seconds.

        Where not everything does in that time: (N, 7) poses a PAUSE before its end.
        """
        calm, speeds, earlier = 0, self.bodies.data.qvel, self.scene.poses
        looks, pause = (round(seconds / (every * TIMESTEP)) for seconds in (at_most, PAUSE))
        for look in range(looks):
            if look == looks - pause:
                earlier = read_scene(self.bodies, self.scene).poses
            self.step(every)
            calm = calm + 1 if not speeds.size or np.abs(speeds).max() < _REST_SPEED else 0
            if calm == times:
                return None
        return earlier

    @property
    def period(self) -> float:
        """See Hand."""
        return _CHUNK * TIMESTEP

    def advance(self) -> None:
        """See Hand."""
        self.step(_CHUNK)

    def adjusted(self, name: str) -> float:
        """See Hand."""
        return self.disturbances.adjusted(self.adjustments, name)

    def body(self, name: str) -> tuple[Array, Array]:
        """See Hand."""
        body = self.bodies.data.body(name)
        return body.xpos.copy(), body.xquat.copy()

    def grasp(self, position: Array, quaternion: Array) -> None:
        """See Hand: a weld does what a closed gripper does."""
        data = self.bodies.data
        data.mocap_pos[0], data.mocap_quat[0] = position, quaternion
        data.eq_active[0] = 1
        self._held = Held(self.disturbances.friction * (1.0 + self.adjusted("grip")) / self.disturbances.weight)

    def release(self) -> None:
        """See Hand."""
        self.bodies.data.eq_active[0] = 0

    def follow(self, positions: Array, quaternion: Array, turns: Array, arrivals: Sequence[int] = ()) -> None:
        """See Hand. What is held slips out where the fingers do not hold it, or where it is kept back; the hand goes on."""
        holds = bool(self.bodies.data.eq_active[0])
        lost = self._held.lost(positions, self.period) if holds else None
        orientations, end = turned(quaternion, turns), len(positions) if lost is None else lost
        flying = _flying(end, arrivals) if holds else [False] * end
        self._track(positions[:end], orientations[:end], flying)
        if lost is not None:
            self.release()
            self._track(positions[end:], orientations[end:], [False] * (len(positions) - end))

    def _track(self, positions: Array, orientations: Array, flying: list[bool]) -> None:
        """Step along set-points; the loop that most executions spend their time in.

        What flies free on its hand, everything else asleep, does so in one step a period, or in one for two where it flies level,
        which is above all that is in the way. The last of the way, where it may touch something, takes two a period, so that
        it arrives as it would have. flying: whether a set-point is none of those.
        What is held and meets what does not give way is not drawn through it, but left behind.
        """
        model, data, step, clock, spent = self.bodies.model, self.bodies.data, mujoco.mj_step, time.perf_counter, 0.0
        place, orientation, options = data.mocap_pos[0], data.mocap_quat[0], model.opt
        count, height, k, late = len(positions), positions[:, 2].tolist(), 0, 0
        held = data.xpos[model.eq_obj2id[0]] if data.eq_active[0] else place
        while k < count:
            periods, steps = 1, _CHUNK
            if flying[k] and data.ncon == 0 and data.ntree_awake == 1:
                periods, steps = 1 + (height[k] == height[k + 1]), 1
            k += periods
            place[:], orientation[:] = positions[k - 1], orientations[k - 1]
            options.timestep = periods * _CHUNK * TIMESTEP / steps
            begin = clock()
            step(model, data, steps)
            spent += clock() - begin
            late = late + 1 if steps == _CHUNK and math.dist(held, place) > TRAILING else 0
            if late > MOMENT:
                self.release()
                held, late, flying = place, 0, [False] * count
        options.timestep = TIMESTEP
        self.stepping += spent

    def press(self, forward: float, up: float = 0.0) -> None:
        """See Hand."""
        control = self.bodies.data.ctrl
        control[0] = forward
        control[1:2] = up

    def bump(self, name: str) -> None:
        """Somebody knocks an object, or another one."""
        found = knocked(self.scene, name, self.rng)
        if found is not None:
            knock(self.bodies, *found)

    def opening(self, drawer: str) -> tuple[float, float]:
        """See Hand."""
        joint = self.bodies.data.joint(drawer)
        return float(joint.qpos[0]), float(joint.qvel[0])

    def rails(self, drawer: str) -> Array:
        """See Hand."""
        return np.asarray(-self.bodies.data.body(drawer).xmat.reshape(3, 3)[:, 0])

    def pull(self, drawer: str, force: float) -> None:
        """See Hand."""
        self.bodies.data.joint(drawer).qfrc_applied[0] = force


def _flying(count: int, arrivals: Sequence[int]) -> list[bool]:
    """Of so many set-points, those after which more than _ARRIVING are left until the hand has stopped."""
    result, begin = np.zeros(count, bool), 0
    for end in (*(arrival for arrival in arrivals if arrival < count), count):
        result[begin : max(end - _ARRIVING, begin)] = True
        begin = end
    return result.tolist()
