"""How the model that gave a verdict has done on pictures that arrived like this one, as its card says."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.verdict import Arrival, Verdict

if TYPE_CHECKING:
    from bot.core import ModelInfo

# The delivery tiers that cards have figures for (training/tiers.py).
TIERS = {Arrival.ORIGINAL: "clean", Arrival.RECOMPRESSED: "telegram", Arrival.PREVIEW: "hard"}


@dataclass(frozen=True, slots=True)
class Record:
    """Shares, 0..1: of real pictures that were called AI-generated, and of AI-generated ones that were called so."""

    accused: float
    found: float


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the card's curve: the `threshold` on p_ai that aims at one `rate` of false accusations, and its record."""

    rate: float
    threshold: float
    record: Record


def record(verdict: Verdict, model: "ModelInfo") -> Record | None:
    """None when the card has no figures for the way in which the picture came, or when another model judged it.

    A verdict by the bands of a server's sensitivity has the record of these.
    """
    if verdict.model != model.version:
        return None
    if verdict.bands.ai != model.bands.ai:
        at_bands = (point.record for point in curve(model, verdict.arrival) if point.threshold == verdict.bands.ai)
        return next(at_bands, None)
    tier = _within(model.card, "metrics", "tiers", TIERS[verdict.arrival])
    accused, found = _share(tier, "false_accusations"), _share(tier, "recall")
    return None if accused is None or found is None else Record(accused, found)


def curve(model: "ModelInfo", arrival: Arrival) -> list[Point]:
    """The points that the card has for pictures that arrive so, as far as they can be read."""
    entries = _within(model.card, "curve", TIERS[arrival])
    points = [_point(entry) for entry in entries] if isinstance(entries, list) else []
    return [point for point in points if point is not None]


def _point(entry: Any) -> Point | None:
    rate, threshold = _number(_within(entry, "rate")), _number(_within(entry, "threshold"))
    accused, found = _number(_within(entry, "false_accusations")), _number(_within(entry, "recall"))
    if rate is None or threshold is None or accused is None or found is None:
        return None
    return Point(rate, threshold, Record(accused, found))


def _share(tier: Any, name: str) -> float | None:
    return _number(_within(tier, name, "value"))


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if known else None


def _within(table: Any, *path: str) -> Any:
    """What lies at that path; None where there is nothing, for cards of other hands may have another form."""
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table
