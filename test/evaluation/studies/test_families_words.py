import pytest

from fail2progress.evaluation.studies.families_words import Row, compared, error


def cell(method: str, f1: float, along: float = 10.0, family: str = "row", **more: object) -> Row:
    before = {"f1": 0.8, "along_mm": 60.0, "moved_mm": 5.0}
    after = {"f1": f1, "along_mm": along, "moved_mm": 5.0}
    return {"kind": "learn", "family": family, "failure": 0, "method": method, "before": before, "after": after, **more}


def data(method: str, kept: float) -> Row:
    return {"kind": "data", "family": "row", "failure": 0, "method": method, "kept": {"chosen": kept}}


def test_who_wins_is_told_by_f1_and_where_that_is_alike_by_the_error() -> None:
    rows = [cell("stein", 0.95), cell("gradient", 0.93), cell("prior", 0.97), cell("sampling", 0.951), cell("adapt", 0.95, 30.0)]
    line, total = compared(rows)
    assert line == (
        "- **row 0**, what is learnt: Stein's samples win against gradient, adapt; do as well as sampling; lose against prior."
    )
    assert "win 1, lose 0, do as well 0 of 1 against gradient" in total


def test_what_is_gained_is_told_as_a_part_of_what_true_executions_gain() -> None:
    many = cell("true-executions-200", 0.96, 10.0, executions=200)
    line, _ = compared([cell("stein", 0.88, 50.0), cell("true-executions", 0.9, executions=20), many])
    assert "of what 200 true executions gain, one failure gains 50% in F1, 20% in error along (**below 80 %**)" in line
    good, _ = compared([cell("stein", 0.95, 11.0), many])
    assert good.endswith("gains 94% in F1, 98% in error along.")


def test_relations_kept_are_compared_and_what_was_not_run_is_not() -> None:
    line, total = compared([data("stein", 0.96), data("prior", 0.7), data("gradient", 1.0), data("sampling", 0.95)])
    assert line.endswith("Stein's keep 0.96, more than prior (0.70); less than gradient (1.00).")
    assert "compared with nothing" in total
    (only,) = compared([{"kind": "learn", "family": "row", "failure": 0, "method": "stein", "reason": "not run"}])
    assert "compared with nothing" in only


def test_where_nothing_moves_along_the_error_is_the_objects_own() -> None:
    assert error({"along_mm": float("nan"), "moved_mm": 7.0}) == pytest.approx(7.0)
    assert error({"along_mm": 3.0, "moved_mm": 7.0}) == pytest.approx(3.0)
