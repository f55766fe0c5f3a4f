"""What tools and conventions ask of the source: ruff, mypy --strict, sizes, order of the rooms, forbidden imports."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "fail2progress"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "test").rglob("*.py"))

# A room imports only from rooms of a lower level (or itself).
LEVELS: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("skills",),
    ("simulation",),
    ("tasks",),
    ("perception",),
    ("models",),
    ("planning",),
    ("stein",),
    ("failures",),
    ("learning",),
    ("robots",),
    ("agent",),
    ("evaluation",),
    ("reporting",),
    ("ros",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

MAX_FILE_LINES = 300
MAX_MEDIAN_FUNCTION_LINES = 10
LONG_FUNCTION_LINES = 30
MAX_LONG_FUNCTIONS_SHARE = 0.05
MAX_FUNCTION_LINES = 60

# Formats that run code when they are read.
UNSAFE_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"torch.load", "torch.save"}
ROS_MODULES = {"rclpy", "rosbag2_py", "rosidl_runtime_py", "tf2_ros", "launch", "launch_ros", "ament_index_python"}


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def room_of(path: Path, package: Path = PACKAGE) -> str | None:
    """The room of a module; None for those that lie in the package itself."""
    parts = path.relative_to(package).parts
    return parts[0] if len(parts) > 1 else None


def imported_modules(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of everything imported, anywhere in the file, relative imports resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def imports_of(path: Path, package: Path = PACKAGE) -> list[tuple[int, str]]:
    dotted = ".".join([package.name, *path.relative_to(package).parts[:-1]])
    return list(imported_modules(parse(path), dotted))


def wrong_way_imports(path: Path, package: Path = PACKAGE) -> list[str]:
    """Imports of a room that stands below, each as "file:line: room imports room"."""
    here = room_of(path, package)
    if here is None:
        return []
    own = [(line, name) for line, name in imports_of(path, package) if name.startswith("fail2progress.")]
    rooms = [(line, name.split(".")[1]) for line, name in own]
    return [
        f"{path.relative_to(package)}:{line}: {here} imports {there}"
        for line, there in rooms
        if there in LEVEL and there != here and LEVEL[there] >= LEVEL[here]
    ]


def unsafe_uses(path: Path) -> list[str]:
    """Pickle and its kin: by import, by torch's own, or asked for from numpy."""
    imports = [(line, name) for line, name in imports_of(path) if name.split(".")[0] in UNSAFE_MODULES]
    found = [f"{path.name}:{line}: imports {name}" for line, name in imports]
    for node in ast.walk(parse(path)):
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func) in UNSAFE_CALLS:
            found.append(f"{path.name}:{node.lineno}: {ast.unparse(node.func)}")
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", None) is not False:
                found.append(f"{path.name}:{node.lineno}: allow_pickle")
    return found


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its first statement on, its signature and docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def function_lengths() -> dict[str, int]:
    return {
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}": body_lines(node)
        for path in SOURCES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def run_tool(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments[0]}:\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    run_tool("ruff", "check", "src", "test")


def test_mypy_strict_finds_nothing() -> None:
    run_tool("mypy", "--strict")


def test_files_are_short() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES + TESTS}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    lengths = function_lengths()
    if not lengths:
        pytest.skip("no functions yet")
    long = {name: lines for name, lines in lengths.items() if lines > LONG_FUNCTION_LINES}
    assert statistics.median(lengths.values()) <= MAX_MEDIAN_FUNCTION_LINES
    assert len(long) <= MAX_LONG_FUNCTIONS_SHARE * len(lengths), long
    assert max(lengths.values()) <= MAX_FUNCTION_LINES, long


def test_every_room_has_a_level() -> None:
    assert {room for path in SOURCES if (room := room_of(path))} <= set(LEVEL)


def test_rooms_import_only_from_rooms_above() -> None:
    assert [line for path in SOURCES for line in wrong_way_imports(path)] == []


def test_only_the_ros_room_imports_ros() -> None:
    core = [path for path in SOURCES if room_of(path) != "ros"]
    assert [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in core
        for line, name in imports_of(path)
        if name.split(".")[0] in ROS_MODULES or name.split(".")[0].endswith("_msgs")
    ] == []


def test_nothing_is_pickled() -> None:
    assert [line for path in SOURCES for line in unsafe_uses(path)] == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from fail2progress.models import encoder", ["core imports models"]),
        ("def f():\n    import fail2progress.cli.main", ["core imports cli"]),
        ("from ..simulation import simulator", ["core imports simulation"]),
        ("from .. import agent", ["core imports agent"]),
        ("from . import relations\nfrom .relations import Relation\nimport numpy", []),
    ],
)
def test_the_check_of_rooms_sees_wrong_imports(source: str, wrong: list[str], tmp_path: Path) -> None:
    package = tmp_path / "fail2progress"
    module = package / "core" / "scene.py"
    module.parent.mkdir(parents=True)
    module.write_text(source, encoding="utf-8")
    assert [line.split(": ")[1] for line in wrong_way_imports(module, package)] == wrong
