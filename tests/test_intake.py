"""Intake: every format and colour mode that Pillow can make here, the limits, and the words of each refusal."""

import io
import re
import sys
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bot import colours, intake
from bot.containers import jpeg, sniff, tiff
from bot.errors import Refusal
from bot.intake import Decoded, decode, too_many_bytes
from bot.wording import say

Transpose = Image.Transpose


@dataclass(frozen=True)
class Limits:
    max_bytes: int = 20 * 1024 * 1024
    max_pixels: float = 64e6
    decode_seconds: float = 10.0


LIMITS = Limits()
WIDTH, HEIGHT = 200, 150


def picture(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """A smooth picture in which every corner has another colour, so that a wrong turn or channel order is seen."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 200 // (width + height))
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def away(decoded: Decoded, expected: Image.Image | np.ndarray) -> float:
    """The mean difference from the expected picture, 0..255."""
    wanted = np.asarray(expected).astype(int)
    assert decoded.pixels.shape == wanted.shape
    assert decoded.pixels.dtype == np.uint8
    return float(np.abs(decoded.pixels - wanted).mean())


def refused(data: bytes, limits: Limits = LIMITS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(data, limits)
    return caught.value


@pytest.mark.parametrize(
    ("kind", "options", "name", "tolerance"),
    [
        ("JPEG", {}, "JPEG", 2),
        ("JPEG", {"progressive": True}, "JPEG", 2),
        ("PNG", {}, "PNG", 0),
        ("WEBP", {}, "WebP", 3),
        ("WEBP", {"lossless": True}, "WebP", 0),
        ("GIF", {}, "GIF", 8),
        ("AVIF", {}, "AVIF", 3),
        ("BMP", {}, "BMP", 0),
        ("TIFF", {}, "TIFF", 0),
        ("TIFF", {"compression": "tiff_lzw"}, "TIFF", 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, "TIFF", 0),
        ("TIFF", {"compression": "packbits"}, "TIFF", 0),
        ("TIFF", {"compression": "jpeg"}, "TIFF", 2),
        ("HEIF", {}, "HEIC", 3),
    ],
)
def test_each_format_by_its_bytes(kind: str, options: dict[str, object], name: str, tolerance: float) -> None:
    decoded = decode(encoded(picture(), kind, **options), LIMITS)
    assert decoded.format == name
    assert decoded.notes == ()
    assert away(decoded, picture()) <= tolerance


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_of_an_animation_the_first_frame_and_it_is_said(kind: str) -> None:
    frames = [picture().transpose(turn) for turn in (Transpose.ROTATE_180, Transpose.FLIP_LEFT_RIGHT)]
    options = {} if kind == "TIFF" else {"duration": 100}
    decoded = decode(encoded(picture(), kind, save_all=True, append_images=frames, **options), LIMITS)
    assert intake.FIRST_FRAME in decoded.notes
    assert decoded.format == {"PNG": "APNG", "WEBP": "WebP"}.get(kind, kind)
    assert away(decoded, picture()) < 8


def test_a_gif_whose_first_frame_lies_outside_its_screen() -> None:
    data = bytearray(encoded(picture(), "GIF"))
    data[6:10] = (100).to_bytes(2, "little") * 2
    assert decode(bytes(data), LIMITS).pixels.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    upright = {
        1: None, 2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
    }[orientation]  # fmt: skip
    expected = picture() if upright is None else picture().transpose(upright)
    assert away(decode(encoded(picture(), kind, exif=exif.tobytes(), **options), LIMITS), expected) < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG", "AVIF"])
@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_bilevel_and_palette(mode: str, kind: str) -> None:
    stored = picture().convert(mode)
    if mode == "P" and kind == "JPEG":
        pytest.skip("JPEG has no palettes")
    lossy = mode == "P" and kind in ("WEBP", "AVIF")
    assert away(decode(encoded(stored, kind), LIMITS), stored.convert("RGB")) < (16 if lossy else 8)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    stored = picture().convert("CMYK")
    assert away(decode(encoded(stored, kind), LIMITS), picture()) < 3


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})])
def test_16_bit_grey(kind: str, options: dict[str, object]) -> None:
    grey = np.asarray(picture().convert("L"))
    stored = Image.fromarray(grey.astype(np.uint16) * 257)
    assert away(decode(encoded(stored, kind, **options), LIMITS), np.stack([grey] * 3, -1)) < 1


def test_16_bit_colour_png() -> None:
    import struct
    import zlib

    pixels = np.asarray(picture()).astype(">u2") * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert away(decode(data, LIMITS), picture()) == 0


@pytest.mark.parametrize("scale", [1 / 255, 1.0, 257.0])
def test_floating_point_and_32_bit_tiff(scale: float) -> None:
    grey = np.asarray(picture().convert("L"))
    stored = Image.fromarray((grey * scale).astype(np.float32))
    assert away(decode(encoded(stored, "TIFF"), LIMITS), np.stack([grey] * 3, -1)) <= 1
    if scale >= 1:
        wide = Image.fromarray((grey * scale).astype(np.int32))
        assert away(decode(encoded(wide, "TIFF"), LIMITS), np.stack([grey] * 3, -1)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF", "BMP"])
def test_alpha_lies_over_white(kind: str) -> None:
    clear = picture().convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "AVIF" else {}
    decoded = decode(encoded(clear, kind, **options), LIMITS)
    expected = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    if kind == "BMP":  # Pillow writes no alpha there
        expected = picture()
    else:
        assert colours.ALPHA_ON_WHITE in decoded.notes
        assert decoded.pixels[:, 0].min() > 245
    assert away(decoded, expected) < 3


def test_transparency_of_palettes_and_colour_keys() -> None:
    palette = picture().convert("P")
    data = encoded(palette, "PNG", transparency=bytes([0] * 256))
    assert int(decode(data, LIMITS).pixels.min()) == 255
    key = Image.new("RGB", (80, 80), (10, 20, 30))
    assert int(decode(encoded(key, "PNG", transparency=(10, 20, 30)), LIMITS).pixels.min()) == 255
    grey = Image.new("L", (80, 80), 7)
    assert int(decode(encoded(grey, "PNG", transparency=7), LIMITS).pixels.min()) == 255
    gif = decode(encoded(palette, "GIF", transparency=int(np.asarray(palette)[0, 0])), LIMITS)
    assert gif.pixels[0, 0].tolist() == [255, 255, 255]


def swapped_profile() -> bytes:
    """An RGB profile with the red and the green primary exchanged: whoever applies it swaps the two channels."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = data.index(b"rXYZ"), data.index(b"gXYZ")
    data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_profiles_are_applied(kind: str) -> None:
    options = {"quality": 95} if kind in ("JPEG", "AVIF", "WEBP") else {}
    decoded = decode(encoded(picture(), kind, icc_profile=swapped_profile(), **options), LIMITS)
    assert colours.COLOURS_CONVERTED in decoded.notes
    assert away(decoded, np.asarray(picture())[..., [1, 0, 2]]) < 4


def test_an_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = decode(encoded(picture(), "PNG", icc_profile=profile), LIMITS)
    assert decoded.notes == ()
    assert away(decoded, picture()) == 0


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 500, swapped_profile()[:300]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert away(decode(encoded(picture(), "PNG", icc_profile=profile), LIMITS), picture()) == 0
    cmyk = picture().convert("CMYK")
    assert away(decode(encoded(cmyk, "JPEG", icc_profile=profile), LIMITS), picture()) < 3


def test_a_grey_picture_with_alpha_and_profile() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = picture().convert("LA")
    assert away(decode(encoded(grey, "PNG", icc_profile=lab), LIMITS), grey.convert("RGB")) == 0


def test_lab_tiff() -> None:
    lab = ImageCms.profileToProfile(
        picture(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert away(decode(encoded(lab, "TIFF"), LIMITS), picture()) < 3


def test_the_name_says_nothing_the_bytes_do() -> None:
    """A JPEG behind a PNG's first bytes is damaged, not a JPEG."""
    assert refused(b"\x89PNG\r\n\x1a\n" + encoded(picture(), "JPEG")).reason == "damaged"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF"])
def test_a_truncated_file_is_refused_and_said_so(kind: str) -> None:
    data = encoded(picture(), kind)
    for part in (0.5, 0.9):
        refusal = refused(data[: int(len(data) * part)])
        assert refusal.reason == "truncated"
        assert "send it again" in str(refusal)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_bytes_behind_the_end_change_nothing(kind: str) -> None:
    data = encoded(picture(), kind)
    tail = b"PK\x03\x04<html><script>alert(1)</script>" + encoded(picture(70, 70), "PNG")
    assert np.array_equal(decode(data + tail, LIMITS).pixels, decode(data, LIMITS).pixels)


@pytest.mark.parametrize(("size", "ok"), [((64, 64), True), ((63, 900), False), ((900, 63), False), ((1, 1), False)])
def test_the_short_side(size: tuple[int, int], ok: bool) -> None:
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        data = encoded(Image.new("RGB", size, (10, 200, 30)), kind)
        if ok:
            assert decode(data, LIMITS).pixels.shape == (size[1], size[0], 3)
        else:
            refusal = refused(data)
            assert refusal.reason == "too-small"
            assert f"{size[0]} × {size[1]}" in str(refusal)
            assert "64" in str(refusal)


def test_limits_on_bytes_and_pixels() -> None:
    data = encoded(picture(), "PNG")
    assert refused(data, Limits(max_bytes=len(data) - 1)).reason == "too-many-bytes"
    assert "20.1 MB" in str(too_many_bytes(20 * 1024 * 1024 + 1, 20 * 1024 * 1024))  # not "20 MB, and at most 20 MB"
    decode(data, Limits(max_bytes=len(data), max_pixels=WIDTH * HEIGHT))
    for kind in ("PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF", "HEIF"):
        refusal = refused(encoded(picture(), kind), Limits(max_pixels=WIDTH * HEIGHT - 1))
        assert refusal.reason == "too-many-pixels", kind


def test_a_huge_jpeg_is_decoded_at_half_size() -> None:
    decoded = decode(encoded(picture(), "JPEG"), Limits(max_pixels=WIDTH * HEIGHT / 3))
    assert decoded.notes == (intake.REDUCED,)
    assert away(decoded, picture().resize((WIDTH // 2, HEIGHT // 2))) < 4
    assert refused(encoded(picture(), "JPEG"), Limits(max_pixels=WIDTH * HEIGHT / 5)).reason == "too-many-pixels"
    progressive = encoded(picture(), "JPEG", progressive=True)
    assert refused(progressive, Limits(max_pixels=WIDTH * HEIGHT / 3)).reason == "too-many-pixels"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_time_is_up(kind: str) -> None:
    refusal = refused(encoded(picture(), kind), Limits(decode_seconds=-1))
    assert refusal.reason == "too-slow"


WRONG = {
    "document": [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"],
    "archive": [b"PK\x03\x04\x14\0\0\0\x08\0", b"\x1f\x8b\x08\0\0", b"Rar!\x1a\x07\x01\0", b"7z\xbc\xaf\x27\x1c\0\x04"],
    "video": [
        b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
        b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
        b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1f",
        b"RIFF\0\0\0\0AVI LIST",
    ],
    "sound": [b"RIFF\x24\0\0\0WAVEfmt ", b"ID3\x04\0\0", b"OggS\0\x02"],
    "vector": [b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', b"<svg width='900'></svg>"],
    "web-page": [b"<!DOCTYPE html><html><body>photo.jpg</body></html>", b"\n <html><img src='a.png'></html>"],
    "text": [b"hello, is this picture real?", "¿Es real esta foto?\n".encode() * 300, b"{}"],
    "other-picture": [b"\xff\x0a\xfa\x1f\x41\x91\x08\x06", b"8BPS\0\x01", b"\0\0\x01\0\x01\0\x20\x20", b"IIRO\x08\0"],
    "program": [b"MZ\x90\0\x03", b"\x7fELF\x02\x01\x01"],
    "unknown": [bytes(range(128, 256)) * 3, b"\0" * 4000],
    "empty": [b""],
}


@pytest.mark.parametrize(("reason", "data"), [(reason, data) for reason, many in WRONG.items() for data in many])
def test_what_is_no_picture_is_named(reason: str, data: bytes) -> None:
    refusal = refused(data)
    assert refusal.reason == reason
    sentence = str(refusal)
    assert "please" in sentence and sentence.endswith(".") and "\n" not in sentence and "{" not in sentence


def test_rare_variants_are_named() -> None:
    twelve = bytearray(encoded(picture(), "JPEG"))
    twelve[twelve.index(b"\xff\xc0") + 4] = 12
    assert refused(bytes(twelve)).reason == "unsupported"
    assert "12 bits" in str(refused(bytes(twelve)))
    assert "BigTIFF" in str(refused(b"II+\0\x08\0\0\0" + b"\0" * 100))
    raw = encoded(picture(), "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    assert "raw" in str(refused(raw))


def test_heic_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(picture(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    refusal = refused(data)
    assert refusal.reason == "needs-heic"
    assert '"heic"' in str(refusal)
    # AVIF needs no extra.
    decode(encoded(picture(), "AVIF"), LIMITS)


def test_no_warning_and_no_change_of_global_limits() -> None:
    before = Image.MAX_IMAGE_PIXELS
    exif = Image.Exif()
    exif[270] = "x"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode(encoded(picture(), "JPEG", exif=exif.tobytes()[:-3]), LIMITS)
        decode(encoded(picture().convert("P"), "PNG", transparency=bytes(range(256))), LIMITS)
        decode(encoded(picture(), "TIFF", exif=exif), LIMITS)
    assert before == Image.MAX_IMAGE_PIXELS


def test_many_threads_at_once() -> None:
    files = [encoded(picture(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "HEIF")]
    expected = [decode(data, LIMITS).pixels for data in files]
    wrong: list[int] = []

    def work(start: int) -> None:
        for step in range(len(files)):
            index = (start + step) % len(files)
            if not np.array_equal(decode(files[index], LIMITS).pixels, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_everything_that_is_named_has_a_name() -> None:
    named = {name for _, _, name in sniff.OTHERS}
    for module in (sniff, jpeg, tiff):
        source = Path(str(module.__file__)).read_text("utf-8")
        named |= set(re.findall(r'Unsupported\("([^"]+)"', source))
        named |= set(re.findall(r'(?:_VIDEO|_SOUND|"text"|"vector"|"web-page"), "([^"]+)"', source))
    assert {"svg", "avi", "video", "jpeg-bits", "tiff-compression"} <= named
    for name in named:
        assert "{" not in say(f"file.{name}", number=12)
