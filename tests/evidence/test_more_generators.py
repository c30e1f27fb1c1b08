"""Generators that write into fields of their own, and tools that are told apart only by details of a shared format."""

import json
from typing import Any

import pytest

from bot import evidence
from bot.evidence import kinds
from bot.verdict import Strength
from tests.evidence import pictures as make
from tests.evidence.test_generators import A1111, GRAPH, WORKFLOW, check, only

PROMPT = "a castle by the sea"
RUINED = {"Prompt": PROMPT, "Negative": "", "steps": 30, "seed": 2, "base_model_name": "illustrious_v15",
          "software": "RuinedFooocus"}  # fmt: skip
SPACE = {"prompt": PROMPT, "resolution": "1024 x 1024", "guidance_scale": 5.5, "num_inference_steps": 24, "seed": 4,
         "Model": "illustrious_v16"}  # fmt: skip
MFLUX = {"mflux_version": "0.10.0", "model": "black-forest-labs/FLUX.1-dev", "prompt": PROMPT, "seed": 3, "steps": 20}
MATRIX = {"PositivePrompt": PROMPT, "NegativePrompt": "", "Steps": 20, "Seed": 5, "ModelName": "illustrious_v16"}
TENSOR = {"prompt": PROMPT, "seed": "-1", "steps": 25, "baseModel": {"label": "v16", "modelFileName": "illustrious-16"}}
EASY = {"prompt": PROMPT, "seed": 5, "use_stable_diffusion_model": "sd-v1-5", "num_inference_steps": 25}
INVOKE_3 = {
    "generation_mode": "txt2img",
    "positive_prompt": PROMPT,
    "seed": 3,
    "steps": 30,
    "model": {"model_name": "xl"},
}
INVOKE_FLOW = {"name": "", "nodes": [{"id": "1", "data": {"type": "flux_denoise"}}], "edges": []}
CIVITAI = {**GRAPH, "extra": {"airs": []}, "extraMetadata": json.dumps({"prompt": PROMPT, "seed": 1})}
UPSCALED = {
    "23": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "4x"}},
    "26": {"class_type": "LoadImage", "inputs": {"image": "https://example.org/blob"}},
    "extra": {},
    "extraMetadata": json.dumps({"prompt": PROMPT, "seed": 1}),
}
MOCHI = f"Include in Image: {PROMPT}; Model: sd15; Size: 512x512; Seed: 7; Steps: 12; Generator: Mochi Diffusion 4.2"
COMMENTS = {
    "RuinedFooocus": RUINED, "Diffusers": SPACE, "mflux": MFLUX, "Stability Matrix": MATRIX, "Easy Diffusion": EASY,
    "Civitai": CIVITAI, "InvokeAI": {"invokeai_metadata": json.dumps(INVOKE_3)},
}  # fmt: skip


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize("tool", COMMENTS)
def test_objects_in_a_comment(tool: str, kind: str) -> None:
    text = json.dumps(COMMENTS[tool])
    data = make.saved(kind, exif=make.exif(comment=b"UNICODE\0" + text.encode("utf-16-be")))
    check(data, f"Settings of {tool},", PROMPT)


CHUNKS: dict[str, tuple[str, dict[str, str]]] = {
    "RuinedFooocus": ("illustrious_v15", {"parameters": json.dumps(RUINED)}),
    "Diffusers": ("illustrious_v16", {"parameters": json.dumps(SPACE)}),
    "Stability Matrix": ("illustrious_v16", {"parameters": A1111, "parameters-json": json.dumps(MATRIX)}),
    "Tensor.Art": ("illustrious-16", {"prompt": json.dumps(GRAPH), "generation_data": json.dumps(TENSOR) + "\0"}),
    "InvokeAI": ("xl", {"invokeai_metadata": json.dumps(INVOKE_3)}),
    "Easy Diffusion": ("sd-v1-5", {name: str(value) for name, value in EASY.items()}),
    "sd-scripts": ("", {"prompt": PROMPT, "seed": "4", "sampler": "ddim", "steps": "50", "scale": "7.5"}),
    "Fooocus": ("dream_v8", {"fooocus_scheme": "a1111", "parameters": f"{A1111}, Version: Fooocus v2.5.5"}),
    "ComfyUI": ("dream_v8", {"parameters": A1111, "prompt": json.dumps(GRAPH)}),
    "Civitai": ("sd_xl_base", {"prompt": json.dumps(CIVITAI)}),
    "SwarmUI": ("flux1", {"parameters": json.dumps({"sui_image_params": {"prompt": PROMPT, "model": "flux1"}})}),
}


