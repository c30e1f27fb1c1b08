"""Calibration and bands for a version, from the scores of held-out pictures at all tiers together.

The rule for "likely AI" (`Rule`): the lowest p_ai that accuses, at every tier, at most `accusations` of all real
pictures and at most `worst_kind` of any kind of real picture of which there are `enough`. The rule for "likely real":
the highest p_ai, at most 0.5, at or below which no tier has more than `missed` of its AI pictures.

No published figure is of sources that it was fitted on: the held-out sources are parted, and each part is answered by
what was fitted on the others (but AUROC, whose order three numbers fitted on all hardly flatter: pooled over parts it
would measure how far their calibrations lie apart). A threshold that just keeps a rate where it was fitted breaks it elsewhere half of the
time, so the rates are tightened, step by step, until the answers of the parts keep the rule. Where they never do for
each kind (a kind of one source, which no other part could teach), the tightening stops at what all real pictures
need, and the card names the kind. Where AI pictures of some part are missed whatever the threshold, "likely real" is
not tightened: it would cost answers to real pictures and help nobody. The shipped numbers are then fitted on all
parts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.calibration import Bands, Calibration, accusation_threshold, fit, sigmoid
from training.metrics import ANSWERS, Floats, Mask, Strings
from training.scores import Scores

PARTS = 10
Threshold = Callable[[Floats, Scores, Mask, "Rule", float], float]
RATES = (1 / 1000, 1 / 300, 1 / 100, 1 / 30)  # expected false accusations that a server may choose from
TIGHTER = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1)


class Exact(float):
    """A number that must not be rounded when it is written down: a threshold."""


@dataclass(frozen=True, slots=True)
class Rule:
    accusations: float = 0.01
    worst_kind: float = 0.04
    missed: float = 0.05
    enough: int = 40

    def sentence(self) -> str:
        return (
            f"likely AI: the lowest p_ai that accuses at most {self.accusations:.1%} of all real pictures at any tier "
            f"and at most {self.worst_kind:.1%} of each kind of real picture with at least {self.enough} pictures; "
            f"likely real: the highest p_ai up to 0.5 that at most {self.missed:.1%} of a tier's AI pictures stay below"
        )


@dataclass(frozen=True)
class Verdicts:
    """`p` float (n, tiers), NaN where a picture has no view; `answers` (n, tiers) of "ai", "real", "unsure"; `rank` is p by
    one calibration for all pictures, for figures of order alone: parts with calibrations of their own don't line up."""

    p: Floats
    answers: Strings
    rank: Floats

    def of(self, rows: NDArray[Any]) -> "Verdicts":
        return Verdicts(self.p[rows], self.answers[rows], self.rank[rows])


@dataclass(frozen=True)
class Fitted:
    """What goes into the card, and the cross-fitted verdicts that the figures are made from."""

    calibration: Calibration
    bands: Bands
    verdicts: Verdicts
    tightened: tuple[float, float]  # for likely AI, for likely real
    curve: dict[str, list[dict[str, float]]]


