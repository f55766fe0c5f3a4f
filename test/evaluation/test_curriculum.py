import copy
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from fail2progress.core.camera import Camera
from fail2progress.core.executor import executor
from fail2progress.core.gaps import FILE, read
from fail2progress.evaluation.curriculum import Curriculum, summary
from fail2progress.evaluation.fresh import executions, fresh_f1
from fail2progress.evaluation.rows import RowsError
from fail2progress.evaluation.sources import FamilySource, Source, TaskSource, sources
from fail2progress.evaluation.stack_run import read_run
from fail2progress.failures.classifier import Classifier
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.exports import gaps_of
from fail2progress.failures.report import FailureClass
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.acceptance import AcceptanceResult, Scores
from fail2progress.learning.finetuning.rehearsal import RehearsalSet
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from fail2progress.models.points2plans.model import Points2Plans, Points2PlansConfig
from fail2progress.models.store import Registry
from fail2progress.models.training.transitions import select
from fail2progress.reporting.stack_report import html
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.stein.states import NothingToVaryError
from support import samples

Make = Callable[..., SkillEffectModel]
SCORES = Scores(0.5, 0.1, 0.9, 0.9)


@dataclass
class Handed(Source):
    """Gives prepared failures, one a trial, and what was measured last."""

    name: str
    events: list[FailureEvent | None]
    measured: list[str] = field(default_factory=list)

    def meet(self, model: Checkpoint, seed: int, start: int) -> Iterator[FailureEvent | None]:
        yield from self.events[start:]

    def measure(self, model: Checkpoint, seed: int, trials: int) -> dict[str, float]:
        self.measured.append(model.path.name)
        return {"success": 0.25 * len(self.measured), **({"f1": 0.1 * len(self.measured)} if self.name == "one" else {})}


@dataclass
class Teacher:
    """Learns nothing, and is accepted, rejected or has nothing to vary as its script says."""

    script: list[bool | None]
    asked: list[str] = field(default_factory=list)
    remembered: list[int] = field(default_factory=list)
    targeting: TargetOptions = field(default_factory=TargetOptions)
    simulator: MujocoSimulator = field(default_factory=MujocoSimulator)

    def remembering(self, lessons: Any, failures: Any) -> Any:
        assert len(failures) == len(lessons)
        self.remembered.append(len(lessons))
        return self

    def learn(self, events: list[FailureEvent], model: SkillEffectModel, seed: int, report: Any) -> Any:
        self.asked += [event.id for event in events]
        passed = self.script[len(self.asked) - 1]
        if passed is None:
            raise NothingToVaryError("nothing to vary")
        verdict = AcceptanceResult(passed, SCORES, SCORES, "because")
        lesson = RehearsalSet(*(select(samples.transitions(), rows) for rows in (range(3), range(3, 5))))
        figures = [{"failure_f1": 0.5, "held_out_prediction": held} for held in (0.9, 0.9 - 0.01 * len(self.asked))]
        gate = {"gate": {"passed": passed, "reason": "because", "before": figures[0], "after": figures[1]}}
        learnt = copy.deepcopy(model)
        with torch.no_grad():
            next(learnt.parameters()).add_(1e-6)
        return SimpleNamespace(model=learnt, verdict=verdict, lesson=lambda: lesson, to_dict=lambda: gate, gaps=())


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    save_checkpoint(Points2Plans(Points2PlansConfig(relational=True)), path, {})
    return load_checkpoint(path)


def event(number: int) -> FailureEvent:
    found = samples.failure()
    return found.model_copy(update={"header": found.header.model_copy(update={"id": f"00000000-0000-0000-0000-{number:012d}"})})


def run(life: Curriculum, start: Checkpoint, script: list[bool | None]) -> tuple[list[dict[str, Any]], Teacher]:
    teacher = Teacher(script)
    classifier = Classifier(MujocoSimulator(), Camera(), repetitions=3)
    rows = list(replace(life, fresh=3).run(start, teacher, classifier, lambda stage, share: None))  # type: ignore[arg-type]
    return rows, teacher


