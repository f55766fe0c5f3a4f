"""The table of nodes against the modules, the messages and itself. Imports no ROS."""

import ast
from pathlib import Path

import pytest

from fail2progress.ros import graph as table
from fail2progress.ros.graph import NODES, TOPICS, NodeEntry, Parameter, Quality, parameters

ROOT = Path(__file__).resolve().parents[2]
NODES_FOLDER = ROOT / "src" / "fail2progress" / "ros" / "nodes"
ENTRIES = pytest.mark.parametrize("entry", NODES.values(), ids=list(NODES))


def source(entry: NodeEntry) -> ast.Module:
    return ast.parse((NODES_FOLDER / f"{entry.name}.py").read_text())


@ENTRIES
def test_every_node_has_a_module_with_its_class(entry: NodeEntry) -> None:
    assert entry.class_name in [item.name for item in source(entry).body if isinstance(item, ast.ClassDef)]
    assert entry.module == f"fail2progress.ros.nodes.{entry.name}"


@ENTRIES
def test_every_topic_of_a_node_is_in_the_table(entry: NodeEntry) -> None:
    assert {*entry.subscribes, *entry.publishes} <= set(TOPICS)
    assert len(set(entry.subscribes)) == len(entry.subscribes) and len(set(entry.publishes)) == len(entry.publishes)


@ENTRIES
def test_every_service_and_action_is_offered_where_the_table_says(entry: NodeEntry) -> None:
    """Their names stand in the node's module or in what it is built on."""
    text = "".join((NODES_FOLDER / f"{name}.py").read_text() for name in (entry.name, "robot", "../model_node", "../lifecycle"))
    for name in (*entry.services, *entry.actions):
        assert f'"{name}"' in text


@ENTRIES
def test_defaults_pass_their_own_check(entry: NodeEntry) -> None:
    names = [parameter.name for parameter in parameters(entry)]
    assert len(set(names)) == len(names) and {"autostart", "state_dir", "loglevel"} <= set(names)
    for parameter in parameters(entry):
        assert parameter.check(parameter.default) is None
        assert parameter.description


@ENTRIES
def test_bounds_are_kept(entry: NodeEntry) -> None:
    for parameter in parameters(entry):
        if parameter.low is not None and parameter.high is not None:
            kind = type(parameter.default)
            assert parameter.check(kind(parameter.low)) is None and parameter.check(kind(parameter.high)) is None
            for value in (kind(parameter.low - 1), kind(parameter.high + 1), float("nan"), float("inf")):
                assert parameter.name in str(parameter.check(value))
        if parameter.choices:
            assert parameter.check("something else") is not None


def test_a_parameter_of_the_own_node_stands_for_the_common_one() -> None:
    own = Parameter("state_dir", "elsewhere", "own")
    found = {parameter.name: parameter for parameter in parameters(NodeEntry("x", "x", (own,)))}
    assert found["state_dir"] is own and "model" not in found
    assert "model" in {parameter.name for parameter in parameters(NodeEntry("x", "x", uses_model=True))}


def test_topics_are_told_by_somebody_and_heard_by_somebody() -> None:
    told = {name for entry in NODES.values() for name in entry.publishes} | {"diagnostics"}
    heard = {name for entry in NODES.values() for name in entry.subscribes}
    others = {topic.name for topic in TOPICS.values() if topic.optional} | {"costmap"}
    assert told == set(TOPICS) and heard == set(TOPICS) - others, "these are for people outside the stack"


def test_own_message_types_exist() -> None:
    for topic in TOPICS.values():
        package, kind = topic.type.split("/")
        if package == "fail2progress_msgs":
            assert (ROOT / "msg" / "msg" / f"{kind}.msg").is_file(), topic.name


def test_what_late_comers_need_is_kept_for_them() -> None:
    kept = {name for name, topic in TOPICS.items() if topic.quality is Quality.EVENT}
    assert {"steps", "verdicts", "failures", "failure_reports", "model_updates", "tf_static"} <= kept
    assert not kept & {*table.CAMERA, "segments", "heartbeat"}


def test_stacks_consist_of_nodes_of_the_table() -> None:
    assert set(table.LAST) == set(table.STACKS)
    for stack, names in table.STACKS.items():
        assert set(names) <= set(NODES) and len(set(names)) == len(names)
        assert table.LAST[stack] is None or table.LAST[stack] == names[-1]


def test_topics_are_relative_names() -> None:
    assert all(name == topic.name and not name.startswith("/") for name, topic in TOPICS.items())
    assert set(table.RECORDED) == set(TOPICS) - {"heartbeat", "obstacles", "costmap", "view/detections", "segments/whole"}
