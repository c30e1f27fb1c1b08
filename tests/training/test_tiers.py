import numpy as np
import pytest
from PIL import Image

from tests.training.made import picture
from training.tiers import TIERS, deliver, deliver_crop, deliver_overview


@pytest.mark.parametrize("size", [(2000, 1000), (300, 900), (64, 64)])
def test_sizes_at_each_tier(size: tuple[int, int]) -> None:
    made = picture(0, 1, *size)
    assert deliver(made, "clean", "a") is made
    assert max(deliver(made, "telegram", "a").size) == min(1280, max(size))
    assert max(deliver(made, "hard", "a").size) == min(512, max(size))
    shown = deliver(made, "screenshot", "a")
    assert 0.5 * min(size) - 1 <= min(shown.size)
    assert max(shown.size) <= min(1600, 1.2 * max(size)) + 14


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_of_a_picture_is_always_the_same(tier: str) -> None:
    made = picture(1, 2)
    first, again = (np.asarray(deliver(made, tier, "name")) for _ in range(2))
    assert np.array_equal(first, again)


def test_pictures_of_other_names_are_shown_at_other_sizes() -> None:
    made = picture(1, 2)
    assert len({deliver(made, "screenshot", f"{number}").size for number in range(8)}) > 4


def test_a_screenshot_is_the_picture_and_a_little_of_the_window() -> None:
    made = Image.new("RGB", (400, 300), (200, 30, 30))
    for number in range(12):
        shown = np.asarray(deliver(made, "screenshot", f"{number}")).astype(int)
        red = (shown[..., 0] > 150) & (shown[..., 1] < 90)
        assert red.mean() > 0.85
        assert red[len(red) // 2, red.shape[1] // 2]


def test_hard_costs_more_than_telegram() -> None:
    made = picture(0, 3, 400, 400)

    def distance(tier: str) -> float:
        return float(np.abs(np.asarray(deliver(made, tier, "a")).astype(int) - np.asarray(made)).mean())

    assert 0 < distance("telegram") < distance("hard")


def test_a_crop_shrinks_as_its_whole_would() -> None:
    crop = picture(0, 4, 256, 256)
    assert deliver_crop(crop, "clean", 4000, "a").size == (256, 256)
    assert deliver_crop(crop, "telegram", 2560, "a").size == (128, 128)
    assert deliver_crop(crop, "telegram", 1000, "a").size == (256, 256)


def test_an_overview_is_encoded_at_the_size_of_its_whole() -> None:
    overview = picture(0, 5, 348, 232)
    assert deliver_overview(overview, "telegram", 4000, "a").size == (1280, 853)
    assert deliver_overview(overview, "hard", 4000, "a").size == (512, 341)
    assert deliver_overview(overview, "clean", 4000, "a") is overview


def test_an_unknown_tier_is_named() -> None:
    with pytest.raises(ValueError, match="fax"):
        deliver(picture(0, 1), "fax", "a")
