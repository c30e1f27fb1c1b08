import numpy as np
from numpy.typing import NDArray

from model.detector import Detector
from model.explain import draw
from tests.model.made import patched

RED, GREEN = (220, 20, 20), (20, 220, 20)
PICTURES = 20


def p_ai(detector: Detector, pixels: NDArray[np.uint8]) -> float:
    return detector.judge([detector.views(pixels)])[0].p_ai


def without(pixels: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    out = pixels.copy()
    out[chosen] = pixels.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    return out


def random_tenth(shape: tuple[int, int], seed: int) -> NDArray[np.bool_]:
    """Squares at random until a tenth is covered."""
    random, chosen = np.random.default_rng(seed), np.zeros(shape, bool)
    while chosen.mean() < 0.1:
        top, left = int(random.integers(0, shape[0] - 20)), int(random.integers(0, shape[1] - 20))
        chosen[top : top + 20, left : left + 20] = True
    return chosen


def test_removing_the_hot_tenth_moves_the_score_more_than_a_random_tenth(detector: Detector) -> None:
    won = 0
    for seed in range(PICTURES):
        pixels = patched(seed, RED if seed % 2 else GREEN)
        before = p_ai(detector, pixels)
        heat = detector.explain(pixels) * (1 if before > 0.5 else -1)
        hot = heat >= np.quantile(heat, 0.9)
        moved = abs(before - p_ai(detector, without(pixels, hot)))
        by_chance = abs(before - p_ai(detector, without(pixels, random_tenth(heat.shape, seed))))
        won += moved > by_chance
    assert won >= 0.8 * PICTURES


def test_the_map_has_the_shape_and_the_sign_of_the_picture(detector: Detector) -> None:
    for colour, sign in ((RED, 1), (GREEN, -1)):
        pixels = patched(3, colour, 310, 170)
        heat = detector.explain(pixels)
        assert heat.shape == (170, 310)
        assert heat.dtype == np.float32
        assert np.abs(heat).max() <= 1
        coloured = pixels[..., 0] != pixels[..., 1]
        assert sign * heat[coloured].mean() > 0.3
        assert abs(heat[~coloured].mean()) < 0.3


def test_odd_shapes_are_explained(detector: Detector) -> None:
    for width, height in ((64, 64), (900, 70), (70, 900)):
        assert detector.explain(patched(1, RED, width, height)).shape == (height, width)


def test_the_drawing_has_a_legend_below(detector: Detector) -> None:
    pixels = patched(1, RED, 1600, 800)
    drawn = draw(pixels, detector.explain(pixels))
    assert drawn.width == 1024
    assert drawn.height > 512
    assert drawn.getpixel((drawn.width - 2, drawn.height - 2)) == (255, 255, 255)
