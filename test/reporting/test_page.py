"""What pages call the figures of an acceptance test."""

from dataclasses import asdict

from fail2progress.learning.finetuning.acceptance import Scores
from fail2progress.reporting.page import MEASURES, measures


def test_every_figure_of_an_acceptance_test_has_a_name_and_is_shown() -> None:
    before, after = Scores(0.6, 0.1, 0.9, 0.9, observed=0.02), Scores(0.9, 0.02, 0.9, 0.9, observed=0.01)
    figures = {name for name, value in asdict(before).items() if not isinstance(value, tuple)}
    assert figures == set(MEASURES)
    assert [shown[0] for shown in measures(before, after)] == list(MEASURES.values())


def test_a_figure_that_was_not_measured_is_not_shown() -> None:
    shown = [name for name, *_ in measures(Scores(0.6, 0.1, 0.9, 0.9), Scores(0.9, 0.02, 0.9, 0.9))]
    assert MEASURES["observed"] not in shown and MEASURES["broken"] in shown
