import numpy as np
import pytest
from numpy.typing import NDArray

from model.views import native_views, overview_views, positions, take_views, textured_corners


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


SIZES = [
    (64, 64),
    (65, 64),
    (300, 200),
    (1024, 1024),
    (640, 80),
    (80, 6000),
    (6000, 80),
    (193, 192),
    (5, 300),
    (3000, 2000),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 2, 8])
def test_views_of_any_size_are_whole_and_in_bounds(size: tuple[int, int], count: int) -> None:
    pixels = noise(*size)
    views = take_views(pixels, count, 96)
    assert views.pixels.shape == (count, 96, 96, 3)
    assert views.pixels.dtype == np.uint8
    assert len(views.boxes) == len(views.kinds) == count
    assert views.kinds.count("overview") == max(1, round(count * 3 / 8))
    for left, top, right, bottom in views.boxes:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]


@pytest.mark.parametrize("size", [(1000, 700), (80, 500), (256, 256)])
def test_the_same_picture_gives_the_same_views(size: tuple[int, int]) -> None:
    first, again = take_views(noise(*size), 8, 96), take_views(noise(*size), 8, 96)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.boxes == again.boxes


def test_native_views_are_pixels_as_delivered() -> None:
    pixels = noise(700, 500)
    for view, (left, top, right, bottom), kind in native_views(pixels, 5, 96):
        assert kind == "native"
        assert np.array_equal(view, pixels[top:bottom, left:right])


def test_native_views_look_where_texture_is() -> None:
    pixels = np.full((960, 960, 3), 128, np.uint8)
    pixels[480:, 480:] = noise(480, 480)
    for _, (left, top, _, _), _ in native_views(pixels, 3, 96):
        assert left >= 400
        assert top >= 400


def test_native_views_do_not_lie_on_each_other() -> None:
    boxes = [box for _, box, _ in native_views(noise(1200, 900), 5, 192)]
    assert len(set(boxes)) == 5
    for number, (left, top, _, _) in enumerate(boxes):
        for other_left, other_top, _, _ in boxes[:number]:
            assert abs(left - other_left) >= 96 or abs(top - other_top) >= 96


def test_overviews_cover_the_long_side() -> None:
    boxes = [box for _, box, _ in overview_views(noise(900, 300), 3, 96)]
    assert boxes[0][0] == 0
    assert boxes[-1][2] == 900
    assert all(box[3] - box[1] == 300 for box in boxes)


def test_overviews_of_a_square_differ() -> None:
    views = [view for view, _, _ in overview_views(noise(500, 500), 3, 96)]
    assert not np.array_equal(views[0], views[1])
    assert not np.array_equal(views[1], views[2])


def test_what_is_no_picture_is_named() -> None:
    for wrong in (np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(ValueError, match="expected uint8"):
            take_views(wrong, 8, 96)  # type: ignore[arg-type]


def test_a_picture_without_room_for_a_view_is_named() -> None:
    with pytest.raises(ValueError, match="1 × 1 pixels is too narrow"):
        take_views(noise(1, 1), 16, 96)
    for pixels in (noise(1, 300), noise(300, 1), noise(2, 2), noise(32, 32)):
        try:
            boxes = take_views(pixels, 16, 96).boxes
        except ValueError:
            continue
        assert all(left < right and top < bottom for left, top, right, bottom in boxes)


def plainly(pixels: NDArray[np.uint8], count: int, side: int) -> list[tuple[int, int]]:
    """What `textured_corners` chooses, as one would write it down first; scores and calibrations rest on these very squares."""
    height, width = pixels.shape[:2]
    step = max(side // 2, max(height, width) // 24)
    candidates = []
    for top in positions(height, side, step):
        for left in positions(width, side, step):
            patch = pixels[top : top + side : 2, left : left + side, 1].astype(int)
            candidates.append((float(np.minimum(np.abs(np.diff(patch, axis=1)), 24).mean()), left, top))
    chosen: list[tuple[int, int]] = []

    def shared(left: int, top: int) -> float:
        return max(
            (max(0, side - abs(left - x)) * max(0, side - abs(top - y)) / (side * side) for x, y in chosen), default=0.0
        )

    while len(chosen) < count:
        _, left, top = max(candidates, key=lambda one: (one[0] + 0.5) * (1.0 - shared(one[1], one[2])))
        chosen.append((left, top))
    return chosen


def test_the_chosen_squares_are_those_of_the_plain_way() -> None:
    random = np.random.default_rng(5)
    walk = np.clip(np.cumsum(random.normal(0, 4, (431, 613, 3)), axis=1) + 128, 0, 255).astype(np.uint8)
    half = np.full((500, 300, 3), 90, np.uint8)
    half[:, 150:] = noise(150, 500)
    flat = np.full((333, 777, 3), 7, np.uint8)  # every square alike: the first counts
    for pixels in (walk, half, flat, noise(96, 96), noise(97, 2000), noise(2500, 1201)):
        for count, side in ((5, 96), (1, 64), (12, 80)):
            assert textured_corners(pixels, count, side) == plainly(pixels, count, side)


@pytest.mark.parametrize("size", [(300, 300), (310, 300), (640, 300), (300, 900), (40, 30)])
@pytest.mark.parametrize("count", [1, 8])
def test_the_whole_is_the_middle_square_at_its_own_size(size: tuple[int, int], count: int) -> None:
    width, height = size
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    pixels = np.broadcast_to(
        ramp[None, :width, None] if width >= height else ramp[:height, None, None], (height, width, 3)
    )
    views = take_views(np.ascontiguousarray(pixels), count, 64, 96)
    assert views.whole is not None and views.whole.shape == (96, 96, 3)
    left, top, right, bottom = views.whole_box
    edge = min(size)
    assert abs(right - left - edge) <= 2 and abs(bottom - top - edge) <= 2
    if max(size) > 1.1 * edge:
        assert abs((left + right) / 2 - width / 2) <= 2 and abs((top + bottom) / 2 - height / 2) <= 2
        assert abs(float(views.whole.mean()) - float(pixels.mean())) < 3, "the middle of a ramp is its mean"
    assert views.parts[-1] == ("composition", views.whole_box)
    assert len(views.parts) == count + 1


def test_without_a_network_for_composition_there_is_no_whole() -> None:
    views = take_views(np.zeros((80, 120, 3), np.uint8), 8, 64)
    assert views.whole is None
    assert views.parts == list(zip(views.kinds, views.boxes, strict=True))
