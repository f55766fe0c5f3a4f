"""The stand-in against the public type stubs of Isaac Gym. test_style.py checks the worker's calls against them."""

import ast
from pathlib import Path

import pytest

import fail2progress
from support.isaacgym_stubs import stubs

ROOT = Path(fail2progress.__file__).parent
SOURCES = ROOT / "simulation"
WORKER = sorted(path for path in (SOURCES / "isaacgym").glob("*.py") if path.name != "entry.py")
SHARED = [
    *(SOURCES / f"{name}.py" for name in ("wire/frames", "wire/serving", "held", "materials", "rest")),
    ROOT / "skills" / "limits.py",
]
"""What the worker takes from elsewhere."""
STANDIN = Path(__file__).resolve().parents[2] / "support" / "isaacgym_standin" / "isaacgym" / "gymapi.py"
ALLOWED = {"__future__", "os", "sys", "tempfile", "time", "typing", "collections.abc", "numpy", "isaacgym"}


@pytest.fixture(scope="module")
def published() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(stubs()).body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("path", [*WORKER, *SHARED], ids=lambda p: p.stem)
def test_the_worker_is_python_3_8_with_numpy_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for_types = {id(inner) for node in guarded for inner in ast.walk(node)}
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and id(node) not in for_types}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    own = {f"fail2progress.{'.'.join(one.relative_to(ROOT).with_suffix('').parts)}" for one in (*WORKER, *SHARED)}
    assert imported <= ALLOWED | own | {"fail2progress.simulation.isaacgym", "dataclasses", "io", "json", "struct"}


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
