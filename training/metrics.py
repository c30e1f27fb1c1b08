"""The figures, from probabilities and labels. numpy only. Labels are 0 real, 1 AI.

Intervals: Wilson's for shares (Wilson 1927), the bootstrap over whole sources for AUROC and for differences (Efron
1979), because pictures of one source resemble each other and a bootstrap over pictures would flatter.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
Strings = NDArray[np.str_]
Mask = NDArray[np.bool_]

Z95 = 1.959963984540054
ANSWERS = ("real", "unsure", "ai")


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, as a share with its 95 % interval; NaN where `of` is 0."""

    count: int
    of: int
    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def share(count: int, of: int) -> Share:
    """With Wilson's interval."""
    if of == 0:
        return Share(0, 0, float("nan"), float("nan"), float("nan"))
    p = count / of
    scale = 1 + Z95**2 / of
    centre = (p + Z95**2 / (2 * of)) / scale
    half = Z95 * np.sqrt(p * (1 - p) / of + Z95**2 / (4 * of**2)) / scale
    return Share(count, of, p, float(max(0.0, centre - half)), float(min(1.0, centre + half)))


def share_of(mask: Mask) -> Share:
    return share(int(mask.sum()), len(mask))


def auroc(p: Floats, labels: Labels, weights: Floats | None = None) -> float:
    """How often an AI picture scores above a real one; ties count half. NaN when a label is missing."""
    order = np.argsort(p, kind="stable")
    _, starts = np.unique(p[order], return_index=True)
    w = np.ones(len(p)) if weights is None else weights
    ai = np.add.reduceat((w * (labels == 1))[order], starts)
    real = np.add.reduceat((w * (labels == 0))[order], starts)
    total = ai.sum() * real.sum()
    if total == 0:
        return float("nan")
    below = np.cumsum(real) - real
    return float((ai * (below + real / 2)).sum() / total)


def roc(p: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """False positive and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)  # the last picture of each run of equal scores
    ai = np.cumsum(labels[order] == 1)[last] / max((labels == 1).sum(), 1)
    real = np.cumsum(labels[order] == 0)[last] / max((labels == 0).sum(), 1)
    return np.concatenate([[0.0], real]), np.concatenate([[0.0], ai])


def recall_at(p: Floats, labels: Labels, rate: float) -> float:
    """The best share of AI pictures found at a threshold that accuses at most `rate` of the real ones."""
    false, true = roc(p, labels)
    return float(true[false <= rate + 1e-12].max())


def balanced_accuracy(p: Floats, labels: Labels, threshold: float = 0.5) -> float:
    """The mean of the share of AI pictures at or above the threshold and of real ones below it."""
    called = p >= threshold
    return float((np.mean(called[labels == 1]) + np.mean(~called[labels == 0])) / 2)


def f1(called: Mask, labels: Labels) -> float:
    """The harmonic mean of precision and recall, AI as positive."""
    hits = int((called & (labels == 1)).sum())
    return 2 * hits / max(int(called.sum()) + int((labels == 1).sum()), 1)


def f1_interval(called: Mask, labels: Labels, times: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """By the bootstrap over pictures, apart for each label: F1 depends on nothing but how many of each are called AI."""
    random = np.random.default_rng(seed)
    ai, real = int((labels == 1).sum()), int((labels == 0).sum())
    hits = random.binomial(ai, called[labels == 1].mean(), times)
    accused = random.binomial(real, called[labels == 0].mean(), times)
    return interval(2 * hits / np.maximum(hits + accused + ai, 1))


def mcnemar(first: Mask, second: Mask) -> float:
    """The exact two-sided p of McNemar's test (1947) that two detectors, right on these pictures, are equally good."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def calibration_error(p: Floats, labels: Labels, bins: int = 15) -> float:
    """ECE: the mean distance of the probability from the share of AI pictures, over bins of equal width."""
    bin_of = np.minimum((p * bins).astype(int), bins - 1)
    size = np.bincount(bin_of, minlength=bins)
    distance = np.abs(np.bincount(bin_of, p, bins) - np.bincount(bin_of, labels, bins))
    return float(distance.sum() / max(size.sum(), 1))


def reliability(p: Floats, labels: Labels, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean probability, share of AI pictures, and size of each bin of equal width that has any."""
    bin_of = np.minimum((p * bins).astype(int), bins - 1)
    return [
        (float(p[bin_of == b].mean()), float(labels[bin_of == b].mean()), int((bin_of == b).sum()))
        for b in range(bins)
        if (bin_of == b).any()
    ]


def flips(first: Strings, second: Strings) -> tuple[Share, Share]:
    """Of answers to the same pictures at two tiers: how many differ, and how many go from ai to real or back."""
    opposite = ((first == "ai") & (second == "real")) | ((first == "real") & (second == "ai"))
    return share_of(first != second), share_of(opposite)


def resamples(sources: Strings, labels: Labels, times: int = 1000, seed: int = 0) -> Floats:
    """(times, n) weights: each row draws as many sources as there are, with replacement, apart for each label."""
    random = np.random.default_rng(seed)
    weights = np.zeros((times, len(sources)))
    for label in (0, 1):
        chosen = labels == label
        names, member = np.unique(sources[chosen], return_inverse=True)
        if len(names):
            drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=times)
            weights[:, chosen] = drawn[:, member]
    return weights


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 %."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def bootstrap(statistic: Callable[[Floats], float], sources: Strings, labels: Labels, times: int = 1000) -> Floats:
    """`statistic(weights)` for each resample of the sources."""
    return np.array([statistic(weights) for weights in resamples(sources, labels, times)])
