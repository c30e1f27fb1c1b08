"""China's label for generated content: where it may stand, what its degrees mean, and whose code it names."""

import json

import pytest

from bot import evidence
from bot.evidence import kinds
from bot.verdict import Finding, Strength
from tests.evidence import pictures as make

DOUBAO, JIMENG = "001191110102MACQD9K64010000", "00119144030008867405X210001"


def label(degree: object = "1", producer: str = DOUBAO, **more: str) -> str:
    return json.dumps({"Label": degree, "ContentProducer": producer, "ProduceID": "5f2c", **more}, ensure_ascii=False)


def only(data: bytes) -> Finding:
    (finding,) = evidence.read(data)
    return finding


def in_xmp(kind: str, text: str) -> bytes:
    return make.with_xmp(kind, make.xmp(f"<TC260:AIGC>{text}</TC260:AIGC>"))


PLACES = {
    "xmp of a png": in_xmp("PNG", label()),
    "xmp of a jpeg": in_xmp("JPEG", label()),
    "xmp of a webp": in_xmp("WEBP", label()),
    "an attribute of xmp": make.with_xmp(
        "JPEG", make.xmp(attributes=f'TC260:AIGC="{label().replace(chr(34), "&quot;")}"')
    ),
    "a text chunk": make.png(AIGC=label()),
    "a user comment": make.saved(
        "JPEG", exif=make.exif(comment=b"ASCII\0\0\0" + f'{{"AIGC": {label()}}}'.encode())
    ),
    "an application segment": make.jpeg_with((0xE9, b"AIGC" + label().encode())),
    "packed once more": make.png(AIGC=json.dumps(label())),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_it_is_named_as_what_it_is(place: str) -> None:
    finding = only(PLACES[place])
    assert (finding.kind, finding.strength) == (kinds.GENERATOR_TAG, Strength.SELF_DECLARED)
    assert "GB 45438-2025" in finding.says
    assert "ByteDance (Doubao)" in finding.says
    assert DOUBAO not in finding.says


@pytest.mark.parametrize(
    ("degree", "words", "sure"),
    [("1", "says: generated", True), (1, "says: generated", True), ("2", "possibly", False), ("3", "suspected", False)],
)
def test_its_degrees(degree: object, words: str, sure: bool) -> None:
    finding = only(make.png(AIGC=label(degree)))
    assert words in finding.says
    assert evidence.says_ai(finding) == sure
    assert (finding.strength is Strength.HINT) != sure


@pytest.mark.parametrize(
    ("producer", "name"),
    [
        (JIMENG, "Producer: ByteDance (Jimeng)."),
        ("001191330106MA2CFLDG4R10001", "Alibaba (Qwen, Wan)"),
        ("001191440300708461136T1308L", "Tencent (Yuanbao)"),
        ("00119111000000000000X010000", "Producer: 00119111000000000000X010000."),
        ("picwish", "Producer: picwish."),
        (DOUBAO + " and more", f"Producer: {DOUBAO} and more."),
    ],
)
def test_whose_code_it_is(producer: str, name: str) -> None:
    assert name in only(make.png(AIGC=label(producer=producer))).says


def test_a_platform_that_found_traces() -> None:
    text = json.dumps({"Label": "3", "ContentPropagator": JIMENG, "PropagateID": "9"})
    assert "Labelled by: ByteDance (Jimeng)." in only(make.png(AIGC=text)).says


NOT_LABELS = {
    "in a caption": make.png(Description=f"my label is {label()}"),
    "in a chunk of another name": make.png(Notes=label()),
    "behind words": make.png(AIGC=f"see {label()}"),
    "behind the end": make.saved("JPEG") + b"AIGC" + label().encode(),
    "in a segment, cut off": make.jpeg_with((0xE9, b"AIGC" + label().encode()[:-5])),
    "in a segment, not at its start": make.jpeg_with((0xE9, b"xAIGC" + label().encode())),
    "without anybody": make.png(AIGC='{"Label": "1", "ContentProducer": ""}'),
    "of no degree": make.png(AIGC=label("4")),
    "in another namespace": make.with_xmp(
        "PNG", make.xmp(f"<mine:AIGC>{label()}</mine:AIGC>", 'xmlns:mine="https://example.org/"')
    ),
    "as a list": make.png(AIGC=f"[{label()}]"),
    "of nested brackets": make.png(AIGC='{"Label":' + "[" * 9000),
}


@pytest.mark.parametrize("name", NOT_LABELS)
def test_what_is_no_label(name: str) -> None:
    assert evidence.read(NOT_LABELS[name]) == ()
