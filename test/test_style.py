"""What tools and conventions ask of the source: ruff, mypy --strict, sizes, order of the rooms, forbidden imports."""

import ast
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.isaacgym_stubs import stubs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "fail2progress"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "test").rglob("*.py"))

MAX_FILE_LINES = 300
MAX_MEDIAN_FUNCTION_LINES = 10
LONG_FUNCTION_LINES = 30
MAX_LONG_FUNCTIONS_SHARE = 0.05
MAX_FUNCTION_LINES = 60

# Formats that run code when they are read.
UNSAFE_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"torch.load", "torch.save"}
UNSAFE_NAMES = {name.rpartition(".")[2] for name in UNSAFE_CALLS}
"""Looked at first: writing each call of the source out takes long."""
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


def unsafe_uses(path: Path) -> list[str]:
    """Pickle and its kin: by import, by torch's own, or asked for from numpy."""
    imports = [(line, name) for line, name in imports_of(path) if name.split(".")[0] in UNSAFE_MODULES]
    found = [f"{path.name}:{line}: imports {name}" for line, name in imports]
    for node in ast.walk(parse(path)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in UNSAFE_NAMES and ast.unparse(node.func) in UNSAFE_CALLS:
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


def lint_imports(folder: Path, source: Path) -> "subprocess.CompletedProcess[str]":
    """Check the import contracts of pyproject.toml in a folder."""
    program = Path(sys.executable).with_name("lint-imports")
    paths = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.run([str(program), "--no-cache"], cwd=folder, capture_output=True, text=True, env=paths)


def run_tool(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments[0]}:\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing() -> None:
    run_tool("ruff", "check", "src", "test", "examples")


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info < (3, 11), reason="NumPy for Python 3.10 says less of its types")
def test_mypy_strict_finds_nothing(tmp_path: Path) -> None:
    """Every call of Isaac Gym fits its public stubs, too; in one run, as most of it is spent on what libraries say."""
    (tmp_path / "isaacgym").mkdir()
    (tmp_path / "isaacgym" / "__init__.pyi").touch()
    (tmp_path / "isaacgym" / "gymapi.pyi").write_text(stubs())
    wrong, settings = tmp_path / "wrong.py", tmp_path / "pyproject.toml"
    wrong.write_text("from isaacgym import gymapi\ngymapi.acquire_gym().simulate(3)\ngymapi.SimParams().dtt = 1.0\n")
    skipped, followed = (f'module = "isaacgym.*"\nfollow_imports = "{how}"\n' for how in ("skip", "silent"))
    own = (ROOT / "pyproject.toml").read_text()
    assert skipped in own
    settings.write_text(own.replace(skipped, followed))
    words = ["-m", "mypy", "--strict", f"--config-file={settings}", "src/fail2progress", str(wrong)]
    variables = {**os.environ, "MYPYPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, env=variables)
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert [line for line in errors if f"/{wrong.name}:" not in line] == [], done.stderr
    assert f"checked {len(SOURCES) + 1} source files" in done.stdout, done.stdout + done.stderr
    assert any('"dtt"' in line for line in errors) and any('incompatible type "int"; expected "Sim"' in line for line in errors)


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


def test_rooms_import_only_from_rooms_below_and_never_in_a_circle() -> None:
    done = lint_imports(ROOT, ROOT / "src")
    assert done.returncode == 0, done.stdout


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
        ("from fail2progress.models import encoder", "fail2progress.core is not allowed to import fail2progress.models"),
        ("def f():\n    import fail2progress.cli.main", "fail2progress.core is not allowed to import fail2progress.cli"),
        ("from ..simulation import simulator", "fail2progress.core is not allowed to import fail2progress.simulation"),
        ("from .. import agent", "fail2progress.core is not allowed to import fail2progress.agent"),
        ("from . import relations\nimport numpy", ""),
    ],
)
def test_the_contract_sees_wrong_imports(source: str, wrong: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    modules = [*ROOMS, "models/encoder", "cli/main", "simulation/simulator", "core/relations"]
    for module in modules:
        (tmp_path / "fail2progress" / module).mkdir(parents=True, exist_ok=True)
        (tmp_path / "fail2progress" / module / "__init__.py").touch()
    (tmp_path / "fail2progress" / "__init__.py").touch()
    (tmp_path / "fail2progress" / "core" / "scene.py").write_text(source, encoding="utf-8")
    done = lint_imports(tmp_path, tmp_path)
    assert wrong in done.stdout and (done.returncode == 0) == (not wrong), done.stdout
