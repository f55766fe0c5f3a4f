"""The story of one failure as a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from fail2progress.core.scene import Array
from fail2progress.evaluation.demo_episode import Run, Story
from fail2progress.evaluation.trials import TrialResult
from fail2progress.failures import sentences
from fail2progress.failures.asset_words import in_short
from fail2progress.learning.finetuning.targeted import Targeted
from fail2progress.reporting import pictures
from fail2progress.reporting.curves import Lesson, learning_curves
from fail2progress.reporting.page import page
from fail2progress.reporting.story_picture import Panel, story_panels, story_picture
from fail2progress.skills.registry import skill
from fail2progress.skills.samplers import stein_sampler
from fail2progress.stein.states import StateSpace

_ACROSS = 500
"""Pixels that one of a pair of pictures is wide on the page."""


def html(story: Story, panels: Sequence[Panel]) -> str:
    """The page. `panels`: `panels_of` the story."""
    trial = story.first.trial
    return page(
        "story",
        title="fail2progress: a failure, and what was learnt from it",
        story=story,
        data=_data(story),
        verdict=story.lesson.verdict,
        learning_seconds=sum(story.lesson.seconds.values()),
        succeeded=[sum(pair[i].success for pair in story.unseen) for i in (0, 1)],
        asked=sentences.wishes(trial.goal),
        sentences=sentences.story(story.event, (story.learnt,)),
        loop=[(panel.title, story_picture((panel,))) for panel in panels],
        start=pictures.scene_picture(trial.scene, across=_ACROSS),
        cloud=pictures.cloud_picture(story.event.before),
        planned=[(str(skill.call),) for skill in story.first.episode.plans[0].skills],
        first_steps=_steps(story.first),
        facts=_facts(story),
        happened=_happened(story),
        particles=_particles(story),
        scenes=pictures.scene_grid(_data(story).outcomes),
        curves=_curves(story),
        later_steps=_steps(story.again),
        end=pictures.scene_picture(story.again.robot.scene, across=_ACROSS),
        unseen=[(_named(old, number), (_result(old), _result(new))) for number, (old, new) in enumerate(_open_loop(story))],
        timings=pictures.bars(_seconds(story), "s"),
        provenance=_provenance(story),
    )


def panels_of(story: Story) -> tuple[Panel, ...]:
    """The failure in four panels."""
    expected = story.first.episode.taken[-1].planned.displacement
    return story_panels(story.event, expected, story.lesson.model)


def _curves(story: Story) -> bytes:
    verdict = story.lesson.verdict
    names = ("before", "after")
    success = {name: sum(pair[i].success for pair in story.unseen) / len(story.unseen) for i, name in enumerate(names)}
    return learning_curves([Lesson(story.event.id[:8], *names, vars(verdict.before), vars(verdict.after))], success)


def _steps(run: Run) -> list[tuple[str, list[str]]]:
    """Every skill that was carried out, and what broke."""
    return [(str(step.planned.call), list(map(str, step.mismatches))) for step in run.episode.taken]


def _facts(story: Story) -> list[tuple[str, str]]:
    header, report = story.event.header, story.report
    return [
        ("id", header.id),
        ("skill", str(header.call.call())),
        ("class", f"{report.category.value.replace('_', ' ')} (confidence {report.confidence:.0%})"),
        (
            "evidence",
            f"the skill was repeated {report.repetitions} times in the rebuilt scene, and ended as it did for the robot",
        ),
        ("rebuilt from the cloud", "; ".join(report.rebuilt)),
        ("rebuilt assets", in_short(story.event, report)),
        ("what broke", "; ".join(map(str, header.mismatches))),
    ]


def _happened(story: Story) -> bytes:
    outcome = story.first.robot.outcomes[len(story.first.episode.taken) - 1]
    return pictures.top_view(outcome.before.scene, outcome.after.scene)


def _particles(story: Story) -> bytes:
    data = _data(story)
    scene = story.first.robot.outcomes[len(story.first.episode.taken) - 1].before.scene
    names, moved = story.event.before.names, story.event.header.call.object
    panels = [
        pictures.ParticleClouds("drawn from P(S)", _places(data.space, data.drawn, names), {}),
        pictures.ParticleClouds("after the Stein updates", _places(data.space, data.states, names), {}),
    ]
    if stein_sampler(skill(story.event.header.call.skill)).places:
        place = _places(data.space, data.states, names)[moved]
        panels.append(pictures.ParticleClouds("actions", {moved: place}, {moved: data.actions.numpy().astype(float)}))
    return pictures.particles_picture(panels, scene)


def _places(space: StateSpace, particles: Tensor, names: tuple[str, ...]) -> dict[str, Array]:
    """(M, 2) places in metres of every movable object."""
    middle = space.place(particles).footprints(space.solids).centre
    return {names[row]: middle[:, row].numpy().astype(float) for row in space.movable}


def _result(result: TrialResult) -> tuple[bool, str]:
    error = f"{result.along_error * 100:.1f} cm" if np.isfinite(result.along_error) else "nothing travelled along"
    return result.success, error


def _open_loop(story: Story) -> tuple[tuple[TrialResult, TrialResult], ...]:
    """The trial that failed, then the unseen ones."""
    return (story.open_loop, *story.unseen)


def _named(result: TrialResult, number: int) -> str:
    return f"{'unseen trial' if number else 'the same trial'} {result.seed}"


def _seconds(story: Story) -> dict[str, float]:
    own = {name: value for name, value in story.seconds.items() if name != "learning"}
    return own | {f"learning: {name}": value for name, value in story.lesson.seconds.items()}


def _provenance(story: Story) -> list[tuple[str, str]]:
    return [
        *((key, str(value)) for key, value in story.provenance.items()),
        ("models", " to ".join(digest[:16] for digest in story.models)),
        ("trials before it, without a failure to learn from", str(story.quiet)),
    ]


def _data(story: Story) -> Targeted:
    return story.lesson.targeted[0]
