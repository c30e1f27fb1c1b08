"""Malformed and oversized metadata: never an exception, little work, little memory."""

import json
import logging
import random
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from bot import evidence
from bot.evidence import cbor, container, manifest, text, xmp
from tests.evidence import pictures as make
from tests.evidence.test_generators import A1111, GRAPH


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """`read` logs what it swallows: a bug that it hid would show up here."""
    caplog.set_level(logging.ERROR)
    yield
    assert caplog.records == []


def marked() -> dict[str, bytes]:
    """Files full of metadata of all kinds."""
    packet = make.source_type("trainedAlgorithmicMedia")
    block = make.exif(
        {271: "Canon", 272: "EOS", 305: "Midjourney"}, comment=b"UNICODE\0" + A1111.encode("utf-16-be"), shot=True
    )
    story = make.manifest(
        "urn:c2pa:1", [{"action": "c2pa.created", "digitalSourceType": make.SOURCE + "digitalCapture"}]
    )
    return {
        "png": make.png(parameters=A1111, prompt=json.dumps(GRAPH), Comment="x"),
        "png with xmp": make.with_xmp("PNG", packet),
        "jpeg": make.saved("JPEG", exif=block, xmp=packet),
        "webp": make.saved("WEBP", exif=block, xmp=packet),
        "avif": make.saved("AVIF", exif=block, xmp=packet),
        "credentials": make.with_credentials(story),
        "credentials in a jpeg": make.with_credentials(story, kind="JPEG"),
        "stealth": make.saved("PNG", make.hidden(A1111.encode(), b"stealth_pnginfo")),
    }


def test_damaged_files() -> None:
    chance = random.Random(7)
    for data in marked().values():
        for _ in range(60):
            bad = bytearray(data)
            for _ in range(chance.choice((1, 3, 20))):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            evidence.read(bytes(bad))
            evidence.read(data[: chance.randrange(len(data))])


def test_damage_behind_valid_checksums() -> None:
    """PNG's checksums made right again, so that the damage reaches the readers behind them."""
    chance = random.Random(8)
    story = make.jumbf("c2pa", make.manifest("urn:c2pa:1", [{"action": "c2pa.created"}]))
    bodies = {
        b"caBX": story,
        b"eXIf": make.exif({271: "Canon"}, shot=True)[6:],
        b"tEXt": b"prompt\0" + json.dumps(GRAPH).encode(),
    }
    for name, body in bodies.items():
        for _ in range(150):
            bad = bytearray(body)
            for _ in range(chance.choice((1, 2, 8))):
                bad[chance.randrange(len(bad))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
            evidence.read(make.png_with(make.png_chunk(name, bytes(bad))))


def bomb(size: int) -> bytes:
    return make.png_chunk(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(size)))


def claim(body: bytes) -> bytes:
    return make.with_credentials(make.jumbf("urn:c2pa:1", make.jumbf("c2pa.claim", make.box(b"cbor", body))))


HUGE = {
    "a text bomb": make.png_with(bomb(100_000_000)),
    "many text bombs": make.png_with(*[bomb(2_000_000)] * 300),
    "deep json": make.png(prompt='{"a":' * 200_000),
    "deep lists": make.png(workflow='{"nodes":' + "[" * 300_000),
    "wide json": make.png(prompt="{" + ",".join(f'"{n}":{{}}' for n in range(150_000)) + "}"),
    "a long number": make.png(parameters='{"a":' + "9" * 1_000_000 + "}"),
    "long settings": make.png(parameters="Steps: 20, " + "a: b, " * 300_000),
    "long words": make.png(parameters="(" * 1_000_000 + "\nSteps: 20, Seed: 1, Sampler: " + "\\" * 500_000),
    "a long dream": make.png(Dream='"' + '" -s1 ' * 200_000),
    "deep xmp": make.with_xmp("PNG", b"<a>" * 200_000),
    "wide xmp": make.with_xmp("PNG", make.xmp("<dc:a/>" * 100_000)),
    "attributes of xmp": make.with_xmp("PNG", make.xmp(attributes=" ".join(f'dc:a{n}="{n}"' for n in range(40_000)))),
    "xml entities": make.with_xmp("PNG", b"<!DOCTYPE a [" + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 20) for n in range(12)) + b"]><a>&m;</a>"),
    "deep cbor": claim(b"\x81" * 100_000),
    "wide cbor": claim(b"\x9a\x7f\xff\xff\xff"),
    "endless cbor": claim(b"\x9f" + b"\0" * 100_000),
    "many manifests": make.with_credentials(*[make.jumbf(f"urn:{n}") for n in range(5_000)]),
    "a job number after spaces": make.png(Description="Job ID: " + " " * 1_000_000),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_huge_metadata_costs_little(name: str) -> None:
    tracemalloc.start()
    try:
        evidence.read(HUGE[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120 * 1024 * 1024


def test_cbor_reads_what_it_should() -> None:
    value = {"a": [1, 2, 300, "é"], "b": {"c": "d" * 100}}
    assert cbor.read(make.cbor(value)) == value
    assert cbor.read(b"\xbf\x61a\x9f\x01\x20\xff\x61b\x7f\x61x\x61y\xff\xff") == {"a": [1, -1], "b": "xy"}
    assert cbor.read(b"\xc1\xfb\x3f\xf8\0\0\0\0\0\0") == 1.5
    assert cbor.read(b"\x83\xf4\xf5\xf6") == [False, True, None]
    for broken in (b"", b"\x1c", b"\x82\x01", b"\x5f\x61a\xff", b"\xff", b"\x81" * 40):
        with pytest.raises(cbor.CborError):
            cbor.read(broken)


def test_readers_of_nothing() -> None:
    assert xmp.read(b"") == {}
    assert manifest.read(b"") is None
    assert container.metadata(b"") is None
    assert evidence.read(b"") == ()
    assert text.clean("") == ""
    assert text.clean("a" * 61) == "a" * 59 + "…"