def fit_all(scores: Scores, rule: Rule) -> Fitted:
    """Raises SystemExit with a sentence when there are too few sources to fit on some and measure on others."""
    parts = part_sources(scores)
    p_of_part = [probabilities(fit_calibration(scores, parts != part), scores) for part in range(PARTS)]
    crossed = np.stack([p_of_part[part][row] for row, part in enumerate(parts)])
    everything = np.ones(len(scores), bool)
    calibration = fit_calibration(scores, everything)
    p = probabilities(calibration, scores)

    def crossing(threshold: Threshold, tightened: float) -> Floats:
        """The threshold for each picture, from the other parts."""
        found = [threshold(p_of_part[part], scores, parts != part, rule, tightened) for part in range(PARTS)]
        return np.array(found)[parts, None]

    called = [crossed >= crossing(ai_threshold, tightened) for tightened in TIGHTER]
    tightened_ai = first_kept(
        [keeps_accusations(answers, crossed, scores, rule, kinds=True) for answers in called],
        [keeps_accusations(answers, crossed, scores, rule, kinds=False) for answers in called],
    )
    called = [crossed <= crossing(real_threshold, tightened) for tightened in TIGHTER]
    tightened_real = first_kept([keeps_missed(answers, crossed, scores, rule) for answers in called], otherwise=1.0)
    accused = crossed >= crossing(ai_threshold, tightened_ai)
    cleared = crossed <= crossing(real_threshold, tightened_real)
    ai = ai_threshold(p, scores, everything, rule, tightened_ai)
    real = min(real_threshold(p, scores, everything, rule, tightened_real), float(np.nextafter(ai, 0)))
    answers = np.asarray(np.select([accused, cleared], [ANSWERS[2], ANSWERS[0]], ANSWERS[1]))
    curve = {tier: list(tier_curve(p, p_of_part, parts, scores, place)) for place, tier in enumerate(scores.tiers)}
    return Fitted(calibration, Bands(real, ai), Verdicts(crossed, answers, p), (tightened_ai, tightened_real), curve)


def apply(calibration: Calibration, bands: Bands, scores: Scores) -> Verdicts:
    p = probabilities(calibration, scores)
    return Verdicts(p, answer(p, bands), p)


def probabilities(calibration: Calibration, scores: Scores) -> Floats:
    """p_ai of every picture at every tier, as Calibration.probability gives it."""
    weights = (calibration.overview, calibration.native, calibration.composition)
    joined = sum(weight * mean for weight, mean in zip(weights, scores.means(), strict=True))
    return np.asarray(sigmoid(joined + calibration.bias))


def answer(p: Floats, bands: Bands) -> Strings:
    return np.asarray(np.select([p >= bands.ai, p <= bands.real], [ANSWERS[2], ANSWERS[0]], ANSWERS[1]))


def part_sources(scores: Scores) -> NDArray[np.int64]:
    """A part for each picture, whole sources together, about as many pictures of each label in each part."""
    if min(len(np.unique(scores.source[scores.label == label])) for label in (0, 1)) < 2:
        raise SystemExit(
            "Calibration needs at least two sources (folders below real/ and below ai/) of each label, "
            "so that it can be measured on sources that it was not fitted on."
        )
    part_of: dict[str, int] = {}
    for label in (1, 0):
        names, sizes = np.unique(scores.source[scores.label == label], return_counts=True)
        filled = np.zeros(PARTS)
        for source, size in sorted(
            zip(names.tolist(), sizes.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])
        ):
            part_of.setdefault(source, int(filled.argmin()))
            filled[part_of[source]] += size
    return np.array([part_of[source] for source in scores.source.tolist()])


def fit_calibration(scores: Scores, chosen: Mask) -> Calibration:
    """On all tiers together. Labels count equally, and a source of n pictures as much as the root of n."""
    means = scores.means()
    known = ~np.isnan(means[0]) & chosen[:, None]
    weights = np.zeros(len(scores))
    for label in (0, 1):
        of_label = chosen & (scores.label == label)
        if of_label.any():
            _, member, size = np.unique(scores.source[of_label], return_inverse=True, return_counts=True)
            weights[of_label] = size[member] ** -0.5
            weights[of_label] *= chosen.sum() / 2 / weights[of_label].sum()
    tiers = known.shape[1]
    repeated = np.repeat(scores.label[:, None], tiers, axis=1)
    spread = np.repeat(weights[:, None], tiers, axis=1) / tiers
    return fit(means[:, known], repeated[known], spread[known])


def kinds_of_reals(scores: Scores, enough: int) -> list[str]:
    names, sizes = np.unique(scores.kind[scores.label == 0], return_counts=True)
    return [str(name) for name, size in zip(names, sizes, strict=True) if size >= enough]


