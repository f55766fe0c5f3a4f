from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fail2progress.learning.pretraining import pretrain as pretrain_module
from fail2progress.learning.pretraining import pretrain as room
from fail2progress.learning.pretraining.prepare import centre, from_arrays, from_outcomes, load
from fail2progress.learning.pretraining.pretrain import prepared, pretrain, shape_codes, shareable, split
from fail2progress.learning.pretraining.shards import Shard, arrays, open_dataset, read_shard, write_shard
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.training.parallel import Share
from fail2progress.models.training.training import TrainingOptions
from fail2progress.models.training.transitions import COMPUTED, Transitions, concatenate, prepared_for, select
from fail2progress.simulation.base import Outcome
from fail2progress.skills.vocabulary import current

Outcomes = tuple[Outcome, ...]


def same(one: Transitions, other: Transitions) -> bool:
    names = [field.name for field in fields(Transitions) if field.name not in COMPUTED]
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.fixture
def shards(outcomes: Outcomes, tmp_path: Path) -> list[Shard]:
    for number in range(2):
        write_shard(tmp_path, f"shard_0000{number}", arrays(outcomes[10 * number : 10 * number + 10], range(10)))
    return open_dataset(tmp_path)


def test_from_disk_as_from_memory(outcomes: Outcomes, shards: list[Shard]) -> None:
    parts = [from_outcomes(outcomes[:10]), from_outcomes(outcomes[10:20])]
    assert same(load(shards), concatenate(parts))


@given(seed=st.integers(0, 1000))
def test_clouds_are_centred_on_their_boxes(seed: int) -> None:
    clouds = torch.randn(4, 20, 3, generator=torch.Generator().manual_seed(seed))
    centred, box = centre(clouds)
    torch.testing.assert_close(centred + box.mean(dim=1, keepdim=True), clouds)
    torch.testing.assert_close(centred.amax(dim=1), -centred.amin(dim=1))
    assert torch.equal(box[:, 1], clouds.amax(dim=1))


def test_neighbours_do_not_depend_on_chunks(data: Transitions) -> None:
    part = select(data, range(8))
    whole, parts = prepared_for(Points2Plans(), part).prepared, prepared_for(Points2Plans(), part, chunk=9).prepared
    assert set(whole) == {"first", "second", "centres"}
    assert all(len(value) == len(part.points) and torch.equal(value, parts[key]) for key, value in whole.items())


def test_what_is_prepared_beforehand_gives_the_same_codes(data: Transitions) -> None:
    part, model = select(data, range(8)), Points2Plans()
    assert torch.equal(shape_codes(model, prepared_for(model, part)), shape_codes(model, part))


def test_a_segment_never_seen_is_masked_and_one_seen_later_has_a_cloud(outcomes: Outcomes) -> None:
    values = {key: np.array(value) for key, value in arrays(outcomes[:1], [0]).items()}
    values["points0"][1:3] = np.nan
    values["points1"][1] = np.nan
    made = from_arrays(values)
    assert made.seen[1:3].tolist() == [[False, False], [False, True]]
    assert bool(made.points.isfinite().all()) and bool(made.box.isfinite().all())
    later = made.cloud[2, 1]
    assert later != made.cloud[2, 0]
    np.testing.assert_allclose(made.points[later] + made.box[later].mean(dim=0), values["points1"][2], atol=1e-6)
    batch = made.batch(torch.tensor([0]), torch.Generator())
    assert not batch.mask[0, 1:3].any() and bool(batch.mask[0, 0])


def test_prepared_data_are_kept_until_the_shards_change(shards: list[Shard], outcomes: Outcomes, tmp_path: Path) -> None:
    cache = tmp_path / "prepared.safetensors"
    first = prepared(shards, cache)
    assert same(first, load(shards))
    content, stamp = cache.read_bytes(), cache.stat().st_mtime_ns
    assert same(prepared(shards, cache), first) and cache.stat().st_mtime_ns == stamp
    cache.write_bytes(content[: len(content) // 2])
    assert same(prepared(shards, cache), first) and cache.read_bytes() == content
    write_shard(tmp_path, "shard_00001", arrays(outcomes[30:33], range(3)))
    renewed = prepared(open_dataset(tmp_path), cache)
    assert len(renewed) == 13 and cache.read_bytes() != content


def test_data_whose_making_was_ended_are_made_again(shards: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends between the file and what says of which shards it is; then it is asked for the shards of before."""
    cache = tmp_path / "prepared.safetensors"
    first = prepared(shards, cache)

    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pretrain_module, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            prepared(shards[:1] * 2, cache)
    assert same(prepared(shards, cache), first)


def test_prepared_data_are_made_again_where_skills_have_other_numbers(
    shards: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(shards, tmp_path / "prepared.safetensors")
    turned = replace(current(), skills=current().skills[::-1])
    for name in ("shards", "pretrain"):
        monkeypatch.setattr(f"fail2progress.learning.pretraining.{name}.current", lambda: turned, raising=False)
    again = prepared([read_shard(shard.path) for shard in shards], tmp_path / "prepared.safetensors")
    assert torch.equal(again.skill, len(turned.skills) - 1 - first.skill)


@given(count=st.integers(1, 60_000))
def test_the_split_leaves_none_out_and_has_none_twice(count: int) -> None:
    class Sized:
        def __len__(self) -> int:
            return count

    trained, held = split(Sized())  # type: ignore[arg-type]
    assert torch.equal(torch.cat([trained, held]), torch.arange(count))
    assert len(held) == min(room.HELD_OUT, count // 10)


def test_shape_codes_do_not_depend_on_chunks(data: Transitions) -> None:
    part, model = select(data, range(5)), Points2Plans()
    codes = shape_codes(model, part)
    assert codes.shape == (len(part.points), 128) and not codes.requires_grad
    torch.testing.assert_close(shape_codes(model, part, chunk=7), codes, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("with_codes", [False, True])
def test_both_phases(model: Points2Plans, data: Transitions, with_codes: bool) -> None:
    part = select(data, range(20))
    codes = shape_codes(model, part) if with_codes else None
    before = {key: value.clone() for key, value in model.state_dict().items()}
    steps = list(pretrain(model, part, TrainingOptions(epochs=2, batch=9), torch.Generator().manual_seed(0), codes))
    assert [step.samples for step in steps] == [9, 18, 27, 36]  # the last tenth is held out
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    encoder = {key for key in before if key.startswith("encoder.")}
    assert (encoder <= changed) != with_codes and not (encoder & changed and with_codes)
    assert "messages.along" not in changed and {"position.2.weight", "binary.subject.weight"} <= changed


@pytest.mark.parametrize(("count", "batch", "world"), [(66, 64, 3), (129, 64, 3), (41, 8, 2), (7, 8, 5), (64, 64, 3), (10, 7, 4)])
def test_each_of_several_processes_has_a_share_of_every_batch(count: int, batch: int, world: int) -> None:
    kept = shareable(torch.arange(count), batch, world)
    assert count - world < len(kept) <= count
    assert all(len(Share(rank, world).of(part)) for part in kept.split(batch) for rank in range(world))
