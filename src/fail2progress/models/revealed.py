"""What opening a drawer will show of it: of a shut one the camera sees the front alone (docs/decisions/0050).

A model moves the front and nothing else, and what is put into the opened drawer then seems to fall in front of the cabinet. So
the rest is added where a predicted drawer comes out: floor, sides and back as long as its cabinet allows, as the robot sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.memory import Points
from fail2progress.core.objects import Shape, kind_of
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Array
from fail2progress.models.base import LatentState, SkillEffectModel
from fail2progress.skills.samplers import HiddenDrawer

_THIN = 0.04
"""Metres of depth below which a drawer is seen from the front only."""
_OUT = 0.03
"""Metres that a front is out of its cabinet once a drawer is open."""
_FRAME = 0.03
"""Metres by which a drawer is shorter than its cabinet: back wall and recess."""
_SHARES = (0.25, 0.6, 0.1)
"""Of the points of an opened drawer: on its front, its floor, its sides; the rest on its back."""
_SHADOW = 0.06
"""Metres of floor behind the front that it hides."""


def hidden_drawers(model: SkillEffectModel, cloud: SegmentedCloud) -> tuple[HiddenDrawer, ...]:
    """The drawers of which only the front is seen, each with the shape code (C,) of the whole."""
    box = cloud.bounds()
    kinds = [kind_of(category).shape for category in cloud.categories]
    cabinets = [row for row, kind in enumerate(kinds) if kind is Shape.SHELF and cloud.seen[row]]
    found = []
    for row in (row for row, kind in enumerate(kinds) if kind is Shape.DRAWER and cloud.seen[row]):
        cabinet = next((other for other in cabinets if _within(box[row], box[other])), None)
        axis = int((box[row, 1] - box[row, 0])[:2].argmin())
        if cabinet is None or (box[row, 1] - box[row, 0])[axis] > _THIN:
            continue
        side = 1.0 if box[cabinet, :, axis].sum() > box[row, :, axis].sum() else -1.0
        depth = float(box[cabinet, 1, axis] - box[cabinet, 0, axis]) - _FRAME
        points = torch.from_numpy(_whole(cloud.points[row], box[row], axis, side * depth)).unsqueeze(0)
        centred = points - torch.stack([points.amin(dim=1), points.amax(dim=1)], dim=1).mean(dim=1, keepdim=True)
        found.append(HiddenDrawer(row, cabinet, axis, side, depth, model.encode(centred, model.prepare(centred))[0]))
    return tuple(found)


def reveal(model: SkillEffectModel, state: LatentState, hidden: Sequence[HiddenDrawer]) -> LatentState:
    """B predicted scenes in which drawers that came out of their cabinets have the shape of an open one."""
    for one in hidden:
        drawer, cabinet = state.box[:, one.row, :, one.axis], state.box[:, one.cabinet, :, one.axis]
        out = cabinet[:, 0] - drawer[:, 0] if one.side > 0 else drawer[:, 1] - cabinet[:, 1]
        opened = (out > _OUT) & (state.code[:, one.row] != one.code).any(dim=1)
        if opened.any():
            state = _opened(model, state, one, opened)
    return state


def _opened(model: SkillEffectModel, state: LatentState, one: HiddenDrawer, opened: Tensor) -> LatentState:
    code, box = state.code.clone(), state.box.clone()
    code[opened, one.row] = one.code
    front = box[opened, one.row, 0 if one.side > 0 else 1, one.axis]
    ends = (front, front + one.depth) if one.side > 0 else (front - one.depth, front)
    box[opened, one.row, :, one.axis] = torch.stack(ends, dim=1)
    seen = model.embed(code, box, state.ids, state.mask)
    tokens = torch.where(opened.view(-1, 1, 1), seen.tokens, state.tokens)
    return LatentState(code, box, state.ids, state.mask, tokens, state.relations)


def _within(inner: Array, outer: Array) -> bool:
    """Whether the middle of a box (2, 3) is in another one."""
    middle = inner.mean(axis=0)
    return bool((middle > outer[0]).all() and (middle < outer[1]).all())


def _whole(front: Points, box: Array, axis: int, depth: float) -> Points:
    """(P, 3) points of a drawer whose front (P, 3) was seen and that reaches `depth` metres (signed) behind it along `axis`."""
    rng, count = np.random.default_rng(0), len(front)
    parts = np.split(rng.permutation(count), np.cumsum([round(share * count) for share in _SHARES]))
    share = rng.random((count, 3))
    points = box[0] + share * (box[1] - box[0])
    begin = box[0 if depth > 0 else 1, axis]
    shadow = min(_SHADOW, abs(depth) / 2) / abs(depth)
    points[:, axis] = begin + depth * (shadow + (1 - shadow) * share[:, axis])
    on_front, floor, sides, back = parts
    points[on_front] = front[on_front]
    points[floor, 2] = box[0, 2]
    points[sides, 1 - axis] = box[rng.integers(0, 2, len(sides)), 1 - axis]
    points[back, axis] = begin + depth
    return np.asarray(points, np.float32)
