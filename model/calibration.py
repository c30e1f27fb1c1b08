"""From the logits of a picture's views to a probability, and from that to three answers.

The logits of the overviews, of the native views and of the network for composition are averaged apart and joined by logistic
regression on held-out, degraded pictures (Platt scaling with several inputs: Platt 1999). Thresholds are chosen by how many real
pictures they would accuse, not by accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KINDS = ("overview", "native", "composition")  # of logits


@dataclass(frozen=True, slots=True)
class Bands:
    """On p_ai: at or below `real` the answer is "real", at or above `ai` it is "ai", between them "unsure"."""

    real: float
    ai: float

    def label(self, p_ai: float) -> str:
        return "ai" if p_ai >= self.ai else "real" if p_ai <= self.real else "unsure"


@dataclass(frozen=True, slots=True)
class Calibration:
    """p_ai = sigmoid(overview * mean overview logit + native * mean native logit + composition * its logit + bias)."""

    overview: float
    native: float
    bias: float
    composition: float = 0.0  # of a version that has no network for it

    def probability(self, logits: Sequence[float], kinds: Sequence[str]) -> float:
        """p_ai in 0..1 from the views' logits. Where one kind of view is missing, the other stands in for it."""
        overview, native, composition = mean_by_kind(logits, kinds)
        joined = self.overview * overview + self.native * native + self.composition * composition + self.bias
        return float(sigmoid(np.float64(joined)))

    def view_probability(self, logit: float, kind: str = "overview") -> float:
        """What p_ai would be if every view had this logit and composition said nothing, or the other way round."""
        weight = self.composition if kind == "composition" else self.overview + self.native
        return float(sigmoid(np.float64(weight * logit + self.bias)))


def mean_by_kind(logits: Sequence[float], kinds: Sequence[str]) -> tuple[float, float, float]:
    """The mean logit of the overviews, of the native views and of composition; without the last it is 0, which speaks for neither."""
    overviews, natives, compositions = (
        [logit for logit, kind in zip(logits, kinds, strict=True) if kind == wanted] for wanted in KINDS
    )
    if not overviews and not natives:
        raise ValueError(f"no overview and no native view among {list(kinds)}")
    return (
        float(np.mean(overviews or natives)),
        float(np.mean(natives or overviews)),
        float(np.mean(compositions or [0.0])),
    )


def sigmoid(x: Floats | np.float64) -> Floats | np.float64:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -40, 40)))


def fit(means: Floats, labels: NDArray[np.int8], weights: Floats) -> Calibration:
    """Weighted logistic regression with a light ridge, by Newton's method. `means` is (3, n), in the order of KINDS; a row of zeros gets
    no weight. A weight on a kind is not let below zero."""
    columns = [column for column in range(len(KINDS)) if means[column].any()]
    bias = len(KINDS)
    x = np.concatenate([means, np.ones_like(means[:1])]).T
    while True:
        used = [*columns, bias]
        solution = np.zeros(len(KINDS) + 1)
        solution[used] = logistic_regression(x[:, used], labels, weights)
        negative = [column for column in columns if solution[column] < 0]
        if not negative:
            overview, native, composition, constant = (float(value) for value in solution)
            return Calibration(overview, native, constant, composition)
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
