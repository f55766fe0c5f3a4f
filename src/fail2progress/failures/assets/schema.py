"""The five signals of "Capturing failure as a first-class artifact" ("The schema"), measured on rebuilt assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Literal[1] = 1
SIGNALS = (
    "geometry_mismatch_mm",
    "joint_clearance_fail",
    "contact_equilibrium_fail",
    "reachability_fail",
    "grasp_instability",
)
"""In the order in which they are measured and corrected."""


@dataclass(frozen=True)
class Thresholds:
    """Every number of the measurements, with its source where it has one."""

    geometry: float = 0.005
    """Metres of mismatch from which geometry fails; or 3 sigma of the points + 3 mm, whichever is larger."""
    penetration: float = 0.001
    """Metres that two bodies may lie in each other: 25 times what MuJoCo's contacts give way under these objects."""
    moved: float = 0.005
    """Metres that anything may move within a second after it was put there."""
    tilted: float = 0.0873
    """Radians (5 degrees) that it may tilt meanwhile."""
    near: float = 0.002
    """Metres below a thing within which its support must lie."""
    travel: float = 0.8
    """Share of the commanded travel that a drawer must go."""
    hold: float = 0.8
    """Share of perturbed grasps that must hold."""

    def geometry_limit(self, noise: float) -> float:
        """Metres, for points with a standard deviation (m)."""
        return max(self.geometry, 3 * noise + 0.003)


DEFAULT = Thresholds()


class FailureSignals(BaseModel):
    """The document's five fields of one asset."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    schema_version: Literal[1] = SCHEMA_VERSION
    asset: str
    geometry_mismatch_mm: float = 0.0
    """Signed: positive where the asset is too small or missing, negative where it stands in front of what was seen."""
    joint_clearance_fail: bool = False
    contact_equilibrium_fail: bool = False
    reachability_fail: bool = False
    grasp_instability: bool = False

    def failing(self, limit: float = DEFAULT.geometry) -> tuple[str, ...]:
        """Names of the signals that fail, geometry from `limit` (m) on (`Thresholds.geometry_limit`)."""
        flags = [name for name in SIGNALS[1:] if getattr(self, name)]
        return (*(SIGNALS[:1] if abs(self.geometry_mismatch_mm) > 1e3 * limit else ()), *flags)

    def text(self, limit: float = DEFAULT.geometry) -> str:
        """For people: the mismatch, and the names of what fails."""
        return ", ".join((f"{self.asset}: geometry {self.geometry_mismatch_mm:+.1f} mm", *self.failing(limit)))

    __str__ = text


class Reading(BaseModel):
    """One measurement of one asset: its value, whether it fails, and in words."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    signal: str
    asset: str
    value: float
    """How far it is from being well: mm for geometry (signed), joint, contact and reach; the share that lets go for grasps."""
    fails: bool
    evidence: str

    @property
    def size(self) -> float:
        """How bad it is, for comparing two readings of one signal."""
        return abs(self.value)


def signals_of(readings: tuple[Reading, ...]) -> tuple[FailureSignals, ...]:
    """The typed rows, one an asset, in the order of the readings."""
    rows: dict[str, dict[str, float | bool]] = {}
    for reading in readings:
        row = rows.setdefault(reading.asset, {})
        row[reading.signal] = reading.value if reading.signal == SIGNALS[0] else reading.fails
    return tuple(FailureSignals.model_validate({"asset": asset, **row}) for asset, row in rows.items())
