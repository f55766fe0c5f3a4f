"""Cabinets with drawers as meshes, for frames of tables."""

import numpy as np

from fail2progress.learning.segmentation.meshes import Mesh, box, open_box, union
from support.tabletop_frames import Coloured

WOOD, OAK = (150, 110, 80), (160, 118, 84)
TABLE: Coloured = (box(1.4, 1.2, 0.03).shifted(0, 0, -0.03), (205, 200, 190))
BOARD, GAP, INSET = 0.015, 0.004, 0.003


def turned(mesh: Mesh, yaw: float) -> Mesh:
    """About z."""
    c, s = np.cos(yaw), np.sin(yaw)
    return mesh.moved(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))


def cabinet(size: tuple[float, float, float], openings: tuple[float, ...], yaw: float = 0.0) -> list[Coloured]:
    """Of width, depth and height (m) in the middle of the table, its front towards -y, with drawers from below upwards."""
    width, depth, height = size
    level = (height - BOARD) / len(openings)
    sides = [box(BOARD, depth, height).shifted(s * (width - BOARD) / 2, 0, 0) for s in (-1, 1)]
    boards = [box(width, depth, BOARD).shifted(0, 0, number * level) for number in range(len(openings) + 1)]
    back = box(width, BOARD, height).shifted(0, (depth - BOARD) / 2, 0)
    found: list[Coloured] = [(turned(union(*sides, *boards, back), yaw), WOOD)]
    inner = (width - 2 * (BOARD + GAP), depth - 2 * BOARD, level - BOARD - 2 * GAP)
    for number, opening in enumerate(openings):
        tray = open_box(*inner, 0.008).shifted(0, INSET - opening - BOARD / 2, number * level + BOARD + GAP)
        found.append((turned(tray, yaw), OAK))
    return found
