import json
import subprocess
from pathlib import Path

import pytest

from fail2progress.core import provenance as module
from fail2progress.core.provenance import provenance


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's repository with one commit, and the package in it."""
    _git(tmp_path, "init", "-q")
    (tmp_path / "theirs.txt").touch()
    (tmp_path / "provenance.py").touch()
    _git(tmp_path, "add", "theirs.txt")
    _git(tmp_path, "commit", "-q", "-m", "Theirs")
    monkeypatch.setattr(module, "__file__", str(tmp_path / "provenance.py"))
    return tmp_path


def _git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def test_provenance_says_where_a_number_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    found = provenance(seed=3, model="d" * 64)
    assert found["configuration"] == {"seed": 3, "model": "d" * 64}
    assert {"torch", "numpy", "mujoco"} <= set(found["versions"])  # type: ignore[call-overload]
    assert str(Path.home()) not in json.dumps(found) and str(Path.cwd()) not in json.dumps(found)
    monkeypatch.setenv("PATH", "")  # no git
    alone = provenance()
    assert (alone["commit"], alone["changed_files"]) == ("", None)


def test_a_package_that_is_installed_within_a_repository_does_not_name_its_commit(repository: Path) -> None:
    (repository / "theirs.txt").write_text("changed")
    found = provenance()
    assert (found["commit"], found["changed_files"]) == ("", None)


def test_a_repository_that_holds_the_package_is_named_with_its_changes(repository: Path) -> None:
    _git(repository, "add", "provenance.py")
    _git(repository, "commit", "-q", "-m", "The package")
    found = provenance()
    assert len(str(found["commit"])) == 40 and found["changed_files"] is False
    (repository / "theirs.txt").write_text("changed")
    assert provenance()["changed_files"] is True
