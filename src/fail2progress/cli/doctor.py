"""fail2progress doctor: what is installed, what is missing, what to do."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path

import typer
from rich.text import Text

from fail2progress.cli.common import WorkError, print_json, show_table, table_of

CORE = ("numpy", "scipy", "sklearn", "torch", "mujoco", "transforms3d", "pydantic", "safetensors", "open3d", "mcap")
OPTIONAL = {
    "rclpy": "ROS 2 nodes: see what is said of the ROS 2 stack",
    "transformers": "names for segments by an open-vocabulary detector: pip install 'fail2progress[labeller]'",
    "stretch_body": "a real Stretch: pip install 'fail2progress[stretch]' on the robot",
    "ray": "work over many machines: pip install ray",
    "mujoco_warp": "thousands of scenes on a GPU: pip install mujoco-warp",
}
_BY = {"open3d": "fail2progress.perception.open3d_library"}
"""Packages that are imported by a module of ours, which gives them what they need."""
_OLDEST = (3, 10)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` things must be fine; `advice` says what to do where one is not."""

    name: str
    fine: bool
    needed: bool
    found: str
    advice: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Look at what is installed and say what is missing and what to do. Exit code 0 if the core is fine.

    Example: fail2progress doctor
    """
    findings = examine()
    bad = [finding.name for finding in findings if finding.needed and not finding.fine]
    if as_json:
        print_json({"fine": not bad, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    if bad:
        raise WorkError(f"not in order: {', '.join(bad)}")


def examine() -> list[Finding]:
    """Everything, in order of importance. Other processes look for ROS 2 while the packages are imported here."""
    with ThreadPoolExecutor(1) as beside:
        stack = beside.submit(_stack)
        return [*_here(), *stack.result()]


def _here() -> list[Finding]:
    """What this process finds by itself."""
    version = platform.python_version()
    python = Finding("python", sys.version_info >= _OLDEST, True, version, "install Python 3.10, 3.11 or 3.12")
    cores = Finding("cores", True, False, str(len(os.sched_getaffinity(0))))
    return [python, cores, *map(package, CORE), *_weights(), *(_optional(name) for name in OPTIONAL)]


def package(name: str) -> Finding:
    """A package that is needed, by importing it: one that is there may still be broken."""
    try:
        importlib.import_module(_BY.get(name, name))
    except (ImportError, OSError) as error:
        return Finding(name, False, True, " ".join(str(error).split()), "install the package again: pip install fail2progress")
    return Finding(name, True, True, _version(name))


def _optional(name: str) -> Finding:
    """Found, not imported: some take seconds or start things."""
    there = util.find_spec(name) is not None
    return Finding(name, there, False, _version(name) if there else "not installed", "" if there else OPTIONAL[name])


def _stack() -> list[Finding]:
    """Whether nodes could be started: ROS 2 and the messages together, and room for the nodes of any stack."""
    from fail2progress.ros.graph import STACKS
    from fail2progress.ros.launch.environment import NoRosError, environment
    from fail2progress.ros.launch.shared_memory import shortage

    try:
        variables = environment()
    except NoRosError as error:
        return [Finding("ROS 2 stack", False, False, "cannot be started", str(error))]
    short = shortage(variables, max(map(len, STACKS.values())))
    return [
        Finding("ROS 2 stack", True, False, "rclpy and fail2progress_msgs"),
        Finding("shared memory", not short, False, "too little" if short else "enough", short),
    ]


@lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    """Which distributions bring a package. Reading that of all that are installed takes a fifth of a second."""
    return metadata.packages_distributions()


def _version(name: str) -> str:
    names = _distributions().get(name, [name])
    try:
        return metadata.version(names[0])
    except metadata.PackageNotFoundError:
        return "version unknown"


def _weights() -> list[Finding]:
    """The model and the kept executions that travel with the package."""
    try:
        from fail2progress.learning.finetuning import rehearsal as replay
        from fail2progress.models import weights
        from fail2progress.models.checkpoint import load_checkpoint
        from fail2progress.models.notes import CheckpointError
    except ImportError as error:
        return [Finding("weights", False, True, f"cannot be read ({error})", "see the packages above")]
    checks: dict[str, Callable[[Path], str]] = {
        weights.RELATIONAL: lambda path: f"digest {load_checkpoint(path).digest[:12]}",
        weights.KEEPSAKE: lambda path: f"{len(replay.load_rehearsal(path).replay)} executions for replay",
    }
    findings = []
    for name, check in checks.items():
        try:
            findings.append(Finding(name, True, True, check(weights.path(name))))
        except CheckpointError as error:
            findings.append(
                Finding(
                    name,
                    False,
                    True,
                    str(error).split(": ", 1)[-1],
                    "install the package again, or train: fail2progress train --help",
                )
            )
    return findings


def _show(findings: list[Finding]) -> None:
    table = table_of("what", "", "found", "what to do")
    for finding in findings:
        word, colour = ("fine", "green") if finding.fine else ("missing", "red") if finding.needed else ("optional", "")
        table.add_row(finding.name, Text(word, colour), finding.found, "" if finding.fine else finding.advice)
    show_table(table)
