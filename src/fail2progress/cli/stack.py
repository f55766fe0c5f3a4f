"""What `fail2progress up` starts, with which parameters, until when, and how it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fail2progress.cli.common import StoppedError, UserError, WorkError, checked, print_json, require, say
from fail2progress.cli.outputs import check_output
from fail2progress.cli.report import write_report
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER

if TYPE_CHECKING:
    from fail2progress.ros.launch.supervisor import Launch, Supervisor

_OPTIONS = {"loglevel": "log_level", "topics": "topic"}
"""Options of parameters with another name."""


@dataclass(frozen=True)
class Given:
    """What a command was given: options, and a file of ROS parameters for nodes in a namespace."""

    context: typer.Context
    params_file: Path | None
    namespace: str

    def __post_init__(self) -> None:
        from fail2progress.ros.parameter_file import check_file, check_namespace

        with checked():
            check_namespace(self.namespace)
            if self.params_file is not None:
                check_file(self.params_file)

    def option(self, parameter: str) -> bool:
        """Whether the command line says a parameter, or there is no option for it."""
        option = _OPTIONS.get(parameter, parameter)
        source = self.context.get_parameter_source(option)
        return option not in self.context.params or source is None or source.name != "DEFAULT"

    def told(self, node: str, **options: Any) -> tuple[Any, ...]:
        """The options in their order; those that were not given as the file has them for a node, where it does."""
        from fail2progress.ros.parameter_file import said

        own = said(self.params_file, node, self.namespace) if self.params_file is not None else {}
        return tuple(value if self.option(name) else own.get(name, value) for name, value in options.items())


def perception(given: Given, segmenter: str, relations: str) -> dict[str, Any]:
    """Parameters that choose the parts of perception, by options and a parameter file; RegistryError where one does not exist.
    Files are named absolutely."""
    from fail2progress.core.choice import FILES
    from fail2progress.perception.relations.registry import DETECTORS
    from fail2progress.perception.segmentation.registry import segmenter as segmenter_of

    (segmenter,) = given.told("segmentation", segmenter=segmenter)
    (relations,) = given.told("relations", relations=relations)
    # What is usual, and the detectors of this package, are there: to load them would take torch's memory, and seconds.
    if segmenter != SEGMENTER:
        segmenter_of(segmenter)
    if relations not in DETECTORS.names():
        DETECTORS.get(relations)
    chosen = str(Path(segmenter).resolve()) if Path(segmenter).suffix in FILES else segmenter
    return {"segmenter": chosen, "relations": relations}


def seen(view: bool) -> dict[str, Any]:
    """Parameters of the time line; UserError where rerun is not installed."""
    require(not view or find_spec("rerun") is not None, "--view needs rerun: pip install 'fail2progress[view]'")
    return {"view": "page"} if view else {}


def check_report(path: Path | None) -> None:
    """Before a run rather than after it."""
    if path is not None:
        check_output("--report", path, ".html")


def launch_of(given: Given, stack: str, out: Path, values: dict[str, Any], log_level: str, model: Path | None) -> Launch:
    """What to start. UserError for weights that cannot be and levels that do not exist."""
    from fail2progress.models.notes import start_note
    from fail2progress.ros.launch.description import defaults
    from fail2progress.ros.launch.supervisor import Launch

    with checked():
        note = start_note(model, out / "models") if model is not None else ""
    if note:
        say(f"note: {note}")
    require(log_level in ("debug", "info", "warn", "error"), f"unknown log level {log_level!r}: debug, info, warn or error")
    chosen = {**values, "loglevel": log_level, **({"model": str(model)} if model is not None else {})}
    usual = {name: value for name, value in chosen.items() if not given.option(name)}
    told = {name: value for name, value in chosen.items() if name not in usual}
    file, namespace = given.params_file, given.namespace
    return Launch(stack, out, told, defaults(stack, usual, file, namespace), namespace, file)


def run_stack(launch: Launch, again: str = "`--resume`") -> int:
    """The stack until its end; Ctrl-C ends it cleanly, and it is told what goes on with what is there."""
    from fail2progress.ros.launch.claim import DomainTakenError, claim
    from fail2progress.ros.launch.environment import NoRosError
    from fail2progress.ros.launch.supervisor import Supervisor

    say("looking for ROS 2 and its messages")
    wanted = os.environ.get("ROS_DOMAIN_ID", "0" if launch.stack == "robot" else None)
    try:
        held = claim(launch.stack, launch.namespace, wanted, launch.state_dir)
        if held.note:
            say(f"note: {held.note}")
        supervisor = Supervisor(launch, say, {**os.environ, "ROS_DOMAIN_ID": held.domain})
    except (NoRosError, DomainTakenError) as error:
        raise UserError(str(error)) from error
    domain = held.domain
    say(f"starting {', '.join(launch.names())} in ROS domain {domain}; logs in {launch.state_dir / 'log'}")
    with _signals(supervisor):
        code = supervisor.run()
    held.release()
    if supervisor.code is None:
        raise StoppedError(f"stopped; {again} goes on with what is in {launch.state_dir}")
    return code


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: supervisor.stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(code: int, out: Path, what: str, mistake: str = "a node cannot run") -> None:
    """UserError or WorkError where the stack ended otherwise than with its work done."""
    if code == 2:
        raise UserError(f"{mistake}; see {out / 'log'}")
    if code:
        raise WorkError(f"{what}; see {out / 'log'}")


def finish(out: Path, page: Path | None, as_json: bool) -> None:
    """The report, and the result for machines."""
    from fail2progress.evaluation.stack_run import summary

    if not (out / "failures.sqlite").is_file():
        return
    run = write_report(out, page)
    if run.saved:
        say(run.saved)
    if as_json:
        print_json(summary(run))
