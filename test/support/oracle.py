"""A skill effect model that knows geometry instead of having learned it: what planning and the loop are tested with."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from fail2progress.core.relations import BINARY, UNARY, binary_relations
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits, SkillEffectModel

SURE = 10.0
_WALL = 0.006
_MARGIN = 0.004
"""Metres that a content must keep from its container's inner walls to be believed inside."""


class Oracle(SkillEffectModel):
    """Boxes move rigidly with what is inside them and fall onto what is below; relations follow from the boxes."""

    name = "oracle"

    def __init__(self, carries: bool = True) -> None:
        super().__init__()
        self.carries = carries
        """Whether contents travel with their container; a model that never saw it believes that they stay."""

    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        return torch.zeros(len(points), 1)

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        return LatentState(code, box, ids, mask, torch.zeros(*code.shape[:2], 2))

    def detect(self, state: LatentState) -> RelationLogits:
        boxes = state.box.numpy().astype(float)
        none = np.zeros((boxes.shape[1],) * 2, bool)
        holds = torch.from_numpy(np.stack([binary_relations(box, none) for box in boxes]))
        return RelationLogits((2.0 * holds - 1.0) * SURE, torch.zeros(*boxes.shape[:2], len(UNARY)))

    def predict(self, state: LatentState, action: Action) -> Effect:
        moved = torch.stack([self._moved(*one) for one in zip(state.box, action.object, action.parameters, strict=True)])
        after = replace(state, box=state.box + moved.unsqueeze(-2))
        return Effect(moved, self.detect(after), after.tokens, after)

    def _moved(self, box: Tensor, row: Tensor, parameters: Tensor) -> Tensor:
        """(N, 3) displacements in one scene."""
        mine = int(row)
        contents = _inside(box, box[mine])
        contents[mine] = False
        shift = parameters[:3].clone()
        shift[2] += _fall(box, box[mine] + shift, contents, mine)
        moved = torch.zeros(len(box), 3)
        moved[mine] = shift
        if self.carries:
            moved[contents] = shift
        return moved

    def pretrained_parameters(self) -> list[nn.Parameter]:
        return []

    def finetuned_parameters(self) -> list[nn.Parameter]:
        return []


class Doubtful(Oracle):
    """Never believes what it detects of things that are inside others, though it foresees that they will be."""

    def detect(self, state: LatentState) -> RelationLogits:
        found = super().detect(state)
        return replace(found, binary=found.binary.index_fill(-1, torch.tensor([BINARY.index("inside")]), -SURE))

    def predict(self, state: LatentState, action: Action) -> Effect:
        effect = super().predict(state, action)
        return replace(effect, relations=super().detect(effect.state))


def _inside(box: Tensor, outer: Tensor) -> Tensor:
    return ((box[:, 0] >= outer[0] - 0.002) & (box[:, 1] <= outer[1] + 0.002)).all(dim=1)


def _fall(box: Tensor, placed: Tensor, contents: Tensor, mine: int, holding: Tensor | None = None) -> Tensor:
    """How far (m, negative) a box sinks where it is let go: into an open container, or onto the highest thing under it.

    `holding` (N,) says what is a container; small things are by default.
    """
    under = ((box[:, 0, :2] < placed[1, :2]) & (box[:, 1, :2] > placed[0, :2])).all(dim=1) & ~contents
    under[mine] = False
    walls = _WALL + _MARGIN
    within = ((box[:, 0, :2] + walls < placed[0, :2]) & (box[:, 1, :2] - walls > placed[1, :2])).all(dim=1)
    small = (box[:, 1] - box[:, 0])[:, :2].max(dim=1).values < 0.2
    holds = within & (small if holding is None else holding)
    rest = torch.where(under, torch.where(holds, box[:, 0, 2] + _WALL, box[:, 1, 2]), -torch.inf).amax()
    if holds.any():
        # Contents of one container shove each other aside (in physics, 29 of 30 times), so a heap sinks below the rim.
        rest = torch.minimum(rest, box[holds, 1, 2].min() - (placed[1, 2] - placed[0, 2]))
    return torch.where(rest.isfinite(), rest - placed[0, 2], torch.zeros(()))
