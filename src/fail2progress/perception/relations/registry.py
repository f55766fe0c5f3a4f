"""Relation detectors by name; other packages offer theirs in the entry-point group `fail2progress.relation_detectors`."""

from __future__ import annotations

from fail2progress.core.registry import Registry, RegistryError
from fail2progress.perception.relations.base import RelationDetector

LEARNED = "learned"
GEOMETRIC = "geometric"
COMBINED = "combined"
DEFAULT = COMBINED
"""Both, each believed as far as it was found to be right: it misses least (docs/decisions/0056)."""
DETECTORS: Registry[type[RelationDetector]] = Registry(
    "relation detector",
    "fail2progress.relation_detectors",
    {
        LEARNED: "fail2progress.models.detector:LearnedDetector",
        COMBINED: "fail2progress.models.detector:CombinedDetector",
        GEOMETRIC: "fail2progress.perception.relations.geometric:GeometricDetector",
    },
)


def relation_detector(name: str, model: object = None, digest: str = "") -> RelationDetector:
    """A detector by name, beside the model in use; RegistryError: no such detector, or it cannot be made."""
    part = DETECTORS.get(name)
    if not (isinstance(part, type) and issubclass(part, RelationDetector)):
        raise RegistryError(f"the relation detector {name!r} of {DETECTORS.source(name)} is no RelationDetector: {part!r}")
    try:
        return part.for_model(model, digest)
    except (ValueError, TypeError) as error:
        raise RegistryError(f"the relation detector {name!r} of {DETECTORS.source(name)} cannot be made: {error}") from error
