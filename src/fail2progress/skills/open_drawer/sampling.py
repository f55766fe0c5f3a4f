"""How far a drawer is opened, in plans and in data."""

from __future__ import annotations

from fail2progress.skills.drawer_sampling import data_sampler, planner_sampler
from fail2progress.skills.drawers import OUTWARD
from fail2progress.skills.open_drawer.definition import SKILL

# Far enough to put things in, the middle of the range about half of a drawer.
PLANNER = planner_sampler(OUTWARD, (0.06, 0.24))
DATA = data_sampler(SKILL.name, OUTWARD)
