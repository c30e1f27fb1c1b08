"""AVIF and HEIC pictures: what they will cost to decode, and the file without metadata and without video tracks."""

import struct

from bot.containers import Malformed, Still, codecs
from bot.containers.bmff import AVIF_BRANDS, HEIC_BRANDS, Bmff, Item, parse

MAX_PICTURES = 16  # spatial layers and an alpha plane are a handful; thousands of hidden frames are an attack


def flavour(data: bytes) -> str:
    """AVIF, HEIC or the empty string: by the items' codec, and by the brands where that is not known. Never raises."""
    try:
        file = parse(data)
    except Malformed:
        names = frozenset((data[8:12],))
        return "AVIF" if names & AVIF_BRANDS else "HEIC" if names & HEIC_BRANDS else ""
    kinds = {item.kind for item in file.items.values()}
    if b"av01" in kinds:
        return "AVIF"
    if b"hvc1" in kinds or set(file.brands) & HEIC_BRANDS:
        return "HEIC"
    return "AVIF" if set(file.brands) & AVIF_BRANDS else ""


def still(data: bytes) -> Still:
    """The primary picture. Item types of metadata are renamed in place, so that no offset moves."""
    file = parse(data)
    if file.primary not in file.items:
        raise Malformed("no primary picture")
    shapes = [
        struct.unpack_from(">II", data, box.start + 4)
        for box in file.properties
        if box.name == b"ispe" and box.end - box.start == 12
    ]
    if not shapes:
        raise Malformed("no picture size")
    width, height = max(shapes, key=lambda shape: shape[0] * shape[1])
    stream = bytearray(data)
    for item in file.items.values():
        if item.kind in (b"Exif", b"mime", b"uri "):
            stream[item.kind_at : item.kind_at + 4] = b"skip"
    animated = False
    for box in file.boxes:
        if box.name == b"moov":
            animated = True
            at = data.rindex(b"moov", 0, box.start)
            stream[at : at + 4] = b"free"
    # The brands of a sequence become those of a still, so that decoders take the primary picture and not the track.
    for place in (8, *range(16, file.boxes[0].end - 3, 4)):
        name = data[place : place + 4]
        stream[place : place + 4] = {b"avis": b"avif", b"hevc": b"heic", b"msf1": b"mif1"}.get(name, name)
    return Still(bytes(stream), width, height, max(width * height, _coded_pixels(data, file)), animated=animated)


def _coded_pixels(data: bytes, file: Bmff) -> int:
    """Pixels that the codec will work through: every coded item, every picture in it, at its real size."""
    total = 0
    largest, prefix = codecs.Coded(0, 0, 0), 4
    for box in file.properties:
        if box.name == b"hvcC":
            found, prefix = codecs.hvcc(box.of(data))
            largest = max(largest, found, key=lambda coded: coded.width * coded.height)
    for item in _coded_items(file):
        if item.kind == b"av01":
            coded = codecs.av1(item.of(data), MAX_PICTURES)
            total += coded.width * coded.height * max(1, coded.pictures)
        else:
            coded = codecs.hevc(item.of(data), prefix, MAX_PICTURES)
            area = max(coded.width * coded.height, largest.width * largest.height)
            total += area * max(1, coded.pictures)
    return total


def _coded_items(file: Bmff) -> list[Item]:
    """What a decoder of the primary picture touches: itself, its planes (alpha, gain map), and the tiles of them."""
    wanted = {file.primary}
    for _ in range(3):  # a grid's tiles, an overlay's grids, and the planes of each
        for kind, source, targets in file.references:
            if kind == b"dimg" and source in wanted:
                wanted |= set(targets)
            elif kind == b"auxl" and wanted & set(targets):
                wanted.add(source)
    return [item for number, item in file.items.items() if number in wanted and item.kind in (b"av01", b"hvc1")]
