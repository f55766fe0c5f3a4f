import math
from collections.abc import Callable

import numpy as np
import pytest

from fail2progress.robots.base import ExecutionError, RefusedError
from fail2progress.robots.stretch.body import LOOK_OUT, StretchBody, plan
from fail2progress.robots.stretch.camera import D435I
from fail2progress.robots.stretch.kinematics import TOOLS, Kinematics
from fail2progress.robots.stretch.real.robot import StretchRobot
from fail2progress.robots.stretch.real.states import State, StretchError, Trouble
from fail2progress.robots.stretch.real.transport import TransportError
from fail2progress.robots.stretch.seen import known
from fail2progress.skills.base import SkillCall
from fail2progress.skills.phases import Hand
from support import fake_stretch as fake
from support.driving import PLACES, SIZES, cloud, hand_of, robot


def watch(made: StretchRobot, body: fake.FakeStretch) -> dict[str, list[Hand]]:
    """Where the hand is in every phase."""
    seen: dict[str, list[Hand]] = {}
    body.clock.always(lambda: seen.setdefault(made.phase, []).append(hand_of(made, body)))
    return seen


@pytest.mark.parametrize("tool", list(TOOLS))
def test_pick_and_place_grips_where_the_object_is_and_lets_go_where_it_shall_be(tool: str) -> None:
    made, body = robot("cup", "table", tool=tool)
    body.axes["stretch_gripper"].block = 20.0
    seen = watch(made, body)
    made.execute(SkillCall("pick_place", "cup", (-0.05, -0.3, 0.01, 0.4), "table"))
    grip, release = seen["grasp"][-1], seen["release"][-1]
    np.testing.assert_allclose((grip.x, grip.y, grip.z), PLACES["cup"], atol=0.015)
    np.testing.assert_allclose((release.x, release.y, release.z), np.add(PLACES["cup"], (-0.05, -0.3, 0.01)), atol=0.015)
    assert release.heading - grip.heading == pytest.approx(0.4, abs=0.05)
    assert made.state is State.IDLE and made.phase == "" and body.axes["arm"].position < 0.006 and not body.moving


def test_nothing_carried_is_swept_over_what_stands_there() -> None:
    made, body = robot("cup", "table", "wide")
    body.axes["stretch_gripper"].block = 20.0
    seen = watch(made, body)
    made.execute(SkillCall("pick_place", "cup", (0.0, -0.3, 0.0, 0.0)))
    top = PLACES["wide"][2] + SIZES["wide"][2] / 2
    assert min(at.z for at in seen["carry"]) - SIZES["cup"][2] / 2 > top + 0.03
    assert min(at.z for at in seen["reach"]) > top + 0.03


def test_the_grip_is_felt() -> None:
    made, body = robot("cup", "table")
    held = []
    body.clock.always(lambda: held.append(made.holding) if made.phase == "carry" else None)
    body.axes["stretch_gripper"].block = 20.0
    made.execute(SkillCall("pick_place", "cup", (0.0, -0.2, 0.0, 0.0)))
    assert True in held and not made.holding
    made, body = robot("cup", "table")
    missed = []
    body.clock.always(lambda: missed.append(made.holding) if made.phase == "carry" else None)
    made.execute(SkillCall("pick_place", "cup", (0.0, -0.2, 0.0, 0.0)))
    assert True not in missed


def test_the_table_ends_the_way_down() -> None:
    made, body = robot("cup", "table")
    body.axes["stretch_gripper"].block = 20.0
    landing = []

    def rise() -> None:
        body.axes["lift"].block = 0.66 if made.phase == "place" else None

    body.clock.always(rise)
    body.clock.always(lambda: landing.append(body.axes["lift"].position) if made.phase == "place" else None)
    made.execute(SkillCall("pick_place", "cup", (0.0, -0.2, -0.05, 0.0)))
    assert min(landing) == pytest.approx(0.66) and made.state is State.IDLE


def test_a_far_object_is_driven_to() -> None:
    made, body = robot("cup")
    PLACES["far"], SIZES["far"] = (0.85, 0.4, 0.54), SIZES["cup"]
    try:
        made.look = lambda: cloud("far")
        made.observe()
        seen, stood = watch(made, body), []
        body.clock.always(lambda: stood.append(made.pose()) if made.phase == "grasp" else None)
        made.execute(SkillCall("pick_place", "far", (0.0, 0.0, 0.0, 0.0)))
    finally:
        del PLACES["far"], SIZES["far"]
    grip = seen["grasp"][-1]
    np.testing.assert_allclose((grip.x, grip.y, grip.z), (0.85, 0.4, 0.54), atol=0.02)
    assert stood[-1].x > 0.1 and stood[-1].heading == pytest.approx(math.pi / 2, abs=0.02)
    assert (made.pose().x, made.pose().y) == pytest.approx((0.0, 0.0), abs=0.02)


