"""What pages call the figures of an acceptance test."""

import re
from dataclasses import asdict

from markupsafe import escape

from fail2progress.learning.finetuning.acceptance import Scores
from fail2progress.reporting.measures import FIRST, MEASURES, OTHERS, measures, split
from fail2progress.reporting.page import _environment

BEFORE, AFTER = Scores(0.6, 0.1, 0.9, 0.9, observed=0.02), Scores(0.9, 0.02, 0.9, 0.9, observed=0.01)


def test_every_figure_of_an_acceptance_test_has_a_name_and_is_shown() -> None:
    figures = {name for name, value in asdict(BEFORE).items() if not isinstance(value, tuple)}
    assert figures == set(MEASURES)
    assert [one.measure for one in measures(BEFORE, AFTER)] == list(MEASURES.values())


def test_every_figure_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len({one.name for one in MEASURES.values()}) == len({one.says for one in MEASURES.values()}) == len(MEASURES)
    assert all(re.fullmatch(r"[A-Z][^.]{20,}\.", one.says) for one in MEASURES.values())


def test_a_figure_that_was_not_measured_is_not_shown() -> None:
    shown = [one.measure for one in measures(Scores(0.6, 0.1, 0.9, 0.9), Scores(0.9, 0.02, 0.9, 0.9))]
    assert MEASURES["observed"] not in shown and MEASURES["broken"] in shown


def test_a_figure_without_a_name_goes_by_its_own() -> None:
    before, after = ({"f1_of_a_plugin": value, "failure_f1": value, "gone": "text"} for value in (0.5, 0.75))
    first, others = split(before, after)
    assert [(one.measure.name, one.before, one.after) for one in first] == [(FIRST["failure_f1"].name, "0.500", "0.750")]
    assert [(one.measure.name, one.measure.says, one.after) for one in others] == [("f1 of a plugin", "", "0.750")]


def test_a_page_shows_three_figures_and_folds_the_others() -> None:
    template = _environment().from_string('{% from "macros.html.j2" import measures %}{{ measures(before, after) }}')
    text = template.render(before=BEFORE, after=AFTER)
    open_, _, folded = text.partition("<details>")
    for part, expected in ((open_, FIRST), (folded.partition("</details>")[0], OTHERS)):
        assert re.findall(r"<td>([^<]+)<br><small>([^<]+)</small></td>", part) == [
            (str(escape(one.name)), str(escape(one.says))) for one in expected.values()
        ]
