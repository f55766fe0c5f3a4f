"""A relation detector as another package would bring it: the rules of A.9 on the boxes around what is seen, nothing completed."""

import numpy as np

from fail2progress.core.objects import CATEGORIES
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.relations import RelationState, binary_relations
from fail2progress.perception.relations.base import RelationDetector


class BoxDetector(RelationDetector):
    """Contact is what overlaps by a hair; a lid that is not seen is not there."""

    name = "boxes"

    def detect(self, cloud: SegmentedCloud) -> RelationState:
        """See RelationDetector."""
        boxes = np.nan_to_num(cloud.bounds())
        apart = np.maximum(boxes[:, None, 0] - boxes[None, :, 1], boxes[None, :, 0] - boxes[:, None, 1]).max(axis=-1)
        seen = cloud.seen[:, None] & cloud.seen[None]
        found = binary_relations(boxes, (apart < 0.005) & seen) & seen[..., None]
        movable = [CATEGORIES[category].movable for category in cloud.categories]
        return RelationState(cloud.names, found.astype(float), np.array([(float(can), 0.0, 0.0) for can in movable]))
