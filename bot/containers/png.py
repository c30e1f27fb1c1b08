"""PNG and APNG: chunks from the signature to IEND."""

import zlib
from dataclasses import dataclass

from bot.containers import MAX_BLOCKS, Malformed, Span, Still, tiff

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PROFILE = 4 * 1024 * 1024
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}


@dataclass(frozen=True, slots=True)
class Png:
    """All chunks in file order; `bits` and `colour` as IHDR has them."""

    chunks: tuple[Span, ...]
    width: int
    height: int
    bits: int
    colour: int

    def named(self, name: bytes) -> list[Span]:
        return [chunk for chunk in self.chunks if chunk.name == name]


def parse(data: bytes) -> Png:
    """Walk the chunks; raises Malformed. Checksums are left to `sound`: a bad one in a text is no reason to refuse."""
    if not data.startswith(SIGNATURE):
        raise Malformed("no PNG signature")
    chunks: list[Span] = []
    at = len(SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise Malformed("stops between chunks", truncated=True)
        length = int.from_bytes(data[at : at + 4], "big")
        chunk = Span(data[at + 4 : at + 8], at + 8, at + 8 + length)
        at = chunk.end + 4
        if not chunk.name.isalpha():
            raise Malformed("a chunk name that is not letters")
        if at > len(data):
            raise Malformed("stops inside a chunk", truncated=True)
        if len(chunks) >= MAX_BLOCKS:
            raise Malformed("too many chunks")
        chunks.append(chunk)
        if chunk.name == b"IEND":
            break
    first = chunks[0]
    if first.name != b"IHDR" or first.end - first.start != 13:
        raise Malformed("IHDR is not the first chunk")
    head = first.of(data)
    width, height = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        raise Malformed("a side of zero pixels")
    return Png(tuple(chunks), width, height, head[8], head[9])


def sound(data: bytes, chunk: Span) -> bool:
    """Whether the chunk's checksum is right."""
    return zlib.crc32(data[chunk.start - 4 : chunk.end]) == int.from_bytes(data[chunk.end : chunk.end + 4], "big")


def inflate(packed: bytes, most: int) -> bytes | None:
    """zlib data of at most `most` bytes unpacked; None when it is broken or larger."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    return plain if unpacker.eof and not unpacker.unconsumed_tail else None


def _icc(data: bytes, png: Png) -> bytes | None:
    for chunk in png.named(b"iCCP")[:1]:
        name, _, packed = chunk.of(data).partition(b"\0")
        if len(name) < 80 and packed[:1] == b"\0":
            return inflate(packed[1:], MAX_PROFILE)
    return None


def still(data: bytes) -> Still:
    """The default image: header, palette, transparency, pixels. An APNG's other frames stay out."""
    png = parse(data)
    if not png.named(b"IDAT"):
        raise Malformed("no pixels", truncated=True)
    keep = (data[c.start - 8 : c.end + 4] for c in png.chunks if c.name in _PIXELS)
    block = png.named(b"eXIf")[:1]
    return Still(
        SIGNATURE + b"".join(keep) + b"\0\0\0\0IEND\xaeB`\x82",
        png.width,
        png.height,
        png.width * png.height,
        animated=bool(png.named(b"acTL")) and len(png.named(b"fcTL")) > 1,
        orientation=tiff.orientation(block[0].of(data)) if block else 1,
        icc=_icc(data, png),
    )
