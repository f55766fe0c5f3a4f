from dataclasses import replace

import numpy as np
import pytest

from fail2progress.evaluation.monitoring import Judged, calibrate, judged, noticed
from fail2progress.failures.calibration import Calibration, CalibrationError
from fail2progress.failures.monitor import Astray
from fail2progress.failures.surprise import CLOSE
from fail2progress.models import weights
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.perception.relations.registry import GEOMETRIC, LEARNED, relation_detector
from fail2progress.simulation.base import Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.tasks.families.registry import FAMILIES
from support import failures


def out_of_sight(outcome: Outcome, *names: str) -> Outcome:
    """The same execution, after which the camera does not see some things."""
    cloud = outcome.after.cloud
    hidden = np.array([name in names for name in cloud.names])
    points = np.where(hidden[:, None, None], np.float32(np.nan), cloud.points)
    return replace(outcome, after=replace(outcome.after, cloud=replace(cloud, points=points)))


RULE = Calibration(model="d" * 64, alpha=0.02, threshold=0.1, executions=9, good=9, motion={"push": 0.05})


def test_failures_that_nothing_in_view_shows_are_counted_apart() -> None:
    found = [Judged(True, 0.3), Judged(True, -0.1, observable=False), Judged(False, 0.0), Judged(True, 0.0), Judged(False, 0.2)]
    figures = noticed(found, RULE)
    assert [figures[key] for key in ("hits", "false_alarms", "misses", "quiet", "not_observable")] == [1, 1, 2, 1, 1]
    assert figures["f1"] == pytest.approx(2 / 5) and figures["f1_observable"] == pytest.approx(2 / 4)


def test_what_was_misread_before_the_skill_is_no_failure_of_it() -> None:
    found = [Judged(True, 0.3), Judged(True, 0.0, misread=True), Judged(True, 0.4, misread=True), Judged(False, 0.0)]
    figures = noticed(found, RULE)
    assert figures["misread"] == 2 and figures["f1"] == pytest.approx(4 / 5)
    assert figures["f1_of_skills"] == pytest.approx(2 / 3) and figures["false_alarm_rate_of_skills"] == pytest.approx(1 / 3)


def test_motion_is_calibrated_skill_by_skill_on_what_raises_no_alarm() -> None:
    """Where executions are enough for the promise; surprises are counted among those without an alarm alone."""
    quiet = [Judged(False, -0.1, skill="push", astray=Astray(n / 1000, n / 2000)) for n in range(1, 200)]
    loud = [Judged(True, 0.3, skill="push", astray=Astray(9.0, 9.0))] * 50
    few = [Judged(False, -0.1, skill="open_drawer", astray=Astray(0.2, 0.2))] * 90
    made = calibrate([*quiet[:50], *loud], 0.02, "d" * 64, [*quiet[50:], *few])
    assert made.motion == {"push": Astray(0.198, 0.099)} and made.executions == 100
    seen = [replace(one, astray=Astray(0.1, 0.15)) for one in (quiet[0], loud[0], few[0])]
    assert noticed(seen, made)["surprises"] == 1


def test_a_limit_is_not_rounded_below_what_it_must_let_pass() -> None:
    for far in (0.03124, 0.04, 0.050049):
        quiet = [Judged(False, -0.1, skill="push", astray=Astray(far, far))] * 200
        limits = calibrate(quiet, 0.02, "d" * 64).motion["push"]
        assert max(CLOSE, far) <= limits.own < max(CLOSE, far) + 1e-4 and limits.own == limits.others
        assert round(limits.own, 4) == limits.own or limits.own == CLOSE


def test_half_of_the_promise_is_for_the_object_and_half_for_what_else_moves() -> None:
    """Where nothing else ever moves, what is within the bound of a learnt family still surprises nobody."""
    random = np.random.default_rng(0)
    quiet = [Judged(False, -0.1, skill="push", astray=Astray(far)) for far in random.exponential(0.02, 500)]
    made = calibrate(quiet, 0.02, "d" * 64)
    limits = made.motion["push"]
    assert limits.others == CLOSE and sum(one.astray.own > limits.own for one in quiet) <= 5
    assert not made.rule.surprises("push", Astray(limits.own, CLOSE)) and made.rule.surprises("push", Astray(0.0, 0.03))


def test_a_relation_that_the_skill_left_alone_and_nobody_saw_is_misread() -> None:
    """Of blocks on a shelf the learned detector does not say that they are in it, neither before nor after they are pushed."""
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    detector = relation_detector(LEARNED, start.model, start.digest)
    _, pushed = next(FAMILIES.get("shelf-row-pushed").outcomes(MujocoSimulator(), 4500))
    assert [judged(one, start.model, detector).misread for one in (pushed, failures.outcome("nested"))] == [True, False]


def test_what_is_out_of_sight_shows_nothing() -> None:
    start = load_checkpoint(weights.path(weights.RELATIONAL))
    detector, outcome = relation_detector(GEOMETRIC), failures.outcome("nested")
    assert judged(outcome, start.model, detector) == replace(judged(outcome, start.model, detector), failed=True, observable=True)
    movable = [name for name in outcome.before.scene.names if not name.startswith("table")]
    hidden = judged(out_of_sight(outcome, *movable), start.model, detector)
    assert hidden.failed and not hidden.observable


def test_where_good_executions_look_as_wrong_as_anything_can_nothing_is_promised() -> None:
    found = [*[Judged(False, -0.1)] * 98, *[Judged(False, 0.5)] * 2]
    with pytest.raises(CalibrationError, match=r"2 of 100 good executions look as wrong as anything can: .* promise 0.02"):
        calibrate(found, 0.02, "d" * 64)
    assert calibrate(found, 0.05, "d" * 64).threshold == 0.0
