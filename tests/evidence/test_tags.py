"""Names where software signs: of services, of cameras and editors that share a name, of editors that are no AI."""

import json

import pytest

from bot import evidence
from bot.evidence import kinds
from tests.evidence import pictures as make
from tests.evidence.test_generators import check, only

SERVICES: dict[str, bytes] = {
    "Bing Image Creator": make.with_xmp("JPEG", make.xmp(attributes='xmp:CreatorTool="Bing Image Creator"')),
    "Leonardo.Ai": make.saved("JPEG", exif=make.exif({305: "Leonardo.Ai"})),
    "Recraft": make.with_xmp("PNG", make.xmp(attributes='xmp:CreatorTool="Recraft V3"')),
    "Stability AI": make.png(Software="Stability AI"),
    "Luma AI": make.png(Source="Luma AI"),
    "Ideogram AI": make.saved("WEBP", exif=make.exif({271: "Ideogram AI"})),
    "Image Playground": make.with_xmp("JPEG", make.xmp(attributes='photoshop:Credit="Image Playground"')),
    "Black Forest Labs": make.saved("PNG", exif=make.exif({271: "Black Forest Labs", 272: "flux-pro-1.1"})),
    "Made with Google AI": make.with_xmp("AVIF", make.xmp(attributes='photoshop:Credit="Made with Google AI"')),
}


@pytest.mark.parametrize("name", SERVICES)
def test_names_where_software_signs(name: str) -> None:
    check(SERVICES[name], name, kind=kinds.GENERATOR_TAG)


@pytest.mark.parametrize("tags", [{271: "Firefly", 272: "8S"}, {271: "FUJIFILM", 272: "X-T5", 305: "Imagen"}])
def test_a_camera_or_an_editor_of_the_same_name_is_no_generator(tags: dict[int, object]) -> None:
    assert only(make.saved("JPEG", exif=make.exif(tags, shot=True))).kind == kinds.CAMERA
    assert only(make.saved("JPEG", exif=make.exif(tags))).kind == kinds.GENERATOR_TAG


@pytest.mark.parametrize("words", ["Made with Google AI", "Imagined with AI", "Edited with Google AI"])
def test_sentences_are_quoted_as_such(words: str) -> None:
    finding = only(make.with_xmp("JPEG", make.xmp(attributes=f'photoshop:Credit="{words}"')))
    assert finding.says == f"The metadata say: {words}."


@pytest.mark.parametrize("text", ["Adobe Photoshop 26.0", "Canva (Renderer)", "GIMP 2.10", "Google", "Picasa"])
def test_editors_and_galleries_are_no_generators(text: str) -> None:
    assert evidence.read(make.saved("JPEG", exif=make.exif({305: text}))) == ()
    assert evidence.read(make.with_xmp("PNG", make.xmp(attributes=f'xmp:CreatorTool="{text}"'))) == ()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"product": "dreamina", "exportType": "generation"}, True),
        ({"product": "dreamina", "exportType": "edit"}, False),
        ({"product": "lv", "exportType": "generation"}, False),
        ({"product": ["dreamina"], "exportType": "generation"}, False),
        ("dreamina generation", False),
    ],
)
def test_exports_of_bytedance(data: object, found: bool) -> None:
    comment = json.dumps({"aigc_info": {"aigc_label_type": 0}, "data": data, "trace_info": {}}).encode()
    findings = evidence.read(make.saved("JPEG", exif=make.exif(comment=b"ASCII\0\0\0" + comment)))
    assert [finding.says for finding in findings] == (
        ["The metadata name Dreamina (ByteDance) as the maker."] if found else []
    )
