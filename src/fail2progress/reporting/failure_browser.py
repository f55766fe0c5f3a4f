"""All failures of a store on one page that needs nothing else: filtered by class, skill, object and signal in the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fail2progress.core.scene import Scene
from fail2progress.failures.asset_words import failing, in_words
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport
from fail2progress.failures.sentences import learnt_in_short, story
from fail2progress.failures.store import Lesson
from fail2progress.reporting.page import page
from fail2progress.reporting.pictures import scene_picture
from fail2progress.simulation.reconstruction import rebuild

FILTERS = ("class", "skill", "object", "signal")
"""What the page can be filtered by; its address may say so: page.html#class=undecided&skill=push."""

_ACROSS = 380
"""Pixels that one of three pictures beside each other is wide on the page."""


@dataclass(frozen=True)
class Entry:
    """One failure as it is stored: the event, what the classifier said, and attempts to learn from it, oldest first."""

    event: FailureEvent
    report: FailureReport | None
    lessons: tuple[Lesson, ...] = ()


def browser(entries: Sequence[Entry]) -> str:
    """The page."""
    failures = [_shown(entry) for entry in entries]
    choices = {name: sorted({value for failure in failures for value in _marks(failure)[name]}) for name in FILTERS}
    return page("browser", failures=failures, choices=choices)


def _marks(failure: dict[str, object]) -> dict[str, tuple[str, ...]]:
    marks: dict[str, tuple[str, ...]] = failure["marks"]  # type: ignore[assignment]
    return marks


def _shown(entry: Entry) -> dict[str, object]:
    """What the template shows of a failure."""
    head, report = entry.event.header, entry.report
    marks = {
        "class": (report.category.value if report else "not_classified",),
        "skill": (head.call.skill,),
        "object": (head.call.object,),
        "signal": tuple(_signals(entry.event, report)) if report else (),
    }
    return {
        "id": head.id,
        "time": head.time,
        "task": head.task,
        "call": str(head.call.call()),
        "marks": marks,
        "reason": report.reason if report else "",
        "story": story(entry.event),
        "mismatches": [str(mismatch) for mismatch in head.mismatches],
        "signals": [str(signal) for signal in report.signals] if report else [],
        "assets": list(in_words(entry.event, report)) if report else [],
        "lesson": "; later ".join(learnt_in_short(entry.lessons)) or "nothing was learnt from it yet",
        "pictures": list(_pictures(entry.event)),
    }


def _signals(event: FailureEvent, report: FailureReport) -> Iterator[str]:
    """Names of the skill's signals, and of the assets' signals that still fail."""
    yield from sorted({signal.name for signal in report.signals} | set(failing(event, report)))


def _pictures(event: FailureEvent) -> Iterator[tuple[str, bytes]]:
    """What the camera saw, where that was kept; and the rebuilt scenes: before, as expected, and as seen afterwards."""
    yield from ((f"{name}, camera", image) for name, image in sorted(event.images.items(), reverse=True))
    makers: dict[str, Callable[[], Scene]] = {
        "before, as rebuilt (colours stand for names)": lambda: rebuild(event.before, event.relations_before).scene,
        "expected": lambda: expected_scene(event),
        "seen afterwards, as rebuilt": lambda: rebuild(event.after, event.observed).scene,
    }
    for title, scene in makers.items():
        try:
            yield title, scene_picture(scene(), across=_ACROSS)
        except ValueError:  # what cannot be rebuilt
            continue


def expected_scene(event: FailureEvent) -> Scene:
    """The rebuilt scene as the model expected it: the object at its place, with what was in or on it if it was to come along.

    An event holds the relations that were expected, not the motion. ValueError where nothing can be rebuilt.
    """
    scene = rebuild(event.before, event.relations_before).scene
    call = event.header.call.call()
    along = [call.object, *(name for name in event.before.names if name != call.object and _comes(event, name))]
    poses = scene.poses.copy()
    poses[[scene.index(name) for name in along if name in scene.names], :3] += call.shift
    return scene.with_poses(poses)


def _comes(event: FailureEvent, name: str) -> bool:
    """Whether something was in or on the object of the call, and was expected to stay so."""
    carrier, states = event.header.call.object, (event.relations_before, event.expected)
    inside = all(state.value("inside", name, carrier) > 0.5 for state in states)
    return inside or all(state.value(r, name, carrier) > 0.5 for state in states for r in ("above", "contact"))
