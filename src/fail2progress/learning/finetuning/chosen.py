"""Which of the simulated scenes become D+: those that keep R_F, and some in which the failure happens although they do not.

R_F holds whatever happened to hold when the skill failed, such as that a thing lay in the rear of its drawer. Data that keep all
of it say nothing of how else the same failure comes about. A part of the particles, the explorers, stays as drawn from P(S), in
which things stand in or on what they stood in or on; of their scenes those are taken that the model gets wrong as well
(docs/decisions/0061).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fail2progress.core.memory import witnessed
from fail2progress.core.relations import BINARY, SUPPORT, Mask
from fail2progress.core.scene import Array
from fail2progress.failures.event import FailureEvent, Mismatch
from fail2progress.failures.surprise import CLOSE, held, moving
from fail2progress.learning.finetuning.instantiate import Sample
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.prediction import encode_observation, predict_effect
from fail2progress.simulation.base import Outcome
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import skill

_OFF = 0.02
"""Metres by which a predicted motion is wrong."""
_WHOLE = 8.0
"""What visibility is multiplied by: from an eighth of its outline on a thing counts as seen whole."""
_TEACHES = 10.0
"""What a scene that teaches counts, in parts of R_F: it comes before all others."""
OTHERWISE = 0.5
"""How much a scene teaches that the model gets wrong otherwise than was observed; one that shows what was observed teaches 1."""
_ALIKE = 0.6
"""Share of broken relations from which the failure came about as it was observed: a model that says so has learnt it."""
KEPT = 0.96
"""Share of R_F that D+ keeps, however many explore."""
_NEITHER, _TIPS, _TURNS = range(3)
_TIPPED = 0.5
"""Radians from which a thing tips."""
_SHOWN = 0.2
"""What it counts to have everything in view, in parts of R_F."""
_RECOGNISED = 0.6
"""Share of R_F that a scene must keep to be one that the new model is judged on."""
ENOUGH, _FEW = 8, 4
"""Scenes that show the failure as it was observed: so many are held back for the judgement, and it is on these alone if there are
at least so few."""


@dataclass(frozen=True)
class Chosen:
    """Rows of the simulated scenes that D+ takes and of those that are held back, and of all, the best first; (K,) the share of
    R_F that each keeps."""

    taken: list[int]
    apart: list[int]
    order: list[int]
    shares: Array

    @property
    def left(self) -> list[int]:
        """Rows of what neither takes."""
        return [row for row in self.order if row not in {*self.taken, *self.apart}]


def ranked(shares: Array, seen: Array, teaches: Array, explorer: Mask, samples: int, quota: float) -> list[int]:
    """Rows of simulated scenes, the best first. Of the first `samples`, explorers are at most a `quota`, and as many as leave
    `KEPT` of R_F; more where too few others teach.

    `teaches` (K,): see teaching. shares, seen (K,): of R_F that is kept, and of the things concerned that are in view.
    """
    worth = np.round(shares, 3) + _SHOWN * np.round(seen, 3) + _TEACHES * teaches
    keepers = [int(i) for i in np.argsort(-worth, kind="stable") if not explorer[i]]
    others = [int(i) for i in np.argsort(-(seen + _TEACHES * teaches), kind="stable") if explorer[i] and teaches[i]]
    needed = samples - int(((teaches > 0) & ~explorer).sum())
    taken: list[int] = []
    for i in others:
        own = [*keepers[: samples - len(taken) - 1], *taken, i]
        if len(taken) < needed or (len(taken) < round(quota * samples) and shares[own].mean() >= KEPT):
            taken.append(i)
    rest = [i for i in range(len(shares)) if explorer[i] and i not in taken]
    return [*keepers[: samples - len(taken)], *taken, *keepers[samples - len(taken) :], *rest]


def parted(order: Sequence[int], together: Array, teaches: Array, samples: int) -> tuple[list[int], list[int]]:
    """Rows of D+ and of the scenes that the new model is judged on; `order`: all rows, the best first, see ranked. together (K,):
    share that is kept of R_F among what hangs together with the skill's object.

    In which direction of it a bystander stands is nothing that the failure needs: a scene is recognised without it (0111).
    Judged on are scenes that show the failure as it was observed. Where D+ would take nearly all of these, what is left shows
    something else, such as stacks that tumble, and a model that mends the failure would be asked how they do. Then a quarter of
    them is held back, and others take their places in D+ (docs/decisions/0096).
    """
    whole = [i for i in order if together[i] >= _RECOGNISED]
    alike = [i for i in whole if teaches[i] == 1]
    taken, wanted = list(order[:samples]), min(ENOUGH, len(alike) // 4)
    if wanted >= _FEW and len(set(alike) - set(taken)) < wanted:
        taken = [i for i in order if i not in alike[-wanted:]][:samples]
    apart = [i for i in alike if i not in taken]
    return taken, apart if len(apart) >= _FEW else [i for i in whole if i not in taken]


def teaching(wrong: Mask, alike: Mask) -> Array:
    """(K,) how much scenes teach: 1 where the model gets `wrong` what was observed, OTHERWISE where it gets something else
    wrong, and 0 where it is right: where things are hidden, it has nothing to be wrong about."""
    return np.asarray(wrong * np.where(alike, 1.0, OTHERWISE))


def as_observed(
    broken: Sequence[Mismatch], names: Sequence[str], outcomes: Sequence[Outcome], again: Sequence[Outcome] = ()
) -> Mask:
    """(K,) in which executions a failure came about as it was observed: by what of its `broken` relations says what ends in or on
    what, of some things. Directions turn with the scene and contacts hang on a millimetre; what no execution shows, nor the
    failure carried out `again` in its rebuilt scene, says nothing.
    """
    asked = [m for m in broken if m.relation in SUPPORT and set(m.names) <= set(names)]
    shown = np.array([[_shown(mismatch, outcome) for mismatch in asked] for outcome in (*outcomes, *again)], bool)
    shown = shown.reshape(len(outcomes) + len(again), len(asked))
    shown = shown[: len(outcomes), shown.any(axis=0)]
    return np.asarray(shown.mean(axis=1) >= _ALIKE) if shown.size else np.ones(len(outcomes), bool)


def ends_alike(event: FailureEvent, outcomes: Sequence[Outcome], again: Sequence[Outcome] = ()) -> Mask:
    """(K,) in which executions what was seen to move ends on or in something, or on nothing, as it was seen to: of blocks that
    topple near an edge the model gets those wrong above all that fall off, and data of these teach that all fall (0076).

    The table below holds a bar that a closing drawer carries as it holds one that falls off: so what falls is asked, too
    (docs/decisions/0103). What tipped or turned each time that the failure was carried out `again` does so, too (0107), and what
    then lay on furniture each time, or never, as a domino that leans on the next (0123). What no execution shows says nothing.
    """
    observed, names = event.observed, _seen_to_end(event)
    rows = [(name, _falls(_ways_seen(event, name, again), event.header.call.call())) for name in names]
    swung = [(name, way) for name, fell in rows if not fell for way in (_TIPS, _TURNS) if again and _swings(name, way, again)]
    rests = [(name, _rests(name, again[0])) for name in names if again and len({_rests(name, one) for one in again}) == 1]
    shown = np.array(
        [
            [
                *(held(name, one.after.relations) == held(name, observed) for name, _ in rows),
                *(_falls(_ways(name, one), one.call) == fell for name, fell in rows),
                *(_swings(name, way, [one]) for name, way in swung),
                *(_rests(name, one) == on for name, on in rests),
            ]
            for one in (*outcomes, *again)
        ],
        bool,
    )
    shown = shown.reshape(len(outcomes) + len(again), 2 * len(rows) + len(swung) + len(rests))
    return np.asarray(shown[: len(outcomes), shown.any(axis=0)].all(axis=1))


def tipping(event: FailureEvent, again: Sequence[Outcome]) -> list[str]:
    """Names of what was seen to move and tips over each time that the failure is carried out `again`."""
    return [name for name in _seen_to_end(event) if again and _swings(name, _TIPS, again)]


def _seen_to_end(event: FailureEvent) -> list[str]:
    """Names of what was seen to move, and of the skill's object, as far as they were seen before and after."""
    call = event.header.call
    known = zip(event.after.names, witnessed(event.before, event.after, call.object), strict=True)
    return sorted({*moving(event), call.object} & {name for name, seen in known if seen})


