"""Skill effect models by name: those of this package, registered ones, and those of other packages.

A model is a class derived from SkillEffectModel. Here it stands in a folder of its own, whose module `model` names it MODEL;
another package offers it by an entry point of the group `fail2progress.models`, or registers it: `MODELS.register(name, cls)`.
"""

from __future__ import annotations

from pathlib import Path

from fail2progress.core.registry import Registry, derived_from
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.config import ModelConfig


def _built_in() -> dict[str, str]:
    """Names to classes: every folder beside this file whose module `model` says `MODEL = `."""
    folder = Path(__file__).parent
    found = [path.parent.name for path in sorted(folder.glob("*/model.py")) if "\nMODEL = " in path.read_text(encoding="utf-8")]
    return {name.replace("_", "-"): f"fail2progress.models.{name}.model:MODEL" for name in found}


MODELS: Registry[type[SkillEffectModel]] = Registry("model", "fail2progress.models", _built_in(), derived_from(SkillEffectModel))


def configuration(model: type[SkillEffectModel], variant: str | None, changes: dict[str, object]) -> ModelConfig:
    """A named configuration of a model (default: its first), with some values changed. ValueError for unknown names or values."""
    if variant is not None and variant not in model.variants:
        known = ", ".join(model.variants) or "none"
        raise ValueError(f"{model.name} has no variant {variant!r}; known: {known}")
    name = variant if variant is not None else next(iter(model.variants), None)
    start = model.variants[name] if name is not None else model.Config()
    return model.Config.from_dict({**start.to_dict(), **changes})


def capabilities(model: type[SkillEffectModel]) -> list[str]:
    """What a model can do, in words."""
    return sorted(capability.value for capability in model.capabilities)
