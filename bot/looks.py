"""How a picture looks, in 64 bits: copies that were resized or saved again differ in a few of them.

The perceptual hash of Zauner 2010 ("Implementation and Benchmarking of Perceptual Image Hash Functions"): the signs of
the lowest frequencies of the small grey picture, about their median.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEAR = 4  # bits in which a copy may differ
_SIDE, _LOW = 32, 8

_WAVES = np.cos(np.pi * np.outer(np.arange(_LOW), 2 * np.arange(_SIDE) + 1) / (2 * _SIDE))


def looks(pixels: NDArray[np.uint8]) -> int:
    """Of (height, width, 3)."""
    small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = _WAVES @ np.asarray(small, np.float64) @ _WAVES.T
    bits = (low > np.median(low)).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def alike(one: int, other: int) -> bool:
    """Whether two pictures are probably copies of each other."""
    return (one ^ other).bit_count() <= NEAR
