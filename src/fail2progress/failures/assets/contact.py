"""contact_equilibrium_fail: things that overlap, float or do not stay where they were put; answered by parting or lowering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.failures.assets.case import Case
from fail2progress.failures.assets.schema import DEFAULT, Reading, Thresholds
from fail2progress.simulation.mujoco.inspection import Overlap, Rest, leave_alone

_ROOM = 0.0002
"""Metres that are left between two bodies that were parted."""
_LOWER = 0.01
"""Metres by which something is lowered at most in one edit."""


@dataclass(frozen=True)
class Contact:
    """See the module."""

    thresholds: Thresholds = DEFAULT
    name: str = "contact_equilibrium_fail"

    def readings(self, case: Case) -> tuple[Reading, ...]:
        """One for every asset that can move."""
        rest = leave_alone(case.scene, near=self.thresholds.near)
        return tuple(self._reading(case.scene, rest, i) for i, spec in enumerate(case.scene.objects) if spec.movable)

    def _reading(self, scene: Scene, rest: Rest, i: int) -> Reading:
        rule, name = self.thresholds, scene.names[i]
        own = [overlap for overlap in rest.overlaps if name in (overlap.one, overlap.other) and overlap.depth > rule.penetration]
        said = [f"{1e3 * overlap.depth:.1f} mm in {overlap.other if overlap.one == name else overlap.one}" for overlap in own]
        if rest.shift[i] > rule.moved or rest.tilt[i] > rule.tilted:
            said.append(f"moves {1e3 * rest.shift[i]:.1f} mm and tilts {np.degrees(rest.tilt[i]):.0f} degrees by itself")
        if rest.floating[i]:
            said.append(f"nothing within {1e3 * rule.near:.0f} mm below it")
        depth = max((overlap.depth for overlap in own), default=0.0)
        value = 1e3 * max(depth, float(rest.shift[i]), rule.near if rest.floating[i] else 0.0)
        text = f"{name}: " + ("; ".join(said) if said else "rests")
        return Reading(signal=self.name, asset=name, value=value, fails=bool(said), evidence=text)

    def edit(self, case: Case, reading: Reading) -> Case | None:
        """Move the asset out of what it overlaps along the contact's normal, or down to what it stands on."""
        rest = leave_alone(case.scene, seconds=0.0, near=self.thresholds.near)
        mine = [overlap for overlap in rest.overlaps if reading.asset in (overlap.one, overlap.other)]
        mine = [overlap for overlap in mine if overlap.depth > self.thresholds.penetration / 2]
        if mine:
            return case.moved(*_parted(case.scene, mine[0]))
        if rest.floating[case.scene.index(reading.asset)]:
            return case.moved(reading.asset, np.array([0.0, 0.0, -_gap(case.scene, reading.asset)]))
        return None


def _parted(scene: Scene, overlap: Overlap) -> tuple[str, Array]:
    """Which of two bodies leaves the other, and by what (3,) metres: the smaller of those that can move."""
    one, other = (scene.objects[scene.index(name)] for name in (overlap.one, overlap.other))
    leaves_other = other.movable and (not one.movable or np.prod(other.size) <= np.prod(one.size))
    way = overlap.normal if leaves_other else -overlap.normal
    return (overlap.other if leaves_other else overlap.one), (overlap.depth + _ROOM) * way


def _gap(scene: Scene, name: str) -> float:
    """Metres to the highest surface below an object's middle, at most one edit's."""
    i, bounds = scene.index(name), scene.bounds()
    centre = scene.poses[i, :2]
    under = np.asarray(((bounds[:, 0, :2] < centre) & (bounds[:, 1, :2] > centre)).all(axis=1))
    under[i] = False
    tops = [_surface(scene, j, float(bounds[i, 0, 2])) for j in np.flatnonzero(under).tolist()]
    below = [top for top in tops if top <= bounds[i, 0, 2] + 1e-6]
    return float(np.clip(bounds[i, 0, 2] - max(below, default=0.0), 0.0, _LOWER))


def _surface(scene: Scene, j: int, height: float) -> float:
    """Height (m) of what an object offers to stand on below a height: its floor if that is a container's, else its top."""
    low, high = scene.bounds()[j, :, 2]
    kind = scene.objects[j].kind
    return float(low + kind.wall) if kind.container and height < high else float(high)
