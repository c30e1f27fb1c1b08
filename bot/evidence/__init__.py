"""What the file itself says about its origin, apart from the pixels. Says nothing, ever, for a picture being real.

`read` looks only into valid containers and there only into the fields in which tools sign or leave their settings.
Each finding has one of the kinds in bot.evidence.kinds, a sentence, and a strength. The sentence is plain text on one
line: what it quotes from the file is shortened and stripped of everything that a chat or a page could act on.
"""

import logging

from bot.evidence import container, credentials, exif, iim, kinds, label, parameters, stealth, tags, text, xmp
from bot.evidence.container import Metadata
from bot.evidence.generation import Generation
from bot.evidence.kinds import says_ai, says_edited
from bot.evidence.manifest import EDITED, GENERATED, SYNTHETIC, source_type
from bot.evidence.phrases import found, phrase
from bot.verdict import Finding, Phrase, Strength

__all__ = ["kinds", "read", "says_ai", "says_edited"]

log = logging.getLogger(__name__)

_FREE = (xmp.SDCPP + "parameters", xmp.EXIF + "UserComment", xmp.DC + "description", xmp.TIFF + "ImageDescription")
_SOURCE_TYPES = (xmp.IPTC + "DigitalSourceType", xmp.IPTC + "DigitalSourceFileType", xmp.IPTC + "digitalSourceType")


def read(data: bytes) -> tuple[Finding, ...]:
    """Everything that the file says, the strongest first. Never raises; its work is bounded by the file's size."""
    try:
        return _read(data)
    except Exception:  # a bug here must not cost anybody the verdict on the pixels
        log.exception("reading a picture's metadata failed")
        return ()


def _read(data: bytes) -> tuple[Finding, ...]:
    metadata = container.metadata(data)
    if metadata is None:
        return ()
    camera = exif.read(metadata.exif)
    properties = xmp.read(metadata.xmp)
    records = iim.read(metadata.iim)
    findings = [
        *credentials.read(data, metadata),
        _source_type(properties),
        _label(metadata, camera, properties),
        _settings(metadata, camera, properties, records),
        _hidden(data),
        *_signatures(metadata, camera, properties, records),
        _camera(camera),
    ]
    order = list(Strength)
    return tuple(
        sorted((finding for finding in findings if finding), key=lambda finding: order.index(finding.strength))
    )


def _source_type(properties: xmp.Properties) -> Finding | None:
    meanings = {source_type(properties.get(name, "").strip()) for name in _SOURCE_TYPES}
    if GENERATED in meanings:
        return _declared(kinds.SOURCE_GENERATED, phrase("evidence.source-generated"))
    if EDITED in meanings:
        return _declared(kinds.SOURCE_EDITED, phrase("evidence.source-edited"))
    if SYNTHETIC in meanings:  # drawn by hand or by AI: the term does not say
        return found(kinds.SOURCE_EDITED, Strength.HINT, phrase("evidence.source-synthetic"))
    return None


def _label(metadata: Metadata, camera: exif.Exif, properties: xmp.Properties) -> Finding | None:
    told = label.read(metadata.texts, camera, properties)
    if told is None:
        return None
    phrases = [phrase(f"evidence.label-{told.degree.value}")]
    if told.producer:
        phrases.append(phrase("evidence.label-producer", name=text.clean(told.producer)))
    elif told.propagator:
        phrases.append(phrase("evidence.label-propagator", name=text.clean(told.propagator)))
    sure = told.degree is label.Degree.GENERATED
    return found(kinds.GENERATOR_TAG, Strength.SELF_DECLARED if sure else Strength.HINT, *phrases)


def _settings(
    metadata: Metadata, camera: exif.Exif, properties: xmp.Properties, records: dict[int, str]
) -> Finding | None:
    described = (properties.get(name, "") for name in _FREE)
    generation = parameters.read(metadata.texts, (*camera.texts, *described, records.get(iim.CAPTION, "")))
    if generation is None:
        return None
    if not generation.generative:
        return found(kinds.WORKFLOW, Strength.HINT, phrase("evidence.workflow", tool=generation.tool))
    return _declared(kinds.PARAMETERS, *_describe("evidence.parameters", generation))


def _hidden(data: bytes) -> Finding | None:
    hidden = stealth.read(data)
    generation = parameters.anywhere(hidden) if hidden else None
    if generation is None or not generation.generative:
        return None
    return _declared(kinds.HIDDEN_PARAMETERS, *_describe("evidence.hidden-parameters", generation))


def _describe(key: str, generation: Generation) -> list[Phrase]:
    phrases = [phrase(key, tool=text.clean(generation.tool))]
    if generation.model:
        phrases.append(phrase("evidence.model", model=text.clean(generation.model)))
    if generation.prompt:
        phrases.append(phrase("evidence.prompt", prompt=text.prompt(generation.prompt)))
    return phrases


def _signatures(
    metadata: Metadata, camera: exif.Exif, properties: xmp.Properties, records: dict[int, str]
) -> list[Finding]:
    findings = []
    for tag in tags.read(dict(reversed(metadata.texts)), camera, properties, records):
        key = "editor-tag" if tag.told else "generator-tag"
        phrases = [phrase(f"evidence.{key}", name=text.clean(tag.name))]
        if tag.prompt:
            phrases.append(phrase("evidence.prompt", prompt=text.prompt(tag.prompt)))
        kind = kinds.EDITOR_TAG if tag.edited else kinds.GENERATOR_TAG
        findings.append(_declared(kind, *phrases))
    return findings


def _camera(camera: exif.Exif) -> Finding | None:
    if not (camera.shot and camera.make and camera.model):
        return None
    name = camera.model if camera.model.startswith(camera.make) else f"{camera.make} {camera.model}"
    return found(kinds.CAMERA, Strength.HINT, phrase("evidence.camera", camera=text.clean(name)))


def _declared(kind: str, *phrases: Phrase) -> Finding:
    return found(kind, Strength.SELF_DECLARED, *phrases)
