"""What a report says of the assets of a rebuilt scene, in words: on pages and in a terminal."""

from __future__ import annotations

from fail2progress.failures.assets.schema import DEFAULT, FailureSignals
from fail2progress.failures.event import FailureEvent
from fail2progress.failures.report import FailureReport
from fail2progress.simulation.reconstruction.rebuild import noise_of


def in_words(event: FailureEvent, report: FailureReport) -> tuple[str, ...]:
    """A line for each asset: its signals in the end, and what they were at first where that differs."""
    limit, first = _limit(event), {row.asset: row for row in report.initial_signals}
    return tuple(_line(row, first.get(row.asset, row), limit) for row in report.final_signals)


def in_short(event: FailureEvent, report: FailureReport) -> str:
    """The lines of those assets of which something fails, or did before they were corrected; else that all fit."""
    limit, first = _limit(event), {row.asset: row for row in report.initial_signals}
    pairs = [(row, first.get(row.asset, row)) for row in report.final_signals]
    wrong = [_line(row, before, limit) for row, before in pairs if row.failing(limit) or before.failing(limit)]
    return "; ".join(wrong) or ("all fit what was seen" if pairs else "none measured")


def failing(event: FailureEvent, report: FailureReport) -> tuple[str, ...]:
    """Names of the signals that still fail on some asset."""
    limit = _limit(event)
    return tuple(dict.fromkeys(name for row in report.final_signals for name in row.failing(limit)))


def _line(row: FailureSignals, before: FailureSignals, limit: float) -> str:
    return row.text(limit) + (f" (at first: {before.text(limit).partition(': ')[2]})" if before != row else "")


def _limit(event: FailureEvent) -> float:
    """Metres of mismatch from which geometry failed, of points with this event's noise."""
    return DEFAULT.geometry_limit(noise_of(event.before))
