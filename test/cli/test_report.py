"""What the report of a run shows where parts of it are damaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry

Run = Callable[..., Any]


def test_the_film_is_of_the_last_lesson_whose_models_can_be_read(run: Run, event: FailureEvent, tmp_path: Path) -> None:
    FailureStore(tmp_path / "failures.sqlite").add(event)
    versions = Registry(tmp_path / "models")
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    versions.register(model, {})
    for parent in ("v0001", "v0002"):
        versions.register(model, {"parent_version": parent, "event": event.id, "dataset": {}})
    versions.path("v0003").with_suffix(".json").write_text("{")
    told = run("report", tmp_path, "--film", tmp_path / "film.gif")
    assert told.exit_code == 0 and "v0003.json: cannot be read" in told.stderr and "v0003 is left out" in told.stderr
    assert (tmp_path / "film.gif").read_bytes()[:3] == b"GIF"
    versions.path("v0001").write_bytes(b"")
    told = run("report", tmp_path, "--film", tmp_path / "none.gif")
    assert told.exit_code == 2 and "nothing was learnt here that could be shown" in told.stderr.splitlines()[-1]
