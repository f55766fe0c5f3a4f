"""A skill with more parameters than any of the package: data and lessons of the others are longer beside it."""

from dataclasses import replace

from fail2progress.skills.definition import Parameter
from fail2progress.skills.pick_place.definition import SKILL

MORE = (Parameter("tilt", "rad", -0.5, 0.5), Parameter("squeeze", "share", 0.0, 1.0))
LONG = replace(SKILL, name="long_place", number=None, parameters=(*SKILL.parameters, *MORE), command=lambda shift: None)
