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


def record(verdict: Verdict, model: "ModelInfo") -> Record | None:
    """None when the card has no figures for the way in which the picture came, or when another model judged it."""
    if verdict.model != model.version:
        return None
    tier = _within(model.card, "metrics", "tiers", TIERS[verdict.arrival])
    accused, found = _share(tier, "false_accusations"), _share(tier, "recall")
    return None if accused is None or found is None else Record(accused, found)


def _share(tier: Any, name: str) -> float | None:
    value = _within(tier, name, "value")
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if known else None


def _within(table: Any, *path: str) -> Any:
    """What lies at that path; None where there is nothing, for cards of other hands may have another form."""
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table
