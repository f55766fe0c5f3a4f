import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.failures.corrections import FILE, Corrector
from fail2progress.failures.edits import Execution
from fail2progress.failures.report import FailureSignal

SLIP = FailureSignal(name="grasp_slipped", severity=1, parameter="pick_place.grip", delta=0.5, low=0, high=1.5, evidence="fell")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for _ in range(2):
        Corrector(tmp_path / FILE).executed([Execution("pick_place", (SLIP,), "3f2a")])
    return tmp_path / FILE


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["corrections", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


def test_corrections_are_listed_shown_and_taken_back(file: Path) -> None:
    code, out, _ = run("ls", "--file", file, "--json")
    assert code == 0 and [row["after"] for row in json.loads(out)] == [0.5, 1.0]
    code, out, err = run("ls", "--file", file)
    assert code == 0 and "grasp_slipped" in out and "in use: pick_place grip +1" in err
    code, out, _ = run("show", 2, "--file", file, "--json")
    assert code == 0 and json.loads(out)["bounds"] == [0.0, 1.5]
    assert "3f2a" in run("show", 1, "--file", file)[1]
    assert run("undo", 1, "--file", file)[0] == 0
    assert {row["status"] for row in json.loads(run("ls", "--file", file, "--json")[1])} == {"undone"}


@pytest.mark.parametrize(
    ("words", "content", "said"),
    [
        (("show", 7), None, "no correction 7; list them with: corrections ls"),
        (("undo", 7), None, "no correction 7 in use; there are: 1, 2"),
        (("ls",), '{"schema_version": 4}', "corrections of schema 4, this version reads 1"),
        (("ls",), "{", "cannot be read"),
    ],
)
def test_mistakes_are_told_in_one_line(file: Path, words: tuple[object, ...], content: str | None, said: str) -> None:
    if content is not None:
        file.write_text(content)
    code, out, err = run(*words, "--file", file)
    assert code == 2 and out == "" and said in err and err.count("\n") == 1


def test_a_run_without_corrections_says_where_they_come_from(tmp_path: Path) -> None:
    code, _, err = run("ls", "--file", tmp_path / "none.json")
    assert code == 2 and "no corrections here" in err
