"""fail2progress up: the ROS 2 stack as processes, where `ros2 launch` is not at hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from click import get_current_context
from click.core import ParameterSource

from fail2progress.cli.bag import CAMERA as _CAMERA
from fail2progress.cli.bag import ROBOT as _ROBOT
from fail2progress.cli.bag import SLOP as _SLOP
from fail2progress.cli.bag import TOPIC as _TOPIC
from fail2progress.cli.bag import look_through
from fail2progress.cli.common import (
    StoppedError,
    UserError,
    WorkError,
    checked,
    filled,
    print_json,
    require,
    run_folder,
    say,
)
from fail2progress.cli.limits import MOST
from fail2progress.cli.outputs import check_output
from fail2progress.cli.report import write_report
from fail2progress.core.runs import STORE_FILES
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.tasks import DEFAULT

if TYPE_CHECKING:
    from fail2progress.ros.launch.supervisor import Launch, Supervisor

up = typer.Typer(no_args_is_help=True, help="Start the ROS 2 stack: simulated, on the robot, or over a recording.")

KEPT = (*STORE_FILES, "models", "corrections.json", "world.json", "result.json", "report.html", "bags", "log")
"""What a stack leaves in its folder."""

_OPTIONS = {"loglevel": "log_level", "topics": "topic"}
"""Options of parameters with another name."""
_NAMESPACE = typer.Option("", help="Namespace of all nodes.")
_PARAMS = typer.Option(None, help="ROS parameter file (YAML), read before the other options.")
_LEVEL = typer.Option("info", help="Least severe log line: debug, info, warn, error.")
_MODEL = typer.Option(None, help="Weights to start from; default: the folder's current ones, or the package's.")
_REPORT = typer.Option(None, help="Write the HTML report here; default: report.html in the folder.")
_JSON = typer.Option(False, "--json", help="Print the result as JSON.")
_RELATIONS = typer.Option(
    "combined", help="Relation detector: combined, learned (the model's own), geometric, or one of another package."
)
_OUT = typer.Option(None, help="Folder for failures, models, bags, logs and the report; default: one of its own in runs/.")
_RESUME = typer.Option(False, help="Go on with the models, failures and world of an earlier run: in --out, or the last one.")
_VIEW = typer.Option(False, "--view", help="A live page of cameras, plan, failure and lessons; kept as bags/run.rrd (rerun).")
_FORCE = typer.Option(False, help="Replace an earlier run in --out.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(up, name="up")


@up.command()
def sim(
    out: Path | None = _OUT,
    task: str = typer.Option(DEFAULT, help="Which task: a name (tasks ls) or a task file (.yaml)."),
    objects: int | None = typer.Option(None, help="Movable objects; default: the fewest that the task is defined for."),
    goal: str | None = typer.Option(
        None,
        help='Another goal than the task\'s own: "inside(capsule_1, cup_1)"; or in words: "inside(every capsule, the red cup)".',
    ),
    seed: int = typer.Option(0, min=0, max=MOST, help="As in `fail2progress demo`: the same seed gives the same trials."),
    robot: str = typer.Option("stretch", help="stretch (its own joints) or hand (quicker)."),
    simulator: str = typer.Option("mujoco", help="That learns and classifies, and a hand's: a name, or a file with its options."),
    segmenter: str = typer.Option("label-image", help="label-image (the simulator's), fused, or as for perceive."),
    relations: str = _RELATIONS,
    story: bool = typer.Option(
        True,
        help="Trials by one plan each until one fails, then the same again; otherwise one trial, planning after every skill.",
    ),
    stay: bool = typer.Option(False, "--stay", help="No task of its own: stays up for goals by the action execute_task."),
    resume: bool = _RESUME,
    force: bool = _FORCE,
    view: bool = _VIEW,
    namespace: str = _NAMESPACE,
    params_file: Path | None = _PARAMS,
    log_level: str = _LEVEL,
    model: Path | None = _MODEL,
    report: Path | None = _REPORT,
    as_json: bool = _JSON,
) -> None:
    """A simulated Stretch and all nodes, until the task is done. Exit code 0 if it was.

    Example: fail2progress up sim --objects 3 --seed 1
    """
    from fail2progress.core.descriptions import described
    from fail2progress.ros.graph import NODES
    from fail2progress.simulation.registry import resolve
    from fail2progress.tasks.atoms import spelled
    from fail2progress.tasks.registry import task as task_of
    from fail2progress.tasks.seeds import first_seed

    resolve(simulator)
    with checked():
        family = task_of(task)
        count = objects if objects is not None else family.counts[0]
        first = family.trial(count, first_seed(seed))
        goal = spelled(filled("--goal", goal), first.scene.names)
        if goal and not described(goal, first.scene.names):
            first.with_goal(goal)
    values: dict[str, Any] = {"task": family.reference, "objects": count, "seed": seed, "robot": robot, "goal": goal}
    values |= _perception(segmenter, relations) | {"story": story, "stay": stay, "simulator": simulator} | _seen(view)
    known = next(parameter for parameter in NODES["sim_stretch"].parameters if parameter.name == "robot")
    reason = known.check(robot)
    require(reason is None, str(reason))
    _check_report(report)
    with run_folder("sim", out, resume, force, KEPT) as run:
        values["result"] = str(run.folder / "result.json")
        code = _run(_launch("sim", run.folder, values, namespace, params_file, log_level, model))
        _finish(run.folder, report, as_json)
    _end(code, run.folder, "the task was not done")


@up.command()
def robot(
    out: Path = typer.Option(Path("runs/robot"), help="Folder for failures, models, bags and logs; what is there is kept."),
    segmenter: str = typer.Option(SEGMENTER, help="label-image where a detector publishes camera/labels, or as for perceive."),
    relations: str = _RELATIONS,
    stretch: bool = typer.Option(True, help="Start the node that moves a Stretch; --no-stretch: a node of your own does it."),
    view: bool = _VIEW,
    namespace: str = _NAMESPACE,
    params_file: Path | None = _PARAMS,
    log_level: str = _LEVEL,
    model: Path | None = _MODEL,
) -> None:
    """All nodes on a Stretch RE2, until Ctrl-C. Tasks come by the action execute_task; start the camera driver beside it.

    Example: fail2progress up robot --out ~/fail2progress
    """
    with run_folder("robot", out, resume=True) as run:
        chosen = _perception(segmenter, relations) | _seen(view)
        launch = _launch("robot", run.folder, chosen, namespace, params_file, log_level, model)
        code = _run(replace(launch, own_robot=not stretch))
    _end(code, run.folder, "the stack ended")


@up.command()
def replay(
    bag: Path = typer.Argument(..., help="Folder or file of a rosbag2 recording (MCAP or SQLite)."),
    out: Path | None = _OUT,
    rate: float = typer.Option(0.0, min=0.0, max=1000.0, help="Times real time; 0: as fast as the nodes take it."),
    source: str = typer.Option("", help="segments (as they were at the time) or camera; default: segments if it has them."),
    topic: list[str] = _TOPIC,
    robot: str = _ROBOT,
    camera: str = _CAMERA,
    slop: float = _SLOP,
    segmenter: str = typer.Option(
        "", help="Of camera images, as for perceive; default: label-image where the bag has labels, else that of perceive."
    ),
    relations: str = _RELATIONS,
    resume: bool = _RESUME,
    force: bool = _FORCE,
    view: bool = _VIEW,
    namespace: str = _NAMESPACE,
    params_file: Path | None = _PARAMS,
    log_level: str = _LEVEL,
    model: Path | None = _MODEL,
    report: Path | None = _REPORT,
    as_json: bool = _JSON,
) -> None:
    """Monitor, classifier and learner over a recording: the failures in it, their classes, and a model that learnt from them.

    Examples: fail2progress up replay runs/sim/bags/bag_0000 --json

    fail2progress up replay runs/sim/bags/bag_0000 --source camera --segmenter geometric

    fail2progress up replay kinect --topic color:=/rgb/image_raw --topic depth:=/depth_to_rgb/image_raw
    """
    require(source in ("", "segments", "camera"), f"unknown source {source!r}; there are: segments, camera")
    require(source != "segments" or not segmenter, "--segmenter works on camera images: leave out --source segments")
    source = source or ("camera" if segmenter else "")
    found = look_through(bag, topic, robot, camera, source, slop)
    segmenter = segmenter or found.segmenter
    values = {"bag": str(bag), "source": source, "rate": rate, **_perception(segmenter, relations)}
    values |= {"topics": " ".join(topic), "robot": robot, "camera": camera, "slop": slop, **_seen(view)}
    _check_report(report)
    with run_folder("replay", out, resume, force, KEPT) as run:
        code = _run(_launch("replay", run.folder, values, namespace, params_file, log_level, model))
        _finish(run.folder, report, as_json)
    _end(code, run.folder, "the replay failed")


def _perception(segmenter: str, relations: str) -> dict[str, Any]:
    """Parameters that choose the parts of perception; RegistryError where one does not exist. Files are named absolutely."""
    from fail2progress.core.choice import FILES
    from fail2progress.perception.relations.registry import DETECTORS
    from fail2progress.perception.segmentation.registry import segmenter as segmenter_of

    # What is usual, and the detectors of this package, are there: to load them would take torch's memory, and seconds.
    if segmenter != SEGMENTER:
        segmenter_of(segmenter)
    if relations not in DETECTORS.names():
        DETECTORS.get(relations)
    chosen = str(Path(segmenter).resolve()) if Path(segmenter).suffix in FILES else segmenter
    return {"segmenter": chosen, "relations": relations}


def _seen(view: bool) -> dict[str, Any]:
    """Parameters of the time line; UserError where rerun is not installed."""
    require(not view or find_spec("rerun") is not None, "--view needs rerun: pip install 'fail2progress[view]'")
    return {"view": "page"} if view else {}


def _check_report(path: Path | None) -> None:
    """Before a run rather than after it."""
    if path is not None:
        check_output("--report", path, ".html")


def _launch(
    stack: str,
    out: Path,
    values: dict[str, Any],
    namespace: str,
    params_file: Path | None,
    log_level: str,
    model: Path | None,
) -> Launch:
    """What to start. UserError for files that are not there and levels that do not exist."""
    from fail2progress.ros.launch.description import defaults
    from fail2progress.ros.launch.supervisor import Launch
    from fail2progress.ros.parameter_file import check_file, check_namespace

    with checked():
        check_namespace(namespace)
        if params_file is not None:
            check_file(params_file)
    require(model is None or model.is_file(), f"{model}: no such weights")
    require(log_level in ("debug", "info", "warn", "error"), f"unknown log level {log_level!r}: debug, info, warn or error")
    chosen = {**values, "loglevel": log_level, **({"model": str(model)} if model is not None else {})}
    usual = {name: value for name, value in chosen.items() if not _is_given(name)}
    given = {name: value for name, value in chosen.items() if name not in usual}
    return Launch(stack, out, given, defaults(stack, usual), namespace, params_file)


def _is_given(parameter: str) -> bool:
    """Whether the command line says it, or there is no option for it."""
    context = get_current_context()
    option = _OPTIONS.get(parameter, parameter)
    return option not in context.params or context.get_parameter_source(option) is not ParameterSource.DEFAULT


def _run(launch: Launch) -> int:
    """The stack until its end; Ctrl-C ends it cleanly."""
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
        raise StoppedError(f"stopped; `--resume` goes on with what is in {launch.state_dir}")
    return code


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    before = {number: signal.signal(number, lambda *_: supervisor.stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(code: int, out: Path, what: str) -> None:
    if code == 2:
        raise UserError(f"a node cannot run; see {out / 'log'}")
    if code:
        raise WorkError(f"{what}; see {out / 'log'}")


def _finish(out: Path, page: Path | None, as_json: bool) -> None:
    """The report, and the result for machines."""
    from fail2progress.evaluation.stack_run import summary

    if not (out / "failures.sqlite").is_file():
        return
    run = write_report(out, page)
    if run.saved:
        say(run.saved)
    if as_json:
        print_json(summary(run))
