"""The odds of joining are fitted to pairs of parts, and the pairs are those that the network sees in rendered scenes."""

from functools import partial

import numpy as np
import pytest

from fail2progress.core.executor import PoolExecutor
from fail2progress.learning.segmentation import scenes
from fail2progress.learning.segmentation.joins import Pairs, crossed, errors, fit, for_real_things, gather
from fail2progress.learning.segmentation.rendering import view
from fail2progress.perception.segmentation.fused.joining import FEATURES
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter

TRUE = np.array([-2.0, -1.5, 1.0, 0.5, -1.0])


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    rng = np.random.default_rng(0)
    features = rng.normal(0, 1.5, (3000, len(FEATURES)))
    same = rng.random(3000) < 1 / (1 + np.exp(-features @ TRUE - 0.5))
    return Pairs(features, same, rng.integers(0, 40, 3000))


def test_odds_that_pairs_follow_are_found(pairs: Pairs) -> None:
    odds = fit(pairs)
    assert [getattr(odds, name) for name in FEATURES] == pytest.approx(TRUE, abs=0.35)
    assert odds.bias == pytest.approx(0.5, abs=0.3)
    assert 0.05 < sum(errors(odds, pairs)) / 3000 < 0.2


def test_places_of_real_things_count_for_more_and_the_rest_for_as_much(pairs: Pairs) -> None:
    odds = fit(pairs)
    real = for_real_things(odds, pairs)
    assert real.distance < 2 * odds.distance and real.parting == odds.parting
    middle = pairs.features[pairs.same, FEATURES.index("distance")].mean()
    # What is as far apart as parts of one thing are in the mean is as likely one as before.
    assert real.distance * middle + real.bias == pytest.approx(odds.distance * middle + odds.bias)
    # A half tells as much of the other as of itself.
    wrong = sum(errors(real, pairs))
    assert sum(crossed(pairs)) == pytest.approx(wrong, abs=40) and wrong < 0.25 * 3000


def test_pairs_of_one_kind_alone_give_no_odds(pairs: Pairs) -> None:
    with pytest.raises(ValueError, match="all of one thing"):
        fit(pairs.some(pairs.same))


def test_pairs_are_of_the_scenes_and_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "view", partial(view, width=320))
    segmenter, told = FusedSegmenter(), []
    with PoolExecutor(1) as workers:
        found = gather(segmenter, 2, 6, workers, told.append)
    again = gather(segmenter, 2, 6, PoolExecutor(1), lambda done: None)
    bright = gather(segmenter, 2, 6, PoolExecutor(1), lambda done: None, rooms=1.0)
    assert bright.features.shape != found.features.shape or (bright.features != found.features).any()
    assert told == [1, 2] and len(found.same) > 0 and found.features.shape == (len(found.same), len(FEATURES))
    assert (found.features == again.features).all() and (found.same == again.same).all()
    assert set(found.scene.tolist()) <= {0, 1} and (scenes.scene((6, 0)).labels > 1).any()
    parting, alike = found.features[:, 1], found.features[:, 2]
    assert (parting >= 0).all() and (parting <= 1).all() and (alike <= 1 + 1e-9).all()
