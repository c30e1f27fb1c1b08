"""The samples of the network for composition."""

import numpy as np
import pytest
from PIL import Image

from model.views import take_views
from tests.training.made import picture
from training.augment import augment_whole

SIDE = 48


def sample(tile: Image.Image, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return augment_whole(tile, SIDE, np.random.default_rng((7, seed)))


@pytest.mark.parametrize("size", [(224, 224), (448, 224), (224, 313), (40, 30), (48, 48), (20, 400)])
def test_any_tile_gives_a_sample_of_the_side(size: tuple[int, int]) -> None:
    for seed in range(20):
        found = sample(picture(0, 1, *size), seed)
        assert (found.shape, found.dtype) == ((SIDE, SIDE, 3), np.uint8)


def test_a_sample_is_the_same_each_time_and_another_is_another() -> None:
    tile = picture(1, 2, 120, 100)
    samples = [sample(tile, seed) for seed in range(40)]
    assert all(np.array_equal(found, sample(tile, seed)) for seed, found in enumerate(samples))
    assert len({found.tobytes() for found in samples}) > 15


@pytest.mark.parametrize("size", [(100, 100), (160, 100), (100, 161)])
def test_about_a_third_are_the_middle_square_as_it_is_served(size: tuple[int, int]) -> None:
    tile = picture(0, 3, *size)
    width, height = size
    left, top = (width - 100) / 2, (height - 100) / 2
    plain = np.asarray(
        tile.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + 100, top + 100))
    ).astype(int)
    differences = [np.abs(sample(tile, seed) - plain) for seed in range(300)]
    as_served = [found for found in differences if not found.any()]
    assert 75 < len(as_served) < 130
    served = take_views(np.asarray(tile), 1, 32, SIDE).whole
    assert served is not None
    far = np.mean([found.mean() for found in differences if found.any()])
    assert np.abs(served - plain).mean() < far / 3


def test_the_others_show_most_of_the_tile_both_ways_round() -> None:
    """On a ramp from black to white: how much of it a sample spans, and in which direction."""
    ramp = np.broadcast_to(np.linspace(0, 255, 200).astype(np.uint8)[None, :, None], (200, 200, 3))
    spans = []
    for seed in range(200):
        row = sample(Image.fromarray(np.ascontiguousarray(ramp)), seed).astype(float).mean(axis=(0, 2))
        spans.append(float(row[-1] - row[0]))
    assert min(np.abs(spans)) > 0.45 * 255, "three fifths of the area are much of the side, less in dull tones"
    assert 0.15 < np.mean(np.array(spans) < 0) < 0.5