@pytest.mark.parametrize("tool", CHUNKS)
def test_text_chunks(tool: str) -> None:
    model, chunks = CHUNKS[tool]
    check(make.png_texts(list(chunks.items())), f"Settings of {tool},", model, PROMPT)


@pytest.mark.parametrize(
    ("ending", "tool"),
    [
        ("Version: v1.10.1", "Stable Diffusion web UI"),
        ("Version: f2.0.1v1.10.1-previous-664", "Stable Diffusion WebUI Forge"),
        ("Version: f1.0.0v2-v1.10.1RC-latest-2190", "Stable Diffusion WebUI reForge"),
        ("RNG: CPU, Version: classic", "Stable Diffusion WebUI Forge"),
        ("RNG: CPU, Version: neo-2.28", "Stable Diffusion WebUI Forge"),
        ("App: SD.Next, Version: 6e4f2d1", "SD.Next"),
        ("Version: ComfyUI", "ComfyUI"),
        ("Version: stable-diffusion.cpp", "stable-diffusion.cpp"),
        ('Civitai resources: [{"type":"checkpoint","modelVersionId":1}], Civitai metadata: {}', "Civitai"),
        ("RNG: CPU", "Stable Diffusion web UI"),
        ("Version: 0a083c2, Parser: Full parser", "SD.Next"),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_descendants_of_the_web_ui(kind: str, ending: str, tool: str) -> None:
    comment = b"UNICODE\0" + f"{A1111}, {ending}".encode("utf-16-be")
    check(make.saved(kind, exif=make.exif(comment=comment)), f"Settings of {tool},", "dream_v8", PROMPT)


FILE, NAME = "Model: dream_v8.safetensors, Model hash: abc123", "Model hash: abc123, Model: dream_v8"


@pytest.mark.parametrize(
    ("sampler", "model"),
    [("euler_ancestral_karras", NAME), ("dpmpp_2m_sde_gpu", NAME), ("uni_pc_bh2", FILE), ("Euler a", FILE)],
)
def test_nodes_that_save_the_web_uis_settings_betray_themselves(sampler: str, model: str) -> None:
    """By ComfyUI's names of samplers, or by a model's file with the hash behind it."""
    text = A1111.replace("Sampler: Euler a", f"Sampler: {sampler}").replace(NAME, model)
    assert sampler in text
    assert model in text
    check(make.saved("JPEG", exif=make.exif(comment=text.encode())), "Settings of ComfyUI,", "dream_v8", PROMPT)


def test_stable_diffusion_cpp_in_jpeg_and_webp() -> None:
    text = A1111.replace(", Model: dream_v8", ", Unet: flux1-dev.gguf, Version: stable-diffusion.cpp")
    check(make.jpeg_with((0xFE, b"parameters\0" + text.encode())), "stable-diffusion.cpp", "flux1-dev")
    packet = make.xmp(f"<sdcpp:parameters>{text}</sdcpp:parameters>", f'xmlns:sdcpp="{make.SDCPP}"')
    check(make.saved("WEBP", xmp=packet), "stable-diffusion.cpp", "flux1-dev", PROMPT)


def test_invokeai_workflow() -> None:
    check(make.png(invokeai_workflow=json.dumps(INVOKE_FLOW)), "InvokeAI")


def test_an_upscaled_picture_of_civitai_is_told_by_what_it_was_made_from() -> None:
    data = make.saved("JPEG", exif=make.exif({305: "some-uuid", 315: "ai"}, comment=json.dumps(UPSCALED).encode()))
    check(data, "Settings of Civitai,", PROMPT)


def test_mochi_diffusion_in_iptc() -> None:
    caption, program = MOCHI.encode(), b"Mochi Diffusion"
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + len(value).to_bytes(2, "big") + value
        for number, value in ((65, program), (120, caption))
    )
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records
    findings = evidence.read(make.jpeg_with((0xED, block)))
    assert [finding.kind for finding in findings] == [kinds.PARAMETERS, kinds.GENERATOR_TAG]
    assert all("Mochi Diffusion" in finding.says for finding in findings)
    assert PROMPT in findings[0].says


class TestGraphs:
    """ComfyUI's graphs in the shapes that its newer versions and nodes give them."""

    NEGATIVE: dict[str, Any] = {  # noqa: RUF012  only read
        "nodes": [
            {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"]},
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": [PROMPT]},
            {"id": 3, "type": "KSampler", "inputs": [{"name": "positive", "link": 4}, {"name": "negative", "link": 5}]},
        ],
        "links": [[4, 6, 0, 3, 1, "CONDITIONING"], [5, 7, 0, 3, 2, "CONDITIONING"]],
    }

    def test_the_negative_prompt_is_not_the_prompt(self) -> None:
        finding = only(make.png(workflow=json.dumps(self.NEGATIVE)))
        assert PROMPT in finding.says
        assert "blurry" not in finding.says

    def test_nodes_inside_of_subgraphs_count(self) -> None:
        outer = {"nodes": [{"id": 1, "type": "0b0b"}], "links": [], "definitions": {"subgraphs": [WORKFLOW]}}
        check(make.png(workflow=json.dumps(outer)), "ComfyUI", "sd_xl_base", PROMPT)

    @pytest.mark.parametrize(
        "node",
        ["OpenAIGPTImage1", "GeminiImageNode", "FluxKontextProImageNode", "IdeogramV3", "RecraftTextToImageNode",
         "StabilityStableImageUltraNode", "ByteDanceImageNode", "KlingImageGenerationNode", "WanTextToImageApi"],
    )  # fmt: skip
    def test_services_that_generate(self, node: str) -> None:
        graph = {
            "1": {"class_type": node, "inputs": {"prompt": PROMPT}},
            "2": {"class_type": "SaveImage", "inputs": {}},
        }
        check(make.png(prompt=json.dumps(graph)), "ComfyUI", PROMPT)

    @pytest.mark.parametrize("node", ["FaceDetailer", "MaskDetailerPipe", "SEGSDetailer", "DetailerForEachDebugPipe"])
    def test_nodes_that_paint_parts_anew(self, node: str) -> None:
        nodes = [{"id": 1, "type": "LoadImage"}, {"id": 2, "type": node}]
        check(make.png(workflow=json.dumps({"nodes": nodes, "links": []})), "Settings of ComfyUI,")

    @pytest.mark.parametrize("node", ["BasicPipeToDetailerPipe", "EditDetailerPipe", "PreviewDetailerHookProvider"])
    def test_nodes_that_only_pass_their_settings_on(self, node: str) -> None:
        nodes = [{"id": 1, "type": "LoadImage"}, {"id": 2, "type": node}]
        assert only(make.png(workflow=json.dumps({"nodes": nodes, "links": []}))).kind == kinds.WORKFLOW

    def test_numbers_that_json_does_not_have(self) -> None:
        text = json.dumps({**GRAPH, "5": {"class_type": "Note", "inputs": {"x": float("nan")}}})
        check(make.png(prompt=text + "\0"), "ComfyUI", PROMPT)


@pytest.mark.parametrize("models", [["sd15", "other"], "['sd15', 'other']", "sd15"])
def test_easy_diffusion_can_mix_models(models: object) -> None:
    comment = json.dumps({**EASY, "use_stable_diffusion_model": models}).encode()
    check(make.saved("JPEG", exif=make.exif(comment=comment)), "Settings of Easy Diffusion,", "Model: sd15.", PROMPT)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("trainedAlgorithmicMedia", (kinds.SOURCE_GENERATED, Strength.SELF_DECLARED)),
        ("TrainedAlgorithmicMedia", (kinds.SOURCE_GENERATED, Strength.SELF_DECLARED)),
        ("compositeWithTrainedAlgorithmicMedia", (kinds.SOURCE_EDITED, Strength.SELF_DECLARED)),
        ("compositeSynthetic", (kinds.SOURCE_EDITED, Strength.HINT)),
        ("algorithmicMedia", None),  # fractals and the like: nothing was trained
        ("humanEdits", None),
        ("digitalCreation", None),
        ("computationalCapture", None),
    ],
)
def test_terms_of_iptc(kind: str, term: str, found: tuple[str, Strength] | None) -> None:
    findings = evidence.read(make.with_xmp(kind, make.source_type(term)))
    assert [(finding.kind, finding.strength) for finding in findings] == ([found] if found else [])


def test_agents_that_actions_share() -> None:
    """Actions of C2PA 2 may name their tools once, in a list beside them."""
    from bot.evidence.manifest import Manifest, read_actions

    manifest = Manifest("urn:c2pa:1")
    created = {"action": "c2pa.created", "softwareAgentIndex": 0, "digitalSourceType": make.SOURCE + "digitalCapture"}
    read_actions(manifest, {"softwareAgents": [{"name": "A Camera"}, 7], "actions": [created]})
    assert manifest.tools == ["A Camera"]
