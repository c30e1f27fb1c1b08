"""From the logits of a picture's views to a probability, and from that to three answers.

The logits of the overviews and of the native views are averaged apart and joined by logistic regression on held-out, degraded pictures
(Platt scaling with two inputs: Platt 1999). Thresholds are chosen by how many real pictures they would accuse, not by accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """On p_ai: at or below `real` the answer is "real", at or above `ai` it is "ai", between them "unsure"."""

    real: float
    ai: float

    def label(self, p_ai: float) -> str:
        return "ai" if p_ai >= self.ai else "real" if p_ai <= self.real else "unsure"


@dataclass(frozen=True, slots=True)
class Calibration:
    """p_ai = sigmoid(overview * mean overview logit + native * mean native logit + bias)."""

    overview: float
    native: float
    bias: float

    def probability(self, logits: Sequence[float], kinds: Sequence[str]) -> float:
        """p_ai in 0..1 from the views' logits. Where one kind of view is missing, the other stands in for it."""
        overview, native = mean_by_kind(logits, kinds)
        return float(sigmoid(np.float64(self.overview * overview + self.native * native + self.bias)))

    def view_probability(self, logit: float) -> float:
        """What p_ai would be if every view had this logit."""
        return float(sigmoid(np.float64((self.overview + self.native) * logit + self.bias)))


def mean_by_kind(logits: Sequence[float], kinds: Sequence[str]) -> tuple[float, float]:
    """The mean logit of the overviews and of the native views."""
    overviews = [logit for logit, kind in zip(logits, kinds, strict=True) if kind == "overview"]
    natives = [logit for logit, kind in zip(logits, kinds, strict=True) if kind == "native"]
    if not overviews and not natives:
        raise ValueError(f"no overview and no native view among {list(kinds)}")
    return float(np.mean(overviews or natives)), float(np.mean(natives or overviews))


def sigmoid(x: Floats | np.float64) -> Floats | np.float64:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -40, 40)))


def fit(overview: Floats, native: Floats, labels: NDArray[np.int8], weights: Floats) -> Calibration:
    """Weighted logistic regression with a light ridge, by Newton's method. A weight on a kind of view is not let below zero."""
    columns = [0, 1]
    x = np.stack([overview, native, np.ones_like(overview)], axis=1)
    while True:
        used = [*columns, 2]
        solution = np.zeros(3)
        solution[used] = logistic_regression(x[:, used], labels, weights)
        negative = [column for column in columns if solution[column] < 0]
        if not negative:
            return Calibration(*(float(value) for value in solution))
        columns = [column for column in columns if column not in negative]


def logistic_regression(x: Floats, labels: NDArray[np.int8], weights: Floats, ridge: float = 1e-2) -> Floats:
    solution = np.zeros(x.shape[1])
    for _ in range(50):
        p = np.asarray(sigmoid(x @ solution))
        gradient = x.T @ (weights * (p - labels)) + ridge * solution
        curvature = (x.T * (weights * p * (1 - p))) @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, gradient)
        solution -= step
        if np.abs(step).max() < 1e-9:
            break
    return solution


def accusation_threshold(p_real: Floats, rate: float) -> float:
    """The lowest p_ai at which at most `rate` of these real pictures (p_ai of each) would be called AI."""
    ordered = np.sort(p_real)[::-1]
    allowed = int(np.floor(rate * len(ordered)))
    above = ordered[allowed]  # the first real picture that must not be accused
    return float(np.nextafter(above, 2.0)) if above < 1.0 else 1.0
