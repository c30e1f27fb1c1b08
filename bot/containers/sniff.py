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
# Prefix, the stable word of its kind, and the key of what to call it ([file] in the messages).
OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", _DOCUMENT, "pdf"),
    (b"{\\rtf", _DOCUMENT, "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _DOCUMENT, "office"),
    (b"PK\x03\x04", _ARCHIVE, "zip"),
    (b"PK\x05\x06", _ARCHIVE, "zip-empty"),
    (b"Rar!\x1a\x07", _ARCHIVE, "rar"),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE, "7zip"),
    (b"\x1f\x8b", _ARCHIVE, "gzip"),
    (b"BZh", _ARCHIVE, "bzip2"),
    (b"\xfd7zXZ\0", _ARCHIVE, "xz"),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE, "zstd"),
    (b"\x1aE\xdf\xa3", _VIDEO, "webm"),
    (b"FLV\x01", _VIDEO, "flash"),
    (b"\0\0\x01\xba", _VIDEO, "mpeg"),
    (b"\0\0\x01\xb3", _VIDEO, "mpeg"),
    (b"0&\xb2u\x8ef\xcf\x11", _VIDEO, "windows-media"),
    (b"OggS", _SOUND, "ogg"),
    (b"ID3", _SOUND, "mp3"),
    (b"fLaC", _SOUND, "flac"),
    (b"\xff\x0a", "other-picture", "jpeg-xl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "other-picture", "jpeg-xl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "other-picture", "jpeg-2000"),
    (b"\xff\x4f\xff\x51", "other-picture", "jpeg-2000"),
    (b"8BPS", "other-picture", "photoshop"),
    (b"gimp xcf", "other-picture", "gimp"),
    (b"\0\0\x01\0", "other-picture", "icon"),
    (b"\0\0\x02\0", "other-picture", "cursor"),
    (b"icns", "other-picture", "icon"),
    (b"DDS ", "other-picture", "dds"),
    (b"qoif", "other-picture", "qoi"),
    (b"v/1\x01", "other-picture", "openexr"),
    (b"#?RADIANCE", "other-picture", "radiance"),
    (b"FUJIFILMCCD-RAW", "other-picture", "raw"),
    (b"IIRO", "other-picture", "raw"),
    (b"IIU\0", "other-picture", "raw"),
    (b"%!PS", "other-picture", "postscript"),
    (b"\xc5\xd0\xd3\xc6", "other-picture", "postscript"),
    (b"\x7fELF", "program", "program"),
    (b"MZ", "program", "program"),
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
    """(stable word, key of what to call it) of a file that is no picture for Candid; None when it is like nothing known."""
    for prefix, kind, name in OTHERS:
        if data.startswith(prefix):
            return kind, name
    if data[4:8] in (b"ftyp", b"moov", b"mdat"):
        return _VIDEO, "video"
    if data[:4] == b"RIFF":
        return (_VIDEO, "avi") if data[8:12] == b"AVI " else (_SOUND, "sound")
    return _text(data)


def _text(data: bytes) -> tuple[str, str] | None:
    head = data[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text", "text"
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
        return "vector", "svg"
    if words.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in words[:1024]:
        return "web-page", "web-page"
    return "text", "text"
