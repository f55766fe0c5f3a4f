"""`fail2progress demo`: the whole story on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fail2progress.cli.common import WorkError, checked, print_json, require, say
from fail2progress.cli.limits import MOST_PROCESSES, MOST_SEED
from fail2progress.cli.report import OF_THE_DEMO, PAGE
from fail2progress.cli.run_folder import run_folder
from fail2progress.cli.voice import stages
from fail2progress.core.files import write_whole
from fail2progress.core.names import unknown
from fail2progress.core.runs import STORE_FILES
from fail2progress.tasks import DEFAULT

if TYPE_CHECKING:
    from fail2progress.evaluation.demo_episode import Story, StoryOptions

ROBOTS = ("stretch", "hand")
LEAVES = (*STORE_FILES, "models", "events.jsonl", PAGE, OF_THE_DEMO, "loop.png")
"""What a demo leaves in its folder."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    out: Path | None = typer.Option(
        None, help="Folder for the report, failures, models and the event log; default: one of its own in runs/demo."
    ),
    force: bool = typer.Option(False, help="Replace an earlier run in --out."),
    task: str = typer.Option(DEFAULT, help="Which task: a name (tasks ls) or a task file (.yaml)."),
    objects: int | None = typer.Option(None, help="Movable objects; default: the fewest that the task is defined for."),
    seed: int = typer.Option(0, min=0, max=MOST_SEED, help="Which trials to run."),
    quick: bool = typer.Option(False, "--quick", help="In seconds: learn from few scenes, look at one unseen trial."),
    robot: str = typer.Option("stretch", help="stretch (its own joints and head camera) or hand (quicker)."),
    model: Path | None = typer.Option(None, help="Weights to start from; default: those that travel with the package."),
    simulator: str = typer.Option("mujoco", help="That learns and classifies: a name, or a file with its options."),
    processes: int | None = typer.Option(
        None, min=1, max=MOST_PROCESSES, help="Processes for simulation; default: one for every core."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """A robot fails, finds out why, generates what it was missing, learns, and succeeds. A minute or two on two cores.

    Example: fail2progress demo --seed 1
    """
    from fail2progress.evaluation.demo_episode import StoryOptions, shorter
    from fail2progress.models import weights
    from fail2progress.models.checkpoint import load_checkpoint
    from fail2progress.reporting.report import html, panels_of
    from fail2progress.reporting.story_picture import story_picture
    from fail2progress.tasks.registry import task as task_of
    from fail2progress.tasks.seeds import first_seed

    require(robot in ROBOTS, unknown("robot", robot, ROBOTS))
    with checked():
        family = task_of(task)
        count = objects if objects is not None else family.counts[0]
        family.trial(count, first_seed(seed))
    start = model or weights.path(weights.RELATIONAL)
    load_checkpoint(start)  # before a folder is made for it
    with run_folder("demo", out, force=force, leaves=LEAVES) as run:
        kept = weights.path(weights.KEEPSAKE)
        options = StoryOptions(run.folder, start, kept, count, seed, family.reference, robot)
        story = _told(shorter(options) if quick else options, processes, simulator)
        page = run.folder / PAGE
        say("writing the report")
        panels = panels_of(story)
        write_whole(page, html(story, panels))
        write_whole(run.folder / "loop.png", story_picture(panels))
    _summarise(story, page)
    if as_json:
        print_json(_summary(story, page))
    if not story.reached:
        raise WorkError(f"the task was not reached with the new model; see {page}")


def _told(options: StoryOptions, processes: int | None, choice: str) -> Story:
    """The story, with its stages as progress bars."""
    from fail2progress.evaluation.demo_episode import NoStoryError, tell_story
    from fail2progress.simulation.parallel import ParallelSimulator

    with ParallelSimulator(processes, choice) as simulator, stages() as tell:
        try:
            return tell_story(options, simulator, tell)
        except NoStoryError as error:
            raise WorkError(str(error)) from error


def _summarise(story: Story, page: Path) -> None:
    from fail2progress.failures import sentences

    verdict, result = story.lesson.verdict, story.again.result
    say(f"failure {story.event.id[:8]}: {' '.join(sentences.story(story.event, (story.learnt,)))}")
    say(f"class: {story.report.category.value.replace('_', ' ')}, confidence {story.report.confidence:.0%}")
    say(f"learnt in {sum(story.lesson.seconds.values()):.1f} s; acceptance test: {verdict.reason}")
    before, after = (sum(pair[i].success for pair in story.unseen) for i in (0, 1))
    said = ["success" if each.success else "no success" for each in (*story.open_loop, result)]
    say(f"the same trial open loop: {said[0]} before, {said[1]} after; looking after every skill: {said[2]}")
    say(f"{len(story.unseen)} unseen trials, open loop: {before} succeeded before, {after} after")
    say(f"report: {page}")


def _summary(story: Story, page: Path) -> dict[str, object]:
    before, after = (sum(pair[i].success for pair in story.unseen) for i in (0, 1))
    return {
        "event": story.event.id,
        "plan": [str(call.call()) for call in story.event.header.plan],
        "class": story.report.category.value,
        **story.lesson.to_dict(),
        "success": story.again.result.success,
        "open_loop": {"before": story.open_loop[0].success, "after": story.open_loop[1].success},
        "unseen": {"trials": len(story.unseen), "before": before, "after": after},
        "models": list(story.models),
        "report": str(page),
    }
