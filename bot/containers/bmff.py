"""ISO base media files: AVIF and HEIC pictures, and telling them from video."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.containers import Malformed, Span

MAX_BOXES = 10_000
MAX_ITEMS = 4096
AVIF_BRANDS = frozenset({b"avif", b"avis", b"avio"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
PICTURE_BRANDS = AVIF_BRANDS | HEIC_BRANDS | {b"mif1", b"msf1", b"miaf"}


@dataclass(slots=True)
class Item:
    """One item of the meta box. `kind_at` is where its four-letter type stands; `extents` lie in the file."""

    number: int
    kind: bytes = b""
    kind_at: int = 0
    content_type: bytes = b""
    extents: list[Span] = field(default_factory=list)

    def of(self, data: bytes) -> bytes:
        return b"".join(extent.of(data) for extent in self.extents)


@dataclass(frozen=True, slots=True)
class Bmff:
    """Top-level boxes, brands (major first), the meta box's items, properties and references (kind, from, to)."""

    boxes: tuple[Span, ...]
    brands: tuple[bytes, ...]
    primary: int
    items: dict[int, Item]
    properties: tuple[Span, ...] = ()
    references: tuple[tuple[bytes, int, tuple[int, ...]], ...] = ()

    def of_kind(self, kind: bytes) -> list[Item]:
        return [item for item in self.items.values() if item.kind == kind]


def boxes(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The boxes that fill `start:end` exactly; raises Malformed."""
    at = start
    for _ in range(MAX_BOXES):
        if at == end:
            return
        if at + 8 > end:
            raise Malformed("stops between boxes", truncated=True)
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1 and at + 16 <= end:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < head:
            raise Malformed("a box shorter than its header")
        if at + size > end:
            raise Malformed("stops inside a box", truncated=True)
        yield Span(data[at + 4 : at + 8], at + head, at + size)
        at += size
    raise Malformed("too many boxes")


def brands(data: bytes) -> tuple[bytes, ...]:
    """The brands of the ftyp box, the major one first; empty when the file has none."""
    size = int.from_bytes(data[:4], "big")
    if data[4:8] != b"ftyp" or not 16 <= size <= min(len(data), 1024):
        return ()
    return (data[8:12], *(data[at : at + 4] for at in range(16, size - 3, 4)))


def parse(data: bytes) -> Bmff:
    """The boxes of the file and the items of its meta box; raises Malformed."""
    names = brands(data)
    if not names:
        raise Malformed("no ftyp box")
    tops = tuple(boxes(data, 0, len(data)))
    meta = next((box for box in tops if box.name == b"meta"), None)
    if meta is None:
        return Bmff(tops, names, 0, {})
    inside = {box.name: box for box in boxes(data, meta.start + 4, meta.end)}
    items: dict[int, Item] = {}
    if b"iinf" in inside:
        _read_iinf(data, inside[b"iinf"], items)
    if b"iloc" in inside:
        _read_iloc(data, inside[b"iloc"], inside.get(b"idat"), items)
    primary = 0
    if b"pitm" in inside:
        reader = _Reader(data, inside[b"pitm"])
        primary = reader.number(4 if reader.full_box()[0] else 2)
    properties: tuple[Span, ...] = ()
    if b"iprp" in inside:
        for box in boxes(data, inside[b"iprp"].start, inside[b"iprp"].end):
            if box.name == b"ipco":
                properties = tuple(boxes(data, box.start, box.end))
    references = tuple(_read_iref(data, inside[b"iref"])) if b"iref" in inside else ()
    return Bmff(tops, names, primary, items, properties, references)


class _Reader:
    """Big-endian numbers from one box; reading past its end is Malformed."""

    def __init__(self, data: bytes, box: Span) -> None:
        self.data, self.at, self.end = data, box.start, box.end

    def number(self, size: int) -> int:
        at = self.at
        self.at += size
        if self.at > self.end:
            raise Malformed("stops inside a box")
        return int.from_bytes(self.data[at : self.at], "big")

    def full_box(self) -> tuple[int, int]:
        return self.number(1), self.number(3)

    def text(self) -> bytes:
        stop = self.data.find(b"\0", self.at, self.end)
        if stop < 0:
            return b""
        text, self.at = self.data[self.at : stop], stop + 1
        return text


def _read_iinf(data: bytes, box: Span, items: dict[int, Item]) -> None:
    reader = _Reader(data, box)
    version, _ = reader.full_box()
    reader.number(4 if version else 2)
    for entry in boxes(data, reader.at, box.end):
        if entry.name != b"infe":
            continue
        inner = _Reader(data, entry)
        version, _ = inner.full_box()
        if version < 2:
            continue
        number = inner.number(4 if version > 2 else 2)
        inner.number(2)
        item = Item(number, kind_at=inner.at)
        item.kind = inner.number(4).to_bytes(4, "big")
        inner.text()
        if item.kind == b"mime":
            item.content_type = inner.text()
        if number in items or len(items) >= MAX_ITEMS:
            raise Malformed("an item twice, or too many")
        items[number] = item


def _read_iloc(data: bytes, box: Span, idat: Span | None, items: dict[int, Item]) -> None:
    reader = _Reader(data, box)
    version, _ = reader.full_box()
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
    if version > 2 or {offset_size, length_size, base_size} - {0, 4, 8}:
        raise Malformed("an unknown iloc")
    total = 0
    seen: set[int] = set()
    for _ in range(reader.number(4 if version == 2 else 2)):
        number = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)  # the data reference: another file, which Candid never opens
        base = reader.number(base_size)
        if method == 1 and idat is None:
            raise Malformed("an item in a missing box")
        shift = base + (idat.start if method == 1 and idat else 0)
        extents = []
        for _ in range(reader.number(2)):
            if version and index_size:
                reader.number(index_size)
            start = shift + reader.number(offset_size)
            length = reader.number(length_size)
            extent = Span(b"", start, start + length if length else len(data))
            if extent.end > len(data):
                raise Malformed("an item outside the file", truncated=True)
            total += extent.end - start
            extents.append(extent)
            if total > 2 * len(data) or len(extents) > MAX_ITEMS:
                raise Malformed("items that overlap")
        if number in seen:
            raise Malformed("an item twice")
        seen.add(number)
        if number in items and method in (0, 1):
            items[number].extents = extents


def _read_iref(data: bytes, box: Span) -> Iterator[tuple[bytes, int, tuple[int, ...]]]:
    reader = _Reader(data, box)
    size = 4 if reader.full_box()[0] else 2
    for entry in boxes(data, reader.at, box.end):
        inner = _Reader(data, entry)
        source = inner.number(size)
        yield entry.name, source, tuple(inner.number(size) for _ in range(min(inner.number(2), MAX_ITEMS)))
