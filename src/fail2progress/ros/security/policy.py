"""What each node of the robot's stack may say, hear and ask, from the table of the stack. Imports no ROS.

Policies in the format of the package sros2 are for `ros2 security`; permissions are what the middleware reads (DDS Security 1.1,
9.4.1.3), with names mangled as ROS 2 does: rt/ for topics, rq/ and rr/ for the two ways of services.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from fail2progress.ros import graph as table

STACK = "robot"
ENCLAVES = "/fail2progress"
PEOPLE = "people"
"""The enclave of those who type goals and look on; it is no node of the table."""
PARAMETERS = (
    "describe_parameters",
    "get_parameter_types",
    "get_parameters",
    "list_parameters",
    "set_parameters",
    "set_parameters_atomically",
)
DESCRIPTION = "get_type_description"
LIFE_CYCLE = ("change_state", "get_available_states", "get_available_transitions", "get_state", "get_transition_graph")
_OF_ANY = (*PARAMETERS, *LIFE_CYCLE, DESCRIPTION)
"""Services of every lifecycle node, below its name."""
SAID_BY_ANY, HEARD_BY_ANY = ("/rosout", "/parameter_events"), ("/parameter_events", "/clock")
"""Topics of every node of rclpy, which does not start without them."""
COMMANDS = "/_ros2cli_*"
"""Nodes of the command `ros2`, which end in their process's number; the middleware reads * as a shell does."""
ACTION_SERVICES = ("send_goal", "cancel_goal", "get_result")
ACTION_TOPICS = ("feedback", "status")
CLIENT = "stretch_driver_client"
"""The node in the process of `stretch` that speaks with a stretch_driver."""
DRIVER_TOPICS = (
    "/stretch/joint_states",
    *(f"/{name}" for name in ("odom", "joint_limits", "battery", "is_homed", "is_runstopped", "mode", "tool")),
)
DRIVER_SERVICES = ("/switch_to_position_mode", "/stop_the_robot", "/home_the_robot", "/get_joint_states", "/runstop")
DRIVER_ACTION = "/stretch_controller/follow_joint_trajectory"


@dataclass(frozen=True)
class Access:
    """Names by what is allowed with them: absolute, or relative to the namespace."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    execute: tuple[str, ...] = ()
    call: tuple[str, ...] = ()

    def within(self, namespace: str) -> Access:
        """The same with absolute names."""
        ahead = f"/{namespace.strip('/')}/" if namespace.strip("/") else "/"
        return Access(**{kind: tuple(n if n[0] == "/" else ahead + n for n in names) for kind, names in vars(self).items()})

    def said(self) -> Iterator[str]:
        """Topics of the middleware that are written to."""
        yield from (f"rt{name}" for name in self.publish)
        yield from (f"rr{name}Reply" for name in self._services(self.reply, self.execute))
        yield from (f"rq{name}Request" for name in self._services(self.request, self.call))
        yield from (f"rt{name}/_action/{topic}" for name in self.execute for topic in ACTION_TOPICS)

    def heard(self) -> Iterator[str]:
        """Topics of the middleware that are read."""
        yield from (f"rt{name}" for name in self.subscribe)
        yield from (f"rq{name}Request" for name in self._services(self.reply, self.execute))
        yield from (f"rr{name}Reply" for name in self._services(self.request, self.call))
        yield from (f"rt{name}/_action/{topic}" for name in self.call for topic in ACTION_TOPICS)

    @staticmethod
    def _services(services: Iterable[str], actions: Iterable[str]) -> Iterator[str]:
        yield from services
        yield from (f"{name}/_action/{part}" for name in actions for part in ACTION_SERVICES)


def accesses() -> Mapping[str, Access]:
    """By enclave: every node of the robot's stack, and people."""
    nodes = [table.NODES[name] for name in table.STACKS[STACK]]
    topics = tuple(table.TOPICS)
    actions = tuple(name for entry in nodes for name in entry.actions)
    own = tuple(f"{entry.name}/{name}" for entry in nodes for name in _OF_ANY)
    services = (*(name for entry in nodes for name in entry.services), *own)
    offered = (*(f"{PEOPLE}/{name}" for name in (*PARAMETERS, DESCRIPTION)), f"{COMMANDS}/{DESCRIPTION}")
    people = Access(SAID_BY_ANY, (*topics, "/rosout", *HEARD_BY_ANY), offered, services, (), actions)
    return {**{entry.name: access_of(entry) for entry in nodes}, PEOPLE: people}


