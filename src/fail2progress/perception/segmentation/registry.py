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


def _where_to_say(name: str, choice: str, error: ValidationError) -> str:
    """How options are given, where a name alone lacks some."""
    lacks = [str(one["loc"][0]) for one in error.errors() if one["type"] == "missing"]
    if name != choice or not lacks:
        return ""
    return f"; name a YAML file in its place, with the lines segmenter: {name}, {', '.join(f'{key}: ...' for key in lacks)}"


def segmenter(choice: str) -> Segmenter:
    """The segmenter of a choice. RegistryError: unknown, wrong options, or it cannot be made here."""
    name, values, source = read_choice(choice, SEGMENTERS)
    part = SEGMENTERS.get(name)
    if not (isinstance(part, type) and issubclass(part, Segmenter)):
        raise RegistryError(f"the segmenter {name!r} of {SEGMENTERS.source(name)} is no Segmenter: {part!r}")
    try:
        return part.from_options(part.options(**values))
    except ValidationError as error:
        raise RegistryError(
            f"{source}: {first_mistake(error, part.options.model_fields)}{_where_to_say(name, choice, error)}"
        ) from error
    except (ValueError, TypeError) as error:
        raise RegistryError(f"{source}: {error}") from error
