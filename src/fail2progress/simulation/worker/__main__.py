"""`python -m fail2progress.simulation.worker CHOICE`: serves a simulator on standard input and output."""

from __future__ import annotations

import sys

from fail2progress.core.registry import RegistryError
from fail2progress.simulation.wire.frames import ProtocolError
from fail2progress.simulation.wire.host import serve_standard_streams


def main(arguments: list[str]) -> int:
    """2 where there is no such simulator, 1 where the other side does not keep to the protocol."""
    try:
        serve_standard_streams(arguments[0])
    except (RegistryError, ProtocolError) as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, RegistryError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
