"""How boxes, pairs of boxes and skill parameters are presented to the networks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fail2progress.skills.motion import Commanded
from fail2progress.skills.registry import SKILLS

_OCTAVES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Spatial frequencies in cycles per metre: from the room down to about a cup's width."""
BOX_FEATURES = 12 + 6 * len(_OCTAVES)
PAIR_FEATURES = 54
ACTION_FEATURES = 8 + 6 * len(_OCTAVES)


def waves(metres: Tensor) -> Tensor:
    """(..., d) metres to (..., 2 d octaves) sines and cosines, so that centimetres stand out in a room."""
    phase = (metres.unsqueeze(-1) * (2 * math.pi * torch.tensor(_OCTAVES, dtype=metres.dtype))).flatten(-2)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)


def box_features(box: Tensor) -> Tensor:
    """(..., 2, 3) low and high corners in metres to (..., BOX_FEATURES)."""
    low, high = box[..., 0, :], box[..., 1, :]
    centre = (low + high) / 2
    return torch.cat([2 * low, 2 * high, 2 * centre, 10 * (high - low), waves(centre)], dim=-1)


def pair_features(one: Tensor, other: Tensor) -> Tensor:
    """Two broadcastable boxes (..., 2, 3) to (..., PAIR_FEATURES): gaps between their corners and centres at three scales.

    The scales saturate at about 1, 5 and 40 centimetres: contact, containment and directions are decided at one each.
    """
    one, other = torch.broadcast_tensors(one, other)
    size, other_size = one[..., 1, :] - one[..., 0, :], other[..., 1, :] - other[..., 0, :]
    gaps = torch.cat([one - other, one - other.flip(-2)], dim=-2).flatten(-2)
    gaps = torch.cat([gaps, (one - other).mean(dim=-2)], dim=-1)
    near, far = torch.tanh(20 * gaps), torch.tanh(2.5 * gaps)
    return torch.cat([near, far, torch.tanh(80 * gaps), 5 * size, 5 * other_size, torch.tanh(20 * (size - other_size))], -1)


def translation(skill: Tensor, parameters: Tensor) -> Tensor:
    """(B,) skills and (B, n) padded parameters to the (B, 3) shift in metres that a skill commands for its object."""
    shift: Tensor = _commanded(skill, parameters).shift
    return shift


def turn(skill: Tensor, parameters: Tensor) -> Tensor:
    """(B,) skills and (B, n) padded parameters to (B,) radians by which a skill turns its object."""
    commanded: Tensor = _commanded(skill, parameters).turn
    return commanded


def action_features(skill: Tensor, parameters: Tensor) -> Tensor:
    """(B,) skills and (B, n) padded parameters to (B, ACTION_FEATURES)."""
    commanded = _commanded(skill, parameters)
    shift, angle = commanded.shift, commanded.angle.unsqueeze(-1)
    return torch.cat([2 * shift, 10 * shift.clamp(-0.1, 0.1), angle.sin(), angle.cos(), waves(shift)], dim=-1)


def _commanded(skill: Tensor, parameters: Tensor) -> Commanded:
    """(B, 3) shifts, (B,) angles and turns. Each kind of motion is worked out once and chosen by the skills that have it."""
    definitions = list(SKILLS.values())
    first, *others = dict.fromkeys(definition.motion for definition in definitions)
    found = first(parameters, torch)
    shift, angle, turn = found.shift, found.angle, found.turn
    for motion in others:
        mine = torch.tensor([definition.motion is motion for definition in definitions])[skill]
        found = motion(parameters, torch)
        shift = torch.where(mine.unsqueeze(-1), found.shift, shift)
        angle, turn = torch.where(mine, found.angle, angle), torch.where(mine, found.turn, turn)
    return Commanded(shift, angle, turn)


def identity_code(ids: Tensor, width: int) -> Tensor:
    """(...,) integer identities to (..., width) sinusoidal codes: any number of objects (A.11.2, "positional encoding")."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    phase = ids.unsqueeze(-1) * rates
    return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(-2)
