"""A part and its options as one text: a name, or the path of a YAML or JSON file that holds both.

Texts travel to other processes, on command lines and as node parameters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fail2progress.core.names import unknown
from fail2progress.core.plain_yaml import PlainLoader
from fail2progress.core.registry import Registry, RegistryError

FILES = (".yaml", ".yml", ".json")


def content_of(named: str | Path) -> str:
    """What a name stands for where results are kept by it: itself, or of a file the digest of what is in it."""
    with suppress(OSError):
        return hashlib.sha256(Path(named).read_bytes()).hexdigest()
    return str(named)


def read_choice(choice: str, registry: Registry[Any]) -> tuple[str, dict[str, Any], str]:
    """Name, options and what to call their place in messages. RegistryError where a file cannot be read or names nothing."""
    kind = registry.kind
    path = Path(choice)
    if path.suffix not in FILES:
        return choice, {}, f"{kind} {choice!r}"
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), PlainLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise RegistryError(f"{choice}: cannot be read as a {kind}'s options: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get(kind), str):
        raise RegistryError(f"{choice}: needs the key {kind!r} with a name; known: {', '.join(registry.names())}")
    return values.pop(kind), {str(key): value for key, value in values.items()}, choice


def first_mistake(error: ValidationError, known: Collection[str] | None = None) -> str:
    """One line about the first thing that is wrong; known: keys that there may be at the top, where they are known."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{where} is missing"
    if first["type"] == "extra_forbidden":
        return unknown("key", where, sorted(known)) if known is not None and len(first["loc"]) == 1 else f"unknown key {where!r}"
    return f"{where}: {first['msg']}, got {first['input']!r}"
