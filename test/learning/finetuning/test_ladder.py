from typing import Any

import pytest
import torch

from fail2progress.learning.finetuning import ladder as room
from fail2progress.learning.finetuning.finetune import FinetuneOptions
from fail2progress.learning.finetuning.ladder import LADDER, Ladder, Rung, rungs
from fail2progress.learning.finetuning.rehearsal import RehearsalSet, choose
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.errors import NothingToTrainError
from fail2progress.models.points2plans.model import Points2Plans
from fail2progress.models.training.transitions import Transitions, select

NETWORKS, ALL = LADDER[1], LADDER[2]


def of(model: SkillEffectModel, data: Transitions, known: RehearsalSet, **more: Any) -> Ladder:
    return Ladder(model, select(data, range(4)), known, FinetuneOptions(10, **more), 0, torch.zeros(0))


@pytest.mark.parametrize(
    ("rung", "firm", "rehearsed", "trained"),
    [
        (ALL, 0, False, [("networks", 5.0, False), ("all", 5.0, False)]),
        (ALL, 1, False, [("networks", 5.0, True), ("all", 5.0, True)]),
        (ALL, 2, False, [("networks", 5.0, True), ("all", 10.0, True)]),
        (NETWORKS, 2, False, [("networks", 10.0, True)]),
        (ALL, 2, True, [("networks", 5.0, False), ("all", 10.0, True)]),
    ],
)
def test_how_firmly_each_rung_is_held(
    model: Points2Plans,
    data: Transitions,
    monkeypatch: pytest.MonkeyPatch,
    rung: Rung,
    firm: int,
    rehearsed: bool,
    trained: list[tuple[str, float, bool]],
) -> None:
    """All weights go on from networks that are held as they are, once; what lessons hold is held from the first."""
    heard: list[tuple[str, float, bool]] = []

    def watched(
        begin: SkillEffectModel, own: Transitions, replay: Transitions, options: FinetuneOptions, *rest: Any, **more: Any
    ) -> Any:
        heard.append((options.adjusts, options.distillation, options.held))
        return Points2Plans(model.config)

    monkeypatch.setattr(room, "finetune", watched)
    known = choose(data)
    ladder = of(model, data, RehearsalSet(known.replay, known.held_out, (known,) if rehearsed else ()))
    assert ladder.tuned(rung, firm) is ladder.tuned(rung, firm)
    assert heard == trained


def test_a_model_that_lacks_a_rungs_weights_goes_on_without(model: Points2Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.adapters()
    fewer = {name: whole[name] for name in ("relations", "neighbours")}
    assert [(rung.adjusts, rung.after) for rung in rungs(model, "ladder")] == [(rung.adjusts, rung.after) for rung in LADDER]
    monkeypatch.setattr(model, "adapters", lambda: fewer)
    assert [(rung.adjusts, rung.after) for rung in rungs(model, "ladder")] == [
        ("relations", None),
        ("all", None),
        ("neighbours", None),
    ]
    monkeypatch.setattr(model, "adapters", dict)
    assert [rung.adjusts for rung in rungs(model, "ladder")] == ["all"]


def test_a_model_without_weights_to_adjust_is_refused(model: Points2Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "finetuned_parameters", list)
    assert [(rung.adjusts, rung.after) for rung in rungs(model, "ladder")] == [
        ("relations", None),
        ("networks", None),
        ("neighbours", "networks"),
    ]
    monkeypatch.setattr(model, "adapters", dict)
    for adjusts in ("ladder", "all", "relations"):
        with pytest.raises(NothingToTrainError, match=r"points2plans has nothing to train: its finetuned_parameters\(\)"):
            rungs(model, adjusts)


def test_what_can_be_held_more(model: Points2Plans, data: Transitions) -> None:
    known = choose(data)
    lessons = RehearsalSet(known.replay, known.held_out, (known,))
    assert [of(model, data, known).firmer(rung) for rung in LADDER] == [[], [1, 2], [1, 2], []]
    assert [of(model, data, lessons).firmer(rung) for rung in LADDER] == [[], [2], [2], []]
    assert of(model, data, known, distillation=0.0).firmer(ALL) == []
    assert of(model, data, known).firmer(rungs(model, "all")[0]) == [
        2
    ]  # it starts from the old model and agrees with that anyway
