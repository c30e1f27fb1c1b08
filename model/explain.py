"""Where a score came from, drawn over the picture.

With global average pooling and a linear head, a view's logit is the mean of (feature map . weights) over its places, so the class
activation map (Zhou et al. 2016) is exact, not an estimate: the mean of the map is the logit.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.calibration import KINDS, Calibration
from model.scale import AI, PAPER, REAL, Legend, Scale, foot
from model.views import Box, Pixels

GRID = 96  # cells along the picture's long side that contributions are added up in
NARROWEST = 480  # pixels of the width of a drawing with a scale, so that its words have room
ENGLISH = Legend()


def heat_map(
    places: Sequence[NDArray[np.float32]],
    boxes: Sequence[Box],
    kinds: Sequence[str],
    shape: tuple[int, ...],
    calibration: Calibration,
    longest: int | None = None,
) -> NDArray[np.float32]:
    """Each place's share in the calibrated score, averaged over the views that saw it; where no native view looked,
    the overviews have their say.

    `places` has (rows, columns) for each of the `boxes`: the logit that each place speaks for. `shape` is the picture's. Returns
    float32 (height, width), -1..1, scaled so that the strongest place is 1 or -1; smaller than the picture when its longer side is
    more than `longest`.
    """
    height, width = shape[0], shape[1]
    scale = GRID / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    total, seen = np.zeros((len(KINDS), rows, columns)), np.zeros((len(KINDS), rows, columns))
    for place, box, kind in zip(places, boxes, kinds, strict=True):
        which = KINDS.index(kind)
        left, top, right, bottom = (round(edge * scale) for edge in box)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        drawn = np.asarray(
            Image.fromarray(place.astype(np.float32)).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
        )
        region = (which, slice(top, min(bottom, rows)), slice(left, min(right, columns)))
        inside = drawn[: min(bottom, rows) - top, : min(right, columns) - left]
        total[region] += inside
        seen[region] += 1
    mean = total / np.maximum(seen, 1)
    weights = (calibration.overview, calibration.native, calibration.composition)
    heat = np.sum([weight * part for weight, part in zip(weights, mean, strict=True)], axis=0)
    heat = heat / max(float(np.abs(heat).max()), 1e-6)
    part = min(1.0, longest / max(width, height)) if longest else 1.0
    size = (max(1, round(width * part)), max(1, round(height * part)))
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(smooth, np.float32), -1, 1)


def draw(
    pixels: Pixels, heat: NDArray[np.float32], longest: int = 1024, legend: Legend = ENGLISH, scale: Scale | None = None
) -> Image.Image:
    """The picture under its heat map, below it a legend, and a scale where one is given; no side exceeds `longest`."""
    height, width = pixels.shape[:2]
    narrowest = NARROWEST if scale else 1  # with a scale a stamp is enlarged, and a strip has room beside it
    below = foot(min(longest, max(narrowest, width)), legend, scale)
    fit = min(max(1.0, narrowest / max(width, height)), longest / width, (longest - below.height) / height)
    size = (max(1, round(width * fit)), max(1, round(height * fit)))
    if (broad := max(narrowest, size[0])) < below.width:
        below = foot(broad, legend, scale)
    out = Image.new("RGB", (below.width, size[1] + below.height), PAPER)
    out.paste(overlay(pixels, heat, size), ((out.width - size[0]) // 2, 0))
    out.paste(below, (0, size[1]))
    return out


def overlay(pixels: Pixels, heat: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """In this size the picture in grey under the heat in colour: what spoke for AI in orange, for real in blue."""
    picture = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    strength = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR))[..., None]
    base = np.asarray(picture.convert("L").convert("RGB"), np.float32) * 0.75 + 40
    colour = np.where(strength > 0, np.array(AI, np.float32), np.array(REAL, np.float32))
    opacity = np.minimum(np.abs(strength), 1.0) * 0.65
    return Image.fromarray(np.uint8(np.clip(base * (1 - opacity) + colour * opacity, 0, 255)))
