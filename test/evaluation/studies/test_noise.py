"""Detection against noise: the counting, the noise, and a study in small."""

import numpy as np
import pytest

from fail2progress.core.relations import BINARY, RelationState
from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.studies.identities import episode
from fail2progress.evaluation.studies.noise import Score, after_skills, cluttered, detections, noisy, study
from fail2progress.models import weights
from fail2progress.models.base import SkillEffectModel
from fail2progress.models.checkpoint import load_checkpoint
from fail2progress.models.combination import combination_for
from fail2progress.perception.relations.registry import COMBINED, GEOMETRIC, LEARNED
from fail2progress.perception.segmentation.base import Perceived, PerceptionError, Segmenter
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.reporting.noise_pictures import curves, page
from fail2progress.simulation.mujoco.backend import MujocoSimulator
from fail2progress.simulation.mujoco.rgbd import DepthNoise


@pytest.fixture(scope="module")
def model() -> SkillEffectModel:
    return load_checkpoint(weights.path(weights.RELATIONAL)).model


@pytest.fixture(scope="module")
def digest() -> str:
    return load_checkpoint(weights.path(weights.RELATIONAL)).digest


class Blind(Segmenter):
    """Never sees anything."""

    def segment(self, frame: RgbdFrame) -> Perceived:
        raise PerceptionError("too dark")


def test_a_score_counts_what_was_not_found_and_what_is_not_there() -> None:
    moment = next(episode(MujocoSimulator(), 4, 0))
    whole = LabelledSegmenter().segment(moment.frame)
    rows = [moment.relations.names.index(part.id) for part in (*whole.surfaces, *whole.segments)]
    names = tuple(part.id for part in (*whole.surfaces, *whole.segments))
    truth = moment.relations.binary[np.ix_(rows, rows)].astype(float)
    perfect, half, nothing = Score(), Score(), Score()
    perfect.add(moment, whole, RelationState(names, truth, np.zeros((len(rows), 3))))
    assert perfect.to_dict()["f1"] == 1.0 and perfect.to_dict()["calibration_error"] == 0.0
    tables = Perceived((), whole.surfaces, whole.pose, whole.width, whole.height)
    count = len(whole.surfaces)
    half.add(moment, tables, RelationState(names[:count], truth[:count, :count], np.zeros((count, 3))))
    assert half.to_dict()["f1"] < 0.6 and half.matched[:, 1:].sum() == 0
    nothing.add(moment, whole, RelationState(names, 1.0 - truth, np.zeros((len(rows), 3))))
    assert nothing.to_dict()["f1"] == 0.0
    unsure, pairs = Score(), len(rows) * (len(rows) - 1) * truth.shape[2]
    unsure.add(moment, whole, RelationState(names, np.full_like(truth, 0.25), np.zeros((len(rows), 3))))
    (said,) = unsure.to_dict()["reliability"]  # type: ignore[misc]
    assert said["from"] == 0.2 and said["said"] == 0.25 and said["relations"] == pairs
    assert said["holds"] == pytest.approx(truth.sum() / pairs)


def test_a_relation_that_never_holds_and_is_said_falsely_counts_in_the_mean() -> None:
    score = Score()
    score.counts[0], score.counts[1] = (10, 0, 0), (0, 50, 0)
    assert score.to_dict()["f1_mean"] == 0.5 and score.to_dict()["by_relation"] == {BINARY[0]: 1.0, BINARY[1]: 0.0}


def test_noise_has_the_spread_that_was_asked_for() -> None:
    moment = next(episode(MujocoSimulator(), 4, 0))
    clean = LabelledSegmenter().segment(moment.frame)
    assert noisy(clean, 0.0, np.random.default_rng(0)) is clean
    shaken = noisy(clean, 0.01, np.random.default_rng(0))
    assert (shaken.surfaces[0].points - clean.surfaces[0].points).std() == pytest.approx(0.01, rel=0.05)
    again = noisy(clean, 0.01, np.random.default_rng(0))
    assert np.array_equal(again.surfaces[0].points, shaken.surfaces[0].points)


def test_detectors_agree_on_what_is_plain_to_see(model: SkillEffectModel, digest: str) -> None:
    moment = next(episode(MujocoSimulator(), 4, 1))
    perceived = LabelledSegmenter().segment(moment.frame)
    for found in detections(model, digest, perceived).values():
        score = Score()
        score.add(moment, perceived, found)
        assert score.to_dict()["f1"] > 0.9


def test_both_are_combined_as_they_are_for_the_same_model_elsewhere() -> None:
    plain = load_checkpoint(weights.path("plain.safetensors"))
    perceived = LabelledSegmenter().segment(next(episode(MujocoSimulator(), 4, 1)).frame)
    found = detections(plain.model, plain.digest, noisy(perceived, 0.02, np.random.default_rng(0)))
    both = combination_for(plain.digest, plain.model.name).combine(found[LEARNED], found[GEOMETRIC])
    assert np.array_equal(found[COMBINED].binary, both.binary)
    other = combination_for("").combine(found[LEARNED], found[GEOMETRIC])
    assert not np.allclose(other.binary, both.binary, atol=1e-3)


def test_a_study_gives_rows_a_page_and_a_picture(model: SkillEffectModel, digest: str) -> None:
    segmenters: dict[str, Segmenter] = {"ideal": LabelledSegmenter(), "blind": Blind()}
    scenes = {"after skills": after_skills(MujocoSimulator(), 1, 4), "cluttered": cluttered(MujocoSimulator(), 2, 4)}
    report = study(model, digest, segmenters, scenes, 4, (0.0, 0.02), depth_noise=vars(DepthNoise(0.002)))
    rows = report["rows"]
    assert isinstance(rows, list) and len(rows) == 2 * 2 * 3 * 2 and report["views"] == {"after skills": 6, "cluttered": 2}
    by_key = {(row["segments"], row["detector"], row["sigma_m"]): row["f1"] for row in rows if row["scenes"] == "after skills"}
    assert by_key["ideal", "geometric", 0.0] > max(0.95, by_key["ideal", "geometric", 0.02])
    assert by_key["blind", "learned", 0.0] == 0.0 and report["frames_without_a_result"] == {"ideal": 0, "blind": 8}
    assert curves(report).startswith(b"\x89PNG")
    text = page(report)
    assert "| cluttered | ideal | learned |" in text and "blind" in text and "20 mm" in text and "0.9 and more" in text
