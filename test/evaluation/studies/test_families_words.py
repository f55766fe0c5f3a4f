from fail2progress.evaluation.studies.families_bars import Row
from fail2progress.evaluation.studies.families_words import by_things, compared, spreads, states_compared


def cell(method: str, f1s: list[float], family: str = "row", failure: int = 0) -> Row:
    before = {"f1": 0.8, "along_mm": 60.0, "moved_mm": 5.0}
    after = {"f1": sum(f1s) / len(f1s), "along_mm": 10.0, "moved_mm": 5.0}
    return {
        "kind": "learn",
        "family": family,
        "failure": failure,
        "method": method,
        "before": before,
        "after": after,
        "f1s": f1s,
    }


def data(method: str, kept: float, family: str = "row") -> Row:
    shares = {"chosen": kept, "simulated": kept, "believed": kept}
    return {
        "kind": "data",
        "family": family,
        "failure": 0,
        "method": method,
        "kept": shares,
        "spread": {"within": 0.01, "places": 0.2},
        "stable": 15,
        "tried": 20,
        "states_s": 2.5,
        "concerned": 3,
    }


def test_who_wins_is_decided_by_a_paired_test_over_executions() -> None:
    better = [0.95 + 0.001 * number for number in range(10)]
    rows = [cell("stein", better), cell("gradient", [value - 0.01 for value in better]), cell("prior", better)]
    rows += [cell("adapt-10", [value + 0.01 * (number % 2 * 2 - 1) for number, value in enumerate(better)])]
    rows += [cell("sampling", [value + 0.002 for value in better])]
    line, *_ = compared(rows)
    assert "**row**" in line and "win against gradient (+0.010, p 0.0078)" in line  # four times 2 / 2**10: Holm
    assert "show no difference to prior (+0.000, p 1), adapt-10" in line and "lose against sampling (-0.002" in line


def test_many_comparisons_make_a_small_difference_none() -> None:
    mine, theirs = [0.9] * 6, [0.89] * 6
    alone = [cell("stein", mine), cell("prior", theirs)]
    assert "win against prior (+0.010, p 0.031)" in compared(alone)[0]
    more = [*alone, cell("stein", mine, "stack"), cell("prior", theirs, "stack")]
    assert "show no difference to prior (+0.010, p 0.062)" in compared(more)[0]


def test_the_sum_counts_lessons_from_the_same_failures_only() -> None:
    rows = [cell("stein", [0.9, 0.9], family, number) for family in ("row", "stack") for number in range(4)]
    rows += [cell("prior", [0.8, 0.8], family, number) for family in ("row", "stack") for number in range(3)]
    *_, total = compared(rows)
    assert "Over all 6 lessons" in total and "win against prior (mean +0.1000, better in 6, p 0.03" in total


def test_lessons_that_could_not_be_made_are_counted_beside_the_comparison() -> None:
    rows = [cell(method, [0.9, 0.9], "row", number) for method in ("stein", "prior") for number in range(3)]
    rows += [{"kind": "learn", "family": "row", "failure": 3, "method": "stein", "reason": "no state that can be varied"}]
    *_, total, left_out = compared(rows)
    assert "Over all 3 lessons" in total and left_out == "- In none of these comparisons, as no lesson could be made: 1 of stein."


def test_relations_kept_are_compared_and_what_was_not_run_is_not() -> None:
    rows = [data("stein", 0.96), data("prior", 0.7), data("gradient", 1.0), data("sampling", 0.95)]
    line, total = compared(rows)
    assert line.endswith("Stein's keep 0.96, more than prior (0.70); less than gradient (1.00).")
    assert "compared with nothing" in total
    (only,) = compared([{"kind": "learn", "family": "row", "failure": 0, "method": "stein", "reason": "not run"}])
    assert "compared with nothing" in only


def test_families_weigh_alike_in_the_mean_of_what_is_kept() -> None:
    (line,) = spreads([data("stein", 1.0), data("stein", 1.0), data("stein", 0.9, "stack")])
    assert line.startswith("- **stein**, mean of 2 families: 0.950 of R_F in D+") and "10 mm within, 0.20 m of places" in line
    assert line.endswith("75% of particles stand still; 2.5 s for states.")


def test_states_are_told_by_the_number_of_things() -> None:
    rows = [
        data("stein", 0.9),
        data("stein", 0.8),
        {**data("rejection", 1.0), "concerned": 1},
        {**data("prior", 0.4), "reason": "x"},
    ]
    one, three = by_things(rows)
    assert one == "- **1 thing**, 1 failure, R_F believed of the states: rejection 1.000 in 2.5 s."
    assert three.startswith("- **3 things**, 2 failures, R_F believed of the states: stein 0.850 in 2.5 s, prior 0.400")
    assert by_things([{key: value for key, value in data("stein", 1.0).items() if key != "states_s"}]) == []


def test_whose_states_keep_more_is_decided_by_a_paired_test_over_failures() -> None:
    def rows(method: str, kept: list[float]) -> list[Row]:
        return [{**data(method, value), "failure": number} for number, value in enumerate(kept)]

    mine = rows("stein", [0.9 + 0.005 * number for number in range(10)])
    less = rows("gradient", [0.8 + 0.003 * number for number in range(10)])
    alike = rows("sampling", [0.9 + 0.005 * number for number in range(9)])
    one, other = states_compared([*mine, *less, *alike])
    assert "10 failures**: Stein's win against gradient's (mean +0.109" in one
    assert "more in 10, less in 0" in one and "9 failures**: Stein's show no difference to sampling's (mean +0.000" in other
    assert states_compared(less) == [] == states_compared(mine)