@pytest.mark.parametrize("direction", [0.0, 0.7, math.pi / 2, -2.5])
def test_a_push_is_a_straight_line_in_its_direction(direction: float) -> None:
    made, body = robot("cup", "table")
    seen, gripper = watch(made, body), []
    body.clock.always(lambda: gripper.append(body.axes["stretch_gripper"].position) if made.phase == "push" else None)
    made.execute(SkillCall("push", "cup", (direction, 0.15)))
    line = np.array([(at.x, at.y) for at in seen["push"]])
    way = line[-1] - line[0]
    assert np.linalg.norm(way) == pytest.approx(0.16, abs=0.012)
    assert math.cos(math.atan2(way[1], way[0]) - direction) > 0.995
    across = (line - line[0]) @ np.array([-math.sin(direction), math.cos(direction)])
    assert np.abs(across).max() < 0.01
    assert gripper[-1] == pytest.approx(0.0, abs=3.0)


def test_drawers_are_gripped_at_their_front_and_pulled() -> None:
    made, body = robot("drawer")
    body.axes["stretch_gripper"].block = 5.0
    seen = watch(made, body)
    made.execute(SkillCall("open_drawer", "drawer", (math.pi, 0.12)))
    grip, out = seen["grasp"][-1], seen["slide"][-1]
    np.testing.assert_allclose((grip.x, grip.y, grip.z), (0.5, 0.6, 0.5), atol=0.015)
    assert out.x - grip.x == pytest.approx(-0.12, abs=0.01) and grip.pitch == pytest.approx(0.0, abs=0.06)


def test_drawers_are_pushed_shut_until_they_resist() -> None:
    made, body = robot("drawer")
    seen = watch(made, body)

    def close() -> None:
        if made.phase == "slide" and len(seen["slide"]) > 300:
            body.axes["arm"].block = body.axes["arm"].position

    body.clock.always(close)
    made.execute(SkillCall("close_drawer", "drawer", (0.0, 0.15)))
    assert made.state is State.IDLE and max(at.x for at in seen["slide"]) < 0.64


WRONG: list[tuple[SkillCall, Trouble, str]] = [
    (SkillCall("pick_place", "ghost", (0, 0, 0, 0)), Trouble.NOT_SEEN, "ghost has not been seen"),
    (SkillCall("pick_place", "nothing", (0, 0, 0, 0)), Trouble.NOT_SEEN, "nothing has not been seen"),
    (SkillCall("pick_place", "vast", (0, 0, 0, 0)), Trouble.UNREACHABLE, "push it instead"),
    (SkillCall("pick_place", "cup", (0, 0, -0.5, 0)), Trouble.LIMIT, "outside"),
    (SkillCall("pick_place", "cup", (1.0, 0, 0, 0)), Trouble.UNREACHABLE, "choose a nearer place"),
]


@pytest.mark.parametrize(("call", "trouble", "says"), WRONG, ids=lambda value: str(value)[:25])
def test_what_cannot_be_done_is_refused_before_anything_moves(call: SkillCall, trouble: Trouble, says: str) -> None:
    made, body = robot()
    with pytest.raises(ExecutionError, match=says) as caught:
        made.execute(call)
    assert isinstance(caught.value, StretchError) and caught.value.trouble is trouble
    assert isinstance(caught.value, RefusedError)
    assert body.commands == [] and made.state is State.IDLE


def test_nothing_is_done_blindly() -> None:
    body = fake.FakeStretch()
    made = StretchRobot(body, lambda: cloud("cup"), body.clock)
    with pytest.raises(StretchError, match="observe"):
        made.execute(SkillCall("push", "cup", (0.0, 0.1)))


def test_an_unknown_tool_is_refused() -> None:
    with pytest.raises(TransportError, match="tool_stretch_dex_wrist"):
        StretchRobot(fake.FakeStretch(tool="tool_tablet"), lambda: cloud("cup"))


PHASES = ["recover", "drive", "reach", "lower", "grasp", "raise", "carry", "place", "release", "home", "look"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("harm", "trouble"),
    [(lambda made, body: made.stop(), Trouble.STOPPED), (lambda made, body: body.press(), Trouble.RUN_STOP)],
    ids=["stop", "run-stop"],
)
def test_it_stops_in_any_phase_and_goes_on_afterwards(
    phase: str, harm: Callable[[StretchRobot, fake.FakeStretch], None], trouble: Trouble
) -> None:
    made, body = robot("cup", "table")
    harmed: list[float] = []
    last = [0.0]

    def watching() -> None:
        if body.moving:
            last[0] = body.clock.now()
        if made.phase == phase and not harmed:
            harmed.append(body.clock.now())
            harm(made, body)

    body.clock.always(watching)
    call = SkillCall("pick_place", "cup", (0.0, -0.3, 0.0, 0.0))
    with pytest.raises(StretchError) as caught:
        made.execute(call)
    assert caught.value.trouble is trouble and last[0] - harmed[0] <= 0.2
    sent = len(body.commands)
    body.clock.sleep(1.0)
    assert len(body.commands) == sent and not body.moving
    with pytest.raises(StretchError):
        made.execute(call)
    body.release()
    body.clock.sleep(0.1)
    made.resume()
    made.execute(call)
    assert made.state is State.IDLE


