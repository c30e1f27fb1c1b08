"""Any Pillow picture -> upright sRGB pixels, alpha over white.

The work goes in bands of rows straight into the finished array. So a large picture is never held more than once beside
its decoded original, and the caller's `tick` is asked between bands whether there is time left.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.uint8]

BAND_PIXELS = 1_000_000
ALPHA_ON_WHITE = "alpha-on-white"
COLOURS_CONVERTED = "colours-converted"

# A profile that changes no colour by more than this is sRGB under another name; converting would only add noise.
_SAME = 2
_GREY = ("L", "LA", "La")
_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


@dataclass(frozen=True, slots=True)
class Converted:
    pixels: Pixels
    notes: tuple[str, ...]


def convert(picture: Image.Image, icc: bytes | None, orientation: int, tick: Callable[[], None]) -> Converted:
    """`picture` must be loaded; `orientation` is EXIF's 1..8. A broken profile is ignored."""
    width, height = picture.size
    turned = orientation >= 5
    upright = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    target = _as_stored(upright, orientation)
    profile = _transform(picture, icc)
    scale = _scale(picture)
    transparent = False
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        tick()
        bottom = min(height, top + rows)
        whole = bottom - top == height  # most pictures of chats: they are not copied first
        band, alpha = _colours(picture if whole else picture.crop((0, top, width, bottom)), profile, scale)
        if alpha is not None and alpha.getextrema() != (255, 255):
            transparent = True
            white = Image.new("RGB", band.size, "white")
            white.paste(band, mask=alpha)
            band = white
        target[top:bottom] = np.asarray(band)
    notes = (ALPHA_ON_WHITE,) * transparent + (COLOURS_CONVERTED,) * (profile is not None)
    return Converted(upright, notes)


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of the upright array whose rows are the rows of the stored picture."""
    if orientation >= 5:
        upright = upright.transpose(1, 0, 2)
    across, down = {2: (-1, 1), 3: (-1, -1), 4: (1, -1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return upright[::down, ::across]


def _colours(
    band: Image.Image, profile: ImageCms.ImageCmsTransform | None, scale: tuple[float, float]
) -> tuple[Image.Image, Image.Image | None]:
    """The band in RGB, and its alpha channel."""
    if band.mode.startswith(("I", "F")):
        low, factor = scale
        grey = np.asarray(band).astype(np.float32)
        if band.mode == "F":
            grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
        band = Image.fromarray(np.rint(np.clip((grey - low) * factor, 0, 255)).astype(np.uint8))
    alpha = None
    if band.mode in _ALPHA_MODES or "transparency" in band.info:
        band = band.convert("LA" if band.mode in _GREY else "RGBA")
        alpha = band.getchannel("A")
        band = band.getchannel("L") if band.mode == "LA" else band.convert("RGB")
    if profile is not None:
        if band.mode not in ("L", "RGB", "CMYK", "LAB"):
            band = band.convert("RGB")
        band = ImageCms.applyTransform(band, profile) or band
    return band if band.mode == "RGB" else band.convert("RGB"), alpha


def _scale(picture: Image.Image) -> tuple[float, float]:
    """(black, factor) that brings wide grey values to 0..255: 16-bit ones by their range, others by what is in them."""
    if picture.mode.startswith("I;16"):
        return 0.0, 1 / 257
    if picture.mode not in ("I", "F"):
        return 0.0, 1.0
    extrema = picture.getextrema()
    low, high = (float(value) for value in extrema if isinstance(value, int | float))
    if not np.isfinite(low) or not np.isfinite(high):
        return 0.0, 255.0
    if low >= 0:
        for top in (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0):
            if high <= top:
                return 0.0, 255.0 / top
    return low, 255.0 / max(high - low, 1e-9)


def _transform(picture: Image.Image, icc: bytes | None) -> ImageCms.ImageCmsTransform | None:
    """The way from the picture's profile to sRGB; None when there is none, it is broken, or it changes nothing."""
    if not icc and picture.mode != "LAB":
        return None
    mode = picture.mode if picture.mode in ("CMYK", "LAB") else "RGB"
    if picture.mode in _GREY or picture.mode.startswith(("I", "F")):
        mode = "L"
    srgb = ImageCms.createProfile("sRGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc and mode != "LAB" else ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
        if mode == "RGB" and _same(transform):
            return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform


def _same(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(64, 64, 3)
    after = ImageCms.applyTransform(Image.fromarray(cube), transform)
    return after is not None and int(np.abs(np.asarray(after).astype(np.int16) - cube).max()) <= _SAME
