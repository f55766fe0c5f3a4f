"""The geometry oracle for whole scenes: it also knows pushes, drawers, contacts and which drawer is open.

It is made for one scene, whose segments are its objects in their order, and takes from it what cannot be seen from outside: how
deep a drawer is, and what contains things.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from fail2progress.core.relations import DEFAULT, UNARY, binary_relations
from fail2progress.core.scene import Scene
from fail2progress.models.base import Action, Effect, LatentState, RelationLogits
from fail2progress.skills.registry import SKILLS
from support.oracle import SURE, Oracle, _fall, _inside

_TOUCH = 0.004
"""Gap in metres up to which boxes of visible points count as touching."""
_FRONT = 0.002
"""Metres by which the front of a shut drawer lies within its cabinet."""

Move = Callable[["SceneOracle", Tensor, int, Tensor], Tensor]
"""Boxes (N, 2, 3), row of the object and padded parameters to displacements (N, 3)."""


class SceneOracle(Oracle):
    """See the module. `moves` says what each skill does."""

    def __init__(self, scene: Scene, moves: Mapping[str, Move] | None = None) -> None:
        super().__init__()
        self.scene = scene
        self.moves = {**MOVES, **(moves or {})}
        self.depth = {row: spec.size[0] for row, spec in enumerate(scene.objects) if spec.is_drawer}
        self.cabinet = {row: scene.index(str(scene.objects[row].inside_of)) for row in self.depth}
        self.movable = torch.tensor([spec.movable for spec in scene.objects])
        self.holding = torch.tensor([spec.kind.container and (spec.movable or spec.is_drawer) for spec in scene.objects])
        self.roofs = [row for row, spec in enumerate(scene.objects) if spec.kind.container and not self.holding[row]]
        """Shelves and cabinets, which are shut at the top."""

    def embed(self, code: Tensor, box: Tensor, ids: Tensor, mask: Tensor) -> LatentState:
        """Of a shut drawer only the front is seen; it reaches as far back as it is deep."""
        box = box.clone()
        for row, depth in self.depth.items():
            box[:, row, 1, 0] = box[:, row, 0, 0] + depth
        return super().embed(code, box, ids, mask)

    def detect(self, state: LatentState) -> RelationLogits:
        boxes = state.box.numpy().astype(float)
        holds = torch.from_numpy(np.stack([binary_relations(box, _touching(box)) for box in boxes]))
        unary = torch.full((*boxes.shape[:2], len(UNARY)), -SURE)
        for row in self.depth:
            unary[:, row, UNARY.index("drawer")] = SURE
            is_open = self._opening(state.box, row) > DEFAULT.drawer_open
            unary[:, row, UNARY.index("open")] = torch.where(is_open, SURE, -SURE)
        unary[:, self.movable, UNARY.index("movable")] = SURE
        return RelationLogits((2.0 * holds - 1.0) * SURE, unary)

    def predict(self, state: LatentState, action: Action) -> Effect:
        names = list(SKILLS)
        moved = torch.stack(
            [
                self.moves[names[int(skill)]](self, box, int(row), parameters)
                for box, skill, row, parameters in zip(state.box, action.skill, action.object, action.parameters, strict=True)
            ]
        )
        after = LatentState(state.code, state.box + moved.unsqueeze(-2), state.ids, state.mask, state.tokens)
        return Effect(moved, self.detect(after), after.tokens, after)

    def _opening(self, box: Tensor, row: int) -> Tensor:
        """(...) how far (m) a drawer is pulled out."""
        return box[..., self.cabinet[row], 0, 0] + _FRONT - box[..., row, 0, 0]


def _touching(boxes: np.ndarray) -> np.ndarray:
    gaps = np.maximum(boxes[:, None, 0] - boxes[None, :, 1], boxes[None, :, 0] - boxes[:, None, 1]).max(axis=2)
    return np.asarray((gaps < _TOUCH) & ~np.eye(len(boxes), dtype=bool))


def _place(oracle: SceneOracle, box: Tensor, row: int, parameters: Tensor) -> Tensor:
    contents = _inside(box, box[row]) & oracle.movable
    contents[row] = False
    shift = parameters[:3].clone()
    placed = box[row] + shift
    roofs = [float(box[roof, 1, 2]) for roof in oracle.roofs if _over(box[roof], placed)]
    shift[2] += max(roofs) - placed[0, 2] if roofs else _fall(box, placed, contents, row, oracle.holding)
    moved = torch.zeros(len(box), 3)
    moved[contents] = shift
    moved[row] = shift
    return moved


def _over(below: Tensor, placed: Tensor) -> bool:
    """Whether something stands over a box, if only with its edge."""
    return bool(((below[0, :2] < placed[1, :2]) & (below[1, :2] > placed[0, :2])).all())


def _slide(oracle: SceneOracle, box: Tensor, row: int, parameters: Tensor) -> Tensor:
    """A drawer and what is in it, by the part of the pull along its rails, between shut and as far as it goes."""
    opening = float(oracle._opening(box, row))
    wanted = opening - float(parameters[1] * torch.cos(parameters[0]))
    travel = min(max(wanted, 0.0), 0.8 * oracle.depth[row]) - opening
    moved = torch.zeros(len(box), 3)
    moved[_inside(box, box[row]) & oracle.movable, 0] = -travel
    moved[row, 0] = -travel
    return moved


def shove(oracle: SceneOracle, box: Tensor, row: int, shift: Tensor) -> Tensor:
    """(N, 3): an object is moved by (3,) metres and takes along what stands in its way, and they what stands in theirs."""
    moved = torch.zeros(len(box), 3)
    waiting = [(row, shift)]
    while waiting:
        mover, by = waiting.pop()
        if float(by.norm()) <= float(moved[mover].norm()) + 1e-6:
            continue
        moved[mover] = by
        moved[_inside(box, box[mover]) & oracle.movable] = by
        for other in range(len(box)):
            level = box[other, 0, 2] < box[mover, 1, 2] - 0.005 and box[other, 1, 2] > box[mover, 0, 2] + 0.005
            if other != mover and bool(oracle.movable[other]) and level:
                met = _met_after(box[mover], box[other], by)
                if met is not None:
                    waiting.append((other, by * (1.0 - met)))
    return moved


def _met_after(mover: Tensor, other: Tensor, by: Tensor) -> float | None:
    """The share of a way after which a moving box meets another, seen from above; None where it does not."""
    enter, leave = 0.0, 1.0
    for axis in range(2):
        low, high = float(other[0, axis] - mover[1, axis]), float(other[1, axis] - mover[0, axis])
        speed = float(by[axis])
        if abs(speed) < 1e-6:
            if low > -0.002 or high < 0.002:
                return None
            continue
        first, last = sorted((low / speed, high / speed))
        enter, leave = max(enter, first), min(leave, last)
    return enter if enter < leave else None


def _push(oracle: SceneOracle, box: Tensor, row: int, parameters: Tensor) -> Tensor:
    direction, distance = parameters[0], parameters[1]
    shift = torch.stack([distance * direction.cos(), distance * direction.sin(), torch.zeros(())])
    return shove(oracle, box, row, shift)


MOVES: dict[str, Move] = {"pick_place": _place, "push": _push, "open_drawer": _slide, "close_drawer": _slide}
