"""Markers where no tool puts them, names in captions, and broken containers: none of it may say AI."""

import gzip
import json
import zipfile
from io import BytesIO

import pytest

from bot import evidence
from bot.evidence import kinds
from bot.verdict import Strength
from tests.evidence import pictures as make
from tests.evidence.test_generators import A1111, FOOOCUS, GRAPH, JOB, NOVELAI, WORKFLOW

TERM = make.SOURCE + "trainedAlgorithmicMedia"
PACKET = make.source_type("trainedAlgorithmicMedia")
CREATED = [{"action": "c2pa.created", "digitalSourceType": TERM}]
SEGMENT = b"\xff\xe1" + (len(PACKET) + 31).to_bytes(2, "big") + b"http://ns.adobe.com/xap/1.0/\0" + PACKET
STORE = make.jumbf("c2pa", make.manifest("urn:c2pa:1", CREATED))
MARKED_PNG = make.png(parameters=A1111)


def zipped() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xmp.xml", PACKET)
        archive.writestr("parameters", A1111)
    return out.getvalue()


def bad_checksum() -> bytes:
    at = MARKED_PNG.index(b"tEXt")
    return MARKED_PNG[: at + 30] + b"!" + MARKED_PNG[at + 31 :]


def entity() -> bytes:
    body = make.xmp(attributes='Iptc4xmpExt:DigitalSourceType="&t;"', wrap=False).decode()
    return f'<!DOCTYPE x [<!ENTITY t "{TERM}">]>{body}'.encode()


def pantry() -> bytes:
    """Another resource's properties inside a packet, as Photoshop keeps them of what was pasted."""
    inner = f'<rdf:Description Iptc4xmpExt:DigitalSourceType="{TERM}"/>'
    return make.xmp(f"<xmpMM:Pantry><rdf:Bag><rdf:li>{inner}</rdf:li></rdf:Bag></xmpMM:Pantry>")


