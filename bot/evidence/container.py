"""Where the metadata of a picture lies: text chunks, EXIF, XMP, IPTC and Content Credentials of a valid container."""

import re
from dataclasses import dataclass

from bot.containers import Malformed, Span, Unsupported, bmff, heif, jpeg, png, sniff, tiff, webp

MAX_TEXT = 2 * 1024 * 1024
MAX_TEXTS = 100
MAX_ALL_TEXTS = 8 * 1024 * 1024
MAX_CREDENTIALS = 8 * 1024 * 1024
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_PROFILE = re.compile(rb"\s*(exif|xmp|iptc|APP1)\s+(\d+)\s+([0-9a-fA-F\s]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Metadata:
    """`texts` are (keyword, value) pairs of text chunks; `exif` is a TIFF structure, `xmp` an XML packet, `iim` IPTC's
    records, `jumbf` the box of Content Credentials. Empty is absent."""

    format: str
    mime: str
    texts: tuple[tuple[str, str], ...] = ()
    exif: bytes = b""
    xmp: bytes = b""
    iim: bytes = b""
    jumbf: bytes = b""


def metadata(data: bytes) -> Metadata | None:
    """None when the file is no valid container of the kinds that carry metadata Candid reads. Never raises."""
    kind = sniff.picture(data)
    try:
        if kind == "JPEG":
            return _jpeg(data)
        if kind == "PNG":
            return _png(data)
        if kind == "WebP":
            return _webp(data)
        if kind == "HEIF":
            return _heif(data)
        if kind == "TIFF":
            return _tiff(data)
    except (Malformed, Unsupported):
        return None
    return None


def _jpeg(data: bytes) -> Metadata:
    file = jpeg.parse(data)
    xmp = next((s.of(data)[len(_XMP) :] for s in file.app(1) if data.startswith(_XMP, s.start, s.end)), b"")
    comments = tuple(("Comment", s.of(data).decode("utf-8", "replace")) for s in file.segments if s.name == b"\xfe")[:4]
    texts = (*comments, *_labels(data, file))
    return Metadata(
        "JPEG", "image/jpeg", texts, jpeg.exif(data, file) or b"", xmp, _photoshop(data, file), _app11(data, file)
    )


def _labels(data: bytes, file: jpeg.Jpeg) -> list[tuple[str, str]]:
    """China's label for generated content, which some write as an application segment of its own: AIGC{…}."""
    bodies = [s.of(data) for number in range(16) for s in file.app(number) if data.startswith(b"AIGC{", s.start, s.end)]
    return [("AIGC", body[4:].decode("utf-8", "replace")) for body in bodies[:4]]


def _photoshop(data: bytes, file: jpeg.Jpeg) -> bytes:
    """IPTC's records from Photoshop's image resources."""
    for segment in file.app(13):
        block = segment.of(data)
        if not block.startswith(b"Photoshop 3.0\0"):
            continue
        at = 14
        while block[at : at + 4] == b"8BIM" and at + 8 <= len(block):
            number, name = int.from_bytes(block[at + 4 : at + 6], "big"), block[at + 6]
            at += 6 + (name + 2 & ~1)
            size = int.from_bytes(block[at : at + 4], "big")
            if number == 0x0404:
                return block[at + 4 : at + 4 + size]
            at += 4 + (size + 1 & ~1)
    return b""


def _app11(data: bytes, file: jpeg.Jpeg) -> bytes:
    """The JUMBF box of Content Credentials, joined from its numbered segments."""
    boxes: dict[bytes, dict[int, bytes]] = {}
    for segment in file.app(11):
        body = segment.of(data)
        if body[:2] == b"JP" and len(body) > 16:
            boxes.setdefault(body[2:4], {})[int.from_bytes(body[4:8], "big")] = body[8:]
    for parts in boxes.values():
        numbers = sorted(parts)
        first = parts[numbers[0]]
        # Every further part repeats the eight bytes of the box header.
        whole = first + b"".join(parts[number][8:] for number in numbers[1:])
        if first[4:8] == b"jumb" and len(whole) <= MAX_CREDENTIALS:
            return whole[: int.from_bytes(whole[:4], "big")]
    return b""


def _png(data: bytes) -> Metadata:
    file = png.parse(data)
    texts: list[tuple[str, str]] = []
    blocks = {"exif": b"", "xmp": b"", "iptc": b"", "jumbf": b""}
    left = MAX_ALL_TEXTS
    for chunk in file.chunks:
        if chunk.name not in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX") or not png.sound(data, chunk):
            continue
        body = chunk.of(data)
        if chunk.name == b"eXIf":
            blocks["exif"] = blocks["exif"] or body
        elif chunk.name == b"caBX":
            blocks["jumbf"] = blocks["jumbf"] or body[:MAX_CREDENTIALS]
        elif len(texts) < MAX_TEXTS and left > 0:
            found = _png_text(chunk.name, body)
            if found is None:
                continue
            keyword, value = found
            left -= len(value)
            if keyword == "XML:com.adobe.xmp":
                blocks["xmp"] = blocks["xmp"] or value
            elif keyword.startswith("Raw profile type "):
                name, profile = _raw_profile(value)
                if name:
                    blocks[name] = blocks[name] or profile
            else:
                texts.append((keyword, _decoded(chunk.name, value)))
    exif = tiff.bare(blocks["exif"])
    return Metadata("PNG", "image/png", tuple(texts), exif, blocks["xmp"], blocks["iptc"], blocks["jumbf"])


def _png_text(name: bytes, body: bytes) -> tuple[str, bytes] | None:
    keyword, _, rest = body.partition(b"\0")
    if not 0 < len(keyword) < 80:
        return None
    packed = False
    if name == b"zTXt":
        packed, rest = True, rest[1:]
    elif name == b"iTXt":
        packed, rest = rest[:1] == b"\1", rest[2:]
        for _ in range(2):  # the language, the translated keyword
            _, _, rest = rest.partition(b"\0")
    value = png.inflate(rest, MAX_TEXT) if packed else rest[:MAX_TEXT]
    return None if value is None else (keyword.decode("latin-1"), value)


def _decoded(name: bytes, value: bytes) -> str:
    """iTXt is UTF-8. The others ought to be Latin-1, but generators write UTF-8 into them too."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8", "replace") if name == b"iTXt" else value.decode("latin-1")


def _raw_profile(value: bytes) -> tuple[str, bytes]:
    """EXIF, XMP or IPTC as ImageMagick writes them into a text chunk: the name, the length, hexadecimal digits."""
    match = _PROFILE.fullmatch(value)
    if match is None:
        return "", b""
    try:
        body = bytes.fromhex(match[3].decode("ascii"))
    except ValueError:
        return "", b""
    if len(body) != int(match[2][:9]):
        return "", b""
    if body.startswith(_XMP):
        return "xmp", body[len(_XMP) :]
    return {b"exif": "exif", b"APP1": "exif", b"xmp": "xmp", b"iptc": "iptc"}[match[1]], body


def _webp(data: bytes) -> Metadata:
    file = webp.parse(data)

    def body(name: bytes) -> bytes:
        chunk = file.first(name)
        return chunk.of(data)[:MAX_CREDENTIALS] if chunk else b""

    return Metadata("WebP", "image/webp", (), tiff.bare(body(b"EXIF")), body(b"XMP "), b"", body(b"C2PA"))


def _heif(data: bytes) -> Metadata:
    file = bmff.parse(data)
    exif = xmp = b""
    for item in file.of_kind(b"Exif")[:1]:
        block = item.of(data)
        exif = tiff.bare(block[4 + int.from_bytes(block[:4], "big") :])
    for item in file.of_kind(b"mime"):
        if item.content_type == b"application/rdf+xml":
            xmp = item.of(data)
            break
    kind = heif.flavour(data)
    mime = "image/avif" if kind == "AVIF" else "image/heic"
    return Metadata(kind, mime, (), exif, xmp, b"", _bmff_credentials(data, file.boxes))


def _bmff_credentials(data: bytes, boxes: tuple[Span, ...]) -> bytes:
    for box in boxes:
        if box.name == b"uuid" and data.startswith(_C2PA_UUID, box.start):
            # version and flags, the purpose as a zero-ended text, an 8-byte offset, then the manifest store
            purpose = data.find(b"\0", box.start + 20, box.end)
            if data[box.start + 20 : purpose] == b"manifest":
                return data[purpose + 9 : box.end][:MAX_CREDENTIALS]
    return b""


def _tiff(data: bytes) -> Metadata:
    file = tiff.parse(data)

    def body(tag: int) -> bytes:
        entry = file.entries.get(tag)
        return data[entry.start : entry.end][:MAX_CREDENTIALS] if entry else b""

    return Metadata("TIFF", "image/tiff", (), data, body(700), body(33723), body(52545))
