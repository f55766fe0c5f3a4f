"""What the public functions refuse, and that they name it."""

from typing import Any, cast

import numpy as np
import pytest

import fail2progress as f2p
from fail2progress.core.scene import Scene

MUG: dict[str, object] = {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)}
AWAY = f2p.SkillCall("pick_place", "mug", (0.0, -0.85, 0.02, 0.0), "table_b")


@pytest.fixture(scope="module")
def start() -> Scene:
    return f2p.scene([MUG])


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, True], ids=str)
def test_a_seed_is_a_whole_number(start: Scene, seed: Any) -> None:
    for refuses in (
        lambda: f2p.scene([MUG], seed),
        lambda: f2p.task(seed=seed),
        lambda: f2p.simulate(start, AWAY, seed),
        lambda: f2p.learn([], seed=seed),
        lambda: f2p.evaluate(trials=1, seed=seed),
    ):
        with pytest.raises(ValueError, match=f"seed must be a whole number of at least 0, got {seed!r}"):
            refuses()


@pytest.mark.parametrize("patience", [-1, -0.5, float("nan"), "a", None, True], ids=str)
def test_patience_is_a_number_of_seconds(patience: Any) -> None:
    with pytest.raises(ValueError, match=f"patience must be a number of seconds, 0 or more, got {patience!r}"):
        f2p.learn([], patience=patience)


def test_arguments_of_another_kind_are_named(start: Scene) -> None:
    given: Any = start
    for refuses, said in (
        (lambda: f2p.plan(given), r"trial must be what task\(\) gives, got a Scene"),
        (lambda: f2p.run(given), r"trial must be what task\(\) gives, got a Scene"),
        (lambda: f2p.picture(cast(Any, 3)), "what must be a Scene, .*got 3"),
        (lambda: f2p.detect(cast(Any, 3)), "seen must be what perceive found, .*got 3"),
        (lambda: f2p.simulate(start, cast(Any, "push")), "call must be a SkillCall, .*got 'push'"),
        (lambda: f2p.simulate(cast(Any, None), AWAY), "scene must be a Scene, got None"),
        (lambda: f2p.simulate(start, AWAY, simulator=cast(Any, 3)), "simulator must be .*got 3"),
        (lambda: f2p.learn(cast(Any, None)), "lesson must be failures, .*got None"),
        (lambda: f2p.learn(cast(Any, [3]), processes=1), "lesson must be failures, .*got 3"),
        (lambda: f2p.evaluate(cast(Any, 3), trials=1), "model must be a file of weights, .*got 3"),
        (lambda: f2p.evaluate(trials=cast(Any, 1.5)), r"trials must be a whole number of at least 1, got 1\.5"),
        (lambda: f2p.task(start, cast(Any, 3)), "goal must be a text, .*got 3"),
    ):
        with pytest.raises(ValueError, match=said):
            refuses()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            (np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), np.float32)),
            r"colour is an array of \(4, 5, 3\), .*RgbdFrame\(colour, depth, Intrinsics\(",
        ),
        (("color.png", np.ones((4, 5), np.float32), "camera.json"), r"depth is an array of \(4, 5\), .*RgbdFrame"),
    ],
)
def test_images_in_memory_are_asked_for_as_a_frame(given: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        f2p.perceive(*given)


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda start: f2p.task("nope.yaml"), "nope.yaml"),
        (lambda start: f2p.learn("nope.jsonl", processes=1), "nope.jsonl"),
        (lambda start: f2p.learn([], rehearsal="nope.rehearsal"), "nope.rehearsal"),
        (lambda start: f2p.plan(f2p.task(start, "above(mug, table_b)"), "nope.safetensors"), "nope.safetensors: no such file"),
    ],
)
def test_a_file_that_is_not_there_is_a_file_not_found(start: Scene, ask: Any, named: str) -> None:
    for kind in (FileNotFoundError, ValueError):
        with pytest.raises(kind, match=named):
            ask(start)
