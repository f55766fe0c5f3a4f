"""Parameters of nodes: how they are declared, and which of them count as soon as they are set."""

from __future__ import annotations

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from fail2progress.ros import graph as table

LIVE = frozenset(
    (
        *("observation_timeout", "verdict_timeout", "skill_timeout", "learn_timeout", "max_skills"),
        *("loglevel", "surprises", "slop", "obstacles", "moving_rate", "pace", "publish_links"),
    )
)
"""Parameters that count at once; all others from a node's configuration on."""


def refusal(parameter: table.Parameter, value: table.Value, before: table.Value, configured: bool) -> str:
    """Why a node does not take a value in place of the one before; "" where it does."""
    if configured and parameter.name not in LIVE and value != before:
        return f"{parameter.name} counts from the node's configuration on: deactivate it, clean it up, set it, configure it again"
    return parameter.check(value) or ""


def descriptor(parameter: table.Parameter) -> ParameterDescriptor:
    """How a parameter of the table is declared."""
    when = "" if parameter.name in LIVE else "; counts from the node's configuration on"
    made = ParameterDescriptor(description=f"{parameter.description}{when}")
    if parameter.low is not None and parameter.high is not None:
        if isinstance(parameter.default, float):
            made.floating_point_range = [FloatingPointRange(from_value=parameter.low, to_value=parameter.high)]
        else:
            made.integer_range = [IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high), step=1)]
    if parameter.choices:
        made.additional_constraints = "one of " + ", ".join(parameter.choices)
    return made
