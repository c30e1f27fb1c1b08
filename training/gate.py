"""Whether a challenger may take the champion's place: both judge the same pictures, and nothing may get worse.

AUROC is worse when it falls by more than the margin; its interval by a bootstrap over whole sources, the same for both,
is written down beside it. Answers are worse when more than the margin changed for the worse and a test on pairs, each
picture before and after, says that it is not chance: McNemar's exact test (McNemar 1947) at 5 %.

Looked at are, for every tier, AUROC, false accusations and recall by verdict; and for every tier and every kind and
source of real pictures with enough pictures, the false accusations.
"""

from dataclasses import asdict, dataclass, field
from math import comb
from typing import Any

import numpy as np

from training import metrics
from training.fitting import Verdicts
from training.metrics import Mask
from training.scores import Scores

CHANCE = 0.05
TIMES = 500


@dataclass(frozen=True, slots=True)
class Margins:
    auroc: float = 0.01
    accusations: float = 0.005
    recall: float = 0.05
    slice: float = 0.02
    enough: int = 40  # pictures of a slice that is looked at
    least: int = 100  # pictures of each label, fewer of which prove nothing


@dataclass
class Comparison:
    """`reasons` are sentences why not; none means that the challenger may pass."""

    reasons: list[str] = field(default_factory=list)
    tiers: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_record(self, margins: Margins) -> dict[str, Any]:
        return {"margins": asdict(margins), "differences": self.tiers, "reasons": self.reasons}


def compare(scores: Scores, before: Verdicts, after: Verdicts, margins: Margins) -> Comparison:
    """`before` is the champion's, `after` the challenger's, for the same pictures and tiers; `scores` has the facts."""
    result = Comparison()
    for label, words in ((0, "real"), (1, "AI")):
        if (count := int((scores.label == label).sum())) < margins.least:
            result.reasons.append(f"Only {count} {words} pictures to compare on: {margins.least} are needed.")
    if result.reasons:
        return result
    weights = metrics.resamples(scores.source, scores.label, TIMES)
    for place, tier in enumerate(scores.tiers):
        known = ~np.isnan(before.p[:, place]) & ~np.isnan(after.p[:, place])
        result.tiers[tier] = compare_tier(scores, before, after, margins, place, known, weights, result.reasons)
        reals = known & (scores.label == 0)
        for column, noun in ((scores.kind, "kind"), (scores.source, "source")):
            for name in np.unique(column[reals]).tolist():
                chosen = reals & (column == name)
                if chosen.sum() >= margins.enough:
                    change, chance = answer_change(before, after, place, chosen)
                    if change > margins.slice and chance < CHANCE:
                        result.reasons.append(
                            f"At the {tier} tier it accuses {change:.1%} more of the reals of the {noun} {name!r}: "
                            f"{counts(before, after, place, chosen)} (margin {margins.slice:.1%})."
                        )
    return result


def compare_tier(
    scores: Scores,
    before: Verdicts,
    after: Verdicts,
    margins: Margins,
    tier: int,
    known: Mask,
    weights: metrics.Floats,
    reasons: list[str],
) -> dict[str, float]:
    name, labels = scores.tiers[tier], scores.label[known]
    old, new = before.p[known, tier], after.p[known, tier]
    difference = metrics.auroc(new, labels) - metrics.auroc(old, labels)
    drawn = [metrics.auroc(new, labels, w) - metrics.auroc(old, labels, w) for w in weights[:, known]]
    if difference < -margins.auroc:
        reasons.append(
            f"At the {name} tier it tells AI from real worse: AUROC {metrics.auroc(new, labels):.3f} "
            f"after {metrics.auroc(old, labels):.3f} (margin {margins.auroc})."
        )
    reals, ais = known & (scores.label == 0), known & (scores.label == 1)
    accused, chance = answer_change(before, after, tier, reals)
    if accused > margins.accusations and chance < CHANCE:
        reasons.append(
            f"At the {name} tier it accuses {accused:.1%} more of all real pictures: "
            f"{counts(before, after, tier, reals)} (margin {margins.accusations:.1%})."
        )
    found, _ = answer_change(before, after, tier, ais)
    _, chance = answer_change(after, before, tier, ais)
    if found < -margins.recall and chance < CHANCE:
        reasons.append(
            f"At the {name} tier it finds {-found:.1%} fewer of the AI pictures: "
            f"{counts(before, after, tier, ais)} (margin {margins.recall:.1%})."
        )
    low, high = metrics.interval(np.array(drawn))
    return {"auroc": difference, "auroc_low": low, "auroc_high": high, "false_accusations": accused, "recall": found}


def answer_change(before: Verdicts, after: Verdicts, tier: int, chosen: Mask) -> tuple[float, float]:
    """How much more of the chosen pictures are called AI, and how likely at least so many would be by chance."""
    old, new = before.answers[chosen, tier] == "ai", after.answers[chosen, tier] == "ai"
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    return (gained - lost) / max(len(old), 1), mcnemar(gained, lost)


def mcnemar(gained: int, lost: int) -> float:
    """The chance of at least `gained` of all changes in this direction, were both directions equally likely."""
    total = gained + lost
    return float(sum(comb(total, k) for k in range(gained, total + 1)) / 2**total)


def counts(before: Verdicts, after: Verdicts, tier: int, chosen: Mask) -> str:
    old, new = (int((verdicts.answers[chosen, tier] == "ai").sum()) for verdicts in (before, after))
    return f"{new} after {old} of {int(chosen.sum())}"
