"""The ROS package of src/ and its launch files, as far as they can be read without a ROS installation."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2progress import __version__
from fail2progress.perception.segmentation.registry import SEGMENTERS
from fail2progress.ros import graph as table
from fail2progress.ros.bags.info import BagInfo
from fail2progress.ros.launch import description as launching
from fail2progress.ros.parameter_file import said

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "launch").glob("*.launch.py"))
STACKS = list(table.STACKS)


# The package


def test_the_manifest_agrees_with_the_python_package() -> None:
    manifest = ElementTree.parse(ROOT / "src" / "package.xml").getroot()
    assert manifest.get("format") == "3" and not (ROOT / "package.xml").exists()
    assert (manifest.findtext("name"), manifest.findtext("version")) == ("fail2progress", __version__)
    project = (ROOT / "pyproject.toml").read_text()
    assert f'license = "{manifest.findtext("license")}"' in project and 'name = "fail2progress"' in project
    assert manifest.findtext("export/build_type") == "ament_cmake"


def test_the_manifest_names_every_ros_package_that_is_imported() -> None:
    manifest = ElementTree.parse(ROOT / "src" / "package.xml").getroot()
    named = {item.text for item in manifest if item.tag.endswith("depend")}
    imported: set[str] = set()
    for path in (ROOT / "src" / "fail2progress" / "ros").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom | ast.Import):
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                imported |= {module.split(".")[0] for module in modules}
    others = {"rclpy", "launch", "launch_ros", "ament_index_python"}
    ours = {name for name in imported if name.endswith("_msgs") or name in others}
    types = {topic.type.split("/")[0] for topic in table.TOPICS.values()}
    assert ours | types <= named, (ours | types) - named


def test_versions_of_the_packages_agree() -> None:
    versions = {str(ElementTree.parse(ROOT / folder / "package.xml").findtext("version")) for folder in ("src", "msg")}
    assert versions == {__version__}


def test_every_node_of_the_table_becomes_a_program() -> None:
    """CMake reads the nodes out of the table by the very command that stands in its file."""
    text = (ROOT / "src" / "CMakeLists.txt").read_text()
    command = re.search(r'-B -c "(.+?)"\n', text)
    assert command is not None
    said = subprocess.run([sys.executable, "-B", "-c", command[1]], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    assert said.stdout.split(";") == list(table.NODES)
    assert "install(PROGRAMS scripts/node DESTINATION lib/${PROJECT_NAME} RENAME ${NODE})" in text
    for installed in re.findall(r"(?:install\(PROGRAMS|REAL_PATH) (\S+)", text):
        assert (ROOT / "src" / installed).exists(), installed
    assert "../" not in text, "the package builds where it is copied to alone"


@pytest.mark.parametrize("script", sorted((ROOT / "src" / "scripts").iterdir()), ids=lambda path: path.name)
def test_programs_are_executable_python(script: Path) -> None:
    text = script.read_text()
    ast.parse(text)
    assert text.startswith("#!/usr/bin/env python3\n") and script.stat().st_mode & 0o111


def test_a_program_runs_the_node_that_it_is_named_after(tmp_path: Path) -> None:
    """Under a name that is none, it says so: what it hands on is its own name."""
    program = tmp_path / "somebody"
    shutil.copy(ROOT / "src" / "scripts" / "node", program)
    pytest.importorskip("rclpy")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True)
    assert done.returncode == 2 and "unknown node 'somebody'" in done.stderr


# What the launch files take, from the table


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_launch_file_starts_the_stack_that_it_is_named_after(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 10))
    assert ast.get_docstring(tree)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["generate_launch_description"]
    started = [ast.literal_eval(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert started == [path.name.removesuffix(".launch.py")]


def test_there_is_a_launch_file_for_every_stack() -> None:
    assert [path.name.removesuffix(".launch.py") for path in FILES] == sorted(STACKS)


@pytest.mark.parametrize("stack", STACKS)
def test_every_argument_says_what_it_is(stack: str) -> None:
    found = launching.arguments(stack)
    names = [argument.name for argument in found]
    assert len(set(names)) == len(names) and all(len(argument.description) > 10 for argument in found)
    assert {"namespace", "use_sim_time", "params_file", "autostart", "log_level", "state_dir", "segmenter", "bag"} <= set(names)
    assert [argument.name for argument in found if argument.default is None] == (["bag"] if stack == "replay" else [])
    for argument in found:
        if argument.default:
            assert argument.name in (*launching.DEFAULTS, "use_sim_time", "resume", "camera", table.ROBOT)


def test_an_argument_for_several_nodes_says_what_it_is_for_each() -> None:
    described = {argument.name: argument.description for argument in launching.arguments("sim")}
    assert "of everything random in learning" in described["seed"] and "which trials" in described["seed"]
    for stack in STACKS:
        (segmenter,) = (argument.description for argument in launching.arguments(stack) if argument.name == "segmenter")
        assert f"else {launching.settings_file(stack)}, else label-image" in segmenter, "the file says fused for a robot"
        assert set(SEGMENTERS.names()) <= set(re.findall(r"[a-z-]+", segmenter)), "every one that the package has"


def test_a_robot_of_ones_own_takes_the_place_of_the_stretch() -> None:
    assert launching.own_robot({table.ROBOT: "false"}) and not launching.own_robot({table.ROBOT: "true"})
    with pytest.raises(ValueError, match="stretch: 'mine' is neither true nor false"):
        launching.own_robot({table.ROBOT: "mine"})
    for stack in STACKS:
        left = set(table.STACKS[stack]) - set(table.nodes(stack, launching.own_robot({})))
        assert left == set() and "stretch" not in table.nodes(stack, own_robot=True)
    assert set(table.nodes("robot")) - set(table.nodes("robot", own_robot=True)) == {"stretch"}


@pytest.mark.parametrize("stack", STACKS)
def test_arguments_reach_the_nodes_that_have_the_parameter(stack: str) -> None:
    general = {"log_level": "warn", "state_dir": "here", "autostart": "false", "processes": "2", "seed": ""}
    found = launching.values(stack, {**general, "segmenter": "geometric", "urdf": "robot.urdf"})
    assert set(found) == set(table.STACKS[stack])
    for values in found.values():
        assert (values["loglevel"], values["state_dir"], values["autostart"]) == ("warn", "here", False)
    assert (found["segmentation"]["segmenter"], found["segmentation"]["urdf"]) == ("geometric", "robot.urdf")
    assert found["classifier"]["processes"] == 2
    assert {node for node, values in found.items() if "processes" in values} == {"classifier", "learner"}
    for node, values in found.items():
        known = {parameter.name: parameter for parameter in table.parameters(table.NODES[node])}
        for name, value in values.items():
            assert type(value) is type(known[name].default) and known[name].check(value) is None


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("seed", "-1", "outside"),
        ("seed", "1.5", "whole number"),
        ("robot", "hands", "one of stretch, hand"),
        ("autostart", "perhaps", "truth value"),
        ("objects", "many", "whole number"),
    ],
)
def test_a_wrong_argument_is_named(name: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        launching.values("sim", {name: text})
    assert name in str(caught.value)


@given(text=st.text(max_size=8), name=st.sampled_from(["seed", "autostart", "robot", "state_dir", "task", "objects"]))
def test_no_text_gets_past_the_table(text: str, name: str) -> None:
    try:
        found = launching.values("sim", {name: text})
    except ValueError as error:
        assert name in str(error)
        return
    for node, parameter in launching.takers("sim", name).items():
        assert (parameter.name in found[node]) == bool(text)
        assert not text or parameter.check(found[node][parameter.name]) is None


def test_a_replay_segments_by_what_the_recording_holds_unless_somebody_says(tmp_path: Path) -> None:
    bare = BagInfo(tmp_path, (), {"/camera/color/image_raw": "camera/color/image_raw"}, "camera")
    labelled = BagInfo(tmp_path, (), {"/robot/camera/labels": "camera/labels"}, "camera")
    given = {"segmenter": "", "params_file": ""}
    assert launching.fitting(given, bare) == {"segmenter": "fused"}
    assert launching.fitting(given, labelled) == {"segmenter": "label-image"}
    assert launching.fitting({**given, "segmenter": "geometric"}, labelled) == {}
    for number, (text, told) in enumerate(
        (
            ("/**/segmentation: {ros__parameters: {segmenter: geometric}}", True),
            ("/**: {ros__parameters: {segmenter: geometric}}", True),
            ("kitchen: {segmentation: {ros__parameters: {segmenter: geometric}}}", True),
            ("/kitchen/segmentation: {ros__parameters: {obstacles: true}}", False),
            ("monitor: {ros__parameters: {segmenter: geometric}}", False),
        )
    ):
        (tmp_path / f"{number}.yaml").write_text(text)
        kitchen = {**given, "params_file": str(tmp_path / f"{number}.yaml"), "namespace": "kitchen"}
        assert (launching.fitting(kitchen, bare) == {}) is told, text


@pytest.mark.parametrize("stack", STACKS)
def test_who_starts_a_stack_without_its_file_has_the_same_settings(stack: str) -> None:
    yaml = pytest.importorskip("yaml")
    settings = yaml.safe_load((ROOT / launching.settings_file(stack)).read_text())
    found = {pattern.removeprefix("/**/"): content["ros__parameters"] for pattern, content in settings.items()}
    assert found == launching.SETTINGS[stack]
    usual = launching.defaults(stack, {"segmenter": "geometric", "loglevel": "warn"})
    assert set(usual) == set(table.STACKS[stack]) and all(own["loglevel"] == "warn" for own in usual.values())
    assert usual["segmentation"] == {**launching.SETTINGS[stack]["segmentation"], "segmenter": "geometric", "loglevel": "warn"}


@pytest.mark.parametrize(
    ("place", "namespace", "holds"),
    [
        ("segmentation", "", True),
        ("segmentation", "robot1", False),
        ("/robot1/segmentation", "robot1", True),
        ("/robot1/segmentation", "robot2", False),
        ("/robot1/**", "robot2", False),
        ("/**/segmentation", "robot1", True),
        ("/**/segmentation", "", True),
        ("/**", "a/b", True),
        ("/*/segmentation", "robot1", True),
        ("/*/segmentation", "a/b", False),
        ("planner", "", False),
    ],
)
def test_a_file_of_parameters_holds_for_the_nodes_that_ros_takes_it_for(
    tmp_path: Path, place: str, namespace: str, holds: bool
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"{place}: {{ros__parameters: {{segmenter: learned}}}}\n")
    assert said(path, "segmentation", namespace) == ({"segmenter": "learned"} if holds else {})
    usual = launching.defaults("robot", {"segmenter": "fused"}, path, namespace)["segmentation"]
    assert usual == ({"obstacles": True} if holds else {"obstacles": True, "segmenter": "fused"})


def test_a_goal_of_ones_own_goes_to_the_task() -> None:
    found = launching.values("sim", {"goal": "inside(capsule_1, cup_1)", "simulator": "mujoco", "relations": "geometric"})
    assert found["task"] == {"goal": "inside(capsule_1, cup_1)"} and found["relations"] == {"relations": "geometric"}
    assert [node for node, own in found.items() if "simulator" in own] == ["classifier", "learner", "sim_stretch"]


def test_what_is_nearly_an_argument_is_named() -> None:
    said = launching.misspelt("sim", ["seed", "sedd", "launch-prefix", "ros_namespace", "goal", "simulator", "relations"])
    assert said == ["sedd:= is no argument of this launch file; do you mean seed:=?"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"report": "page.txt"}, "report: page.txt: the name ends in .html"),
        ({"report": "/proc/page.html"}, "report: /proc: cannot be written"),
        ({"result": "/proc/1/none/result.json"}, "result: /proc/1/none: cannot be written"),
        ({"urdf": "robot.urdf"}, "urdf: robot.urdf: no such file"),
        ({"state_dir": "/proc/state"}, "state_dir: /proc/state: cannot be written"),
    ],
)
def test_files_are_tried_out_before_anything_is_started(
    given: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    launching.check_files({"state_dir": "state", "report": "new/page.html", "result": "", "urdf": ""})
    assert (tmp_path / "state").is_dir() and (tmp_path / "new").is_dir()
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        launching.check_files({"state_dir": "state", **given})


@pytest.mark.parametrize("stack", STACKS)
def test_settings_name_nodes_and_parameters_of_the_table(stack: str) -> None:
    yaml = pytest.importorskip("yaml")
    settings = yaml.safe_load((ROOT / launching.settings_file(stack)).read_text())
    for pattern, content in settings.items():
        assert pattern.startswith("/**/") and set(content) == {"ros__parameters"}
        node = pattern.removeprefix("/**/")
        assert node in table.STACKS[stack]
        known = {parameter.name: parameter for parameter in table.parameters(table.NODES[node])}
        for name, value in content["ros__parameters"].items():
            assert type(value) is type(known[name].default) and known[name].check(value) is None


def test_the_camera_publishes_what_the_table_names() -> None:
    """The driver's topics lie below its node's name."""
    assert all(topic.startswith(f"{launching.CAMERA_PARAMETERS['camera_name']}/") for topic in table.CAMERA)
    assert launching.CAMERA_PARAMETERS["align_depth.enable"] is True
