"""Content Credentials as they stand in the file: who says to have made the picture, and how. Nothing is verified here.

A JUMBF box holds manifests; the last one is the active one. Its claim names the tool, its actions say what was done,
and its parent ingredient leads to the manifest of the picture that it was made from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.containers import Malformed, bmff
from bot.evidence.cbor import CborError
from bot.evidence.cbor import read as read_cbor

MAX_BOXES = 3000
MAX_DEPTH = 8
MAX_CHAIN = 12

ACTIONS = ("c2pa.actions", "c2pa.actions.v2")
INGREDIENTS = ("c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3")
GENERATED, EDITED, CAPTURED, SYNTHETIC = "generated", "edited", "captured", "synthetic"

_PREFIXES = ("http://cv.iptc.org/newscodes/digitalsourcetype/", "https://cv.iptc.org/newscodes/digitalsourcetype/",
             "http://c2pa.org/digitalsourcetype/", "https://c2pa.org/digitalsourcetype/", "digsrctype:")  # fmt: skip
_MEANINGS = {
    "trainedAlgorithmicMedia": GENERATED,
    "trainedAlgorithmicData": GENERATED,
    "compositeWithTrainedAlgorithmicMedia": EDITED,
    "compositeSynthetic": SYNTHETIC,
    "digitalCapture": CAPTURED,
    "computationalCapture": CAPTURED,
    "negativeFilm": CAPTURED,
    "positiveFilm": CAPTURED,
    "print": CAPTURED,
}


@dataclass(slots=True)
class Manifest:
    """What one manifest says; `tools` are the names of the claim's generator and of the actions' agents."""

    label: str
    tools: list[str] = field(default_factory=list)
    actions: list[tuple[str, str]] = field(default_factory=list)  # the action, its digital source type
    parent: str = ""
    components: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    """The active manifest and those of its parents, summed up. `made` is GENERATED, EDITED, CAPTURED or empty."""

    made: str
    tools: tuple[str, ...]


def source_type(value: object) -> str:
    """The meaning of a digital source type: exactly one of IPTC's terms, with or without its address."""
    if not isinstance(value, str):
        return ""
    for prefix in _PREFIXES:
        value = value.removeprefix(prefix)
    return _MEANINGS.get(value[:1].lower() + value[1:], "")  # some write the term like a class


def read(jumbf: bytes) -> Story | None:
    """The story that the box tells; None when it is no box of Content Credentials. Never raises."""
    try:
        manifests = _manifests(jumbf)
    except (Malformed, CborError):
        return None
    return tell(manifests, next(reversed(manifests))) if manifests else None


def tell(manifests: dict[str, Manifest], active: str) -> Story:
    """Follow the parents back to where the picture began."""
    tools: list[str] = []
    edited = captured = False
    label = active
    for _ in range(MAX_CHAIN):
        manifest = manifests.get(label)
        if manifest is None:
            break
        tools += [tool for tool in manifest.tools if tool not in tools]
        for action, source in manifest.actions:
            meaning = source_type(source)
            if action == "c2pa.created" and meaning == GENERATED:
                return Story(GENERATED, tuple(tools))
            edited |= meaning in (GENERATED, EDITED)
            captured |= meaning == CAPTURED
        if manifest.actions:
            edited |= any(_began_generated(manifests, component) for component in manifest.components)
        # A wrapper that did nothing and holds one picture (ChatGPT's files of 2025) is that picture.
        wrapped = manifest.components[0] if not manifest.actions and len(manifest.components) == 1 else ""
        label = manifest.parent or wrapped
        if not label:
            break
    return Story(EDITED if edited else CAPTURED if captured else "", tuple(tools))


def _began_generated(manifests: dict[str, Manifest], label: str) -> bool:
    manifest = manifests.get(label)
    return manifest is not None and any(source_type(source) == GENERATED for _, source in manifest.actions)


