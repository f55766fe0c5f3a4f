import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.evaluation.demo_episode import Story, StoryOptions, tell_story
from fail2progress.failures.asset_words import in_short
from fail2progress.failures.store import FailureStore
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.targeted import TargetOptions
from fail2progress.models import weights
from fail2progress.models.store import Registry
from fail2progress.reporting.report import html, panels_of
from fail2progress.simulation.parallel import ParallelSimulator


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story with the weights in the package, learning from six scenes for a few epochs."""
    options = StoryOptions(
        tmp_path_factory.mktemp("story"),
        weights.path(weights.RELATIONAL),
        weights.path(weights.KEEPSAKE),
        unseen=1,
        targeting=TargetOptions(samples=6, state_steps=10, action_steps=5),
        finetuning=FinetuneOptions(epochs=6, replay=6),
        patience=0.0,
    )
    with ParallelSimulator(1) as simulator:
        return tell_story(options, simulator, lambda stage, share: None)


def test_the_failure_is_the_one_that_was_never_trained(story: Story) -> None:
    call = story.event.header.call
    assert call.skill == "pick_place" and call.object.startswith("cup")
    held = [name for name in story.event.header.names if story.event.relations_before.value("inside", name, call.object) > 0.5]
    assert held, "the cup that failed was loaded"
    assert story.report.category.value == "incorrect_symbolic_prediction"


def test_failure_report_and_models_are_on_disk(story: Story) -> None:
    store = FailureStore(story.options.out / "failures.sqlite")
    assert next(iter(store.headers())).id == story.event.id
    assert store.report(story.event.id) == story.report
    registry = Registry(story.options.out / "models")
    assert registry.versions() == ["v0001", "v0002"]
    current = registry.current()
    assert current.digest == story.models[1]
    assert (current.note["version"] == "v0002") == story.lesson.verdict.passed


def test_the_story_goes_on_until_there_is_something_to_learn(tmp_path: Path) -> None:
    """The first failure of this seed cannot be rebuilt well enough: it is kept as undecided, and the next one is learnt from."""
    quick = TargetOptions(samples=4, state_steps=4, action_steps=2)
    epochs = FinetuneOptions(epochs=2, replay=4)
    options = StoryOptions(
        tmp_path,
        weights.path(weights.RELATIONAL),
        weights.path(weights.KEEPSAKE),
        seed=5,
        unseen=0,
        targeting=quick,
        finetuning=epochs,
        patience=0.0,
    )
    with ParallelSimulator(1) as simulator:
        story = tell_story(options, simulator, lambda stage, share: None)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    *before, last = [line["payload"] for line in lines if line["event"] == "report"]
    assert last["failure"] == story.event.id and last["category"] == "incorrect_symbolic_prediction"
    assert all(one["category"] != "incorrect_symbolic_prediction" for one in before)
    assert story.quiet >= len(before)
    assert FailureStore(tmp_path / "failures.sqlite").report(story.event.id) == story.report


def test_the_diary_has_typed_events_in_order(story: Story) -> None:
    lines = [json.loads(line) for line in (story.options.out / "events.jsonl").read_text().splitlines()]
    kinds = [line["event"] for line in lines]
    assert kinds[0] == "run_started" and kinds[-1] == "run_finished"
    marks = [kinds.index(kind) for kind in ("plan", "skill", "failure", "report", "lesson")]
    assert kinds.index("failure") < kinds.index("report") < kinds.index("lesson") and min(marks) > 0
    assert [line["ts_utc"] for line in lines] == sorted(line["ts_utc"] for line in lines)


def test_the_report_stands_alone_and_says_what_it_does_not_show(story: Story) -> None:
    page = html(story, panels_of(story))
    assert story.event.id in page and "What this does not show" in page
    assert in_short(story.event, story.report) in page
    assert page.count("data:image/png;base64,") >= 6
    assert not re.search(r'(src|href)="(?!data:)', page) and "<script" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--objects", "4"], "hierarchical-tabletop is defined for 3, 5, 7 objects, not 4"),
        (["--model", "nowhere.safetensors"], "nowhere.safetensors: no such file"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--processes", "1", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split()) and "Traceback" not in result.stderr
