"""The JSON objects in which generators leave their settings. Each reader accepts what one tool writes, and nothing less."""

import json
import re
from collections.abc import Callable
from typing import Any

from bot.evidence import comfyui
from bot.evidence.generation import Generation

MAX_JSON = 2 * 1024 * 1024
_INVOKE_NODES = re.compile(r"denoise|l2i|vae_decode|t2l|text_to_latents|txt2img")
_INVOKE_NAMES = frozenset({"generation_mode", "positive_prompt", "steps", "seed", "cfg_scale", "scheduler", "model"})

Object = dict[str, Any]
Reader = Callable[[Object], Generation | None]


def parse(text: str) -> Any:
    """The object that a field holds, if it holds nothing else."""
    body = text.strip("\0 \t\r\n")
    if len(body) > MAX_JSON or body[:1] != "{":
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def text(value: object) -> str:
    """`value` where it is a text, else nothing."""
    return value if isinstance(value, str) else ""


def graph(value: Object) -> Generation | None:
    """ComfyUI's prompt (nodes by id) or workflow (a list of nodes); Civitai adds an object of its own to its graphs."""
    found = comfyui.read(value)
    if found is None:
        return None
    extra = parse(text(value.get("extraMetadata")))
    if isinstance(extra, dict):
        words = found.prompt or text(extra.get("prompt"))
        return Generation("Civitai", found.model, words, found.generative or {"prompt", "seed"} <= extra.keys())
    return Generation("ComfyUI", found.model, found.prompt, found.generative)


def swarm(value: Object) -> Generation | None:
    settings = value.get("sui_image_params")
    if not isinstance(settings, dict):
        return None
    return Generation("SwarmUI", text(settings.get("model")), text(settings.get("prompt")))


def fooocus(value: Object) -> Generation | None:
    version = text(value.get("version")) or text(value.get("metadata_scheme")) or text(value.get("software"))
    if not version.lower().startswith("fooocus") or not {"prompt", "base_model", "seed"} & value.keys():
        return None
    return Generation("Fooocus", text(value.get("base_model")), text(value.get("prompt")))


def ruined_fooocus(value: Object) -> Generation | None:
    if value.get("software") != "RuinedFooocus" or not {"Prompt", "seed", "steps"} <= value.keys():
        return None
    return Generation("RuinedFooocus", text(value.get("base_model_name")), text(value.get("Prompt")))


def invoke(value: Object) -> Generation | None:
    """InvokeAI's settings in a field that others use too."""
    image = value.get("image")
    if value.get("app_id") in ("lstein/stable-diffusion", "invoke-ai/InvokeAI") and isinstance(image, dict):
        prompts = image.get("prompt")
        first = prompts[0] if isinstance(prompts, list) and prompts else prompts
        words = text(first.get("prompt")) if isinstance(first, dict) else text(first)
        return Generation("InvokeAI", text(value.get("model_weights")) or text(value.get("model_id")), words)
    if "app_version" in value and {"generation_mode", "positive_prompt", "steps", "seed"} & value.keys():
        return own_invoke(value)
    for name in ("invokeai_metadata", "invokeai_graph"):  # carried over into one object by converters
        inner = value.get(name)
        inner = parse(inner) if isinstance(inner, str) else inner
        if isinstance(inner, dict):
            return own_invoke(inner) or invoke_graph(inner)
    return None


def own_invoke(value: Object) -> Generation | None:
    """InvokeAI's settings in its own field; which of them there are depends on the model and the version."""
    if len(_INVOKE_NAMES & value.keys()) < 2:
        return None
    model = value.get("model")
    name = text(model.get("name") or model.get("model_name")) if isinstance(model, dict) else text(model)
    return Generation("InvokeAI", name, text(value.get("positive_prompt")))


def invoke_graph(value: Object) -> Generation | None:
    """InvokeAI's graph (nodes by id) or workflow (a list of nodes, their types inside of `data`)."""
    nodes = value.get("nodes")
    if not isinstance(value.get("edges"), list):
        return None
    each = nodes.values() if isinstance(nodes, dict) else nodes if isinstance(nodes, list) else ()
    types = set()
    for node in each:
        if isinstance(node, dict):
            data = node.get("data")
            types.add(text(data.get("type")) if isinstance(data, dict) else text(node.get("type")))
    return Generation("InvokeAI") if any(_INVOKE_NODES.search(name) for name in types) else None


def novelai(named: Object) -> Generation | None:
    """NovelAI's fields, as text chunks or in one object."""
    comment = parse(text(named.get("Comment")))
    if named.get("Software") != "NovelAI" or not isinstance(comment, dict) or not {"steps", "seed"} <= comment.keys():
        return None
    return Generation(
        "NovelAI", text(named.get("Source")), text(comment.get("prompt")) or text(named.get("Description"))
    )


def draw_things(value: Object) -> Generation | None:
    if {"c", "uc", "steps", "sampler", "seed", "model"} <= value.keys():
        return Generation("Draw Things", text(value["model"]), text(value["c"]))
    return None


def easy_diffusion(value: Object) -> Generation | None:
    names = ("use_stable_diffusion_model", "Stable Diffusion model")
    model = next((value[name] for name in names if name in value), None)
    if model is None or not {"seed", "Seed"} & value.keys():
        return None
    first = model[0] if isinstance(model, list) and model else model  # it can mix several; in PNG that is "['a', 'b']"
    name = text(first).removeprefix("['").partition("'")[0]
    return Generation("Easy Diffusion", name, text(value.get("prompt")) or text(value.get("Prompt")))


def mflux(value: Object) -> Generation | None:
    if "mflux_version" not in value or not {"prompt", "seed", "steps"} <= value.keys():
        return None
    return Generation("mflux", text(value.get("model")) or text(value.get("base_model")), text(value["prompt"]))


def diffusers(value: Object) -> Generation | None:
    """The arguments of a pipeline of the library diffusers, as demo pages keep them."""
    if not {"prompt", "num_inference_steps", "guidance_scale", "seed"} <= value.keys():
        return None
    return Generation("Diffusers", text(value.get("Model")) or text(value.get("model")), text(value["prompt"]))


def tensor_art(value: Object) -> Generation | None:
    base = value.get("baseModel")
    if not {"prompt", "seed"} <= value.keys() or not ("models" in value or isinstance(base, dict)):
        return None
    name = base.get("modelFileName") or base.get("label") if isinstance(base, dict) else base
    return Generation("Tensor.Art", text(name), text(value.get("prompt")))


def stability_matrix(value: Object) -> Generation | None:
    if not {"PositivePrompt", "Steps", "Seed", "ModelName"} <= value.keys():
        return None
    return Generation("Stability Matrix", text(value["ModelName"]), text(value["PositivePrompt"]))


def nmkd(value: Object) -> Generation | None:
    return Generation("NMKD Stable Diffusion GUI", text(value.get("model")), text(value.get("prompt")))


ANYWHERE: tuple[Reader, ...] = (
    swarm, fooocus, ruined_fooocus, invoke, novelai, draw_things, easy_diffusion, mflux, stability_matrix, diffusers,
)  # fmt: skip
