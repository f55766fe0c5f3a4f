import math

import pytest

from fail2progress.evaluation.studies.families_bars import (
    NO_FAILURE,
    NOT_RUN,
    Row,
    bars,
    error,
    gains,
    gate,
    lost,
    lost_where_chosen,
    told_lost,
)


def cell(method: str, f1: float, along: float = 10.0, **more: object) -> Row:
    before = {"f1": 0.8, "along_mm": 60.0, "moved_mm": 5.0, "held_out_f1": 0.968}
    after = {"f1": f1, "along_mm": along, "moved_mm": 5.0, "held_out_f1": 0.966}
    return {"kind": "learn", "family": "row", "failure": 0, "method": method, "before": before, "after": after, **more}


MANY = cell("true-executions-200", 0.96, 10.0, executions=200)


def test_what_is_gained_is_a_part_of_what_most_true_executions_gain() -> None:
    few = cell("true-executions", 0.9, executions=20)
    (gain,) = gains([cell("stein", 0.88, 50.0, passed=True), few, MANY])
    assert gain.executions == 200 and gain.lessons == gain.passed == 1 and not gain.enough
    assert gain.part("f1") == pytest.approx(0.5) and gain.part("error") == pytest.approx(0.2)
    (good,) = gains([cell("stein", 0.97, 11.0, passed=True), MANY])
    assert good.enough and good.part("f1") == 1.0


def test_a_refused_model_gains_nothing_and_counts_in_the_mean() -> None:
    (gain,) = gains([cell("stein", 0.96, passed=False), cell("stein", 0.96, passed=True), MANY])
    assert gain.lessons == 2 and gain.passed == 1 and gain.part("f1") == pytest.approx(0.5)


def test_where_true_executions_gain_too_little_there_is_no_part() -> None:
    (gain,) = gains([cell("stein", 0.81, 58.0), cell("true-executions-200", 0.81, 57.0, executions=200)])
    assert math.isnan(gain.part("f1")) and math.isnan(gain.part("error")) and gain.enough


def test_where_true_executions_lose_there_is_nothing_to_take_a_part_of() -> None:
    (gain,) = gains([cell("stein", 0.7, 80.0, passed=True), cell("true-executions-200", 0.7, 80.0, executions=200)])
    assert math.isnan(gain.part("f1")) and math.isnan(gain.part("error"))


def test_tables_of_families_and_methods() -> None:
    text = "\n".join(bars([cell("stein", 0.88, 50.0, passed=True), cell("adapt-1", 0.8, 60.0), MANY]))
    assert "| row | 1, 1 | 0.800 | 0.880 | 0.960 | 50% | 60 | 50 | 10 | 20% | **no** |" in text
    assert (
        "| adapt-1 | 1 | 1, 1 | 0% | 0% | - | - | 0.0020 | 0.0020 |" in text
    )  # a report of before fresh executions were asked for
    assert bars([cell("stein", 0.9)]) == []


def test_what_is_lost_on_executions_that_nothing_was_chosen_by_stands_apart() -> None:
    one, two = cell("stein", 0.88, passed=True), cell("stein", 0.9, passed=True)
    for row, after in ((one, 0.9569), (two, 0.9585)):
        row["before"]["fresh_f1"], row["after"]["fresh_f1"] = 0.96, after
    assert lost(one) == pytest.approx(0.0031) and lost_where_chosen(one) == pytest.approx(0.002) and math.isnan(lost(MANY))
    text = "\n".join(bars([one, two, MANY]))
    assert "held-out F1 lost, mean | most | F1 lost where it was chosen, mean | most |" in text
    assert "| 0.0023 | 0.0031 | 0.0020 | 0.0020 |" in text


def test_a_loss_is_not_rounded_down_to_the_bar_nor_a_part_up_to_one() -> None:
    assert (told_lost(0.00304), told_lost(0.003), told_lost(math.nan)) == ("0.00304", "0.0030", "-")
    (gain,) = gains([cell("stein", 0.8 + 0.16 * 0.7996, 20.0, passed=True), MANY])
    assert not gain.enough and "| 79.96% | 60 | 20 | 10 | 80% | **no** |" in "\n".join(
        bars([cell("stein", 0.8 + 0.16 * 0.7996, 20.0), MANY])
    )


def test_a_failure_from_which_no_lesson_could_be_made_gains_nothing() -> None:
    def without(method: str, reason: str) -> Row:
        return {"kind": "learn", "family": "row", "failure": 1, "method": method, "reason": reason}

    rows = [cell("stein", 0.96, passed=True, judged=[{"passed": True, "mended": True}], mended=True), MANY]
    nothing = without("stein", "nothing can be varied")
    (gain,) = gains([*rows, nothing])
    assert (gain.lessons, gain.passed) == (2, 1) and gain.part("f1") == pytest.approx(0.5) and not gain.enough
    assert "| stein | 1 | 2, 1 | 50% |" in "\n".join(bars([*rows, nothing]))
    assert "- Of 2 lessons 1 ended in a model that went live, and 1 of these mend." in gate([*rows, nothing])
    (alone,) = gains([MANY, without("prior", "nothing can be varied")], "prior")
    assert (alone.lessons, alone.passed, alone.part("f1")) == (1, 0, 0.0)
    for reason in (NOT_RUN, NO_FAILURE):
        assert [one.lessons for one in gains([*rows, without("stein", reason)])] == [1]


def test_the_acceptance_test_is_judged_on_every_model_that_it_saw() -> None:
    said = [{"passed": True, "mended": True}, {"passed": True, "mended": False}, {"passed": False, "mended": True}]
    lessons = [cell("stein", 0.9, judged=said, passed=True, mended=True), cell("stein", 0.8, judged=[], passed=False)]
    first, live, passed, refused = gate(lessons)
    assert live == "- Of 2 lessons 1 ended in a model that went live, and 1 of these mend."
    assert "saw 3 models. Of 2 that mend their failure's family it refused 1; of 1 that do not it passed 1" in first
    assert passed == "- Passed and not mended: row stein (1)." and refused == "- Refused and mended: row stein (1)."
    assert gate([MANY]) == []


def test_where_nothing_moves_along_the_error_is_the_objects_own() -> None:
    assert error({"along_mm": float("nan"), "moved_mm": 7.0}) == pytest.approx(7.0)
    assert error({"along_mm": 3.0, "moved_mm": 7.0}) == pytest.approx(3.0)
