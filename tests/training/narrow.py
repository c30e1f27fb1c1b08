"""A transformer of two narrow blocks, and an encoder as training.clip.read_onnx gives it, so that whole runs take seconds."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import model.transformer as transformer
import training.clip as clip

WIDTH, HIDDEN, BLOCKS, SIDE = 24, 40, 2, 48
PLACES = (SIDE // transformer.PATCH) ** 2


def make_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the test: `clip_vit` and what reads CLIP's file are of these sizes."""
    for module in (transformer, clip):
        monkeypatch.setattr(module, "WIDTH", WIDTH)
        monkeypatch.setattr(module, "BLOCKS", BLOCKS)
    monkeypatch.setattr(transformer, "HIDDEN", HIDDEN)
    monkeypatch.setattr(transformer, "SIDE", SIDE)


def encoder(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """More blocks than are wanted, as in the real file."""
    random = np.random.default_rng(seed)

    def drawn(*shape: int) -> Any:
        return random.normal(0, shape[0] ** -0.5 if len(shape) == 2 else 0.2, shape).astype(np.float32)

    arrays = {
        "embeddings.patch_embedding.weight": random.normal(0, 0.05, (WIDTH, 3, 16, 16)).astype(np.float32),
        "embeddings.class_embedding": drawn(WIDTH),
        "embeddings.position_embedding.weight": random.normal(0, 0.2, (1 + PLACES, WIDTH)).astype(np.float32),
        "pre_layrnorm.weight": 1 + drawn(WIDTH),
        "pre_layrnorm.bias": drawn(WIDTH),
        "post_layernorm.weight": drawn(WIDTH),
    }
    for index in range(BLOCKS + 1):
        layer = f"encoder.layers.{index}"
        for norm in ("layer_norm1", "layer_norm2"):
            arrays |= {f"{layer}.{norm}.weight": 1 + drawn(WIDTH), f"{layer}.{norm}.bias": drawn(WIDTH)}
        shapes = {f"self_attn.{part}_proj": (WIDTH, WIDTH) for part in ("q", "k", "v", "out")}
        for part, shape in {**shapes, "mlp.fc1": (WIDTH, HIDDEN), "mlp.fc2": (HIDDEN, WIDTH)}.items():
            arrays |= {f"{layer}.{part}.kernel": drawn(*shape), f"{layer}.{part}.bias": drawn(shape[1])}
    return arrays
