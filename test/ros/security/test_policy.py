"""Who may do what: complete against the table and against running nodes; keys that openssl itself verifies."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import rclpy
from typer.testing import CliRunner

from fail2progress.cli.main import app
from fail2progress.ros import graph as table
from fail2progress.ros.launch.environment import SECURE
from fail2progress.ros.launch.supervisor import Launch
from fail2progress.ros.security.policy import ENCLAVES, PEOPLE, accesses, policies
from support.endpoints import uncovered

ROOT = Path(__file__).resolve().parents[3]


def test_every_node_may_do_what_the_table_says_and_no_more_of_the_tables_topics() -> None:
    found = accesses()
    assert set(found) == {*table.STACKS["robot"], PEOPLE}
    for name in table.STACKS["robot"]:
        entry, access = table.NODES[name], found[name]
        topics = set(table.TOPICS)
        assert set(access.publish) & topics == {*entry.publishes, "diagnostics"}
        assert set(access.subscribe) & topics == {*entry.subscribes, *entry.also_hears, "diagnostics"}
        assert set(entry.services) <= set(access.reply) and set(access.execute) == set(entry.actions)
    assert not set(found[PEOPLE].publish) & set(table.TOPICS), "people only look on and ask"


@pytest.mark.parametrize("enclave", list(accesses()))
def test_every_enclave_may_start_a_node_of_its_name(enclave: str, ros: Any) -> None:
    ros()
    node = rclpy.create_node(enclave)
    try:
        assert not uncovered(node, accesses()[enclave].within(""))
    finally:
        node.destroy_node()


def test_people_may_start_the_command_ros2(ros: Any) -> None:
    """Its nodes are named after their process, and hear the clock where they are asked to."""
    ros(use_sim_time=True)
    node = rclpy.create_node("_ros2cli_4711", start_parameter_services=False)
    access = accesses()[PEOPLE].within("")
    try:
        alike = replace(access, reply=tuple(name.replace("*", "4711") for name in access.reply))
        assert not uncovered(node, alike) and alike != access
    finally:
        node.destroy_node()


def test_what_is_asked_for_is_offered_by_somebody() -> None:
    offered = {name for entry in table.NODES.values() for name in (*entry.services, *entry.actions)}
    assert {name for entry in table.NODES.values() for name in (*entry.requests, *entry.calls)} <= offered


def test_the_policies_of_the_package_are_those_of_the_table() -> None:
    text = (ROOT / "config" / "sros2" / "policies.xml").read_text()
    assert text == policies(), "make it anew: fail2progress keystore --policies > config/sros2/policies.xml"
    printed = CliRunner().invoke(app, ["keystore", "--policies"])
    assert printed.exit_code == 0 and printed.stdout == text
    paths = [enclave.get("path") for enclave in ElementTree.fromstring(text).iter("enclave")]
    assert paths == [f"{ENCLAVES}/{name}" for name in accesses()]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is missing")
def test_a_keystore_has_keys_and_signed_permissions_for_every_node(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    words = ["keystore", str(keys), "--domain", "7", "--namespace", "lab", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["enclaves"] == [f"{ENCLAVES}/{name}" for name in accesses()]

    def openssl(*arguments: object) -> str:
        ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    for name in ("monitor", PEOPLE):
        folder = keys / "enclaves" / ENCLAVES.strip("/") / name
        assert "OK" in openssl("verify", "-CAfile", folder / "identity_ca.cert.pem", folder / "cert.pem")
        signed = openssl(
            "smime", "-verify", "-in", folder / "permissions.p7s", "-CAfile", folder / "permissions_ca.cert.pem", "-text"
        )
        grant = ElementTree.fromstring(signed.strip())
        assert {topic.text for topic in grant.iter("topic")} >= {"ros_discovery_info", "rt/lab/verdicts"}
        subject = openssl("x509", "-in", folder / "cert.pem", "-noout", "-subject").replace(" ", "")
        assert subject.strip().endswith(f"CN={ENCLAVES}/{name}") and grant.findtext(".//subject_name") == f"CN={ENCLAVES}/{name}"
        assert grant.findtext(".//id") == "7" and grant.findtext(".//default") == "DENY"
        rules = openssl(
            "smime", "-verify", "-in", folder / "governance.p7s", "-CAfile", folder / "permissions_ca.cert.pem", "-text"
        )
        assert ElementTree.fromstring(rules.strip()).findtext(".//allow_unauthenticated_participants") == "false"
        assert (folder / "key.pem").stat().st_mode & 0o077 == 0
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2 and "not empty" in again.stderr and len(again.stderr.splitlines()) == 1
    assert CliRunner().invoke(app, ["keystore", str(tmp_path / "x"), "--domain", "500"]).exit_code == 2


def test_nodes_are_started_in_their_enclaves_where_security_is_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launch = Launch("robot", tmp_path)
    assert "--enclave" not in launch.command("monitor")
    monkeypatch.setenv(SECURE, "true")
    words = launch.command("monitor")
    assert words[words.index("--enclave") + 1] == f"{ENCLAVES}/monitor"
