"""Which nodes of the stack are not active, by what they tell of themselves: for one that waits for them in vain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fail2progress.ros.lifecycle import StackNode

TITLE = "fail2progress: "
"""Before a node's whole name, without the first slash, in its diagnostics."""
ACTIVE, INACTIVE, UNCONFIGURED = "active", "inactive", "unconfigured"
"""States of a lifecycle node, as its diagnostics tell them."""
FRESH = 10.0
"""Seconds for which diagnostics hold, which come once a second; a busy computer is late with them."""


def to_activate(name: str, state: str) -> str:
    """That a node, by its whole name, is not active, and what to do."""
    steps = ("configure", "activate") if state == UNCONFIGURED else ("activate",)
    return f"the node {name} is {state}: {' && '.join(f'ros2 lifecycle set {name} {step}' for step in steps)}"


class Neighbours:
    """Listens, in the name of a node, to what other nodes of its namespace and run say of their states."""

    def __init__(self, node: StackNode, *names: str) -> None:
        self.run = node.others.run
        ahead = node.get_namespace().rstrip("/")
        self._names = tuple(f"{ahead}/{name}" for name in names)
        self._heard: dict[str, tuple[str, float]] = {}
        node.listen("diagnostics", self._hear, when_inactive=True, group=node.together)

    def advice(self, otherwise: str) -> str:
        """What to do about the first of them that said lately that it is not active; where none did, something else."""
        for name in self._names:
            state, at = self._heard.get(name, ("", 0.0))
            if state in (INACTIVE, UNCONFIGURED) and time.monotonic() - at < FRESH:
                return to_activate(name, state)
        return otherwise

    def _hear(self, message: Any) -> None:
        for status in message.status:
            if status.hardware_id == self.run and status.name.startswith(TITLE):
                self._heard[f"/{status.name.removeprefix(TITLE)}"] = status.message, time.monotonic()
