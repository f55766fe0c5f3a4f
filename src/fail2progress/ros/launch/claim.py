"""A ROS domain for one stack at a time, so that what one hears was said by its own nodes. Imports no ROS."""

from __future__ import annotations

import fcntl
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fail2progress.core.files import NoLocksError
from fail2progress.ros.launch.environment import DOMAINS, free_domains

RUN = "FAIL2PROGRESS_RUN"
"""Environment variable with the id of the run that a node belongs to."""


def run_id(variables: Mapping[str, str], own_robot: bool) -> str:
    """Of a new run; where the robot's node is somebody's own, that which the variable names to both, or none."""
    return variables.get(RUN, "") if own_robot else uuid.uuid4().hex


class DomainTakenError(RuntimeError):
    """Another stack speaks in the domain, and what to do."""


@dataclass(frozen=True)
class Claim:
    """A domain and a namespace in it, held until `file` is closed: at the latest when the process ends."""

    domain: str
    file: IO[str] | None
    note: str = ""
    """What people should know: that it is another domain than they asked for."""

    def release(self) -> None:
        """Let another stack have it."""
        if self.file is not None:
            self.file.close()


def claim(stack: str, namespace: str, wanted: str | None, folder: Path) -> Claim:
    """A domain for a stack: the one that is wanted, or one in which nobody on this computer speaks.

    A simulation and a replay go to another domain where the wanted one has a stack already: nobody else needs to hear them.
    DomainTakenError for a robot, whose camera and people are in that domain. folder: named to those who find it taken.
    """
    said = f"{stack} in {folder.resolve()}, process {os.getpid()}"
    if wanted is not None:
        file = _lock(wanted, namespace, said)
        if file is not None:
            return Claim(wanted, file)
        note = f"ROS domain {wanted} has a stack already ({_read(wanted, namespace)})"
        if stack == "robot":
            raise DomainTakenError(f"{note}: end it, or set ROS_DOMAIN_ID or a namespace")
    for domain in map(str, free_domains(os.getpid())):
        if domain != wanted:
            file = _lock(domain, namespace, said)
            if file is not None:
                return Claim(domain, file, "" if wanted is None else f"{note}: this one speaks in domain {domain}")
    raise DomainTakenError(f"no ROS domain from {DOMAINS[0]} to {DOMAINS[-1]} is free on this computer")


def _place(domain: str, namespace: str) -> Path:
    name = namespace.strip("/").replace("/", "+")
    return Path(tempfile.gettempdir()) / f"fail2progress-{os.getuid()}" / f"domain-{domain}-{name}.lock"


def _lock(domain: str, namespace: str, said: str) -> IO[str] | None:
    """The file that stands for a domain, with an exclusive lock; None where another process has it."""
    place = _place(domain, namespace)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    file = place.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        file.close()
        raise NoLocksError(
            f"{place}: files cannot be locked there ({error.strerror}): set TMPDIR to a folder of this computer"
        ) from error
    file.truncate(0)
    file.write(said)
    file.flush()
    return file


def _read(domain: str, namespace: str) -> str:
    try:
        return _place(domain, namespace).read_text() or "just starting"
    except OSError:
        return "unknown"
