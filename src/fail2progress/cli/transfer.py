"""fail2progress transfer TASK --robot NAME: whether a robot can carry a task out, and why not."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from fail2progress.cli.common import UserError, print_json, say
from fail2progress.cli.limits import MOST, MOST_SEED
from fail2progress.cli.plain_text import visible


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(transfer)


def transfer(
    name: Annotated[str, typer.Argument(metavar="TASK", help="A task's name, or the path of its file.")],
    robots: Annotated[list[str] | None, typer.Option("--robot", help="Robot; repeatable. All unless given.")] = None,
    trials: Annotated[int, typer.Option(help="Trials of each number of objects.", min=1, max=MOST)] = 5,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Seed of the first trial.")] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="The rows as a JSON list.")] = False,
) -> None:
    """Typed reasons for (task, robot). Exit code 1 where there is one.

    Example: fail2progress transfer drawer-tidying --robot stretch_re2 --json
    """
    from fail2progress.evaluation.transfer import ROBOTS, robot
    from fail2progress.evaluation.transfer import transfer as rows_of
    from fail2progress.tasks.registry import task

    try:
        profiles, wanted = [robot(one) for one in robots or ROBOTS], task(name)
    except ValueError as error:
        raise UserError(str(error)) from error
    rows = [row for profile in profiles for row in rows_of(wanted, profile, trials, seed)]
    if json_output:
        print_json([row.model_dump(mode="json") for row in rows])
    else:
        for (who, code), count in sorted(Counter((row.robot, row.code.value) for row in rows).items()):
            first = next(row for row in rows if (row.robot, row.code.value) == (who, code))
            typer.echo(visible(f"{who}: {code}, {count} times; {first.evidence}"))
        say(f"{len(rows)} reasons against {', '.join(profile.name for profile in profiles)}")
    if rows:
        raise typer.Exit(1)
