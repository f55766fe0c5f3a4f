"""What fingers hold, and when it slips out: the simulated grasps are welds, which would hold anything.

Python 3.8 and numpy alone, for workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fail2progress.core.scene import Array

GRAVITY = 9.81
RESERVE = 5.0
"""Times the expected weight that the fingers hold: more than what the fastest start of a carry asks for."""
CREEP = 0.03
"""Metres per second at which something creeps through fingers that hold half of what they ought to."""
FINGERS = 0.02
"""Metres after which something that creeps has left the fingers."""
TRAILING, MOMENT = 0.04, 6
"""Metres that what is held may trail the hand by, and set-points in a row; beyond both, what does not give way keeps it back. At
the greatest speed it follows within half of that, and within a few set-points after steps that were longer."""


@dataclass
class Held:
    """What fingers hold by friction: they press so that RESERVE times the weight that they expect stays; beyond that it creeps.

    grip: what they hold as a share of that, for what the thing truly weighs.
    """

    grip: float = 1.0
    slid: float = 0.0
    """Metres that it has crept through the fingers."""
    _last: Array = field(default_factory=lambda: np.empty((0, 3)))
    _since: float | None = None

    def lost(self, positions: Array, period: float) -> int | None:
        """At which of (n, 3) positions of the hand, a period (s) apart, it has crept out; None where it is still held."""
        way = np.concatenate([self._last, positions])
        self._last = way[-2:].copy()
        pull = (way[2:] - 2 * way[1:-1] + way[:-2]) / period**2 + [0.0, 0.0, GRAVITY]
        if not len(pull) or 3.0 * np.abs(pull).max() < GRAVITY * RESERVE * self.grip:
            return None  # nothing creeps at any moment, which is how most things are held
        overload = np.linalg.norm(pull, axis=1) / GRAVITY / (RESERVE * self.grip) - 1.0
        slid = self.slid + np.cumsum(CREEP * np.maximum(overload, 0.0) * period)
        self.slid = float(slid[-1])
        gone = np.flatnonzero(slid > FINGERS)
        return int(gone[0]) + len(positions) - len(slid) if len(gone) else None

    def after(self, now: float) -> bool:
        """The same for a hand that moves slowly, which weight alone pulls at, at a time (s)."""
        elapsed, self._since = (0.0 if self._since is None else now - self._since), now
        self.slid += CREEP * max(1.0 / (RESERVE * self.grip) - 1.0, 0.0) * elapsed
        return self.slid > FINGERS
