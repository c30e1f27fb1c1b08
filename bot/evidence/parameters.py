"""The settings that image generators leave in a file: which tool, which model, which prompt.

Each reader accepts only the structure that its tools write. The name of a tool or a word like "Steps" in a caption is
not such a structure.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bot.evidence import comfyui

MAX_JSON = 2 * 1024 * 1024
_SETTINGS_LENGTH = 16 * 1024
_LABEL = re.compile(r"\s*(?:prompt|workflow|parameters|generation_data)\s*:\s*", re.IGNORECASE)
_DREAM = re.compile(r'^".*" (?=.*-s ?\d+)(?=.*-S ?\d+)(?=.*-[CAW] ?\w+)', re.DOTALL)
_A1111_NAMES = frozenset({
    "Sampler", "CFG scale", "Seed", "Size", "Model", "Model hash", "Schedule type", "VAE", "Distilled CFG Scale",
    "Denoising strength", "Guidance", "Version", "RNG", "Clip skip",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Generation:
    """How a picture was made: `tool` is always known. `generative` is false for a graph that only handles pictures."""

    tool: str
    model: str = ""
    prompt: str = ""
    generative: bool = True


def read(texts: Iterable[tuple[str, str]], fields: Iterable[str]) -> Generation | None:
    """The first generator's settings in named text chunks (PNG) or in free fields (EXIF, XMP, comments)."""
    named: dict[str, str] = {}
    for keyword, value in texts:
        named.setdefault(keyword, value)
    found = [generation for generation in _candidates(named, fields) if generation]
    # A graph is said to be harmless only when nothing else says more.
    return next((generation for generation in found if generation.generative), found[0] if found else None)


def _candidates(named: dict[str, str], fields: Iterable[str]) -> Iterable[Generation | None]:
    yield _novelai(named)
    for keyword, reader in _CHUNKS.items():
        if keyword in named:
            yield reader(named[keyword])
    yield _easy_diffusion(named)
    if "Comment" in named:
        yield anywhere(named["Comment"])
    for field in fields:
        yield anywhere(field)


def anywhere(text: str) -> Generation | None:
    """Settings in a field that is not theirs alone: only complete structures count."""
    label = _LABEL.match(text[:40])
    body = text[label.end() :] if label else text
    value = _json(body)
    if isinstance(value, dict):
        for reader in (_swarm, _fooocus, _invoke, _novelai_comment, _draw_things, _easy_diffusion, _bundle):
            generation = reader(value)
            if generation:
                return generation
        return comfyui_graph(value)
    return a1111(body)


def a1111(text: str) -> Generation | None:
    """The prompt, maybe a "Negative prompt:", and a last line "Steps: 20, Sampler: …, Seed: …"."""
    start = 0 if text.startswith("Steps: ") else text.rfind("\nSteps: ") + 1
    if not text.startswith("Steps: ", start):
        return None
    settings: dict[str, str] = {}
    for part in text[start : start + _SETTINGS_LENGTH].split(", "):
        name, colon, value = part.partition(": ")
        if colon:
            settings.setdefault(name.strip(), value.strip())
    if not settings["Steps"].split("\n")[0].isdigit() or len(_A1111_NAMES & settings.keys()) < 2:
        return None
    prompt = text[:start].partition("\nNegative prompt:")[0].strip()
    model = settings.get("Model") or settings.get("Unet", "")
    return Generation(_a1111_tool(settings), model, "" if prompt.startswith("Negative prompt:") else prompt)


def _a1111_tool(settings: dict[str, str]) -> str:
    version, app = settings.get("Version", ""), settings.get("App", "")
    if app:
        return app
    if re.match(r"f\d", version):
        return "Stable Diffusion WebUI Forge"
    if re.match(r"v?\d", version) or not version:
        return "Stable Diffusion web UI"
    return re.split(r"[\s\n]v?\d", version)[0]


def comfyui_graph(value: dict[str, Any]) -> Generation | None:
    """ComfyUI's prompt (nodes by id) or workflow (a list of nodes)."""
    graph = comfyui.read(value)
    return Generation("ComfyUI", graph.model, graph.prompt, graph.generative) if graph else None


def _json(text: str) -> Any:
    if len(text) > MAX_JSON or text.lstrip()[:1] != "{":
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _swarm(value: dict[str, Any]) -> Generation | None:
    settings = value.get("sui_image_params")
    if not isinstance(settings, dict):
        return None
    return Generation("SwarmUI", _text(settings.get("model")), _text(settings.get("prompt")))


