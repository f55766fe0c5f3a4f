"""`fail2progress reproduce`: each table takes the options that it uses, and refuses the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fail2progress.cli.main import app
from fail2progress.cli.reproduce import TABLES, TAKES
from fail2progress.cli.reproduce_perception import QUICK, Order

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "frames --dataset list.json --quick --trials 1",
            "--trials is not for frames, which takes --dataset, --segmenter, --source",
        ),
        ("frames --quick", "--quick is not for frames"),
        ("frames --frames folder", "--frames is not for frames"),
        ("thresholds --seed 7", "--seed is not for thresholds, which takes --frames, --segmenter: leave it out"),
        ("perception --frames here --dataset there", "--frames here and --dataset there are two kinds of labelled frames"),
        ("perception --methods stein", "--methods is not for perception"),
        ("all --models points2plans", "--models is not for all"),
        ("figure6 --no-replan-budget", "--replan-budget/--no-replan-budget is not for figure6"),
        ("table2 --task short", "--task is not for table2"),
        ("corrections --physics weight", "--physics is not for corrections"),
        ("families --objects 3", "--objects is not for families"),
    ],
)
def test_an_option_that_a_table_does_not_use_is_refused(refuses: Run, tmp_path: Path, words: str, told: str) -> None:
    assert told in refuses("reproduce", *words.split(), "--out", tmp_path / "out")


@pytest.mark.parametrize(
    "words",
    [
        "reproduce perception --frames . --dataset .",
        "reproduce perception --segmenter nobody",
        "reproduce thresholds",
        "reproduce corrections --robot nobody",
        "reproduce families --families nobody",
        "reproduce table3 --models nobody",
        "evaluate --lifelong --over nobody",
    ],
)
def test_what_is_refused_leaves_no_folder(refuses: Run, tmp_path: Path, words: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for out in (tmp_path / "new" / "out", mine):
        assert "nobody" in (told := refuses(*words.split(), "--out", out)) or "nobody" not in words, told
    assert list(tmp_path.iterdir()) == [mine], "a folder that was there before stays"


def test_each_option_is_of_some_table_and_each_table_s_options_exist() -> None:
    command: Any = get_command(app)
    options = {parameter.name for parameter in command.commands["reproduce"].params}
    assert set(TABLES) == set(TAKES)
    assert {name for names in TAKES.values() for name in names} == options - {"table", "out", "json_output", "help"}


def test_trials_that_were_asked_for_are_those_of_a_quick_check(tmp_path: Path) -> None:
    assert [Order("clutter", tmp_path, None, 7, True, trials=trials).episodes for trials in (None, 3)] == [QUICK, 3]
