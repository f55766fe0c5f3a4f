import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fail2progress.ros.launch.environment import free_domain

WITHOUT_ROS = (
    *(
        "test_errand.py",
        "test_engagement.py",
        "test_graph.py",
        "test_environment.py",
        "test_supervisor.py",
        "test_claim.py",
        "test_usage.py",
    ),
    *("test_restarts.py", "test_shared_memory.py", "test_moments.py", "test_turns.py", "test_set_back.py"),
)
"""What they test imports no ROS."""


def _missing() -> str:
    """Why nodes cannot be run in this interpreter, or nothing."""
    try:
        import fail2progress_msgs.msg
        import rclpy  # noqa: F401
        import tf2_msgs.msg  # noqa: F401

        fail2progress_msgs.msg.Segments.__class__.__import_type_support__()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


MISSING = _missing()


class ModuleWithoutRos(pytest.Module):
    """Not even imported: its imports would fail."""

    def collect(self) -> Any:
        """Skipped, with the reason."""
        pytest.skip(
            f"ROS 2 with fail2progress_msgs is not there in this interpreter ({MISSING}); run: make test", allow_module_level=True
        )


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if MISSING and module_path.name not in WITHOUT_ROS:
        return ModuleWithoutRos.from_parent(parent, path=module_path)
    return None


TURNS = itertools.count(os.getpid())


@pytest.fixture
def domain() -> int:
    """A ROS domain of this test alone. Tests that run side by side do not hear each other, nor does one hear what is left of the
    test before it: the middleware takes a service for absent as long as it knows only one end of somebody's half-ended one.
    """
    return int(free_domain(next(TURNS)))


@pytest.fixture
def ros_variables(domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of this process and of those that tests start."""
    config = Path(__file__).resolve().parents[2] / "config" / "ros" / "fastdds.xml"
    wanted = {
        "ROS_DOMAIN_ID": str(domain),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_LOG_DIR": str(tmp_path_factory.mktemp("ros")),
        "FASTDDS_DEFAULT_PROFILES_FILE": str(config),
    }
    with pytest.MonkeyPatch.context() as patch:
        for key, value in wanted.items():
            patch.setenv(key, value)
        yield wanted


@pytest.fixture
def ros(domain: int, ros_variables: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Starts ROS with parameters for all nodes: `ros(segmenter="geometric")`. It ends with the test."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    def start(namespace: str = "", **values: object) -> None:
        words = ["--ros-args", "--log-level", "fatal", *(["-r", f"__ns:=/{namespace}"] if namespace else [])]
        for key, value in {"state_dir": str(tmp_path / "state"), "loglevel": "error", **values}.items():
            text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
            words += ["-p", f"{key}:={text}"]
        rclpy.init(args=words, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)

    yield start
    if rclpy.ok():
        rclpy.shutdown()
