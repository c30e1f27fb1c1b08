"""What the file itself says about its origin, apart from the pixels. Says nothing, ever, for a picture being real.

`read` looks only into valid containers and there only into the fields in which tools sign or leave their settings.
Each finding has one of the kinds in bot.evidence.kinds, a sentence, and a strength. The sentence is plain text on one
line: what it quotes from the file is shortened and stripped of everything that a chat or a page could act on.
"""

import logging

from bot.evidence import container, credentials, exif, iim, kinds, parameters, stealth, tags, text, xmp
from bot.evidence.container import Metadata
from bot.evidence.kinds import says_ai, says_edited
from bot.evidence.manifest import EDITED, GENERATED, source_type
from bot.verdict import Finding, Strength
from bot.wording import DEFAULT, say

__all__ = ["kinds", "read", "says_ai", "says_edited"]

log = logging.getLogger(__name__)

_SOURCE_TYPES = (xmp.IPTC + "DigitalSourceType", xmp.IPTC + "DigitalSourceFileType", xmp.IPTC + "digitalSourceType")


def read(data: bytes, language: str = DEFAULT) -> tuple[Finding, ...]:
    """Everything that the file says, the strongest first. Never raises; its work is bounded by the file's size."""
    try:
        return _read(data, language)
    except Exception:  # a bug here must not cost anybody the verdict on the pixels
        log.exception("reading a picture's metadata failed")
        return ()


def _read(data: bytes, language: str) -> tuple[Finding, ...]:
    metadata = container.metadata(data)
    if metadata is None:
        return ()
    camera = exif.read(metadata.exif)
    properties = xmp.read(metadata.xmp)
    found = [
        *credentials.read(data, metadata, language),
        _source_type(properties, language),
        _settings(metadata, camera, properties, language),
        _hidden(data, language),
        *_signatures(metadata, camera, properties, language),
        _camera(camera, language),
    ]
    order = list(Strength)
    return tuple(sorted((finding for finding in found if finding), key=lambda finding: order.index(finding.strength)))


def _source_type(properties: xmp.Properties, language: str) -> Finding | None:
    meanings = {source_type(properties.get(name, "").strip()) for name in _SOURCE_TYPES}
    if GENERATED in meanings:
        return _declared(kinds.SOURCE_GENERATED, say("evidence.source-generated", language))
    if EDITED in meanings:
        return _declared(kinds.SOURCE_EDITED, say("evidence.source-edited", language))
    return None


def _settings(metadata: Metadata, camera: exif.Exif, properties: xmp.Properties, language: str) -> Finding | None:
    fields = (*camera.texts, properties.get(xmp.EXIF + "UserComment", ""), properties.get(xmp.DC + "description", ""))
    generation = parameters.read(metadata.texts, fields)
    if generation is None:
        return None
    if not generation.generative:
        return Finding(kinds.WORKFLOW, say("evidence.workflow", language, tool=generation.tool), Strength.HINT)
    return _declared(kinds.PARAMETERS, _describe("evidence.parameters", generation, language))


def _hidden(data: bytes, language: str) -> Finding | None:
    hidden = stealth.read(data)
    generation = parameters.anywhere(hidden) if hidden else None
    if generation is None or not generation.generative:
        return None
    return _declared(kinds.HIDDEN_PARAMETERS, _describe("evidence.hidden-parameters", generation, language))


def _describe(key: str, generation: parameters.Generation, language: str) -> str:
    sentence = say(key, language, tool=text.clean(generation.tool))
    if generation.model:
        sentence += " " + say("evidence.model", language, model=text.clean(generation.model))
    if generation.prompt:
        sentence += " " + say("evidence.prompt", language, prompt=text.prompt(generation.prompt))
    return sentence


def _signatures(metadata: Metadata, camera: exif.Exif, properties: xmp.Properties, language: str) -> list[Finding]:
    found = []
    for tag in tags.read(dict(reversed(metadata.texts)), camera, properties, iim.read(metadata.iim)):
        key = "editor-tag" if tag.edited else "generator-tag" if tag.sure else "generator-maybe"
        sentence = say(f"evidence.{key}", language, name=text.clean(tag.name))
        if tag.prompt:
            sentence += " " + say("evidence.prompt", language, prompt=text.prompt(tag.prompt))
        kind = kinds.EDITOR_TAG if tag.edited else kinds.GENERATOR_TAG
        found.append(Finding(kind, sentence, Strength.SELF_DECLARED if tag.sure else Strength.HINT))
    return found


def _camera(camera: exif.Exif, language: str) -> Finding | None:
    if not (camera.shot and camera.make and camera.model):
        return None
    name = camera.model if camera.model.startswith(camera.make) else f"{camera.make} {camera.model}"
    return Finding(kinds.CAMERA, say("evidence.camera", language, camera=text.clean(name)), Strength.HINT)


def _declared(kind: str, sentence: str) -> Finding:
    return Finding(kind, sentence, Strength.SELF_DECLARED)
