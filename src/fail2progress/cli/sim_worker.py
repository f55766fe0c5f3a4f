"""fail2progress sim-worker: serves a simulator to another process."""

from __future__ import annotations

import typer

from fail2progress.cli.common import WorkError, require, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sim-worker")(sim_worker)


def sim_worker(
    simulator: str = typer.Option("mujoco", help="Name (simulators ls), or a YAML or JSON file with its options."),
    listen: str | None = typer.Option(None, help="host:port to wait at for connections, instead of standard input and output."),
) -> None:
    """Serve a simulator over the worker protocol (docs/guide/simulators.md) until standard input ends.

    Whoever can connect to --listen can use the simulator: give an address that only they reach.
    Example: fail2progress sim-worker --simulator mujoco --listen 127.0.0.1:5570
    """
    from fail2progress.simulation.wire.frames import ProtocolError
    from fail2progress.simulation.wire.host import serve_socket, serve_standard_streams

    try:
        if listen is None:
            serve_standard_streams(simulator)
        else:
            serve_socket(simulator, *_place(listen), lambda port: say(f"{simulator} listens on port {port}"))
    except ProtocolError as error:
        raise WorkError(f"the client does not keep to the protocol: {error}") from error
    except KeyboardInterrupt:
        say("stopped")


def _place(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    require(bool(host) and port.isdigit() and int(port) < 65536, f"--listen {listen}: must be host:port, as in 127.0.0.1:5570")
    return host, int(port)
