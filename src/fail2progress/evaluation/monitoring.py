"""How well failures are noticed: executions by a model's predictions, their truth and what a detector sees; and calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.memory import ObjectMemory
from fail2progress.core.relations import RelationState
from fail2progress.evaluation.predictions import f1
from fail2progress.failures.calibration import HIGHEST, Calibration, CalibrationError, conformal_threshold, enough, score
from fail2progress.failures.monitor import Astray, Conduct, Key, MonitorRule, relied_on
from fail2progress.failures.surprise import CLOSE, astray
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.perception.relations.base import RelationDetector
from fail2progress.simulation.base import Job, Outcome, Simulator


@dataclass(frozen=True)
class Judged:
    """One execution: whether a relation that is relied on truly came out otherwise than predicted, and the monitor's score."""

    failed: bool
    score: float
    observable: bool = True
    """Whether a relation that came out otherwise is one between things that are seen afterwards; True where none did."""
    misread: bool = False
    """Whether all that came out otherwise was believed wrongly before the skill already, which did not touch it."""
    skill: str = ""
    astray: Astray = Astray()  # noqa: RUF009 (frozen)
    """How far from where it was expected what moved was seen to end."""


def judged(outcome: Outcome, model: SkillEffectModel, detector: RelationDetector) -> Judged:
    """A skill as a plan of its own, for the goal that everything is kept where the model predicts it."""
    memory = ObjectMemory()
    before = memory.update(outcome.before.cloud)
    expected, shift, _ = predict_effect(model, encode_observation(model, before), outcome.call)
    seen = memory.update(outcome.after.cloud, shift, outcome.call.object)
    believed = detector.observe(before).relations
    conduct = Conduct(outcome.call, believed)
    atoms = list(relied_on(expected, kept(expected), MonitorRule(), conduct))
    truth = outcome.after.relations
    wrong = [atom for atom in atoms if (expected.value(*atom) > 0.5) != (truth.value(*atom) > 0.5)]
    in_view = {name for name, shown in zip(outcome.after.cloud.names, outcome.after.cloud.seen, strict=True) if shown}
    observable = not wrong or any({name for name in atom[1:] if name} <= in_view for atom in wrong)
    misread = bool(wrong) and all(_misread(atom, outcome, believed, expected) for atom in wrong)
    observed = detector.observe(seen).relations
    away = astray(before, seen, shift, outcome.call.object, (expected, observed))
    return Judged(bool(wrong), score(expected, observed, atoms), observable, misread, outcome.call.skill, away)


def _misread(atom: Key, outcome: Outcome, believed: RelationState, expected: RelationState) -> bool:
    """Whether the skill left an atom as it was, and the robot was as wrong about it before as afterwards."""
    true = [side.relations.value(*atom) > 0.5 for side in (outcome.before, outcome.after)]
    return true[0] == true[1] and (believed.value(*atom) > 0.5) == (expected.value(*atom) > 0.5)


def kept(expected: RelationState) -> Goal:
    """The goal that things are in, and above what does not move, as expected."""
    return Goal(
        tuple(
            Atom(relation, subject, other)
            for relation, subject, other in expected.holding()
            if relation == "inside" or (relation == "above" and expected.value("movable", other) < 0.5)
        )
    )


def executions(
    jobs: Iterable[Job], simulator: Simulator, model: SkillEffectModel, detector: RelationDetector
) -> Iterator[Judged | None]:
    """One judgement for each job; None where the scene was not at rest, or the camera saw nothing of the object."""
    for outcome in simulator.execute_all(jobs):
        visible = outcome.before.cloud.seen[outcome.before.cloud.index(outcome.call.object)]
        yield judged(outcome, model, detector) if outcome.stable and visible else None


def calibrate(found: Sequence[Judged], alpha: float, digest: str, more: Sequence[Judged] = ()) -> Calibration:
    """The threshold that keeps false alarms to alpha. CalibrationError where too few executions went as predicted, or more than
    alpha of these look as wrong as anything can.

    `more` are executions for the thresholds of motion, skill by skill, beside `found`.
    """
    good = [one.score for one in found if not one.failed]
    threshold = conformal_threshold(good, alpha)
    if threshold >= HIGHEST:
        most = f"{sum(one >= HIGHEST for one in good)} of {len(good)} good executions"
        raise CalibrationError(f"{most} look as wrong as anything can: no rule that alarms can promise {alpha:g}")
    motion = _motion([one for one in (*found, *more) if one.score <= threshold], alpha)
    return Calibration(model=digest, alpha=alpha, threshold=threshold, executions=len(found), good=len(good), motion=motion)


def _motion(quiet: Sequence[Judged], alpha: float) -> dict[str, Astray]:
    """By skill, the limits that at most alpha of its executions without an alarm exceed; where they are enough to tell.

    Half of alpha is for the skill's object, half for what else moves: a push may leave its object far from where it was expected
    and yet hardly ever moves anything else. Nothing within CLOSE is a surprise.
    """
    by_skill: dict[str, list[Astray]] = {}
    for one in quiet:
        by_skill.setdefault(one.skill, []).append(one.astray)
    told = {name: away for name, away in sorted(by_skill.items()) if enough(len(away), alpha / 2)}
    return {
        name: Astray(_limit([one.own for one in away], alpha / 2), _limit([one.others for one in away], alpha / 2))
        for name, away in told.items()
    }


def _limit(distances: Sequence[float], alpha: float) -> float:
    """Metres, up to the next tenth of a millimetre: rounded down, it would be exceeded by those that it must let pass."""
    found = conformal_threshold(distances, alpha)
    near = round(found, 4)
    return max(near if near >= found else round(near + 1e-4, 4), CLOSE)


def noticed(found: Iterable[Judged], made: Calibration) -> dict[str, float]:
    """Counts, rate of false alarms and F1 of saying that something failed; NaN where there was nothing of the kind.

    `surprises` counts those without an alarm in which something ended farther from where it was expected than the skill allows.

    The same F1 over those alone whose failure can be seen, and how many cannot: what shows it is out of sight afterwards. And F1
    and false alarms where an execution with misread relations alone is no failure of the skill, and how many of these there are.
    """
    all_of_them, threshold = list(found), made.threshold
    shown = [one for one in all_of_them if one.observable]
    figures, hidden = _noticed(all_of_them, threshold), len(all_of_them) - len(shown)
    skills = _noticed([replace(one, failed=one.failed and not one.misread) for one in all_of_them], threshold)
    return {
        **figures,
        "not_observable": hidden,
        "f1_observable": _noticed(shown, threshold)["f1"],
        "misread": sum(one.misread for one in all_of_them),
        "surprises": sum(one.score <= threshold and made.rule.surprises(one.skill, one.astray) for one in all_of_them),
        "f1_of_skills": skills["f1"],
        "false_alarm_rate_of_skills": skills["false_alarm_rate"],
    }


def _noticed(found: Iterable[Judged], threshold: float) -> dict[str, float]:
    counts = {"hits": 0, "false_alarms": 0, "misses": 0, "quiet": 0}
    for one in found:
        alarm = one.score > threshold
        counts["hits" if one.failed and alarm else "misses" if one.failed else "false_alarms" if alarm else "quiet"] += 1
    hits, alarms, misses, quiet = counts.values()
    rate = alarms / (alarms + quiet) if alarms + quiet else float("nan")
    return {**counts, "false_alarm_rate": rate, "f1": f1(hits, alarms, misses)}
