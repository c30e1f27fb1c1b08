"""The views that the network would see of a stored picture, delivered at each tier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.views import View, native_views, overview_views, take_views
from training.pictures import Picture
from training.prepare import open_upright
from training.tiers import deliver, deliver_crop, deliver_overview

KINDS = ("none", "overview", "native", "composition")
SMALLEST = 128  # a packed crop that is smaller than this after delivery shows too little to stand for the native views
ENLARGED = 2.0  # an overview enlarged by more than this shows no pixel as delivered


@dataclass(frozen=True)
class TierViews:
    key: str
    tier: str
    pixels: NDArray[np.uint8]
    kinds: tuple[str, ...]
    whole: NDArray[np.uint8] | None = None  # the view for composition


def views_of(picture: Picture, tiers: Sequence[str], count: int, side: int, whole_side: int = 0) -> list[TierViews]:
    """Up to `count` views at each tier, none at one for which too little is stored; and where `whole_side` is not 0 the one for
    composition. An empty list: a damaged file."""
    try:
        opened = {view: open_upright(item.read()) for view, item in picture.stored.items()}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return []
    return list(
        whole_views(picture, opened, tiers, count, side, whole_side)
        if picture.complete
        else packed_views(picture, opened, tiers, count, side, whole_side)
    )


def whole_views(
    picture: Picture, opened: dict[str, Image.Image], tiers: Sequence[str], count: int, side: int, whole_side: int
) -> Iterator[TierViews]:
    (whole,) = opened.values()
    for tier in tiers:
        views = take_views(np.asarray(deliver(whole, tier, picture.id)), count, side, whole_side)
        yield TierViews(picture.key, tier, views.pixels, views.kinds, views.whole)


def packed_views(
    picture: Picture, opened: dict[str, Image.Image], tiers: Sequence[str], count: int, side: int, whole_side: int
) -> Iterator[TierViews]:
    """Native views from the crop, overviews from the overview, each as it would look had the whole been delivered."""
    crop, overview = opened.get("crop"), opened.get("overview")
    longest = longest_side(picture.width, overview)
    overviews = max(1, round(count * 3 / 8))
    for tier in tiers:
        found: list[View] = []
        seen = None if overview is None else deliver_overview(overview, tier, longest, picture.id)
        if seen is not None:
            found += overview_views(np.asarray(seen), overviews, side)
        native = None if crop is None else deliver_crop(crop, tier, longest, picture.id)
        if native is not None and min(native.size) >= SMALLEST:
            found += native_views(mirrored(native, side), count - overviews, side)
        elif seen is not None and overview is not None and max(seen.size) <= ENLARGED * max(overview.size):
            found += native_views(np.asarray(seen), count - overviews, side)
        pixels = np.stack([view for view, _, _ in found]) if found else np.zeros((0, side, side, 3), np.uint8)
        whole = overview_views(np.asarray(seen), 1, whole_side)[0][0] if whole_side and seen is not None else None
        yield TierViews(picture.key, tier, pixels, tuple(kind for _, _, kind in found), whole)


def longest_side(width: int, overview: Image.Image | None) -> int:
    """Of the original, from its width and the shape of the overview; taken as square where there is none."""
    if overview is None or overview.width >= overview.height:
        return max(width, 256)
    return max(round(width * overview.height / overview.width), 256)


def mirrored(crop: Image.Image, side: int) -> NDArray[np.uint8]:
    """A crop that became smaller than a view is continued by its mirror image: enlarging it would change its traces."""
    pixels = np.asarray(crop)
    down, across = max(0, side - crop.height), max(0, side - crop.width)
    return np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="symmetric") if down or across else pixels
