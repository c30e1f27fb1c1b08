"""Where a score came from, drawn over the picture.

With global average pooling and a linear head, a view's logit is the mean of (feature map . weights) over its places, so the class
activation map (Zhou et al. 2016) is exact, not an estimate: the mean of the map is the logit.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model.calibration import Calibration
from model.views import Pixels, Views

GRID = 96  # cells along the picture's long side that contributions are added up in
AI, REAL = (214, 90, 20), (20, 110, 190)  # orange and blue: told apart by colour-blind people too


def heat_map(
    maps: NDArray[np.float32], weights: NDArray[np.float32], bias: float, views: Views, shape: tuple[int, ...], calibration: Calibration
) -> NDArray[np.float32]:
    """Each place's share in the calibrated score, averaged over the views that saw it; places no native view saw have the overviews' say.

    `maps` is (views, rows, columns, features). Returns float32 (height, width), -1..1, scaled so that the strongest place is 1 or -1.
    """
    height, width = shape[0], shape[1]
    scale = GRID / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    total, seen = np.zeros((2, rows, columns)), np.zeros((2, rows, columns))
    places = maps @ weights + bias
    for place, box, kind in zip(places, views.boxes, views.kinds, strict=True):
        which = 0 if kind == "overview" else 1
        left, top, right, bottom = (round(edge * scale) for edge in box)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        drawn = np.asarray(Image.fromarray(place.astype(np.float32)).resize((right - left, bottom - top), Image.Resampling.BILINEAR))
        region = (which, slice(top, min(bottom, rows)), slice(left, min(right, columns)))
        part = drawn[: min(bottom, rows) - top, : min(right, columns) - left]
        total[region] += part
        seen[region] += 1
    mean = total / np.maximum(seen, 1)
    heat = calibration.overview * mean[0] + calibration.native * mean[1]
    heat = heat / max(float(np.abs(heat).max()), 1e-6)
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(smooth, np.float32), -1, 1)


def draw(pixels: Pixels, heat: NDArray[np.float32], longest: int = 1024) -> Image.Image:
    """The picture in grey under the heat in colour, with a legend: what spoke for AI in orange, for a real picture in blue."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((longest, longest))
    strength = np.asarray(Image.fromarray(heat).resize(picture.size, Image.Resampling.BILINEAR))[..., None]
    base = np.asarray(picture.convert("L").convert("RGB"), np.float32) * 0.75 + 40
    colour = np.where(strength > 0, np.float32(AI), np.float32(REAL))
    opacity = np.minimum(np.abs(strength), 1.0) * 0.65
    canvas = Image.fromarray(np.uint8(np.clip(base * (1 - opacity) + colour * opacity, 0, 255)))
    return with_legend(canvas)


def with_legend(picture: Image.Image) -> Image.Image:
    font = ImageFont.load_default(max(13, picture.width // 48))
    line = int(font.size * 1.9)
    out = Image.new("RGB", (picture.width, picture.height + line), "white")
    out.paste(picture, (0, 0))
    draw_on = ImageDraw.Draw(out)
    x = line // 3
    for colour, words in ((AI, "speaks for AI"), (REAL, "speaks for a real picture")):
        draw_on.rectangle((x, picture.height + line // 4, x + line // 2, picture.height + line * 3 // 4), fill=colour)
        x += line * 2 // 3
        draw_on.text((x, picture.height + line // 2), words, fill="black", font=font, anchor="lm")
        x += int(draw_on.textlength(words, font)) + line // 2
    return out
