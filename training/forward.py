"""A version's networks as training.scores runs them: views in, logits out. On JAX and compiled, as they are served."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.checkpoints import Checkpoint
from training.tierviews import TierViews

BATCH = 4  # views in one forward pass: one shape, compiled once; more are slower on a CPU, by what memory costs

Scored = tuple[TierViews, NDArray[np.float32]]
Forward = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def judge(entry: TierViews, forward: Forward, compose: Forward | None) -> Scored:
    """The logits of the views, and behind them that of composition where there is an overview and a network for it."""
    answers = forward_all(forward, entry.pixels)
    if compose is None or entry.whole is None:
        return entry, answers
    kinds = (*entry.kinds, "composition")
    return replace(entry, kinds=kinds), np.concatenate([answers, compose(entry.whole[None])])


def forward_all(forward: Forward, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    answers = [forward(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)]
    return np.concatenate(answers) if answers else np.zeros(0, np.float32)


def build_forward(checkpoint: Checkpoint, side: int) -> Forward:
    """uint8 views, at most BATCH -> their logits. The network as it is served: on JAX, compiled."""
    compiled = compile_network(checkpoint, checkpoint.network, side)

    def forward(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        padded = np.zeros((BATCH, side, side, 3), np.uint8)
        padded[: len(pixels)] = pixels
        logits: NDArray[np.float32] = np.asarray(compiled(padded)["logit"], np.float32)[: len(pixels), 0]
        return logits

    return forward


def build_composition(checkpoint: Checkpoint) -> Forward | None:
    """One uint8 view -> its logit by the network for composition; None where the version has none."""
    if not checkpoint.composition:
        return None
    compiled = compile_network(checkpoint, checkpoint.composition, checkpoint.composition_side)
    return lambda pixels: np.asarray(compiled(pixels)["logit"], np.float32)[:, 0]


def compile_network(checkpoint: Checkpoint, name: str, side: int) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    from model.program import compile_forward, describe
    from model.weights import read_weights

    network = describe(name, side)
    return compile_forward(network, read_weights(network, checkpoint.folder / "weights.npz"))
