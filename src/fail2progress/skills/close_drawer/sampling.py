"""How far a drawer is closed, in plans and in data."""

from __future__ import annotations

from fail2progress.skills.close_drawer.definition import SKILL
from fail2progress.skills.drawer_sampling import data_sampler, planner_sampler

# It ends at the cabinet: too far does no harm, too short leaves it open.
PLANNER = planner_sampler(0.0, (0.10, 0.30))
DATA = data_sampler(SKILL.name, 0.0)
