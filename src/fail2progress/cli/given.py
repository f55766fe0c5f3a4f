"""Options that a command was given, though what it is asked for has no use for them."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from fail2progress.cli.common import UserError


def refuse(context: typer.Context, names: Iterable[str], why: str) -> None:
    """UserError where one of these parameters was given on the command line, its default value included; why: what follows the
    option in the line that is told."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name) if parameter.name in names else None
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"{'/'.join((*parameter.opts, *parameter.secondary_opts))} {why}: leave it out")
