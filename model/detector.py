"""A version loaded for serving: pictures in, calibrated probabilities out. JAX on the CPU, compiled once for a few fixed batch shapes."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.card import Card, read_card
from model.explain import heat_map
from model.views import Pixels, Views, take_views

# Pictures in one forward pass; what waits is padded up to the next of these. On a CPU larger batches are no faster by the picture, and
# the activations of eight pictures alone would take half a gigabyte.
BATCHES = (1, 2)


@dataclass(frozen=True, slots=True)
class Score:
    """For one picture: `p_ai` 0..1 calibrated, `label` "ai", "real" or "unsure", `confidence` the probability of the label (for
    "unsure" of the likelier side), `views` the p_ai that each view alone speaks for."""

    p_ai: float
    label: str
    confidence: float
    views: tuple[float, ...]


class Detector:
    """`views` is thread-safe and belongs in decode threads; call `judge` and `explain` from one thread at a time (they hold a lock)."""

    max_pictures = BATCHES[-1]

    def __init__(self, card: Card, weights: Path, views: int, batches: Sequence[int] = BATCHES) -> None:
        self.card, self.version = card, card.version
        self._count = views
        self._batches = tuple(batches)
        self._lock = threading.Lock()
        self._network = build(card, weights)
        self._forward = compile_forward(with_maps(self._network))

    def warm_up(self) -> None:
        """Compile every batch shape now rather than on somebody's picture."""
        for pictures in self._batches:
            self._logits(np.zeros((pictures * self._count, self.card.side, self.card.side, 3), np.uint8))

    def views(self, pixels: Pixels) -> Views:
        return take_views(pixels, self._count, self.card.side)

    def judge(self, pictures: Sequence[Views]) -> list[Score]:
        """At most `max_pictures` pictures in one forward pass."""
        if not 0 < len(pictures) <= self._batches[-1]:
            raise ValueError(f"expected 1 to {self._batches[-1]} pictures, got {len(pictures)}")
        size = next(size for size in self._batches if size >= len(pictures))
        stacked = np.zeros((size * self._count, self.card.side, self.card.side, 3), np.uint8)
        filled = np.concatenate([picture.pixels for picture in pictures])
        stacked[: len(filled)] = filled
        logits = self._logits(stacked)[: len(filled)].reshape(len(pictures), self._count)
        return [self._score(row, picture.kinds) for row, picture in zip(logits.tolist(), pictures, strict=True)]

    def explain(self, pixels: Pixels, views: Views | None = None, longest: int | None = None) -> NDArray[np.float32]:
        """Where the score came from: float32 (height, width) of the picture, -1 (speaks for real) to 1 (for AI).

        With `views` that were taken before, and `longest` as the most pixels of the map's longer side, this takes hardly
        longer than a pass of the network; without them a very large picture takes seconds.
        """
        views = views or self.views(pixels)
        with self._lock:
            maps = np.asarray(self._forward(views.pixels)["maps"])
        head = self._network.get_layer("logit")
        kernel, bias = (np.asarray(weight.value) for weight in head.weights)
        return heat_map(maps, kernel[:, 0], float(bias[0]), views, pixels.shape[:2], self.card.calibration, longest)

    def _logits(self, stacked: Pixels) -> NDArray[np.float32]:
        with self._lock:
            result: NDArray[np.float32] = np.asarray(self._forward(stacked)["logit"], np.float32)[:, 0]
        return result

    def _score(self, logits: list[float], kinds: tuple[str, ...]) -> Score:
        calibration, bands = self.card.calibration, self.card.bands
        p_ai = calibration.probability(logits, kinds)
        label = bands.label(p_ai)
        confidence = p_ai if label == "ai" else 1 - p_ai if label == "real" else max(p_ai, 1 - p_ai)
        return Score(p_ai, label, confidence, tuple(calibration.view_probability(logit) for logit in logits))


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
    detector = Detector(card, directory / "weights.npz", views or card.views)
    detector.warm_up()
    return detector


def build(card: Card, weights: Path) -> Any:
    import model.network as networks
    from model.weights import load_weights

    network = getattr(networks, card.network)(side=card.side)
    load_weights(network, weights)
    return network


def with_maps(network: Any) -> Any:
    """The same network with its last feature maps as an output too: so an explanation needs no program of its own, whose
    compilation would hold up everyone for seconds."""
    import keras

    return keras.Model(network.input, {"logit": network.output["logit"], "maps": network.get_layer("maps").output})


def compile_forward(network: Any) -> Any:
    """uint8 views -> the network's outputs, jitted; the weights are arguments, not constants, so they are held once."""
    import jax
    import jax.numpy as jnp

    def forward(trainable: Any, fixed: Any, pixels: Any) -> Any:
        outputs, _ = network.stateless_call(trainable, fixed, pixels.astype(jnp.float32), training=False)
        return outputs

    jitted = jax.jit(forward)
    trainable = [weight.value for weight in network.trainable_variables]
    fixed = [weight.value for weight in network.non_trainable_variables]
    return lambda pixels: jitted(trainable, fixed, pixels)
