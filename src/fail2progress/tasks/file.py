"""Task files: YAML in, a task out. What is wrong with a file is said in one line that names file, line and value."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from fail2progress.core.goals import Atom, Goal
from fail2progress.core.plain_yaml import NotPlainError, PlainLoader
from fail2progress.core.scene import Scene
from fail2progress.tasks.atoms import expand
from fail2progress.tasks.base import NoTaskError, Task, TaskError, Trial
from fail2progress.tasks.check import Place, problem
from fail2progress.tasks.keys import first_problem, unknown_key
from fail2progress.tasks.layout import DoesNotFitError
from fail2progress.tasks.recipe import Recipe
from fail2progress.tasks.schema import Choice, TaskFile

LARGEST = 1_000_000
"""Bytes of the largest file that is read."""


class _Loader(PlainLoader):
    """YAML whose only booleans are true and false, as in YAML 1.2: `on` is a word."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in PlainLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


class FileTask(Task):
    """A task as a file describes it; `borrowed` is the task whose scenes it uses, if it has none of its own."""

    def __init__(self, content: TaskFile, path: Path, built_in: bool, borrowed: Task | None = None) -> None:
        self.content, self.path, self.built_in, self.borrowed = content, path, built_in, borrowed
        self.name, self.summary = content.name, content.summary
        self.counts, self.skills = tuple(sorted(content.counts)), tuple(content.skills)
        groups = frozenset(name for counts in content.counts.values() for name in counts)
        self.recipe = Recipe(tuple(content.objects), groups)

    @property
    def reference(self) -> str:
        """See Task: a user's own is found by its path."""
        return self.name if self.built_in else str(self.path.resolve())

    def trial(self, objects: int, seed: int) -> Trial:
        """See Task.trial."""
        self.check(objects)
        rng = np.random.default_rng([seed, objects, self.stream])
        try:
            scene = self._scene(objects, seed, rng)
        except DoesNotFitError as error:
            raise TaskError(f"{self.path if not self.built_in else self.name}: {error}") from error
        stages = tuple(Goal(self._atoms(stage, objects, rng)) for stage in self.content.stages)
        return Trial(self.name, objects, seed, scene, stages, self.reference)

    @property
    def stream(self) -> int:
        """Its own part of the seed, so that trials of two tasks with one seed have nothing in common."""
        return zlib.crc32(self.name.encode()) if self.content.stream is None else self.content.stream

    def _scene(self, objects: int, seed: int, rng: np.random.Generator) -> Scene:
        if self.borrowed is not None and self.content.scene_of is not None:
            return self.borrowed.trial(self.content.scene_of.objects, seed).scene
        return self.recipe.scene(rng, self.content.counts[objects])

    def _atoms(self, stage: list[str] | Choice, objects: int, rng: np.random.Generator) -> tuple[Atom, ...]:
        patterns = stage.of if isinstance(stage, Choice) else stage
        atoms = [atom for pattern in patterns for atom in expand(pattern, self.content.counts[objects])]
        if not isinstance(stage, Choice):
            return tuple(atoms)
        wanted = objects if stage.choose == "objects" else stage.choose
        return tuple(atoms[i] for i in sorted(rng.choice(len(atoms), wanted, replace=False)))


def read(path: Path) -> tuple[TaskFile, yaml.Node]:
    """The content of a task file and its places. TaskError with file, line and value of what is wrong with it."""
    node = _parsed(path)
    try:
        return TaskFile.model_validate(_plain(node, path)), node
    except ValidationError as error:
        first = first_problem(error)
        raise TaskError(said(path, node, tuple(first["loc"]), _message(first))) from None


def load(path: Path, find: Callable[[str], Task], built_in: bool = False) -> FileTask:
    """A task from a file; `find` gives tasks by name. TaskError with file, line and value of what is wrong with it."""
    content, node = read(path)
    borrowed = None
    if content.scene_of is not None:
        try:
            borrowed = find(content.scene_of.task)
            borrowed.check(content.scene_of.objects)
        except ValueError as error:
            raise TaskError(said(path, node, ("scene_of", "task"), str(error))) from error
    found = problem(content, borrowed)
    if found is not None:
        raise TaskError(said(path, node, *found))
    return FileTask(content, path, built_in, borrowed)


def said(path: Path, root: yaml.Node, place: Place, message: str) -> str:
    """One line for a problem at a place of a file."""
    parts = (f"[{part}]" if isinstance(part, int) else str(part) for part in place if not _internal(part))
    where = " ".join(parts).replace(" [", "[")
    return f"{path}, line {_line(root, place)}: {where + ': ' if where else ''}{message}"


def _internal(part: object) -> bool:
    """Whether a part of a place is none of the file's, but a step of the schema, as `function-after[...]`."""
    return isinstance(part, str) and "[" in part and part != "[key]"


def _parsed(path: Path) -> yaml.Node:
    try:
        if path.stat().st_size > LARGEST:
            raise TaskError(f"{path}: larger than {LARGEST} bytes, no task file")
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        kind = NoTaskError if isinstance(error, FileNotFoundError) else TaskError
        raise kind(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: not a text file (byte {error.start} is not UTF-8)") from error
    except yaml.YAMLError as error:
        raise TaskError(_damage(path, error)) from error
    if not isinstance(node, yaml.MappingNode):
        raise TaskError(f"{path}, line 1: not a task file: it has no keys such as name, objects, stages")
    return node


def _damage(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    kind = "" if isinstance(error, NotPlainError) else "not YAML: "
    return f"{path}{line}: {kind}{getattr(error, 'problem', None) or str(error).splitlines()[0]}"


def _plain(node: yaml.Node, path: Path) -> Any:
    """The values of a document. TaskError for keys that come twice, and for texts that are not what their tags say."""
    try:
        return _Loader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise TaskError(f"{path}{line}: {getattr(error, 'problem', None) or error}") from error


def _line(root: yaml.Node, place: Sequence[object]) -> int:
    """Line (from 1) of the deepest part of a place that the document has."""
    node, line = root, root.start_mark.line
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if found is None:
                continue  # a step of the schema, as which kind of a union it is
            node, line = found[1], found[0].start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1


def _message(error: Any) -> str:
    """What pydantic says, with the value; of a key that is unknown, those that there are."""
    if error["type"] == "extra_forbidden":
        return unknown_key(TaskFile, error["loc"])
    text = str(error["msg"]).removeprefix("Value error, ")
    value = repr(error["input"])
    return text if error["type"] == "missing" else f"{text}, got {value if len(value) <= 80 else value[:77] + '...'}"
