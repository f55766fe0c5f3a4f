"""Mistakes in parameters, and missing packages: a node ends once, with one line that names them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rclpy.logging import LoggingSeverity
from rclpy.parameter import Parameter

from fail2progress.ros import __main__ as program
from fail2progress.ros.parameter_file import ParameterFileError, check_arguments, misspelt
from support.rigs import rig


def end(variables: dict[str, str], *words: str) -> tuple[int, str]:
    """Exit code and the last line of a node's process."""
    import os

    command = [sys.executable, "-m", "fail2progress.ros", *words]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("relatoins:=geometric", "unknown parameter 'relatoins'; do you mean 'relations'?"),
        ("loglevel:=loud", "loglevel: 'loud' is not one of debug, info, warn, error"),
        ("loglevel:=3", "loglevel: expected a text, got 3: write '3', with quotes"),
        ("image_rate:=3", "image_rate: expected a number with a point, got 3: write 3.0"),
        ("image_rate:=fast", "image_rate: expected a number with a point, got 'fast'"),
        ("autostart:=1", "autostart: expected true or false, got 1"),
    ],
)
def test_a_mistake_in_a_parameter_ends_a_node_with_its_name(mistake: str, said: str, ros_variables: dict[str, str]) -> None:
    code, line = end(ros_variables, "recorder", "--ros-args", "-p", mistake)
    assert code == 2 and line.startswith("fail2progress: recorder: ") and said in line


def test_a_damaged_file_of_parameters_is_named(ros_variables: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("recorder:\n  ros__parameters:\n    loglevel: [1, 'a'\n")
    code, line = end(ros_variables, "recorder", "--ros-args", "--params-file", str(path))
    assert code == 2 and "bad.yaml" in line and line.startswith("fail2progress: recorder: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("recorder: {ros__parameters: {samples: 20}}", "recorder: unknown parameter 'samples'; known: autostart, "),
        (
            "kitchen: {recorder: {ros__parameters: {image_rate: 3}}}",
            "image_rate: expected a number with a point, got 3: write 3.0",
        ),
        ("taper: {ros__parameters: {image_rate: 99.0}}", "image_rate: 99.0 is outside [0, 60]"),
        ("recoder: {ros__parameters: {image_rate: 3.0}}", "no node 'recoder' in the stack. Did you mean 'recorder'?"),
        ("/**: {ros__parameters: {imagerate: 3.0}}", "unknown parameter 'imagerate'; do you mean 'image_rate'?"),
        ("recorder: {ros__parameters: {bag: a, bag: b}}", "bag: this key stands here twice"),
        ("planner: {ros__parameters: {max_skills: many}}", "planner: max_skills: expected a whole number, got 'many'"),
    ],
)
def test_a_file_of_parameters_is_checked_by_each_node_as_by_the_launch_files(
    content: str, said: str, ros_variables: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    code, line = end(ros_variables, "recorder", "--ros-args", "-r", "__node:=taper", "--params-file", str(path))
    assert code == 2 and line.startswith(f"fail2progress: recorder: {path}") and said in line


def test_a_node_of_another_name_has_its_parameters_under_that(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("my_recorder: {ros__parameters: {image_rate: 3.0}}\ntalker: {ros__parameters: {chatter: loud}}\n")
    check_arguments(["--ros-args", "--remap", "__name:=my_recorder", "--params-file", str(path)], "recorder")
    with pytest.raises(ParameterFileError, match="no node 'my_recorder'"):
        check_arguments(["--ros-args", "--params-file", str(path)], "recorder")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'stretch_body'", name="stretch_body")

    monkeypatch.setattr(program.importlib, "import_module", missing)
    assert program.main(["recorder", "--ros-args", "--log-level", "fatal"]) == 2
    assert capsys.readouterr().err == "fail2progress: recorder: the package stretch_body is missing; see: fail2progress doctor\n"


def test_parameters_of_other_nodes_and_of_ros_are_nobodys_mistake() -> None:
    assert misspelt(["relations", "samples", "use_sim_time", "qos_overrides./tf.publisher.depth"]) is None
    assert misspelt(["zzz"]) == "unknown parameter 'zzz'"


def test_what_is_read_at_configuration_is_not_set_afterwards(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a node would say that it segments by what it does not segment by."""
    ros(segmenter="geometric")
    with rig("segmentation", monkeypatch) as made:
        made.activate()
        for name, value in (("planning_frame", ""), ("segmenter", "nosuch"), ("state_dir", "/tmp")):
            (result,) = made.node.set_parameters([Parameter(name, value=value)])
            assert not result.successful and f"{name} counts from the node's configuration on" in result.reason
            (same,) = made.node.set_parameters([Parameter(name, value=made.node.param(name))])
            assert same.successful
        assert made.node.param("planning_frame") == "planning"
        results = made.node.set_parameters([Parameter("slop", value=0.1), Parameter("loglevel", value="error")])
        assert all(result.successful for result in results) and made.node.param("slop") == 0.1
        assert made.node.get_logger().get_effective_level() == LoggingSeverity.ERROR
        (result,) = made.node.set_parameters([Parameter("loglevel", value="loud")])
        assert not result.successful and made.node.get_logger().get_effective_level() == LoggingSeverity.ERROR
