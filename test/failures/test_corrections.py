import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fail2progress.failures.corrections import FILE, CorrectionError, Corrector
from fail2progress.failures.edits import Corrections, Execution
from fail2progress.failures.report import FailureSignal


@pytest.fixture
def corrector(tmp_path: Path) -> Corrector:
    return Corrector(tmp_path / FILE)


def signal(name: str, parameter: str, delta: float = 0.0, severity: float = 1.0) -> FailureSignal:
    return FailureSignal(name=name, severity=severity, parameter=parameter, delta=delta, low=-1.0, high=2.0, evidence="seen")


def slipped(severity: float = 1.0) -> FailureSignal:
    return signal("grasp_slipped", "pick_place.grip", 0.5, severity)


def off(delta: float, severity: float = 0.3) -> FailureSignal:
    return signal("placement_off", "pick_place.place_x", delta, severity)


MISSED = signal("grasp_missed", "pick_place.grasp_x", 0.03)
UNEXPLAINED = signal("unexplained", "")


def fail(corrector: Corrector, *signals: FailureSignal, times: int = 1) -> Corrections:
    for _ in range(times):
        corrector.executed([Execution("pick_place", signals, "f" * 8)])
    return corrector.read()


def test_a_slip_is_answered_by_a_firmer_grip_that_is_kept_when_it_helps(corrector: Corrector) -> None:
    found = fail(corrector, slipped())
    assert found.adjustments == {"pick_place": {"grip": 0.5}} and found.corrections[0].failure == "f" * 8
    assert [one.status for one in corrector.executed([Execution("pick_place")]).corrections] == ["kept"]
    assert corrector.executed([Execution("push")]).adjustments == found.adjustments


def test_a_grip_goes_up_to_its_bound_and_back_where_it_never_helps(corrector: Corrector) -> None:
    assert fail(corrector, slipped(), times=3).adjustments == {"pick_place": {"grip": 1.5}}
    found = fail(corrector, slipped())
    assert found.adjustments == {} and {one.status for one in found.corrections} == {"undone"}
    assert fail(corrector, slipped(), times=5) == found.model_copy(update={"sightings": corrector.read().sightings})


def test_what_becomes_milder_is_kept_and_gone_on_from(corrector: Corrector) -> None:
    fail(corrector, slipped())
    found = fail(corrector, slipped(0.5))
    assert [one.status for one in found.corrections] == ["kept", "trial"] and found.adjustments["pick_place"]["grip"] == 1.0


def test_a_miss_is_searched_for_side_by_side_and_only_when_it_comes_again(corrector: Corrector) -> None:
    assert fail(corrector, MISSED, times=2).corrections == ()
    tried = [fail(corrector, MISSED).adjustments["pick_place"] for _ in range(4)]
    assert tried == [{"grasp_x": 0.03}, {"grasp_x": -0.03}, {"grasp_y": 0.03}, {"grasp_y": -0.03}]
    assert fail(corrector, MISSED, times=4).adjustments == {}


def test_a_success_in_between_makes_a_miss_chance(corrector: Corrector) -> None:
    for _ in range(3):
        fail(corrector, MISSED, times=2)
        assert corrector.executed([Execution("pick_place")]).corrections == ()


def test_a_place_is_corrected_by_what_two_failures_agree_on(corrector: Corrector) -> None:
    assert fail(corrector, off(0.04)).corrections == ()
    assert fail(corrector, off(-0.04)).corrections == ()
    found = fail(corrector, off(-0.03))
    assert found.adjustments["pick_place"]["place_x"] == pytest.approx(-0.035)


def test_an_edit_that_makes_an_earlier_part_fail_is_undone(corrector: Corrector) -> None:
    fail(corrector, off(0.03), times=2)
    found = fail(corrector, MISSED)
    assert found.corrections[0].status == "undone" and found.corrections[0].reason == "grasp_missed instead"


def test_a_later_part_that_fails_was_hidden_by_the_one_before(corrector: Corrector) -> None:
    fail(corrector, slipped())
    assert fail(corrector, off(0.03)).corrections[0].status == "kept"


def test_what_no_edit_answers_says_nothing(corrector: Corrector) -> None:
    before = fail(corrector, slipped())
    assert fail(corrector, UNEXPLAINED) == before and before.corrections[0].status == "trial"


def test_values_stay_within_the_bounds_of_the_skill(corrector: Corrector) -> None:
    for severity in (1.0, 0.9, 0.8, 0.7, 0.6):
        found = fail(corrector, off(0.5, severity), times=2)
        assert found.adjustments["pick_place"]["place_x"] <= 0.06


def test_a_correction_is_undone_by_hand_with_those_that_built_on_it(corrector: Corrector) -> None:
    fail(corrector, slipped(), times=2)
    assert corrector.undo(2).adjustments == {"pick_place": {"grip": 0.5}}
    assert corrector.undo(1).adjustments == {} and corrector.read().corrections[0].reason == "undone by hand"
    with pytest.raises(CorrectionError, match="no correction 1 in use; there are: none"):
        corrector.undo(1)


def test_corrections_outlive_the_process_and_damage_is_told(corrector: Corrector) -> None:
    found = fail(corrector, slipped())
    assert Corrector(corrector.path).read() == found
    content = json.loads(corrector.path.read_text())
    corrector.path.write_text(json.dumps({**content, "schema_version": 9}))
    with pytest.raises(CorrectionError, match="corrections of schema 9, this version reads 1; move the file away"):
        corrector.read()
    corrector.path.write_text(json.dumps(content).replace("slipped", "sliped"))
    with pytest.raises(CorrectionError, match=r"unknown signal 'grasp_sliped'.*Did you mean 'grasp_slipped'"):
        corrector.read()
    for damaged in ("{", "[]", json.dumps({**content, "corrections": [{"number": 0}]})):
        corrector.path.write_text(damaged)
        with pytest.raises(CorrectionError, match=FILE):
            corrector.read()


