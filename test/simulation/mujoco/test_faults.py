"""Faults of the hand, and the adjustments that take them back."""

from dataclasses import replace

import numpy as np
import pytest

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.simulation.base import Disturbances, Job
from fail2progress.simulation.held import FINGERS, Held
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.track import record
from fail2progress.skills.base import SkillCall

TABLE = ObjectSpec("table", "table", (0.8, 1.4, 0.04))
CUP = ObjectSpec("cup", "cup", (0.05, 0.05, 0.06))
DRAWN = Scene((TABLE, CUP), np.stack([pose(0.6, 0.0, 0.48), pose(0.6, 0.3, 0.53)]))
OVER = SkillCall("pick_place", "cup", (0.0, -0.6, 0.012, 0.0))
PUSH = SkillCall("push", "cup", (-np.pi / 2, 0.15))


def moved(call: SkillCall, adjustments: dict[str, float], **wrong: object) -> float:
    """Metres that the cup came along its way."""
    work = Job(DRAWN, call, seed=3, disturbances=Disturbances(**wrong), adjustments=adjustments)  # type: ignore[arg-type]
    return float(-MujocoSimulator().execute(work).displacements[1, 1])


@pytest.mark.parametrize(
    ("call", "wrong", "answer"),
    [
        (OVER, {"errors": (("grasp_y", 0.035),)}, {"grasp_y": -0.03}),
        (OVER, {"friction": 0.1}, {"grip": 1.5}),
        (OVER, {"weight": 9.0}, {"grip": 1.5}),
        (OVER, {"errors": (("place_y", 0.06),)}, {"place_y": -0.06}),
        (PUSH, {"errors": (("reach", -0.06),)}, {"reach": 0.06}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_keeps_the_hand_from_its_goal_and_its_answer_takes_it_back(
    call: SkillCall, wrong: dict[str, object], answer: dict[str, float]
) -> None:
    well = moved(call, {})
    assert well - moved(call, {}, **wrong) > 0.03
    assert moved(call, answer, **wrong) == pytest.approx(well, abs=0.02)


def test_a_hand_as_it_should_be_loses_nothing() -> None:
    for speed in (0.2, 1.0):
        held, way = Held(), np.zeros((200, 3))
        way[:, 2] = speed * 0.05 * np.linspace(0.0, 1.0, 200) ** 2
        assert held.lost(way, 0.008) is None
        assert held.slid == 0.0


def test_what_is_carried_too_fast_creeps_out_at_the_same_place_however_its_way_is_cut() -> None:
    way = np.zeros((200, 3))
    way[:, 0] = 0.2 * np.sin(np.linspace(0.0, 6 * np.pi, 200))
    whole = Held(grip=0.3).lost(way, 0.008)
    assert whole is not None and 50 < whole < 199
    held = Held(grip=0.3)
    assert held.lost(way[:1], 0.008) is None and held.lost(way[1:50], 0.008) is None
    later = held.lost(way[50:], 0.008)
    assert later is not None and 50 + later == whole


def test_what_is_too_heavy_creeps_out_in_time() -> None:
    held = Held(grip=0.1)
    seconds = next(t for t in range(100) if held.after(0.1 * t)) * 0.1
    assert 0.3 < seconds < 1.5 and held.slid > FINGERS


def test_a_knock_comes_as_often_as_it_is_asked_for() -> None:
    assert moved(OVER, {}, bump=1.0) != pytest.approx(moved(OVER, {}), abs=0.02)


def test_where_nothing_can_be_moved_nobody_knocks_anything() -> None:
    specs = ObjectSpec("cabinet", "cabinet", (0.25, 0.22, 0.12)), ObjectSpec("drawer", "drawer", (0.23, 0.19, 0.08), "cabinet")
    scene = Scene(specs, np.stack([pose(0.8, 0.0, 0.06), pose(0.794, 0.0, 0.06)]))
    call = SkillCall("open_drawer", "drawer", (np.pi, 0.1))
    outcome = MujocoSimulator().execute(Job(scene, call, disturbances=Disturbances(bump=1.0)))
    assert outcome.after.scene.openings["drawer"] == pytest.approx(0.1, abs=0.005)


def test_set_points_hold_what_the_hand_does_and_refuse_what_physics_does() -> None:
    well, biased = (record(Job(DRAWN, OVER, disturbances=Disturbances(errors=e))) for e in ((), (("place_x", 0.05),)))
    assert biased.hand[-1, 0] - well.hand[-1, 0] == pytest.approx(0.05)
    with pytest.raises(ValueError, match="use the simulator mujoco"):
        record(Job(DRAWN, OVER, disturbances=Disturbances(weight=2.0)))


@pytest.mark.parametrize("wrong", [{"friction": 0.0}, {"weight": -1.0}, {"bump": 1.5}, {"grasp_miss": -0.1}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(Disturbances(), **wrong)  # type: ignore[arg-type]
