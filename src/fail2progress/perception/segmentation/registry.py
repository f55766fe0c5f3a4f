"""Segmenters by name; other packages offer theirs in the entry-point group `fail2progress.segmenters`.

A choice is a name, or the path of a YAML or JSON file with the key `segmenter` and that segmenter's options beside it.
"""

from __future__ import annotations

from pydantic import ValidationError

from fail2progress.core.choice import first_mistake, read_choice
from fail2progress.core.registry import Registry, RegistryError
from fail2progress.perception.segmentation.base import Segmenter

LABEL_IMAGE = "label-image"
GEOMETRIC = "geometric"
FUSED = "fused"
_ROOM = "fail2progress.perception.segmentation"
SEGMENTERS: Registry[type[Segmenter]] = Registry(
    "segmenter",
    "fail2progress.segmenters",
    {
        LABEL_IMAGE: f"{_ROOM}.label_image:LabelledSegmenter",
        GEOMETRIC: f"{_ROOM}.geometric.segmenter:GeometricSegmenter",
        "learned": f"{_ROOM}.learned.segmenter:LearnedSegmenter",
        FUSED: f"{_ROOM}.fused.segmenter:FusedSegmenter",
        "open-vocabulary": f"{_ROOM}.open_vocabulary.segmenter:OpenVocabularySegmenter",
    },
)


def segmenter(choice: str) -> Segmenter:
    """The segmenter of a choice. RegistryError: unknown, wrong options, or it cannot be made here."""
    name, values, source = read_choice(choice, SEGMENTERS)
    part = SEGMENTERS.get(name)
    if not (isinstance(part, type) and issubclass(part, Segmenter)):
        raise RegistryError(f"the segmenter {name!r} of {SEGMENTERS.source(name)} is no Segmenter: {part!r}")
    try:
        return part.from_options(part.options(**values))
    except ValidationError as error:
        raise RegistryError(f"{source}: {first_mistake(error)}") from error
    except (ValueError, TypeError) as error:
        raise RegistryError(f"{source}: {error}") from error
