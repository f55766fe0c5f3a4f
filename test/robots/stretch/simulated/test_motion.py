"""Profiles and the carrying out of motions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2progress.core.objects import ObjectSpec
from fail2progress.core.scene import Scene, pose
from fail2progress.robots.stretch.body import START
from fail2progress.robots.stretch.description import AXES, JOINTS
from fail2progress.robots.stretch.kinematics import HOME
from fail2progress.robots.stretch.simulated.bodies import Grip, close_on, compile_stretch
from fail2progress.robots.stretch.simulated.motion import Motion, MotionError, StoppedError, profile
from fail2progress.simulation.mujoco.bodies import TIMESTEP
from fail2progress.skills.phases import Phase
from fail2progress.tasks.registry import task

SCENE = task("hierarchical-tabletop").trial(3, 0).scene
STEP = 2 * TIMESTEP


def motion(grip: Grip = Grip()) -> Motion:  # noqa: B008 (frozen)
    return Motion(compile_stretch(SCENE, np.array(HOME), grip), START.copy())


def silent(share: float, phase: str) -> None:
    """Nobody listens."""


@given(st.lists(st.floats(-1, 1), min_size=len(AXES), max_size=len(AXES)))
def test_profiles_keep_speeds_and_accelerations_and_one_axis_uses_its_own_up(lengths: list[float]) -> None:
    way = np.array(lengths)
    way[2] = 0.0
    shares, rates = profile(way)
    assert (np.diff(shares) >= -1e-12).all() and (rates >= -1e-12).all()
    if not len(shares):
        assert (np.abs(way) < 1e-6).all()
        return
    assert shares[-1] == pytest.approx(1.0) and rates[-1] == pytest.approx(0.0, abs=1e-9)
    long = np.abs(way)
    long[:2] = np.hypot(*way[:2])
    limit = np.array([axis.speed for axis in AXES.values()])
    acceleration = np.array([axis.acceleration for axis in AXES.values()])
    assert (long * rates.max() <= limit + 1e-9).all()
    change = np.abs(np.diff(np.concatenate([[0.0], rates[:-1]]))).max(initial=0.0) / STEP
    assert (long * change <= acceleration * (1 + 1e-6)).all()


def test_a_joint_goes_to_its_goal_without_exceeding_its_limits() -> None:
    robot, speeds, said = motion(), [], []

    def tell(share: float, phase: str) -> None:
        speeds.append(np.abs(robot.velocities()))
        said.append((robot.now, share, phase))

    robot.run([Phase("up", {"lift": 0.8, "arm": 0.4, "x": 0.3}), Phase("turn", {"turn": 0.5})], {}, tell)
    lift, x, turn = (JOINTS.index(name) for name in ("joint_lift", "odom_x", "odom_turn"))
    np.testing.assert_allclose(robot.positions()[[lift, x, turn]], [0.8, 0.3, 0.5], atol=2e-3)
    assert np.max(speeds, axis=0)[lift] < AXES["lift"].speed * 1.03
    assert robot.driven == pytest.approx(0.3, abs=2e-3)
    times, shares, phases = zip(*said, strict=True)
    assert max(np.diff(times)) <= 0.1 and (np.diff(shares) >= 0).all() and set(phases) == {"up", "turn"}


@pytest.mark.parametrize(
    ("goals", "says"),
    [
        ({"lift": 1.6}, r"phase 'go': lift = 1\.6 m is outside \[0, 1\.09\]: ask for less"),
        ({"arm": -0.1}, r"arm = -0\.1 m is outside \[0, 0\.51\]"),
        ({"yaw": 9.0}, r"yaw = 9 rad is outside \[-1\.39, 4\]"),
        ({"tilt": float("nan")}, r"tilt = nan rad is outside"),
        ({"pitch": -0.5}, r"phase 'go' moves 'pitch', which this robot has not; it has: x, y, turn, lift"),
    ],
)
def test_a_goal_beyond_an_axis_is_refused_before_anything_moves(goals: dict[str, float], says: str) -> None:
    robot = motion()
    with pytest.raises(MotionError, match=says):
        robot.run([Phase("up", {"lift": 0.8}), Phase("go", goals)], {}, silent)
    assert robot.now == 0.0 and robot.at.tolist() == START.tolist()
    robot.run([Phase("far", {"lift": AXES["lift"].high, "arm": AXES["arm"].low})], {}, silent)


def test_who_watches_is_told_the_share_by_time_of_all_phases_of_a_name() -> None:
    robot, told = motion(), []
    phases = [Phase("up", {"lift": 0.5}), Phase("carry", {"arm": 0.1}), Phase("carry", {"x": 0.3}), Phase("carry", {"arm": 0.0})]
    robot.run(phases, {}, silent, lambda name, share: told.append((name, robot.now, share)))
    for name in ("up", "carry"):
        times, shares = np.array([(now, share) for other, now, share in told if other == name]).T
        assert (np.diff(shares) >= 0).all() and shares[0] < 0.1 and 0.9 < shares[-1] <= 1.0
        np.testing.assert_allclose(shares, (times - times[0]) / (times[-1] - times[0]), atol=0.12)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.05, 4.0))
def test_a_stop_ends_motion_within_a_fifth_of_a_second(after: float) -> None:
    robot = motion()
    asked: list[float] = []

    def tell(share: float, phase: str) -> None:
        if robot.now >= after and not asked:
            asked.append(robot.now)
            robot.stopping = True

    with pytest.raises(StoppedError, match="stopped"):
        robot.run([Phase("go", {"lift": 1.0, "arm": 0.5, "yaw": 0.0, "x": 1.0})], {}, tell)
    assert robot.now - asked[0] < 0.2 and np.abs(robot.velocities()).max() < 0.01


@pytest.mark.parametrize("guarded", [False, True])
def test_a_blocked_joint_is_named_and_a_guarded_motion_ends_there(guarded: bool) -> None:
    specs = (ObjectSpec("shelf", "shelf", (0.3, 0.4, 0.15)), ObjectSpec("it", "cuboid", (0.04, 0.04, 0.04)))
    scene = Scene(specs, np.stack([pose(0.7, 0, 0.6), pose(0.65, 0, 0.56)]))
    robot = Motion(compile_stretch(scene, np.array(HOME), Grip(holds="it")), START.copy())
    close_on(robot.stage, "it")
    phases = [Phase("up", {"lift": 0.7}, guarded=guarded)]
    if guarded:
        robot.run(phases, {}, silent)
        assert 0.45 < robot.positions()[JOINTS.index("joint_lift")] < 0.52
    else:
        with pytest.raises(MotionError, match=r"joint_lift stalled in phase 'up': lift is at 0\.[45]\d\d instead of"):
            robot.run(phases, {}, silent)
    assert robot.stage.body("it").position[2] < 0.66


def test_the_hand_holds_a_body_as_it_lies_until_it_opens() -> None:
    robot = motion(Grip(holds="cup_1"))
    before = robot.stage.body("cup_1").position.copy()
    close_on(robot.stage, "cup_1")
    robot.run([Phase("up", {"lift": 0.45})], {}, silent)
    np.testing.assert_allclose(robot.stage.body("cup_1").position - before, [0, 0, 0.05], atol=2e-3)
    robot.stage.release()
    robot.wait(0.6, silent)
    np.testing.assert_allclose(robot.stage.body("cup_1").position, before, atol=2e-3)
    assert not robot.stage.holding
