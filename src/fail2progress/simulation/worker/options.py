"""How workers are reached."""

from __future__ import annotations

import shlex

from pydantic import Field, field_validator, model_validator

from fail2progress.simulation.registry import Options


class WorkerOptions(Options):
    """How to reach the workers: a command that is started, or an address that is connected to."""

    command: tuple[str, ...] = ()
    """Program and arguments; also taken as one line of shell words."""
    address: str | None = None
    """host:port of a worker that listens, instead of a command."""
    path: tuple[str, ...] = ()
    """Folders that a worker of another Python finds its modules in (PYTHONPATH); by default those of this one, for this one."""
    workers: int = Field(default=1, ge=1, le=1024)
    """How many processes to start, or connections to open."""
    batch: int = Field(default=0, ge=0, le=65536)
    """Jobs in a request; 0: as many as the worker asks for."""
    patience: float = Field(default=120.0, gt=0)
    """Seconds without an answer after which a worker is ended and its jobs are done again."""
    attempts: int = Field(default=3, ge=1)
    """Times that a job is tried where workers end at it."""

    @field_validator("command", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("address")
    @classmethod
    def _host_and_port(cls, value: str | None) -> str | None:
        if value is not None:
            host, _, port = value.rpartition(":")
            if not host or not port.isdigit() or int(port) > 65535:
                raise ValueError("an address is host:port")
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> WorkerOptions:
        if self.command and self.address:
            raise ValueError("command and address exclude each other")
        return self

    @property
    def place(self) -> tuple[str, int] | None:
        """The address as host and port."""
        if self.address is None:
            return None
        host, _, port = self.address.rpartition(":")
        return host, int(port)