@pytest.mark.parametrize("phase", ["grasp", "carry", "release"])
def test_what_the_fingers_may_hold_after_a_stop_is_put_down_before_they_open(phase: str) -> None:
    made, body = robot("cup", "table")
    body.axes["stretch_gripper"].block = 20.0
    stops = [phase]
    body.clock.always(lambda: made.stop() if stops and made.phase == stops[0] and body.moving and stops.pop() else None)
    call = SkillCall("pick_place", "cup", (0.0, -0.3, 0.0, 0.0))
    with pytest.raises(StretchError):
        made.execute(call)
    made.resume()
    told: list[str] = []
    made.progress = lambda share, phase: told.append(phase)
    made.execute(call)
    assert told[:2] == ["put down", "release"]


def test_the_planning_frame_is_where_the_robot_stood_first() -> None:
    body = fake.FakeStretch()
    body.x, body.y, body.theta = 2.0, 1.0, 1.0
    body.clock.sleep(0.1)
    made = StretchRobot(body, lambda: cloud("cup"), body.clock)
    assert (made.pose().x, made.pose().y) == pytest.approx((0, 0)) and made.pose().heading == pytest.approx(math.pi / 2)
    body.x, body.y = 2.0 + 0.5 * math.cos(1.0), 1.0 + 0.5 * math.sin(1.0)
    body.clock.sleep(0.1)
    assert (made.pose().x, made.pose().y) == pytest.approx((0, 0.5))


@pytest.mark.parametrize("turned", [3.05, -3.05, math.pi, 2.5])
def test_a_base_that_stands_the_wrong_way_round_goes_home_first(turned: float) -> None:
    made, body = robot("cup", "table")
    body.theta = turned % (2 * math.pi)
    body.clock.sleep(0.1)
    made.execute(SkillCall("push", "cup", (math.pi / 2, 0.1)))
    assert made.axes()["turn"] == pytest.approx(0.0, abs=0.03) and made.state is State.IDLE


def test_progress_is_told() -> None:
    made, _ = robot("cup", "table")
    told: list[tuple[float, str]] = []
    made.progress = lambda share, phase: told.append((share, phase))
    made.execute(SkillCall("push", "cup", (0.0, 0.1)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] < 1.0 and "push" in [phase for _, phase in told]


def test_closing_stops_the_robot_and_lets_go_of_its_devices() -> None:
    made, body = robot("cup", "table")
    body.clock.after(2.0, made.close)
    with pytest.raises(StretchError):
        made.execute(SkillCall("push", "cup", (0.0, 0.1)))
    assert body.stopped_devices == 1 and not body.moving


def test_the_head_points() -> None:
    made, body = robot("cup")
    made.point_head(-1.2, -0.6)
    assert body.axes["head_pan"].position == pytest.approx(-1.2, abs=0.15)


def test_every_phase_of_every_skill_stays_within_the_joints() -> None:
    made, _ = robot()
    seen = made.observe()
    calls = [
        SkillCall("pick_place", "wide", (0.0, 0.3, 0.0, 0.0)),
        SkillCall("push", "cup", (1.0, 0.2)),
        SkillCall("open_drawer", "drawer", (math.pi, 0.1)),
        SkillCall("close_drawer", "drawer", (0.0, 0.1)),
    ]
    body = StretchBody(Kinematics(TOOLS["tool_stretch_dex_wrist"]))
    for call in calls:
        table = plan(known(seen), call, body)
        for phase in table:
            for name, value in phase.goals.items():
                assert body.kinematics.axes[name].low - 1e-9 <= value <= body.kinematics.axes[name].high + 1e-9, phase
        assert table[-1].goals["lift"] == LOOK_OUT["lift"] and table[-2].goals["arm"] == 0.0


def test_it_looks_in_every_direction_that_the_camera_needs_before_and_after_a_skill() -> None:
    made, body = robot("cup", "table")
    seen: list[tuple[float, float]] = []
    made.look = lambda: seen.append((body.axes["head_pan"].position, body.axes["head_tilt"].position)) or cloud("cup", "table")
    made.observe()
    made.execute(SkillCall("push", "cup", (0.0, 0.1)))
    assert len(seen) == 6
    np.testing.assert_allclose(seen, D435I.looks * 2, atol=0.15)


def test_the_camera_is_aimed_at_a_point_and_says_where_it_cannot_be() -> None:
    made, body = robot("cup", "table")
    made.aim(np.array([0.6, 0.2, 0.5]))
    assert body.axes["head_pan"].position == pytest.approx(-1.25, abs=0.15)
    assert body.axes["head_tilt"].position == pytest.approx(-0.92, abs=0.15)
    with pytest.raises(StretchError, match="joint_head_tilt would have to be") as caught:
        made.aim(np.array([0.3, 0.0, 3.0]))
    assert caught.value.trouble is Trouble.LIMIT
