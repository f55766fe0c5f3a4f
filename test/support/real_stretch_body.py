"""Drives stretch_body's own objects without a robot: python real_stretch_body.py FLEET_FOLDER.

Writes the nominal calibration of an RE2 there, which stretch_body needs to be imported. Prints "fits" if its Robot is what the
driver takes it for. Nothing is sent: there are no devices.
"""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType


def parameters() -> ModuleType:
    """stretch_body's parameters of the RE2, without importing the rest of it."""
    found = importlib.util.find_spec("stretch_body.robot_params_RE2V0")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def calibrate(folder: Path) -> None:
    import yaml

    os.environ["HELLO_FLEET_PATH"], os.environ["HELLO_FLEET_ID"] = str(folder), "stretch-re2-0000"
    here = folder / "stretch-re2-0000"
    here.mkdir(parents=True)
    (folder / "log").mkdir()
    own = parameters()
    robot = {**own.configuration_params_template["robot"], "tool": "tool_stretch_dex_wrist"}
    configuration = {**own.configuration_params_template, "robot": robot}
    (here / "stretch_configuration_params.yaml").write_text(yaml.safe_dump(configuration))
    (here / "stretch_user_params.yaml").write_text(yaml.safe_dump(own.user_params_template))


def check() -> None:
    from stretch_body.robot import Robot

    from fail2progress.robots.stretch.kinematics import TOOLS
    from fail2progress.robots.stretch.real.driver import hold
    from fail2progress.robots.stretch.real.joints import JOINTS, odometry, profiles, read
    from fail2progress.robots.stretch.real.motion import Motion, Rules, send
    from fail2progress.robots.stretch.real.readout import joints, transforms
    from fail2progress.robots.stretch.real.transport import TransportError, connect

    robot = Robot()
    assert robot.eoa_name in TOOLS
    for chain in (robot.head, robot.end_of_arm):
        chain.status.update({name: motor.status for name, motor in chain.motors.items()})
    status = robot.get_status()
    odometry(status)
    assert "joint_wrist_pitch" in joints(status) and transforms(status, odometry(status), True)
    assert not status["pimu"]["runstop_event"] and not status["arm"]["motor"]["pos_calibrated"]

    for joint in JOINTS.values():
        read(status, joint)
        if joint.device == "base":
            fastest, limit = robot.base.params["motion"]["default"]["vel_m"], joint.speed
            assert limit * (robot.base.params["wheel_separation_m"] / 2 if joint.unit == "rad" else 1) <= fastest
            continue
        device = getattr(robot, joint.device)
        part = device if joint.stepper else device.motors[joint.name]
        kind = part.params["motion"]["default"]
        assert joint.speed <= kind.get("vel_m", kind.get("vel")), joint
        assert joint.acceleration <= kind.get("accel_m", kind.get("accel")), joint
        if joint.unit == "%":
            low, high = part.soft_motion_limits["current"]
            assert abs((part.pct_max_open + 100) / (high - low) - joint.scale) < 0.1, joint
        else:
            low, high = part.soft_motion_limits["current"]
            assert low <= joint.low < joint.high <= high, (joint, low, high)

    robot.lift.motor.status["pos_calibrated"] = robot.arm.motor.status["pos_calibrated"] = True
    to = {"lift": 0.5, "arm": 0.2, "translate": 0.1, "wrist_yaw": 0.3, "stretch_gripper": 20.0, "head_pan": 0.1}
    send(robot, Motion(to, profiles(to), status, 0.0, False, Rules()))
    assert robot.lift.motor._command["mode"] == robot.lift.motor.MODE_POS_TRAJ
    assert robot.base.left_wheel._command["mode"] == robot.base.left_wheel.MODE_POS_TRAJ_INCR
    assert abs(robot.lift.motor_rad_to_translate_m(robot.lift.motor._command["x_des"]) - 0.5) < 1e-6
    assert abs(robot.lift.motor_rad_to_translate_m(robot.lift.motor._command["v_des"]) - JOINTS["lift"].speed) < 1e-6
    hold(robot, [name for name in to if not JOINTS[name].stepper])
    for motor in (robot.lift.motor, robot.arm.motor, robot.base.left_wheel, robot.base.right_wheel):
        assert motor._command["mode"] == motor.MODE_HOLD
    assert robot.lift.motor._command["i_feedforward"] == robot.lift.i_feedforward > 0
    robot.pimu.runstop_event_trigger()
    try:
        connect()
    except TransportError as error:
        assert "did not start" in str(error)
    else:
        raise AssertionError("there is no robot here, but it started")


if __name__ == "__main__":
    calibrate(Path(sys.argv[1]))
    check()
    print("fits")
