"""What a skill reveals is put where it was before, in scenes that end as seen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.camera import Camera
from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.simulation.base import Job, Outcome
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.reconstruction import rebuild
from fail2progress.simulation.reconstruction.hindsight import from_both, in_hindsight, revealed
from fail2progress.simulation.reconstruction.motions import motion_of
from fail2progress.skills.base import SkillCall
from fail2progress.skills.registry import SKILLS, skill

Build = Callable[..., Scene]
PILL = ("capsule", (0.035, 0.035, 0.03))


def drawer(opening: float, behind: float) -> Scene:
    """A cabinet with a drawer pulled out by `opening` m, and a capsule in it so many metres behind the front of the cabinet."""
    specs = (
        ObjectSpec("table", "table", (0.6, 0.9, 0.04)),
        ObjectSpec("chest", "cabinet", (0.25, 0.22, 0.12)),
        ObjectSpec("tray", "drawer", (0.234, 0.188, 0.086), "chest"),
        ObjectSpec("pill", *PILL),
    )
    places = ((0.6, 0.0, 0.48), (0.62, -0.2, 0.56), (0.614 - opening, -0.2, 0.56), (0.495 + behind, -0.18, 0.538))
    return Scene(specs, np.array([pose(*place) for place in places]), {"tray": opening})


def known(simulator: MujocoSimulator, scene: Scene, call: SkillCall) -> tuple[Outcome, Scene, Outcome | None]:
    """An execution, the scene rebuilt from what was seen before and after it, and how the skill ends there."""
    outcome = simulator.execute(Job(scene, call))
    before, after = outcome.before.cloud, outcome.after.cloud
    rebuilt = rebuild(from_both(in_hindsight(before, after, call, simulator), after, call)).scene
    return outcome, rebuilt, simulator.execute(Job(rebuilt, call)) if "pill" in rebuilt.names else None


def agrees(found: tuple[Outcome, Scene, Outcome | None], off: float) -> None:
    """The rebuilt scene begins and ends with the pill where it truly was, to so many metres."""
    true, rebuilt, again = found
    assert again is not None
    for ours, theirs in ((rebuilt, true.before.scene), (again.after.scene, true.after.scene)):
        np.testing.assert_allclose(ours.position("pill"), theirs.position("pill"), atol=off)


def test_what_lay_behind_the_front_of_a_drawer_was_in_it(simulator: MujocoSimulator) -> None:
    scene, call = drawer(0.05, 0.095), SkillCall("open_drawer", "tray", (np.pi, 0.07))
    found = known(simulator, scene, call)
    assert found[0].before.cloud.visibility[3] == 0.0 < found[0].after.cloud.visibility[3]
    assert "pill" not in rebuild(found[0].before.cloud).scene.names
    agrees(found, 0.01)
    assert found[1].bounds()[found[1].index("pill"), 0, 2] == pytest.approx(0.523, abs=0.004)


def test_what_holds_a_thing_that_was_revealed_is_seen_as_far_as_the_thing(simulator: MujocoSimulator) -> None:
    """A model takes nothing for something in a drawer that lies behind all that is seen of that (docs/decisions/0120)."""
    call = SkillCall("open_drawer", "tray", (np.pi, 0.07))
    outcome = simulator.execute(Job(drawer(0.05, 0.095), call))
    before, after = outcome.before.cloud, outcome.after.cloud
    known = in_hindsight(before, after, call, simulator)
    pill, tray = (known.bounds()[known.index(name)] for name in ("pill", "tray"))
    assert before.bounds()[2, 1, 0] < pill[0, 0] and pill[1, 0] < tray[1, 0]
    np.testing.assert_allclose(tray[:, 1:], before.bounds()[2][:, 1:], atol=0.006)
    for name in ("table", "chest"):
        np.testing.assert_array_equal(known.points[known.index(name)], before.points[before.index(name)])


def test_what_stood_behind_a_thing_that_was_carried_away_has_not_moved(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("wall", "cuboid", (0.06, 0.14, 0.14), 0.5, 0.0, 0.0, 0.0), ("pill", *PILL, 0.57, 0.0, 0.0, 0.0))
    agrees(known(simulator, scene, SkillCall("pick_place", "wall", (0.0, 0.28, 0.012, 0.0), "table")), 0.003)


def test_what_fell_out_of_a_cup_was_in_it(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(
        ("cup", "cup", (0.07, 0.07, 0.10), 0.5, -0.15, 0.0, 0.0),
        ("pill", "cuboid", (0.025, 0.025, 0.025), 0.5, -0.15, 0.005, 0.0),
        ("block", "cuboid", (0.1, 0.1, 0.20), 0.5, 0.15, 0.0, 0.0),
    )
    true, rebuilt, _ = known(simulator, scene, SkillCall("pick_place", "cup", (-0.06, 0.3, 0.212, 0.0), "block"))
    assert true.after.relations.value("inside", "pill", "cup") == 0.0
    np.testing.assert_allclose(rebuilt.position("pill"), true.before.scene.position("pill"), atol=0.02)


def test_what_appears_where_no_place_explains_it_is_left_out(simulator: MujocoSimulator, on_table: Build) -> None:
    scene = on_table(("cup", "cup", (0.08, 0.08, 0.08), 0.5, 0.2, 0.0, 0.0), ("pill", *PILL, 0.5, -0.2, 0.0, 0.0))
    call = SkillCall("pick_place", "cup", (0.1, -0.3, 0.012, 0.0), "table")
    outcome = simulator.execute(Job(scene, call))
    before, after = outcome.before.cloud, outcome.after.cloud
    before.points[2] = np.nan
    after.points[2] += np.float32([0.0, 0.4, 0.0])  # where the cup stood, which would have carried it along
    assert revealed(before, after) == [2]
    assert in_hindsight(before, after, call, simulator) is before


def test_where_nothing_was_revealed_the_observation_stays(simulator: MujocoSimulator) -> None:
    call = SkillCall("open_drawer", "tray", (np.pi, 0.05))
    outcome = simulator.execute(Job(drawer(0.12, -0.03), call, Camera()))
    assert in_hindsight(outcome.before.cloud, outcome.after.cloud, call, simulator) is outcome.before.cloud


def test_what_shows_little_before_gets_its_size_from_what_is_seen_afterwards(simulator: MujocoSimulator) -> None:
    scene, call = drawer(0.05, 0.07), SkillCall("open_drawer", "tray", (np.pi, 0.07))
    true, rebuilt, again = known(simulator, scene, call)
    shown = [float(side.cloud.visibility[3]) for side in (true.before, true.after)]
    assert 0.0 < shown[0] < 0.5 < shown[1]
    alone = rebuild(true.before.cloud).scene
    wrong = [np.abs(np.array(one.objects[one.index("pill")].size) - PILL[1]).max() for one in (alone, rebuilt)]
    assert wrong[1] < 0.004 < wrong[0]
    agrees((true, rebuilt, again), 0.006)


def test_what_is_carried_along_a_direction_has_not_turned(simulator: MujocoSimulator) -> None:
    """The direction of a call is no turn of its object, whatever the skill does with it."""
    drag = replace(skill("push"), name="drag", number=None, carries=True)
    before = simulator.settle(drawer(0.05, 0.03), Camera()).cloud
    row, points = before.index("pill"), before.points.copy()
    points[row] += np.array([0.0, 0.1, 0.0], np.float32)
    with SKILLS.including(drag):
        motion = motion_of(before, replace(before, points=points), row, SkillCall("drag", "pill", (np.pi / 2, 0.1)))
    np.testing.assert_allclose(motion.back(points[row]), before.points[row], atol=1e-5)
