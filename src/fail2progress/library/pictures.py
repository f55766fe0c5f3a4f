"""Pictures of what the other functions return."""

from __future__ import annotations

from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Scene
from fail2progress.library.acting import TrialRun
from fail2progress.library.arguments import require
from fail2progress.reporting.pictures import cloud_picture, scene_grid, scene_picture, top_view
from fail2progress.simulation.base import Outcome


class Picture(bytes):
    """The bytes of a PNG; notebooks show it."""

    def _repr_png_(self) -> bytes:
        return bytes(self)


def picture(what: Scene | SegmentedCloud | Outcome | TrialRun) -> Picture:
    """A scene in perspective, a cloud in colours, a skill from above (before: dashed), or all skills of a run side by side.

    Raises ValueError: a run without skills, a cloud without points.

        shown = picture(scene([{"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.09)}]))
        Path("mug.png").write_bytes(shown)
    """
    require(what, (Scene, SegmentedCloud, Outcome, TrialRun), "what", "a Scene, a SegmentedCloud, an Outcome or a TrialRun")
    if isinstance(what, Scene):
        return Picture(scene_picture(what))
    if isinstance(what, SegmentedCloud):
        return Picture(cloud_picture(what))
    if isinstance(what, Outcome):
        return Picture(top_view(what.before.scene, what.after.scene))
    return Picture(scene_grid(what.outcomes, columns=min(len(what.outcomes), 3) or 1))
