from dataclasses import replace

import numpy as np

from fail2progress.failures.asset_words import failing, in_short, in_words
from fail2progress.failures.assets.schema import FailureSignals
from fail2progress.failures.report import FailureClass, FailureReport
from support.samples import failure

EVENT = failure()


def report(*last: FailureSignals, first: tuple[FailureSignals, ...] = ()) -> FailureReport:
    return FailureReport(
        failure=EVENT.id, category=FailureClass.UNDECIDED, confidence=0.0, repetitions=0, differences=(), rebuilt=(),
        initial_signals=first or last, final_signals=last,
    )  # fmt: skip


def test_a_mismatch_beyond_its_limit_fails_as_the_other_signals_do() -> None:
    off, fine = FailureSignals(asset="cup", geometry_mismatch_mm=-21.3), FailureSignals(asset="pill", geometry_mismatch_mm=4.0)
    jammed = FailureSignals(asset="tray", joint_clearance_fail=True)
    found = report(off, fine, jammed)
    assert failing(EVENT, found) == ("geometry_mismatch_mm", "joint_clearance_fail")
    assert str(off) == "cup: geometry -21.3 mm, geometry_mismatch_mm" and str(fine) == "pill: geometry +4.0 mm"
    assert in_words(EVENT, found) == (str(off), str(fine), "tray: geometry +0.0 mm, joint_clearance_fail")
    assert in_short(EVENT, found) == f"{off}; {jammed}"


def test_what_was_corrected_is_told_with_what_it_was_at_first() -> None:
    row = FailureSignals(asset="cup", geometry_mismatch_mm=1.0)
    found = report(row, first=(row.model_copy(update={"geometry_mismatch_mm": 12.0}),))
    assert in_short(EVENT, found) == "cup: geometry +1.0 mm (at first: geometry +12.0 mm, geometry_mismatch_mm)"
    assert failing(EVENT, found) == () and in_short(EVENT, report(row)) == "all fit what was seen"
    assert in_short(EVENT, report()) == "none measured"


def test_the_limit_is_that_of_points_with_the_events_noise() -> None:
    """3 sigma and 3 mm: points with a sigma of 4 mm tell nothing of 9 mm."""
    points = EVENT.before.points + np.random.default_rng(0).normal(scale=0.004, size=EVENT.before.points.shape)
    noisy = EVENT.model_copy(update={"before": replace(EVENT.before, points=points.astype(np.float32))})
    found = report(FailureSignals(asset="cup", geometry_mismatch_mm=9.0))
    assert failing(EVENT, found) == ("geometry_mismatch_mm",) and failing(noisy, found) == ()
