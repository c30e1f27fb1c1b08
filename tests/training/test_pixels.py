from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from tests.training.made import encoded, picture
from training.pace import Pace
from training.pixelbatches import PixelBatches, augment
from training.pixels import PARTS, Pixels, open_pixels, prepare_pixels, read_pixels
from training.recipe import Recipe

SIDE = 16
RECIPE = Recipe("made", "tiny", "scratch", side=SIDE, batch=10, steps=12, learning_rate=0.01)


def small_parquet(file: Path, seeds: range) -> Path:
    """Each seed as a real and as an AI picture, in PNG, so that equal pixels have equal bytes."""
    pairs = [(encoded(picture(label, seed, SIDE, SIDE)), label) for seed in seeds for label in (0, 1)]
    parquet.write_table(arrow.table({"image": [pair[0] for pair in pairs], "label": [pair[1] for pair in pairs]}), file)
    return file


def prepared(folder: Path, seeds: range = range(60)) -> Path:
    prepare_pixels([small_parquet(folder / "train.parquet", seeds)], folder / "prepared", SIDE)
    return folder / "prepared"


def numbered(n: int) -> Pixels:
    """Pictures that say their number in every pixel; every twentieth is held out as part 0."""
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, SIDE, SIDE, 3))
    return Pixels(
        pixels, (np.arange(n) % 2).astype(np.int8), np.arange(n).astype(str), (np.arange(n) % PARTS).astype(np.int8)
    )


def test_a_prepared_set_is_read_back(tmp_path: Path) -> None:
    read = open_pixels(prepared(tmp_path))
    assert len(read) == 120 and read.side == SIDE
    assert read.label.tolist() == [0, 1] * 60
    assert (read.pixels[5] == np.asarray(picture(1, 2, SIDE, SIDE))).all()
    assert len(np.unique(read.part)) > PARTS / 2 and read.part.min() >= 0 and read.part.max() < PARTS


def test_a_folder_with_the_names_of_the_official_set(tmp_path: Path) -> None:
    for name, label in (("REAL", 0), ("FAKE", 1)):
        (tmp_path / name).mkdir()
        for seed in range(2):
            (tmp_path / name / f"{seed}.png").write_bytes(encoded(picture(label, seed, SIDE, SIDE)))
    (tmp_path / "FAKE" / "notes.txt").write_text("no picture")
    read = read_pixels([tmp_path], SIDE)
    assert sorted(read.label.tolist()) == [0, 0, 1, 1]
    assert (read.pixels[read.label == 1][0] == np.asarray(picture(1, 0, SIDE, SIDE))).all()


def test_twins_are_on_the_same_side_of_every_split(tmp_path: Path) -> None:
    first, second = (small_parquet(tmp_path / name, range(8)) for name in ("a.parquet", "b.parquet"))
    read = read_pixels([first, second], SIDE)
    assert (read.digest[:16] == read.digest[16:]).all() and len(np.unique(read.digest)) == 16
    assert (read.part[:16] == read.part[16:]).all()


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="row 0 has 16x16 pixels, not 32x32"):
        read_pixels([small_parquet(tmp_path / "a.parquet", range(1))], 32)
    with pytest.raises(SystemExit, match="no data set"):
        read_pixels([tmp_path / "nowhere"], SIDE)
    with pytest.raises(SystemExit, match=r"training\.prepare --whole"):
        open_pixels(tmp_path)


def test_a_pass_shows_every_picture_once_and_a_resumed_run_goes_on_within_it(tmp_path: Path) -> None:
    pixels = numbered(110)  # 104 to train on: ten batches of ten in a pass
    whole = PixelBatches(pixels, RECIPE, 5, Pace(RECIPE, tmp_path / "none.json"))
    drawn: list[list[int]] = []
    for _ in range(4):
        whole.on_epoch_begin()
        drawn += [whole[index][0][:, 0, 0, 0].tolist() for index in range(5)]
    first, second = np.concatenate(drawn[:10]), np.concatenate(drawn[10:])
    assert len(set(first)) == len(set(second)) == 100
    assert first.tolist() != second.tolist()
    assert not any(number % PARTS == 0 for number in first)

    pace = Pace(RECIPE, tmp_path / "none.json")
    pace.steps = 5
    resumed = PixelBatches(pixels, RECIPE, 5, pace)
    resumed.on_epoch_begin()
    assert [resumed[index][0][:, 0, 0, 0].tolist() for index in range(5)] == drawn[5:10]


def test_labels_go_with_their_pictures(tmp_path: Path) -> None:
    batches = PixelBatches(numbered(110), RECIPE, 5, Pace(RECIPE, tmp_path / "none.json"))
    batches.on_epoch_begin()
    pictures, targets = batches[3]
    assert targets["logit"][:, 0].tolist() == (pictures[:, 0, 0, 0] % 2).tolist()


def test_augmentation_only_mirrors_and_moves() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
    plain = augment(pictures, mirror=False, shift=0, random=random)
    assert (plain == pictures).all()
    moved = augment(pictures, mirror=True, shift=2, random=random)
    assert moved.dtype == np.uint8 and moved.shape == pictures.shape
    inner = moved[:, 4:-4, 4:-4]
    mirrored = 0
    for picture_in, picture_out in zip(pictures, inner, strict=True):
        places = [
            (flip, row, column)
            for flip in (False, True)
            for row in range(2, 7)
            for column in range(2, 7)
            if ((picture_in[:, ::-1] if flip else picture_in)[row : row + 8, column : column + 8] == picture_out).all()
        ]
        assert len(places) == 1
        mirrored += places[0][0]
    assert 5 < mirrored < 35