@pytest.mark.parametrize(
    ("number", "change", "said"),
    [
        (2, {"number": 1}, "correction 1 stands where 2 should"),
        (2, {"after": 99.0}, "correction 2: pick_place.grip = 99 share is outside [0, 1.5]"),
        (2, {"adjustable": "nonsense", "before": 0.0}, "correction 2: pick_place has no adjustable 'nonsense'"),
        (2, {"skill": "fly", "before": 0.0}, "correction 2: fly has no adjustable 'grip'"),
        (2, {"before": 0.7}, "correction 2: grip was never 0.7 before it"),
    ],
)
def test_rows_that_contradict_themselves_are_told_by_number(
    corrector: Corrector, number: int, change: dict[str, Any], said: str
) -> None:
    fail(corrector, slipped(), times=2)
    content = json.loads(corrector.path.read_text())
    content["corrections"][number - 1].update(change)
    corrector.path.write_text(json.dumps(content))
    with pytest.raises(CorrectionError) as error:
        corrector.read()
    assert str(error.value) == f"{corrector.path}: {said}"


def test_what_a_hand_takes_back_while_an_episode_is_judged_stays_taken_back(
    corrector: Corrector, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(corrector, slipped())
    read = Corrector.read

    def slowly(self: Corrector) -> Corrections:
        found = read(self)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(Corrector, "read", slowly)
    with ThreadPoolExecutor(2) as pool:
        judged, undone = pool.submit(corrector.executed, [Execution("pick_place")]), pool.submit(corrector.undo, 1)
        judged.result()
        undone.result()
    assert read(corrector).corrections[0].status == "undone"


def test_an_episode_that_changes_nothing_needs_no_folder_that_can_be_written(
    corrector: Corrector, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = fail(corrector, slipped())

    def refused(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fail2progress.failures.corrections.guarded", refused)
    assert corrector.executed([Execution("push")]) == found
    with pytest.raises(CorrectionError, match="no correction 9 in use; there are: 1"):
        corrector.undo(9)
    with pytest.raises(OSError, match="No space left"):
        corrector.undo(1)


def episode(corrector: Corrector, *done: Sequence[FailureSignal], skill: str = "pick_place") -> Corrections:
    """One episode: its executions one after the other, of which none has another correction in force than the first."""
    return corrector.executed([Execution(skill, tuple(signals), f"{number}") for number, signals in enumerate(done)])


def test_an_edit_is_judged_by_no_execution_of_the_episode_that_made_it(corrector: Corrector) -> None:
    found = episode(corrector, [slipped()], [])
    assert [one.status for one in found.corrections] == ["trial"] and found.adjustments == {"pick_place": {"grip": 0.5}}
    assert [one.status for one in episode(corrector, []).corrections] == ["kept"]


def test_failures_of_one_episode_are_answered_by_one_edit_of_a_skill(corrector: Corrector) -> None:
    assert episode(corrector, *[[slipped()]] * 3).adjustments == {"pick_place": {"grip": 0.5}}
    assert episode(corrector, *[[slipped()]] * 3).adjustments == {"pick_place": {"grip": 1.0}}
    grips = [episode(corrector, *[[slipped()]] * 3).adjustments for _ in range(2)]
    assert grips == [{"pick_place": {"grip": 1.5}}, {}], "its bound was in force for an episode"


def test_the_sides_of_a_miss_are_tried_in_an_episode_each(corrector: Corrector) -> None:
    tried = [episode(corrector, *[[MISSED]] * 6).adjustments.get("pick_place") for _ in range(5)]
    assert tried == [{"grasp_x": 0.03}, {"grasp_x": -0.03}, {"grasp_y": 0.03}, {"grasp_y": -0.03}, None]


def test_what_is_seen_without_an_edit_that_is_made_says_nothing_of_it(corrector: Corrector) -> None:
    found = episode(corrector, *[[off(0.04)]] * 4)
    assert [one.after for one in found.corrections] == [pytest.approx(0.04)] and found.sightings == ()
    found = episode(corrector, [off(0.02, 0.1)], [off(0.02, 0.1)])
    assert [one.status for one in found.corrections] == ["kept", "trial"] and found.value("pick_place", "place_x") == 0.06


def test_what_comes_after_an_edit_was_found_wrong_was_carried_out_with_it(corrector: Corrector) -> None:
    episode(corrector, [off(0.04)], [off(0.04)])
    found = episode(corrector, *[[MISSED]] * 4)
    assert found.adjustments == {} and [one.reason for one in found.corrections] == ["grasp_missed instead"]
    assert [len(one.changes) for one in found.sightings] == [1]


def test_edits_of_two_adjustables_on_trial_are_judged_by_an_execution_each(corrector: Corrector) -> None:
    knocked = signal("disturbed", "pick_place.clearance", 0.03)
    episode(corrector, [slipped()])
    found = episode(corrector, *[[knocked, slipped()]] * 2)
    assert [(one.adjustable, one.status) for one in found.corrections] == [("grip", "trial"), ("clearance", "trial")]
    assert [one.status for one in episode(corrector, [], []).corrections] == ["kept", "kept"]


def test_what_was_changed_by_hand_during_an_episode_is_neither_judged_nor_answered(corrector: Corrector) -> None:
    began = fail(corrector, slipped())
    corrector.undo(1)
    found = corrector.executed([Execution("pick_place", (slipped(),)), Execution("push")], began)
    assert [one.reason for one in found.corrections] == ["undone by hand"] and found.adjustments == {}