def falling(outcome: Outcome) -> Mask:
    """(N,) what falls in an execution."""
    return np.array([_falls(_ways(name, outcome), outcome.call) for name in outcome.before.scene.names])


def _falls(ways: Array, call: SkillCall) -> bool:
    """Whether a thing of whose box the lower and upper corner move by (2, 3) metres ends below where it was and below where the
    skill takes its object. Of what tips on what it stands on only the upper one sinks."""
    commanded = float(skill(call.skill).motion(np.array(call.parameters), np).shift[2])
    return float(ways[:, 2].max()) < min(commanded, 0.0) - CLOSE


def _ways(name: str, outcome: Outcome) -> Array:
    """(2, 3) metres by which the corners of a thing's box move."""
    row = outcome.before.scene.index(name)
    return np.asarray(outcome.after.scene.bounds()[row] - outcome.before.scene.bounds()[row])


def _ways_seen(event: FailureEvent, name: str, again: Sequence[Outcome]) -> Array:
    """(2, 3) the same, as it was seen to: from where it was rebuilt, since something may have hidden the foot of what toppled."""
    end, scenes = event.after.bounds()[event.after.index(name)], [one.before.scene for one in again[:1]]
    start = [scene.bounds()[scene.index(name)] for scene in scenes if name in scene.names]
    return np.asarray(end - (start or [event.before.bounds()[event.before.index(name)]])[0])


