from pathlib import Path

import numpy as np
import pytest

from model.network import tiny
from model.weights import load_weights, save_weights

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)


def logits(network: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(network(PIXELS, training=False)["logit"])  # type: ignore[operator]


def test_weights_come_back(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    network, other = tiny(32), tiny(32)
    for layer in network.layers:
        for weight in layer.weights:
            weight.assign(random.normal(0, 0.3, weight.shape))
    save_weights(network, tmp_path / "w.npz")
    assert np.abs(logits(other) - logits(network)).max() > 1e-3
    load_weights(other, tmp_path / "w.npz")
    assert logits(other) == pytest.approx(logits(network), abs=5e-3)  # float16 on disk
    assert [file.name for file in tmp_path.iterdir()] == ["w.npz"]


def test_normalisation_is_folded_in(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    network = tiny(32, embedding=4, normalised=True)
    for layer in network.layers:
        if hasattr(layer, "gamma"):
            width = layer.gamma.shape
            layer.gamma.assign(random.uniform(0.5, 1.5, width))
            layer.bias.assign(random.normal(0, 0.5, width))
            layer.mean.assign(random.normal(0, 0.5, width))
            layer.variance.assign(random.uniform(0.5, 2.0, width))
    save_weights(network, tmp_path / "w.npz")
    served = tiny(32)
    load_weights(served, tmp_path / "w.npz")
    assert logits(served) == pytest.approx(logits(network), abs=1e-2)
    with np.load(tmp_path / "w.npz") as stored:
        assert not [name for name in stored.files if "embedding" in name or "gamma" in name]


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    save_weights(tiny(32), tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as stored:
        arrays = dict(stored)
    wrong = {**arrays, "maps/kernel": np.zeros((3, 3), np.float16)}
    np.savez(tmp_path / "shape.npz", **wrong)
    with pytest.raises(ValueError, match="maps/kernel has shape"):
        load_weights(tiny(32), tmp_path / "shape.npz")
    del arrays["logit/bias"]
    np.savez(tmp_path / "lacks.npz", **arrays)
    with pytest.raises(ValueError, match="no weight logit/bias"):
        load_weights(tiny(32), tmp_path / "lacks.npz")
