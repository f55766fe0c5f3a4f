from fail2progress.evaluation.clutter_relations import Counts
from fail2progress.evaluation.studies.clutter import _about_inside


def test_what_was_never_said_or_there_has_no_share_and_words_of_its_own() -> None:
    nothing = Counts().as_json()
    assert all(nothing[key] is None for key in ("precision", "recall", "recall_of_found", "hollow_precision", "hollow_recall"))
    told = _about_inside(nothing)
    assert "`inside` was never said" in told and "no thing found was said to be hollow; no hollow thing was found." in told
    assert "None" not in told and "%" not in told
    some = Counts(true=1, hollow={"right": 0, "false": 2, "missed": 0})
    assert some.as_json()["hollow_precision"] == 0.0 and some.as_json()["hollow_recall"] is None
    assert "right 100.0 %" in _about_inside(some.as_json()) and "hollow are so in 0.0 %" in _about_inside(some.as_json())