def access_of(entry: table.NodeEntry) -> Access:
    """What a node of the table needs."""
    said = (*entry.publishes, "diagnostics", f"{entry.name}/transition_event", *SAID_BY_ANY)
    heard = (*entry.subscribes, "diagnostics", *HEARD_BY_ANY, *entry.also_hears)
    replies = (*entry.services, *(f"{entry.name}/{name}" for name in _OF_ANY))
    access = Access(said, heard, replies, entry.requests, entry.actions, entry.calls)
    if entry.name != "stretch":
        return access
    client = tuple(f"{CLIENT}/{name}" for name in (*PARAMETERS, DESCRIPTION))
    return Access(
        access.publish,
        (*heard, *DRIVER_TOPICS),
        (*replies, *client),
        (*access.request, *DRIVER_SERVICES),
        access.execute,
        (*access.call, DRIVER_ACTION),
    )


def policies(namespace: str = "") -> str:
    """Policies of all enclaves, as `ros2 security create_permission` reads them."""
    inside = "".join(_enclaves(namespace))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<policy version="0.2.0">\n  <enclaves>\n{inside}  </enclaves>\n</policy>\n'


def _enclaves(namespace: str) -> Iterator[str]:
    kinds = (
        ("topics", "topic", "publish"), ("topics", "topic", "subscribe"), ("services", "service", "reply"),
        ("services", "service", "request"), ("actions", "action", "execute"), ("actions", "action", "call"),
    )  # fmt: skip
    for name, access in accesses().items():
        yield f'    <enclave path="{ENCLAVES}/{name}">\n      <profiles>\n'
        yield f'        <profile ns="/{namespace.strip("/")}" node="{name}">\n'
        for group, item, kind in kinds:
            names = getattr(access, kind)
            if names:
                lines = "".join(f"            <{item}>{escape(one)}</{item}>\n" for one in sorted(set(names)))
                yield f'          <{group} {kind}="ALLOW">\n{lines}          </{group}>\n'
        yield "        </profile>\n      </profiles>\n    </enclave>\n"


def permissions(name: str, access: Access, domain: int, begin: datetime, end: datetime) -> str:
    """What an enclave's participants may do in a domain, as the middleware reads it; everything else is denied."""
    dates = f"<not_before>{begin:%Y-%m-%dT%H:%M:%S}</not_before><not_after>{end:%Y-%m-%dT%H:%M:%S}</not_after>"
    rules = "".join(
        f"<{kind}><topics>{''.join(f'<topic>{escape(topic)}</topic>' for topic in sorted(set(topics)))}</topics></{kind}>"
        for kind, topics in (
            ("publish", ("ros_discovery_info", *access.said())),
            ("subscribe", ("ros_discovery_info", *access.heard())),
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<dds xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_permissions.xsd">'
        f'<permissions><grant name="{ENCLAVES}/{name}"><subject_name>CN={ENCLAVES}/{name}</subject_name>'
        f"<validity>{dates}</validity><allow_rule><domains><id>{domain}</id></domains>{rules}</allow_rule>"
        "<default>DENY</default></grant></permissions></dds>\n"
    )


def governance(domain: int) -> str:
    """The domain's rules: who is not known does not join, and everything is encrypted."""
    switches = {
        "allow_unauthenticated_participants": "false", "enable_join_access_control": "true",
        "discovery_protection_kind": "ENCRYPT", "liveliness_protection_kind": "ENCRYPT", "rtps_protection_kind": "SIGN",
    }  # fmt: skip
    topics = {
        "enable_discovery_protection": "true", "enable_liveliness_protection": "true", "enable_read_access_control": "true",
        "enable_write_access_control": "true", "metadata_protection_kind": "ENCRYPT", "data_protection_kind": "ENCRYPT",
    }  # fmt: skip
    rules = "".join(f"<{key}>{value}</{key}>" for key, value in switches.items())
    topic = "".join(f"<{key}>{value}</{key}>" for key, value in topics.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<dds xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_governance.xsd">'
        f"<domain_access_rules><domain_rule><domains><id>{domain}</id></domains>{rules}<topic_access_rules><topic_rule>"
        f"<topic_expression>*</topic_expression>{topic}</topic_rule></topic_access_rules></domain_rule></domain_access_rules></dds>\n"
    )
