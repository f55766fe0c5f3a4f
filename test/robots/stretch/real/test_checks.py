"""What is found before the first motion, on an imitation of the robot; nothing of it moves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.robots.stretch.real import checks as module
from fail2progress.robots.stretch.real.checks import Finding, checks
from fail2progress.robots.stretch.real.transport import TransportError
from support.fake_axes import FakeClock
from support.fake_stretch import FakeStretch

FLEET = {"HELLO_FLEET_PATH": "/nowhere", "HELLO_FLEET_ID": "stretch-re2-0000"}


def found(tmp_path: Path, change: Callable[[FakeStretch], Any] = lambda robot: None, **variables: str) -> dict[str, Finding]:
    robot = FakeStretch(FakeClock())
    change(robot)
    result = {finding.name: finding for finding in checks({**FLEET, **variables}, tmp_path, lambda: robot, robot.clock)}
    assert not robot.commands and robot.stopped_devices == 1
    return result


def test_a_robot_that_is_ready_is_found_so(tmp_path: Path) -> None:
    seen = found(tmp_path)
    for name in ("robot's environment", "state folder", "devices", "tool", "homing", "run-stop", "readings", "joints"):
        assert seen[name].good, seen[name]
    assert seen["lengths"].good
    assert not seen["calibration"].good and "centimetres" in seen["calibration"].remedy, "no URDF of this robot lies there"


def set_axis(name: str, at: float) -> Callable[[FakeStretch], None]:
    def change(robot: FakeStretch) -> None:
        robot.axes[name].position = at
        robot._read = {"stepper": -1e9, "servo": -1e9}
        robot._refresh()

    return change


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("homing", lambda robot: setattr(robot, "homed", False), "not homed"),
        ("run-stop", lambda robot: robot.press(), "pressed"),
        ("readings", lambda robot: setattr(robot, "frozen", True), "lift, arm, wrist_yaw"),
        ("readings", lambda robot: setattr(robot, "broken", True), "device reports readiness"),
        ("tool", lambda robot: setattr(robot, "eoa_name", "tool_spoon"), "tool_spoon"),
        ("joints", set_axis("lift", 1.9), "lift at 1.900, outside"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    name: str, change: Callable[[FakeStretch], Any], said: str, tmp_path: Path
) -> None:
    finding = found(tmp_path, change)[name]
    assert not finding.good and said in finding.said and finding.remedy, finding


@pytest.mark.parametrize(("volts", "good"), [(9.7, False), (12.6, True)])
def test_a_battery_that_is_low_is_noticed(tmp_path: Path, volts: float, good: bool) -> None:
    assert found(tmp_path, lambda robot: setattr(robot, "volts", volts))["battery"].good is good


def test_a_robot_that_cannot_be_taken_ends_the_checks_of_devices(tmp_path: Path) -> None:
    def held() -> FakeStretch:
        raise TransportError("the Stretch did not start: process 7 holds it")

    *_, last = checks(FLEET, tmp_path, held, FakeClock())
    assert (last.name, last.good, last.said, last.remedy) == ("devices", False, "the Stretch did not start", "process 7 holds it")


def test_the_urdf_of_another_robot_is_one_finding_and_ends_none_of_the_others(tmp_path: Path) -> None:
    own = tmp_path / "stretch-re2-0000" / "exported_urdf"
    own.mkdir(parents=True)
    (own / "stretch.urdf").write_text('<robot><link name="base_link"/></robot>')
    seen = found(tmp_path, HELLO_FLEET_PATH=str(tmp_path))
    assert not seen["lengths"].good and "no joint leads from 'base_link' to 'link_wrist_yaw'" in seen["lengths"].said
    assert "export it again" in seen["lengths"].remedy and seen["joints"].good


def test_a_full_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 10**18)
    assert "free" in found(tmp_path)["state folder"].remedy


def test_where_there_is_no_robot_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FLEET:
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["check", "robot", "--out", str(tmp_path), "--json"])
    told = {item["check"]: item for item in json.loads(result.stdout)}
    assert result.exit_code == 1 and "the robot is not ready" in result.stderr
    assert told["robot's environment"]["said"] == "not set: HELLO_FLEET_PATH, HELLO_FLEET_ID"
    assert not told["devices"]["good"] and told["devices"]["remedy"]
