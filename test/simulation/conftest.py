from collections.abc import Callable

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose

Build = Callable[..., Scene]
TOP = 0.5
"""Height (m) of the table's surface."""


@pytest.fixture(scope="session")
def on_table() -> Build:
    """Builds a scene: a table and objects (name, category, size, x, y, metres above it, yaw) that stand on it."""

    def build(*items: tuple[str, str, tuple[float, float, float], float, float, float, float]) -> Scene:
        specs, poses = [ObjectSpec("table", "table", (0.6, 0.9, 0.04))], [pose(0.6, 0.0, TOP - 0.02)]
        for name, kind, size, x, y, above, yaw in items:
            specs.append(ObjectSpec(name, kind, size))
            poses.append(pose(x, y, TOP + above + size[2] / 2, yaw))
        return Scene(tuple(specs), np.stack(poses))

    return build
