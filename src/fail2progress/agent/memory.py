"""Objects do not vanish when they are hidden: the last known cloud is kept, and moved as the model expects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fail2progress.world.observation import SegmentedCloud
from fail2progress.world.scene import Array


@dataclass
class ObjectMemory:
    """Fills what is not seen now with what was seen before."""

    last: SegmentedCloud | None = None

    def update(self, cloud: SegmentedCloud, expected_shift: Array | None = None) -> SegmentedCloud:
        """The cloud with hidden segments filled in (visibility 0). `expected_shift` (N, 3) m since the last update."""
        if self.last is not None and self.last.names == cloud.names:
            known = self.last.points
            if expected_shift is not None:
                known = known + expected_shift[:, None].astype(np.float32)
            cloud = replace(cloud, points=np.where(cloud.seen[:, None, None], cloud.points, known))
        self.last = cloud
        return cloud

    def forget(self) -> None:
        """Start anew."""
        self.last = None
