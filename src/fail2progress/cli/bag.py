"""fail2progress bag: what a recording holds."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.common import UserError, print_json, say, show_table, table_of

bag = typer.Typer(no_args_is_help=True, help="Recordings: what is in a bag, and what of it would be played.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bag, name="bag")


@bag.callback()
def group() -> None:
    """Recordings: what is in a bag, and what of it would be played."""


@bag.command()
def info(
    path: Path = typer.Argument(..., help="Folder or file of a rosbag2 recording (MCAP or SQLite)."),
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """Topics, types, rates, gaps and encodings, and where a replay would take observations from. Exit code 2 where from nowhere.

    Example: fail2progress bag info runs/sim/bags/bag_0000
    """
    from fail2progress.ros.bags.info import info as look
    from fail2progress.ros.bags.reader import BagError

    try:
        found = look(path)
    except BagError as error:
        raise UserError(str(error)) from error
    if as_json:
        print_json(found.to_dict())
    else:
        rows = table_of("topic", "type", "messages", "Hz", "longest gap (s)", "encoding", "played as")
        for topic in found.topics:
            told = topic.to_dict()
            rate = told["rate_hz"]
            rows.add_row(
                topic.name,
                topic.type,
                str(topic.count),
                f"{rate:.1f}" if isinstance(rate, float) else "",
                f"{topic.gap / 1e9:.2f}",
                ", ".join(sorted(topic.encodings)),
                topic.stack_name or "",
            )
        show_table(rows)
    for warning in found.warnings():
        say(f"note: {warning}")
    if found.source is None:
        raise UserError(found.missing())
    say(f"a replay takes observations from: {found.source}")
