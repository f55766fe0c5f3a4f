"""The labeller: its own steps on numbers, and the whole of it on tiny random models of the real classes."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file, save_file

from fail2progress.core.objects import CATEGORIES, Shape
from fail2progress.core.rgbd import Labels
from fail2progress.core.scene import pose
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segment
from fail2progress.perception.segmentation.open_vocabulary.labeller import (
    PROMPTS,
    OpenVocabularyLabeller,
    distinct,
    painted,
    phrase_spans,
    with_semantics,
)

WORDS = sorted({word for phrase in PROMPTS for word in phrase.split()})


def save_tokenizer(folder: Path) -> None:
    """A vocabulary with the special words where Grounding DINO expects those of BERT."""
    vocabulary = [f"[unused{i}]" for i in range(1013)]
    for place, word in {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: "."}.items():
        vocabulary[place] = word
    vocabulary += WORDS
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(0)
    detector, segmenter = tmp_path_factory.mktemp("detector"), tmp_path_factory.mktemp("segmenter")
    save_tokenizer(detector)
    tokenizer = transformers.BertTokenizerFast.from_pretrained(detector)
    images = transformers.GroundingDinoImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    transformers.GroundingDinoProcessor(images, tokenizer).save_pretrained(detector)
    backbone = transformers.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, out_features=["stage2", "stage3", "stage4"]
    )
    text = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_queries=12,
        num_feature_levels=3,
    )
    transformers.GroundingDinoForObjectDetection(config).save_pretrained(detector)
    vision = transformers.SamVisionConfig(
        hidden_size=16,
        output_channels=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=64,
        mlp_dim=32,
        global_attn_indexes=[0],
        num_pos_feats=8,
    )
    prompt = transformers.SamPromptEncoderConfig(hidden_size=16, image_size=64, mask_input_channels=4)
    decoder = transformers.SamMaskDecoderConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_dim=32, iou_head_hidden_dim=16
    )
    transformers.SamModel(
        transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    ).save_pretrained(segmenter)
    transformers.SamProcessor(
        transformers.SamImageProcessor(
            size={"longest_edge": 64},
            pad_size={"height": 64, "width": 64},
            mask_size={"longest_edge": 16},
            mask_pad_size={"height": 16, "width": 16},
        )
    ).save_pretrained(segmenter)
    return detector, segmenter


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (48, 72, 3), dtype=np.uint8)


def test_tiny_models_of_the_real_classes_label_an_image(folders: tuple[Path, Path]) -> None:
    labeller = OpenVocabularyLabeller(*folders, least_score=0.0, most_overlap=0.9)
    found = labeller.detect(picture())
    assert len(found.boxes) > 0 and set(found.phrases) <= set(PROMPTS)
    assert (np.diff(found.scores) <= 0).all() and (found.boxes[:, [0, 2]] <= 72).all() and (found.boxes[:, [1, 3]] <= 48).all()
    labels = labeller.label(picture())
    assert labels.image.shape == (48, 72) and set(labels.categories) <= set(CATEGORIES)
    assert len(labels.names) == len(found.phrases)
    assert np.array_equal(labels.image, labeller.label(picture()).image)


def test_nothing_found_is_an_empty_label_image(folders: tuple[Path, Path]) -> None:
    labels = OpenVocabularyLabeller(*folders, least_score=1.0).label(picture())
    assert labels.names == () and not labels.image.any()


def test_what_is_missing_is_said(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match="no weights here"):
        OpenVocabularyLabeller(tmp_path / "none", folders[1])
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "grounding-dino"}))
    with pytest.raises(PerceptionError, match="not a GroundingDino"):
        OpenVocabularyLabeller(tmp_path, folders[1])
    with pytest.raises(PerceptionError, match="uint8"):
        OpenVocabularyLabeller(*folders).label(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match="unknown object category"):
        OpenVocabularyLabeller(*folders, prompts={"cat": "animal"})
    with pytest.raises(PerceptionError, match="full stop"):
        OpenVocabularyLabeller(*folders, prompts={"a cup. a box": "cup"})


def test_damaged_and_incomplete_weights_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for name, damage in (("short", lambda path: path.write_bytes(path.read_bytes()[:-100])), ("fewer", without_one)):
        shutil.copytree(folders[1], tmp_path / name)
        damage(tmp_path / name / "model.safetensors")
        with pytest.raises(PerceptionError, match=name):
            OpenVocabularyLabeller(folders[0], tmp_path / name)


def without_one(path: Path) -> None:
    values = load_file(path)
    del values["prompt_encoder.no_mask_embed.weight"]
    save_file(values, path, {"format": "pt"})


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(PerceptionError, match="pip install transformers"):
        OpenVocabularyLabeller(tmp_path, tmp_path)


class Tokenizer:
    all_special_ids = (100, 101, 102)
    unk_token_id = 100

    def convert_tokens_to_ids(self, token: str) -> int:
        return {".": 1012}[token]


def test_words_belong_to_their_phrases() -> None:
    ids = [101, 7, 8, 1012, 9, 1012, 100, 1012, 102]
    assert phrase_spans(ids, Tokenizer(), 3) == [[1, 2], [4], [6]]
    with pytest.raises(PerceptionError, match="2 of 3"):
        phrase_spans(ids[:6], Tokenizer(), 3)


boxes = arrays(np.float32, (6, 4), elements=st.floats(0, 50, width=32))


@given(boxes, arrays(np.float32, 6, elements=st.floats(0, 1, width=32)))
def test_kept_boxes_are_good_apart_and_sorted(some: np.ndarray, scores: np.ndarray) -> None:
    some = np.concatenate([np.minimum(some[:, :2], some[:, 2:]), np.maximum(some[:, :2], some[:, 2:])], axis=1)
    kept = distinct(some, scores, 0.3, 0.5)
    assert (scores[kept] >= 0.3).all() and (np.diff(scores[kept]) <= 0).all()
    good = np.flatnonzero((scores >= 0.3) & (some[:, 2:] - some[:, :2] >= 1.0).all(axis=1))
    assert (len(kept) > 0) == (len(good) > 0)


def test_smaller_masks_lie_above_larger_ones() -> None:
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1:3, 1:3], masks[1] = True, True
    labels = painted(masks, ("can", "bowl"), PROMPTS, (4, 4))
    assert labels.names == ("can_1", "bowl_1") and labels.categories == ("capsule", "cup")
    assert labels.image[1, 1] == 1 and labels.image[0, 0] == 2


def test_segments_by_geometry_take_names_from_labels() -> None:
    def segment(pixels: list[int]) -> Segment:
        points = np.zeros((len(pixels), 3), np.float32)
        return Segment("s", "cuboid", Shape.CUBOID, points, np.array(pixels), pose(0, 0, 0), np.ones(3), 1.0)

    image = np.array([[1, 1, 1, 0], [0, 0, 2, 2]], np.uint16)
    labels = Labels(image, ("cup_1", "box_1"), ("cup", "cuboid"))
    perceived = Perceived((segment([0, 1, 2]), segment([3]), segment([4, 5, 6])), (), np.eye(4), 4, 2)
    named = with_semantics(perceived, labels).segments
    assert [part.category for part in named] == ["cup", "cuboid", "cuboid"] and named[0].shape is Shape.OPEN_BOX
