"""Who may know a skill by its name: its own folder. Whoever else must know something about a skill asks its definition.

To make a call of a skill, as a family of executions does, is no question about it; to compare a name, or to look something up by
it, is one, and one more skill would have to be added there.
"""

from pathlib import Path

import pytest

from fail2progress.skills.registry import SKILLS
from support.sources import Asked, asked_in, asked_of

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "fail2progress"
BUILT_IN = [name for name in SKILLS if (PACKAGE / "skills" / name).is_dir()]


def asks(asked: Asked, name: str) -> list[int]:
    """Lines that compare with a skill's name, choose by it, or keep something under it; and those that import from its folder."""
    return asked.choosing(name) + [line for module, _, line in asked.imports if f".skills.{name}" in module]


def asking(name: str) -> list[str]:
    """Files outside a skill's folder that ask for it by name."""
    own = PACKAGE / "skills" / name
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if own not in path.parents]
    return [str(path.relative_to(PACKAGE)) for path in files if asks(asked_in(path), name)]


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_file_outside_its_folder_asks_for_a_skill_by_name(name: str) -> None:
    assert asking(name) == []


@pytest.mark.parametrize(
    "source",
    ['call.skill == "wipe"', 'call.skill in ("push", "wipe")', '{"wipe": run}', "from fail2progress.skills.wipe.x import y"],
)
def test_the_check_sees_who_asks(source: str) -> None:
    assert asks(asked_of(source), "wipe") == [1] and not asks(asked_of('SkillCall("wipe", it, ())'), "wipe")
