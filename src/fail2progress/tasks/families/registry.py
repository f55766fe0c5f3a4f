"""Families by name: those of this package and those that others bring (entry points `fail2progress.families`)."""

from __future__ import annotations

from fail2progress.core.registry import Registry, instance_of
from fail2progress.tasks.families import contact, containers, drawers, falling
from fail2progress.tasks.families.base import Family

FAMILIES: Registry[Family] = Registry("family", "fail2progress.families", form=instance_of(Family))

for _module in (containers, contact, drawers, falling):
    for _family in _module.FAMILIES:
        FAMILIES.register(_family.name, _family)
