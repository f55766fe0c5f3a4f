"""Parameters of nodes: how they are declared."""

from __future__ import annotations

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from fail2progress.ros import graph as table


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
