"""Stealth PNG info: settings in the lowest bits of the pixels, as NovelAI and an extension of the web UIs write them.

Column by column from the left, one bit a pixel of the alpha channel (or three of red, green, blue): a name of fifteen
letters, the length in bits as 32 bits, then UTF-8 text, packed by gzip when the name says so.
"""

import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from bot.containers import Malformed, Unsupported, png, sniff, webp

MAX_TEXT = 1024 * 1024
MAX_ALPHA_PIXELS = 16_000_000  # NovelAI's largest pictures have 3 million, upscaled ones 12
MAX_COLOUR_PIXELS = 4_500_000  # without an alpha channel the mark is rare, and every PNG would pay for the search

_HEAD = 8 * (15 + 4)
_NAMES = {b"stealth_pnginfo": False, b"stealth_pngcomp": True, b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}


def read(data: bytes) -> str:
    """The hidden text, or nothing. Never raises."""
    pixels = _pixels(data)
    if pixels is None:
        return ""
    if pixels.shape[2] == 4:
        text = _text(pixels[:, :, 3:], "png")
        if text:
            return text
    return _text(pixels[:, :, :3], "rgb")


def _pixels(data: bytes) -> NDArray[np.uint8] | None:
    """Height, width, 3 or 4; None for files that can't hold the mark, or would cost too much."""
    kind = sniff.picture(data)
    try:
        if kind == "PNG":
            file = png.parse(data)
            if file.bits != 8 or file.colour not in (2, 6):
                return None
            if file.width * file.height > (MAX_ALPHA_PIXELS if file.colour == 6 else MAX_COLOUR_PIXELS):
                return None
            return np.asarray(_loaded(PngImageFile(BytesIO(png.still(data).stream))))
        if kind == "WebP":
            still = webp.still(data)
            lossless = webp.parse(data).first(b"VP8L") is not None
            if not lossless or still.width * still.height > MAX_COLOUR_PIXELS:
                return None
            return np.asarray(_loaded(WebPImageFile(BytesIO(still.stream))))
    except (Malformed, Unsupported):
        return None
    except Exception:  # a decoder's complaint: intake refuses the same file in words
        return None
    return None


def _loaded(picture: PngImageFile | WebPImageFile) -> PngImageFile | WebPImageFile:
    picture.load()
    return picture


def _text(channels: NDArray[np.uint8], family: str) -> str:
    height, width, depth = channels.shape
    columns = -(-_HEAD // (height * depth))
    if columns > width:
        return ""
    head = _bits(channels, columns)[:19]
    packed = _NAMES.get(head[:15])
    if packed is None or head[8:11] != family.encode():
        return ""
    length = int.from_bytes(head[15:19], "big")
    if not 0 < length <= 8 * MAX_TEXT or length % 8 or _HEAD + length > height * width * depth:
        return ""
    body = _bits(channels, -(-(_HEAD + length) // (height * depth)))[19 : 19 + length // 8]
    if packed:
        unpacker = zlib.decompressobj(31)
        try:
            body = unpacker.decompress(body, MAX_TEXT)
        except zlib.error:
            return ""
        if not unpacker.eof:
            return ""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _bits(channels: NDArray[np.uint8], columns: int) -> bytes:
    """The lowest bits of the first columns, eight to a byte."""
    return np.packbits(channels[:, :columns].transpose(1, 0, 2).reshape(-1) & 1).tobytes()
