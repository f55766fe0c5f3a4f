import pytest

from fail2progress.learning.finetuning.acceptance import AIM, AcceptanceResult, Rule, Scores
from fail2progress.learning.finetuning.tries import Try, best_of, compared
from fail2progress.models.points2plans.model import Points2Plans

START = Scores(0.6, 0.2, 0.9, 0.97, motion=0.1, far=0.4)


def tried(
    model: Points2Plans, adjusts: str, f1: float, *, far: float = 0.02, lost: float = 0.0, passed: bool = True, share: float = 1.0
) -> Try:
    after = Scores(f1, 0.01, 0.9, START.held_out_prediction - lost, motion=0.01, far=far)
    return Try(adjusts, 1.0, 20, AcceptanceResult(passed, START, after, ""), model, (), share)


@pytest.mark.parametrize(("before", "near", "far", "alike"), [(0.008, 0.0055, 0.007, True), (0.2, 0.03, 0.06, False)])
def test_errors_that_are_good_enough_choose_no_model(
    model: Points2Plans, before: float, near: float, far: float, alike: bool
) -> None:
    start = Scores(0.7, before, 0.9, 0.9, motion=0.1)
    closer, better = Scores(0.871, near, 0.9, 0.9, motion=0.005), Scores(0.879, far, 0.9, 0.9, motion=0.006)
    merits = [Try("all", 1.0, 20, AcceptanceResult(True, start, one, ""), model, ()).merit for one in (closer, better)]
    assert (merits[1] > merits[0]) == alike


def test_where_relations_come_out_alike_the_model_whose_motion_is_nearer_is_taken(model: Points2Plans) -> None:
    start = Scores(0.94, 0.025, 0.9, 0.9, motion=0.039, far=0.06)
    few, more = Scores(0.986, 0.016, 0.9, 0.9, motion=0.014, far=0.028), Scores(0.985, 0.008, 0.9, 0.9, motion=0.010, far=0.018)
    tries = [
        Try(name, 1.0, 20, AcceptanceResult(True, start, one, ""), model, ()) for name, one in (("relations", few), ("all", more))
    ]
    assert best_of(tries).adjusts == "all"


@pytest.mark.parametrize(("far", "error", "enough"), [(0.02, 0.006, True), (0.03, 0.006, False), (0.02, 0.015, False)])
def test_the_ladder_is_climbed_until_motion_is_known_as_well_as_places_are(
    model: Points2Plans, far: float, error: float, enough: bool
) -> None:
    start, after = Scores(0.6, 0.2, 0.9, 0.9, motion=0.1), Scores(0.99, error, 0.9, 0.9, motion=0.015, far=far)
    assert Try("relations", 1.0, 20, AcceptanceResult(True, start, after, ""), model, ()).enough == enough


@pytest.mark.parametrize(("more", "adjusts"), [(0.985, "relations"), (0.995, "all")])
def test_more_weights_must_be_better_by_a_hundredth(model: Points2Plans, more: float, adjusts: str) -> None:
    tries = [tried(model, "relations", 0.98), tried(model, "networks", 0.978), tried(model, "all", more)]
    assert best_of(tries).adjusts == adjusts
    refused = [tried(model, "relations", 0.98, passed=False), *tries[1:]]
    assert best_of(refused[:2]).adjusts == "networks"


def test_of_the_same_weights_the_better_is_taken(model: Points2Plans) -> None:
    whole, part = tried(model, "all", 0.98), tried(model, "all", 0.981, share=0.75)
    assert best_of([whole, part]) is part and best_of([part, whole]) is part


def test_where_some_things_end_far_off_that_counts_too(model: Points2Plans) -> None:
    few, all_ = tried(model, "relations", 0.97, far=0.08), tried(model, "all", 0.985, far=0.3)
    assert all_.merit < few.merit and best_of([few, all_]) is few


def test_things_that_stay_but_are_foreseen_to_come_along_count_against_a_model(model: Points2Plans) -> None:
    dragged, left = (
        Scores(one, 0.01, 0.9, 0.9, motion=0.01, far=0.02, still=off) for one, off in ((0.943, 0.05), (0.942, 0.001))
    )
    tries = [
        Try(name, 1.0, 20, AcceptanceResult(True, START, one, ""), model, ())
        for name, one in (("relations", dragged), ("all", left))
    ]
    assert best_of(tries).adjusts == "all"
    mended = AcceptanceResult(True, START, Scores(0.99, 0.006, 0.9, 0.97, motion=0.01, far=0.02, still=0.05), "")
    assert not Try("relations", 1.0, 20, mended, model, ()).enough


def test_what_forgets_more_than_the_aim_is_taken_only_where_it_mends_much_more(model: Points2Plans) -> None:
    forgets = tried(model, "all", 0.99, lost=AIM + 0.0005)
    part = tried(model, "all", 0.97, lost=AIM - 0.0001, share=0.9)
    assert (forgets.label, part.label) == ("all", "all, 90% of the way")
    assert best_of([forgets, part]) is part
    assert best_of([forgets, tried(model, "all", 0.90, lost=0.0, share=0.5)]) is forgets


@pytest.mark.parametrize(("more", "passed"), [(0.80, [True, True]), (0.99, [False, True])])
def test_what_is_learnt_of_the_same_data_is_judged_side_by_side(model: Points2Plans, more: float, passed: list[bool]) -> None:
    """The fewest weights pass, until others show how much more these data teach."""
    tries = [tried(model, "relations", 0.75), tried(model, "all", more)]
    beside = compared(tries, Rule())
    assert [one.verdict.passed for one in beside] == passed and [one.model for one in beside] == [model, model]
    assert [one.verdict.passed for one in compared(tries[:1], Rule())] == [True]
