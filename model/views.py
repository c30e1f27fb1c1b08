"""A picture -> the square views that the network sees. Training, evaluation and serving all use this file.

Two kinds of view, because each sees what the other can't: `overview` views show the whole picture shrunk (composition, anatomy,
light), `native` views show pixels as delivered, unscaled (the traces that a generator's decoder and upsampler leave).
Native views are taken where the picture has texture: a flat sky carries no trace.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]

SIDE = 192  # pixels of a view's side when serving


@dataclass(frozen=True, slots=True)
class Views:
    """`pixels` is uint8 (n, side, side, 3); `boxes` are left, top, right, bottom in pixels of the picture; `kinds` says which kind."""

    pixels: Pixels
    boxes: tuple[Box, ...]
    kinds: tuple[str, ...]
    whole: Pixels | None = None  # the middle square at another size, for the network of composition, and its box
    whole_box: Box = (0, 0, 0, 0)

    @property
    def parts(self) -> list[tuple[str, Box]]:
        """The kind and box of each, in the order in which they are judged; the whole is last."""
        found = list(zip(self.kinds, self.boxes, strict=True))
        return found if self.whole is None else [*found, ("composition", self.whole_box)]


def take_views(pixels: Pixels, count: int, side: int = SIDE, whole_side: int = 0) -> Views:
    """Cut `count` views out of a uint8 (height, width, 3) picture: about three overviews in eight, the rest native; and, where
    `whole_side` is not 0, its middle square at that many pixels.

    The picture may have any size; one smaller than `side` is enlarged first. The same picture always gives the same views.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"expected uint8 (height, width, 3), got {pixels.dtype} {pixels.shape}")
    overviews = overview_views(pixels, max(1, round(count * 3 / 8)), side)
    natives = native_views(pixels, count - len(overviews), side)
    found = overviews + natives
    if any(left >= right or top >= bottom for _, (left, top, right, bottom), _ in found):
        height, width = pixels.shape[:2]
        raise ValueError(f"a picture of {width} × {height} pixels is too narrow for views")
    views = np.stack([view for view, _, _ in found])
    boxes, kinds = tuple(box for _, box, _ in found), tuple(kind for _, _, kind in found)
    if not whole_side:
        return Views(views, boxes, kinds)
    ((whole, box, _),) = overview_views(pixels, 1, whole_side)
    return Views(views, boxes, kinds, whole, box)


View = tuple[Pixels, Box, str]


def overview_views(pixels: Pixels, count: int, side: int) -> list[View]:
    """The picture with its short side at `side`, cut into `count` squares spread along the long side."""
    height, width = pixels.shape[:2]
    scale = side / min(height, width)
    # At this scale a panorama would be a strip of tiny squares; more than `count` squares are simply not looked at.
    new_width, new_height = max(side, round(width * scale)), max(side, round(height * scale))
    shrunk = np.asarray(
        Image.fromarray(pixels).resize((new_width, new_height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    )
    room = max(new_width, new_height) - side
    offsets = [room // 2] if count == 1 else [round(room * i / (count - 1)) for i in range(count)]
    if room < side // 16:  # a square picture: the squares would be the same; look at smaller parts of the whole instead
        return square_overviews(pixels, count, side)
    views: list[View] = []
    for offset in offsets:
        left, top = (offset, 0) if new_width >= new_height else (0, offset)
        box = (round(left / scale), round(top / scale), round((left + side) / scale), round((top + side) / scale))
        views.append((shrunk[top : top + side, left : left + side], clip(box, width, height), "overview"))
    return views


def square_overviews(pixels: Pixels, count: int, side: int) -> list[View]:
    """For a nearly square picture: the whole, then its corners at 4/5 of the size, opposite ones first."""
    height, width = pixels.shape[:2]
    edge = min(height, width)
    part = edge * 4 // 5
    boxes: list[Box] = [(0, 0, edge, edge)]
    for left, top in ((0, 0), (width - part, height - part), (width - part, 0), (0, height - part)):
        boxes.append((left, top, left + part, top + part))
    picture = Image.fromarray(pixels)
    return [
        (np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)), box, "overview")
        for box in (boxes * (count // len(boxes) + 1))[:count]
    ]


def native_views(pixels: Pixels, count: int, side: int) -> list[View]:
    """`count` unscaled squares, chosen greedily for texture and for not overlapping those already chosen."""
    height, width = pixels.shape[:2]
    if min(height, width) < side:
        scale = side / min(height, width)
        size = (max(side, round(width * scale)), max(side, round(height * scale)))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    else:
        scale = 1.0
    views: list[View] = []
    for left, top in textured_corners(pixels, count, side):
        box = (round(left / scale), round(top / scale), round((left + side) / scale), round((top + side) / scale))
        views.append((pixels[top : top + side, left : left + side], clip(box, width, height), "native"))
    return views


def textured_corners(pixels: Pixels, count: int, side: int) -> list[tuple[int, int]]:
    """Left and top of `count` squares. Texture is the mean absolute difference of neighbouring pixels, capped so that
    a page of text or a hard edge doesn't outweigh skin, foliage and cloth."""
    height, width = pixels.shape[:2]
    step = max(side // 2, max(height, width) // 24)  # at most about 24 candidates a side, however large the picture
    lefts, tops = np.array(positions(width, side, step)), np.array(positions(height, side, step))
    candidates = np.array([texture(pixels, lefts, top, side) for top in tops]) + 0.5
    overlap = np.zeros(candidates.shape)  # of each candidate with that of the chosen which it overlaps most
    chosen: list[tuple[int, int]] = []
    while len(chosen) < count:
        row, column = divmod(int(np.argmax(candidates * (1.0 - overlap))), len(lefts))
        left, top = int(lefts[column]), int(tops[row])
        chosen.append((left, top))
        across, down = np.maximum(0, side - np.abs(lefts - left)), np.maximum(0, side - np.abs(tops - top))
        overlap = np.maximum(overlap, down[:, None] * across / (side * side))
    return chosen


def texture(pixels: Pixels, lefts: NDArray[np.int64], top: int, side: int) -> NDArray[np.float64]:
    """Of the squares with this top: the mean step between neighbours in every other row of the green channel, each at most 24."""
    rows = np.ascontiguousarray(pixels[top : top + side : 2, :, 1])
    before, after = rows[:, :-1], rows[:, 1:]
    steps = np.maximum(before, after)
    steps -= np.minimum(before, after)
    np.minimum(steps, 24, out=steps)
    # Sums of whole numbers, which squares that overlap share; so they are exact.
    up_to = np.concatenate([[0], np.cumsum(steps.sum(axis=0, dtype=np.uint32), dtype=np.int64)])
    sums: NDArray[np.float64] = (up_to[lefts + side - 1] - up_to[lefts]) / (len(rows) * (side - 1))
    return sums


def positions(length: int, side: int, step: int) -> list[int]:
    """Offsets of squares that cover `length`, evenly spaced, about `step` apart."""
    room = length - side
    number = -(-room // step) + 1
    return [room // 2] if number == 1 else [round(room * i / (number - 1)) for i in range(number)]


def clip(box: Box, width: int, height: int) -> Box:
    left, top, right, bottom = box
    return max(0, left), max(0, top), min(width, right), min(height, bottom)
