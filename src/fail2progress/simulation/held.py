"""What fingers hold, and when it slips out: the simulated grasps are welds, which would hold anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fail2progress.core.scene import Array

GRAVITY = 9.81
RESERVE = 5.0
"""Times the expected weight that the fingers hold: more than what the fastest start of a carry asks for."""
CREEP = 0.03
"""Metres per second at which something creeps through fingers that hold half of what they ought to."""
FINGERS = 0.02
"""Metres after which something that creeps has left the fingers."""


@dataclass
class Held:
    """What fingers hold by friction: they press so that RESERVE times the weight that they expect stays; beyond that it creeps.

    grip: what they hold as a share of that, for what the thing truly weighs.
    """

    grip: float = 1.0
    slid: float = 0.0
    """Metres that it has crept through the fingers."""
    _last: tuple[Array, ...] = ()
    _since: float | None = None

    def lost(self, position: Array, period: float) -> bool:
        """Whether it has crept out, the hand being at a (3,) position a period (s) after the last one."""
        self._last = (*self._last[-2:], position.copy())
        if len(self._last) < 3:
            return False
        first, second, third = self._last
        pull = (third - 2 * second + first) / period**2 + [0.0, 0.0, GRAVITY]
        overload = float(np.linalg.norm(pull)) / GRAVITY / (RESERVE * self.grip) - 1.0
        self.slid += CREEP * max(overload, 0.0) * period
        return self.slid > FINGERS

    def after(self, now: float) -> bool:
        """The same for a hand that moves slowly, which weight alone pulls at, at a time (s)."""
        elapsed, self._since = (0.0 if self._since is None else now - self._since), now
        self.slid += CREEP * max(1.0 / (RESERVE * self.grip) - 1.0, 0.0) * elapsed
        return self.slid > FINGERS
