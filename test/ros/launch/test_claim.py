"""One stack of this computer in a ROS domain and namespace. Imports no ROS."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fail2progress.ros.launch import claim as module
from fail2progress.ros.launch.claim import DomainTakenError, claim
from fail2progress.ros.launch.environment import free_domain

HOLDER = """
import sys
from pathlib import Path
from fail2progress.ros.launch.claim import claim
held = claim("sim", "", sys.argv[1], Path("there"))
print(held.domain, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(module.tempfile, "tempdir", None)


@pytest.fixture
def taken() -> Iterator[str]:
    """A domain that another process holds."""
    domain = free_domain(70)
    with subprocess.Popen([sys.executable, "-c", HOLDER, domain], stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline().strip() == domain
        yield domain
        holder.communicate()


def test_a_simulation_goes_to_another_domain_and_says_so(taken: str, tmp_path: Path) -> None:
    held = claim("sim", "", taken, tmp_path)
    assert held.domain != taken and f"this one speaks in domain {held.domain}" in held.note and "sim in " in held.note
    again = claim("replay", "", taken, tmp_path)
    assert again.domain not in (taken, held.domain)
    for one in (held, again):
        one.release()


def test_a_robot_is_refused_a_domain_that_another_stack_has(taken: str, tmp_path: Path) -> None:
    with pytest.raises(DomainTakenError, match=rf"ROS domain {taken} has a stack already \(sim in .*there, process \d+\)"):
        claim("robot", "", taken, tmp_path)
    assert claim("robot", "/second", taken, tmp_path).domain == taken, "another namespace does not hear the first"


def test_a_domain_is_free_again_when_its_holder_has_gone(taken: str, tmp_path: Path) -> None:
    first = claim("sim", "x", taken, tmp_path)
    assert first.domain == taken and claim("sim", "x", taken, tmp_path).domain != taken
    first.release()
    assert claim("sim", "x", taken, tmp_path) and not claim("sim", "x", None, tmp_path).note
