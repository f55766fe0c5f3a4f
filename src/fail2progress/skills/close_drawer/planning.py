"""How far a drawer is closed in plans."""

from __future__ import annotations

from fail2progress.skills.drawer_planning import planner_sampler

# It ends at the cabinet: too far does no harm, too short leaves it open.
PLANNER = planner_sampler(0.0, (0.10, 0.30))
