"""Identities over episodes: what an episode is, what counts as kept, a study in small."""

import numpy as np
import pytest

from fail2progress.core.rgbd import RgbdFrame
from fail2progress.evaluation.studies import identities
from fail2progress.evaluation.studies.identities import (
    FEWEST,
    FLOOR,
    NOTHING,
    SKILLS,
    anonymous,
    episode,
    follow,
    most_hidden,
    overlaps,
    segmented,
    study,
)
from fail2progress.evaluation.studies.identity_counts import NOT_FOUND, Kept
from fail2progress.perception.segmentation.base import Perceived, Segmenter
from fail2progress.perception.segmentation.label_image import LabelledSegmenter
from fail2progress.reporting.identities_pictures import page, strip
from fail2progress.simulation.mujoco.backend import MujocoSimulator


class Forgetful(Segmenter):
    """Sees every second frame only."""

    def __init__(self) -> None:
        self.frames = 0

    def segment(self, frame: RgbdFrame) -> Perceived:
        self.frames += 1
        whole = LabelledSegmenter().segment(frame)
        return whole if self.frames % 2 else Perceived((), (), whole.pose, whole.width, whole.height)


def test_an_episode_is_the_same_for_the_same_numbers() -> None:
    one, other = (list(episode(MujocoSimulator(), 3, 1)) for _ in range(2))
    assert len(one) == SKILLS + 1 and [m.skill for m in one] == [m.skill for m in other]
    assert np.array_equal(one[-1].frame.depth, other[-1].frame.depth)
    assert [m.frame.stamp for m in one] == [k * 10**9 for k in range(SKILLS + 1)]
    assert all(moment.meant for moment in one[1:]) and not one[0].meant


def test_names_are_shuffled_away() -> None:
    frame = next(episode(MujocoSimulator(), 3, 1)).frame
    hidden, true = anonymous(frame, np.random.default_rng(0))
    assert frame.labels is not None and hidden.labels is not None
    assert set(true.values()) == set(frame.labels.names) and set(true).isdisjoint(frame.labels.names)
    assert np.array_equal(hidden.labels.image, frame.labels.image)


def test_ideal_segments_are_followed_and_gaps_are_bridged() -> None:
    """Of four episodes, as processors round differently, and in one of them two things of a dozen pixels pass each other."""
    kept, gaps = [Kept() for _ in range(4)], Kept()
    for number, of_episode in enumerate(kept):
        moments = list(episode(MujocoSimulator(), 3, number))
        follow(segmented(moments, LabelledSegmenter(), number), of_episode, expect=True, coloured=True)
        follow(segmented(moments, Forgetful(), number), gaps, expect=True, coloured=True)
    assert sum(one.share() == 1.0 for one in kept) >= 3 and all(one.total["in view"] > 10 for one in kept)
    assert gaps.of_found > 0.7 and gaps.total["in view"] > 10
    assert gaps.total[NOT_FOUND] > 10 and gaps.share() < 0.6 < gaps.of_found and all(not one.total[NOT_FOUND] for one in kept)


def test_what_is_in_view_and_not_found_is_of_all_sightings() -> None:
    """From the first frame on, also of things that are never found."""
    moments = list(episode(MujocoSimulator(), 3, 0))
    sightings = sum(
        pixels >= FEWEST and spec.movable and height >= FLOOR
        for moment in moments
        for (pixels, _, _), spec, height in zip(
            overlaps(moment.frame, NOTHING), moment.scene.objects, moment.scene.poses[:, 2], strict=True
        )
    )
    blind = Kept()
    follow([(moment, NOTHING) for moment in moments], blind, expect=True, coloured=True)
    assert blind.total == {NOT_FOUND: sightings} and sightings > 10 and blind.share() == 0.0 and np.isnan(blind.of_found)


def test_the_page_tells_both_shares_and_what_earlier_reports_are_of() -> None:
    report = study(MujocoSimulator(), {"gaps": Forgetful()}, 1, 3)
    (row, *_) = report["rows"]  # type: ignore[misc]
    assert row["not_found"] > 0 and row["kept"] < row["kept_of_found"] and row["missed"][0]["kind"] == NOT_FOUND
    assert f"| gaps | skill's | yes | {row['kept']:.1%} | {row['kept_of_found']:.1%} |" in page(report)
    earlier = {key: value for key, value in row.items() if key not in ("not_found", "kept_of_found", "missed")} | {"kept": 0.5}
    assert "| gaps | skill's | yes | - | 50.0% |" in page(report | {"rows": [earlier]})


def test_kept_tells_right_from_wrong() -> None:
    kept = Kept()
    assert np.isnan(kept.share())
    kept.add("in view", True)
    kept.add("in view", False, object="cup")
    kept.add("out of view", True)
    assert kept.share() == pytest.approx(2 / 3) and kept.share("in view") == 0.5 and kept.wrong[0]["object"] == "cup"


def test_a_study_gives_rows_a_page_and_a_picture() -> None:
    report = study(MujocoSimulator(), {"ideal": LabelledSegmenter()}, 1, 3)
    rows = report["rows"]
    assert isinstance(rows, list) and len(rows) == 4 and 0.0 < rows[0]["kept"] <= 1.0
    assert most_hidden(report) == 0
    assert f"| ideal | skill's | yes | {rows[0]['kept']:.1%} |" in page(report)
    assert strip(list(episode(MujocoSimulator(), 3, 0)), LabelledSegmenter()).startswith(b"\x89PNG")


def test_an_episode_ends_where_no_skill_is_feasible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "infeasible", lambda scene, call: "out of reach")
    moments = list(identities.episode(MujocoSimulator(), 3, 0))
    assert [moment.skill for moment in moments] == ["start"]
