"""Motion that predicted relations imply, for models that predict relations alone.

The skill's object is expected where the command puts it, and comes to rest on what it is predicted to touch from above, or on the
floor of what it is predicted to be inside. What was in or on it before, and is predicted to be so after, comes along.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fail2progress.core.relations import BINARY
from fail2progress.models.base import Action, LatentState, RelationLogits, at_object
from fail2progress.models.features import translation

WALL = 0.004
"""Metres between the bottom of a container and what stands in it."""
_INSIDE, _ABOVE, _CONTACT = (BINARY.index(name) for name in ("inside", "above", "contact"))


def commanded(state: LatentState, action: Action) -> Tensor:
    """(B, N, 2, 3) boxes in metres with the skill's object moved by the command and everything else where it is."""
    return state.box + (_chosen(state, action) * _command(action)).unsqueeze(-2)


def implied_motion(state: LatentState, before: RelationLogits, after: RelationLogits, action: Action) -> Tensor:
    """(B, N, 3) metres; differentiable in the action's parameters, not in the relations."""
    chosen = _chosen(state, action)
    shift = _command(action) + settling(state, after, action)
    along = _carried(before, action) & _carried(after, action) & state.mask
    return torch.where(along.unsqueeze(-1), 1.0, chosen) * shift


def _command(action: Action) -> Tensor:
    return translation(action.skill, action.parameters).unsqueeze(1)


def _chosen(state: LatentState, action: Action) -> Tensor:
    """(B, N, 1) one at the skill's object."""
    return torch.nn.functional.one_hot(action.object, state.box.shape[1]).to(state.box.dtype).unsqueeze(-1)


def _carried(relations: RelationLogits, action: Action) -> Tensor:
    """(B, N) what is believed to be in the skill's object, or to stand on it."""
    mine = at_object(relations.binary.transpose(1, 2), action.object) > 0
    return mine[..., _INSIDE] | (mine[..., _ABOVE] & mine[..., _CONTACT])


@torch.no_grad()
def settling(state: LatentState, after: RelationLogits, action: Action) -> Tensor:
    """(B, 1, 3) what the object still falls or rises from where the command lets it go, by what it is predicted to rest on.

    Zero where it is predicted to rest on nothing.
    """
    mine = at_object(after.binary, action.object) > 0
    inside = mine[..., _INSIDE] & state.mask
    on = mine[..., _ABOVE] & mine[..., _CONTACT] & state.mask & ~inside
    low, high = state.box[:, :, 0, 2], state.box[:, :, 1, 2]
    floor = torch.where(inside, low + WALL, -torch.inf).amax(dim=1)
    top = torch.where(on, high, -torch.inf).amax(dim=1)
    rest = torch.maximum(floor, top)
    released = at_object(low, action.object) + _command(action)[:, 0, 2]
    fall = torch.where(rest.isfinite(), rest - released, 0.0)
    return torch.stack([torch.zeros_like(fall), torch.zeros_like(fall), fall], dim=-1).unsqueeze(1)
