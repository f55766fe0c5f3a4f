"""Parts chosen by name: built in, registered by a program, or brought by another package through an entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Generic, TypeVar

from fail2progress.core.names import unknown

Part = TypeVar("Part")
OWN = "fail2progress"


class RegistryError(ValueError):
    """A name that nothing goes by, a name that two parts claim, or a package whose part cannot be loaded."""


@dataclass(frozen=True)
class Form:
    """What every part of a kind is: whether something is one, and the words for it."""

    fits: Callable[[object], bool]
    words: str


def instance_of(*kinds: type) -> Form:
    """An object of one of these classes or protocols, and not a class."""
    words = " or ".join(kind.__name__ for kind in kinds)
    return Form(lambda part: isinstance(part, kinds) and not isinstance(part, type), f"an object of {words}")


def derived_from(base: type) -> Form:
    """A class derived from this one."""
    return Form(lambda part: isinstance(part, type) and issubclass(part, base), f"a class derived from {base.__name__}")


ANYTHING = Form(lambda part: True, "anything")


@dataclass
class Registry(Generic[Part]):
    """Parts of one kind by name, in order: those built in, those registered, then those of other packages by name.

    Another package offers a part by an entry point of `group`, whose name is the part's and whose value is the part, as
    `module:attribute`. Entry points are looked at when a name is asked for that is not built in, or when all are listed, and an
    imported module may register parts itself by `register`.
    """

    kind: str
    """What the parts are, for messages: "skill", "simulator"."""
    group: str
    """Entry-point group, "fail2progress.skills"."""
    lazy: Mapping[str, str] = field(default_factory=dict)
    """Built-in parts as `module:attribute`, imported when they are asked for: heavy ones, and those of rooms above."""
    form: Form = ANYTHING
    """What parts of other packages must be; one that is not is refused with the package's name."""
    _parts: dict[str, Part] = field(default_factory=dict)
    _sources: dict[str, str] = field(default_factory=dict)
    _searched: bool = False

    def register(self, name: str, part: Part, source: str = OWN) -> Part:
        """Add a part. RegistryError where another one has the name."""
        self._refuse_taken(name, part, source)
        self._parts[name] = part
        self._sources[name] = source
        return part

    def _refuse_taken(self, name: str, part: Part, source: str) -> None:
        if (name in self.lazy and source != OWN) or (name in self._parts and self._parts[name] is not part):
            first = self._sources.get(name, OWN)
            raise RegistryError(f"{self.kind} {name!r} is registered twice, by {first} and by {source}: rename or remove one")

    def unregister(self, name: str) -> None:
        """Take a part out, as a test does with its own."""
        self._parts.pop(name, None)
        self._sources.pop(name, None)

    def get(self, name: str) -> Part:
        """The part of a name. RegistryError lists the known ones, or says which package's part cannot be loaded."""
        if name in self.lazy:
            return self._built_in(name)
        if name not in self._parts:
            self._search()
        if name not in self._parts:
            raise RegistryError(unknown(self.kind, name, self.names()))
        return self._parts[name]

    def source(self, name: str) -> str:
        """Which package a part comes from."""
        self.get(name)
        return self._sources[name]

    def names(self) -> tuple[str, ...]:
        """All names, those of other packages included."""
        self._search()
        return (*self.lazy, *(name for name in self._parts if name not in self.lazy))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[Part]:
        return iter([self.get(name) for name in self.names()])

    def __len__(self) -> int:
        return len(self.names())

    def _built_in(self, name: str) -> Part:
        """Imported when it is first asked for. What its import raises passes through: it is a fault of this package."""
        if name not in self._parts:
            module, _, attribute = self.lazy[name].partition(":")
            self.register(name, getattr(import_module(module), attribute))
        return self._parts[name]

    def _search(self) -> None:
        """Load the parts that other packages offer, once."""
        if self._searched:
            return
        self._searched = True
        for entry in sorted(metadata.entry_points(group=self.group), key=lambda entry: entry.name):
            source = entry.dist.name if entry.dist is not None else entry.value
            try:
                part = entry.load()
            except Exception as error:
                self._searched = False
                raise RegistryError(
                    f"{self.kind} {entry.name!r} of the package {source} ({entry.value}) cannot be loaded: "
                    f"{type(error).__name__}: {error}"
                ) from error
            self._refuse_taken(entry.name, part, source)
            if not self.form.fits(part):
                self._searched = False
                named = f"{self.kind} {entry.name!r} of the package {source} ({entry.value})"
                raise RegistryError(f"{named} must be {self.form.words}, it is {part!r}")
            self.register(entry.name, part, source)
