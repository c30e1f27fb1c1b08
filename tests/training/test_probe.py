import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.training.made import data_set, picture
from training.dataset import read_items
from training.prepare import write_part
from training.probe import draw, part_of, probe
from training.quality import quality
from training.recipe import Recipe
from training.tiles import open_tiles

RECIPE = Recipe("probe", "tiny", "scratch", side=96, batch=8, steps=1, learning_rate=0.1)


def through_jpeg(label: int, seed: int, quality: int) -> NDArray[np.uint8]:
    """A sample cut off the encoder's grid."""
    stored = io.BytesIO()
    picture(label, seed, 140, 140).save(stored, "JPEG", quality=quality)
    left, top = np.random.default_rng(seed).integers(0, 12, 2).tolist()
    return np.asarray(Image.open(stored).convert("RGB").crop((left, top, left + 128, top + 128)))


def test_a_leak_by_quality_is_found() -> None:
    labels = np.tile(np.array([0, 1], np.int8), 100)
    sources = np.array([f"s{number % 20}" for number in range(200)])
    features = np.stack([quality(through_jpeg(0, seed, 45 if label else 92)) for seed, label in enumerate(labels)])
    value, low, high = probe(features, labels, sources)
    assert value > 0.9
    assert low <= value <= high


def test_no_leak_is_found_where_there_is_none() -> None:
    random = np.random.default_rng(0)
    labels = np.tile(np.array([0, 1], np.int8), 150)
    sources = np.array([f"s{number % 30}" for number in range(300)])
    features = np.stack([quality(through_jpeg(0, seed, int(random.integers(40, 95)))) for seed in range(300)])
    value, _, _ = probe(features, labels, sources)
    assert value < 0.6


def test_the_grid_of_the_encoder_is_found() -> None:
    plain = np.asarray(picture(0, 1, 128, 128))
    for sample in (through_jpeg(0, 1, 30), through_jpeg(0, 2, 30)):
        assert quality(sample)[0] > quality(plain)[0] + 0.2
        assert quality(sample)[1] > quality(plain)[1] + 0.2


def test_sources_are_never_parted() -> None:
    sources = np.array(["a", "a", "b", "c", "c", "c", "d", "e", "f"])
    parts = part_of(sources)
    assert all(len(set(parts[sources == source])) == 1 for source in np.unique(sources))
    assert len(set(parts)) == 5


def test_samples_are_those_of_training(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", pictures=2, held_out=1)
    write_part(tmp_path / "part.arrow", list(read_items([data])))
    samples = draw(open_tiles(tmp_path), RECIPE, 40)
    assert samples.encoded.shape[0] == samples.colours.shape[0] == samples.stored.shape[0] == 40
    assert 0.2 < samples.label.mean() < 0.8
    held_out = {folder.name for folder in (data / "real").iterdir() if len(list(folder.iterdir())) == 1}
    assert not held_out & set(samples.source.tolist())
