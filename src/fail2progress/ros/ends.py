"""The ends by which a node speaks with others: topics, services, actions, timers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.action import ActionClient, ActionServer

from fail2progress.ros.actions import retire


class NewEnds:
    """Those that a node opens from now on: where it opens them again, everything would come in twice."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self._old = [item for items, _ in self._all() for item in items]

    def close(self) -> None:
        """Close them; the old ones stay."""
        for items, close in self._all():
            for item in items:
                if not any(item is old for old in self._old):
                    close(item)

    def _all(self) -> tuple[tuple[list[Any], Callable[[Any], object]], ...]:
        """Every end, and how it is closed."""
        node = self.node
        actions = [item for item in node.waitables if isinstance(item, (ActionClient, ActionServer))]
        return (
            (list(node.subscriptions), node.destroy_subscription),
            (list(node.publishers), node.destroy_publisher),
            (list(node.services), node.destroy_service),
            (list(node.clients), node.destroy_client),
            (list(node.timers), node.destroy_timer),
            (actions, partial(retire, node)),
        )
