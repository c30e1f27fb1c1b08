"""What a sample's pixels tell of its way: the grid and the steps of a JPEG encoder, and how much colour detail is left.

Nothing of these looks at what is shown. Samples are uint8 (side, side, 3), cut at any offset from an encoder's grid.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 8
COEFFICIENTS = ((0, 1), (1, 0), (1, 1), (2, 0), (0, 2))  # low frequencies: they survive most encoders
STEPS = np.arange(2, 41)  # quantisation steps that are looked for
QUALITY = ("grid across", "grid down", *(f"{what} {c}" for c in COEFFICIENTS for what in ("step", "comb")))
COLOUR = ("colour detail", "colour against light")


def quality(sample: NDArray[np.uint8]) -> Floats:
    """As named by QUALITY: how much stronger the steps between pixels are on the best 8-pixel grid than off it, and
    for each coefficient of the blocks on that grid the quantisation step that fits best, and how well."""
    light = luma(sample)
    across, down = grid(np.abs(np.diff(light, axis=1)).mean(axis=0)), grid(np.abs(np.diff(light, axis=0)).mean(axis=1))
    blocks = cut_blocks(light, down[1], across[1])
    found = [across[0], down[0]]
    transformed = COSINES @ (blocks - 128) @ COSINES.T
    for row, column in COEFFICIENTS:
        found += step(transformed[:, row, column])
    return np.array(found)


def colour(sample: NDArray[np.uint8]) -> Floats:
    """As named by COLOUR: fine steps of the colour channels against coarse ones, and that against the light's."""
    pixels = sample.astype(np.float64)
    light = luma(sample)
    detail = [fineness(pixels[..., channel] - light) for channel in (0, 2)]
    return np.array([np.mean(detail), np.mean(detail) - fineness(light)])


def luma(sample: NDArray[np.uint8]) -> Floats:
    return np.asarray(sample.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def grid(profile: Floats) -> tuple[float, int]:
    """The largest of the 8 phases of a profile of steps against the median one, and the pixel where the grid starts."""
    whole = profile[: len(profile) // BLOCK * BLOCK].reshape(-1, BLOCK)
    phases = np.median(whole, axis=0) + 1e-3
    best = int(phases.argmax())
    return float(np.log(phases[best] / np.median(phases))), (best + 1) % BLOCK


def cut_blocks(light: Floats, top: int, left: int) -> Floats:
    """(n, 8, 8) blocks on the grid that starts at `top`, `left`."""
    part = light[top:, left:]
    rows, columns = part.shape[0] // BLOCK, part.shape[1] // BLOCK
    part = part[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return part.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)


def step(values: Floats) -> tuple[float, float]:
    """The log of the quantisation step whose multiples the values lie nearest to, and how near (0 to 1)."""
    large = values[np.abs(values) > 2]  # zeros are multiples of every step
    if len(large) < 12:
        return 0.0, 0.0
    nearness = np.cos(2 * np.pi * large[:, None] / STEPS).mean(axis=0)
    best = int(nearness.argmax())
    return float(np.log(STEPS[best])), float(nearness[best])


def fineness(channel: Floats) -> float:
    """The log of steps between neighbours against steps four pixels apart."""
    fine = np.abs(np.diff(channel, axis=1)).mean() + np.abs(np.diff(channel, axis=0)).mean()
    coarse = np.abs(channel[:, 4:] - channel[:, :-4]).mean() + np.abs(channel[4:] - channel[:-4]).mean()
    return float(np.log((fine + 1e-2) / (coarse + 1e-2)))


def cosines() -> Floats:
    """The matrix of the discrete cosine transform that JPEG uses (type II, orthonormal)."""
    places = np.arange(BLOCK)
    matrix = np.cos(np.pi * (2 * places[None, :] + 1) * places[:, None] / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix)


COSINES = cosines()
