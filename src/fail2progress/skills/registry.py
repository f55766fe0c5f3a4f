"""The skills by name: each folder beside this module, and those of other packages (entry points `fail2progress.skills`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pkgutil import iter_modules

from fail2progress.core.registry import Registry, RegistryError, instance_of
from fail2progress.skills.definition import SkillDefinition

GROUP = "fail2progress.skills"
_HERE = Path(__file__).parent


class Skills(Mapping[str, SkillDefinition]):
    """Definitions by name, in the order of the vocabulary: numbered ones first, then by name."""

    def __init__(self, registry: Registry[SkillDefinition]) -> None:
        self._registry = registry

    def __getitem__(self, name: str) -> SkillDefinition:
        return self._registry.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter([definition.name for definition in self._ordered()])

    def __len__(self) -> int:
        return len(self._registry)

    def __contains__(self, name: object) -> bool:
        return name in self._registry

    def source(self, name: str) -> str:
        """Which package a skill comes from."""
        return self._registry.source(name)

    def register(self, definition: SkillDefinition) -> SkillDefinition:
        """Add a skill. RegistryError where another one has its name."""
        return self._registry.register(definition.name, definition, definition.feasible.__module__)

    @contextmanager
    def including(self, *definitions: SkillDefinition) -> Iterator[None]:
        """Have more skills for a while."""
        before = self._registry.names()
        try:
            for definition in definitions:
                self.register(definition)
            yield
        finally:
            for definition in definitions:
                if definition.name not in before:
                    self._registry.unregister(definition.name)

    @property
    def action_size(self) -> int:
        """Length of a parameter vector after padding with zeros."""
        return max(len(definition.parameters) for definition in self.values())

    def _ordered(self) -> list[SkillDefinition]:
        found = {name: self._registry.get(name) for name in self._registry.names()}
        for name, definition in found.items():
            if definition.name != name:
                raise RegistryError(f"skill {definition.name!r} is registered as {name!r}: the two must be the same")
        return sorted(found.values(), key=lambda one: (one.number is None, one.number or 0, one.name))


def _folders() -> dict[str, str]:
    """Every package beside this module is a skill."""
    folders = sorted(module.name for module in iter_modules([str(_HERE)]) if module.ispkg)
    return {name: f"{__package__}.{name}.definition:SKILL" for name in folders}


SKILLS = Skills(Registry("skill", GROUP, lazy=_folders(), form=instance_of(SkillDefinition)))


def skill(name: str) -> SkillDefinition:
    """Look a skill up by name; RegistryError, a ValueError, names the ones that exist."""
    return SKILLS[name]
