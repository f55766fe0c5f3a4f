"""The model in use: taken over whole and by way of the gate, or not at all."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fail2progress.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fail2progress.models.hot_swap import KEPT, LiveModel, Offer
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig

PASSED = {"passed": True, "reason": "better"}


def make_model(seed: int, feedforward: int = 32) -> Points2Plans:
    torch.manual_seed(seed)
    return Points2Plans(Points2PlansConfig(relational=True, feedforward=feedforward, layers=1)).eval()


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Checkpoint]:
    """Writes the checkpoint of a seed, with a note."""

    def write(seed: int, feedforward: int = 32, **note: object) -> Checkpoint:
        path = tmp_path / f"v{seed:04d}.safetensors"
        save_checkpoint(make_model(seed, feedforward), path, note)
        return load_checkpoint(path)

    return write


@pytest.fixture
def start(make: Callable[..., Checkpoint]) -> Checkpoint:
    return make(0)


@pytest.fixture
def live(start: Checkpoint) -> LiveModel:
    return LiveModel(start)


def offer(found: Checkpoint, **changes: Any) -> Offer:
    return Offer(**{"path": found.path, "digest": found.digest, **changes})


def assert_refused(live: LiveModel, start: Checkpoint, what: Offer, why: str) -> None:
    assert not live.offer(what)
    assert why in live.refusal
    assert live.current is start and live.swaps == 0
    assert live.by_digest(what.digest) in (None, start)


def test_a_child_that_the_gate_let_through_is_taken(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    assert live.offer(offer(child))
    assert (live.current.digest, live.swaps, live.refusal) == (child.digest, 1, "")
    assert live.by_digest(start.digest) is start
    expected = make_model(1).state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in live.current.model.state_dict().items())


def test_the_model_in_use_offered_again_changes_nothing(live: LiveModel, start: Checkpoint) -> None:
    assert live.offer(offer(start)) and live.current is start and live.swaps == 0


def test_damaged_weights_are_refused(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    content = child.path.read_bytes()
    for damaged in (b"", content[:100], content[:-1], content[:-4] + b"\1\2\3\4", b"garbage" * 100):
        child.path.write_bytes(damaged)
        assert_refused(live, start, offer(child), str(child.path))
    child.path.write_bytes(content)
    assert live.offer(offer(child))


@pytest.mark.parametrize("note", ["", "[]", "{}", "null", "{" * 5000, '{"schema": 1}', '{"schema": 9}'])
def test_a_damaged_note_is_refused(note: str, live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    child.path.with_suffix(".json").write_text(note)
    assert_refused(live, start, offer(child), "v0001")


@pytest.mark.parametrize("path", ["/nowhere/v0001.safetensors", "/dev/null", "x" * 5000])
def test_what_is_not_there_is_refused(path: str, live: LiveModel, start: Checkpoint) -> None:
    assert_refused(live, start, Offer(Path(path), "1" * 64), path[:8])


def test_another_model_than_announced_is_refused(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    assert_refused(live, start, offer(child, digest="1" * 64), "announced was 111111111111")


def test_a_model_of_another_make_is_refused(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, feedforward=64, parent=start.digest, gate=PASSED)
    assert_refused(live, start, offer(child), "another make")
    assert_refused(live, start, offer(child, back=True), "another make")


def test_what_the_gate_rejected_is_refused(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate={"passed": False, "reason": "forgot how to push"})
    assert_refused(live, start, offer(child), "rejected by the gate: forgot how to push")
    assert_refused(live, start, offer(child, back=True), "rejected by the gate")


@pytest.mark.parametrize("note", [{"gate": PASSED}, {"gate": PASSED, "parent": "2" * 64}, {}, {"gate": "passed"}])
def test_a_model_of_unknown_origin_is_refused(
    note: dict[str, object], live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]
) -> None:
    """What the offer says of its parent does not count."""
    assert_refused(live, start, offer(make(1, **note)), "does not come from a model that is in use")


def test_going_back_takes_a_version_without_a_gate(make: Callable[..., Checkpoint], start: Checkpoint) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    live = LiveModel(child)
    assert not live.offer(offer(start))
    assert live.current is child
    assert live.offer(offer(start, back=True))
    assert (live.current.digest, live.swaps, live.refusal) == (start.digest, 1, "")
    assert live.offer(offer(child)) and live.swaps == 2


def test_a_few_earlier_models_stay_known(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    versions = [start]
    for seed in range(1, KEPT + 3):
        versions.append(make(seed, parent=versions[-1].digest, gate=PASSED))
        assert live.offer(offer(versions[-1]))
    known = [live.by_digest(version.digest) is not None for version in versions]
    assert known == [False] * 3 + [True] * KEPT
    for version in versions[-KEPT:]:
        version.path.unlink()
    assert live.offer(offer(versions[-2], back=True)) and live.current.digest == versions[-2].digest


def test_refusals_are_forgotten_in_the_end(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    child = make(1, parent=start.digest, gate=PASSED)
    assert not live.offer(offer(child, digest="1" * 64))
    assert live.refusal
    assert live.offer(offer(child)) and live.refusal == ""


def test_several_threads_see_whole_models_only(live: LiveModel, start: Checkpoint, make: Callable[..., Checkpoint]) -> None:
    children = [make(seed, parent=start.digest, gate=PASSED) for seed in (1, 2, 3)]
    broken = make(4, parent=start.digest, gate=PASSED)
    broken.path.write_bytes(broken.path.read_bytes()[:-5])
    expected = {c.digest: c.model.state_dict()["delta.bias"].tolist() for c in (start, *children)}
    over, wrong, errors = threading.Event(), [], []

    def use() -> None:
        while not over.is_set():
            current = live.current
            if current.model.state_dict()["delta.bias"].tolist() != expected.get(current.digest):
                wrong.append(current.digest)
            if live.by_digest(current.digest) is None:
                wrong.append(current.digest)

    def change(number: int) -> None:
        try:
            for turn in range(8):
                live.offer(offer((*children, broken)[(turn + number) % 4], back=True))
        except Exception as error:
            errors.append(error)

    users = [threading.Thread(target=use) for _ in range(2)]
    changers = [threading.Thread(target=change, args=(number,)) for number in range(3)]
    for thread in (*users, *changers):
        thread.start()
    for thread in changers:
        thread.join(60)
    over.set()
    for thread in users:
        thread.join(60)
    assert not wrong and not errors
    assert live.current.digest in expected and live.swaps > 0
