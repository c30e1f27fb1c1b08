"""How readily pictures are called AI-generated, as a server has set it: one false accusation in so many real pictures.

The card's curve has, for each way in which pictures arrive, the threshold on p_ai that keeps to it, and what it finds.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.decision import decide
from bot.record import Point, curve
from bot.verdict import Arrival, Bands, Label, Verdict

if TYPE_CHECKING:
    from bot.core import ModelInfo

SENSITIVITIES = (1000, 300, 100, 30)

_NEARLY = 0.02  # cards round their rates


@dataclass(frozen=True, slots=True)
class Choice:
    """Shares 0..1: `found` of AI-generated pictures; `accused` of real ones as measured, which can miss what was aimed at."""

    one_in: int
    found: float
    accused: float


@dataclass(frozen=True, slots=True)
class _Scored:
    label: str
    p_ai: float
    confidence: float


def at(verdict: Verdict, model: "ModelInfo", one_in: int | None) -> Verdict:
    """The verdict by the threshold for `one_in`; as it is for None, for another model's, or where the card has no curve.

    Only the edge to "likely AI" moves. What the file says counts as before.
    """
    if one_in is None or verdict.model != model.version:
        return verdict
    point = _find(model, verdict.arrival, one_in)
    if point is None:
        return verdict
    bands = Bands(verdict.bands.real, max(point.threshold, math.nextafter(verdict.bands.real, 2)))
    label, confidence, basis = decide(_score(verdict.p_ai, bands), verdict.evidence)
    return replace(verdict, label=label, confidence=confidence, basis=basis, bands=bands)


def choices(model: "ModelInfo", arrival: Arrival = Arrival.ORIGINAL) -> tuple[Choice, ...]:
    """What a server can choose from, and what each costs; none where the card has no curve."""
    points = ((one_in, _find(model, arrival, one_in)) for one_in in SENSITIVITIES)
    return tuple(Choice(one_in, point.record.found, point.record.accused) for one_in, point in points if point)


def _score(p_ai: float, bands: Bands) -> _Scored:
    if p_ai >= bands.ai:
        return _Scored(Label.AI, p_ai, p_ai)
    if p_ai <= bands.real:
        return _Scored(Label.REAL, p_ai, 1 - p_ai)
    return _Scored(Label.UNSURE, p_ai, max(p_ai, 1 - p_ai))


def _find(model: "ModelInfo", arrival: Arrival, one_in: int) -> Point | None:
    rate = 1 / one_in
    return next((point for point in curve(model, arrival) if abs(point.rate - rate) <= _NEARLY * rate), None)
