"""What can be checked of images and workflow without a docker daemon: none of them has been built here."""

import ast
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.specifiers import SpecifierSet

from support.images import IMAGES, ROOT, texts

WORKFLOW = ROOT / ".github" / "workflows" / "ros.yml"
PYTHON_OF = {"ros:humble": "3.10", "ros:jazzy": "3.12", "ubuntu:20.04": "3.8"}


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the build context; the last pattern that matches decides."""
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    result = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern and not pattern.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in parents):
            result = not line.startswith("!")
    return result


def shell(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, f"{text}\n{done.stderr}"


def constraints() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+]+)", line):
            found.setdefault(match[1].lower().replace("_", "-"), set()).add(match[2])
    return found


def packages() -> dict[str, Path]:
    """The colcon packages of the repository by name."""
    files = [folder / "package.xml" for folder in (ROOT / "msg", ROOT / "src")]
    return {str(ElementTree.parse(file).findtext("name")): file.parent for file in files if file.is_file()}


def steps() -> list[dict]:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(WORKFLOW.read_text())["jobs"]["build-and-test"]["steps"]


def commands() -> str:
    """All commands of images and workflow."""
    runs = [text for image in IMAGES for text in texts(image, "RUN")]
    return "\n".join([*runs, *(step.get("run", "") for step in steps())])


def test_there_is_an_image_for_the_robot_the_simulation_and_isaac_gym() -> None:
    assert {image.name.split(".")[0]: texts(image, "FROM")[0] for image in IMAGES} == {
        "isaacgym": "ubuntu:20.04",
        "robot": "ros:humble",
        "sim": "ros:jazzy",
    }


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_every_command_of_an_image_is_valid_shell(image: Path) -> None:
    for text in texts(image, "RUN"):
        shell(re.sub(r"^(--mount=\S+\s+)+", "", text))
    assert json.loads(texts(image, "SHELL")[0]) == ["/bin/bash", "-euo", "pipefail", "-c"]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_what_an_image_copies_is_there_and_not_ignored(image: Path) -> None:
    for text in texts(image, "COPY"):
        for source in shlex.split(text)[:-1]:
            assert (ROOT / source).exists(), source
            assert source == "." or not ignored(source), f"{source} is ignored by .dockerignore"


def test_the_context_holds_what_is_built_and_nothing_private() -> None:
    for path in ("src/fail2progress/weights/plain.json", "msg/package.xml", "docker/entrypoint.sh", "colcon.meta"):
        assert (ROOT / path).exists() and not ignored(path), path
    for path in (".git", ".venv/bin/python", "runs/demo", "build", "install/setup.bash", "src/fail2progress/__pycache__", ".env"):
        assert ignored(path), path


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_images_end_as_a_user_without_rights(image: Path) -> None:
    users = texts(image, "USER")
    assert users and users[-1] not in ("root", "0") and f"{users[-1]}" in commands()


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_apt_lists_do_not_stay_in_a_layer(image: Path) -> None:
    for text in texts(image, "RUN"):
        assert "apt-get update" not in text or "rm -rf /var/lib/apt/lists/*" in text
        assert "apt-get install" not in text or "--no-install-recommends" in text
        assert "pip install" not in text or "--no-cache-dir" in text


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_what_an_image_starts_exists(image: Path) -> None:
    for text in texts(image, "ENTRYPOINT"):
        assert json.loads(text) == ["/entrypoint.sh"] and "docker/entrypoint.sh /entrypoint.sh" in commands()
    command = json.loads(texts(image, "CMD")[0])
    if command[0] == "ros2":
        assert command[:3] == ["ros2", "launch", "fail2progress"]
        if not (ROOT / "launch").is_dir():
            pytest.skip("there are no launch files yet")
        assert (ROOT / "launch" / command[3]).is_file()
    else:
        assert command[:2] == ["python3", "-m"]
        copied = {word for text in texts(image, "COPY") for word in text.split()[:-1]}
        modules = {str(Path(path).relative_to("src").with_suffix("")).replace("/", ".") for path in copied}
        assert command[2] in modules
        for path in copied:
            tree = ast.parse((ROOT / path).read_text(), feature_version=(3, 8))
            guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
            for_types = {id(inner) for node in guarded for inner in ast.walk(node)}
            imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and id(node) not in for_types]
            names = {node.module or "" for node in imports}
            own = {name for name in names if name.startswith("fail2progress")}
            assert {name for name in own if name not in modules and f"{name}.__init__" not in modules} == set()


def test_the_entry_point_is_a_program() -> None:
    script = ROOT / "docker" / "entrypoint.sh"
    shell(script.read_text())
    assert os.access(script, os.X_OK)


def test_versions_are_those_that_are_tested() -> None:
    known = constraints()
    pinned = re.findall(r"([\w-]+)==([\d.]+)", commands())
    for name, version in pinned:
        if name.lower() in known and (name, version) != ("numpy", "1.23.5"):
            assert version in known[name.lower()], f"{name}=={version}"
    argument = next(text for text in texts(ROOT / "docker" / "robot.Dockerfile", "ARG") if text.startswith("STRETCH_BODY"))
    version = argument.partition("=")[2]
    driver = (ROOT / "src/fail2progress/robots/stretch/real/transport.py").read_text()
    assert "0.7.31 satisfies" in driver and version == "0.7.31"
    assert version in known.get("hello-robot-stretch-body", {version})


def test_what_is_pinned_takes_every_release_of_this_python() -> None:
    """Distributions stay with early ones: Debian 12 has 3.11.2."""
    first = f"{sys.version_info.major}.{sys.version_info.minor}.0"
    known = constraints()
    installed = [each for each in metadata.distributions() if each.metadata["Name"].lower().replace("_", "-") in known]
    assert len(installed) > 100
    too_new = {
        f"{each.metadata['Name']}=={each.version}: Python {wanted}"
        for each in installed
        if (wanted := each.metadata.get("Requires-Python")) and first not in SpecifierSet(wanted)
    }
    assert too_new == set()


def test_python_of_the_ros_images_is_one_that_the_package_takes() -> None:
    requires = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert requires is not None
    for image in IMAGES:
        minor = int(PYTHON_OF[texts(image, "FROM")[0]].split(".")[1])
        assert image.name == "isaacgym.Dockerfile" or int(requires[1]) <= minor < int(requires[2])


def test_extras_that_are_installed_are_offered() -> None:
    offered = re.search(r"\[project\.optional-dependencies\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.S)
    assert offered is not None
    names = set(re.findall(r"^(\w+) = ", offered[1], re.M))
    wanted = {name for group in re.findall(r"'\.\[([\w,]+)\]'", commands()) for name in group.split(",")}
    assert wanted and wanted <= names


def test_the_workflow_builds_in_the_containers_of_both_distributions() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load(WORKFLOW.read_text())["jobs"]["build-and-test"]
    assert job["strategy"]["matrix"]["distribution"] == ["humble", "jazzy"]
    assert job["container"] == "ros:${{ matrix.distribution }}" and job["defaults"]["run"]["shell"] == "bash"
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step)
        shell(step.get("run", ""))


def test_the_study_is_run_by_a_command_that_exists_and_kept() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((WORKFLOW.parent / "study.yml").read_text())["jobs"]["quick"]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert "make env" in runs and "env:" in (ROOT / "Makefile").read_text()
    (study,) = (shlex.split(run) for run in runs if "reproduce" in run)
    assert study[0] == ".venv/bin/fail2progress"
    help_of = [sys.executable, "-c", "from fail2progress.cli.main import app; app()", *study[1:3], "--help"]
    said = subprocess.run(help_of, capture_output=True, text=True, check=True).stdout
    assert all(option in said for option in study[3:] if option.startswith("--"))
    kept = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept and all(line.startswith(f"{study[-1]}/") for line in kept[0].split())


def test_colcon_is_told_about_packages_that_exist() -> None:
    named = json.loads((ROOT / "colcon.meta").read_text())["names"]
    known = packages()
    assert "fail2progress_msgs" in known
    if "fail2progress" not in known:
        pytest.skip("src/package.xml is not there yet")
    assert set(named) == set(known)
    for name in re.findall(r"--packages-(?:up-to|select) ([\w ]+)", commands()):
        assert set(name.split()) <= set(known)


def test_colcon_is_asked_to_test_only_what_registers_tests() -> None:
    """`colcon test` is content with a package that has none; the tests are run by pytest."""
    meta = json.loads((ROOT / "colcon.meta").read_text())["names"]
    for name, folder in packages().items():
        registers = re.search(r"ament_add_\w*test|add_test\(", (folder / "CMakeLists.txt").read_text()) is not None
        assert f"-DBUILD_TESTING={'ON' if registers else 'OFF'}" in meta[name]["cmake-args"]
        assert registers or not re.search(rf"colcon test .*\b{name}\b", commands().replace("\\\n", " "))
    assert "python -m pytest" in commands()


@pytest.mark.skipif(shutil.which("colcon") is None, reason="colcon is not installed")
def test_colcon_finds_the_packages_and_no_others(tmp_path: Path) -> None:
    sources = tmp_path / "src"
    sources.mkdir()
    (sources / "fail2progress").symlink_to(ROOT)
    colcon = ["colcon", "--log-base", str(tmp_path / "log"), "list", "--names-only", "--metas", str(ROOT / "colcon.meta")]
    listed = subprocess.run(colcon, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert sorted(listed) == sorted(packages())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("colcon") is None, reason="colcon is not installed")
def test_colcon_installs_programs_launch_files_and_all_of_config_that_people_need(tmp_path: Path) -> None:
    """Of config/ros, the middleware's profile alone: the rest is there to build by."""
    prefix = os.environ.get("AMENT_PREFIX_PATH", sys.prefix)
    variables = {**os.environ, "AMENT_PREFIX_PATH": prefix, "CMAKE_PREFIX_PATH": prefix, "VIRTUAL_ENV": sys.prefix}
    words = ["colcon", "--log-base", "log", "build", "--base-paths", str(ROOT / "src"), "--metas", str(ROOT / "colcon.meta")]
    words += ["--cmake-args", f"-DPython3_EXECUTABLE={sys.executable}"]
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = tmp_path / "install" / "fail2progress"
    share = installed / "share" / "fail2progress"
    config = {path.relative_to(ROOT / "config").as_posix() for path in (ROOT / "config").rglob("*") if path.is_file()}
    wanted = {path for path in config if not path.startswith("ros/")} | {"ros/fastdds.xml"}
    assert {path.relative_to(share / "config").as_posix() for path in (share / "config").rglob("*") if path.is_file()} == wanted
    assert {"sros2/policies.xml", "robot.yaml", "view.rviz"} <= wanted
    assert {path.name for path in (share / "launch").iterdir()} == {path.name for path in (ROOT / "launch").glob("*.py")}
    assert os.access(installed / "lib" / "fail2progress" / "fail2progress", os.X_OK)
