"""From what the robot sees to what the model believes: the numpy world on one side, tensors on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from fail2progress.core.observation import SegmentedCloud, UnseenError
from fail2progress.core.relations import RelationState
from fail2progress.core.scene import Array
from fail2progress.models.base import Action, LatentState, RelationLogits, SkillEffectModel, expected_motion
from fail2progress.models.checked import detected, embedded, predicted
from fail2progress.models.revealed import hidden_drawers
from fail2progress.skills.base import SkillCall
from fail2progress.skills.samplers import HiddenDrawer
from fail2progress.skills.vocabulary import current


@dataclass(frozen=True)
class Belief:
    """One observed scene in latent form, with the names of its segments."""

    names: tuple[str, ...]
    categories: tuple[str, ...]
    state: LatentState
    hidden: tuple[HiddenDrawer, ...] = ()
    """Of what only a front is seen that opens."""

    def index(self, name: str) -> int:
        """Row of a segment; ValueError names the segments there are."""
        if name not in self.names:
            raise ValueError(f"unknown object {name!r}; seen: {', '.join(self.names)}")
        return self.names.index(name)


@torch.no_grad()
def encode_observation(model: SkillEffectModel, cloud: SegmentedCloud) -> Belief:
    """Enc(O): ValueError where no segment has points. Segments without points are masked."""
    if not cloud.seen.any():
        raise UnseenError(cloud.names)
    points = torch.from_numpy(np.nan_to_num(cloud.points))
    box = torch.stack([points.amin(dim=1), points.amax(dim=1)], dim=1)
    centred = points - box.mean(dim=1, keepdim=True)
    code = model.encode(centred, model.prepare(centred))
    ids, mask = torch.arange(len(cloud)).unsqueeze(0), torch.from_numpy(cloud.seen).unsqueeze(0)
    state = embedded(model, code.unsqueeze(0), box.unsqueeze(0), ids, mask)
    return Belief(cloud.names, cloud.categories, state, hidden_drawers(model, cloud))


def action_of(call: SkillCall, names: tuple[str, ...]) -> Action:
    """A skill call as a batch of one."""
    if call.object not in names:
        raise ValueError(f"unknown object {call.object!r}; seen: {', '.join(names)}")
    return Action(
        torch.tensor([current().index(call.skill)]),
        torch.tensor([names.index(call.object)]),
        torch.tensor(call.padded, dtype=torch.float32).unsqueeze(0),
    )


@torch.no_grad()
def detect(model: SkillEffectModel, belief: Belief) -> RelationState:
    """Probabilities of the relations that hold now."""
    return relation_state(detected(model, belief.state), belief)


@torch.no_grad()
def predict_effect(model: SkillEffectModel, belief: Belief, call: SkillCall) -> tuple[RelationState, Array, Belief]:
    """Probabilities of the relations after a skill, the motion (N, 3) that is expected, in metres, and the belief after it."""
    effect = predicted(model, belief.state, action_of(call, belief.names))
    after = Belief(belief.names, belief.categories, effect.state)
    motion = expected_motion(belief.state, effect)[0].numpy().astype(float)
    return relation_state(effect.relations, belief), motion, after


def relation_state(logits: RelationLogits, belief: Belief) -> RelationState:
    """Logits of a batch of one as probabilities; of a segment that was never seen, nothing is believed."""
    mask = belief.state.mask[0].numpy()
    binary = torch.sigmoid(logits.binary[0]).numpy().astype(float) * (mask[:, None] & mask[None])[..., None]
    binary[np.arange(len(mask)), np.arange(len(mask))] = 0.0
    return RelationState(belief.names, binary, torch.sigmoid(logits.unary[0]).numpy().astype(float) * mask[:, None])
