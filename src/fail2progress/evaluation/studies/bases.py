"""Base models of a study by name: what lies in a folder of weights, by the registry's names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fail2progress.models.notes import CheckpointError
from fail2progress.models.registry import MODELS


@dataclass(frozen=True)
class Base:
    """A base model: "stow-gnn", or "points2plans/plain" where it is not the first variant of its model."""

    name: str
    path: Path

    @property
    def model(self) -> str:
        """The registry's name."""
        return self.name.split("/", 1)[0]

    @property
    def configuration(self) -> str:
        """The name of its weights: relational, plain, stow-gnn."""
        return self.path.stem


def bases(folder: Path) -> dict[str, Base]:
    """The base models of a folder by name; a variant of no name, and a second one, goes by its file's."""
    found: dict[str, Base] = {}
    for path in sorted(folder.glob("*.json")):
        weights = path.with_suffix(".safetensors")
        note = json.loads(path.read_text(encoding="utf-8"))
        if weights.is_file() and "model" in note:  # other networks lie there too, such as a segmenter's
            name = _name(str(note["model"]), note["config"], path.stem)
            name = name if name not in found else f"{note['model']}/{path.stem}"
            found[name] = Base(name, weights)
    return found


def _name(model: str, config: dict[str, object], stem: str) -> str:
    kind = MODELS.get(model)
    if not kind.variants:
        return model
    own = kind.Config.from_dict(config)
    variant = next((name for name, known in kind.variants.items() if known == own), stem)
    return model if variant == next(iter(kind.variants)) else f"{model}/{variant}"


def base(name: str, folder: Path) -> Base:
    """One of them. CheckpointError lists those there are."""
    known = bases(folder)
    if name not in known:
        raise CheckpointError(f"unknown base model {name!r}; in {folder} there are: {', '.join(known) or 'none'}")
    return known[name]
