"""Processes of Python that are started where a lab's own files have names of Python's modules."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fail2progress.core.children import give_back, module_command, program_command, safe_imports
from support.shadows import NAMES, shadowed

TOLD = "import sys, json; print(json.dumps([sys.argv[1:], [one for one in sys.path if one in ('', sys.argv[1])]]))"
WORK = """
import os, sys
from fail2progress.core.executor import LocalExecutor, at_work
import multiprocessing

def beside(): import random, socket

if __name__ == "__main__":
    print(sorted(LocalExecutor(2).map_unordered(abs, range(-3, 0))))
    print(list(LocalExecutor(1).map_unordered(os.getenv, ["PYTHONSAFEPATH"])))
    worker = multiprocessing.get_context("spawn").Process(target=beside)
    with at_work([worker]):
        pass
    print(worker.exitcode, os.environ.get("PYTHONSAFEPATH"))
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return shadowed(tmp_path / "lab")


@pytest.mark.parametrize("python", ["", sys.executable], ids=["this interpreter", "any interpreter"])
def test_a_module_is_run_as_with_m_without_the_working_folder(lab: Path, tmp_path: Path, python: str) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "told.py").write_text(f"import random, socket\n{TOLD}\nprint(__name__, __file__)")
    command = module_command("told", str(lab), "-x", python=python)
    done = subprocess.run(
        command, cwd=lab, env={**os.environ, "PYTHONPATH": str(tmp_path / "room")}, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [f'[["{lab}", "-x"], []]', f"__main__ {tmp_path / 'room' / 'told.py'}"], done.stderr
    usual = subprocess.run([sys.executable, "-m", "random"], cwd=lab, capture_output=True, text=True)
    assert ".py of the lab was imported" in usual.stderr


@pytest.mark.parametrize("python", ["", sys.executable])
@pytest.mark.parametrize("variables", [{}, {"PYTHONSAFEPATH": "1"}])
def test_a_program_is_run_as_with_c_without_the_working_folder(lab: Path, python: str, variables: dict[str, str]) -> None:
    command = [*program_command(f"import {', '.join(NAMES)}; {TOLD}", python), str(lab)]
    done = subprocess.run(command, cwd=lab, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.stdout == f'[["{lab}"], []]\n', done.stderr


@pytest.mark.skipif(sys.version_info < (3, 11), reason="before Python 3.11, what multiprocessing starts cannot be told")
def test_processes_for_work_import_nothing_of_the_working_folder(lab: Path, tmp_path: Path) -> None:
    """And hand nothing of that on to the programs that they start."""
    (tmp_path / "work.py").write_text(WORK)
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    done = subprocess.run([sys.executable, str(tmp_path / "work.py")], cwd=lab, env=variables, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[1, 2, 3]", "[None]", "0 None"], done.stderr


def test_what_a_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    give_back("yes")
    assert os.environ["PYTHONSAFEPATH"] == "yes"


def test_threads_that_start_processes_at_once_leave_the_variable_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    first, second = safe_imports(), safe_imports()
    assert (first.__enter__(), second.__enter__()) == (None, None) and os.environ["PYTHONSAFEPATH"] == "1"
    first.__exit__(None, None, None)
    assert os.environ["PYTHONSAFEPATH"] == "1"
    second.__exit__(None, None, None)
    assert "PYTHONSAFEPATH" not in os.environ
