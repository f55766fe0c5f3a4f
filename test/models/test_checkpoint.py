import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save

from fail2progress.core import pairs
from fail2progress.core.relations import BINARY
from fail2progress.core.vocabulary import VERSION_1, VocabularyError
from fail2progress.models.base import Action
from fail2progress.models.checkpoint import load_checkpoint, read_digest, save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.skills.vocabulary import current

SMALL = Points2PlansConfig(relational=True, identity=16, layers=1, feedforward=8, hidden=8)
fuzz = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Weights and JSON of a small checkpoint."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("sound") / "model.safetensors"
    save_checkpoint(Points2Plans(SMALL), path, {"epochs": 3})
    return path.read_bytes(), path.with_suffix(".json").read_bytes()


@pytest.fixture
def path(sound: tuple[bytes, bytes], tmp_path: Path) -> Path:
    written = tmp_path / "model.safetensors"
    written.write_bytes(sound[0])
    written.with_suffix(".json").write_bytes(sound[1])
    return written


def change_note(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    note = json.loads(path.with_suffix(".json").read_text())
    change(note)
    path.with_suffix(".json").write_text(json.dumps(note))


def write_weights(path: Path, content: bytes) -> None:
    """Other weights, with the digest that fits them."""
    path.write_bytes(content)
    change_note(path, lambda note: note.update(digest=hashlib.sha256(content).hexdigest()))


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert str(path.with_suffix("")) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("config", [SMALL, Points2PlansConfig(feedforward=16), Points2PlansConfig(layers=1, heads=4)])
def test_what_is_read_is_what_was_written(config: Points2PlansConfig, tmp_path: Path) -> None:
    model = Points2Plans(config)
    path = tmp_path / "some" / "folder" / "model.safetensors"
    digest = save_checkpoint(model, path, {"epochs": 3})
    read = load_checkpoint(path)
    assert read.digest == digest == hashlib.sha256(path.read_bytes()).hexdigest() and read.path == path
    assert isinstance(read.model, Points2Plans) and read.model.config == config and not read.model.training
    before, after = model.state_dict(), read.model.state_dict()
    assert list(before) == list(after) and all(torch.equal(before[key], after[key]) for key in before)
    assert read.note["epochs"] == 3 and read.note["model"] == "points2plans"
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.json", "model.safetensors"]


def test_the_same_weights_give_the_same_digest(path: Path, tmp_path: Path) -> None:
    read = load_checkpoint(path)
    assert isinstance(read.model, Points2Plans)
    assert save_checkpoint(read.model, tmp_path / "again.safetensors", {"epochs": 4}) == read.digest


def test_a_note_cannot_contradict_what_the_file_is(path: Path, tmp_path: Path) -> None:
    other = Points2Plans(SMALL)
    save_checkpoint(other, tmp_path / "other.safetensors", load_checkpoint(path).note)
    read = load_checkpoint(tmp_path / "other.safetensors")
    assert read.note["epochs"] == 3 and torch.equal(read.model.state_dict()["box.0.weight"], other.box[0].weight)


def test_files_that_are_not_there(path: Path, tmp_path: Path) -> None:
    assert "none.safetensors: no such file" in refusal(tmp_path / "none.safetensors")
    path.unlink()
    assert "cannot be read" in refusal(path)


@pytest.mark.parametrize("length", [0, 5, 8, 500, -1])
def test_truncated_weights(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    refusal(path)
    write_weights(path, path.read_bytes())
    assert "cannot be read" in refusal(path)


def test_keys_that_are_missing_or_too_many(path: Path) -> None:
    weights = load_file(path)
    cut = {key: value for key, value in weights.items() if key != "gate.bias"}
    write_weights(path, save(cut))
    assert "missing ['gate.bias']" in refusal(path)
    write_weights(path, save({**weights, "hand": torch.zeros(1)}))
    assert "unexpected ['hand']" in refusal(path)


def test_adapters_that_a_checkpoint_lacks_have_no_effect(path: Path) -> None:
    weights = load_file(path)
    late = {key for key in weights if key.startswith(("handed_on.", "tipping.", "growth."))}
    write_weights(path, save({key: value for key, value in weights.items() if key not in late}))
    one, other = (load_checkpoint(path).model.state_dict() for _ in range(2))
    assert late and set(one) == set(weights) and all(torch.equal(one[key], other[key]) for key in one)
    assert not one["handed_on.by_relation"].any() and not one["growth.2.weight"].any()


def test_a_weight_of_another_shape(path: Path) -> None:
    write_weights(path, save({**load_file(path), "gate.bias": torch.zeros(2)}))
    assert "gate.bias" in refusal(path)


def test_one_flipped_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert f"digest {digest[:12]} does not match" in refusal(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema 2, this version reads 1"),
        ({"schema": None}, "schema None"),
        ({"model": "oracle"}, "unknown model 'oracle'; known: binary-pred, points2plans"),
        ({"model": ["points2plans"]}, "unknown model"),
        ({"digest": "0" * 64}, "does not match 000000000000"),
        ({"digest": 3}, "'digest' or 'config' is missing"),
        ({"config": []}, "'digest' or 'config' is missing"),
        ({"config": {"wings": 2}}, "wings"),
        ({"config": {**SMALL.to_dict(), "layers": 0}}, "layers = 0"),
        ({"config": {**SMALL.to_dict(), "layers": 10**9}}, "layers = 1000000000"),
        ({"config": {**SMALL.to_dict(), "hidden": "8"}}, "hidden = '8'"),
        ({"config": {**SMALL.to_dict(), "feedforward": 8.5}}, "feedforward = 8.5"),
        ({"config": {**SMALL.to_dict(), "relational": 1}}, "relational = 1"),
        ({"config": {**SMALL.to_dict(), "heads": 5}}, "heads = 5"),
        ({"config": {**SMALL.to_dict(), "code": 64}}, "code = 64"),
        ({"config": {**SMALL.to_dict(), "relational": False}}, "unexpected ['binary.geometry.weight'"),
        ({"config": {**SMALL.to_dict(), "hidden": 16}}, "size mismatch"),
    ],
)
def test_json_that_does_not_fit(path: Path, change: dict[str, object], message: str) -> None:
    change_note(path, lambda note: note.update(change))
    assert message in refusal(path)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '"points2plans"', "[" * 100_000, "\x00"])