def _fooocus(value: dict[str, Any]) -> Generation | None:
    version = _text(value.get("version")) or _text(value.get("metadata_scheme"))
    if not version.lower().startswith("fooocus") or not {"prompt", "base_model", "seed"} & value.keys():
        return None
    return Generation("Fooocus", _text(value.get("base_model")), _text(value.get("prompt")))


def _invoke(value: dict[str, Any]) -> Generation | None:
    image = value.get("image")
    if value.get("app_id") in ("lstein/stable-diffusion", "invoke-ai/InvokeAI") and isinstance(image, dict):
        prompts = image.get("prompt")
        first = prompts[0] if isinstance(prompts, list) and prompts else prompts
        words = _text(first.get("prompt")) if isinstance(first, dict) else _text(first)
        return Generation("InvokeAI", _text(value.get("model_weights")) or _text(value.get("model_id")), words)
    if "app_version" in value and {"generation_mode", "positive_prompt", "steps", "seed"} & value.keys():
        model = value.get("model")
        name = _text(model.get("name") or model.get("model_name")) if isinstance(model, dict) else _text(model)
        return Generation("InvokeAI", name, _text(value.get("positive_prompt")))
    return None


def _invoke_graph(value: dict[str, Any]) -> Generation | None:
    nodes = value.get("nodes")
    if not isinstance(nodes, dict) or not isinstance(value.get("edges"), list):
        return None
    kinds = {_text(node.get("type")) for node in nodes.values() if isinstance(node, dict)}
    return Generation("InvokeAI") if any("denoise_latents" in kind or "l2i" in kind for kind in kinds) else None


def _novelai_comment(value: dict[str, Any]) -> Generation | None:
    if isinstance(value.get("Comment"), str) and value.get("Software") == "NovelAI":
        return _novelai({key: text for key, text in value.items() if isinstance(text, str)})
    return None


def _novelai(named: dict[str, str]) -> Generation | None:
    comment = _json(named.get("Comment", ""))
    if named.get("Software") != "NovelAI" or not isinstance(comment, dict) or not {"steps", "seed"} <= comment.keys():
        return None
    return Generation("NovelAI", named.get("Source", ""), _text(comment.get("prompt")) or named.get("Description", ""))


def _draw_things(value: dict[str, Any]) -> Generation | None:
    if {"c", "uc", "steps", "sampler", "seed", "model"} <= value.keys():
        return Generation("Draw Things", _text(value["model"]), _text(value["c"]))
    return None


def _easy_diffusion(value: dict[str, Any]) -> Generation | None:
    names = ("use_stable_diffusion_model", "Stable Diffusion model")
    model = next((_text(value[name]) for name in names if name in value), None)
    if model is None or not {"seed", "Seed"} & value.keys():
        return None
    return Generation("Easy Diffusion", model, _text(value.get("prompt")) or _text(value.get("Prompt")))


def _bundle(value: dict[str, Any]) -> Generation | None:
    """One object with a graph or settings inside, as some of ComfyUI's save nodes write."""
    for name in ("prompt", "workflow", "parameters"):
        inner = value.get(name)
        if isinstance(inner, str):
            inner = _json(inner) or (a1111(inner) if name == "parameters" else None)
        if isinstance(inner, Generation):
            return inner
        graph = comfyui_graph(inner) if isinstance(inner, dict) else None
        if graph:
            return graph
    return None


def _of_json(*readers: Callable[[dict[str, Any]], Generation | None]) -> Callable[[str], Generation | None]:
    def read_text(text: str) -> Generation | None:
        value = _json(text)
        if not isinstance(value, dict):
            return None
        return next((generation for reader in readers if (generation := reader(value))), None)

    return read_text


def _dream(text: str) -> Generation | None:
    if not _DREAM.match(text[:4096]):
        return None
    return Generation("InvokeAI", "", text[:4096].rpartition('" ')[0].lstrip('"'))


def _tensor_art(value: dict[str, Any]) -> Generation | None:
    if not {"models", "prompt", "seed"} <= value.keys():
        return None
    return Generation("Tensor.Art", _text(value.get("baseModel")), _text(value.get("prompt")))


def _nmkd(value: dict[str, Any]) -> Generation | None:
    return Generation("NMKD Stable Diffusion GUI", _text(value.get("model")), _text(value.get("prompt")))


_CHUNKS: dict[str, Callable[[str], Generation | None]] = {
    "parameters": anywhere,
    "prompt": _of_json(comfyui_graph),
    "workflow": _of_json(comfyui_graph),
    "sd-metadata": _of_json(_invoke),
    "invokeai_metadata": _of_json(_invoke),
    "invokeai_graph": _of_json(_invoke_graph),
    "Dream": _dream,
    "generation_data": _of_json(_tensor_art),
    "NMKDiffusion": _of_json(_nmkd),
}
