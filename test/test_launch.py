"""The ROS package of src/ and its launch files: what can be read of them always, what launch makes of them where it is there."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fail2progress import __version__
from fail2progress.nodes import table

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
    for path in (ROOT / "src" / "fail2progress" / "nodes").glob("*.py"):
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
    for installed in re.findall(r"install\((?:DIRECTORY|FILES|PROGRAMS) (\S+)", text):
        assert (ROOT / "src" / installed).exists(), installed


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
