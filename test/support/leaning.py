"""A tall block that leans: it stands up again, falls over slowly, or at once."""

import numpy as np

from fail2progress.core.scene import Scene

TALL = (0.03, 0.03, 0.2)


def leaning(scene: Scene, by: float) -> Scene:
    """A scene of a table and a TALL block on it, the block tipped about one of its lower edges (rad)."""
    x, y, _ = scene.poses[1, :3]
    _, _, top = scene.bounds()[0, 1]
    height = top + (TALL[2] * np.cos(by) + TALL[0] * np.sin(by)) / 2
    poses = scene.poses.copy()
    poses[1] = [x, y, height, np.cos(by / 2), 0.0, np.sin(by / 2), 0.0]
    return scene.with_poses(poses)