def test_json_that_is_none(path: Path, content: str) -> None:
    path.with_suffix(".json").write_text(content)
    refusal(path)


@fuzz
@given(key=st.sampled_from(["schema", "model", "config", "digest", "layers", "heads", "hidden", "code"]), value=anything)
def test_any_json_loads_or_is_refused(path: Path, sound: tuple[bytes, bytes], key: str, value: object) -> None:
    path.with_suffix(".json").write_bytes(sound[1])
    change_note(path, lambda note: (note["config"] if key in note["config"] else note).update({key: value}))
    try:
        assert load_checkpoint(path).model.state_dict()["gate.bias"].shape == (1,)
    except CheckpointError as error:
        assert "model" in str(error)


@fuzz
@given(content=st.binary(max_size=200), start=st.integers(0, 200))
def test_damaged_json_loads_or_is_refused(path: Path, sound: tuple[bytes, bytes], content: bytes, start: int) -> None:
    path.with_suffix(".json").write_bytes(sound[1][:start] + content + sound[1][start + len(content) :])
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        assert "model" in str(error)


@fuzz
@given(content=st.binary(min_size=1, max_size=12), start=st.integers(0, 3000), fitting=st.booleans())
def test_damaged_weights_are_refused(path: Path, sound: tuple[bytes, bytes], content: bytes, start: int, fitting: bool) -> None:
    damaged = sound[0][:start] + content + sound[0][start + len(content) :]
    path.with_suffix(".json").write_bytes(sound[1])
    path.write_bytes(damaged)
    if fitting:
        write_weights(path, damaged)
    header = struct.unpack("<Q", sound[0][:8])[0] + 8
    assert header > 3000  # damage is done to the description of the weights, which says how to read them
    try:
        assert load_checkpoint(path).model.state_dict().keys() == Points2Plans(SMALL).state_dict().keys()
    except CheckpointError as error:
        assert "model" in str(error)
    else:
        assert fitting or damaged == sound[0]


def vocabulary(**changes: object) -> dict[str, object]:
    return {**current().to_dict(), **changes}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (vocabulary(binary=list(BINARY[::-1])), "of another vocabulary: binary relations inside, boundary"),
        (vocabulary(skills=[{"name": "spin", "parameters": [["angle", "rad"]]}]), "skill spin, known here: pick_place"),
        (
            vocabulary(skills=[{"name": "push", "parameters": [["distance", "m"]]}]),
            r"skill push(distance [m]), known here: push",
        ),
        (vocabulary(schema=9), "vocabulary of schema 9, this version reads 1"),
        (vocabulary(skills=3), "vocabulary cannot be read"),
    ],
)
def test_another_vocabulary_is_refused_with_the_difference(path: Path, written: dict[str, object], message: str) -> None:
    change_note(path, lambda note: note.update(vocabulary=written))
    assert message in refusal(path)


def test_a_checkpoint_without_a_vocabulary_is_of_version_1(path: Path) -> None:
    assert load_checkpoint(path).model.vocabulary == current()
    change_note(path, lambda note: note.pop("vocabulary"))
    assert load_checkpoint(path).model.vocabulary == VERSION_1


def test_a_model_keeps_the_numbers_of_its_skills_and_refuses_those_that_it_lacks(tmp_path: Path) -> None:
    some = replace(VERSION_1, skills=(VERSION_1.skills[2], VERSION_1.skills[0]))
    model = Points2Plans(SMALL, some).eval()
    save_checkpoint(model, tmp_path / "some.safetensors", {})
    read = load_checkpoint(tmp_path / "some.safetensors").model
    assert read.vocabulary == some
    known = Action(torch.tensor([0, 2]), torch.zeros(2, dtype=torch.long), torch.zeros(2, 4))
    assert read.own_skills(known).tolist() == [1, 0]
    with pytest.raises(VocabularyError, match=r"'push'; it knows: open_drawer, pick_place\. .* made by fail2progress generate"):
        read.own_skills(Action(torch.tensor([0, 1]), torch.zeros(2, dtype=torch.long), torch.zeros(2, 4)))


def test_writing_over_a_checkpoint_that_is_broken_off_leaves_the_old_model(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, whole = load_checkpoint(path), pairs.write_whole

    def stops(place: Path, content: str | bytes) -> None:
        if place.suffix == ".safetensors":
            raise KeyboardInterrupt
        whole(place, content)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(pairs, "write_whole", stops)
        save_checkpoint(Points2Plans(replace(SMALL, feedforward=16)), path, {"epochs": 9})
    found = load_checkpoint(path)
    assert (found.digest, found.note) == (before.digest, before.note) and read_digest(path) == before.digest
    digest = save_checkpoint(Points2Plans(replace(SMALL, feedforward=16)), path, {"epochs": 9})
    assert load_checkpoint(path).digest == digest and load_checkpoint(path).note["epochs"] == 9