def test_failures_are_met_in_turn_and_every_source_is_measured_again(start: Checkpoint, tmp_path: Path) -> None:
    one, two = Handed("one", [None, event(1), event(3)]), Handed("two", [event(2), event(4)])
    rows, teacher = run(Curriculum((one, two), tmp_path, failures=4), start, [True, False, None, True])
    assert [row["source"] for row in rows] == ["one", "two", "one", "two"]
    assert teacher.asked == [event(n).id for n in (1, 2, 3, 4)] and teacher.remembered == [0, 1, 1, 1]
    assert [row["tried"] for row in rows] == [2, 1, 1, 1]
    assert [row["accepted"] for row in rows] == [True, False, False, True]
    assert [row["model"] for row in rows] == ["v0002", None, None, "v0003"]
    assert rows[2]["reason"] == "nothing to vary" and rows[0]["class"] == "incorrect_symbolic_prediction"
    assert [list(row["results"]) for row in rows] == [["one"], ["one", "two"], ["one", "two"], ["one", "two"]]
    assert one.measured == ["start.safetensors", *["v0002.safetensors"] * 3, "v0003.safetensors"]
    assert two.measured == ["start.safetensors", *["v0002.safetensors"] * 2, "v0003.safetensors"]
    assert len(FailureStore(tmp_path / "failures.sqlite").headers()) == 4
    assert {gap.id for gap in read(tmp_path / FILE)} == {gap.id for gap in gaps_of(event(1))} != set()
    said = summary(rows)
    assert (said["met"], said["accepted"]) == (4, 2)
    assert said["success"]["one"] == {"before": 0.25, "after": 1.25}  # type: ignore[index]
    assert said["f1_lost_where_chosen"] == pytest.approx(
        {"in_all": 0.05, "most_for_one": 0.04}
    )  # the first and the fourth lesson
    assert list(said["f1"]) == ["one"]  # type: ignore[call-overload]
    assert said["f1"]["one"] == pytest.approx({"before": 0.1, "after_its_lesson": 0.2, "at_the_end": 0.5})  # type: ignore[index]


def test_what_a_lesson_costs_is_measured_on_executions_that_nothing_was_chosen_by(start: Checkpoint, tmp_path: Path) -> None:
    """Which the run makes from its seed: once, and again the same where it goes on."""
    found = executions(MujocoSimulator(), 0, 3)
    events: list[FailureEvent | None] = [event(n) for n in (1, 2, 3)]
    run(Curriculum((Handed("one", events),), tmp_path, failures=1), start, [True])
    rows, _ = run(Curriculum((Handed("one", events),), tmp_path, failures=3), start, [False, True])
    versions = Registry(tmp_path / "models")
    models = [start, load_checkpoint(versions.path("v0002")), load_checkpoint(versions.path("v0003"))]
    first, second, third = (fresh_f1(one.model, found) for one in models)
    assert rows[0]["fresh_f1"] == {"before": first, "after": second} and "fresh_f1" not in rows[1]
    assert rows[2]["fresh_f1"] == {"before": second, "after": third}
    assert summary(rows)["held_out_f1_lost"] == {
        "in_all": pytest.approx(first - third),
        "most_for_one": max(first - second, second - third),
    }
    for row in rows:
        row.pop("fresh_f1", None)  # as earlier versions wrote them
    assert summary(rows)["held_out_f1_lost"] is None and summary(rows)["f1_lost_where_chosen"] is not None


def test_the_folder_tells_its_story_as_that_of_a_stack(start: Checkpoint, tmp_path: Path) -> None:
    handed = Handed("one", [event(n) for n in (1, 2, 3, 4)])
    run(Curriculum((handed,), tmp_path, failures=4), start, [True, False, None, True])
    told = read_run(tmp_path)
    assert {met.event.id: met.lesson for met in told.met} == {
        event(1).id: ("v0002", "because"),
        event(2).id: ("", "because"),
        event(3).id: ("", "nothing to vary"),
        event(4).id: ("v0003", "because"),
    }
    assert told.current == "v0003" and [note.get("parent_version") for _, note in told.versions] == [None, "v0001", "v0002"]
    assert [note.get("event") for _, note in told.versions] == [None, event(1).id, event(4).id]
    assert "and 2 new\nmodels learnt from them" in html(told)


def test_what_came_of_a_failure_is_told_where_the_process_ended_before_that(start: Checkpoint, tmp_path: Path) -> None:
    def life(failures: int) -> Curriculum:
        return Curriculum((Handed("one", [event(1), event(2)]),), tmp_path, failures)

    run(life(2), start, [True, True])
    with closing(sqlite3.connect(tmp_path / "failures.sqlite")) as connection, connection:
        connection.execute("DELETE FROM lessons WHERE failure = ?", (event(2).id,))
    Registry(tmp_path / "models").make_current("v0002")
    run(life(2), start, [])
    store = FailureStore(tmp_path / "failures.sqlite")
    assert [store.lessons(event(n).id) for n in (1, 2)] == [((version, "because"),) for version in ("v0002", "v0003")]
    assert Registry(tmp_path / "models").in_use() == "v0003"


