"""Names for what is on a table: open-vocabulary detection and segmentation, where the user has weights for them.

Grounding DINO finds boxes for phrases, SAM fills them in; both are the classes of `transformers`, read from local folders. What
they say is a label image, from which `LabelledSegmenter` makes segments, or which gives segments by geometry their names.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from fail2progress.core.objects import category
from fail2progress.core.rgbd import Labels
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment

Colour = NDArray[np.uint8]
PROMPTS: Mapping[str, str] = MappingProxyType(
    {
        "cup": "cup",
        "mug": "cup",
        "bowl": "cup",
        "open box": "open_box",
        "basket": "open_box",
        "tray": "open_box",
        "box": "cuboid",
        "block": "cuboid",
        "book": "cuboid",
        "can": "capsule",
        "bottle": "capsule",
        "marker": "capsule",
        "shelf": "shelf",
        "cabinet": "cabinet",
        "drawer": "drawer",
        "table": "table",
    }
)
"""Phrases to look for, and the core category that each stands for."""


class Labeller(ABC):
    """Names what it sees. Concretes differ in the models behind them."""

    @abstractmethod
    def label(self, colour: Colour) -> Labels:
        """Labels of an (H, W, 3) uint8 RGB image; names are `<phrase>_<number>`. PerceptionError where the image is unusable."""


@dataclass(frozen=True)
class Detections:
    """Boxes (n, 4) in pixels as x0, y0, x1, y1, what is in them, and (n,) scores in [0, 1], best first."""

    boxes: NDArray[np.float32]
    phrases: tuple[str, ...]
    scores: NDArray[np.float32]


class OpenVocabularyLabeller(Labeller):
    """Grounding DINO and SAM from local folders as `save_pretrained` writes them: models, their processors and the tokenizer."""

    def __init__(
        self,
        detector: Path,
        segmenter: Path,
        prompts: Mapping[str, str] = PROMPTS,
        least_score: float = 0.3,
        most_overlap: float = 0.7,
        device: str = "cpu",
    ) -> None:
        """`least_score` of a detection; of boxes that overlap by more than `most_overlap` (IoU) the best stays.

        PerceptionError where the package or weights are missing, or a phrase stands for no known category.
        """
        for phrase, name in prompts.items():
            if "." in phrase or not phrase.strip():
                raise PerceptionError(f"prompt {phrase!r}: a phrase must have words and no full stop")
            category(name)
        self.prompts = {phrase.strip().lower(): name for phrase, name in prompts.items()}
        self.least_score, self.most_overlap, self.device = least_score, most_overlap, device
        self._find, self._find_words = _load(detector, "GroundingDinoForObjectDetection", "GroundingDinoProcessor", device)
        self._fill, self._fill_words = _load(segmenter, "SamModel", "SamProcessor", device)

    def label(self, colour: Colour) -> Labels:
        """See Labeller."""
        if colour.ndim != 3 or colour.shape[2] != 3 or colour.dtype != np.uint8 or 0 in colour.shape:
            raise PerceptionError(f"the labeller takes (H, W, 3) uint8 colours, got {colour.shape} {colour.dtype}")
        found = self.detect(colour)
        return painted(self.masks(colour, found), found.phrases, self.prompts, (colour.shape[0], colour.shape[1]))

    @torch.no_grad()
    def detect(self, colour: Colour) -> Detections:
        """Boxes for the prompts. A box's phrase is the one with the likeliest word."""
        text = " ".join(f"{phrase}." for phrase in self.prompts)
        inputs = self._find_words(images=Image.fromarray(colour), text=text, return_tensors="pt").to(self.device)
        output = self._find(**inputs)
        ids = inputs["input_ids"][0].tolist()
        spans = phrase_spans(ids, self._find_words.tokenizer, len(self.prompts))
        words = torch.sigmoid(output.logits[0]).cpu().numpy()
        odds = np.stack([words[:, span].max(axis=1) for span in spans], axis=1)
        boxes = _corners(output.pred_boxes[0].cpu().numpy(), colour.shape[1], colour.shape[0])
        scores, which = odds.max(axis=1), odds.argmax(axis=1)
        kept = distinct(boxes, scores, self.least_score, self.most_overlap)
        names = tuple(self.prompts)
        return Detections(boxes[kept], tuple(names[which[i]] for i in kept), scores[kept])

    @torch.no_grad()
    def masks(self, colour: Colour, found: Detections) -> NDArray[np.bool_]:
        """(n, H, W) pixels of every detection: of SAM's proposals the one that it trusts most."""
        if not len(found.boxes):
            return np.zeros((0, *colour.shape[:2]), dtype=bool)
        boxes = [found.boxes.astype(float).tolist()]
        inputs = self._fill_words(images=Image.fromarray(colour), input_boxes=boxes, return_tensors="pt").to(self.device)
        sizes, reshaped = inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu()
        output = self._fill(pixel_values=inputs["pixel_values"], input_boxes=inputs["input_boxes"].float())
        proposals = self._fill_words.image_processor.post_process_masks(output.pred_masks.cpu(), sizes, reshaped)[0]
        best = output.iou_scores[0].argmax(dim=-1).cpu()
        return np.asarray(proposals[torch.arange(len(best)), best].numpy(), bool)


