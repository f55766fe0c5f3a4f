"""The report on lessons from a gap; the lessons themselves are run by `fail2progress reproduce gap-lessons`."""

import pytest

from fail2progress.evaluation.studies.gap_lessons import markdown, measure, report


def _row(key: str, nominal: float, inferred: float) -> dict[str, object]:
    ways = {
        "parent": {"moved_mm": 90.0, "f1": 0.9},
        "nominal": {"moved_mm": nominal, "f1": 0.9, "data_off_mm": 50.0, "passed": False},
        "inferred": {"moved_mm": inferred, "f1": 0.95, "data_off_mm": 10.0, "passed": True},
    }
    return {"key": key, "true": 0.15, "found": 0.14, "unseen": 20, **ways}


def test_the_report_counts_failures_and_who_was_nearer() -> None:
    none = {"key": "2", "true": None}
    found = report([_row("0", 80.0, 40.0), _row("1", 60.0, 70.0), none, {**none, "key": "3", "reason": "nothing to learn"}])
    assert (found["pushes"], found["learnt_from"], found["data_nearer"], found["motion_nearer"]) == (3, 2, 2, 1)
    assert found["inferred"] == {"moved_mm": pytest.approx(55.0), "f1": pytest.approx(0.95)}
    page = markdown(found)
    assert "| D+ beside the true world, mm off | - | 50.0 | 10.0 |" in page and "in 1 of them" in page


def test_a_lesson_whose_data_say_nothing_counts_in_no_mean() -> None:
    still = _row("1", 60.0, 70.0)
    still["nominal"] = {"moved_mm": 60.0, "f1": 0.9, "data_off_mm": None, "passed": False}
    found = report([_row("0", 80.0, 40.0), still])
    assert (found["learnt_from"], found["data_nearer"], found["motion_nearer"]) == (2, 1, 1)
    assert found["data_off_mm_nominal"] == pytest.approx(50.0) and found["data_off_mm_inferred"] == pytest.approx(10.0)
    assert "| D+ beside the true world, mm off | - | nan | 10.0 |" in markdown(report([still]))


def test_where_nothing_was_learnt_the_page_says_so() -> None:
    assert "0 whose motion told it" in markdown(report([{"key": "0", "true": None}]))


def test_what_is_no_push_is_left_out() -> None:
    assert measure((523, 0)) == {"key": "0", "true": None}