def _manifests(jumbf: bytes) -> dict[str, Manifest]:
    budget = [MAX_BOXES]
    store = next(_superboxes(jumbf, 0, len(jumbf), budget, 0), None)
    if store is None or store[0] != "c2pa":
        return {}
    found: dict[str, Manifest] = {}
    for label, start, end in _superboxes(jumbf, store[1], store[2], budget, 1):
        manifest = found[label] = Manifest(label)
        for name, inner, stop in _superboxes(jumbf, start, end, budget, 2):
            if name.startswith("c2pa.claim"):
                read_claim(manifest, _content(jumbf, inner, stop))
            elif name == "c2pa.assertions":
                for assertion, first, last in _superboxes(jumbf, inner, stop, budget, 3):
                    _read_assertion(manifest, assertion, jumbf, first, last)
    return found


def _superboxes(data: bytes, start: int, end: int, budget: list[int], depth: int) -> Iterator[tuple[str, int, int]]:
    """(label, start, end) of each JUMBF box in a range; start lies behind its description."""
    for box in bmff.boxes(data, start, end):
        budget[0] -= 1
        if budget[0] < 0 or depth > MAX_DEPTH:
            raise Malformed("too many boxes")
        if box.name != b"jumb":
            continue
        size = int.from_bytes(data[box.start : box.start + 4], "big")
        head = data[box.start : min(box.start + size, box.end)]
        if size < 25 or head[4:8] != b"jumd" or len(head) != size or not head[24] & 2:
            raise Malformed("a box without a description")
        label = head[25:].split(b"\0", 1)[0].decode("utf-8", "replace")
        yield label, box.start + size, box.end


def _content(data: bytes, start: int, end: int) -> Any:
    for box in bmff.boxes(data, start, end):
        if box.name == b"cbor":
            return read_cbor(box.of(data))
    return None


def read_claim(manifest: Manifest, claim: object) -> None:
    """Note the tool that a claim names."""
    if not isinstance(claim, dict):
        return
    infos = claim.get("claim_generator_info")
    for info in infos if isinstance(infos, list) else [infos]:
        _add_tool(manifest, info)
    if not manifest.tools and isinstance(claim.get("claim_generator"), str):
        # "Adobe_Photoshop/24.0 adobe_c2pa/0.7": the first product of a list like a browser's
        _add_tool(manifest, claim["claim_generator"].split(" ")[0].partition("/")[0].replace("_", " "))


def _read_assertion(manifest: Manifest, name: str, jumbf: bytes, start: int, end: int) -> None:
    base = name.split("__")[0]
    if base in ACTIONS:
        read_actions(manifest, _content(jumbf, start, end))
    elif base in INGREDIENTS:
        read_ingredient(manifest, _content(jumbf, start, end))


def read_actions(manifest: Manifest, body: object) -> None:
    """Add the actions of one actions assertion."""
    if not isinstance(body, dict):
        return
    agents, actions = body.get("softwareAgents"), body.get("actions")
    for agent in agents if isinstance(agents, list) else []:
        _add_tool(manifest, agent)
    for action in actions if isinstance(actions, list) else []:
        if not isinstance(action, dict):
            continue
        source = action.get("digitalSourceType")
        manifest.actions.append((str(action.get("action")), source if isinstance(source, str) else ""))
        _add_tool(manifest, action.get("softwareAgent"))


def read_ingredient(manifest: Manifest, body: object) -> None:
    """Note where a parent's or a component's manifest stands."""
    if not isinstance(body, dict):
        return
    link = body.get("activeManifest") or body.get("c2pa_manifest")
    url = link.get("url") if isinstance(link, dict) else None
    if not isinstance(url, str):
        return
    label = url.rstrip("/").rsplit("/", 1)[-1]
    if body.get("relationship") == "parentOf":
        manifest.parent = label
    elif body.get("relationship") == "componentOf":
        manifest.components.append(label)


def _add_tool(manifest: Manifest, agent: object) -> None:
    name = agent.get("name") if isinstance(agent, dict) else agent
    if isinstance(name, str) and name and name not in manifest.tools:
        manifest.tools.append(name)
