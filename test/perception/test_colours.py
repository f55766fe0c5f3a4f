"""Words for colours."""

import numpy as np
import pytest

from fail2progress.perception.colours import WORDS, Light, colour_word, light_of

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


@pytest.mark.parametrize("red", [20, 60, 90])
def test_a_colour_names_what_is_printed_with_it(red: int) -> None:
    pixels = np.array([SAMPLES["red"]] * red + [SAMPLES["white"]] * (100 - red), np.uint8)
    assert colour_word(pixels) == "red"


def test_a_small_print_names_nothing() -> None:
    pixels = np.array([SAMPLES["red"]] * 15 + [SAMPLES["white"]] * 85, np.uint8)
    assert colour_word(pixels) == "white"


def patches(gains: tuple[float, float, float]) -> np.ndarray:
    """Squares of every sample and of greys, under a light."""
    rng = np.random.default_rng(3)
    colours = np.array([*SAMPLES.values(), *((v, v, v) for v in (30, 90, 150, 250))], float)
    squares = colours[rng.integers(len(colours), size=(24, 32))].repeat(10, axis=0).repeat(10, axis=1)
    return np.clip(255 * ((squares / 255) ** 2.2 * np.array(gains)) ** (1 / 2.2), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (1.0, 0.75, 0.55), (0.6, 0.8, 1.0), (0.35, 0.35, 0.35)])
def test_words_stay_under_the_light_of_lamps_and_of_the_sky_and_in_the_dark(gains: tuple[float, float, float]) -> None:
    light = light_of(patches(gains))
    wrong = []
    for word, colour in SAMPLES.items():
        seen = np.clip(255 * ((np.array(colour) / 255) ** 2.2 * np.array(gains)) ** (1 / 2.2), 0, 255)
        if colour_word(seen.astype(np.uint8)[None], light) != word:
            wrong.append(word)
    assert not wrong


@pytest.mark.parametrize("ground", [30, 60, 90, 120, 160, 200, 240])
def test_the_colour_of_one_thing_on_a_neutral_ground_is_not_taken_for_the_lights(ground: int) -> None:
    wrong = []
    for word, colour in SAMPLES.items():
        image = np.full((240, 320, 3), ground, float)
        image[75:150, 100:190] = colour
        image = np.clip(image + np.random.default_rng(1).normal(0, 3, image.shape), 0, 255).astype(np.uint8)
        said = colour_word(image[80:145, 105:185].reshape(-1, 3), light_of(image))
        if said != word:
            wrong.append((word, said))
    assert not wrong


@pytest.mark.parametrize(("value", "word"), [(20, "black"), (45, "black"), (150, "grey")])
def test_dark_things_on_a_table_that_is_overexposed_stay_dark(value: int, word: str) -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    image[50:190, 75:250] = value
    assert colour_word(image[60:180, 85:240].reshape(-1, 3), light_of(image)) == word


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_image_of_one_colour_says_nothing_of_its_tint(value: int) -> None:
    gains = light_of(np.full((48, 64, 3), value, np.uint8)).gains
    assert max(gains) / min(gains) == pytest.approx(1.0)
    assert all(0 < gain <= 2.0 for gain in gains)


def test_white_light_changes_nothing() -> None:
    pixels = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    assert np.allclose(Light().white(pixels), pixels, atol=0.01)