def _swings(name: str, way: int, outcomes: Sequence[Outcome]) -> bool:
    """Whether in all executions a thing tips over, or does not and turns about the vertical so far that corners end elsewhere.

    Blocks of a stack turn a little as it is put down, which is not what a failure is about.
    """
    return all(_swung(name, outcome) == way for outcome in outcomes)


def _swung(name: str, outcome: Outcome) -> int:
    before, after = (scene.turns[scene.index(name)] for scene in (outcome.before.scene, outcome.after.scene))
    turn = after @ before.T
    if np.arccos(np.clip(turn[2, 2], -1.0, 1.0)) > _TIPPED:
        return _TIPS
    yaw = abs(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1]))
    reach = float(np.linalg.norm(outcome.before.scene.sizes[outcome.before.scene.index(name), :2])) / 2
    return _TURNS if 2.0 * np.sin(yaw / 2) * reach > CLOSE else _NEITHER


def _rests(name: str, outcome: Outcome) -> bool:
    """Whether a thing ends touching something that stands fast, and not only what can be moved itself."""
    scene, true = outcome.after.scene, np.asarray(outcome.after.relations.binary, float)
    fast = np.array([not spec.movable for spec in scene.objects])
    return bool((true[scene.index(name), fast, BINARY.index("contact")] > 0.5).any())


def _shown(mismatch: Mismatch, outcome: Outcome) -> bool:
    true = outcome.after.relations
    return set(mismatch.names) <= set(true.names) and (mismatch.value(true) > 0.5) == (mismatch.observed > 0.5)


def in_view(sample: Sample, names: Sequence[str]) -> float:
    """Share of things that the camera sees before the skill, mean over them; all of a thing from an eighth of its outline."""
    cloud = sample.outcome.before.cloud
    known = [cloud.visibility[cloud.index(name)] for name in names if name in cloud.names]
    return float(np.minimum(_WHOLE * np.array(known), 1.0).mean()) if known else 0.0


def held_up(model: SkillEffectModel, outcome: Outcome) -> bool:
    """Whether the skill's object, seen before, ends short of where a model foresees it: something stopped it on its way."""
    cloud, row = outcome.before.cloud, outcome.before.cloud.index(outcome.call.object)
    way = predict_effect(model, encode_observation(model, cloud), outcome.call)[1][row, :2]
    far = float(np.linalg.norm(way))
    return bool(cloud.seen[row]) and far > 0.0 and far - float(outcome.displacements[row, :2] @ way) / far > CLOSE


def mistaken(model: SkillEffectModel, outcome: Outcome, names: Sequence[str], kinds: Sequence[str]) -> bool:
    """Whether a model gets an execution wrong, of some things: a motion, or a relation of some kinds that it changes."""
    cloud = outcome.before.cloud
    rows = [row for row, name in enumerate(cloud.names) if name in names and cloud.seen[row]]
    if not cloud.seen[cloud.index(outcome.call.object)]:
        return False
    said, shift, _ = predict_effect(model, encode_observation(model, cloud), outcome.call)
    off = np.linalg.norm(shift - outcome.displacements, axis=1)[rows]
    columns, pairs = [BINARY.index(kind) for kind in kinds if kind in BINARY], np.ix_(rows, rows)
    told, true = (np.asarray(state.binary, float)[pairs][..., columns] > 0.5 for state in (said, outcome.after.relations))
    return bool((off > _OFF).any() or (told != true).any())
