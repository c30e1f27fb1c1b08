"""Untrusted bytes -> a safe decoded picture, or a Refusal with a sentence that a person understands.

What is enforced, and how:

* The kind of file is decided by its bytes. Only the decoder of that one format is ever asked.
* Bytes, sides and pixels are checked in headers that Candid reads itself, before a decoder allocates anything. For
  AVIF, HEIC and tiled TIFF the sizes inside the codec's data are read too, because the container may lie about them.
* Decoders get a copy of the file with nothing in it but what makes pixels (bot.containers). Compressed text, profiles,
  thumbnails, comments, later frames and pages never reach them.
* Time: a thread can't be stopped from outside. Formats that Pillow reads in blocks (JPEG, PNG, GIF, BMP, uncompressed
  TIFF) are stopped at the next block once this thread has used `decode_seconds` of processor time, and all formats
  between the bands of the colour conversion. WebP, AVIF, HEIC and compressed TIFF decode in one call that can't be
  interrupted: their work is bounded beforehand instead (pixels, hidden frames, overlapping strips, progressive scans).
  Processor time, not the clock, because a busy machine is no reason to refuse a picture.
* Memory: about 9 bytes a pixel in a thread while it decodes, 12 for progressive JPEG and AVIF, 17 for WebP.
"""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, BmpImagePlugin, GifImagePlugin, Image, ImageFile, TiffImagePlugin, WebPImagePlugin
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from bot import colours
from bot.containers import Malformed, Still, Unsupported, gif, heif, jpeg, png, sniff, tiff, webp
from bot.errors import Refusal
from bot.wording import refuse

MEGABYTE = 1024 * 1024
MIN_SIDE = 64
FIRST_FRAME = "first-frame"
REDUCED = "reduced"
"""Notes of `Decoded`, beside those of bot.colours."""

# Decided once for the process: sizes are checked here, against the configured limit, before Pillow sees a picture.
Image.MAX_IMAGE_PIXELS = None
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the decode threads are the service's way to use the processor's cores

_LYING = 8_000_000  # pixels that a codec may work through beyond a small picture's own, for tiles and alpha planes


class Limits(Protocol):
    """The part of `settings.checks` that intake reads."""

    @property
    def max_bytes(self) -> int: ...
    @property
    def max_pixels(self) -> float: ...
    @property
    def decode_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright sRGB picture: `pixels` is (height, width, 3). `notes` are stable words for what was done to it."""

    pixels: NDArray[np.uint8]
    format: str
    notes: tuple[str, ...]


def decode(data: bytes, limits: Limits) -> Decoded:
    """Decode one picture; synchronous and thread-safe. Raises Refusal, and nothing else, for bytes of any kind."""
    if not data:
        raise _refusal("empty")
    if len(data) > limits.max_bytes:
        raise too_many_bytes(len(data), limits.max_bytes)
    clock = _Clock(limits.decode_seconds)
    kind = sniff.picture(data)
    if kind is None:
        raise _not_a_picture(data)
    if kind == "HEIF":
        kind = heif.flavour(data) or "HEIC"
    try:
        still = _READERS[kind](data)
        shrink = _check_size(kind, still, limits)
        picture = _load(kind, still, shrink, limits, clock)
        icc, orientation = still.icc, still.orientation
        if kind in ("AVIF", "HEIC"):  # these decoders find the profile, and AVIF's the turns of the container
            icc, orientation = picture.info.get("icc_profile"), tiff.orientation(picture.info.get("exif") or b"")
        converted = colours.convert(picture, icc, orientation, clock.check)
    except Malformed as error:
        raise _refusal("truncated" if error.truncated else "damaged", format=kind) from error
    except Unsupported as error:
        raise _refusal("unsupported", what=f"file.{error.name}", number=error.number) from error
    except _OutOfTime as error:
        raise _refusal("too-slow", seconds=round(limits.decode_seconds)) from error
    except MemoryError as error:
        raise _refusal("out-of-memory") from error
    if kind == "PNG" and still.animated:
        kind = "APNG"
    notes = (FIRST_FRAME,) * still.animated + (REDUCED,) * (shrink > 1) + converted.notes
    return Decoded(converted.pixels, kind, notes)


class _OutOfTime(Exception):
    """The picture's decoding has used its seconds."""