def _load(folder: Path, model: str, processor: str, device: str) -> tuple[Any, Any]:
    """A model in evaluation mode and its processor. Nothing is fetched from anywhere."""
    try:
        library = importlib.import_module("transformers")
    except ImportError as error:
        raise PerceptionError("the labeller needs the transformers package: pip install transformers") from error
    if not (folder / "config.json").is_file():
        raise PerceptionError(f"{folder}: no weights here; save a {model} and its {processor} to it (save_pretrained)")
    try:
        loaded, about = getattr(library, model).from_pretrained(folder, local_files_only=True, output_loading_info=True)
        words = getattr(library, processor).from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise PerceptionError(f"{folder}: not a {model} with its {processor} ({str(error).splitlines()[0]})") from error
    if about["missing_keys"]:
        raise PerceptionError(f"{folder}: weights of {model} without {sorted(about['missing_keys'])[0]}: save it again")
    return loaded.to(device).eval(), words


def phrase_spans(ids: Sequence[int], tokenizer: Any, count: int) -> list[list[int]]:
    """Positions of the words of every phrase: they are separated by full stops. PerceptionError where the text was cut short."""
    stop, special = tokenizer.convert_tokens_to_ids("."), set(tokenizer.all_special_ids)
    spans: list[list[int]] = [[]]
    for position, token in enumerate(ids):
        if token == stop:
            spans.append([])
        elif token not in special or token == tokenizer.unk_token_id:
            spans[-1].append(position)
    if len(spans) <= count or not all(spans[:count]):
        raise PerceptionError(f"the tokenizer took in {len(spans) - 1} of {count} phrases; use fewer or shorter ones")
    return spans[:count]


def _corners(boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """(n, 4) centre and extents as shares of the image to corners in pixels within it."""
    half = boxes[:, 2:] / 2
    ends = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    limits = np.array([width, height, width, height], np.float32)
    return np.asarray(np.clip(ends * limits, 0.0, limits), np.float32)


def distinct(boxes: NDArray[np.float32], scores: NDArray[np.float32], least: float, overlap: float) -> NDArray[np.int64]:
    """Rows of the boxes to keep, best first: non-maximum suppression over all phrases together."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        empty = (boxes[i, 2:] - boxes[i, :2] < 1.0).any()
        if scores[i] >= least and not empty and all(_iou(boxes[i], boxes[j]) <= overlap for j in kept):
            kept.append(int(i))
    return np.array(kept, np.int64)


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    common = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0.0).prod()
    return float(common / max((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - common, 1e-9))


def painted(masks: NDArray[np.bool_], phrases: Sequence[str], prompts: Mapping[str, str], size: tuple[int, int]) -> Labels:
    """One label for every pixel: the larger masks lie below, so that contents show in their containers."""
    image = np.zeros(size, np.uint16)
    for i in np.argsort([-int(mask.sum()) for mask in masks], kind="stable"):
        image[masks[i]] = i + 1
    names = tuple(f"{phrase.replace(' ', '_')}_{phrases[:i].count(phrase) + 1}" for i, phrase in enumerate(phrases))
    return Labels(image, names, tuple(prompts[phrase] for phrase in phrases))


def with_semantics(perceived: Perceived, labels: Labels, overlap: float = 0.5) -> Perceived:
    """Segments by geometry with the categories (and their shapes) of labels that cover them by more than an IoU."""
    image = labels.image.ravel()
    sizes = np.bincount(image, minlength=len(labels.names) + 1)

    def named(part: Segment) -> Segment:
        common = np.bincount(image[part.pixels], minlength=len(sizes))
        shares = common / np.maximum(sizes + len(part.pixels) - common, 1)
        shares[0] = 0.0
        best = int(shares.argmax())
        if shares[best] <= overlap:
            return part
        kind = category(labels.categories[best - 1])
        return replace(part, category=kind.name, shape=kind.shape)

    return replace(perceived, segments=tuple(named(part) for part in perceived.segments))
