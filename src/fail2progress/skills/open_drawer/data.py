"""How far a drawer is opened in data for pre-training."""

from __future__ import annotations

from fail2progress.skills.drawer_data import data_sampler
from fail2progress.skills.drawers import OUTWARD
from fail2progress.skills.open_drawer.definition import SKILL

DATA = data_sampler(SKILL.name, OUTWARD)