def other_names() -> bytes:
    return PACKET.replace(b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", b"http://example.org/mine/")


def thumbnail() -> bytes:
    """An AI-marked JPEG as the thumbnail inside a camera's EXIF."""
    small = make.with_xmp("JPEG", PACKET)
    block = bytearray(make.exif({271: "Canon", 272: "EOS R5"}, shot=True))
    return make.jpeg_with((0xE1, bytes(block) + small))


def thumbnail_directory() -> bytes:
    """`Software` in the second directory of EXIF, which describes the thumbnail."""
    tags = b"\x01\x00" + b"\x31\x01\x02\x00\x0b\x00\x00\x00" + b"\x32\x00\x00\x00" + b"\0\0\0\0"
    head = b"II*\0\x08\0\0\0" + b"\x01\x00" + b"\x12\x01\x03\x00\x01\0\0\0\x01\0\0\0" + b"\x1a\0\0\0"
    return make.jpeg_with((0xE1, b"Exif\0\0" + (head + tags).ljust(50, b"\0") + b"Midjourney\0"))


def riff_tail() -> bytes:
    data = make.saved("WEBP")
    return data + b"XMP " + len(PACKET).to_bytes(4, "little") + PACKET


def plain(text: str, kind: str = "JPEG") -> bytes:
    return make.saved(kind, exif=make.exif({270: text}, comment=b"ASCII\0\0\0" + text.encode()))


SPOOFS: dict[str, bytes] = {
    # behind the end
    "xmp behind a jpeg's end": make.saved("JPEG") + SEGMENT,
    "a whole marked jpeg behind a jpeg": make.saved("JPEG") + make.with_xmp("JPEG", PACKET),
    "a text chunk behind a png's end": make.saved("PNG") + make.png_chunk(b"tEXt", b"parameters\0" + A1111.encode()),
    "a whole marked png behind a png": make.saved("PNG") + MARKED_PNG,
    "a chunk behind webp's size": riff_tail(),
    "a zip behind a jpeg": make.saved("JPEG") + zipped(),
    "plain settings behind a png": make.saved("PNG") + A1111.encode(),
    "xmp behind an avif's boxes": make.saved("AVIF") + make.box(b"free", PACKET),
    "xmp in a bmp": make.saved("BMP") + PACKET,
    "xmp in a gif's comment": make.saved("GIF", comment=PACKET[:250]),
    # in containers that are not whole
    "a marked png without its end": MARKED_PNG[:-12],
    "a marked jpeg without its end": make.with_xmp("JPEG", PACKET)[:-2],
    "a text chunk with a wrong checksum": bad_checksum(),
    "a text file of settings": A1111.encode(),
    "an xmp file": PACKET,
    # names in captions
    "a caption about midjourney": plain("Nobody made this with Midjourney, DALL-E or Stable Diffusion"),
    "a caption with words of settings": plain("My Steps: 20, and the Seed: 5 that I planted"),
    "a caption that names ai": plain("trainedAlgorithmicMedia AI generated;txt2img;flux by Black Forest Labs"),
    "a png comment": make.png(Comment="made with NovelAI and ComfyUI", Description="Midjourney", Title="DALL-E 3"),
    "software that mentions a generator": make.saved("JPEG", exif=make.exif({305: "Photoshop, Midjourney plug-in"})),
    "a maker that mentions a generator": make.saved("JPEG", exif=make.exif({271: "Anti-Midjourney Camera Works"})),
    "an artist named like a model": make.saved("JPEG", exif=make.exif({315: "Midjourney", 33432: "Grok"})),
    "a job number in the middle": plain(f"See Job ID: {JOB} in our archive --v 6 of the album"),
    "a job number alone": plain(f"Roll 12, Job ID: {JOB}"),
    "a signature without a number": make.saved("JPEG", exif=make.exif({270: "Signature: " + "A" * 90, 315: "Ann"})),
    "another credit": make.with_xmp("JPEG", make.xmp(attributes='photoshop:Credit="Made with Google Photos"')),
    "a title that is a term": make.with_xmp("JPEG", make.xmp(f"<dc:title>{TERM}</dc:title>")),
    "keywords": make.with_xmp("JPEG", make.xmp(
        "<dc:subject><rdf:Bag><rdf:li>AI</rdf:li><rdf:li>trainedAlgorithmicMedia</rdf:li></rdf:Bag></dc:subject>")),
    # xmp that says something else
    "another namespace": make.with_xmp("JPEG", other_names()),
    "another resource": make.with_xmp("JPEG", pantry()),
    "another term": make.with_xmp("JPEG", make.source_type("digitalCapture")),
    "a longer term": make.with_xmp("JPEG", make.source_type("trainedAlgorithmicMediaNot")),
    "another address": make.with_xmp("JPEG", PACKET.replace(b"cv.iptc.org", b"example.org")),
    "a comment in xmp": make.with_xmp("JPEG", make.xmp(f"<!-- <Iptc4xmpExt:DigitalSourceType>{TERM} -->")),
    "a packet as text": make.with_xmp("JPEG", make.xmp(f"<dc:source><![CDATA[{PACKET.decode()}]]></dc:source>")),
    "an entity": make.with_xmp("JPEG", entity()),
    "an entity in utf-16": make.with_xmp("JPEG", entity().decode().encode("utf-16")),
    "broken xml": make.with_xmp("JPEG", PACKET[:-40]),
    "an empty system": make.with_xmp("JPEG", make.xmp(attributes='Iptc4xmpExt:AISystemUsed=" "')),
    "xmp under a wrong signature": make.jpeg_with((0xE1, b"http://ns.adobe.com/xap/2.0/\0" + PACKET)),
    "xmp in a jpeg comment": make.jpeg_with((0xFE, PACKET)),
    "xmp in another application's segment": make.jpeg_with((0xE4, b"http://ns.adobe.com/xap/1.0/\0" + PACKET)),
    "xmp as another keyword": make.png_texts([("XML", PACKET.decode())], international=True),
    "xmp in a thumbnail": thumbnail(),
    "software of a thumbnail": thumbnail_directory(),
    # settings that are none
    "parameters of a camera": make.png(parameters="f/2.8, 1/200 s, ISO 100, Size: 4000x3000, Model: X100"),
    "steps without the rest": make.png(parameters="walk\nSteps: 20, Distance: 15 km, Weather: fine"),
    "steps that are no number": make.png(parameters="Steps: many, Sampler: Euler a, Seed: 1, Size: 1x1"),
    "a prompt in words": make.png(prompt="Describe your holiday", workflow="scan, crop, upload"),
    "json of something else": make.png(prompt=json.dumps({"a": {"class": "KSampler"}}), workflow='{"nodes": 3}'),
    "a graph in a keyword of its own": make.png(mygraph=json.dumps(GRAPH)),
    "a graph inside words": plain("I like this graph: " + json.dumps(GRAPH)),
    "a list of a graph": make.png(workflow=json.dumps([WORKFLOW])),
    "fooocus without settings": make.png(parameters=json.dumps({"version": "Fooocus v2", "note": "hello"})),
    "fooocus without a version": make.png(parameters=json.dumps({k: v for k, v in FOOOCUS.items() if k != "version"})),
    "novelai without a comment": make.png(Title="Untitled", Source="NovelAI Diffusion V3"),
    "novelai's comment without its name": make.png(Comment=NOVELAI["Comment"], Software="Paint"),
    "a dream without options": make.png(Dream='"I have a dream" -- M. L. King'),
    "a space's words without its numbers": make.png(parameters=json.dumps({"prompt": "a castle", "Model": "X100"})),
    "another software's object": make.png(parameters=json.dumps({"Prompt": "x", "seed": 1, "steps": 2, "software": "X"})),
    "mflux's version alone": plain(json.dumps({"mflux_version": "0.10.0"})),
    "civitai's name in a caption": plain("Civitai resources: [] and Steps: 20, Seed: 5, Model: x"),
    "civitai's object without a graph": make.png(prompt=json.dumps({"extraMetadata": '{"prompt": "x", "seed": 1}'})),
    "invokeai's chunk of something else": make.png(invokeai_metadata=json.dumps({"steps": "walk up the stairs"})),
    "invokeai's workflow that only scales": make.png(invokeai_workflow=json.dumps(
        {"nodes": [{"id": "1", "data": {"type": "img_resize"}}], "edges": []})),
    "a stability matrix of something else": make.png(**{"parameters-json": json.dumps({"Steps": 3, "Seed": 4})}),
    "data of a machine": make.png(generation_data=json.dumps({"prompt": "x", "volt": 230})),
    "chunks of words": make.png(prompt="sing", seed="of doubt", sampler="drum", steps="two", scale="major"),
    "chunks of numbers without a sampler": make.png(prompt="sing", seed="1", steps="2", scale="7"),
    "a caption like mochi's": plain("Include in Image: a cat; Generator: Mochi Diffusion 4.2"),
    "mochi's caption without numbers": plain("Include in Image: x; Seed: pea; Steps: up; Generator: Mochi Diffusion 4"),
    "parameters in another namespace": make.saved("WEBP", xmp=make.xmp(
        f"<mine:parameters>{A1111}</mine:parameters>", 'xmlns:mine="https://example.org/ns/1.0/"')),
    "settings in a jpeg comment behind words": make.jpeg_with((0xFE, b"my parameters\0 are: " + b"Steps: 20, Seed: 1")),
    "a source that mentions a service": make.png(Source="a review of Luma AI", Software="NotStability AI"),
    "a program that mentions a model": make.jpeg_with((0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x1e"
        b"\x1c\x02\x41\0\x19About Mochi Diffusion 1.0")),
    "a negative node alone": make.png(workflow=json.dumps(
        {"nodes": [{"id": 1, "type": "LoadImage", "inputs": [{"name": "negative", "link": 1}]}], "links": [[1, 1]]})),
    "subgraphs that only save": make.png(workflow=json.dumps(
        {"nodes": [{"type": "x"}], "links": [], "definitions": {"subgraphs": [{"nodes": [{"type": "SaveImage"}]}]}})),
    "the service in a node's title": make.png(prompt=json.dumps(
        {"1": {"class_type": "LoadImage", "inputs": {}, "_meta": {"title": "OpenAIGPTImage1"}}})),
    "a part of a term": make.with_xmp("JPEG", make.source_type("trained")),
    "a term with another end": make.with_xmp("JPEG", make.source_type("trainedAlgorithmicMedia/x")),
    "iptc's word for other algorithms": make.with_xmp("JPEG", make.source_type("algorithmicMedia")),
    "agents without an action": make.with_credentials(make.manifest("urn:c2pa:1", [], "Adobe Firefly")),
    "a label without a producer": make.png(AIGC='{"Label": "1"}'),
    "a label that means nothing": make.png(AIGC='{"Label": "0", "ContentProducer": "x"}'),
    # marks in the pixels
    "a mark with garbage": make.saved("PNG", make.hidden(bytes(range(200)), b"stealth_pngcomp")),
    "a mark whose text is no settings": make.saved("PNG", make.hidden(b"hello world, Steps: 4", b"stealth_pnginfo")),
    "a mark with a lying length": make.saved("PNG", make.hidden(A1111.encode(), b"stealth_pnginfo", length=2**31 - 8)),
    "a mark of another name": make.saved("PNG", make.hidden(A1111.encode(), b"stealth_mine_ok")),
    "a colour mark in the alpha channel": make.saved("PNG", make.hidden(A1111.encode(), b"stealth_rgbinfo")),
    "a packed mark that ends early": make.saved("PNG", make.hidden(gzip.compress(b"x" * 99)[:-9], b"stealth_pngcomp")),
    "a mark through jpeg": make.saved("JPEG", make.hidden(A1111.encode(), b"stealth_rgbinfo", "RGB"), quality=100),
    # credentials that are none
    "a chunk of words": make.png_with(make.png_chunk(b"caBX", b"c2pa " + TERM.encode())),
    "a box of another kind": make.png_with(make.png_chunk(b"caBX", STORE.replace(b"\x03c2pa\0", b"\x03othr\0", 1))),
    "words in application segment 11": make.jpeg_with((0xEB, b"JP\0\x01\0\0\0\x01" + TERM.encode())),
    "credentials in the wrong chunk": make.png_with(make.png_chunk(b"caBQ", STORE)),
    "credentials behind the end": make.saved("PNG") + make.png_chunk(b"caBX", STORE),
    "a term outside of an action": make.with_credentials(make.manifest("urn:c2pa:1", [{"action": TERM}], TERM)),
}  # fmt: skip


def test_there_are_enough() -> None:
    assert len(SPOOFS) >= 30


@pytest.mark.parametrize("name", SPOOFS)
def test_says_nothing_about_ai(name: str) -> None:
    findings = evidence.read(SPOOFS[name])
    assert not any(evidence.says_ai(finding) or evidence.says_edited(finding) for finding in findings), findings
    assert {finding.kind for finding in findings} <= {
        kinds.CAMERA,
        kinds.WORKFLOW,
        kinds.CREDENTIALS,
        kinds.CREDENTIALS_BROKEN,
    }
    assert all(finding.strength is Strength.HINT for finding in findings)


def test_the_same_markers_count_in_their_place() -> None:
    """The counterpart: what the spoofs misplace is understood where it belongs."""
    for data in (MARKED_PNG, make.with_xmp("JPEG", PACKET), make.with_xmp("AVIF", PACKET)):
        assert any(evidence.says_ai(finding) for finding in evidence.read(data))
