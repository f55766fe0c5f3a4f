"""Whether the noise of depth is each pixel's own: as it is made here, smoothed, enlarged, too small to matter, or not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from fail2progress.learning.segmentation.meshes import box
from fail2progress.perception.segmentation.fused.odds import join_rules
from fail2progress.perception.segmentation.fused.segmenter import FusedSegmenter
from fail2progress.perception.segmentation.learned.grain import GrainRules, grain
from fail2progress.perception.segmentation.learned.model import SegmentModel, grainy, load_model, packaged
from fail2progress.perception.segmentation.learned.segmenter import LearnedSegmenter
from support.tabletop_frames import frame_of

RULES = GrainRules()


def table(noise: float, seed: int, smooth: Callable[[np.ndarray], np.ndarray] = lambda image: image) -> np.ndarray:
    """(480, 640) m depth of a table before a wall, with noise of inverse depth (1 / m)."""
    rows = np.arange(480.0)[:, None]
    inverse = np.repeat(np.where(rows > 160, 0.4 + rows / 320, 0.45), 640, axis=1)
    inverse[200:320, 200:360] = 1.9
    return (1 / (inverse + smooth(np.random.default_rng(seed).normal(0, noise, inverse.shape)))).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(noise=st.floats(0.0008, 0.01), lost=st.floats(0.0, 0.1), seed=st.integers(0, 2**16))
def test_noise_of_each_pixel_is_told_and_measured(noise: float, lost: float, seed: int) -> None:
    depth = table(noise, seed)
    depth[np.random.default_rng(seed + 1).random(depth.shape) < lost] = 0.0
    found = grain(depth)
    assert found.own(RULES)
    assert 0.4 * noise < found.one < noise  # edges are left out, and with them the largest of it
    turned = grain(np.ascontiguousarray(np.rot90(depth)))
    assert turned.own(RULES) and turned.one == pytest.approx(found.one, rel=0.15)


@pytest.mark.parametrize(
    "depth",
    [
        pytest.param(table(0.0, 1), id="the truth"),
        pytest.param(table(0.0003, 2), id="too little to matter"),
        pytest.param(table(0.01, 3, lambda noise: ndimage.gaussian_filter(noise, 1.0)), id="smoothed"),
        pytest.param(table(0.01, 4, lambda noise: ndimage.uniform_filter(noise, 3)), id="windows matched"),
        pytest.param(table(0.004, 5, lambda noise: np.repeat(np.repeat(noise[::2, ::2], 2, 0), 2, 1)), id="an image enlarged"),
        pytest.param(np.zeros((480, 640), np.float32), id="no reading"),
        pytest.param(table(0.004, 6)[:6, :6], id="a few pixels"),
    ],
)
def test_other_noise_is_not_each_pixels_own(depth: np.ndarray) -> None:
    assert not grain(depth).own(RULES)


class _Told(Exception):
    pass


@pytest.mark.parametrize("kind", [LearnedSegmenter, FusedSegmenter])
def test_depth_with_noise_of_each_pixel_is_looked_at_by_the_network_for_it(
    kind: type[LearnedSegmenter], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(self: SegmentModel, *frame: object) -> None:
        raise _Told(self.digest)

    monkeypatch.setattr(SegmentModel, "see", told)
    frame = frame_of([(box(1.0, 0.7, 0.03).shifted(0, 0, -0.03), (170, 140, 105))], (0.0, -0.8, 0.6), (0.0, 0.0, 0.03))
    smooth = ndimage.gaussian_filter(frame.depth, 1.0)  # frames come with noise of each pixel
    for depth, path in ((smooth, packaged()), (frame.depth, grainy())):
        with pytest.raises(_Told, match=load_model(path).digest):
            kind().segment(type(frame)(frame.colour, depth, frame.intrinsics, frame.pose))


def test_weights_of_ones_own_look_at_every_depth(tmp_path: Path) -> None:
    for suffix in (".safetensors", ".json", ".joins.json"):
        (tmp_path / f"own{suffix}").write_bytes(packaged().with_suffix(suffix).read_bytes())
    options = FusedSegmenter.options(weights=tmp_path / "own.safetensors")
    made = FusedSegmenter.from_options(options)
    assert isinstance(made, FusedSegmenter) and made.grainy is None
    whole = FusedSegmenter()
    assert replace(whole.grainy_rules.joins, least=whole.join_rules.least) == join_rules(grainy()) != whole.join_rules


def test_the_network_for_grainy_depth_has_rules_of_its_own() -> None:
    whole = FusedSegmenter()
    own = whole.for_grainy(load_model(grainy()))
    assert (own.join_rules, own.fuse_rules) == (whole.grainy_rules.joins, whole.grainy_rules.fusing)
    assert own.join_rules.least > whole.join_rules.least and own.fuse_rules.over == 0.0 < whole.fuse_rules.over
