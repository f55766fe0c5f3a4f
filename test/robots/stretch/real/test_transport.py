import ast
import inspect
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fail2progress.robots.stretch.real import transport
from fail2progress.robots.stretch.real.transport import TransportError, connect
from support import fake_devices, real_stretch_body
from support import fake_stretch as fake


def fails(error: BaseException):
    def load() -> None:
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ImportError("No module named 'stretch_body'"), r"pip install 'fail2progress\[stretch\]'"),
        (KeyError("HELLO_FLEET_PATH"), "HELLO_FLEET_PATH"),
        (SystemExit(1), "calibrated"),
    ],
)
def test_where_there_is_no_robot_the_error_says_what_to_do(error: BaseException, says: str) -> None:
    with pytest.raises(TransportError, match=says):
        connect(fails(error))


def taken(**faults: bool) -> fake.FakeStretch:
    body = fake.FakeStretch()
    for name, value in faults.items():
        setattr(body, name, value)
    return body


@pytest.mark.parametrize("known", [False, True])
def test_a_robot_that_another_process_holds_is_let_go_of_and_the_holder_named(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HOLDER", tmp_path / "pid.txt")
    (tmp_path / "pid.txt").write_text(str(os.getppid()) if known else "nobody")
    body = taken(held=True)
    holder = f"process {os.getppid()} holds it" if known else "another process may hold it"
    with pytest.raises(TransportError, match=rf"{holder} \(stretch_free_robot_process"):
        connect(lambda: lambda: body)
    assert body.stopped_devices == 1


def test_a_lock_that_belongs_to_another_user_is_named_with_what_to_do() -> None:
    with pytest.raises(TransportError, match=r"Permission denied.*sudo rm -r /tmp/stretch_pid_dir"):
        connect(lambda: lambda: taken(locked_out=True))


def test_outside_the_main_thread_nothing_is_started() -> None:
    with ThreadPoolExecutor() as pool:
        error = pool.submit(connect, fails(AssertionError("loaded"))).exception()
    assert isinstance(error, TransportError) and "main thread" in str(error)


def test_a_robot_that_starts_leaves_the_signal_handlers_as_they_were() -> None:
    class Startled(fake.FakeStretch):
        def startup(self) -> bool:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            return True

    before = signal.getsignal(signal.SIGTERM)
    assert isinstance(connect(lambda: Startled), Startled)
    assert signal.getsignal(signal.SIGTERM) is before


def test_this_process_goes_on_without_a_robot() -> None:
    program = (
        "from fail2progress.robots.stretch.real.transport import TransportError, connect\n"
        "try:\n    connect()\nexcept TransportError as error:\n    print('no robot:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[4] / "src"), "HOME": str(Path.home())},
    )
    assert "no robot:" in done.stdout


def stretch_body_folder() -> Path | None:
    """Where stretch_body is installed, without importing it: its import ends the process where there is no robot."""
    for folder in map(Path, sys.path):
        if (folder / "stretch_body" / "robot.py").is_file():
            return folder / "stretch_body"
    return None


REAL = [
    ("robot.py", "Robot", fake.FakeStretch, ("startup", "stop", "push_command", "get_status", "is_homed")),
    ("base.py", "Base", fake_devices.FakeBase, ("translate_by", "rotate_by")),
    ("prismatic_joint.py", "PrismaticJoint", fake_devices.FakePrismatic, ("move_to",)),
    ("stepper.py", "StepperBase", fake_devices.FakeStepper, ("set_command",)),
    ("end_of_arm.py", "EndOfArm", fake_devices.FakeChain, ("move_to", "get_joint")),
    ("head.py", "Head", fake_devices.FakeChain, ("move_to", "get_joint")),
    ("dynamixel_hello_XL430.py", "DynamixelHelloXL430", fake_devices.FakeServo, ("quick_stop",)),
    ("pimu.py", "PimuBase", fake_devices.FakePimu, ("runstop_event_trigger",)),
]


@pytest.mark.skipif(stretch_body_folder() is None, reason="stretch_body is not installed")
@pytest.mark.parametrize(("file", "name", "imitation", "methods"), REAL, ids=[row[1] for row in REAL])
def test_the_fake_takes_what_stretch_body_takes(file: str, name: str, imitation: type, methods: tuple[str, ...]) -> None:
    folder = stretch_body_folder()
    assert folder is not None
    tree = ast.parse((folder / file).read_text())
    real = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    arguments = {
        node.name: [argument.arg for argument in node.args.args] for node in real.body if isinstance(node, ast.FunctionDef)
    }
    for method in methods:
        assert arguments[method] == list(inspect.signature(getattr(imitation, method)).parameters), f"{name}.{method}"


@pytest.mark.skipif(stretch_body_folder() is None, reason="stretch_body is not installed")
def test_hold_mode_has_the_number_that_the_fake_gives_it() -> None:
    folder = stretch_body_folder()
    assert folder is not None
    assert f"MODE_HOLD = {fake_devices.FakeStepper.MODE_HOLD}\n" in (folder / "stepper.py").read_text()


@pytest.mark.skipif(stretch_body_folder() is None, reason="stretch_body is not installed")
def test_the_robot_of_stretch_body_is_what_the_driver_takes_it_for(tmp_path: Path) -> None:
    program = Path(real_stretch_body.__file__)
    paths = {"PYTHONPATH": str(Path(__file__).parents[4] / "src"), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, str(program), str(tmp_path / "fleet")], capture_output=True, text=True, env=paths)
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.stdout.splitlines()[-1:] == ["fits"], done.stderr
