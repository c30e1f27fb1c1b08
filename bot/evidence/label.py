"""The label that China demands of generated content (GB 45438-2025): what it says, and who set it.

It is one JSON object with a degree and the codes of producer and propagator. A company's code is 001, a 1, its 18
characters in the companies' register, and five for the service; others just write a name.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.evidence import xmp
from bot.evidence.exif import Exif

MAX_LABEL = 20_000
KEYWORD = "AIGC"
_CODE = re.compile(r"0011([0-9A-Z]{18})[0-9A-Za-z]{0,8}")
_COMPANIES = {
    "91110102MACQD9K640": "ByteDance (Doubao)",
    "9144030008867405X2": "ByteDance (Jimeng)",
    "91440101MA9Y9T4H7A": "Alibaba (Qwen)",
    "91330106MA2CFLDG4R": "Alibaba (Qwen, Wan)",
    "91110108335469089C": "Kuaishou (Kling)",
    "91440300708461136T": "Tencent (Yuanbao)",
    "9144030071526726XG": "Tencent (Hunyuan)",
    "91110000802100433B": "Baidu (Ernie)",
    "91110108MA01KP2T5U": "Zhipu (GLM)",
    "91340000711771143J": "iFlytek (Spark)",
    "91110105MACJ6K1C8A": "LiblibAI",
    "91340100MAEB4N8H76": "RunningHub",
}
_NEEDED = ("ContentProducer", "ProduceID", "ContentPropagator", "PropagateID")


class Degree(StrEnum):
    """What the label says of the picture; the names are the ends of its sentences' keys."""

    GENERATED = "generated"  # 1: it is
    POSSIBLE = "possible"  # 2: whoever uploaded it says so
    SUSPECTED = "suspected"  # 3: a platform found traces of it


_DEGREES = {"1": Degree.GENERATED, "2": Degree.POSSIBLE, "3": Degree.SUSPECTED}


@dataclass(frozen=True, slots=True)
class Label:
    """`producer` and `propagator` are the names behind known codes, else what stands there; empty when absent."""

    degree: Degree
    producer: str
    propagator: str


def read(texts: Iterable[tuple[str, str]], exif: Exif, properties: xmp.Properties) -> Label | None:
    """The first label in the fields in which tools write it, where it fills the field."""
    named = (value for keyword, value in texts if keyword in (KEYWORD, "Comment"))
    for text in (properties.get(xmp.AIGC + KEYWORD, ""), *named, *exif.texts):
        found = _read(text)
        if found:
            return found
    return None


def _read(text: str) -> Label | None:
    if "Label" not in text or len(text) > MAX_LABEL:
        return None
    value = _parse(text.strip("\0 \r\n\t"))
    if isinstance(value, str):  # some pack the object once more
        value = _parse(value)
    if isinstance(value, dict) and KEYWORD in value:
        value = value[KEYWORD]
        value = _parse(value) if isinstance(value, str) else value
    if not isinstance(value, dict) or not any(value.get(name) for name in _NEEDED):
        return None
    degree = _DEGREES.get(str(value.get("Label")))
    return Label(degree, _name(value.get("ContentProducer")), _name(value.get("ContentPropagator"))) if degree else None


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _name(code: object) -> str:
    if not isinstance(code, str):
        return ""
    match = _CODE.fullmatch(code.strip())
    return _COMPANIES.get(match[1], code) if match else code.strip()
