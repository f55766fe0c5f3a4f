"""The page on which a cloud turns holds all that it shows, at the places where it was seen."""

import base64
import json
import re

import numpy as np

from fail2progress.core.relations import on
from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.relations.geometric import detect
from fail2progress.perception.segmentation.geometric.segmenter import GeometricSegmenter
from fail2progress.reporting.perception_page import perception_page
from support.tabletop_frames import frame_of

TABLE = (box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))
THING = (box(0.1, 0.07, 0.12).shifted(-0.15, 0.05, 0), (180, 50, 45))


def test_a_page_holds_points_boxes_and_relations_and_loads_nothing() -> None:
    frame = frame_of([TABLE, THING], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
    perceived = GeometricSegmenter().segment(frame)
    found = [("on", a, b, odds) for a, b, odds in on(detect(perceived))]
    text = perception_page("a </script> title", frame, perceived, found, ["said <b>before</b>"])
    assert not re.search(r"(src|href)=|https?://|import|fetch\(", text)
    assert "a </script> title" not in text and "said <b>" not in text
    matched = re.search(r"const data = (\{.*\});\n", text)
    assert matched is not None
    data = json.loads(matched[1])
    kinds = {"points": "<i2", "colours": "u1", "owners": "<u2"}
    points, colours, owners = (np.frombuffer(base64.b64decode(data[key]), kind) for key, kind in kinds.items())
    assert len(points) == len(colours) == 3 * len(owners) and 5_000 < len(owners) < 120_000, len(owners)
    assert [part["id"] for part in data["parts"]] == ["table_1", "object_1"] and data["relations"][0][:3] == [
        "on",
        "object_1",
        "table_1",
    ]
    own = points.reshape(-1, 3)[owners == 2]
    corners = np.array(data["parts"][1]["corners"])
    inside = ((own >= corners.min(axis=0) - 10) & (own <= corners.max(axis=0) + 10)).all(axis=1)
    assert len(own) > 500 and inside.mean() > 0.95
    assert (colours.reshape(-1, 3)[owners == 2].mean(axis=0) / 45 > 0.5).all()
