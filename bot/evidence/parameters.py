"""The settings that image generators leave in a file: which tool, which model, which prompt.

Each reader accepts only the structure that its tools write. The name of a tool or a word like "Steps" in a caption is
not such a structure.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from bot.evidence import objects
from bot.evidence.generation import Generation
from bot.evidence.objects import Object, Reader

_SETTINGS_LENGTH = 16 * 1024
_LABEL = re.compile(r"\s*(?:prompt|workflow|parameters|generation_data)\s*[:\0]\s*", re.IGNORECASE)
_DREAM = re.compile(r'^".*" (?=.*-s ?\d+)(?=.*-S ?\d+)(?=.*-[CAW] ?\w+)', re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?")
_WEB_UI = "Stable Diffusion web UI"
_A1111_NAMES = frozenset({
    "Sampler", "CFG scale", "Seed", "Size", "Model", "Model hash", "Schedule type", "VAE", "Distilled CFG Scale",
    "Denoising strength", "Guidance", "Version", "RNG", "Clip skip",
})  # fmt: skip
# Samplers as ComfyUI calls them; some of its save nodes write the web UI's settings, whose own are "Euler a", "DPM++ 2M".
_COMFY_SAMPLER = re.compile(r"(?:euler|dpm|dpmpp|uni_pc|heun|lms|lcm|ddim|ddpm|res|er|sa|ipndm|deis)(?:_[a-z0-9]+)+")
# Versions by which the web UI's descendants tell themselves apart.
_A1111_VERSIONS = (
    (r"f\d[\d.]*v\d[\w.]*-v", "Stable Diffusion WebUI reForge"),
    (r"f\d", "Stable Diffusion WebUI Forge"),
    (r"(?:classic|neo)\b", "Stable Diffusion WebUI Forge"),
    (r"v?\d", _WEB_UI),
)


def read(texts: Iterable[tuple[str, str]], fields: Iterable[str]) -> Generation | None:
    """The first generator's settings in named text chunks (PNG) or in free fields (EXIF, XMP, comments)."""
    named: Object = {}
    for keyword, value in texts:
        named.setdefault(keyword, value)
    found = [generation for generation in _candidates(named, fields) if generation]
    # A graph is said to be harmless only when nothing else says more.
    first = next((generation for generation in found if generation.generative), found[0] if found else None)
    if first and first.tool == _WEB_UI and any(one.tool == "ComfyUI" and one.generative for one in found):
        return replace(first, tool="ComfyUI")  # some of its save nodes write the web UI's settings beside the graph
    return first


def _candidates(named: Object, fields: Iterable[str]) -> Iterable[Generation | None]:
    yield objects.novelai(named)
    for keyword, reader in _CHUNKS.items():
        if keyword in named:
            yield reader(named[keyword])
    yield objects.easy_diffusion(named)
    yield _scripts(named)
    for keyword in ("Comment", "Description"):
        if keyword in named:
            yield anywhere(named[keyword])
    for field in fields:
        yield anywhere(field)


def anywhere(text: str) -> Generation | None:
    """Settings in a field that is not theirs alone: only complete structures count."""
    label = _LABEL.match(text[:40])
    body = text[label.end() :] if label else text
    value = objects.parse(body)
    if isinstance(value, dict):
        found = next((one for reader in objects.ANYWHERE if (one := reader(value))), None)
        return found or _bundle(value) or objects.graph(value)
    return a1111(body) or _mochi(body)


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
    if "Parser" in settings:
        return "SD.Next"  # it names its parser of prompts; its version is only a commit
    if not version and "Civitai resources" in settings:
        return "Civitai"
    if not version:
        return "ComfyUI" if _of_comfy_node(settings) else _WEB_UI
    for pattern, tool in _A1111_VERSIONS:
        if re.match(pattern, version):
            return tool
    return re.split(r"[\s\n]v?\d", version)[0]


def _of_comfy_node(settings: dict[str, str]) -> bool:
    """Whether settings without a version have ComfyUI's samplers, or a model's file and behind it the hash: the web UI
    writes the hash first, and the name without the file's ending."""
    names = list(settings)
    file = settings.get("Model", "").endswith((".safetensors", ".ckpt", ".gguf"))
    hashed = file and "Model hash" in names and names.index("Model hash") == names.index("Model") + 1
    return hashed or _COMFY_SAMPLER.fullmatch(settings.get("Sampler", "")) is not None


def _mochi(text: str) -> Generation | None:
    """Mochi Diffusion's caption: "Include in Image: …; Model: …; Seed: 7; Steps: 12; Generator: Mochi Diffusion 4.2"."""
    if not text.startswith("Include in Image: "):
        return None
    settings = dict(part.partition(": ")[::2] for part in text[:_SETTINGS_LENGTH].split("; "))
    numbers = all(_NUMBER.fullmatch(settings.get(name, "")) for name in ("Seed", "Steps"))
    if not numbers or not settings.get("Generator", "").startswith("Mochi Diffusion "):
        return None
    return Generation("Mochi Diffusion", settings.get("Model", ""), settings["Include in Image"])


def _bundle(value: Object) -> Generation | None:
    """One object with a graph or settings inside, as some of ComfyUI's save nodes write."""
    for name in ("prompt", "workflow", "parameters"):
        inner = value.get(name)
        if isinstance(inner, str):
            inner = objects.parse(inner) or (a1111(inner) if name == "parameters" else None)
        if isinstance(inner, Generation):
            return inner
        graph = objects.graph(inner) if isinstance(inner, dict) else None
        if graph:
            return graph
    return None


def _of_json(*readers: Reader) -> Callable[[str], Generation | None]:
    def read_text(text: str) -> Generation | None:
        value = objects.parse(text)
        if not isinstance(value, dict):
            return None
        return next((generation for reader in readers if (generation := reader(value))), None)

    return read_text


def _dream(text: str) -> Generation | None:
    if not _DREAM.match(text[:4096]):
        return None
    return Generation("InvokeAI", "", text[:4096].rpartition('" ')[0].lstrip('"'))


def _scripts(named: Object) -> Generation | None:
    """Plain chunks of one setting each, as Kohya's sd-scripts write them: the prompt, and four that fit together."""
    values = [named.get(name, "") for name in ("seed", "steps", "scale")]
    if "prompt" not in named or "sampler" not in named or not all(map(_NUMBER.fullmatch, values)):
        return None
    return Generation("sd-scripts", "", named["prompt"])


_CHUNKS: dict[str, Callable[[str], Generation | None]] = {
    "generation_data": _of_json(objects.tensor_art),
    "parameters-json": _of_json(objects.stability_matrix),
    "parameters": anywhere,
    "prompt": _of_json(objects.graph),
    "workflow": _of_json(objects.graph),
    "sd-metadata": _of_json(objects.invoke),
    "invokeai_metadata": _of_json(objects.invoke, objects.own_invoke),
    "invokeai_graph": _of_json(objects.invoke_graph),
    "invokeai_workflow": _of_json(objects.invoke_graph),
    "Dream": _dream,
    "NMKDiffusion": _of_json(objects.nmkd),
}
