"""What a file is, by its first bytes: never by its name or by what the sender calls it."""

from bot.containers.bmff import PICTURE_BRANDS, brands

PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_VIDEO, _SOUND, _ARCHIVE, _DOCUMENT = "video", "sound", "archive", "document"
# Prefix, the stable word of its kind, and what to call it.
OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", _DOCUMENT, "a PDF document"),
    (b"{\\rtf", _DOCUMENT, "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _DOCUMENT, "an Office document"),
    (b"PK\x03\x04", _ARCHIVE, "a ZIP archive or an Office document"),
    (b"PK\x05\x06", _ARCHIVE, "an empty ZIP archive"),
    (b"Rar!\x1a\x07", _ARCHIVE, "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE, "a 7-Zip archive"),
    (b"\x1f\x8b", _ARCHIVE, "a gzip archive"),
    (b"BZh", _ARCHIVE, "a bzip2 archive"),
    (b"\xfd7zXZ\0", _ARCHIVE, "an xz archive"),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE, "a zstd archive"),
    (b"\x1aE\xdf\xa3", _VIDEO, "a WebM or Matroska video"),
    (b"FLV\x01", _VIDEO, "a Flash video"),
    (b"\0\0\x01\xba", _VIDEO, "an MPEG video"),
    (b"\0\0\x01\xb3", _VIDEO, "an MPEG video"),
    (b"0&\xb2u\x8ef\xcf\x11", _VIDEO, "a Windows Media file"),
    (b"OggS", _SOUND, "an Ogg file"),
    (b"ID3", _SOUND, "an MP3 file"),
    (b"fLaC", _SOUND, "a FLAC file"),
    (b"\xff\x0a", "other-picture", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "other-picture", "a JPEG XL picture"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "other-picture", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "other-picture", "a JPEG 2000 picture"),
    (b"8BPS", "other-picture", "a Photoshop file"),
    (b"gimp xcf", "other-picture", "a GIMP file"),
    (b"\0\0\x01\0", "other-picture", "an icon"),
    (b"\0\0\x02\0", "other-picture", "a cursor"),
    (b"icns", "other-picture", "an icon"),
    (b"DDS ", "other-picture", "a DDS texture"),
    (b"qoif", "other-picture", "a QOI picture"),
    (b"v/1\x01", "other-picture", "an OpenEXR picture"),
    (b"#?RADIANCE", "other-picture", "a Radiance HDR picture"),
    (b"FUJIFILMCCD-RAW", "other-picture", "a camera's raw file"),
    (b"IIRO", "other-picture", "a camera's raw file"),
    (b"IIU\0", "other-picture", "a camera's raw file"),
    (b"%!PS", "other-picture", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "other-picture", "a PostScript file"),
    (b"\x7fELF", "program", "a program"),
    (b"MZ", "program", "a program"),
)


def picture(data: bytes) -> str | None:
    """The format when the file is a picture that Candid reads ("HEIF" for both AVIF and HEIC), else None."""
    for prefix, name in PICTURES.items():
        if data.startswith(prefix):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if frozenset(brands(data)) & PICTURE_BRANDS:
        return "HEIF"
    return None


def other(data: bytes) -> tuple[str, str] | None:
    """(stable word, what to call it) of a file that is no picture for Candid; None when it is like nothing known."""
    for prefix, kind, name in OTHERS:
        if data.startswith(prefix):
            return kind, name
    if data[4:8] in (b"ftyp", b"moov", b"mdat"):
        return _VIDEO, "a video"
    if data[:4] == b"RIFF":
        return (_VIDEO, "an AVI video") if data[8:12] == b"AVI " else (_SOUND, "a sound file")
    return _text(data)


def _text(data: bytes) -> tuple[str, str] | None:
    head = data[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text", "a text file"
    if b"\0" in head:
        return None
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return None
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head) > len(head) // 50:
        return None
    words = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in words[:2048]:
        return "vector", "an SVG drawing"
    if words.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in words[:1024]:
        return "web-page", "a web page"
    return "text", "a text file"
