"""How pictures reach a chat: the delivery tiers that every figure is given for.

- `clean`: as the author's file has it.
- `telegram`: a photo through a messenger: longest side at most 1280 pixels, JPEG at quality 85.
- `hard`: forwarded often or a preview: longest side at most 512 pixels, JPEG at quality 40.
- `screenshot`: shown in a window at 0.5 to 1.2 of its size, among text, taken as a PNG or JPEG and cut back to the
  picture and a few pixels around it, as people crop.

What is random depends on the picture's name alone, so a tier of a picture is always the same.
A part of a picture (a packed crop or overview) is treated as it would be inside its whole, whose longest side is given.
"""

import io
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TIERS = ("clean", "telegram", "hard", "screenshot")
LONGEST = {"telegram": 1280, "hard": 512, "screenshot": 1600}  # no picture is shown larger than a screen
QUALITY = {"telegram": 85, "hard": 40}
WORDS = ("look", "this one", "from yesterday", "I think", "great", "where did you find it", "the light", "haha", "same")


def deliver(picture: Image.Image, tier: str, name: str) -> Image.Image:
    """The RGB picture as it arrives. `name` is the picture's id."""
    random = np.random.default_rng(zlib.crc32(f"{tier}/{name}".encode()))
    delivered = resize(picture, scale_of(tier, max(picture.size), random), random)
    return screenshot(delivered, random) if tier == "screenshot" else encode(delivered, tier)


def deliver_crop(crop: Image.Image, tier: str, longest: int, name: str) -> Image.Image:
    """A native crop out of a picture whose longest side is `longest`; it shrinks as much as the whole would."""
    random = np.random.default_rng(zlib.crc32(f"{tier}/{name}".encode()))
    delivered = resize(crop, scale_of(tier, longest, random), random)
    return screenshot(delivered, random, around=0) if tier == "screenshot" else encode(delivered, tier)


def deliver_overview(overview: Image.Image, tier: str, longest: int, name: str) -> Image.Image:
    """A shrunken whole: enlarged to the size at which the whole would arrive, where the encoder acts on it."""
    if tier == "clean":
        return overview
    random = np.random.default_rng(zlib.crc32(f"{tier}/{name}".encode()))
    arrives = longest * scale_of(tier, longest, random)
    delivered = resize(overview, max(1.0, arrives / max(overview.size)), random)
    return screenshot(delivered, random) if tier == "screenshot" else encode(delivered, tier)


def scale_of(tier: str, longest: int, random: np.random.Generator) -> float:
    """By how much a picture with this longest side is scaled on its way."""
    if tier not in TIERS:
        raise ValueError(f"expected one of {', '.join(TIERS)}, got {tier!r}")
    if tier == "clean":
        return 1.0
    fit = LONGEST[tier] / longest
    return min(float(random.uniform(0.5, 1.2)), fit) if tier == "screenshot" else min(1.0, fit)


def resize(picture: Image.Image, scale: float, random: np.random.Generator) -> Image.Image:
    if scale == 1.0:
        return picture
    kernel = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)[random.integers(3)]
    return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), kernel)


def encode(picture: Image.Image, tier: str) -> Image.Image:
    return picture if tier == "clean" else through_jpeg(picture, QUALITY[tier])


def through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=quality)
    return Image.open(stored).convert("RGB")


def screenshot(picture: Image.Image, random: np.random.Generator, around: int = 6) -> Image.Image:
    """A chat window with the picture in it, cut back to the picture and up to `around` pixels on each side."""
    margin = int(random.integers(10, 40))
    dark = random.random() < 0.5
    ground, ink, bubble = ("#17191d", "#d8dade", "#24272d") if dark else ("#f4f5f7", "#1b1d21", "#ffffff")
    line = 22
    window = Image.new("RGB", (picture.width + 2 * margin, picture.height + 2 * margin + 3 * line), ground)
    paint, font = ImageDraw.Draw(window), ImageFont.load_default(14)
    left, top = margin, margin + 2 * line
    box = (left - 8, top - line - 6, left + picture.width + 8, top + picture.height + line + 4)
    paint.rounded_rectangle(box, 8, fill=bubble)
    for height in (top - 2 * line, top - line, top + picture.height + 4):
        words = " ".join(random.choice(WORDS, int(random.integers(3, 12))).tolist())
        paint.text((left, height), words, fill=ink, font=font)
    window.paste(picture, (left, top))
    if random.random() < 0.5:
        window = through_jpeg(window, int(random.integers(86, 95)))
    spare = [int(random.integers(0, around + 1)) for _ in range(4)]
    return window.crop(
        (left - spare[0], top - spare[1], left + picture.width + spare[2], top + picture.height + spare[3])
    )
