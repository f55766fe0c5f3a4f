"""All failures of a store on one page that needs nothing else: filtered by class, skill, object and signal in the browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport
from fail2progress.failures.sentences import story
from fail2progress.reporting.page import page
from fail2progress.reporting.pictures import scene_picture
from fail2progress.simulation.reconstruction import rebuild

FILTERS = ("class", "skill", "object", "signal")
"""What the page can be filtered by; its address may say so: page.html#class=undecided&skill=push."""


@dataclass(frozen=True)
class Entry:
    """One failure as it is stored: the event, what the classifier said, and version and reason of what was learnt."""

    event: FailureEvent
    report: FailureReport | None
    lesson: tuple[str, str] | None


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
    version, reason = entry.lesson or ("", "nothing was learnt from it yet")
    marks = {
        "class": (report.category.value if report else "not_classified",),
        "skill": (head.call.skill,),
        "object": (head.call.object,),
        "signal": tuple(_signals(report)) if report else (),
    }
    return {
        "id": head.id,
        "time": head.time,
        "task": head.task,
        "call": str(head.call.call()),
        "marks": marks,
        "reason": report.reason if report else "",
        "story": story(entry.event) if head.mismatches else (),
        "mismatches": [str(mismatch) for mismatch in head.mismatches],
        "signals": [str(signal) for signal in report.signals] if report else [],
        "assets": [str(row) for row in report.final_signals] if report else [],
        "lesson": f"{version or 'none'}: {reason}",
        "pictures": list(_pictures(entry.event)),
    }


def _signals(report: FailureReport) -> Iterator[str]:
    """Names of the skill's signals, and of the assets' signals that still fail."""
    names = {signal.name for signal in report.signals}
    for row in report.final_signals:
        names |= {name for name, value in row.model_dump().items() if value is True}
    yield from sorted(names)


def _pictures(event: FailureEvent) -> Iterator[tuple[str, bytes]]:
    """The rebuilt scenes before and after; none of what cannot be rebuilt."""
    for title, cloud in (("before, as rebuilt", event.before), ("after, as rebuilt", event.after)):
        try:
            yield title, scene_picture(rebuild(cloud).scene)
        except ValueError:
            continue
