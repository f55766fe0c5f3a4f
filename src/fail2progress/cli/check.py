"""fail2progress check: what can be known of a robot before it moves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import WorkError, print_json, say, show_table, table_of

if TYPE_CHECKING:
    from fail2progress.robots.stretch.real.checks import Finding

check = typer.Typer(no_args_is_help=True, help="What can be known of a robot before it moves.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(check, name="check")


@check.callback()
def group() -> None:
    """What can be known of a robot before it moves."""


@check.command()
def robot(
    out: Path = typer.Option(Path("runs/robot"), help="Folder in which `up robot` will keep failures, models and bags."),
    as_json: bool = typer.Option(False, "--json", help="Print the findings as JSON."),
) -> None:
    """Everything about a Stretch that can be checked before its first motion, with what to do. Exit code 1 if it is not ready.

    Example: fail2progress check robot
    """
    from fail2progress.robots.stretch.real.checks import checks
    from fail2progress.robots.stretch.real.driver import SystemClock
    from fail2progress.robots.stretch.real.transport import connect

    say("looking at the robot; nothing moves")
    found = [*_surroundings(), *checks(os.environ, out, connect, SystemClock())]
    if as_json:
        print_json([finding.to_dict() for finding in found])
    else:
        rows = table_of("check", "", "found", "what to do")
        for finding in found:
            rows.add_row(finding.name, "good" if finding.good else "BAD", finding.said, finding.remedy)
        show_table(rows)
    bad = [finding.name for finding in found if not finding.good]
    if bad:
        raise WorkError(f"the robot is not ready: {', '.join(bad)}")
    say("the robot is ready: fail2progress up robot")


def _surroundings() -> list[Finding]:
    """Of the computer: ROS with the messages, and the camera's driver."""
    from fail2progress.robots.stretch.real.checks import Finding as Of
    from fail2progress.ros.launch.environment import NoRosError, environment

    try:
        variables = environment(local=False)
    except NoRosError as error:
        return [Of("ROS 2", False, "missing", str(error))]
    folders = [Path(folder) for folder in variables.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if folder]
    driver = any((folder / "share" / "realsense2_camera").is_dir() for folder in folders)
    remedy = "" if driver else "install realsense2_camera, or start another driver that publishes the camera's topics"
    return [
        Of("ROS 2", True, "with the messages of the stack"),
        Of("camera driver", driver, "realsense2_camera" if driver else "realsense2_camera is not installed", remedy),
    ]
