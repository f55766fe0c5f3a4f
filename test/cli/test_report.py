"""What the report of a run shows where parts of it are damaged."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fail2progress.core.runs import STORE, Runs
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.store import FailureStore
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry
from fail2progress.reporting import film

Run = Callable[..., Any]
OWN = "<!doctype html><title>fail2progress: a failure, and what was learnt from it</title>"
"""As the page of a demo begins."""


def test_the_film_is_of_the_last_lesson_whose_models_can_be_read(
    run: Run, event: FailureEvent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(film.CAMERA, width=150, height=82, focal=140.0)
    monkeypatch.setattr(film, "film", partial(film.film, camera=small, steps=2))
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


def test_the_page_of_a_demo_that_lost_its_run_file_is_kept_too(run: Run, demo: Path) -> None:
    (demo / "run.json").unlink()
    (demo / "events.jsonl").touch()
    assert "(as the demo wrote it)" in run("report", demo).stderr and (demo / "report.html").read_text() == OWN


@pytest.fixture
def demo(event: FailureEvent, tmp_path: Path) -> Path:
    """The folder of a demo: a failure, two versions, and the page that it wrote last."""
    folder = Runs(tmp_path / "runs").new("demo", datetime(2026, 1, 2)).folder
    FailureStore(folder / STORE).add(event)
    versions = Registry(folder / "models")
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    versions.register(model, {})
    versions.register(model, {"parent_version": "v0001", "event": event.id})
    (folder / "report.html").write_text(OWN)
    return folder


def test_the_page_of_a_demo_stays_while_nothing_is_newer_whoever_reads(run: Run, demo: Path) -> None:
    assert run("failures", "ls", "--store", demo / STORE).exit_code == 0
    assert run("models", "ls", "--registry", demo / "models").exit_code == 0
    for _ in range(2):
        told = run("report", demo)
        assert told.exit_code == 0 and told.stderr.strip() == f"report: {demo / 'report.html'} (as the demo wrote it)"
    assert (demo / "report.html").read_text() == OWN and not (demo / "demo.html").exists()


def test_the_page_of_a_demo_is_written_anew_where_more_was_learnt_and_its_own_is_kept(
    run: Run, event: FailureEvent, demo: Path
) -> None:
    versions = Registry(demo / "models")
    model = Points2Plans(Points2PlansConfig(relational=True, feedforward=16, layers=1))
    versions.register(model, {"parent_version": "v0002", "event": event.id})
    for _ in range(2):
        assert run("report", demo).exit_code == 0
        assert "model v0003" in (demo / "report.html").read_text()
        assert (demo / "demo.html").read_text() == OWN


def test_a_lesson_that_is_newer_counts_too(run: Run, event: FailureEvent, demo: Path) -> None:
    FailureStore(demo / STORE).add_lesson(event.id, "", "rejected for a reason of its own")
    assert run("report", demo).exit_code == 0 and "rejected for a reason of its own" in (demo / "report.html").read_text()


def test_what_is_damaged_in_a_demo_is_named(run: Run, refuses: Run, demo: Path) -> None:
    page, weights = demo / "report.html", Registry(demo / "models").path("v0002")
    written = page.stat().st_mtime_ns + 10**9
    os.utime(page, ns=(written, written))
    weights.write_bytes(weights.read_bytes()[:-1])
    told = run("report", demo)
    assert told.exit_code == 0 and f"note: {weights}: digest " in told.stderr and f"{weights}: digest" in page.read_text()
    (demo / "demo.html").rename(page)
    (demo / STORE).write_bytes(b"garbage" * 1000)
    assert f"{demo / STORE}: cannot be used as a failure store" in refuses("report", demo)
    assert page.read_text() == OWN and not (demo / "demo.html").exists()


def test_the_page_of_another_run_is_written_each_time(run: Run, event: FailureEvent, tmp_path: Path) -> None:
    folder = Runs(tmp_path / "runs").new("learn", datetime(2026, 1, 2)).folder
    FailureStore(folder / STORE).add(event)
    (folder / "report.html").write_text(OWN)
    told = run("report", folder)
    assert told.exit_code == 0, told.output
    assert event.id in (folder / "report.html").read_text() and not (folder / "demo.html").exists()
