from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.executor import Executor
from fail2progress.evaluation.studies import reconstruction
from fail2progress.evaluation.studies.reconstruction import Study, markdown, measure


class InPlace(Executor):
    """Counts what it is given."""

    def __init__(self) -> None:
        self.done = 0

    def map_unordered(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.done += 1
            yield function(item)


def test_an_interrupted_study_goes_on_and_gives_the_same_report(tmp_path: Path) -> None:
    first = InPlace()
    report: Any = Study(tmp_path / "a", executions=6, drawers=2, seed=3).run(first, lambda done: None)
    assert report["agreement"]["floor_start_shifted_4_mm"]["of"] == 6
    assert report["drawers"]["executions"] >= 2 and report["drawers"]["within_20_mm"]["rate"] > 0.5
    assert report["agreement"]["corrected"]["rate"] > 0.5
    assert "drawer skills" in markdown(report)
    half = InPlace()
    Study(tmp_path / "b", executions=3, drawers=1, seed=3).run(half, lambda done: None)
    rest = InPlace()
    again: Any = Study(tmp_path / "b", executions=6, drawers=2, seed=3).run(rest, lambda done: None)
    assert half.done + rest.done == first.done
    for part in ("agreement", "drawers", "scenes", "coupled", "differ"):
        assert again[part] == report[part]


def test_an_object_that_was_not_seen_is_said_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(cloud: Any) -> Any:
        found = rebuild(cloud)
        scene = found.scene
        keep = [i for i, spec in enumerate(scene.objects) if not spec.movable]
        left_out = tuple(spec.name for spec in scene.objects if spec.movable)
        return type(found)(type(scene)(tuple(scene.objects[i] for i in keep), scene.poses[keep], scene.openings), left_out)

    rebuild = reconstruction.rebuild
    monkeypatch.setattr(reconstruction, "rebuild", blind)
    row = measure((3, 0))
    assert row["stable"] and row["rebuilt"] is None and row["left_out"] and row["floor"] is not None
