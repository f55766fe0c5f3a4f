"""What the launch files take and start, as data made from the table. Imports no ROS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from fail2progress.core.files import try_out
from fail2progress.core.runs import ROOT
from fail2progress.ros import graph as table
from fail2progress.ros.parameter_file import said

if TYPE_CHECKING:
    from fail2progress.ros.bags.info import BagInfo

RENAMED = {"log_level": "loglevel"}
"""Launch arguments whose parameter has another name."""
SHARED = (
    *("autostart", "log_level", "state_dir", "model", "processes", "simulator"),
    *("segmenter", "relations", "urdf", "surprises", "bag", "view"),
)
OWN: Mapping[str, tuple[str, ...]] = {
    "sim": ("task", "objects", "seed", "goal", "story", "stay", "robot", "result"),
    "robot": (),
    "replay": ("rate", "source", "topics", "robot", "camera", "slop"),
}
"""Parameters that are arguments of one stack's launch file."""
DEFAULTS = {"state_dir"}
"""Parameters that are always passed on, as the launch file itself needs them."""
REQUIRED = {"replay": ("bag",)}
SETTINGS: Mapping[str, Mapping[str, Mapping[str, table.Value]]] = {
    "sim": {"segmentation": {"segmenter": "label-image"}, "task": {"story": True}},
    "robot": {"segmentation": {"segmenter": "fused", "obstacles": True}, "planner": {"observation_timeout": 60.0}},
    "replay": {"segmentation": {"segmenter": "label-image"}},
}
"""What a stack's settings file says, by node, for who starts it without the files of an installed ROS package."""
_NAMES: Mapping[type, str] = {bool: "truth value (true or false)", int: "whole number", float: "number", str: "text"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Argument:
    """One argument of a launch file; without a default it must be given."""

    name: str
    description: str
    default: str | None = ""


def arguments(stack: str) -> tuple[Argument, ...]:
    """All arguments of a stack's launch file."""
    general = (
        Argument("namespace", "namespace of all nodes and topics"),
        Argument("use_sim_time", "take time from /clock", "false"),
        Argument("params_file", f"YAML file with parameters; it wins over {settings_file(stack)}, arguments win over both"),
    )
    own = tuple(_argument(stack, name) for name in (*SHARED, *OWN[stack]) if takers(stack, name))
    report = Argument("report", "HTML file for a report when the work is done; empty: none")
    left = "go on with the simulated world that an earlier run left in state_dir, not from the trial's start"
    resume = Argument("resume", left, "false")
    camera = Argument("camera", "start the RealSense driver, if it is installed", "true")
    stretch = Argument(table.ROBOT, "start the node that moves a Stretch; false: a node of your own carries skills out", "true")
    extra = {"sim": (resume, report), "replay": (report,), "robot": (camera, stretch)}
    return (*general, *own, *extra[stack])


def defaults(
    stack: str, usual: Mapping[str, table.Value], params_file: Path | None = None, namespace: str = ""
) -> dict[str, dict[str, table.Value]]:
    """By node, what its settings file says and what is `usual` otherwise, of the parameters that it has and of which params_file
    says nothing; usual ones win over settings."""
    found: dict[str, dict[str, table.Value]] = {}
    for node in table.STACKS[stack]:
        own = {**SETTINGS[stack].get(node, {}), **usual}
        told = said(params_file, node, namespace) if params_file is not None else {}
        known = {parameter.name for parameter in table.parameters(table.NODES[node])}
        found[node] = {name: value for name, value in own.items() if name in known and name not in told}
    return found


def own_robot(given: Mapping[str, str]) -> bool:
    """Whether the robot is moved by a node that is none of the stack; ValueError where the argument says neither."""
    return not truth(table.ROBOT, given.get(table.ROBOT, "true"))


def settings_file(stack: str) -> str:
    """A stack's parameters, relative to the package's share folder."""
    return f"config/{stack}.yaml"


def takers(stack: str, name: str) -> dict[str, table.Parameter]:
    """The parameter behind an argument, by the node that has it; `bag` of a replay is that which is played."""
    parameter = RENAMED.get(name, name)
    nodes = [table.NODES[node] for node in table.STACKS[stack]]
    return {node.name: p for node in nodes for p in table.parameters(node) if p.name == parameter}


def _argument(stack: str, name: str) -> Argument:
    taken = takers(stack, name).values()
    parameter = next(iter(taken))
    about = "; ".join(dict.fromkeys(each.description for each in taken))
    choices = f"; one of {', '.join(parameter.choices)}" if parameter.choices else ""
    if name in REQUIRED.get(stack, ()):
        return Argument(name, about, None)
    if name == "state_dir" and stack == "replay":
        return Argument(name, f"{about}; empty: a new one in runs/replay")
    if name in DEFAULTS:
        return Argument(name, about, str(parameter.default))
    unless = f"; unless given, what params_file says, else {settings_file(stack)}, else {_shown(parameter.default)}"
    unless = "" if parameter.default == "" else unless
    return Argument(name, f"{about}{choices}{unless}")


def _shown(value: table.Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def values(stack: str, given: Mapping[str, str]) -> dict[str, dict[str, table.Value]]:
    """Parameters by node, from the texts of the arguments. Empty texts are left to params_file and the defaults.

    ValueError names an argument with a value that its parameter does not take.
    """
    found: dict[str, dict[str, table.Value]] = {node: {} for node in table.STACKS[stack]}
    for name, text in given.items():
        if text:
            for node, parameter in takers(stack, name).items():
                found[node][parameter.name] = _value(name, parameter, text)
    return found


def misspelt(stack: str, names: Iterable[str]) -> list[str]:
    """What is to be said of names that are nearly an argument's. Others may be those of a launch file around this one."""
    known = [argument.name for argument in arguments(stack)]
    strange = [name for name in names if name not in known and not name.startswith("ros_")]  # those are launch_ros's own
    near = {name: get_close_matches(name, known, 1, 0.75) for name in strange}
    return [f"{name}:= is no argument of this launch file; do you mean {close[0]}:=?" for name, close in near.items() if close]


def check_files(given: Mapping[str, str]) -> None:
    """ValueError where a file that is to be read is not there, or one that is to be written cannot be: before hours of work."""
    urdf, report = given.get("urdf", ""), given.get("report", "")
    if urdf and not Path(urdf).is_file():
        raise ValueError(f"urdf: {urdf}: no such file")
    if report and Path(report).suffix != ".html":
        raise ValueError(f"report: {report}: the name ends in .html")
    _try_out("state_dir", Path(given["state_dir"]) if given["state_dir"] else ROOT)
    for name in ("report", "result"):
        if path := given.get(name):
            _try_out(name, Path(path).parent)


def _try_out(name: str, folder: Path) -> None:
    try:
        try_out(folder)
    except OSError as error:
        raise ValueError(f"{name}: {folder}: cannot be written ({error.strerror or error})") from error


def fitting(given: Mapping[str, str], bag: BagInfo) -> dict[str, table.Value]:
    """Parameters of `segmentation` for a recording where neither an argument nor params_file says what to segment by."""
    file = given["params_file"]
    told = file and "segmenter" in said(Path(file), "segmentation", given.get("namespace", ""))
    return {} if given["segmenter"] or told else {"segmenter": bag.segmenter}


def truth(name: str, text: str) -> bool:
    """A text as a bool; ValueError for what is neither true nor false."""
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"{name}: {text!r} is neither true nor false")
    return _BOOLEANS[text.lower()]


def _value(name: str, parameter: table.Parameter, text: str) -> table.Value:
    """A text as the type of a parameter's default, checked."""
    kind = type(parameter.default)
    try:
        value: table.Value = truth(name, text) if kind is bool else kind(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no {_NAMES[kind]}") from None
    reason = parameter.check(value)
    if reason is not None:
        raise ValueError(reason)
    return value


CAMERA_PARAMETERS: Mapping[str, table.Value] = {
    "camera_name": "camera",
    "enable_color": True,
    "enable_depth": True,
    "align_depth.enable": True,
    "enable_sync": True,
    "rgb_camera.color_profile": "640x480x15",
    "depth_module.depth_profile": "640x480x15",
}
"""For realsense2_camera, run as a node named `camera`: it then publishes what the table's CAMERA names."""
CAMERA_REMAPPINGS = (("/tf", "tf"), ("/tf_static", "tf_static"))
"""Its transforms into the stack's namespace."""
