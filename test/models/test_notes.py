import json
from pathlib import Path

import pytest

from fail2progress.models import weights
from fail2progress.models.checkpoint import copy_checkpoint, load_checkpoint
from fail2progress.models.notes import SCHEMA, CheckpointError, kind_of_version, kind_of_weights, noted, start_note
from fail2progress.models.store import Registry


def test_weights_that_a_stack_shall_start_from_and_does_not_are_told(tmp_path: Path) -> None:
    mine, other = (weights.path(name) for name in ("stow-gnn.safetensors", "plain.safetensors"))
    versions = Registry(tmp_path / "models")
    assert start_note(mine, versions.folder) == ""
    versions.begin(load_checkpoint(mine))
    assert start_note(mine, versions.folder) == ""
    with pytest.raises(CheckpointError, match="holds versions of other weights, v0001 in use: name no weights"):
        start_note(other, versions.folder)
    versions.begin(load_checkpoint(other))
    assert start_note(mine, versions.folder).startswith(f"{mine} was the start; v0002, in use in")
    for missing in ("none.safetensors", "f.txt"):
        with pytest.raises(CheckpointError, match=missing):
            start_note(tmp_path / missing, versions.folder)


def test_the_kind_of_a_model_is_told_by_its_digest(tmp_path: Path) -> None:
    start, other = (load_checkpoint(weights.path(name)) for name in ("stow-gnn.safetensors", "plain.safetensors"))
    versions = Registry(tmp_path)
    for one in (start, other):
        versions.begin(one)
    assert kind_of_version(tmp_path, start.digest) == "stow-gnn" and kind_of_version(tmp_path, "0" * 64) == ""
    versions.path("v0001").with_suffix(".json").write_text("{")
    assert kind_of_version(tmp_path, start.digest) == "" and kind_of_version(tmp_path, other.digest) == other.model.name
    assert kind_of_weights(tmp_path / "none.safetensors", start.digest) == ""
    assert kind_of_weights(Path("/"), start.digest) == kind_of_weights(Path(), start.digest) == ""
    nameless = {"schema": SCHEMA, "digest": start.digest, "config": {}}
    (tmp_path / "none.json").write_text(json.dumps(nameless))
    assert kind_of_weights(tmp_path / "none.safetensors", start.digest) == ""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("v0002", "v0002: a version, no file; fail2progress models export v0002 --out"),
        ("README.md", "README.md: a file of weights ends in .safetensors"),
        ("notes.md", "notes.md: a file of weights ends in .safetensors"),
        ("models", "models: a folder, not a file of weights"),
        ("alone.safetensors", "alone.safetensors: what it is stands in a JSON file that belongs beside it"),
        ("none.safetensors", "none.safetensors: no such file"),
    ],
)
def test_the_file_that_was_named_is_the_one_that_is_blamed(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    for text in ("README.md", "README.json", "notes.md", "alone.safetensors"):
        Path(text).write_text("{")
    with pytest.raises(CheckpointError, match=f"^{says}") as told:
        noted(Path(name))
    assert ("json: cannot be read" in str(told.value)) == (name == "alone.safetensors"), "told of a second file for no reason"
    assert isinstance(told.value, FileNotFoundError) == (name in ("v0002", "alone.safetensors", "none.safetensors"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine", "mine: cannot be read (no such file; mine.safetensors is there"),
        ("mine.safetensor", "mine.safetensor: cannot be read (no such file; mine.safetensors is there"),
        ("mine.pt", "mine.pt: cannot be read (no such file; mine.safetensors is there"),
        ("mine.json", "mine.json: what is written beside weights, not the weights; mine.safetensors is there"),
        ("mime.safetensors", "mime.safetensors: no such file; mine.safetensors is there"),
        ("v1.2", "v1.2: no such file; v1.2.safetensors is there"),
        ("quite_another.safetensors", "quite_another.safetensors: no such file"),
    ],
)
def test_the_file_that_may_be_meant_is_named(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for stem in ("mine", "v1.2"):
        copy_checkpoint(load_checkpoint(weights.path("plain.safetensors")), Path(f"{stem}.safetensors"), {})
    with pytest.raises(CheckpointError) as told:
        load_checkpoint(Path(name))
    assert str(told.value).startswith(says)
