"""Tasks by name: the files of this package, those that other packages bring (entry points `fail2progress.tasks`), and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from fail2progress.core.registry import Registry, RegistryError
from fail2progress.tasks.base import Task
from fail2progress.tasks.file import load

LIBRARY = Path(__file__).with_name("library")
"""The task files that come with the package."""

TASKS: Registry[Task | Path | Callable[[], Task]] = Registry("task", "fail2progress.tasks")
"""An entry point gives a Task, the path of a task file, or a function that returns a Task."""

for _path in sorted(LIBRARY.glob("*.yaml")):
    TASKS.register(_path.stem, _path)


def task(name: str) -> Task:
    """A task by its name or the path of its file. TaskError or RegistryError where there is none or the file is wrong."""
    if _is_path(name):
        return load(Path(name), find=task)
    return _named(name)


def tasks() -> tuple[Task, ...]:
    """All tasks that have a name."""
    return tuple(_named(name) for name in TASKS.names())


def _named(name: str) -> Task:
    return _made(name, TASKS.get(name))


@lru_cache(maxsize=64)
def _made(name: str, part: Task | Path | Callable[[], Task]) -> Task:
    if isinstance(part, Path):
        found: Task = load(part, built_in=True, find=task)
    else:
        found = part if isinstance(part, Task) else part()
    if found.name != name:
        raise RegistryError(f"task {name!r} of {TASKS.source(name)} calls itself {found.name!r}: give both the same name")
    return found


def _is_path(name: str) -> bool:
    """Names have neither suffix nor folder."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name