def test_the_model_in_use_is_that_of_the_rows_whatever_an_earlier_run_left(start: Checkpoint, tmp_path: Path) -> None:
    """Whose rows alone were deleted: the run begins with its own start, and what it learns comes from that."""
    versions = Registry(tmp_path / "models")
    run(Curriculum((Handed("one", [event(1), event(2)]),), tmp_path, failures=2), start, [True, True])
    assert versions.in_use() == "v0003"
    (tmp_path / "lifelong.jsonl").unlink()
    run(Curriculum((Handed("one", [event(3)]),), tmp_path, failures=1), start, [False])
    assert versions.in_use() == "v0001" and versions.current().digest == start.digest
    (tmp_path / "lifelong.jsonl").unlink()
    rows, _ = run(Curriculum((Handed("one", [event(4)]),), tmp_path, failures=1), start, [True])
    assert rows[0]["model"] == versions.in_use() == "v0004" and versions.current().note["parent_version"] == "v0001"
    versions.make_current("v0002")
    with pytest.raises(RowsError, match=r"delete it and failures\.sqlite and models$"):
        run(Curriculum((Handed("one", []),), tmp_path, seed=5), start, [])
    assert versions.in_use() == "v0002", "another run's folder is left as it is"
    learnt = replace(load_checkpoint(versions.path("v0003")), path=tmp_path / "elsewhere.safetensors")
    (tmp_path / "lifelong.jsonl").unlink()
    run(Curriculum((Handed("one", [None]),), tmp_path, patience=1), learnt, [])
    assert versions.in_use() == "v0003"


def test_an_interrupted_run_goes_on_with_its_model(start: Checkpoint, tmp_path: Path) -> None:
    def life(failures: int) -> Curriculum:
        return Curriculum((Handed("one", [event(1), event(3)]), Handed("two", [event(2)])), tmp_path, failures)

    first, _ = run(life(1), start, [True])
    again, teacher = run(life(3), start, [False, False])
    assert again[0] == json.loads(json.dumps(first[0])) and teacher.asked == [event(2).id, event(3).id]
    assert teacher.remembered == [1, 1]
    assert run(life(3), start, [])[0] == again
    for other in ({"seed": 7}, {"simulator": "mujoco_warp"}):
        with pytest.raises(RowsError, match="another run"):
            run(replace(life(3), **other), start, [])  # type: ignore[arg-type]


def test_a_whole_turn_without_failures_ends_it(start: Checkpoint, tmp_path: Path) -> None:
    rows, teacher = run(Curriculum((Handed("one", [None]), Handed("two", [None])), tmp_path, patience=5), start, [])
    assert [row["event"] for row in rows] == [None, None] and teacher.asked == []
    assert summary(rows)["met"] == 0


def test_failures_of_another_class_are_passed_over(start: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classify = Classifier.classify

    def gap(self: Classifier, found: FailureEvent, seed: int = 0) -> Any:
        report = classify(self, found, seed)
        return report.model_copy(update={"category": FailureClass.SIM2REAL_GAP}) if found.id == event(1).id else report

    monkeypatch.setattr(Classifier, "classify", gap)
    rows, teacher = run(Curriculum((Handed("one", [event(1), event(2)]),), tmp_path, failures=1), start, [True])
    assert teacher.asked == [event(2).id] and rows[0]["passed_over"] == {"sim2real_gap": 1} and rows[0]["tried"] == 2


def test_families_give_failures_and_are_judged_on_others(oracle: Make, simulator: MujocoSimulator, start: Checkpoint) -> None:
    (source,) = sources(["loaded-carried"], simulator, executor("local", 1))
    assert isinstance(source, FamilySource) and source.name == "loaded-carried"
    ignorant = replace(start, model=oracle(carries=False), digest="i" * 64)
    met = [found for found, _ in zip(source.meet(ignorant, 1, 0), range(3), strict=False)]
    assert met[0] is not None and {m.relation for m in met[0].header.mismatches} >= {"inside"}
    (later,) = [found for found, _ in zip(source.meet(ignorant, 1, 2), range(1), strict=False)]
    assert met[2] is not None and later is not None and later.id == met[2].id
    bad = source.measure(ignorant, 1, 3)
    good = source.measure(replace(ignorant, model=oracle()), 1, 3)
    assert bad["success"] == 0.0 and bad["along_mm"] > 5 * good["along_mm"] and good["f1"] > bad["f1"]


def test_tasks_are_measured_open_loop(simulator: MujocoSimulator, start: Checkpoint) -> None:
    (source,) = sources(["short/2"], simulator, executor("local", 1))
    assert isinstance(source, TaskSource) and source.name == "short/2"
    figures = source.measure(start, 1, 1)
    assert figures["success"] in (0.0, 1.0) and 0.0 <= figures["plan_probability"] <= 1.0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("juggling", "unknown task 'juggling'.*families: loaded-carried"),
        ("short/9", "1, 2 objects, not 9"),
        ("short/x", "No such file"),
    ],
)
def test_unknown_sources_are_named(simulator: MujocoSimulator, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sources([name], simulator, executor("local", 1))
