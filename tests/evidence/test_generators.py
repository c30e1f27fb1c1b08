"""What each generator writes, in each container that can carry it, made here after the tools' own formats."""

import gzip
import json

import pytest

from bot import evidence
from bot.evidence import kinds
from bot.verdict import Finding, Strength
from tests.evidence import pictures as make

A1111 = (
    "a castle by the sea\nNegative prompt: blurry\n"
    "Steps: 25, Sampler: Euler a, CFG scale: 7, Seed: 4242, Size: 512x768, Model hash: abc123, Model: dream_v8"
)
FORGE = A1111 + ", Version: f2.0.1v1.10.1-previous-664"
GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "positive": ["6", 0], "model": ["4", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a castle by the sea", "clip": ["4", 1]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}
WORKFLOW = {
    "nodes": [
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["sd_xl_base.safetensors"]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a castle by the sea"]},
        {"id": 3, "type": "KSampler", "widgets_values": [1, "fixed", 20]},
    ],
    "links": [[1, 4, 0, 3, 0, "MODEL"]],
}
FOOOCUS = {"prompt": "a castle by the sea", "base_model": "juggernautXL", "seed": "1", "version": "Fooocus v2.5.5"}
SWARM = {"sui_image_params": {"prompt": "a castle by the sea", "model": "flux1-dev", "seed": 1}}
INVOKE = {
    "app_version": "5.4.2", "generation_mode": "sdxl_txt2img", "positive_prompt": "a castle by the sea",
    "model": {"name": "Juggernaut XL"}, "seed": 3, "steps": 30,
}  # fmt: skip
NOVELAI = {
    "Title": "NovelAI generated image", "Description": "a castle by the sea", "Software": "NovelAI",
    "Source": "NovelAI Diffusion V4.5 4BDE2A90",
    "Comment": json.dumps({"prompt": "a castle by the sea", "steps": 28, "seed": 7, "sampler": "k_euler"}),
}  # fmt: skip
DRAW_THINGS = {"c": "a castle by the sea", "uc": "", "steps": 8, "sampler": "UniPC", "seed": 1, "model": "flux_1.ckpt"}
UNICODE = b"UNICODE\0"


def only(data: bytes) -> Finding:
    findings = evidence.read(data)
    assert len(findings) == 1, findings
    return findings[0]


def check(data: bytes, *words: str, kind: str = kinds.PARAMETERS) -> None:
    finding = only(data)
    assert finding.kind == kind
    assert finding.strength is Strength.SELF_DECLARED
    assert evidence.says_ai(finding)
    for word in words:
        assert word in finding.says


def everywhere(text: str) -> dict[str, bytes]:
    """`text` in UserComment, in both byte orders and as ASCII, and in other fields, of all containers with EXIF."""
    files = {}
    for kind in ("JPEG", "WEBP", "PNG", "AVIF"):
        for name, comment in {
            "utf-16-be": UNICODE + text.encode("utf-16-be"),
            "utf-16-le": UNICODE + text.encode("utf-16-le"),
            "ascii": b"ASCII\0\0\0" + text.encode(),
            "bare": text.encode(),
        }.items():
            files[f"{kind} {name}"] = make.saved(kind, exif=make.exif(comment=comment))
        files[f"{kind} main directory"] = make.saved(kind, exif=make.exif({0x9286: text}))
        files[f"{kind} description"] = make.saved(kind, exif=make.exif({270: "parameters:" + text}))
    return files


@pytest.mark.parametrize("where", everywhere(""))
def test_web_ui_in_exif(where: str) -> None:
    check(everywhere(A1111)[where], "Stable Diffusion web UI", "dream_v8", "a castle by the sea")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("international", [False, True])
def test_web_ui_and_forge_in_png(packed: bool, international: bool) -> None:
    check(make.png_texts([("parameters", A1111)], packed, international), "web UI", "dream_v8")
    check(make.png_texts([("parameters", FORGE)], packed, international), "Forge", "dream_v8")
    check(make.png_texts([("parameters", A1111.replace("sea", "sea 海辺 🏰"))], packed, True), "海辺")


def test_settings_without_a_prompt() -> None:
    finding = only(make.png(parameters=A1111.partition("\n")[2].partition("\n")[2]))
    assert "Prompt" not in finding.says


@pytest.mark.parametrize(("keyword", "value"), [("prompt", GRAPH), ("workflow", WORKFLOW)])
def test_comfyui_in_png(keyword: str, value: object) -> None:
    check(make.png(**{keyword: json.dumps(value)}), "ComfyUI", "sd_xl_base", "a castle by the sea")


SAVE_NODES = {
    "core": {0x0110: "prompt:" + json.dumps(GRAPH), 0x010F: "workflow:" + json.dumps(WORKFLOW)},
    "counted down": {0x010F: "other:{}", 0x010E: "workflow:" + json.dumps(WORKFLOW)},
    "description": {0x010E: "Workflow:" + json.dumps(WORKFLOW)},
    "description and make": {0x010E: "Workflow: " + json.dumps(WORKFLOW), 0x010F: "Prompt: " + json.dumps(GRAPH)},
    "document name": {0x010D: "workflow:" + json.dumps(WORKFLOW)},
}


@pytest.mark.parametrize("node", SAVE_NODES)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_comfyui_save_nodes(kind: str, node: str) -> None:
    check(make.saved(kind, exif=make.exif(SAVE_NODES[node])), "ComfyUI", "sd_xl_base")


def test_comfyui_in_a_comment() -> None:
    bundle = json.dumps({"prompt": GRAPH, "workflow": WORKFLOW})
    check(make.saved("JPEG", exif=make.exif(comment=b"ASCII\0\0\0" + bundle.encode())), "ComfyUI")
    check(make.saved("JPEG", comment=json.dumps(GRAPH).encode()), "ComfyUI")


def test_a_graph_that_generates_nothing_is_a_hint() -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "holiday.jpg"}},
        "2": {"class_type": "ImageScaleBy", "inputs": {"image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
    }
    finding = only(make.png(prompt=json.dumps(graph)))
    assert (finding.kind, finding.strength) == (kinds.WORKFLOW, Strength.HINT)
    assert not evidence.says_ai(finding)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(("name", "value"), [("Fooocus", FOOOCUS), ("SwarmUI", SWARM), ("InvokeAI", INVOKE),
                                             ("Draw Things", DRAW_THINGS)])  # fmt: skip
def test_json_settings(kind: str, name: str, value: object) -> None:
    text = json.dumps(value)
    if kind == "PNG":
        check(make.png(parameters=text), name, "a castle by the sea")
    check(make.saved(kind, exif=make.exif({0x9286: text})), name, "a castle by the sea")


def test_invokeai() -> None:
    check(make.png(invokeai_metadata=json.dumps(INVOKE)), "InvokeAI", "Juggernaut XL", "a castle by the sea")
    nodes = {"a": {"type": "denoise_latents"}, "b": {"type": "l2i"}}
    check(make.png(invokeai_graph=json.dumps({"nodes": nodes, "edges": []})), "InvokeAI")
    check(make.png(Dream='"a castle by the sea" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms'), "a castle by the sea")


def test_draw_things_in_xmp() -> None:
    packet = make.xmp(
        f"<exif:UserComment><rdf:Alt><rdf:li>{json.dumps(DRAW_THINGS)}</rdf:li></rdf:Alt></exif:UserComment>"
    )
    check(make.with_xmp("PNG", packet), "Draw Things", "flux_1.ckpt")


def test_novelai() -> None:
    settings = [finding for finding in evidence.read(make.png(**NOVELAI)) if finding.kind == kinds.PARAMETERS]
    assert "NovelAI Diffusion V4.5" in settings[0].says
    webp = evidence.read(make.saved("WEBP", exif=make.exif(comment=b"ASCII\0\0\0" + json.dumps(NOVELAI).encode())))
    assert "NovelAI" in webp[0].says


@pytest.mark.parametrize(
    ("name", "mode", "text"),
    [
        (b"stealth_pnginfo", "RGBA", A1111),
        (b"stealth_pngcomp", "RGBA", A1111),
        (b"stealth_pngcomp", "RGBA", json.dumps(NOVELAI)),
        (b"stealth_rgbinfo", "RGB", A1111),
        (b"stealth_rgbcomp", "RGB", A1111),
        (b"stealth_rgbcomp", "RGBA", A1111),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_settings_hidden_in_the_pixels(kind: str, name: bytes, mode: str, text: str) -> None:
    payload = gzip.compress(text.encode()) if name.endswith(b"comp") else text.encode()
    if name.startswith(b"stealth_rgb") and mode == "RGBA":
        image = make.hidden(payload, name, "RGB").convert("RGBA")
    else:
        image = make.hidden(payload, name, mode)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    check(make.saved(kind, image, **options), "a castle by the sea", kind=kinds.HIDDEN_PARAMETERS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_digital_source_type(kind: str) -> None:
    check(make.with_xmp(kind, make.source_type("trainedAlgorithmicMedia")), "IPTC", kind=kinds.SOURCE_GENERATED)
    edited = only(make.with_xmp(kind, make.source_type("compositeWithTrainedAlgorithmicMedia")))
    assert edited.kind == kinds.SOURCE_EDITED
    assert evidence.says_edited(edited)
    assert not evidence.says_ai(edited)
    assert evidence.read(make.with_xmp(kind, make.source_type("digitalCapture"))) == ()


@pytest.mark.parametrize(
    "body",
    [
        f"<Iptc4xmpExt:DigitalSourceType>{make.SOURCE}trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
        f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{make.SOURCE}trainedAlgorithmicMedia"/>',
        "<Iptc4xmpExt:DigitalSourceType>trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>",
        f"<Iptc4xmpExt:DigitalSourceType><rdf:Bag><rdf:li>{make.SOURCE}trainedAlgorithmicMedia</rdf:li></rdf:Bag>"
        "</Iptc4xmpExt:DigitalSourceType>",
    ],
)
@pytest.mark.parametrize("wrap", [True, False])
def test_ways_to_write_it_in_xmp(body: str, wrap: bool) -> None:
    check(make.with_xmp("JPEG", make.xmp(body, wrap=wrap)), kind=kinds.SOURCE_GENERATED)


def test_xmp_in_utf_16_and_padded_with_zeros() -> None:
    packet = make.source_type("trainedAlgorithmicMedia")
    check(make.with_xmp("JPEG", packet.decode().encode("utf-16")), kind=kinds.SOURCE_GENERATED)
    check(make.with_xmp("JPEG", packet + b"\0\0\0"), kind=kinds.SOURCE_GENERATED)


def test_xmp_as_imagemagick_writes_it() -> None:
    packet = make.source_type("trainedAlgorithmicMedia")
    profile = f"\nxmp\n{len(packet):8}\n" + "\n".join(
        packet.hex()[at : at + 72] for at in range(0, 2 * len(packet), 72)
    )
    check(make.png_texts([("Raw profile type xmp", profile)], packed=True), kind=kinds.SOURCE_GENERATED)


JOB = "52aa1848-0161-45cc-a1e0-ec9ed0837f5b"
TAGS = {
    "Midjourney": make.png(Description=f"a castle by the sea --ar 3:2 --v 6.1 Job ID: {JOB}", Author="someone"),
    "Midjourney's number": make.with_xmp("JPEG", make.xmp(
        f"<dc:description><rdf:Alt><rdf:li>a castle Job ID: {JOB}</rdf:li></rdf:Alt></dc:description>",
        f'Iptc4xmpExt:DigImageGUID="{JOB}"')),
    "Ideogram AI": make.saved("PNG", exif=make.exif({271: "Ideogram AI"})),
    "Adobe Firefly": make.with_xmp("JPEG", make.xmp(attributes='xmp:CreatorTool="Adobe Firefly 1.0"')),
    "Black Forest Labs": make.saved("JPEG", exif=make.exif({305: "AI generated;txt2img;flux", 272: "flux-dev"})),
    "Made with Google AI": make.with_xmp("JPEG", make.xmp(attributes='photoshop:Credit="Made with Google AI"')),
    "Imaginairy": make.saved("JPEG", exif=make.exif({305: "Imaginairy / Stable Diffusion XL"})),
    "Grok": make.saved("JPEG", exif=make.exif({315: JOB, 270: "Signature: " + "A1b2" * 30 + "=="})),
    "A new model": make.with_xmp("PNG", make.xmp(attributes='Iptc4xmpExt:AISystemUsed="A new model"')),
    "豆包": make.with_xmp("PNG", make.xmp(
        '<TC260:AIGC>{"Label":"1","ContentProducer":"豆包","ProduceID":"x"}</TC260:AIGC>')),
    "somebody": make.saved("JPEG", exif=make.exif(
        comment=b'ASCII\0\0\0{"AIGC": {"Label": "1", "ContentProducer": "somebody"}}')),
}  # fmt: skip


@pytest.mark.parametrize("name", TAGS)
def test_signatures_of_generators(name: str) -> None:
    check(TAGS[name], name.split("'")[0], kind=kinds.GENERATOR_TAG)


def test_iptc_records() -> None:
    text = f"a castle --v 7 Job ID: {JOB}".encode()
    record = b"\x1c\x02\x78" + len(text).to_bytes(2, "big") + text
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    check(make.jpeg_with((0xED, block)), "Midjourney", kind=kinds.GENERATOR_TAG)


def test_edited_by_a_phone() -> None:
    finding = only(make.with_xmp("JPEG", make.xmp(attributes='photoshop:Credit="Edited with Google AI"')))
    assert finding.kind == kinds.EDITOR_TAG
    assert not evidence.says_ai(finding)


def test_a_label_that_says_perhaps() -> None:
    packet = make.xmp('<TC260:AIGC>{"Label":"2","ContentProducer":"x","ProduceID":"y"}</TC260:AIGC>')
    finding = only(make.with_xmp("PNG", packet))
    assert finding.strength is Strength.HINT
    assert not evidence.says_ai(finding)


def test_a_camera_is_a_hint() -> None:
    finding = only(make.saved("JPEG", exif=make.exif({271: "Canon", 272: "Canon EOS R5"}, shot=True)))
    assert (finding.kind, finding.strength) == (kinds.CAMERA, Strength.HINT)
    assert "Canon EOS R5" in finding.says
    assert not evidence.says_ai(finding)


def test_what_is_quoted_can_do_nothing() -> None:
    wicked = "@everyone <script>alert(1)</script> [x](https://evil.example) `a` *b* ‮drow‬\u200b\x07 " + "long " * 99
    finding = only(make.png(parameters=A1111.replace("a castle by the sea", wicked)))
    assert not set("@<>[]`*\u202e\u200b\x07\n") & set(finding.says)
    assert "://" not in finding.says
    assert len(finding.says) < 300


def test_strongest_first() -> None:
    data = make.saved("JPEG", exif=make.exif({271: "Canon", 272: "EOS R5", 305: "Midjourney"}, shot=True))
    assert [finding.strength for finding in evidence.read(data)] == [Strength.SELF_DECLARED, Strength.HINT]
