"""A robot of one's own in the loop: it looks and carries skills out; planner, monitor and learning are the package's.

Behind this one stands a simulator, so that the example runs anywhere. On hardware, `observe` asks a camera and a segmenter
(`f2p.perceive`, and `fail2progress.perception.tracking` for names that stay), and `execute` moves the arm.
"""

import fail2progress as f2p
from fail2progress.core.camera import Camera
from fail2progress.core.observation import SegmentedCloud
from fail2progress.core.scene import Scene
from fail2progress.robots.base import RefusedError, Robot
from fail2progress.simulation.base import Job
from fail2progress.simulation.registry import make

OBJECTS = [
    {"name": "mug", "category": "cup", "size": (0.09, 0.09, 0.08)},
    {"name": "pill", "category": "capsule", "size": (0.03, 0.03, 0.03)},
]
GOALS = ["inside(pill, mug)", "inside(pill, mug) and above(mug, table_b)"]


class Arm(Robot):
    """Can pick and place."""

    kind = "arm"

    def __init__(self, start: Scene) -> None:
        self.world = make()
        self.now = self.world.settle(start, Camera())

    def observe(self) -> SegmentedCloud:
        """What is in view now: segments of 128 points, metres in the planning frame; a name stays with its thing."""
        return self.now.cloud

    def execute(self, call: f2p.SkillCall) -> None:
        """Move. What is not begun is a RefusedError: another plan is made. What ends half-way is an ExecutionError."""
        if call.skill != "pick_place":
            raise RefusedError(f"this arm cannot {call.skill}")
        print(call)
        adjusted = self.adjustments.get(call.skill, {})  # what corrections of earlier episodes ask for
        self.now = self.world.execute(Job(self.now.scene, call, adjustments=adjusted)).after


def main() -> None:
    """Pursue the goals, and say what failed on the way."""
    done = f2p.pursue(Arm(f2p.scene(OBJECTS, seed=1)), GOALS, seed=1)
    for failure in done.failures:
        print("failed:", *failure.header.mismatches)
    print("the goal is seen to hold" if done.success else f"ended: {done.episode.outcome}")


if __name__ == "__main__":
    main()
