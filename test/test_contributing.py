"""What CONTRIBUTING.md shows works as it stands there, from outside `src`."""

import re
import sys
from pathlib import Path

import pytest

from fail2progress.core.registry import Registry, RegistryError
from fail2progress.core.relations import UNARY
from fail2progress.failures.event import Call, Mismatch
from fail2progress.failures.report import FailureClass, FailureReport
from fail2progress.failures.routes import SIGNALS
from fail2progress.failures.signals import signals
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.perception.segmentation.registry import SEGMENTERS, segmenter
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.registry import resolve
from fail2progress.skills.base import SkillCall
from fail2progress.tasks.registry import TASKS, task
from support import recordings, samples
from support.plugins import install_plugin

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The files that CONTRIBUTING.md shows, by name."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\w+\n# file: (\S+)\n(.*?)```", text, flags=re.DOTALL)
    assert {name for name, _ in blocks} == {
        "two_cubes.yaml", "simulator.yaml", "boxes.py", "by_colour.py", "kitchen.yaml", "short_pushes.py",
    }  # fmt: skip
    return dict(blocks)


def test_the_task_gives_trials(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "two_cubes.yaml"
    path.write_text(files["two_cubes.yaml"])
    trial = task(str(path)).trial(2, 3)
    assert str(trial.goal) == "above(cube_1, table_b) and above(cube_2, table_b) and left(cube_1, cube_2)"
    assert set(trial.scene.names) == {"table_a", "table_b", "cube_1", "cube_2"}


def test_a_package_offers_the_task_as_the_text_says(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    name, package, attribute = re.findall(r'`([\w-]+) = "(\w+):(TWO_CUBES)"`', text)[0]
    source = "from pathlib import Path\n" + re.findall(r"`(TWO_CUBES = .*?)`", text)[0]
    (tmp_path / "two_cubes.yaml").write_text(files["two_cubes.yaml"])
    folder = install_plugin(tmp_path, source, {"fail2progress.tasks": {name: attribute}}, package)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(TASKS, "_searched", False)
    try:
        assert task(name).trial(2, 3).task == "two-cubes" and TASKS.source(name) == package
    finally:
        TASKS.unregister(name)


def test_the_simulator_s_file_is_understood(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "simulator.yaml").write_text(files["simulator.yaml"].replace("python", sys.executable))
    (tmp_path / "my_worker.py").touch()
    monkeypatch.chdir(tmp_path)
    entry, options = resolve("simulator.yaml")
    assert entry.name == "worker" and vars(options)["workers"] == 2


def test_the_relation_detector_is_found_and_detects(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcomes: tuple[Outcome, ...]
) -> None:
    entries = {"fail2progress.relation_detectors": {"boxes-only": "Boxes"}}
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path, files["boxes.py"], entries, "boxes_for_contributing")))
    found: Registry[type[RelationDetector]] = Registry("relation detector", "fail2progress.relation_detectors")
    snapshot = outcomes[0].before
    state = found.get("boxes-only").for_model(None, "").detect(snapshot.cloud)
    assert state.names == snapshot.scene.names
    (table, *_) = (i for i, spec in enumerate(snapshot.scene.objects) if spec.category == "table")
    above = [name for name in state.names if state.value("above", name, state.names[table]) > 0.5]
    assert set(above) <= {name for name in state.names if snapshot.relations.value("above", name, state.names[table]) > 0.5}
    truth, movable = snapshot.relations, UNARY.index("movable")
    assert state.unary[:, movable].tolist() == truth.unary[:, movable].tolist() and 0 < state.unary[:, movable].sum() < len(
        state.names
    )


def test_the_segmenter_is_found_and_takes_its_options(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"fail2progress.segmenters": {"by-colour": "ByColour"}}
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path, files["by_colour.py"], entries, "colours_for_contributing")))
    monkeypatch.setattr(SEGMENTERS, "_searched", False)
    (tmp_path / "kitchen.yaml").write_text(files["kitchen.yaml"])
    (tmp_path / "wrong.yaml").write_text(files["kitchen.yaml"].replace("kinds", "colours"))
    try:
        found = segmenter(str(tmp_path / "kitchen.yaml")).segment(recordings.simulated(1)[0])
        with pytest.raises(RegistryError, match=r"wrong\.yaml: .*kinds"):
            segmenter(str(tmp_path / "wrong.yaml"))
    finally:
        SEGMENTERS.unregister("by-colour")
    kinds = {one.colour: one.category for one in found.segments}
    assert kinds["blue"] == "bottle" and kinds["green"] == "cup" and len(found.surfaces) == 1
    assert set(kinds) - {"blue", "green"} and not {"bottle", "cup"} & {kinds[other] for other in set(kinds) - {"blue", "green"}}


def test_the_failure_that_it_names_is_found_and_answered(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"fail2progress.signals": {"not_touched": "NOT_TOUCHED"}}
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path, files["short_pushes.py"], entries, "pushes_for_contributing")))
    monkeypatch.setattr(SIGNALS, "_searched", False)
    event = samples.failure()
    broken = Mismatch(relation="contact", subject="cup_1", other="capsule_1", expected=0.9, observed=0.1)
    call = Call.of(SkillCall("push", "cup_1", (0.0, 0.1)))
    short = event.model_copy(update={"header": event.header.model_copy(update={"call": call, "mismatches": (broken,)})})
    report = FailureReport(
        failure=event.id, category=FailureClass.SIM2REAL_GAP, confidence=1.0, repetitions=5, differences=(), rebuilt=()
    )
    first, *_ = signals(short, report)
    assert (first.name, first.parameter, first.delta) == ("not_touched", "push.reach", 0.01)
    assert "not_touched" not in [one.name for one in signals(event, report)]
    SIGNALS.unregister("not_touched")


def test_every_group_of_entry_points_is_one_that_a_registry_reads() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"fail2progress\.[a-z_]+(?=`|\")", text)) - {"fail2progress.simulation"}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert [group for group in named if f'"{group}"' not in sources] == []
