"""How far a drawer is opened in plans."""

from __future__ import annotations

from fail2progress.skills.drawer_planning import planner_sampler
from fail2progress.skills.drawers import OUTWARD

# Far enough to put things in, the middle of the range about half of a drawer.
PLANNER = planner_sampler(OUTWARD, (0.06, 0.24))
