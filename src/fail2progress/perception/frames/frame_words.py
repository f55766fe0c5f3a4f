"""Words in the names of files and folders that say whether they are colour or depth, and what they leave of the name."""

from __future__ import annotations

import re

COLOURS = ("image_color", "color", "colour", "rgb", "images", "image")
DEPTHS = (r"(?:aligned[-_])?depth(?:[-_]?to[-_]?|2)(?:color|colour|rgb)", "aligned_depth", "depths", "depth", "disparity")
"""Words for both, as patterns, those that say most first; depth that is brought to colour (aligned_depth_to_color, as RealSense
calls it) is one word, not one for each."""
ALIGNED = re.compile(rf"aligned|registered|{DEPTHS[0]}", re.IGNORECASE)
"""What says of depth that it lies on its colours."""
_MORE = re.compile(r"(^|[-_.])(raw|imgs?|images?|aligned|registered|rectified|measured?|map|frames?)(?=$|[-_.\d])", re.IGNORECASE)
"""Words beside those two, which tell no frame from another."""
_MADE = re.compile(
    r"(^|[-_.])(gt|ground_?truth|filled|inpainted|completed|filtered|denoised|refined|cleaned|undistorted|metric|sensor|mm|pred"
    r"|predicted|estimated|rendered)(?=$|[-_.\d])",
    re.IGNORECASE,
)
"""Words for how depth was come by, which matter where there is depth of several kinds."""
_DRAWN = re.compile(
    r"(^|[-_.])(vis|viz|visuali[sz]ed|colou?r|colou?r_?map|colou?ri[sz]ed|rgb|seg|segmented|segmentation|masks?|labels?|normals?|overlay|edges"
    r"|conf|confidence|preview|thumb|thumbnail)(?=$|[-_.\d])",
    re.IGNORECASE,
)
"""Words for what is made of an image and is none of colour or depth itself."""
_BEGIN = r"(?:^|[-_.]|(?<=\d)|(?-i:(?<=[a-z])(?=[A-Z])))"
_END = r"(?=$|[-_.\d]|(?-i:(?<=[a-z])(?=[A-Z])))"
"""Beside a word stands a sign or a digit, or capitals part it: colorImage."""


def word_in(stem: str, words: tuple[str, ...]) -> re.Match[str] | None:
    """Where a name has one of the words, beside a sign or a digit: of several the one that it ends with (red_color_box-color), or
    else begins with (color_red_color_box), or else the last."""
    found = list(re.finditer(rf"{_BEGIN}({'|'.join(words)}){_END}", stem, re.IGNORECASE))
    found = [word for word in found if _less(word[1])] or found  # an image is one of colour where no other word says of what
    if not found:
        return None
    return found[0] if found[0].start() == 0 and _less(stem[found[-1].end() :]) else found[-1]


def rank_of(word: re.Match[str], words: tuple[str, ...]) -> int:
    """Place of a found word among those, the one that says most first."""
    return next(i for i, one in enumerate(words) if re.fullmatch(one, word[1], re.IGNORECASE))


def bare(stem: str, words: tuple[str, ...]) -> str:
    """A name without that word, and the sign beside it."""
    word = word_in(stem, words)
    return stem if word is None else (stem[: word.start()] + stem[word.end() :]).strip("-_.")


def key_of(stem: str, words: tuple[str, ...]) -> str:
    """What is left of it without words that say no more."""
    return _less(bare(stem, words))


def loose_key(key: str) -> str | None:
    """What is left of that without words for how depth was come by; None where it is a picture made of depth or colours."""
    return None if _DRAWN.search(key) else _MADE.sub("", key).strip("-_.")


def _less(name: str) -> str:
    return _MORE.sub("", name).strip("-_.")
