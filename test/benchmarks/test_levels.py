"""Capability levels: trained once, gone on with, told apart from others, and read as a panel."""

import json
from pathlib import Path

import pytest

from fail2progress.benchmarks.levels import LevelTask, Size, tasks, train_levels
from fail2progress.benchmarks.manifest import EVALUEE, MANIFEST, SCOUT
from fail2progress.benchmarks.panel import PanelError, read_panel
from fail2progress.learning.pretraining.generate import generate, write_manifest
from fail2progress.learning.pretraining.shards import DataError
from fail2progress.models import weights
from support.executors import Inline

SIZES = (Size(10, 1), Size(20, 1))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert len(list(generate(folder, 24, 3, Inline()))) == 1
    write_manifest(folder, 3, {})
    return folder


def work(data: Path, out: Path, seeds: int, scouts: int | None = None) -> list[LevelTask]:
    return tasks(data, out, weights.path(weights.RELATIONAL), ("binary-pred",), SIZES, seeds, scouts)


def test_levels_are_trained_once_and_seed_nought_scouts(data: Path, tmp_path: Path) -> None:
    stopped = Inline(stop=1)
    with pytest.raises(KeyboardInterrupt):
        list(train_levels(work(data, tmp_path, 2), stopped))
    first = {path.name: path.read_bytes() for path in tmp_path.glob("binary*.safetensors")}
    again = Inline()
    done = list(train_levels(work(data, tmp_path, 2), again))
    assert len(done) == 4 and len(again.work) == 3 and len(first) == 1
    assert all((tmp_path / name).read_bytes() == content for name, content in first.items())
    panel = read_panel(tmp_path)
    assert [panel.members[i].seed for i in panel.of(SCOUT)] == [0, 0]
    assert [panel.members[i].level for i in panel.of(EVALUEE)] == ["binary-pred/10", "binary-pred/20"]
    assert len({member.digest for member in panel.members}) == 4
    assert all(member.model.name == "binary-pred" for member in panel.members)


def test_a_size_may_scout_instead(data: Path, tmp_path: Path) -> None:
    list(train_levels(work(data, tmp_path, 1, scouts=10), Inline()))
    panel = read_panel(tmp_path)
    assert [panel.members[i].level for i in panel.of(SCOUT)] == ["binary-pred/10"]
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["levels"][0]["digest"] = "0" * 64
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(PanelError, match="is not that of the panel"):
        _ = read_panel(tmp_path).members[0].model


def test_what_cannot_be_trained_or_scored_is_said_before(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="generate more"):
        tasks(data, tmp_path, weights.path(weights.RELATIONAL), ("binary-pred",), (Size(1000, 1),))
    with pytest.raises(ValueError, match="nothing is left to be scored"):
        work(data, tmp_path, 1)
    with pytest.raises(ValueError, match="--scouts 30"):
        work(data, tmp_path, 1, scouts=30)
    with pytest.raises(ValueError, match="EXECUTIONS:EPOCHS"):
        Size.parse("2000")
    with pytest.raises(PanelError, match="benchmark levels --out"):
        read_panel(tmp_path)


def test_lessons_of_an_item_file_are_trained_with_the_data(data: Path, pool_file: Path, tmp_path: Path) -> None:
    assert len(list(generate(tmp_path / "lessons", 6, 0, Inline(), items=pool_file))) == 1
    write_manifest(tmp_path / "lessons", 0, {})
    with pytest.raises(DataError, match="not of seed 0"):
        list(generate(tmp_path / "lessons", 6, 0, Inline()))
    size, out = Size.parse("10+4:2"), tmp_path / "levels"
    assert size == Size(10, 2, 4)
    encoder = weights.path(weights.RELATIONAL)
    with pytest.raises(ValueError, match="--lessons names their folder"):
        tasks(data, out, encoder, ("binary-pred",), (size,), 2)
    some = tasks(data, out, encoder, ("binary-pred",), (Size(10, 2), size), 2, lessons=tmp_path / "lessons")
    assert len(list(train_levels(some, Inline()))) == 4 and all(task.done() for task in some)
    assert len({member.digest for member in read_panel(out).members}) == 4
    assert {member.level for member in read_panel(out).members} == {"binary-pred/10", "binary-pred/10+4"}


def test_levels_of_earlier_calls_stay_listed(data: Path, tmp_path: Path) -> None:
    encoder, said = weights.path(weights.RELATIONAL), list[str]()
    kinds = ("binary-pred", "stow-gnn")
    for kind in kinds:
        list(train_levels(tasks(data, tmp_path, encoder, (kind,), (Size(10, 1),), 2), Inline(), said.append))
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert [(row["level"], row["seed"]) for row in manifest["levels"]] == [
        (f"{kind}/10", seed) for kind in kinds for seed in (0, 1)
    ]
    assert manifest["schema"] == 1 and {len(row["code"]) for row in manifest["levels"]} == {64} and not said
    assert len(read_panel(tmp_path).members) == 4
    list(train_levels(work(data, tmp_path, 1, scouts=20), Inline(), said.append))
    roles = {(member.level, member.seed): member.role for member in read_panel(tmp_path).members}
    assert roles["stow-gnn/10", 0] == roles["binary-pred/10", 1] == EVALUEE and roles["binary-pred/20", 0] == SCOUT
    (tmp_path / "stow-gnn_10_1.safetensors").unlink()
    list(train_levels(work(data, tmp_path, 2), Inline(), said.append))
    assert said == [f"note: {tmp_path / MANIFEST} no longer lists stow-gnn/10#1: their weights are missing or others"]
    assert len(read_panel(tmp_path).members) == 5


def test_levels_of_other_data_are_said_to_be_listed_no_longer(data: Path, tmp_path: Path) -> None:
    said = list[str]()
    list(train_levels(work(data, tmp_path, 2), Inline()))
    found = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**found, "data": "0" * 64}))
    list(train_levels(work(data, tmp_path, 2)[:2], Inline(), said.append))
    assert len(said) == 1 and "no longer lists binary-pred/10#1, binary-pred/20#1: they were trained on other data" in said[0]
    (tmp_path / MANIFEST).write_text("{}")
    list(train_levels(work(data, tmp_path, 2), Inline(), said.append))
    assert "was no list of levels" in said[1] and len(read_panel(tmp_path).members) == 4
