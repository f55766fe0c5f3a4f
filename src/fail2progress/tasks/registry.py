"""Tasks by name: the files of this package, those that other packages bring (entry points `fail2progress.tasks`), and files."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from fail2progress.core.registry import Form, Registry, RegistryError
from fail2progress.tasks.base import Task
from fail2progress.tasks.file import load

LIBRARY = Path(__file__).with_name("library")
"""The task files that come with the package."""

Part = Task | Path | str | Callable[[], Task]

FORM = Form(
    lambda part: isinstance(part, (Task, Path, str)) or callable(part),
    "the path of a task file, a Task, or a function that returns a Task",
)

TASKS: Registry[Part] = Registry("task", "fail2progress.tasks", form=FORM)
"""An entry point gives the path of a task file (a Path or its text), a Task, or a function that returns a Task."""

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
def _made(name: str, part: Part) -> Task:
    if isinstance(part, (Path, str)):
        found: Task = load(Path(part), built_in=True, find=task)
    else:
        found = part if isinstance(part, Task) else _returned(name, part)
    if found.name != name:
        raise RegistryError(f"task {name!r} of {TASKS.source(name)} calls itself {found.name!r}: give both the same name")
    return found


def _returned(name: str, function: Callable[[], Task]) -> Task:
    """RegistryError where a package's function raises or returns something else."""
    try:
        found: object = function()
    except Exception as error:
        raise RegistryError(
            f"the function of the task {name!r} of {TASKS.source(name)} raises {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Task):
        raise RegistryError(f"the function of the task {name!r} of {TASKS.source(name)} must return a Task, it returns {found!r}")
    return found


def _is_path(name: str) -> bool:
    """Names have neither suffix nor folder."""
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name