class _Clock:
    def __init__(self, seconds: float) -> None:
        self.stop = time.thread_time() + seconds

    def check(self) -> None:
        if time.thread_time() > self.stop:
            raise _OutOfTime


class _Blocks(BytesIO):
    """A file in memory that stops the decoder between blocks when time is up."""

    def __init__(self, data: bytes, check: Callable[[], None]) -> None:
        super().__init__(data)
        self.check = check

    def read(self, size: int | None = -1, /) -> bytes:
        self.check()
        return super().read(size)


def _bmp(data: bytes) -> Still:
    """BMP has no metadata to take out."""
    old = data[14:18] == b"\x0c\0\0\0"
    if len(data) < (26 if not old else 22):
        raise Malformed("stops in the header", truncated=True)
    width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
    if width <= 0 or not height:
        raise Malformed("a side of zero pixels")
    return Still(data, width, abs(height), width * abs(height))


_READERS: dict[str, Callable[[bytes], Still]] = {
    "JPEG": jpeg.still,
    "PNG": png.still,
    "GIF": gif.still,
    "WebP": webp.still,
    "TIFF": tiff.still,
    "BMP": _bmp,
    "AVIF": heif.still,
    "HEIC": heif.still,
}
# The decoders themselves, not Image.open: no other plugin can ever be tried, and no warning is given on the way.
_DECODERS: dict[str, Callable[[BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}


def _load(kind: str, still: Still, shrink: int, limits: Limits, clock: _Clock) -> Image.Image:
    try:
        if kind == "HEIC":
            picture = _heic(still, limits)
        else:
            file = _DECODERS[kind](_Blocks(still.stream, clock.check))
            if shrink > 1:
                file.draft(None, (file.width // shrink, file.height // shrink))
            if file.width * file.height > limits.max_pixels:
                raise Malformed("larger than its header says")
            clock.check()
            file.load()
            picture = file
    except (_OutOfTime, MemoryError, Malformed, Refusal):
        raise
    except Exception as error:  # Pillow's decoders raise whatever their parsers run into
        raise Malformed(f"{type(error).__name__}: {error}", truncated="truncated" in str(error)) from error
    if min(picture.size) < MIN_SIDE:
        raise _too_small(*picture.size)
    return picture


def _check_size(kind: str, still: Still, limits: Limits) -> int:
    """Refuse by the header, or say by how much a huge JPEG must be decoded smaller (libjpeg can, at almost no cost)."""
    pixels = still.width * still.height
    if min(still.width, still.height) < MIN_SIDE:
        raise _too_small(still.width, still.height)
    if kind == "JPEG" and 1 < pixels / limits.max_pixels <= 4 and not jpeg.parse(still.stream).progressive:
        return 2
    if pixels > limits.max_pixels:
        raise _refusal(
            "too-many-pixels", width=still.width, height=still.height, most=round(limits.max_pixels / 1_000_000)
        )
    if still.coded_pixels > min(max(4 * pixels, _LYING), 3 * limits.max_pixels):
        raise Malformed("more pixels inside than its header says")
    return 1


def _heic(still: Still, limits: Limits) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise _refusal("needs-heic") from None
    pillow_heif.options.DECODE_THREADS = 1
    picture = pillow_heif.open_heif(still.stream, convert_hdr_to_8bit=True)
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise Malformed("larger than its header says")
    loaded: Image.Image = picture.to_pillow()
    return loaded


def _not_a_picture(data: bytes) -> Refusal:
    found = sniff.other(data)
    if found is None:
        return _refusal("unknown")
    kind, what = found
    return _refusal(kind, what=f"file.{what}")


def _too_small(width: int, height: int) -> Refusal:
    return _refusal("too-small", width=width, height=height, least=MIN_SIDE)


def _refusal(reason: str, **values: object) -> Refusal:
    return refuse(reason, f"refusal.{reason}", **values)


def too_many_bytes(count: int, most: int) -> Refusal:
    """For a file of `count` bytes. Its tenths of a megabyte are rounded up: what is too large must not read as just right."""
    tenths = -(-count * 10 // MEGABYTE)
    return _refusal("too-many-bytes", megabytes=_megabytes(tenths / 10), most=_megabytes(most / MEGABYTE))


def _megabytes(count: float) -> str:
    return f"{count:.1f}".removesuffix(".0")
