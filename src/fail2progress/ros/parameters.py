"""Parameters of nodes: how they are declared, and which nobody has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from fail2progress.ros import graph as table
from fail2progress.ros.parameter_file import ANYBODYS


def misspelt(given: Iterable[str]) -> str | None:
    """A parameter that no node of the stack has; files may hold those of other nodes under a wildcard."""
    known = {parameter.name for entry in table.NODES.values() for parameter in table.parameters(entry)}
    for name in given:
        if name not in known and name.partition(".")[0] not in ANYBODYS:
            near = difflib.get_close_matches(name, known, 1)
            return f"unknown parameter {name!r}" + (f"; do you mean {near[0]!r}?" if near else "")
    return None


def descriptor(parameter: table.Parameter) -> ParameterDescriptor:
    """How a parameter of the table is declared."""
    made = ParameterDescriptor(description=parameter.description)
    if parameter.low is not None and parameter.high is not None:
        if isinstance(parameter.default, float):
            made.floating_point_range = [FloatingPointRange(from_value=parameter.low, to_value=parameter.high)]
        else:
            made.integer_range = [IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high), step=1)]
    if parameter.choices:
        made.additional_constraints = "one of " + ", ".join(parameter.choices)
    return made