def ai_threshold(p: Floats, scores: Scores, chosen: Mask, rule: Rule, tightened: float) -> float:
    """At least 0.5. Which kinds have enough pictures is asked of all pictures, so that every part keeps one rule."""
    lowest = 0.5
    for tier in range(p.shape[1]):
        reals = chosen & ~np.isnan(p[:, tier]) & (scores.label == 0)
        lowest = max(lowest, accusation_threshold(p[reals, tier], rule.accusations * tightened))
        for kind in kinds_of_reals(scores, rule.enough):
            of_kind = reals & (scores.kind == kind)
            if of_kind.any():
                lowest = max(lowest, accusation_threshold(p[of_kind, tier], rule.worst_kind * tightened))
    return lowest


def real_threshold(p: Floats, scores: Scores, chosen: Mask, rule: Rule, tightened: float) -> float:
    """At most 0.5."""
    highest = 0.5
    for tier in range(p.shape[1]):
        ordered = np.sort(p[chosen & ~np.isnan(p[:, tier]) & (scores.label == 1), tier])
        first_found = ordered[int(np.floor(rule.missed * tightened * len(ordered)))]
        highest = min(highest, float(np.nextafter(first_found, -1.0)))
    return highest


def keeps_accusations(accused: Mask, p: Floats, scores: Scores, rule: Rule, kinds: bool) -> bool:
    for tier in range(p.shape[1]):
        reals = (scores.label == 0) & ~np.isnan(p[:, tier])
        if accused[reals, tier].mean() > rule.accusations:
            return False
        of_kinds = [reals & (scores.kind == kind) for kind in kinds_of_reals(scores, rule.enough) if kinds]
        if any(accused[chosen, tier].mean() > rule.worst_kind for chosen in of_kinds if chosen.any()):
            return False
    return True


def keeps_missed(cleared: Mask, p: Floats, scores: Scores, rule: Rule) -> bool:
    ais = (scores.label == 1)[:, None] & ~np.isnan(p)
    return all(cleared[ais[:, tier], tier].mean() <= rule.missed for tier in range(p.shape[1]))


def first_kept(*rules: list[bool], otherwise: float = TIGHTER[-1]) -> float:
    """The first of TIGHTER that keeps the first of the rules that any keeps."""
    kept = next((rule for rule in rules if any(rule)), None)
    return TIGHTER[kept.index(True)] if kept else otherwise


def tier_curve(
    p: Floats, p_of_part: list[Floats], parts: NDArray[np.int64], scores: Scores, tier: int
) -> Iterator[dict[str, float]]:
    """For each rate of RATES: the threshold, and what it finds and accuses, cross-fitted.

    Tightened as the bands are, step by step, until the answers of the parts keep the rate; where none of the steps does (one in
    1,000 of a thousand real pictures is a single one), the tightest stands, with what it accuses beside it.
    """
    known = ~np.isnan(p[:, tier])
    reals, ais = known & (scores.label == 0), known & (scores.label == 1)
    for rate in RATES:
        for tightened in TIGHTER:
            called = np.zeros(len(p), bool)
            for part, theirs in enumerate(p_of_part):
                threshold = accusation_threshold(theirs[reals & (parts != part), tier], rate * tightened)
                called |= (parts == part) & (theirs[:, tier] >= threshold)
            if called[reals].mean() <= rate:
                break
        yield {
            "rate": rate,
            "threshold": Exact(accusation_threshold(p[reals, tier], rate * tightened)),
            "recall": float(called[ais].mean()),
            "false_accusations": float(called[reals].mean()),
        }


def as_record(fitted: Fitted, rule: Rule) -> dict[str, Any]:
    """What the card says about how the bands came to be."""
    return {
        "rule": rule.sentence(),
        "tightened": {"ai": fitted.tightened[0], "real": fitted.tightened[1]},
        "fitted": f"on all tiers together; figures by cross-fitting over {PARTS} parts of the held-out sources",
    }
