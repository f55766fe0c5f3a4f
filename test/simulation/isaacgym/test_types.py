"""The worker against the public type stubs of Isaac Gym, and the stand-in against the same."""

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import fail2progress

SOURCES = Path(fail2progress.__file__).parent / "simulation"
WORKER = sorted(path for path in (SOURCES / "isaacgym").glob("*.py") if path.name != "entry.py")
STANDIN = Path(__file__).resolve().parents[2] / "support" / "isaacgym_standin" / "isaacgym" / "gymapi.py"
ALLOWED = {"__future__", "os", "sys", "tempfile", "time", "typing", "collections.abc", "numpy", "isaacgym"}


def stubs() -> str:
    """The stubs as published, but for two properties whose name, `lambda`, is no identifier."""
    path = next(file for file in metadata.files("isaacgym-stubs") or () if file.name == "gymapi.pyi")
    return Path(str(path.locate())).read_text().replace("def lambda(", "def lambda_(")


@pytest.fixture(scope="module")
def published() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(stubs()).body if isinstance(node, ast.ClassDef)}


def test_every_call_of_the_library_fits_the_stubs(tmp_path: Path) -> None:
    package = tmp_path / "isaacgym"
    package.mkdir()
    (package / "__init__.pyi").write_text("")
    (package / "gymapi.pyi").write_text(stubs())
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from isaacgym import gymapi\ngymapi.acquire_gym().simulate(3)\ngymapi.SimParams().dtt = 1.0\n")
    words = ["mypy", "--strict", "--follow-imports=silent", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    variables = {**os.environ, "MYPYPATH": os.pathsep.join([str(SOURCES.parents[1]), str(tmp_path)])}
    files = map(str, [*WORKER, wrong])
    done = subprocess.run([sys.executable, "-m", *words, *files], capture_output=True, text=True, env=variables).stdout
    errors = [line for line in done.splitlines() if "/isaacgym/gymapi.pyi" not in line and "error:" in line]
    assert [line for line in errors if not line.startswith(str(wrong))] == []  # the rest is about the stubs themselves
    assert f"checked {len(WORKER) + 1} source files" in done
    assert any('"dtt"' in line for line in errors) and any('incompatible type "int"; expected "Sim"' in line for line in errors)


@pytest.mark.parametrize("path", [*WORKER, SOURCES / "wire" / "frames.py", SOURCES / "wire" / "serving.py"], ids=lambda p: p.stem)
def test_the_worker_is_python_3_8_with_numpy_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = ("fail2progress.simulation.wire.", "fail2progress.simulation.isaacgym")
    assert {name for name in imported if not name.startswith(own)} <= ALLOWED | {"io", "json", "struct"}


def names(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in arguments.args]


def stated(method: ast.FunctionDef) -> list[str]:
    """Names of a published method's arguments; where the stub says *args, those of the signature in its docstring."""
    if method.args.vararg is None:
        return names(method.args)
    line = (ast.get_docstring(method) or "").splitlines()[0]
    return [part.split(":")[0].strip() for part in line[line.index("(") + 1 : line.rindex(") ->")].split(", ")]


def test_the_stand_in_has_the_signatures_of_the_stubs(published: dict[str, ast.ClassDef]) -> None:
    own = {node.name: node for node in ast.parse(STANDIN.read_text()).body if isinstance(node, ast.ClassDef)}
    methods = {node.name: node for node in own["Gym"].body if isinstance(node, ast.FunctionDef)}
    real = {node.name: node for node in published["Gym"].body if isinstance(node, ast.FunctionDef)}
    assert {name: names(method.args) for name, method in methods.items()} == {name: stated(real[name]) for name in methods}


@pytest.mark.parametrize(
    "name",
    ["SimParams", "PhysXParams", "PlaneParams", "AssetOptions", "AttractorProperties", "RigidShapeProperties", "Vec3", "Quat"],
)
def test_the_stand_in_has_properties_of_the_stubs_alone(name: str, published: dict[str, ast.ClassDef]) -> None:
    tree = next(n for n in ast.parse(STANDIN.read_text()).body if isinstance(n, ast.ClassDef) and n.name == name)
    own = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self"}
    real = {
        node.target.id for node in published[name].body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert own and own <= real


def test_the_constants_of_the_stand_in_are_in_the_stubs() -> None:
    published = {node.target.id for node in ast.parse(stubs()).body if isinstance(node, ast.AnnAssign)}
    own = [node.targets for node in ast.parse(STANDIN.read_text()).body if isinstance(node, ast.Assign)]
    constants = {leaf.id for targets in own for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)}
    assert {name for name in constants if not name.startswith("_")} <= published
