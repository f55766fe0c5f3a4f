"""Who may know a skill by its name: its own folder. Whoever else must know something about a skill asks its definition.

To make a call of a skill, as a family of executions does, is no question about it; to compare a name, or to look something up by
it, is one, and one more skill would have to be added there.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.skills.registry import SKILLS

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "fail2progress"
BUILT_IN = [name for name in SKILLS if (PACKAGE / "skills" / name).is_dir()]


def asks(tree: ast.AST, name: str) -> Iterator[int]:
    """Lines that compare with a name, choose by it, or keep something under it; and those that import from its folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f".skills.{name}" in (node.module or ""):
            yield node.lineno
        elif isinstance(node, ast.match_case) and name in constants(node.pattern):
            yield node.pattern.lineno
        elif any(name in constants(part) for part in choosing(node)):
            yield getattr(node, "lineno", 0)


def choosing(node: ast.AST) -> list[ast.expr]:
    """What a comparison compares, or a dictionary is looked up by."""
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    return [node] if isinstance(node, ast.Compare) else []


def constants(node: ast.AST) -> set[str]:
    return {str(part.value) for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def asking(name: str) -> list[str]:
    """Files outside a skill's folder that ask for it by name."""
    own = PACKAGE / "skills" / name
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if own not in path.parents]
    return [str(path.relative_to(PACKAGE)) for path in files if any(asks(ast.parse(path.read_text("utf-8")), name))]


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_file_outside_its_folder_asks_for_a_skill_by_name(name: str) -> None:
    assert asking(name) == []


@pytest.mark.parametrize(
    "source",
    ['call.skill == "wipe"', 'call.skill in ("push", "wipe")', '{"wipe": run}', "from fail2progress.skills.wipe.x import y"],
)
def test_the_check_sees_who_asks(source: str) -> None:
    assert list(asks(ast.parse(source), "wipe")) == [1] and not list(asks(ast.parse('SkillCall("wipe", it, ())'), "wipe"))
