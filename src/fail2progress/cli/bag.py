"""fail2progress bag: what a recording holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from fail2progress.cli.common import UserError, print_json, say, show_table, table_of
from fail2progress.cli.plain_text import lines
from fail2progress.ros import graph

if TYPE_CHECKING:
    from fail2progress.ros.bags.info import BagInfo

bag = typer.Typer(no_args_is_help=True, help="Recordings: what is in a bag, and what of it would be played.")

TOPIC = typer.Option(
    [],
    "--topic",
    help="NAME:=NAME, a recorded topic for one of the stack's: depth:=/depth/image_raw (@METRES where depth has another unit).",
)
ROBOT = typer.Option("", "--robot", help="Namespace of the robot, where the bag holds several.")
CAMERA = typer.Option("", "--camera", help="Part of the names of the camera's topics, where the bag holds several.")
SLOP = typer.Option(graph.SLOP, "--slop", min=0.0, max=1.0, help="Seconds by which colour and depth of one moment may differ.")
SOURCE = typer.Option("", "--source", help="segments or camera; default: segments if it has them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bag, name="bag")


@bag.callback()
def group() -> None:
    """Recordings: what is in a bag, and what of it would be played."""


@bag.command()
def info(
    path: Path = typer.Argument(..., help="Folder or file of a rosbag2 recording (MCAP or SQLite)."),
    topic: list[str] = TOPIC,
    robot: str = ROBOT,
    camera: str = CAMERA,
    source: str = SOURCE,
    slop: float = SLOP,
    as_json: bool = typer.Option(False, "--json", help="Print it as JSON."),
) -> None:
    """Topics, types, rates, gaps and encodings, and where a replay would take observations from. Exit code 2 where from nowhere.

    Example: fail2progress bag info runs/sim/bags/bag_0000
    """
    found = _looked(path, topic, robot, camera, source, slop)
    print_json(found.to_dict()) if as_json else _show(found)
    for warning in found.warnings():
        say(f"note: {warning}")
    if found.problem:
        raise UserError(found.problem)
    say(f"a replay takes {found.moments} observations from: {found.source}")


def look_through(path: Path, topic: list[str], robot: str, camera: str, source: str, slop: float) -> BagInfo:
    """What a replay makes of a bag; UserError where nothing."""
    found = _looked(path, topic, robot, camera, source, slop)
    if found.problem:
        raise UserError(found.problem)
    return found


def _looked(path: Path, topic: list[str], robot: str, camera: str, source: str, slop: float) -> BagInfo:
    from fail2progress.ros.bags.info import info as look
    from fail2progress.ros.bags.recorded import BagError
    from fail2progress.ros.bags.topics import Choice

    try:
        return look(path, Choice.parse(topic, robot, camera), source, slop)
    except BagError as error:
        raise UserError(str(error)) from error


def _show(found: BagInfo) -> None:
    """The topics as a table."""
    rows = table_of("topic, type", "count", "Hz", "gap (s)", "played as, encoding")
    rows.columns[0].no_wrap = False  # longer than a terminal is wide in many a recording
    rows.columns[0].width = max(38, Console().width - 42)  # a type of ours in 80 columns, beside the others
    for topic in found.topics:
        rate = topic.to_dict()["rate_hz"]
        other = [topic.serialization] if topic.serialization != "cdr" else []
        encoding = ", ".join([*other, *sorted(topic.encodings), *(f"{width}x{height}" for width, height in sorted(topic.sizes))])
        rows.add_row(
            lines(topic.name, f"  {topic.type}"),
            str(topic.count),
            f"{rate:.1f}" if isinstance(rate, float) else "",
            f"{topic.gap / 1e9:.2f}",
            lines(*filter(None, (found.played.get(topic.name, ""), encoding))),
        )
    show_table(rows)
