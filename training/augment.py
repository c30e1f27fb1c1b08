"""What chats do to a picture on its way, done at random to both classes alike.

A tile is rescaled with a random kernel, cut, flipped, its tones shifted a little, and encoded once or twice as JPEG or WebP at any quality
that platforms use. The cut comes after the last encoding, so that the encoder's block grid lies anywhere, as it does in a native view.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

KERNELS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)
MARGIN = 12  # pixels encoded beyond the cut, on the right and below: more than a JPEG block


def augment(tile: Image.Image, view: str, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """One training sample, uint8 (side, side, 3), from a `native` or `overview` tile."""
    if view == "native" and random.random() < 0.5:
        tile = encode(tile, random)  # evens out that reals were more often JPEG before they came here
    tile = rescale(tile, view, side + MARGIN, random)
    if random.random() < 0.5:
        tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if random.random() < 0.4:
        tile = tone(tile, random)
    if random.random() < 0.06:
        tile = tile.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    if random.random() < 0.06:
        tile = grain(tile, random)
    if random.random() < 0.9:
        tile = encode(tile, random)
    left, top = (int(v) for v in random.integers(0, MARGIN + 1, 2))
    return np.asarray(tile.crop((left, top, left + side, top + side)))


def augment_whole(tile: Image.Image, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """One sample for the network of composition, uint8 (side, side, 3), from an `overview` tile.

    A third are the middle square as it is served; what a chat's encoder did is faint once a picture is shrunk this far, so only
    half of the others are encoded again.
    """
    shortest = min(tile.size)
    plain = random.random() < 1 / 3
    part = shortest if plain or random.random() < 0.4 else shortest * float(np.sqrt(random.uniform(0.6, 1.0)))
    left, top = (tile.width - part) / 2, (tile.height - part) / 2
    if not plain:
        left, top = random.uniform(0, tile.width - part), random.uniform(0, tile.height - part)
    kernel = Image.Resampling.BICUBIC if plain else KERNELS[random.integers(len(KERNELS))]
    tile = tile.resize((side, side), kernel, box=(left, top, left + part, top + part))
    if plain:
        return np.asarray(tile)
    if random.random() < 0.5:
        tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if random.random() < 0.4:
        tile = tone(tile, random)
    if random.random() < 0.06:
        tile = tile.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.0)))
    if random.random() < 0.5:
        tile = encode(tile, random)
    return np.asarray(tile)


def rescale(tile: Image.Image, view: str, edge: int, random: np.random.Generator) -> Image.Image:
    """A random square of the tile at `edge` pixels. Native tiles keep about their scale; of an overview at least half is kept."""
    kernel = KERNELS[random.integers(len(KERNELS))]
    shortest = min(tile.size)
    if view == "native":
        # A third stay as they are: the finest traces survive no resampling.
        scale = 1.0 if random.random() < 0.33 else float(np.exp(random.uniform(np.log(0.65), np.log(1.3))))
        part = min(shortest, edge / scale)
    else:
        part = shortest * float(np.sqrt(random.uniform(0.5, 1.0)))
    left, top = random.uniform(0, tile.width - part), random.uniform(0, tile.height - part)
    if abs(part - edge) < 1:
        left, top = int(left), int(top)
        return tile.crop((left, top, left + edge, top + edge))
    return tile.resize((edge, edge), kernel, box=(left, top, left + part, top + part))


def encode(tile: Image.Image, random: np.random.Generator) -> Image.Image:
    """One round through an encoder: three in four JPEG at quality 30-97, else WebP at 40-95."""
    stored = io.BytesIO()
    if random.random() < 0.75:
        # The square root favours the better qualities, as chats do.
        quality = 30 + round(67 * random.random() ** 0.6)
        tile.save(stored, "JPEG", quality=quality, subsampling=int(random.choice([0, 2, 2])))
    else:
        tile.save(stored, "WEBP", quality=round(random.uniform(40, 95)), method=0)
    return Image.open(stored).convert("RGB")


def tone(tile: Image.Image, random: np.random.Generator) -> Image.Image:
    """Brightness, contrast and colour as an app's sliders would."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        tile = enhancer(tile).enhance(random.uniform(0.75, 1.25))
    return tile


def grain(tile: Image.Image, random: np.random.Generator) -> Image.Image:
    noise = random.normal(0, random.uniform(1, 6), (tile.height, tile.width, 1))
    return Image.fromarray(np.clip(np.asarray(tile) + noise, 0, 255).astype(np.uint8))
