from pathlib import Path

import numpy as np
import pytest

from tests.training.made import data_set, encoded, picture
from training.dataset import Item
from training.pictures import balanced, picture_of, read_pictures
from training.tierviews import mirrored, views_of

TIERS = ("clean", "telegram", "hard", "screenshot")


def item(view: str, width: int, size: tuple[int, int], image: bytes | None = None) -> Item:
    return Item("one", 0, "photo", "", "s", 0, view, width, image or encoded(picture(0, 1, *size)))


def test_the_pictures_of_a_fold(tmp_path: Path) -> None:
    folder = data_set(tmp_path, pictures=1, held_out=2)
    held_out = read_pictures([folder], 0)
    assert len(held_out) == 8
    assert {picture.fold for picture in held_out} == {0}
    assert len(read_pictures([folder], None)) == 8 + 16


def test_a_limit_takes_evenly_from_labels_and_sources(tmp_path: Path) -> None:
    folder = data_set(tmp_path, pictures=1, held_out=6)
    some = read_pictures([folder], 0, limit=8)
    assert sorted(picture.label for picture in some) == [0] * 4 + [1] * 4
    counts = [sum(picture.source == source for picture in some) for source in {picture.source for picture in some}]
    assert counts == [2, 2, 2, 2]
    assert [picture.id for picture in balanced(some, 8)] == [picture.id for picture in some]


def test_nothing_held_out_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "real" / "a").mkdir(parents=True)
    with pytest.raises(SystemExit, match="no picture in fold 3"):
        read_pictures([folder], 3)
    with pytest.raises(SystemExit, match="no data set"):
        read_pictures([tmp_path / "nowhere"], 3)


def test_an_original_stands_for_its_packed_views() -> None:
    stored = {"crop": item("crop", 900, (256, 256)), "original": item("original", 900, (900, 600))}
    found = picture_of(stored)
    assert found.complete
    assert set(found.stored) == {"original"}
    assert found.key == "one/original"


def test_a_packed_picture_gives_both_kinds_of_view() -> None:
    packed = picture_of({"crop": item("crop", 1024, (256, 256)), "overview": item("overview", 1024, (348, 232))})
    by_tier = {found.tier: found for found in views_of(packed, TIERS, 8, 96)}
    assert set(by_tier) == set(TIERS)
    for found in by_tier.values():
        assert found.kinds == ("overview",) * 3 + ("native",) * 5
        assert found.pixels.shape == (8, 96, 96, 3)


def test_a_crop_that_shrank_too_much_gives_no_native_views() -> None:
    large = picture_of({"crop": item("crop", 6000, (256, 256)), "overview": item("overview", 6000, (348, 232))})
    (telegram,) = views_of(large, ["telegram"], 8, 96)
    assert telegram.kinds == ("overview",) * 3
    (hard,) = views_of(large, ["hard"], 8, 96)  # 512 pixels: the overview is nearly as large
    assert hard.kinds == ("overview",) * 3 + ("native",) * 5
    alone = picture_of({"crop": item("crop", 6000, (256, 256))})
    (nothing,) = views_of(alone, ["hard"], 8, 96)
    assert nothing.kinds == ()
    assert nothing.pixels.shape == (0, 96, 96, 3)


def test_a_damaged_file_gives_nothing() -> None:
    assert views_of(picture_of({"original": item("original", 10, (8, 8), b"\x89PNG nonsense")}), TIERS, 8, 96) == []


def test_a_small_crop_is_mirrored_and_not_enlarged() -> None:
    crop = picture(0, 2, 100, 130)
    pixels = mirrored(crop, 128)
    assert pixels.shape == (130, 128, 3)
    assert np.array_equal(pixels[:, :100], np.asarray(crop))
    assert np.array_equal(pixels[:, 100], pixels[:, 99])
