"""Words of colour and of depth in names, and what tells frames apart beside them."""

import pytest

from fail2progress.perception.frames.frame_words import ALIGNED, COLOURS, DEPTHS, bare, key_of, loose_key, word_in


@pytest.mark.parametrize(
    "name", ["depth_to_color", "aligned_depth_to_color", "aligned-depth-to-colour", "Depth2RGB", "depth_to_rgb", "alignedDepth"]
)
def test_depth_that_is_brought_to_colour_is_one_word_and_aligned(name: str) -> None:
    assert key_of(f"7_{name}", DEPTHS) == "7" and ALIGNED.search(name)


@pytest.mark.parametrize("name", ["depth", "raw_depth", "depth_color"])
def test_other_depth_is_not_called_aligned(name: str) -> None:
    assert word_in(name, DEPTHS) and not ALIGNED.search(name)


@pytest.mark.parametrize(
    ("name", "rest"), [("colorImage_0", "Image_0"), ("frame0Color", "frame0"), ("deskColor", "desk"), ("MyRGB_1", "My_1")]
)
def test_capitals_part_words_where_small_letters_stand_before_them(name: str, rest: str) -> None:
    assert bare(name, COLOURS) == rest


@pytest.mark.parametrize("name", ["RGBD_0", "colorful", "COLORIZED_1", "rgbd"])
def test_longer_words_are_others(name: str) -> None:
    assert word_in(name, COLOURS) is None


def test_pictures_made_of_depth_have_no_looser_name() -> None:
    assert [loose_key(key) for key in ("gt", "3_filled", "cam_1", "vis", "Vis", "3_colormap", "seg")] == [
        *("", "3", "cam_1"),
        *(None,) * 4,
    ]
