import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fail2progress.learning.finetuning import rehearsal as replay
from fail2progress.learning.finetuning.rehearsal import choose, codes_of, load_rehearsal, save_codes, save_rehearsal, unseen
from fail2progress.learning.pretraining.prepare import from_outcomes
from fail2progress.learning.pretraining.pretrain import shape_codes, split
from fail2progress.models.checkpoint import save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.training.transitions import COMPUTED, Transitions, concatenate, select
from fail2progress.skills.registry import SKILLS
from fail2progress.skills.vocabulary import current
from support import samples
from support.long_skill import LONG


@pytest.fixture
def path(data: Transitions, tmp_path: Path) -> Path:
    written = tmp_path / "some" / "rehearsal.safetensors"
    save_rehearsal(choose(data), written)
    return written


def parameters(part: Transitions) -> set[tuple[float, ...]]:
    return {tuple(row) for row in part.parameters.tolist()}


def test_what_is_read_is_what_was_written(data: Transitions, path: Path) -> None:
    before, after = choose(data), load_rehearsal(path)
    for one, other in ((before.replay, after.replay), (before.held_out, after.held_out)):
        for name in {field.name for field in fields(Transitions)} - {*COMPUTED, "points"}:
            assert torch.equal(getattr(one, name), getattr(other, name))
        torch.testing.assert_close(one.points, other.points, rtol=1e-3, atol=2e-4)  # a fifth of a millimetre
        first = [Points2Plans().prepare(part.points)["first"] for part in (one, other)]
        kept = (first[0] == first[1]).float().mean()
        assert kept > 0.9
    assert path.stat().st_size < 0.7 * sum(p.points.numel() * 4 for p in (before.replay, before.held_out)) + 2e6


def test_shape_codes_beside_it_are_read_with_it_and_not_computed_again(path: Path, tmp_path: Path) -> None:
    model, other = Points2Plans(), Points2Plans()
    plain = load_rehearsal(path)
    save_codes(path, model)
    read = load_rehearsal(path)
    for one, part in ((plain.replay, read.replay), (plain.held_out, read.held_out)):
        assert torch.equal(shape_codes(model, one), part.codes[model.encoder_digest()])
        assert shape_codes(model, part) is part.codes[model.encoder_digest()]
        assert torch.equal(shape_codes(other, part), shape_codes(other, one))
        few, rows = select(part, [3, 1]), select(replace(part, codes={"": torch.arange(len(part.points)).unsqueeze(1)}), [3, 1])
        assert torch.equal(few.codes[model.encoder_digest()], part.codes[model.encoder_digest()][rows.codes[""][:, 0]])
    both = concatenate([read.replay, read.held_out])
    assert len(both.codes[model.encoder_digest()]) == len(both.points) and not concatenate([read.replay, plain.replay]).codes


def test_shape_codes_of_other_clouds_are_refused(path: Path, data: Transitions, tmp_path: Path) -> None:
    save_codes(path, Points2Plans())
    kept = choose(data)
    save_rehearsal(replay.RehearsalSet(kept.held_out, kept.replay), path)
    with pytest.raises(CheckpointError, match=r"rehearsal.codes.safetensors: cannot be read \(codes of other clouds"):
        load_rehearsal(path)
    save_codes(path, Points2Plans())
    assert load_rehearsal(path).replay.codes
    codes_of(path).write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"rehearsal.codes.safetensors: cannot be read"):
        load_rehearsal(path)


def test_what_was_trained_on_is_neither_held_out_nor_replayed_where_there_is_enough_else(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "REPLAY", 20)
    monkeypatch.setattr(replay, "HELD_OUT", 5)
    kept, again, other = choose(data), choose(data), choose(data, seed=1)
    trained, held = ({tuple(row) for row in data.parameters[part].tolist()} for part in split(data))
    assert (len(kept.replay), len(kept.held_out), len(held)) == (20, 5, 15)
    assert parameters(kept.held_out) < held and not parameters(kept.held_out) & parameters(kept.replay)
    assert len(parameters(kept.replay) & held) == 10 and len(parameters(kept.replay) & trained) == 10
    assert torch.equal(kept.replay.parameters, again.replay.parameters)
    assert parameters(kept.replay) != parameters(other.replay)


def test_of_data_that_nothing_was_trained_on_all_can_be_held_out_or_replayed(
    data: Transitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="150 executions; at least 1200 are needed"):
        unseen(data)
    monkeypatch.setattr(replay, "REPLAY", 100)
    monkeypatch.setattr(replay, "HELD_OUT", 50)
    kept = unseen(data)
    assert (len(kept.replay), len(kept.held_out)) == (100, 50) and not parameters(kept.held_out) & parameters(kept.replay)


