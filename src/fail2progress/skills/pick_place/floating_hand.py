"""Pick-and-place with a hand that holds by a weld, as two fingers would."""

from __future__ import annotations

import itertools
import math

import numpy as np

from fail2progress.core.scene import Array, Scene
from fail2progress.skills.base import SkillCall
from fail2progress.skills.motion import minimum_jerk
from fail2progress.skills.phases import contained
from fail2progress.skills.placement import CLEARANCE
from fail2progress.skills.programs import Equipment, Hand, HandProgram


def _equip(scene: Scene, call: SkillCall) -> Equipment:
    return Equipment(holds=call.object)


def _run(hand: Hand, call: SkillCall) -> None:
    """Grasp, lift, over, lower, let go. A miss closes beside the object."""
    index = hand.scene.index(call.object)
    start, quat = hand.body(call.object)
    beside = np.array([hand.adjusted("grasp_x"), hand.adjusted("grasp_y"), 0.0])
    if hand.rng.random() < hand.disturbances.grasp_miss or not _between_fingers(hand.scene, index, beside):
        return
    hand.grasp(start, quat)
    goal = start + np.array(call.parameters[:3]) + [hand.adjusted("place_x"), hand.adjusted("place_y"), 0.0]
    clear = CLEARANCE + hand.adjusted("clearance")
    top = max(start[2], goal[2]) + clear
    top = max(top, _highest(hand.scene, index, start, goal) + clear + float(np.ptp(hand.scene.bounds()[index, :, 2])) / 2)
    way = [start, np.array([*start[:2], top]), np.array([*goal[:2], top]), goal]
    _carry(hand, way, quat, call.parameters[3])
    hand.release()


program = HandProgram(_run, _equip)


def _between_fingers(scene: Scene, index: int, beside: Array) -> bool:
    """Whether the fingers, which close so many metres (3,) beside an object's middle, still have it between them."""
    if not beside.any():
        return True
    local = scene.turns[index].T @ beside
    return bool((np.abs(local) < scene.sizes[index] / 2).all())


def _highest(scene: Scene, index: int, start: Array, goal: Array) -> float:
    """Top (m) of everything under the straight way between two points, what is carried and contained left out."""
    bounds = scene.bounds()
    low, high = np.minimum(start, goal)[:2] - 0.12, np.maximum(start, goal)[:2] + 0.12
    near = ((bounds[:, 0, :2] < high) & (bounds[:, 1, :2] > low)).all(axis=1)
    return float(bounds[near & ~contained(scene, index), 1, 2].max(initial=0.0))


def _carry(hand: Hand, way: list[Array], quat: Array, turn: float) -> None:
    """Move the hand along straight pieces with smooth starts and stops; the turn happens on the way over."""
    slip_at = hand.rng.random() if hand.rng.random() < hand.disturbances.grasp_slip else 2.0
    speed = hand.limits.speed * (1.0 - hand.adjusted("slower"))
    positions: list[Array] = []
    turns: list[Array] = []
    for leg, (begin, end) in enumerate(itertools.pairwise(way)):
        over = leg == 1
        progress = minimum_jerk(math.dist(end, begin), speed, turn if over else 0.0, hand.period)
        if over and progress[-1] > slip_at:
            progress = progress[: int(np.argmax(progress > slip_at)) + 1]
        positions.append(begin + progress[:, None] * (end - begin))
        turns.append(turn * progress if over else np.full(len(progress), turns[-1][-1] if turns else 0.0))
        if over and slip_at < 1.0:
            break
    arrivals = np.cumsum([len(leg) for leg in turns]).tolist()
    hand.follow(np.concatenate(positions), quat, np.concatenate(turns), arrivals)
