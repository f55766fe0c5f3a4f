"""fail2progress up: the ROS 2 stack as processes, where `ros2 launch` is not at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from fail2progress.cli.bag import CAMERA as _CAMERA
from fail2progress.cli.bag import ROBOT as _ROBOT
from fail2progress.cli.bag import SLOP as _SLOP
from fail2progress.cli.bag import TOPIC as _TOPIC
from fail2progress.cli.bag import look_through
from fail2progress.cli.common import checked, filled, require
from fail2progress.cli.limits import MOST
from fail2progress.cli.run_folder import run_folder
from fail2progress.cli.stack import Given, check_report, end, finish, launch_of, perception, run_stack, seen
from fail2progress.core.runs import STORE_FILES
from fail2progress.perception.segmentation import DEFAULT as SEGMENTER
from fail2progress.tasks import DEFAULT

up = typer.Typer(no_args_is_help=True, help="Start the ROS 2 stack: simulated, on the robot, or over a recording.")

KEPT = (*STORE_FILES, "models", "corrections.json", "world.json", "result.json", "report.html", "bags", "log")
"""What a stack leaves in its folder."""

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
    context: typer.Context,
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

    given = Given(context, params_file, namespace)
    chosen = {"task": task, "objects": objects, "seed": seed, "goal": filled("--goal", goal)}
    task, objects, seed, goal = given.told("task", **chosen)
    (simulator,) = given.told("classifier", simulator=simulator)
    resolve(simulator)
    with checked():
        family = task_of(task)
        count = objects if objects is not None else family.counts[0]
        first = family.trial(count, first_seed(seed))
        goal = spelled(str(goal), first.scene.names)
        if goal and not described(goal, first.scene.names):
            first.with_goal(goal)
    values: dict[str, Any] = {"task": family.reference, "objects": count, "seed": seed, "robot": robot, "goal": goal}
    values |= {"story": story, "stay": stay, "simulator": simulator, **seen(view)}
    values |= perception(given, segmenter, relations)
    known = next(parameter for parameter in NODES["sim_stretch"].parameters if parameter.name == "robot")
    reason = known.check(robot)
    require(reason is None, str(reason))
    check_report(report)
    with run_folder("sim", out, resume, force, KEPT) as run:
        values["result"] = str(run.folder / "result.json")
        code = run_stack(launch_of(given, "sim", run.folder, values, log_level, model))
        finish(run.folder, report, as_json)
    end(code, run.folder, "the task was not done")


@up.command()
def robot(
    context: typer.Context,
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
    given = Given(context, params_file, namespace)
    with run_folder("robot", out, resume=True) as run:
        chosen = perception(given, segmenter, relations) | seen(view)
        launch = launch_of(given, "robot", run.folder, chosen, log_level, model)
        code = run_stack(replace(launch, own_robot=not stretch), "the same command")
    end(code, run.folder, "the stack ended")


@up.command()
def replay(
    context: typer.Context,
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
    given = Given(context, params_file, namespace)
    chosen = {"source": source, "robot": robot, "camera": camera, "slop": slop, "topics": " ".join(topic)}
    source, robot, camera, slop, topics = given.told("player", **chosen)
    topic = topics.split()
    require(source in ("", "segments", "camera"), f"unknown source {source!r}; there are: segments, camera")
    require(source != "segments" or not segmenter, "--segmenter works on camera images: leave out --source segments")
    source = source or ("camera" if segmenter else "")
    found = look_through(bag, topic, robot, camera, source, slop)
    segmenter = segmenter or found.segmenter
    values: dict[str, Any] = {"bag": str(bag), "source": source, "rate": rate}
    values |= perception(given, segmenter, relations)
    values |= {"topics": " ".join(topic), "robot": robot, "camera": camera, "slop": slop, **seen(view)}
    check_report(report)
    with run_folder("replay", out, resume, force, KEPT) as run:
        code = run_stack(launch_of(given, "replay", run.folder, values, log_level, model))
        finish(run.folder, report, as_json)
    end(code, run.folder, "the replay failed", "the recording cannot be replayed, as was said above")
