"""ComfyUI's graphs: whether any node generates, with which model and from which words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MAX_NODES = 5000
# Nodes that sample, load a diffusion model, or call a service that generates. Loading, scaling, saving is not enough.
_GENERATES = re.compile(
    r"sampler|checkpoint|ckpt|unetloader|diffusion|textencode|emptylatent|emptysd3|flux|sdxl|kontext|"
    r"ideogram|openai(gpt|dalle)|gemini.*image|nano.?banana|stability|recraft|runway.*image|luma.*image|imagen|seedream|"
    r"bytedance.*image|grok.*image|kling.*image|"
    r"qwen.*image|hunyuan|txt2img|text.?to.?image|img2img|image.?to.?image|inpaint|"
    r"(face|mask|segs).?detailer|^detailerforeach",
    re.IGNORECASE,
)
_NOT = re.compile(r"upscale|primitive|note|preview|saveimage|loadimage", re.IGNORECASE)
_MODELS = ("ckpt_name", "unet_name", "base_ckpt_name", "model_name")


@dataclass(frozen=True, slots=True)
class Graph:
    """What a graph tells: `generative` is false when it only loads, changes and saves pictures."""

    generative: bool
    model: str
    prompt: str


def read(value: dict[str, Any]) -> Graph | None:
    """A prompt ({id: {class_type, inputs}}) or a workflow ({nodes: [{type, widgets_values}]}); else None."""
    if isinstance(value.get("nodes"), list) and "links" in value:
        return _workflow(value["nodes"][:MAX_NODES] + _inner_nodes(value), value["links"])
    if not value or len(value) > MAX_NODES:
        return None
    nodes: dict[str, dict[str, Any]] = {
        key: node
        for key, node in value.items()
        if isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
    }
    if not nodes or 2 * len(nodes) < len(value):
        return None
    return Graph(_generative(node["class_type"] for node in nodes.values()), _model(nodes), _prompt(nodes))


def _generative(kinds: Iterable[str]) -> bool:
    return any(_GENERATES.search(kind) and not _NOT.search(kind) for kind in kinds)


def _inner_nodes(workflow: dict[str, Any]) -> list[Any]:
    """The nodes of subgraphs and of the older group nodes that are in use, which a workflow keeps beside its own."""
    definitions, extra = workflow.get("definitions"), workflow.get("extra")
    graphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    groups = extra.get("groupNodes") if isinstance(extra, dict) else None
    used = {str(node.get("type")) for node in workflow["nodes"][:MAX_NODES] if isinstance(node, dict)}
    both = list(graphs) if isinstance(graphs, list) else []
    if isinstance(groups, dict):
        both += [group for name, group in groups.items() if {f"workflow/{name}", f"workflow>{name}"} & used]
    nodes: list[Any] = []
    for graph in both:
        inner = graph.get("nodes") if isinstance(graph, dict) else None
        nodes += inner[: MAX_NODES - len(nodes)] if isinstance(inner, list) else []
    return nodes


def _workflow(items: list[Any], links: object) -> Graph | None:
    nodes = [node for node in items if isinstance(node, dict) and isinstance(node.get("type"), str)]
    if not nodes:
        return None
    negative = _negative(nodes, links)
    model = words = ""
    for node in nodes:
        values = node.get("widgets_values")
        first = values[0] if isinstance(values, list) and values else None
        if not isinstance(first, str):
            continue
        if not model and re.search(r"checkpoint|unetloader", node["type"], re.IGNORECASE):
            model = first
        if not words and node["type"].startswith("CLIPTextEncode") and str(node.get("id")) not in negative:
            words = first
    return Graph(_generative(node["type"] for node in nodes), model, words)


def _negative(nodes: list[dict[str, Any]], links: object) -> set[str]:
    """The nodes that feed an input called "negative". A link is [its id, from node, from slot, to node, …]."""
    wanted: set[str] = set()
    for node in nodes:
        inputs = node.get("inputs")
        for one in inputs if isinstance(inputs, list) else []:
            if isinstance(one, dict) and one.get("name") == "negative":
                wanted.add(str(one.get("link")))
    found = set()
    for link in links if isinstance(links, list) else []:
        if isinstance(link, list) and len(link) > 1 and str(link[0]) in wanted:
            found.add(str(link[1]))
    return found


def _model(nodes: dict[str, dict[str, Any]]) -> str:
    for name in _MODELS:
        for node in nodes.values():
            found = node["inputs"].get(name)
            if isinstance(found, str) and not _NOT.search(node["class_type"]):
                return found
    return ""


def _prompt(nodes: dict[str, dict[str, Any]]) -> str:
    """The words behind a sampler's positive input, or the first that are encoded."""
    for node in nodes.values():
        words = _follow(nodes, node["inputs"].get("positive"), 0)
        if words:
            return words
    for kinds in (re.compile(r"textencode|prompt", re.IGNORECASE), _GENERATES):
        for node in nodes.values():
            if kinds.search(node["class_type"]):
                words = _words(node) or _follow(nodes, node["inputs"].get("prompt") or node["inputs"].get("text"), 0)
                if words:
                    return words
    return ""


def _follow(nodes: dict[str, dict[str, Any]], link: object, depth: int) -> str:
    if not isinstance(link, list) or not link or depth > 6:
        return ""
    node = nodes.get(str(link[0]))
    if node is None:
        return ""
    words = _words(node)
    if words:
        return words
    for name in ("text", "text_g", "prompt", "conditioning", "positive"):
        words = _follow(nodes, node["inputs"].get(name), depth + 1)
        if words:
            return words
    return ""


def _words(node: dict[str, Any]) -> str:
    for name in ("text", "text_g", "prompt", "string", "value"):
        value = node["inputs"].get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""
