"""fail2progress keystore: keys, certificates and permissions for the robot's stack (SROS 2)."""

from __future__ import annotations

from pathlib import Path

import typer

from fail2progress.cli.common import UserError, checked, print_json, require, say

DOMAINS = 232


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(keystore)


def keystore(
    folder: Path | None = typer.Argument(None, help="Folder for it: new, or empty. None with --policies."),
    domain: int | None = typer.Option(None, "--domain", help="ROS domain of the robot (ROS_DOMAIN_ID); default: 0."),
    namespace: str = typer.Option("", "--namespace", help="Namespace of the stack."),
    policies: bool = typer.Option(False, "--policies", help="Print the policies, as `ros2 security` reads them; make nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print the enclaves as JSON."),
) -> None:
    """Make a keystore with an enclave for every node of the robot's stack, each allowed what it needs, and one for people.

    Needs the program openssl, no ROS. The stack uses it where the environment says so.

    Example: fail2progress keystore keys --domain 7

    Example: fail2progress keystore --policies > policies.xml
    """
    from fail2progress.ros.parameter_file import check_namespace
    from fail2progress.ros.security.keystore import Keystore, KeystoreError
    from fail2progress.ros.security.policy import ENCLAVES, PEOPLE
    from fail2progress.ros.security.policy import policies as text_of

    with checked():
        check_namespace(namespace)
    if policies:
        unused = {str(folder): folder is not None, f"--domain {domain}": domain is not None, "--json": as_json}
        for given, named in unused.items():
            require(not named, f"{given}: --policies prints XML for all domains and makes nothing; leave it out")
        typer.echo(text_of(namespace), nl=False)
        return
    if folder is None:
        raise UserError("name a folder for the keystore, or --policies to print these")
    domain = domain or 0
    require(0 <= domain <= DOMAINS, f"--domain {domain}: ROS domains go from 0 to {DOMAINS}")
    try:
        names = Keystore(folder, domain, namespace).make()
    except (KeystoreError, OSError) as error:
        raise UserError(str(error)) from error
    enclaves = [f"{ENCLAVES}/{name}" for name in names]
    if as_json:
        print_json({"keystore": str(folder.resolve()), "domain": domain, "enclaves": enclaves})
    say(f"{len(names)} enclaves in {folder}; keep {folder / 'private'} off the robot")
    say(f"use it: export ROS_SECURITY_KEYSTORE={folder.resolve()} ROS_SECURITY_ENABLE=true ROS_SECURITY_STRATEGY=Enforce")
    say(f"people: ros2 ... --enclave {ENCLAVES}/{PEOPLE}, or ROS_SECURITY_ENCLAVE_OVERRIDE={ENCLAVES}/{PEOPLE}")
