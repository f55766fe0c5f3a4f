"""Versions whose notes cannot be read, beside others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry

Run = Callable[..., Any]


@pytest.fixture
def versions(tmp_path: Path) -> Registry:
    """Three of them."""
    made = Registry(tmp_path / "models")
    for _ in range(3):
        made.register(Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1)), {})
    return made


@pytest.mark.parametrize("content", ["{", "[1]", '{"schema": 1}', "[" * 100_000, None])
def test_a_version_whose_note_cannot_be_read_is_named_and_the_others_are_listed(
    run: Run, versions: Registry, content: str | None
) -> None:
    note = versions.path("v0002").with_suffix(".json")
    note.unlink() if content is None else note.write_text(content)
    listed = run("models", "ls", "--registry", versions.folder, "--json")
    assert listed.exit_code == 0 and [row["version"] for row in json.loads(listed.stdout)] == ["v0001", "v0003"]
    (line,) = listed.stderr.splitlines()
    assert line.startswith("note: ") and f"{note}: " in line and line.endswith("; it is left out")
    assert "where it is lost or damaged, put back a copy of v0002.json, or delete it and v0002.safetensors" in line
    listed = run("models", "ls", "--registry", versions.folder)
    assert listed.exit_code == 0 and "v0003" in listed.stdout and listed.stderr == f"{line}\n"


def test_where_no_version_can_be_read_all_are_named(refuses: Run, versions: Registry) -> None:
    notes = [versions.path(version).with_suffix(".json") for version in versions.versions()]
    for note in notes:
        note.write_text("{")
    for words in ((), ("--json",)):
        line = refuses("models", "ls", "--registry", versions.folder, *words)
        assert all(f"{note}: cannot be read" in line for note in notes)


@pytest.mark.parametrize("flip", [True, False])
def test_a_version_whose_weights_are_damaged_is_named_not_shown_and_not_exported(
    run: Run, refuses: Run, versions: Registry, flip: bool, tmp_path: Path
) -> None:
    weights = versions.path("v0002")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content if flip else content[:-100])
    listed = run("models", "ls", "--registry", versions.folder, "--json")
    assert listed.exit_code == 0 and [row["version"] for row in json.loads(listed.stdout)] == ["v0001", "v0003"]
    (line,) = listed.stderr.splitlines()
    assert line.startswith(f"note: {weights}: digest ") and "put back a copy of v0002.safetensors, or delete it" in line
    for words in (("show", "v0002"), ("use", "v0002"), ("export", "v0002", "--out", tmp_path / "x.safetensors")):
        assert f"{weights}: digest " in refuses("models", *words, "--registry", versions.folder)
    assert not list(tmp_path.glob("x.*"))
    assert run("models", "export", "v0003", "--out", tmp_path / "x.safetensors", "--registry", versions.folder).exit_code == 0
