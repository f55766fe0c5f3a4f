import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from fail2progress.learning.finetuning.versions import version_of
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint, save_checkpoint
from fail2progress.models.notes import CheckpointError
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry, gaps_path, lesson_path


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def made(seed: int) -> Points2Plans:
    torch.manual_seed(seed)
    return Points2Plans(Points2PlansConfig(identity=16, layers=1, feedforward=8, hidden=8))


def test_versions_are_numbered_and_none_is_current_by_itself(registry: Registry) -> None:
    assert registry.versions() == []
    assert [registry.register(made(seed), {}) for seed in range(3)] == ["v0001", "v0002", "v0003"]
    assert registry.versions() == ["v0001", "v0002", "v0003"]
    with pytest.raises(CheckpointError, match="no current model; register one first"):
        registry.current()


def test_weights_from_elsewhere_are_the_first_version(registry: Registry, tmp_path: Path) -> None:
    digest = save_checkpoint(made(0), tmp_path / "start.safetensors", {"run": "a"})
    begun = registry.begin(load_checkpoint(tmp_path / "start.safetensors"))
    assert (begun.note["version"], begun.note["source"], registry.current().digest) == ("v0001", digest, begun.digest)


@pytest.mark.parametrize("name", [weights.RELATIONAL, "plain.safetensors", "stow-gnn.safetensors"])
def test_weights_from_elsewhere_keep_the_digest_by_which_they_are_known(registry: Registry, name: str) -> None:
    """Also those that lack adapters which came later: what learns from them names them as its parent."""
    start = load_checkpoint(weights.path(name))
    assert registry.begin(start).digest == start.digest
    assert version_of(registry, start) == "v0001"


def test_a_version_whose_lesson_could_not_be_written_is_not_there(registry: Registry) -> None:
    registry.register(made(0), {})

    def full(path: Path) -> None:
        for place in (gaps_path(path), lesson_path(path)):
            place.write_text("of a lesson that was not finished")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        registry.register(made(1), {}, full)
    assert registry.versions() == ["v0001"]
    assert registry.adopt(load_checkpoint(registry.path("v0001")), {}) == "v0002"
    assert not gaps_path(registry.path("v0002")).exists() and not lesson_path(registry.path("v0002")).exists()


def test_one_version_is_current_and_the_parent_one_call_away(registry: Registry) -> None:
    first = registry.register(made(0), {})
    second = registry.register(made(1), {"parent_version": first, "event": "f"})
    made_current = registry.make_current(second)
    assert registry.current().digest == made_current.digest
    assert (made_current.note["version"], made_current.note["event"]) == (second, "f")
    assert torch.equal(registry.current().model.state_dict()["box.0.weight"], made(1).box[0].weight)
    assert registry.roll_back().note["version"] == first == registry.current().note["version"]
    with pytest.raises(CheckpointError, match="no parent to go back to"):
        registry.roll_back()
    assert registry.current().note["version"] == first
    assert not list(registry.folder.glob(".*"))


def test_what_was_learnt_comes_in_place_of_its_parent_alone(registry: Registry) -> None:
    """Also once more, where a process ended after it; but not where one has gone back meanwhile."""
    first = registry.register(made(0), {})
    parent = registry.register(made(1), {"parent_version": first})
    note = {"parent": registry.make_current(parent).digest, "parent_version": parent}
    child = registry.register(made(2), note)
    for _ in range(2):
        assert registry.replace_parent(child) and registry.current().note["version"] == child
    registry.roll_back()
    registry.roll_back()
    assert not registry.replace_parent(child) and registry.current().note["version"] == first


def test_a_version_takes_only_the_place_of_what_was_in_use_before(registry: Registry) -> None:
    first, second, third = (registry.register(made(seed), {}) for seed in range(3))
    assert registry.in_use() is None and registry.replace(first, None) and registry.in_use() == first
    assert not registry.replace(second, None) and registry.in_use() == first
    registry.make_current(third)
    assert not registry.replace(second, first) and registry.current().note["version"] == third


@pytest.mark.parametrize("kept", [0, 100, 5000])
def test_a_damaged_version_does_not_become_current(registry: Registry, kept: int) -> None:
    first, second = (registry.register(made(seed), {}) for seed in range(2))
    registry.make_current(first)
    path = registry.path(second)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="v0002"):
        registry.make_current(second)
    assert registry.current().note["version"] == first


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_where_the_version_in_use_is_damaged_it_is_said_how_to_go_on(registry: Registry, suffix: str) -> None:
    for seed in range(2):
        registry.register(made(seed), {})
    registry.make_current("v0002")
    registry.path("v0002").with_suffix(suffix).write_text("{")
    with pytest.raises(CheckpointError, match=rf"v0002.*models use VERSION --registry {registry.folder}"):
        registry.current()


def test_a_version_that_is_not_there(registry: Registry) -> None:
    first = registry.register(made(0), {})
    registry.make_current(first)
    with pytest.raises(CheckpointError, match="v0009"):
        registry.make_current("v0009")
    child = registry.register(made(1), {"parent_version": "v0009"})
    registry.make_current(child)
    with pytest.raises(CheckpointError, match="v0009"):
        registry.roll_back()
    assert registry.current().note["version"] == child


def test_numbers_go_on_after_the_last(registry: Registry) -> None:
    for seed in range(3):
        registry.register(made(seed), {})
    for suffix in (".safetensors", ".json"):
        registry.path("v0002").with_suffix(suffix).unlink()
    assert registry.register(made(4), {}) == "v0004"


def test_copies_that_somebody_made_are_no_versions(registry: Registry) -> None:
    first = registry.register(made(0), {})
    for name in ("v0001 copy", "v0001-best", "v1e3", "v\u0663"):
        save_checkpoint(made(1), registry.path(name), {})
    assert registry.versions() == [first] and registry.register(made(2), {}) == "v0002"
    save_checkpoint(made(3), registry.path("v9999"), {})
    assert [registry.register(made(seed), {}) for seed in (4, 5)] == ["v10000", "v10001"]


@pytest.mark.parametrize("said", ["", "v0007\n"])
def test_the_file_that_names_the_current_version_is_named_where_it_is_wrong(registry: Registry, said: str) -> None:
    registry.register(made(0), {})
    (registry.folder / "CURRENT").write_text(said)
    with pytest.raises(CheckpointError, match=rf"CURRENT: no version '{said.strip()}' there; choose one"):
        registry.current()


def test_a_damaged_name_of_the_current_version_is_told(registry: Registry) -> None:
    registry.register(made(0), {})
    (registry.folder / "CURRENT").write_bytes(b"v\xff")
    with pytest.raises(CheckpointError, match=r"CURRENT: no version .* there; choose one"):
        registry.current()


def test_weights_that_this_installation_does_not_have() -> None:
    with pytest.raises(CheckpointError, match=r"wings.safetensors: not in this installation; name a file of your own"):
        weights.path("wings.safetensors")


def test_two_that_register_at_once_get_two_versions(registry: Registry) -> None:
    with ThreadPoolExecutor(4) as threads:
        named = list(threads.map(lambda seed: registry.register(made(seed), {}), range(12)))
    assert sorted(named) == registry.versions() and len(set(named)) == 12