def test_small_sets_are_kept_whole(data: Transitions) -> None:
    kept = choose(data)
    assert (len(kept.replay), len(kept.held_out)) == (135, 15)


def test_another_vocabulary_is_refused_and_none_is_version_1(path: Path, tmp_path: Path) -> None:
    values, other = load_file(path), tmp_path / "other.safetensors"
    save_file(values, other)
    assert torch.equal(load_rehearsal(other).replay.skill, load_rehearsal(path).replay.skill)
    save_file(values, other, {"vocabulary": json.dumps(replace(current(), skills=current().skills[::-1]).to_dict())})
    turned = len(current().skills) - 1 - load_rehearsal(path).replay.skill
    assert torch.equal(load_rehearsal(other).replay.skill, turned)
    save_file(values, other, {"vocabulary": json.dumps({**current().to_dict(), "binary": ["near"]})})
    with pytest.raises(CheckpointError, match=r"other.safetensors: of another vocabulary: binary relations near, known here"):
        load_rehearsal(other)


def test_beside_a_skill_with_more_parameters_it_goes_together_with_what_is_made_there(path: Path) -> None:
    before, outcomes = load_rehearsal(path).replay, samples.executions()[:3]
    with SKILLS.including(LONG):
        read = load_rehearsal(path).replay
        both = concatenate([read, from_outcomes(outcomes)])
    assert read.parameters.shape == (len(before), 6) and both.parameters.shape[1] == 6
    assert torch.equal(read.parameters[:, :4], before.parameters) and not read.parameters[:, 4:].any()


def test_what_cannot_be_read_is_refused(path: Path, tmp_path: Path) -> None:
    values = load_file(path)
    damaged = tmp_path / "damaged.safetensors"

    def refused() -> None:
        with pytest.raises(CheckpointError, match=r"damaged.safetensors: cannot be read"):
            load_rehearsal(damaged)

    refused()
    for length in (0, 7, 400, path.stat().st_size - 1):
        damaged.write_bytes(path.read_bytes()[:length])
        refused()
    for change in (
        {key: value for key, value in values.items() if key != "held_out.points"},
        {key: value for key, value in values.items() if key != "replay.count"},
        {**values, "replay.wings": torch.zeros(1)},
        {**values, "replay.points": torch.zeros(3)},
    ):
        save_file(change, damaged)
        refused()


def test_any_damage_of_what_was_written_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in range(start, len(whole), max((len(whole) - start) // 50, 1)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match=r"rehearsal.safetensors: cannot be read \(damaged: its digest"):
            load_rehearsal(path)


def test_of_a_set_without_a_digest_what_cannot_be_is_refused(path: Path, tmp_path: Path) -> None:
    values, damaged = load_file(path), tmp_path / "damaged.safetensors"
    note = {"vocabulary": json.dumps(current().to_dict())}
    save_file(values, damaged, note)
    assert len(load_rehearsal(damaged).replay) == len(load_rehearsal(path).replay)
    for name, value in (
        ("points", float("nan")), ("shift", float("inf")), ("parameters", float("nan")), ("count", 0), ("count", 2**40),
        ("cloud", -1), ("cloud", 2**40), ("object", -1), ("object", 99), ("skill", len(SKILLS)), ("skill", -1),
    ):  # fmt: skip
        for part in ("replay", "held_out"):
            changed = values[f"{part}.{name}"].clone()
            changed.view(-1)[0] = value
            save_file({**values, f"{part}.{name}": changed}, damaged, note)
            with pytest.raises(CheckpointError, match=rf"damaged.safetensors: cannot be read \(damaged: {name} cannot be right"):
                load_rehearsal(damaged)
    for name in ("seen", "unary", "binary", "box", "skill", "count", "points"):
        for shape in ((1,), (), (2, 2, 2, 2)):
            save_file({**values, f"replay.{name}": torch.zeros(shape)}, damaged, note)
            with pytest.raises(CheckpointError, match="cannot be read"):
                load_rehearsal(damaged)


def test_weights_in_place_of_a_rehearsal_set_are_told(path: Path, tmp_path: Path) -> None:
    model, weights = Points2Plans(), tmp_path / "weights.safetensors"
    save_checkpoint(model, weights, {})
    with pytest.raises(
        CheckpointError, match=r"weights.safetensors: holds weights of a model, not a rehearsal set; fail2progress"
    ):
        load_rehearsal(weights)
    save_codes(path, model)
    save_file({}, tmp_path / "empty.safetensors")
    for other in (codes_of(path), tmp_path / "empty.safetensors"):
        with pytest.raises(
            CheckpointError, match=rf"{other.name}: holds nothing of a rehearsal set; fail2progress rehearsal makes one"
        ):
            load_rehearsal(other)
