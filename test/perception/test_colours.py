"""Words for colours."""

import numpy as np
import pytest

from fail2progress.perception.colours import WORDS, colour_word

SAMPLES = {
    "black": (20, 22, 25),
    "grey": (120, 118, 125),
    "white": (240, 238, 235),
    "red": (190, 30, 35),
    "orange": (240, 130, 30),
    "yellow": (235, 210, 50),
    "green": (50, 150, 60),
    "cyan": (60, 200, 200),
    "blue": (40, 70, 190),
    "purple": (120, 50, 170),
    "pink": (240, 130, 170),
    "brown": (110, 70, 40),
}


@pytest.mark.parametrize(("word", "colour"), SAMPLES.items())
def test_a_colour_has_its_word_also_in_shade_and_with_noise(word: str, colour: tuple[int, int, int]) -> None:
    assert set(SAMPLES) == set(WORDS)
    rng = np.random.default_rng(0)
    pixels = np.clip(np.array(colour) * rng.uniform(0.9, 1.0, (500, 1)) + rng.normal(0, 4, (500, 3)), 0, 255).astype(np.uint8)
    assert colour_word(pixels) == word


def test_the_commonest_colour_names_a_printed_thing() -> None:
    pixels = np.array([SAMPLES["red"]] * 60 + [SAMPLES["white"]] * 40, np.uint8)
    assert colour_word(pixels) == "red"
