"""Cells with the simulator and a small untrained model: two trials of a task of one skill."""

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import fail2progress
from fail2progress.cli.train import TRAINS
from fail2progress.core.provenance import code_version
from fail2progress.evaluation.rows import RowsError
from fail2progress.evaluation.studies import cells
from fail2progress.evaluation.studies.cells import LEARNING, TRIAL, Cell, Queue, trial_result
from fail2progress.evaluation.studies.methods import METHODS
from fail2progress.learning.pretraining.generate import DRAWS
from fail2progress.models.checkpoint import save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from support.executors import Inline


def small(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    save_checkpoint(Points2Plans(Points2PlansConfig(True, identity=16, layers=1, feedforward=8, hidden=8)), path, {})
    return path


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    model = small(tmp_path / "small.safetensors")
    return Cell("points2plans", "small", METHODS.get("original"), "short", 1, 7, str(model))


def test_a_cell_goes_on_trial_by_trial(cell: Cell, tmp_path: Path) -> None:
    queue, heard = Queue(tmp_path / "cells", 3), []
    with pytest.raises(KeyboardInterrupt):
        queue.run([cell], Inline(stop=2), lambda name, done, total: heard.append((name, done, total)))
    assert heard == [("", 0, 3), (cell.name, 1, 3), (cell.name, 2, 3)]
    assert [result.seed for result in queue.results(cell).trials] == [700_000, 700_001]
    executor = Inline()
    queue.run([cell], executor)
    assert [item.job.seed for item in executor.work] == [700_002]
    results = queue.results(cell)
    assert [result.seed for result in results.trials] == [700_000, 700_001, 700_002] and results.seconds > 0.0
    alone = Queue(tmp_path / "alone", 3)
    alone.run([cell], Inline())
    assert repr(alone.results(cell).trials) == repr(results.trials)
    fewer = Queue(tmp_path / "cells", 1)
    fewer.run([cell], executor)
    assert len(executor.work) == 1 and len(fewer.results(cell).trials) == 1


def test_equal_cells_are_run_once(cell: Cell, tmp_path: Path) -> None:
    queue, executor = Queue(tmp_path / "cells", 1), Inline()
    same = replace(cell, base="another name")
    queue.run([cell, same], executor)
    assert len(executor.work) == 1 and queue.results(same).trials == queue.results(cell).trials != ()


def test_cells_take_turns(cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "TURN", 2)
    second, executor = replace(cell, seed=8), Inline(stop=5)
    with pytest.raises(KeyboardInterrupt):
        Queue(tmp_path / "cells", 3).run([cell, second], executor)
    begun = [item.job.seed for item in executor.work]
    assert begun[:5] == [700_000, 700_001, 800_000, 800_001, 700_002]
    left = Inline()
    Queue(tmp_path / "cells", 3).run([cell, second], left)
    assert [item.job.seed for item in left.work] == [800_002]


def test_what_decides_the_result_is_in_the_address(cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = small(tmp_path / "other.safetensors", seed=1)
    changed = [
        replace(cell, model=str(other)),
        replace(cell, objects=2),
        replace(cell, seed=8),
        replace(cell, method=METHODS.get("replanning")),
        replace(cell, spare=1),
        replace(cell, task="hierarchical-tabletop", objects=3),
    ]
    keys = [cell.key, *(one.key for one in changed)]
    monkeypatch.setattr(cells, "code_version", lambda parts: "another")
    keys.append(replace(cell).key)
    assert len(set(keys)) == len(keys) == 8


def test_the_version_of_the_code_follows_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(fail2progress, "__file__", str(tmp_path / "__init__.py"))

    def version() -> str:
        code_version.cache_clear()
        return code_version(("core",))

    source = tmp_path / "core" / "a.py"
    source.write_text("x = 1\n")
    first = version()
    (tmp_path / "other" / "b.py").write_text("x = 1\n")
    assert version() == first
    source.write_text("x = 2\n")
    changed = version()
    source.write_text("x = 1\n")
    assert version() == first != changed
    code_version.cache_clear()


def test_a_budget_ends_a_trial(cell: Cell) -> None:
    (job,) = replace(cell, spare=0).jobs(1)
    assert job.spare == 0 and job.replan
    assert cells.carry_out(job).skills <= 1


def test_a_damaged_row_says_what_to_do() -> None:
    with pytest.raises(RowsError, match=r"'objects'.*delete the folder"):
        trial_result(json.loads('{"seed": 1}'))


@pytest.mark.parametrize("name", ["relational.monitor.json", "relational.combination.json"])
def test_what_a_robot_takes_for_true_is_of_the_version(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.setattr(fail2progress, "__file__", str(tmp_path / "__init__.py"))
    code_version.cache_clear()
    first = code_version(TRIAL)
    (tmp_path / "weights" / name).write_text("{}")
    code_version.cache_clear()
    assert code_version(TRIAL) != first
    code_version.cache_clear()


ROOT = Path(cells.__file__).parents[2]


def taken(start: str) -> set[str]:
    """Files of the package that a module's source names in imports, and those that these name."""
    todo, seen = [ROOT / start], set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [found for module in imports(path) for found in (ROOT / f"{module}.py", ROOT / module / "__init__.py")]
            todo = [found for found in todo if found.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in seen}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)] if isinstance(node, ast.ImportFrom) else []
        yield from (name.removeprefix("fail2progress.").replace(".", "/") for name in names if name and name.startswith("fail2"))


@pytest.mark.parametrize(
    ("start", "decides"),
    [
        ("evaluation/evaluate.py", TRIAL),
        ("evaluation/studies/methods.py", LEARNING),
        ("learning/pretraining/generate.py", DRAWS),
        ("learning/pretraining/pretrain.py", TRAINS),
    ],
)
def test_the_code_of_a_cell_covers_all_that_it_takes_in(start: str, decides: tuple[str, ...]) -> None:
    found = taken(start)
    assert start in found and len(found) > 30
    assert not [path for path in found if not any(path == part or path.startswith(f"{part}/") for part in decides)]


def test_a_cell_knows_the_weights_of_every_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[str]()
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), whole(path))[1])
    code_version.cache_clear()
    code_version(TRIAL)
    assert {f"{path.stem}.json" for path in (ROOT / "weights").glob("segmenter*.safetensors")} <= set(read)
