"""What a skill effect model hands in, looked at before anybody relies on it: comparisons with NaN are false without a word."""

from __future__ import annotations

import torch
from torch import Tensor

from fail2progress.core.parts import PartError, guarded, told_part
from fail2progress.core.relations import BINARY, UNARY
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits, SkillEffectModel

_KIND = "model"


def embedded(model: SkillEffectModel, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
    """`SkillEffectModel.embed`. PartError where it gives no state of finite numbers."""
    with guarded(_KIND, model, model.name):
        state = model.embed(code, box, ids, mask)
    _check_state(model, "embed", state, len(box), box.shape[1])
    return state


def detected(model: SkillEffectModel, state: LatentState) -> RelationLogits:
    """`SkillEffectModel.detect`. PartError where it gives no finite logits of all relations of the state."""
    with guarded(_KIND, model, model.name):
        logits = model.detect(state)
    _check_logits(model, "detect", logits, state)
    return logits


def predicted(model: SkillEffectModel, state: LatentState, action: Action) -> Effect:
    """`SkillEffectModel.predict`. PartError where it gives no finite logits, motion and state, or of another size."""
    with guarded(_KIND, model, model.name):
        effect: object = model.predict(state, action)
    if not isinstance(effect, Effect):
        raise PartError(f"{_told(model, 'predict')} gave {type(effect).__name__}, it must give an Effect")
    _check_logits(model, "predict", effect.relations, state)
    scenes, things = state.mask.shape
    for what, value in (("displacement", effect.displacement), ("growth", effect.growth)):
        if value is not None:
            _check_numbers(model, "predict", what, value, (scenes, things, 3))
    _check_state(model, "predict", effect.state, scenes, things)
    return effect


def _check_state(model: SkillEffectModel, method: str, state: object, scenes: int, things: int) -> None:
    if not isinstance(state, LatentState):
        raise PartError(f"{_told(model, method)} gave {type(state).__name__}, it must give a LatentState")
    _check_numbers(model, method, "box", state.box, (scenes, things, 2, 3))


def _check_logits(model: SkillEffectModel, method: str, logits: object, state: LatentState) -> None:
    if not isinstance(logits, RelationLogits):
        raise PartError(f"{_told(model, method)} gave {type(logits).__name__}, relations must be RelationLogits")
    scenes, things = state.mask.shape
    _check_numbers(model, method, "binary relations", logits.binary, (scenes, things, things, len(BINARY)))
    _check_numbers(model, method, "unary relations", logits.unary, (scenes, things, len(UNARY)))


def _check_numbers(model: SkillEffectModel, method: str, what: str, value: object, shape: tuple[int, ...]) -> None:
    if not isinstance(value, Tensor) or value.shape != shape:
        found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise PartError(f"{_told(model, method)}: {what} must be a tensor {shape}, got {found}")
    if bool(torch.isfinite(value.sum())):  # of one that is not finite neither is the sum
        return
    wrong = int((~torch.isfinite(value)).sum())
    if wrong:
        raise PartError(
            f"{_told(model, method)}: {what} must be finite, {wrong} of {value.numel()} are NaN or infinite; "
            "its weights may have diverged"
        )


def _told(model: SkillEffectModel, method: str) -> str:
    return f"{told_part(_KIND, model, model.name)}, {method}"
