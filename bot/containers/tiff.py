"""TIFF directories: of TIFF pictures, and of the EXIF blocks that other formats carry."""

import struct
from dataclasses import dataclass

from bot.containers import Malformed, Still, Unsupported

Directory = dict[int, "Entry"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
MAX_ENTRIES = 1024
MAX_NUMBERS = 200_000  # a colour map has 196,608
MAX_PROFILE = 4 * 1024 * 1024

WIDTH, HEIGHT, COMPRESSION, ORIENTATION = 256, 257, 259, 274
STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 273, 279, 322, 323, 324, 325
_DNG, _PROFILE, _SUBFILE = 50706, 34675, 254
# What a decoder needs to make pixels; the rest of the directory (EXIF, XMP, thumbnails, later pages) stays out.
_PIXELS = {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338, 339}
_PIXELS |= {347, 529, 530, 531, 532}
_DECODABLE = {1: "none", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 7: "JPEG", 8: "deflate", 32773: "PackBits"}
_DECODABLE[32946] = "deflate"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: `kind` is TIFF's number of the type; the value lies at `start:end` of the block."""

    tag: int
    kind: int
    count: int
    start: int
    end: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Tiff:
    """The byte order ("<" or ">"), the first directory, and where the next one begins (0: nowhere)."""

    order: str
    entries: Directory
    next: int


def parse(block: bytes) -> Tiff:
    """The first directory of a TIFF structure; raises Malformed."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        if block[:4] in (b"II+\0", b"MM\0+"):
            raise Unsupported("big-tiff")
        raise Malformed("no TIFF header")
    if len(block) < 8:
        raise Malformed("stops in the header", truncated=True)
    entries, following = directory(block, order, struct.unpack_from(order + "I", block, 4)[0])
    return Tiff(order, entries, following)


def directory(block: bytes, order: str, at: int) -> tuple[Directory, int]:
    """The directory at `at` and the offset behind it. Entries whose value lies outside the block are left out."""
    if at + 2 > len(block):
        raise Malformed("a directory outside the file", truncated=True)
    count = struct.unpack_from(order + "H", block, at)[0]
    if not 0 < count <= MAX_ENTRIES:
        raise Malformed("a directory of no or too many entries")
    stop = at + 2 + 12 * count
    if stop > len(block):
        raise Malformed("stops in a directory", truncated=True)
    entries: Directory = {}
    for place in range(at + 2, stop, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, place)
        size = _SIZES.get(kind, 0) * number
        start = place + 8 if size <= 4 else struct.unpack_from(order + "I", block, place + 8)[0]
        if size and start + size <= len(block) and tag not in entries:
            entries[tag] = Entry(tag, kind, number, start, start + size, block[place : place + 12])
    following = struct.unpack_from(order + "I", block, stop)[0] if stop + 4 <= len(block) else 0
    return entries, following


def numbers(block: bytes, order: str, entry: Entry) -> tuple[int, ...]:
    """The value of an integer tag; empty when it isn't one."""
    code = _CODES.get(entry.kind)
    if code is None or entry.count > MAX_NUMBERS:
        return ()
    return struct.unpack_from(f"{order}{entry.count}{code}", block, entry.start)


def number(block: bytes, tiff: Tiff, tag: int, default: int) -> int:
    entry = tiff.entries.get(tag)
    values = numbers(block, tiff.order, entry) if entry else ()
    return values[0] if values else default


def bare(exif: bytes) -> bytes:
    """An EXIF block without the prefix that JPEG puts before the TIFF structure and some writers keep elsewhere."""
    return exif.removeprefix(b"Exif\0\0")


def orientation(block: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 when there is none or the block is broken."""
    block = bare(block)
    try:
        value = number(block, parse(block), ORIENTATION, 1)
    except (Malformed, Unsupported):
        return 1
    return value if 1 <= value <= 8 else 1


def still(data: bytes) -> Still:
    """The first page, under a new directory that has only the tags that make pixels."""
    tiff = parse(data)
    if data[8:10] == b"CR" or _DNG in tiff.entries or number(data, tiff, _SUBFILE, 0) & 1:
        raise Unsupported("raw")
    compression = number(data, tiff, COMPRESSION, 1)
    if compression not in _DECODABLE:
        raise Unsupported("tiff-compression", compression)
    width, height = number(data, tiff, WIDTH, 0), number(data, tiff, HEIGHT, 0)
    if not width or not height:
        raise Malformed("a side of zero pixels")
    wide, high = number(data, tiff, TILE_WIDTH, 0), number(data, tiff, TILE_HEIGHT, 0)
    tiled = wide > 0 and high > 0
    # Tiles are decoded whole, so a tile larger than the picture costs its own size.
    coded = -(-width // wide) * wide * -(-height // high) * high if tiled else width * height
    _check_parts(data, tiff, compression)
    entries = [entry for tag, entry in sorted(tiff.entries.items()) if tag in _PIXELS]
    if any(entry.count > MAX_NUMBERS for entry in entries if entry.kind not in (2, 7)):
        raise Malformed("a table too large")
    return Still(
        data[:4] + struct.pack(tiff.order + "I", len(data) + (len(data) & 1)) + data[8:] + b"\0" * (len(data) & 1)
        + struct.pack(tiff.order + "H", len(entries)) + b"".join(entry.raw for entry in entries) + b"\0\0\0\0",
        width,
        height,
        coded,
        animated=bool(tiff.next),
        orientation=orientation(data),
        icc=_profile(data, tiff),
    )  # fmt: skip


def _check_parts(data: bytes, tiff: Tiff, compression: int) -> None:
    """Every strip or tile lies in the file, and together they are not much longer: none is read a thousand times."""
    for offsets_tag, bytes_tag in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        places, sizes = tiff.entries.get(offsets_tag), tiff.entries.get(bytes_tag)
        if places is None:
            continue
        starts = numbers(data, tiff.order, places)
        lengths = numbers(data, tiff.order, sizes) if sizes else ()
        if not starts or (compression != 1 and len(lengths) != len(starts)):
            raise Malformed("strips without sizes")
        if any(start + length > len(data) for start, length in zip(starts, lengths, strict=False)):
            raise Malformed("a strip outside the file", truncated=True)
        if sum(lengths) > 2 * len(data) or len(starts) > MAX_NUMBERS:
            raise Malformed("strips that overlap")
        return
    raise Malformed("no pixels", truncated=True)


def _profile(data: bytes, tiff: Tiff) -> bytes | None:
    entry = tiff.entries.get(_PROFILE)
    return data[entry.start : entry.end] if entry and entry.end - entry.start <= MAX_PROFILE else None
