"""The environment in which a node's process finds ROS 2 and the messages. Imports no ROS."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from fail2progress.core.children import program_command
from fail2progress.ros.launch.shared_memory import PROFILES

SUPERVISOR = "FAIL2PROGRESS_SUPERVISOR"
"""Process id of a node's supervisor: the node ends when its supervisor has gone."""
SECURE = "ROS_SECURITY_ENABLE"
"""ROS's own variable; "true": every node needs the keys of its enclave (`fail2progress keystore`)."""
LEAN: Mapping[str, str] = MappingProxyType({"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"})
"""Variables of every node: one thread of computing, as there are many nodes; and little memory that is kept for later, as the
middleware's threads would each have some."""
DOMAINS = range(1, 101)
"""ROS domains that a stack may speak in where nobody names one."""
_PROBE = "import rclpy, fail2progress_msgs.msg, tf2_msgs.msg"


class NoRosError(RuntimeError):
    """ROS 2 or the messages are not there, and what to do."""


def environment(base: Mapping[str, str] | None = None, local: bool = True) -> dict[str, str]:
    """Variables for a node: those of `base` (default: this process's), with the messages' overlay where it is needed.

    local: nodes hear only those of this computer, unless the variables say otherwise.

    NoRosError where nothing can be found.
    """
    given = os.environ if base is None else base
    found = {**given, **dict(lacking(root(), given, local))}
    if works(found):
        return found
    overlay = root() / "install" / "local_setup.bash"
    if overlay.is_file():
        sourced = _source(overlay, {"AMENT_PREFIX_PATH": sys.prefix, **found})
        if works(sourced):
            return sourced
    raise NoRosError(
        "ROS 2 with fail2progress_msgs is not there. Source a ROS 2 installation (Humble, Jazzy or Kilted) and a workspace in "
        f"which the repository of fail2progress was built, or {_making(root())}"
    )


def _making(folder: Path) -> str:
    """How the messages are made without a ROS installation: by the Makefile, which is in the repository alone."""
    if (folder / "Makefile").is_file():
        return "run: make ros"
    return "clone that repository, run `make ros` in it and use the environment that it makes (.venv)"


def lacking(share: Path, base: Mapping[str, str], local: bool) -> Iterator[tuple[str, str]]:
    """Variables that nodes need and `base` lacks: large images through shared memory; one thread of computing and little memory;
    and, `local`, to keep to this computer. share: where `config` lies."""
    profile = share / "config" / "ros" / "fastdds.xml"
    name = PROFILES[base.get("ROS_DISTRO") == "humble"]
    if name not in base and profile.is_file():
        yield name, str(profile)
    yield from ((key, value) for key, value in LEAN.items() if key not in base)
    if local and "ROS_AUTOMATIC_DISCOVERY_RANGE" not in base:
        yield "ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"


def free_domain(wanted: int | None = None) -> str:
    """A ROS domain in which nobody on this computer speaks now: `wanted`, or the next one that is free, round and round."""
    first = os.getpid() if wanted is None else wanted
    return str(next(free_domains(first), DOMAINS[(first - DOMAINS[0]) % len(DOMAINS)]))


def free_domains(first: int) -> Iterator[int]:
    """All of `DOMAINS` in which nobody on this computer speaks now, from a number on, round and round."""
    domains = (DOMAINS[(first - DOMAINS[0] + step) % len(DOMAINS)] for step in range(len(DOMAINS)))
    return (domain for domain in domains if not _spoken_in(domain))


def _spoken_in(domain: int) -> bool:
    """Whether somebody on this computer takes part in a domain: its first participant receives at UDP port 7410 + 250 d
    (DDSI-RTPS 9.6.1)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", 7410 + 250 * domain))
        except OSError:
            return True
    return False


def root() -> Path:
    """The repository, where this is run from one; otherwise the folder above the installed package."""
    return Path(__file__).resolve().parents[4]


def works(variables: Mapping[str, str]) -> bool:
    """Whether a Python with these variables finds rclpy and the messages."""
    done = subprocess.run(program_command(_PROBE), env=dict(variables), capture_output=True)
    return done.returncode == 0


def _source(script: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables after a shell script was sourced."""
    command = ["bash", "-c", 'source "$1" >/dev/null && exec env -0', "bash", str(script)]
    done = subprocess.run(command, env=dict(variables), capture_output=True, text=True)
    pairs = (item.partition("=") for item in done.stdout.split("\0") if "=" in item)
    return {key: value for key, _, value in pairs}
