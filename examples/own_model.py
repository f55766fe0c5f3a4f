"""A skill effect model of one's own, registered by name and evaluated beside the package's.

It is not trained: relations follow from the boxes around what is seen, and a skill moves its object as commanded, together with
what lies in it or on it. Any `torch.nn.Module` with the same methods will do; docs/guide/models.md says what they mean.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import fail2progress as f2p
from fail2progress.core.relations import UNARY, binary_relations
from fail2progress.models.base import Action, Capability, Effect, LatentState, RelationLogits, SkillEffectModel
from fail2progress.models.implied import implied_motion
from fail2progress.models.registry import MODELS

SURE = 5.0
"""Logit of what holds."""


class BoxesMove(SkillEffectModel):
    """Boxes, the rules of A.9, and motion as commanded."""

    name = "boxes-move"
    summary = "rules on boxes; what lies in or on an object comes along"
    capabilities = frozenset({Capability.RELATIONS, Capability.DISPLACEMENT})

    def encode(self, points: Tensor, prepared: Mapping[str, Tensor]) -> Tensor:
        """Shapes do not matter here."""
        return torch.zeros(len(points), 1)

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """The boxes are the state."""
        return LatentState(code, box, ids, mask, code)

    def detect(self, state: LatentState) -> RelationLogits:
        """The rules, scene by scene."""
        boxes = state.box.detach().double().numpy()
        gap = np.maximum(boxes[:, :, None, 0] - boxes[:, None, :, 1], boxes[:, None, :, 0] - boxes[:, :, None, 1]).max(axis=-1)
        holds = np.stack([binary_relations(box, touching) for box, touching in zip(boxes, gap < 0.01, strict=True)])
        unary = torch.full((*state.box.shape[:2], len(UNARY)), -SURE)
        return RelationLogits(torch.from_numpy(np.where(holds, SURE, -SURE)).float(), unary)

    def predict(self, state: LatentState, action: Action) -> Effect:
        """Everything that travels is moved by the command."""
        self.own_skills(action)
        before = self.detect(state)
        motion = implied_motion(state, before, before, action)
        after = self.shifted(state, motion)
        return Effect(motion, self.detect(after), None, after)

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """None."""
        return []

    def finetuned_parameters(self) -> list[nn.Parameter]:
        """None: this model cannot learn."""
        return []


def main(trials: int = 2) -> None:
    """Success of both on a task file."""
    if BoxesMove.name not in MODELS:
        MODELS.register(BoxesMove.name, BoxesMove)
    own = MODELS.get("boxes-move")()
    task = Path(__file__).with_name("cubes.yaml")
    for name, model in (("boxes-move", own), ("of the package", None)):
        summary = f2p.evaluate(model, task, objects=1, trials=trials)
        print(f"{name}: {summary.successes} of {summary.trials}, relations predicted with F1 {summary.relation_f1:.2f}")


if __name__ == "__main__":
    main()
