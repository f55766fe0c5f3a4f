"""What a running node says, hears, offers and asks, against what its policy allows."""

from typing import Any

from fail2progress.ros.security.policy import ACTION_SERVICES, ACTION_TOPICS, Access


def _parts(names: tuple[str, ...], parts: tuple[str, ...]) -> set[str]:
    return {f"{name}/_action/{part}" for name in names for part in parts}


def uncovered(node: Any, access: Access) -> set[str]:
    """Endpoints of a node that its policy does not allow: none is what a test wants. access: with absolute names."""
    of = (node.get_name(), node.get_namespace())
    found = (
        (node.get_publisher_names_and_types_by_node(*of), {*access.publish, *_parts(access.execute, ACTION_TOPICS)}),
        (node.get_subscriber_names_and_types_by_node(*of), {*access.subscribe, *_parts(access.call, ACTION_TOPICS)}),
        (node.get_service_names_and_types_by_node(*of), {*access.reply, *_parts(access.execute, ACTION_SERVICES)}),
        (node.get_client_names_and_types_by_node(*of), {*access.request, *_parts(access.call, ACTION_SERVICES)}),
    )
    return {name for endpoints, allowed in found for name, _ in endpoints if name not in allowed}
