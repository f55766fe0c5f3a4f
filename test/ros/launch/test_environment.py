"""Where a node finds ROS: given, in an overlay, or nowhere. Imports no ROS."""

import os
import socket
import sys
from pathlib import Path

import pytest

from fail2progress.ros.launch import environment as module
from fail2progress.ros.launch.environment import LEAN, NoRosError, environment, lacking


def test_what_works_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "works", lambda variables: True)
    found = environment({"PATH": "/bin", "OMP_NUM_THREADS": "4", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"})
    assert found["PATH"] == "/bin"
    assert (found["OMP_NUM_THREADS"], found["ROS_AUTOMATIC_DISCOVERY_RANGE"]) == ("4", "SUBNET")
    assert environment({})["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "FASTRTPS_DEFAULT_PROFILES_FILE" not in environment({})
    humble = environment({"ROS_DISTRO": "humble"})
    assert "FASTRTPS_DEFAULT_PROFILES_FILE" in humble and "FASTDDS_DEFAULT_PROFILES_FILE" not in humble


def test_the_environment_is_added_to_and_never_changed(tmp_path: Path) -> None:
    profile = tmp_path / "config" / "ros" / "fastdds.xml"
    profile.parent.mkdir(parents=True)
    profile.touch()
    assert dict(lacking(tmp_path, {}, local=True)) == {
        "FASTDDS_DEFAULT_PROFILES_FILE": str(profile),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        **LEAN,
    }
    assert dict(lacking(tmp_path, {"ROS_DISTRO": "humble"}, local=False)) == {
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
        **LEAN,
    }
    own = {"FASTDDS_DEFAULT_PROFILES_FILE": "mine.xml", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"} | dict.fromkeys(LEAN, "3")
    assert not dict(lacking(tmp_path, own, local=True))
    assert dict(lacking(tmp_path / "nowhere", {}, local=False)) == LEAN


def test_the_overlay_of_the_repository_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    overlay = tmp_path / "install" / "local_setup.bash"
    overlay.parent.mkdir()
    overlay.write_text('export OVERLAY="one\ntwo $AMENT_PREFIX_PATH"\necho noise\n')
    monkeypatch.setattr(module, "root", lambda: tmp_path)
    monkeypatch.setattr(module, "works", lambda variables: "OVERLAY" in variables)
    found = environment({"PATH": os.environ["PATH"]})
    assert found["OVERLAY"] == f"one\ntwo {sys.prefix}"


def test_where_there_is_nothing_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "root", lambda: tmp_path)
    monkeypatch.setattr(module, "works", lambda variables: False)
    with pytest.raises(NoRosError, match=r"the repository of fail2progress was built, or clone that .* run `make ros` in it"):
        environment({})
    (tmp_path / "Makefile").touch()
    with pytest.raises(NoRosError, match=r"the repository of fail2progress was built, or run: make ros$"):
        environment({})
    overlay = tmp_path / "install" / "local_setup.bash"
    overlay.parent.mkdir()
    overlay.write_text("return 1\n")
    with pytest.raises(NoRosError, match="make ros"):
        environment({})


def test_a_python_without_ros_does_not_work(tmp_path: Path) -> None:
    (tmp_path / "rclpy.py").write_text("raise ImportError('no middleware')\n")
    assert not module.works({**os.environ, "PYTHONPATH": str(tmp_path)})


def test_the_root_is_the_repository() -> None:
    assert (module.root() / "pyproject.toml").is_file()


def test_a_domain_in_which_somebody_speaks_is_passed_over() -> None:
    free = int(module.free_domain(20))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaker:
        speaker.bind(("", 7410 + 250 * free))
        assert int(module.free_domain(free)) != free and free not in module.free_domains(free)
    assert 1 <= free <= 100


@pytest.mark.parametrize(("wanted", "found"), [(1, 1), (5, 5), (100, 100), (101, 1), (12345, 45)])
def test_a_domain_that_is_free_is_the_one_that_was_wanted(wanted: int, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_spoken_in", lambda domain: domain == 7)
    assert module.free_domain(wanted) == str(found)
    assert list(module.free_domains(99))[:4] == [99, 100, 1, 2] and len(list(module.free_domains(99))) == 99
    monkeypatch.setattr(module, "_spoken_in", lambda domain: True)
    assert module.free_domain(wanted) == str(found)
