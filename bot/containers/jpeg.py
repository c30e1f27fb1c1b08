"""JPEG: marker segments up to the end-of-image marker."""

import re
from dataclasses import dataclass

from bot.containers import Malformed, Span, Still, Unsupported, tiff

MAX_SEGMENTS = 8192
MAX_SCANS = 100  # a progressive file of a few bytes a scan would keep the decoder busy for hours
_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}


@dataclass(frozen=True, slots=True)
class Jpeg:
    """The segments before the first scan (`Span.name` is the marker byte), the frame, and where the scans lie."""

    segments: tuple[Span, ...]
    width: int
    height: int
    components: int
    bits: int
    progressive: bool
    scans_start: int
    end: int

    def app(self, number: int) -> list[Span]:
        name = bytes([0xE0 + number])
        return [segment for segment in self.segments if segment.name == name]


def parse(data: bytes) -> Jpeg:
    """Walk the whole file from SOI to EOI; raises Malformed."""
    if data[:3] != b"\xff\xd8\xff":
        raise Malformed("no start of image")
    segments: list[Span] = []
    frame: Span | None = None
    at = 2
    while True:
        marker, at = _marker(data, at)
        if marker == 0xDA:
            break
        if marker == 0xD9:
            raise Malformed("end of image before any scan")
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        segment, at = _segment(data, marker, at)
        if len(segments) >= MAX_SEGMENTS:
            raise Malformed("too many segments")
        segments.append(segment)
        if marker in _FRAMES:
            if frame is not None:
                raise Malformed("two frames")
            frame = segment
    if frame is None or frame.end - frame.start < 6:
        raise Malformed("no frame before the first scan")
    bits, height, width, components = (
        data[frame.start],
        int.from_bytes(data[frame.start + 1 : frame.start + 3], "big"),
        int.from_bytes(data[frame.start + 3 : frame.start + 5], "big"),
        data[frame.start + 5],
    )
    if not width or not height:
        raise Malformed("a side of zero pixels")
    end = _end(data, at - 2)
    progressive = frame.name[0] in _PROGRESSIVE
    return Jpeg(tuple(segments), width, height, components, bits, progressive, at - 2, end)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    while True:
        if at + 2 > len(data):
            raise Malformed("stops between segments", truncated=True)
        if data[at] != 0xFF:
            raise Malformed("no marker where one must be")
        if data[at + 1] != 0xFF:
            return data[at + 1], at + 2
        at += 1


def _segment(data: bytes, marker: int, at: int) -> tuple[Span, int]:
    length = int.from_bytes(data[at : at + 2], "big")
    if at + 2 > len(data) or at + length > len(data):
        raise Malformed("stops inside a segment", truncated=True)
    if length < 2:
        raise Malformed("a segment shorter than its own length field")
    return Span(bytes([marker]), at + 2, at + length), at + length


def _end(data: bytes, at: int) -> int:
    """From the first SOS marker to just behind EOI."""
    scans = others = 0
    while True:
        match = _MARKER.search(data, at)
        if match is None:
            raise Malformed("no end of image", truncated=True)
        marker = data[match.end() - 1]
        if marker == 0xD9:
            return match.end()
        if marker == 0xDA:
            scans += 1
        else:
            others += 1
        if scans > MAX_SCANS or others > MAX_SEGMENTS:
            raise Malformed("too many scans")
        if marker in _FRAMES or marker == 0xD8:
            raise Malformed("a second picture inside the first")
        at = match.end() if marker == 0x01 else _segment(data, marker, match.end())[1]


def exif(data: bytes, jpeg: Jpeg) -> bytes | None:
    """The EXIF block (a TIFF structure) of the first Exif segment."""
    for segment in jpeg.app(1):
        if data.startswith(_EXIF, segment.start, segment.end):
            return data[segment.start + len(_EXIF) : segment.end]
    return None


def icc(data: bytes, jpeg: Jpeg) -> bytes | None:
    """The colour profile joined from its numbered segments, or None when the numbers don't fit together."""
    parts: dict[int, bytes] = {}
    total = 0
    for segment in jpeg.app(2):
        if segment.end - segment.start >= 14 and data.startswith(_ICC, segment.start):
            parts[data[segment.start + 12]] = data[segment.start + 14 : segment.end]
            total = data[segment.start + 13]
    if not total or sorted(parts) != list(range(1, total + 1)):
        return None
    return b"".join(parts[number] for number in sorted(parts))


def still(data: bytes) -> Still:
    """The picture with tables, frame and scans, and of the application segments only the two that set its colours."""
    jpeg = parse(data)
    if jpeg.bits != 8:
        raise Unsupported("jpeg-bits", jpeg.bits)
    if jpeg.components not in (1, 3, 4):
        raise Unsupported("jpeg-channels", jpeg.components)
    stream = bytearray(b"\xff\xd8")
    for segment in jpeg.segments:
        marker = segment.name[0]
        colours = (marker == 0xE0 and data.startswith(b"JFIF", segment.start, segment.end)) or (
            marker == 0xEE and data.startswith(b"Adobe", segment.start, segment.end)
        )
        if colours or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            stream += data[segment.start - 4 : segment.end]
    stream += data[jpeg.scans_start : jpeg.end]
    block = exif(data, jpeg)
    return Still(
        bytes(stream),
        jpeg.width,
        jpeg.height,
        jpeg.width * jpeg.height,
        orientation=tiff.orientation(block) if block else 1,
        icc=icc(data, jpeg),
    )
