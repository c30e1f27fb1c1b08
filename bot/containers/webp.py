"""WebP: the chunks of a RIFF file."""

from dataclasses import dataclass

from bot.containers import MAX_BLOCKS, Malformed, Span, Still, tiff

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02


@dataclass(frozen=True, slots=True)
class WebP:
    chunks: tuple[Span, ...]
    width: int
    height: int
    flags: int

    def first(self, name: bytes) -> Span | None:
        return next((chunk for chunk in self.chunks if chunk.name == name), None)


def parse(data: bytes) -> WebP:
    """Walk the chunks inside the RIFF size; what lies behind it is not part of the file. Raises Malformed."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise Malformed("no WebP signature")
    end = int.from_bytes(data[4:8], "little") + 8
    if end > len(data) + 1:
        raise Malformed("shorter than its header says", truncated=True)
    chunks = _chunks(data, 12, min(end, len(data)))
    if not chunks:
        raise Malformed("no chunks", truncated=True)
    first = chunks[0]
    flags = 0
    if first.name == b"VP8X" and first.end - first.start >= 10:
        flags = data[first.start]
        width = int.from_bytes(data[first.start + 4 : first.start + 7], "little") + 1
        height = int.from_bytes(data[first.start + 7 : first.start + 10], "little") + 1
    else:
        width, height = coded_size(data, first)
    return WebP(tuple(chunks), width, height, flags)


def _chunks(data: bytes, at: int, end: int) -> list[Span]:
    chunks: list[Span] = []
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunk = Span(data[at : at + 4], at + 8, at + 8 + size)
        if chunk.end > end:
            raise Malformed("stops inside a chunk", truncated=True)
        if len(chunks) >= MAX_BLOCKS:
            raise Malformed("too many chunks")
        chunks.append(chunk)
        at = chunk.end + (size & 1)
    return chunks


def coded_size(data: bytes, chunk: Span) -> tuple[int, int]:
    """Width and height as the bitstream itself has them."""
    head = data[chunk.start : min(chunk.end, chunk.start + 10)]
    if chunk.name == b"VP8 " and len(head) == 10 and head[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    if chunk.name == b"VP8L" and len(head) >= 5 and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise Malformed("no WebP bitstream")


def still(data: bytes) -> Still:
    """The picture, or the first frame of an animation, without profile, EXIF, XMP and unknown chunks."""
    webp = parse(data)
    frames = [chunk for chunk in webp.chunks if chunk.name == b"ANMF"]
    if webp.flags & _ANIMATED and frames:
        inner = _chunks(data, frames[0].start + 16, frames[0].end)
    else:
        inner = list(webp.chunks)
    bitstream = next((chunk for chunk in inner if chunk.name in (b"VP8 ", b"VP8L")), None)
    if bitstream is None:
        raise Malformed("no pixels", truncated=True)
    wide, high = coded_size(data, bitstream)
    if not wide or not high:
        raise Malformed("a side of zero pixels")
    body = bytearray()
    if webp.chunks[0].name == b"VP8X":
        if wide > webp.width or high > webp.height:
            raise Malformed("a frame larger than the canvas")
        head = bytearray(webp.chunks[0].of(data)[:10])
        head[0] &= _ALPHA | (_ANIMATED if frames else 0)
        body += _packed(b"VP8X", bytes(head))
    wanted = (b"ANIM", b"ANMF") if webp.flags & _ANIMATED and frames else (b"ALPH", b"VP8 ", b"VP8L")
    for name in wanted:
        chunk = webp.first(name)
        if chunk is not None:
            body += _packed(name, chunk.of(data))
    profile, block = webp.first(b"ICCP"), webp.first(b"EXIF")
    return Still(
        b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + bytes(body),
        webp.width,
        webp.height,
        webp.width * webp.height,
        animated=len(frames) > 1,
        orientation=tiff.orientation(block.of(data)) if block else 1,
        icc=profile.of(data) if profile else None,
    )


def _packed(name: bytes, payload: bytes) -> bytes:
    return name + len(payload).to_bytes(4, "little") + payload + b"\0" * (len(payload) & 1)
