from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.made import picture
from training.augment import augment
from training.dataset import Item
from training.prepare import cut, open_upright, write_part
from training.tiles import Tiles, draw_weights, open_tiles


def item(number: int, label: int, size: tuple[int, int], folder: Path, source: str = "s") -> Item:
    file = folder / f"{number}.png"
    picture(label, number, *size).save(file)
    return Item(f"id{number}", label, "photo", "", source, 1, "original", size[0], file)


def test_a_part_is_written_whole_and_read_back(tmp_path: Path) -> None:
    items = [item(0, 0, (900, 700), tmp_path), item(1, 1, (280, 280), tmp_path), item(2, 1, (50, 50), tmp_path)]
    broken = replace(items[0], id="broken", image=b"GIF89a nonsense")
    made, lost = write_part(tmp_path / "part.arrow", [*items, broken])
    assert lost == 1
    tiles = open_tiles(tmp_path)
    assert len(tiles) == made == (3 + 2 + 2) + (1 + 2)  # the last is too small to be cut
    assert set(tiles.view.tolist()) == {"native", "overview"}
    assert tiles.picture(0).size == (272, 272)
    assert not list(tmp_path.glob("*.part"))


def test_nothing_prepared_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"training\.prepare"):
        open_tiles(tmp_path)


def test_cutting_the_same_picture_gives_the_same_tiles() -> None:
    made = picture(0, 5, 700, 500)
    first, again = ([np.asarray(t) for _, t in cut(made, "original", np.random.default_rng(3))] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_transparent_pictures_lie_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 80), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_upright((tmp_path / "clear.png").read_bytes()).getpixel((5, 5)) == (255, 255, 255)


def tiles_of(groups: list[tuple[int, str, str, int]]) -> Tiles:
    """From (label, kind, group, pictures): two native tiles and an overview of each picture."""
    rows = [
        (label, kind, group, f"{group}{number}", view)
        for label, kind, group, pictures in groups
        for number in range(pictures)
        for view in ("native", "native", "overview")
    ]
    label, kind, group, ids, view = zip(*rows, strict=True)
    return Tiles(
        [], np.zeros(1, np.int64), np.array(label, np.int8), np.ones(len(rows), np.int8), np.array(view), np.array(ids),
        np.array(kind), np.array(group), None,
    )  # fmt: skip


def test_labels_are_drawn_alike_and_large_groups_do_not_dominate() -> None:
    tiles = tiles_of(
        [(0, "photo", "large", 900), (0, "photo", "small", 100), (1, "photo", "ai", 50), (1, "ai", "b", 400)]
    )
    weights = draw_weights(tiles, np.arange(len(tiles)))
    assert weights.sum() == pytest.approx(1)
    assert weights[tiles.label == 0].sum() == pytest.approx(0.5)
    large, small = (weights[tiles.group == name].sum() for name in ("large", "small"))
    assert large / small == pytest.approx(3, rel=0.01)
    assert weights[tiles.view == "native"].sum() == pytest.approx(0.55, abs=0.02)


def test_no_tile_is_drawn_all_the_time() -> None:
    tiles = tiles_of([(0, "photo", "many", 500), (0, "face", "few", 1), (1, "ai", "ai", 500)])
    weights = draw_weights(tiles, np.arange(len(tiles)))
    assert weights.max() < 20 / len(tiles)


@pytest.mark.parametrize("view", ["native", "overview"])
@pytest.mark.parametrize("size", [(272, 272), (256, 256), (64, 90), (448, 224)])
def test_samples_have_their_size_whatever_the_tile(view: str, size: tuple[int, int]) -> None:
    tile = picture(1, 3, *size)
    for seed in range(12):
        sample = augment(tile, view, 96, np.random.default_rng(seed))
        assert sample.shape == (96, 96, 3)
        assert sample.dtype == np.uint8
