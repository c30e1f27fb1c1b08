"""EXIF: the fields in which cameras and generators sign."""

from dataclasses import dataclass

from bot.containers import Malformed, Unsupported, tiff

MAX_TEXT = 2 * 1024 * 1024
_DESCRIPTION, _MAKE, _MODEL, _SOFTWARE, _ARTIST, _COPYRIGHT = 270, 271, 272, 305, 315, 33432
_XP_COMMENT, _COMMENT, _SUB_DIRECTORY = 40092, 37510, 34665
_SHOT = (33434, 33437, 34855, 37386)  # exposure time, aperture, sensitivity, focal length
# ComfyUI counts down from Make for whatever else it has to say, so settings turn up in these and nobody else's fields.
_FREE = (_COMMENT, _DESCRIPTION, _MODEL, _MAKE, *range(269, 261, -1), _COPYRIGHT, _XP_COMMENT, _ARTIST, _SOFTWARE)


@dataclass(frozen=True, slots=True)
class Exif:
    """The fields in which software and cameras sign; empty when absent. `texts` are all texts that may hold settings.

    `shot` says that at least two of exposure, aperture, sensitivity and focal length are recorded, as cameras do.
    """

    make: str = ""
    model: str = ""
    software: str = ""
    artist: str = ""
    description: str = ""
    texts: tuple[str, ...] = ()
    shot: bool = False


def read(block: bytes) -> Exif:
    """Never raises; a broken block gives what could be read of it."""
    try:
        first = tiff.parse(block)
    except (Malformed, Unsupported):
        return Exif()
    inside: tiff.Directory = {}
    try:
        inside, _ = tiff.directory(block, first.order, tiff.number(block, first, _SUB_DIRECTORY, 0))
    except Malformed:
        inside = {}  # absent or broken; the main directory stands for itself

    def text(tag: int) -> str:
        # Pillow's users write UserComment into the main directory, where it doesn't belong.
        entry = first.entries.get(tag) or inside.get(tag)
        return _text(block, entry) if entry else ""

    return Exif(
        make=text(_MAKE),
        model=text(_MODEL),
        software=text(_SOFTWARE),
        artist=text(_ARTIST),
        description=text(_DESCRIPTION),
        texts=tuple(filter(None, map(text, _FREE))),
        shot=sum(tag in inside for tag in _SHOT) >= 2,
    )


def _text(block: bytes, entry: tiff.Entry) -> str:
    raw = block[entry.start : min(entry.end, entry.start + MAX_TEXT)]
    if entry.tag == _XP_COMMENT:
        return raw.decode("utf-16-le", "replace").strip("\0 ")
    if entry.tag == _COMMENT:
        return _comment(raw)
    if entry.kind not in (1, 2, 7):
        return ""
    raw = raw.rstrip(b"\0 ")
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("latin-1").strip()


def _comment(raw: bytes) -> str:
    """UserComment begins with eight bytes that name its character set; writers disagree about UTF-16's byte order."""
    charset, body = raw[:8], raw[8:]
    if charset == b"UNICODE\0":
        even, odd = body[:2000:2].count(0), body[1:2000:2].count(0)
        return body.decode("utf-16-be" if even > odd else "utf-16-le", "replace").strip("\0 \ufeff\n")
    if charset not in (b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(8)):
        body = raw
    return body.decode("utf-8", "replace").strip("\0 \n")
