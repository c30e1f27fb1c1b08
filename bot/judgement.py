"""The two ends of a picture's way: what is known of it before the network sees it, and the Verdict afterwards."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import evidence
from bot.batcher import Detector, Judged
from bot.decision import decide
from bot.intake import decode
from bot.settings import ChecksSettings
from bot.verdict import Arrival, Bands, Finding, Verdict, ViewScore

if TYPE_CHECKING:
    from model.views import Views


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is known of a picture before the network sees it."""

    views: "Views"
    width: int
    height: int
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def prepare(detector: Detector, data: bytes, settings: ChecksSettings) -> Prepared:
    """Everything that comes before the network; belongs in a thread. Raises Refusal."""
    decoded = decode(data, settings)
    views = detector.views(decoded.pixels)
    height, width = decoded.pixels.shape[:2]
    return Prepared(views, width, height, decoded.notes, evidence.read(data))


def pronounce(sha256: str, detector: Detector, prepared: Prepared, judged: Judged, seconds: float) -> Verdict:
    """The Verdict; `seconds` is what it took without waiting."""
    label, confidence, basis = decide(judged.score, prepared.findings)
    views = zip(prepared.views.parts, judged.score.views, strict=True)
    return Verdict(
        label=label,
        confidence=confidence,
        p_ai=judged.score.p_ai,
        model=detector.version,
        bands=bands_of(detector),
        sha256=sha256,
        arrival=Arrival.ORIGINAL,  # each who asks is told his own
        milliseconds=round(seconds * 1000),
        width=prepared.width,
        height=prepared.height,
        views=tuple(ViewScore(kind, box, p_ai) for (kind, box), p_ai in views),
        evidence=prepared.findings,
        notes=prepared.notes,
        basis=basis,
    )


def bands_of(detector: Detector) -> Bands:
    return Bands(detector.card.bands.real, detector.card.bands.ai)
