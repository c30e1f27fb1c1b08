"""Verdict -> the JSON that /api/check answers with: every number as it is, and every sentence that the page shows."""

from collections import Counter
from typing import TYPE_CHECKING

from bot.record import Record
from bot.settings import ChecksSettings
from bot.verdict import VIEW_KINDS, Verdict
from bot.wording import about, how_it_does, in_language, percent, say, score, words

if TYPE_CHECKING:
    from bot.core import ModelInfo

Json = dict[str, object]


def verdict_json(verdict: Verdict, language: str, record: Record | None = None) -> Json:
    """Everything about one verdict. `words` follows the order of `notes`, `evidence` and `views`."""
    verdict = in_language(verdict, language)
    spoken = words(verdict, language)
    return {
        "label": verdict.label,
        "basis": verdict.basis,
        "confidence": round(verdict.confidence, 6),
        "p_ai": round(verdict.p_ai, 6),
        "evidence": [
            {"kind": finding.kind, "says": finding.says, "strength": finding.strength} for finding in verdict.evidence
        ],
        "model": verdict.model,
        "milliseconds": verdict.milliseconds,
        "arrival": verdict.arrival,
        "bands": {"real": verdict.bands.real, "ai": verdict.bands.ai},
        "views": [{"kind": view.kind, "box": list(view.box), "p_ai": round(view.p_ai, 6)} for view in verdict.views],
        "notes": list(verdict.notes),
        "width": verdict.width,
        "height": verdict.height,
        "sha256": verdict.sha256,
        "words": {
            "symbol": spoken.symbol,
            "title": spoken.title,
            "confidence": spoken.confidence,
            "arrival": spoken.arrival,
            "honest": spoken.honest,
            "advice": spoken.advice,
            "record": how_it_does(record, language) if record else None,
            "footer": say("web.foot", language, model=verdict.model, milliseconds=verdict.milliseconds),
            "pin": say("web.pin", language, percent=score(verdict)),
            "scale": _scale(verdict, language),
            "notes": [say(f"note.{note}", language) for note in verdict.notes],
            "strengths": [say(f"web.{finding.strength}", language) for finding in verdict.evidence],
            "views": _views(verdict, language),
        },
    }


def _scale(verdict: Verdict, language: str) -> str:
    bands = verdict.bands
    return say(
        "web.scale",
        language,
        percent=score(verdict),
        real=percent(bands.real),
        ai=percent(bands.ai),
    )


def _views(verdict: Verdict, language: str) -> list[Json]:
    seen: Counter[str] = Counter()
    spoken: list[Json] = []
    for view in verdict.views:
        seen[view.kind] += 1
        key = f"web.view_{view.kind}" if view.kind in VIEW_KINDS else "web.view_other"
        number = str(seen[view.kind])
        spoken.append({"name": say(key, language, number=number), "number": number, "percent": percent(view.p_ai)})
    return spoken


def about_json(model: "ModelInfo", checks: ChecksSettings, language: str) -> Json:
    """What anyone may know: the model with its whole card, its bands, the limits."""
    return {
        "model": model.version,
        "bands": {"real": model.bands.real, "ai": model.bands.ai},
        "limits": {"bytes": checks.max_bytes, "pixels": checks.max_pixels},
        "card": model.card,
        "words": [*about(model, language).splitlines(), say("web.signal", language)],
    }
