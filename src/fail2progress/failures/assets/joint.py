"""joint_clearance_fail: drawers without a cabinet, wrongly open, or jammed; answered by cabinet, opening, or more play."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fail2progress.core.objects import ObjectSpec, Shape
from fail2progress.core.scene import Array, Scene, yaw_of
from fail2progress.failures.assets.case import Case, solid_of
from fail2progress.failures.assets.schema import DEFAULT, Reading, Thresholds
from fail2progress.simulation.materials import DRAWER_TRAVEL
from fail2progress.simulation.mujoco.inspection import openings_outside, sweep
from fail2progress.simulation.reconstruction.furniture import RECESS, cabinet_of, drawer_in, opened_towards

_FLOOR, _MORE, _MOST = 0.0005, 0.0003, 0.003
"""Metres: the clearance that an edit starts from at least, what it adds, and the most that it leaves."""


@dataclass(frozen=True)
class Joint:
    """See the module."""

    thresholds: Thresholds = DEFAULT
    name: str = "joint_clearance_fail"

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for every drawer."""
        return tuple(self._reading(case, spec) for spec in case.scene.objects if spec.is_drawer)

    def _reading(self, case: Case, spec: ObjectSpec) -> Reading:
        value, text = self._trouble(case, spec)
        return Reading(signal=self.name, asset=spec.name, value=1e3 * value, fails=value > 0, evidence=f"{spec.name}: {text}")

    def _trouble(self, case: Case, spec: ObjectSpec) -> tuple[float, str]:
        """How far from being well (m), and why."""
        scene, rule = case.scene, self.thresholds
        if spec.inside_of is None or spec.inside_of not in scene.names:
            return spec.size[0], "no cabinet that it slides in"
        outside = openings_outside(scene).get(spec.name)
        off = abs(_opening_by_fronts(scene, spec) - scene.openings.get(spec.name, 0.0))
        if outside is not None:
            return abs(outside), f"pulled out by {outside:.3f} m, which its length does not allow"
        if off > rule.geometry:
            return off, f"pulled out by {1e3 * off:.1f} mm more or less than its front shows"
        tight = -clearance(scene, spec)
        if tight > rule.penetration:
            return tight, f"{1e3 * tight:.1f} mm in the walls of {spec.inside_of}"
        moved = sweep(scene, spec.name)
        if moved.depth > rule.penetration and moved.against != spec.inside_of:
            return moved.depth, f"its way leads {1e3 * moved.depth:.1f} mm into {moved.against}"
        if moved.travel < rule.travel * moved.wanted:
            return moved.wanted - moved.travel, f"goes {moved.travel:.3f} m where {moved.wanted:.3f} m were wanted"
        return 0.0, "slides"

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """Give the drawer its cabinet and its opening; if it has them, more play on every side."""
        spec = case.scene.objects[case.scene.index(reading.asset)]
        if spec.inside_of is None or spec.inside_of not in case.scene.names:
            return _in_cabinet(case, spec)
        if _misplaced(case.scene, spec, self.thresholds):
            return _opened(case, spec)
        return _with_play(case, spec)


def _misplaced(scene: Scene, spec: ObjectSpec, rule: Thresholds) -> bool:
    off = abs(_opening_by_fronts(scene, spec) - scene.openings.get(spec.name, 0.0))
    return bool(openings_outside(scene).get(spec.name) is not None or off > rule.geometry)


def _opening_by_fronts(scene: Scene, spec: ObjectSpec) -> float:
    """Metres from the cabinet's front to the drawer's, along the way it opens."""
    drawer, cabinet = scene.index(spec.name), scene.index(str(spec.inside_of))
    yaw = yaw_of(scene.poses[cabinet])
    along = (scene.poses[drawer, :2] - scene.poses[cabinet, :2]) @ np.array([np.cos(yaw), np.sin(yaw)])
    front = float(along) - spec.size[0] / 2
    return max(0.0, -scene.objects[cabinet].size[0] / 2 + RECESS - front)


def clearance(scene: Scene, spec: ObjectSpec) -> float:
    """Smallest play (m) between a drawer and its cabinet, to the sides, below and above; negative if they overlap."""
    drawer, cabinet = scene.index(spec.name), scene.index(str(spec.inside_of))
    box, wall = scene.objects[cabinet], scene.objects[cabinet].kind.wall
    offset = _in_frame(scene.poses[drawer, :3], scene.poses[cabinet])
    room = np.array(box.size[1:]) / 2 - wall - np.abs(offset[1:]) - np.array(spec.size[1:]) / 2
    return float(room.min())


def _in_frame(point: Array, pose: Array) -> Array:
    yaw = yaw_of(pose)
    c, s = np.cos(yaw), np.sin(yaw)
    return np.asarray(np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ (point - pose[:3]))


def _in_cabinet(case: Case, spec: ObjectSpec) -> Case | None:
    """The cabinet in whose frame the drawer's points lie, with the drawer rebuilt in it."""
    points, scene = case.points(spec.name), case.scene
    cabinets = {i: solid_of(scene, i) for i, other in enumerate(scene.objects) if other.kind.shape is Shape.SHELF}
    j = cabinet_of(points, cabinets) if points is not None else None
    if j is None or points is None:
        return None
    cabinet = opened_towards(cabinets[j], points)
    solid, opening = drawer_in(cabinet, spec.category, points)
    turned = case.with_asset(scene.names[j], cabinet.spec(scene.names[j]), cabinet.pose)
    placed = turned.with_asset(spec.name, solid.spec(spec.name, scene.names[j]), solid.pose)
    return replace(placed, scene=placed.scene.with_poses(placed.scene.poses, {**scene.openings, spec.name: opening}))


def _opened(case: Case, spec: ObjectSpec) -> Case:
    opening = min(_opening_by_fronts(case.scene, spec), DRAWER_TRAVEL * spec.size[0])
    return replace(case, scene=case.scene.with_poses(case.scene.poses, {**case.scene.openings, spec.name: opening}))


def _with_play(case: Case, spec: ObjectSpec) -> Case:
    """The drawer within its cabinet with a clearance of max(c, 0.5 mm) + 0.3 mm, at most 3 mm, on every side."""
    scene, j = case.scene, case.scene.index(str(spec.inside_of))
    play = min(max(clearance(scene, spec), _FLOOR) + _MORE, _MOST)
    box, wall = scene.objects[j], scene.objects[j].kind.wall
    width, height = (min(extent, whole - 2 * (wall + play)) for extent, whole in zip(spec.size[1:], box.size[1:], strict=True))
    offset = _in_frame(scene.position(spec.name), scene.poses[j])
    limit = np.array(box.size[1:]) / 2 - wall - play - np.array([width, height]) / 2
    wanted = np.array([offset[0], *np.clip(offset[1:], -limit, limit)])
    yaw = yaw_of(scene.poses[j])
    c, s = np.cos(yaw), np.sin(yaw)
    place = scene.poses[scene.index(spec.name)].copy()
    place[:3] = scene.poses[j, :3] + np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ wanted
    return case.with_asset(spec.name, replace(spec, size=(spec.size[0], max(width, 0.01), max(height, 0.01))), place)
