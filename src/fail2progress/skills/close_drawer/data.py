"""How far a drawer is closed in data for pre-training."""

from __future__ import annotations

from fail2progress.skills.close_drawer.definition import SKILL
from fail2progress.skills.drawer_data import data_sampler

DATA = data_sampler(SKILL.name, 0.0)
