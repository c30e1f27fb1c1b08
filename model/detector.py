"""A version loaded for serving: pictures in, calibrated probabilities out. JAX on the CPU, compiled once (model.program)."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.card import Card, read_card
from model.explain import heat_map
from model.program import Program, describe
from model.views import Pixels, Views, take_views
from model.weights import read_weights

# Pictures in one forward pass. The cores get views, not pictures, so more of them are no faster; and whoever comes during a pass
# waits for its end.
PICTURES = 2


@dataclass(frozen=True, slots=True)
class Score:
    """For one picture: `p_ai` 0..1 calibrated, `label` "ai", "real" or "unsure", `confidence` the probability of the label (for
    "unsure" of the likelier side), `views` the p_ai that each of Views.parts alone speaks for."""

    p_ai: float
    label: str
    confidence: float
    views: tuple[float, ...]


class Network:
    """One network of a version, compiled and warm: its logits, and what each place of a view speaks for."""

    def __init__(self, name: str, side: int, weights: Path, views: int) -> None:
        network = describe(name, side)
        values = read_weights(network, weights)
        self._kernel, self._bias = values["logit/kernel"][:, 0], float(values["logit/bias"][0])
        self._program = Program(network, values, side, views)
        self._program.warm_up()
        self.logits = self._program.logits

    def places(self, pixels: Pixels) -> list[NDArray[np.float32]]:
        """For each view (rows, columns), whose mean is its logit."""
        return list(self._program.maps(pixels) @ self._kernel + self._bias)


class Detector:
    """`views` is thread-safe and belongs in decode threads; call `judge` and `explain` from one thread at a time (they hold a lock)."""

    max_pictures = PICTURES

    def __init__(self, card: Card, weights: Path, views: int) -> None:
        self.card, self.version = card, card.version
        self._count = views
        self._lock = threading.Lock()
        self._network = Network(card.network, card.side, weights, views)
        self._composition = Network(card.composition, card.composition_side, weights, 1) if card.composition else None

    def views(self, pixels: Pixels) -> Views:
        return take_views(pixels, self._count, self.card.side, self.card.composition_side)

    def judge(self, pictures: Sequence[Views]) -> list[Score]:
        """At most `max_pictures` pictures in one forward pass."""
        if not 0 < len(pictures) <= self.max_pictures:
            raise ValueError(f"expected 1 to {self.max_pictures} pictures, got {len(pictures)}")
        with self._lock:
            logits = self._network.logits(np.concatenate([picture.pixels for picture in pictures]))
            rows = logits.reshape(len(pictures), self._count).tolist()
            if self._composition is None:
                return [self._score(row, picture.kinds) for row, picture in zip(rows, pictures, strict=True)]
            wholes = self._composition.logits(
                np.stack([picture.whole for picture in pictures if picture.whole is not None])
            )
        return [
            self._score([*row, whole], (*picture.kinds, "composition"))
            for row, whole, picture in zip(rows, wholes.tolist(), pictures, strict=True)
        ]

    def explain(self, pixels: Pixels, views: Views | None = None, longest: int | None = None) -> NDArray[np.float32]:
        """Where the score came from: float32 (height, width) of the picture, -1 (speaks for real) to 1 (for AI).

        With `views` that were taken before, and `longest` as the most pixels of the map's longer side, this takes hardly
        longer than a pass of the network; without them a very large picture takes seconds.
        """
        views = views or self.views(pixels)
        with self._lock:
            places = self._network.places(views.pixels)
            if self._composition and views.whole is not None:
                places += self._composition.places(views.whole[None])
        kinds, boxes = zip(*views.parts, strict=True)
        return heat_map(places, boxes, kinds, pixels.shape[:2], self.card.calibration, longest)

    def _score(self, logits: list[float], kinds: tuple[str, ...]) -> Score:
        calibration, bands = self.card.calibration, self.card.bands
        p_ai = calibration.probability(logits, kinds)
        label = bands.label(p_ai)
        confidence = p_ai if label == "ai" else 1 - p_ai if label == "real" else max(p_ai, 1 - p_ai)
        views = zip(logits, kinds, strict=True)
        return Score(p_ai, label, confidence, tuple(calibration.view_probability(*view) for view in views))


def load(directory: Path, views: int = 0, cache: Path | None = None) -> Detector:
    """Load and warm up the version in `directory`; takes seconds. `views` 0 means as many as its card says.

    `cache` is a folder for compiled programs: a later start finds them there and is faster.
    """
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax

    if cache is not None:
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    card = read_card(directory)
    return Detector(card, directory / "weights.npz", views or card.views)
