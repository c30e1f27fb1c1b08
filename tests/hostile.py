"""Bad pictures from a fixed seed, and a program that feeds them to the readers in a process with little memory.

`python -m tests.hostile` prints one JSON object: how many inputs, what became of them, the slowest. Memory is limited
by the operating system: whoever needs more than MEMORY is counted as "out-of-memory".
tests/test_hostile.py runs it and judges; here nothing is asserted.
"""

import faulthandler
import json
import logging
import random
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

SEED = 20_260
MEMORY = 160 * 1024 * 1024  # what decoding may map beyond what is there already: 40 bytes for each pixel of the limit
HANG_SECONDS = 30
EXTREMES = (b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\xff\xff\0\0", b"\0\0\xff\xff")


@dataclass(frozen=True)
class SmallLimits:
    max_bytes: int = 4 * 1024 * 1024
    max_pixels: int = 4_000_000
    decode_seconds: float = 3.0


def good_files() -> dict[str, bytes]:
    """A small valid file of each format, with the metadata that real ones carry."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    image = Image.linear_gradient("L").resize((120, 90)).convert("RGB")
    other = image.transpose(Image.Transpose.ROTATE_180)
    exif = Image.Exif()
    exif[271], exif[305], exif[274] = "Maker", "Software", 6
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "a picture, Steps: 20".encode("utf-16-be")
    many = {"save_all": True, "append_images": [other, image], "duration": 80}
    ways: dict[str, tuple[str, dict[str, object]]] = {
        "jpeg": ("JPEG", {"exif": exif}),
        "progressive": ("JPEG", {"progressive": True, "exif": exif}),
        "png": ("PNG", {"exif": exif}),
        "apng": ("PNG", many),
        "gif": ("GIF", many),
        "webp": ("WEBP", {"exif": exif}),
        "lossless": ("WEBP", {"lossless": True}),
        "animated-webp": ("WEBP", many),
        "avif": ("AVIF", {"exif": exif}),
        "avis": ("AVIF", many),
        "heic": ("HEIF", {"exif": exif.tobytes()}),
        "bmp": ("BMP", {}),
        "tiff": ("TIFF", {"compression": "tiff_lzw"}),
        "tiff-jpeg": ("TIFF", {"compression": "jpeg"}),
        "tiff-raw": ("TIFF", {}),
    }
    files = {}
    for name, (kind, options) in ways.items():
        out = BytesIO()
        image.save(out, kind, **options)
        files[name] = out.getvalue()
    return files


def bad_files() -> Iterator[tuple[str, bytes]]:
    """(what was done to it, the bytes), always the same ones."""
    chance = random.Random(SEED)
    files = good_files()
    for name, data in files.items():
        for _ in range(20):
            yield f"{name} truncated", data[: chance.randrange(len(data))]
        for _ in range(50):
            yield f"{name} bits flipped", _flipped(chance, data)
        for _ in range(40):
            yield f"{name} lying number", _lying(chance, data)
        for _ in range(20):
            yield f"{name} cut and pasted", _pasted(chance, data)
        yield from ((f"{other} in {name}", _polyglot(data, body)) for other, body in files.items() if other != name)
        for size in (1, 60, 5000):
            yield f"{name} head and noise", data[:24] + chance.randbytes(size)
    yield from _wrong_types(chance)
    yield from _bombs()
    yield from _container_bombs(files)


def _flipped(chance: random.Random, data: bytes) -> bytes:
    bad = bytearray(data)
    reach = len(bad) if chance.random() < 0.5 else min(len(bad), 300)
    for _ in range(chance.choice((1, 2, 8, 40))):
        bad[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    return bytes(bad)


def _lying(chance: random.Random, data: bytes) -> bytes:
    bad = bytearray(data)
    size = chance.choice((1, 2, 4))
    at = chance.randrange(4, min(len(bad), 700) - 4)
    bad[at : at + size] = chance.choice(EXTREMES)[:size]
    return bytes(bad)


def _pasted(chance: random.Random, data: bytes) -> bytes:
    start, stop = sorted(chance.randrange(len(data)) for _ in range(2))
    piece = data[start:stop]
    before, after = data[:start], data[stop:]
    return chance.choice((before + after, before + piece * 3 + after, before + piece[::-1]))


def _polyglot(head: bytes, body: bytes) -> bytes:
    return head[: len(head) // 3] + body


def _wrong_types(chance: random.Random) -> Iterator[tuple[str, bytes]]:
    from bot.containers import sniff

    prefixes = [*sniff.PICTURES, *(prefix for prefix, _, _ in sniff.OTHERS)]
    for prefix in [*prefixes, b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypavif"]:
        for size in (0, 8, 3000):
            yield f"{prefix!r} alone", prefix + chance.randbytes(size)
            yield f"{prefix!r} and zeros", prefix + bytes(size)
    for size in (1, 2, 3, 11, 100, 65_537):
        yield "noise", chance.randbytes(size)
        yield "zeros", bytes(size)
        yield "text", b"jpeg png gif " * size
    yield "svg bomb", b"<svg>" * 100_000
    yield "too many bytes", bytes(SmallLimits.max_bytes + 1)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 2, pixels: bytes | None = None) -> bytes:
    body = zlib.compress(bytes((width * 3 + 1) * height)) if pixels is None else pixels
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    inside = chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + inside


def tiff(entries: list[tuple[int, int, int, bytes]], after: bytes = b"", following: int = 0) -> bytes:
    """A little-endian TIFF with one directory at offset 8; `after` begins at offset 10 + 12 * entries + 4."""
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", following) + after


def _long(value: int) -> bytes:
    return struct.pack("<I", value)


def _bombs() -> Iterator[tuple[str, bytes]]:
    zeros = zlib.compress(bytes(200_000_000), 9)
    yield "png zTXt bomb", png(100, 100, chunk(b"zTXt", b"parameters\0\0" + zeros))
    yield "png iTXt bomb", png(100, 100, *[chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros)] * 15)
    yield "png iCCP bomb", png(100, 100, chunk(b"iCCP", b"x\0\0" + zeros))
    yield "png pixel bomb", png(1900, 1900, pixels=zeros)
    for width, height in ((2**31 - 1, 2**31 - 1), (65_535, 65_535), (2**31 - 1, 64), (64, 2**31 - 1), (0, 64)):
        yield "png huge", png(width, height, pixels=zlib.compress(bytes(1000)))
    yield "png many chunks", png(100, 100, *[chunk(b"tEXt", b"a\0b")] * 200_000)
    yield "png many pixel chunks", png(100, 100, *[chunk(b"IDAT", b"")] * 100_000)
    yield "apng of a billion frames", png(100, 100, chunk(b"acTL", struct.pack(">II", 10**9, 0)))
    for size in ((65_535, 65_535), (65_535, 64), (1, 65_535)):
        sof = b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", size[1], size[0]) + b"\x01\x01\x11\0"
        yield "jpeg huge", b"\xff\xd8" + sof + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(50) + b"\xff\xd9"
    yield "jpeg of segments", b"\xff\xd8" + b"\xff\xe1\0\x02" * 900_000 + b"\xff\xd9"
    yield "jpeg of fill bytes", b"\xff\xd8" + b"\xff" * 3_900_000
    screen = struct.pack("<HH", 65_535, 65_535) + b"\0\0\0"
    tiny = b"," + struct.pack("<HHHH", 0, 0, 64, 64) + b"\0\x02\x02\x4c\x01\0"
    yield "gif huge screen", b"GIF89a" + screen + tiny + b";"
    yield "gif huge frame", b"GIF89a\x40\0\x40\0\0\0\0," + struct.pack("<HHHH", 65_000, 65_000, 535, 535) + b"\0\x02\0;"
    yield "gif of comments", b"GIF89a\x40\0\x40\0\0\0\0!\xfe" + b"\x01a" * 1_900_000 + b"\0" + tiny + b";"
    yield "gif of extensions", b"GIF89a\x40\0\x40\0\0\0\0" + b"!\xf9\0" * 1_300_000 + tiny + b";"
    head = struct.pack("<IiiHHIIIIII", 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "bmp huge", b"BM" + bytes(8) + _long(54) + head
    for encoding in (1, 2):
        head = struct.pack("<IiiHHIIIIII", 40, 2000, 1990, 1, 8 if encoding == 1 else 4, encoding, 0, 0, 0, 0, 0)
        for run in (b"\0\0", b"\0\2\0\0", b"\1\0", b"\0\2\xff\xff", b"\0\xff"):
            yield "bmp run-length", b"BM" + bytes(8) + _long(1078) + head + bytes(1024) + run * 400_000
    yield "webp huge canvas", b"RIFF" + _long(30) + b"WEBPVP8X" + _long(10) + b"\x02\0\0\0" + b"\xff" * 6
    yield "nested boxes", struct.pack(">I", 16) + b"ftypavif\0\0\0\0" + b"".join(
        struct.pack(">I", 8 * (5000 - depth)) + b"meta" for depth in range(5000)
    )  # fmt: skip
    yield "boxes without end", struct.pack(">I", 16) + b"ftypheic\0\0\0\0" + (b"\0\0\0\x08free" * 400_000)
    yield "a 64-bit box", struct.pack(">I", 16) + b"ftypavif\0\0\0\0" + b"\0\0\0\1meta" + b"\xff" * 8


def _container_bombs(files: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    base = [
        (256, 4, 1, _long(100)),
        (257, 4, 1, _long(100)),
        (258, 3, 1, b"\x08"),
        (262, 3, 1, b"\1"),
        (277, 3, 1, b"\1"),
    ]
    pixels = [(273, 4, 1, _long(8)), (278, 4, 1, _long(100)), (279, 4, 1, _long(10_000))]
    yield "tiff that loops", tiff([*base, *pixels], bytes(10_000), following=8)
    for tile in (2**31 - 16, 65_536, 16_384):
        tiles = [(322, 4, 1, _long(tile)), (323, 4, 1, _long(tile)), (324, 4, 1, _long(8)), (325, 4, 1, _long(500))]
        for packing in (1, 5, 8):
            yield "tiff with huge tiles", tiff([*base, (259, 3, 1, bytes([packing])), *tiles], bytes(1000))
    empty = zlib.compressobj(0)
    blocks = b"\x78\x01" + b"\0\0\0\xff\xff" * 300_000 + empty.flush()
    strips = [(259, 3, 1, b"\x08"), (273, 4, 100, _long(200)), (278, 4, 1, _long(1)), (279, 4, 100, _long(600))]
    table = struct.pack("<100I", *[1000] * 100)
    yield "tiff whose strips overlap", tiff([*base, *strips]).ljust(200, b"\0") + table + table + blocks
    for tag in (258, 273, 279, 320, 34_665, 270, 33_432, 282):
        for kind in (3, 4, 5, 12, 2):
            count = 300_000 if kind != 12 else 200_000
            yield "tiff with a huge tag", tiff([*base, *pixels, (tag, kind, count, _long(200))], bytes(2_500_000))
    exif_loop = b"Exif\0\0" + tiff([(34_665, 4, 1, _long(8)), (274, 3, 1, b"\x06")], following=8)
    huge = b"Exif\0\0" + tiff([(282, 5, 8000, _long(40)), (274, 3, 70_000, _long(0))], bytes(64_200))
    for name, exif in (("loops", exif_loop), ("is huge", huge)):
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        yield f"jpeg whose exif {name}", files["jpeg"][:2] + segment * 50 + files["jpeg"][2:]
        yield f"png whose exif {name}", png(100, 100, *[chunk(b"eXIf", exif[6:])] * 20)
    scan = b"\xff\xda\0\x08\x01\x01\0\x01\x01\x02\0"
    wide = bytearray(files["progressive"])
    frame = wide.index(b"\xff\xc2")
    wide[frame + 5 : frame + 9] = struct.pack(">HH", 1990, 1990)
    yield "progressive scans without end", bytes(wide[:-2]) + scan * 300_000 + b"\xff\xd9"
    yield "progressive scans, few", bytes(wide[:-2]) + scan * 90 + b"\xff\xd9"
    for name in ("avif", "avis", "heic"):
        for box in (b"ispe", b"iloc", b"iinf", b"pitm", b"ipma"):
            at = files[name].find(box) + 4
            for value in EXTREMES:
                for shift in (0, 4, 8):
                    bad = bytearray(files[name])
                    bad[at + shift : at + shift + 4] = value
                    yield f"{name} with a lying {box.decode()}", bytes(bad)
    for kind, options in (("AVIF", {"speed": 10}), ("HEIF", {})):
        out = BytesIO()
        Image.new("RGB", (4000, 4000), (9, 90, 200)).save(out, kind, **options)
        bad = bytearray(out.getvalue())
        at = bad.find(b"ispe")
        while at > 0:
            bad[at + 8 : at + 16] = struct.pack(">II", 100, 100)
            at = bad.find(b"ispe", at + 4)
        yield f"{kind} that is larger than it says", bytes(bad)
    canvas = files["animated-webp"]
    for frame in range(3):
        at = -1
        for _ in range(frame + 1):
            at = canvas.find(b"ANMF", at + 1)
        bad = bytearray(canvas)
        bad[at + 14 : at + 20] = b"\xff" * 6
        yield "webp frame larger than its canvas", bytes(bad)


def main() -> None:
    from bot import evidence
    from bot.errors import Refusal
    from bot.evidence import verification
    from bot.intake import Decoded, decode

    verification.available()  # maps its library now, before memory is counted
    faults: list[str] = []
    logged = logging.Handler(logging.ERROR)
    logged.emit = lambda record: faults.append(logging.Formatter().format(record))  # type: ignore[method-assign]
    logging.getLogger().addHandler(logged)
    inputs = list(bad_files())
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    outcomes: Counter[str] = Counter()
    slowest = (0.0, "")
    for name, data in inputs:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        start = time.process_time()
        try:
            evidence.read(data)
            decoded = decode(data, SmallLimits())
            outcomes["decoded" if isinstance(decoded, Decoded) else "something else"] += 1
        except Refusal as refusal:
            outcomes[refusal.reason] += 1
        except BaseException as error:
            faults.append(f"{name}: {type(error).__name__}: {error}")
        slowest = max(slowest, (time.process_time() - start, name))
    faulthandler.cancel_dump_traceback_later()
    report = {
        "inputs": len(inputs),
        "outcomes": dict(outcomes),
        "faults": faults,
        "slowest": [round(slowest[0], 3), slowest[1]],
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
