import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Outputs of the network as trained and as its saved weights are served; the backend is the environment's.
FORWARD = """
import sys
from pathlib import Path
import keras
import numpy as np
from model.small import residual
from model.weights import load_weights, save_weights
folder = Path(sys.argv[1])
if not (folder / "weights.npz").exists():
    keras.utils.set_random_seed(3)
    trained = residual(16, normalised=True)
    random = np.random.default_rng(1)
    for layer in trained.layers:
        for weight in layer.weights:
            if weight.name in ("mean", "bias"):
                weight.assign(random.normal(0, 0.1, weight.shape))
            if weight.name in ("gamma", "variance"):
                weight.assign(random.uniform(0.5, 1.5, weight.shape))
            if layer.name == "logit":
                weight.assign(random.normal(0, 0.1, weight.shape))
    save_weights(trained, folder / "weights.npz")
    pixels = random.integers(0, 256, (5, 16, 16, 3)).astype("float32")
    np.savez(folder / "made.npz", pixels=pixels, trained=keras.ops.convert_to_numpy(trained(pixels)["logit"]))
served = residual(16)
load_weights(served, folder / "weights.npz")
logits = keras.ops.convert_to_numpy(served(np.load(folder / "made.npz")["pixels"])["logit"])
np.save(folder / (keras.backend.backend() + ".npy"), logits)
"""


def forward(folder: Path, backend: str) -> None:
    subprocess.run(
        [sys.executable, "-c", FORWARD, str(folder)],
        env={**os.environ, "KERAS_BACKEND": backend}, check=True, timeout=300,
    )  # fmt: skip


def test_what_is_served_is_what_was_trained(tmp_path: Path) -> None:
    forward(tmp_path, "jax")
    served, trained = np.load(tmp_path / "jax.npy"), np.load(tmp_path / "made.npz")["trained"]
    assert np.std(trained) > 0.01
    assert served == pytest.approx(trained, rel=0.02, abs=0.02)  # weights are rounded to float16


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_both_backends_give_the_same_outputs(tmp_path: Path) -> None:
    for backend in ("jax", "torch"):
        forward(tmp_path, backend)
    assert np.load(tmp_path / "torch.npy") == pytest.approx(np.load(tmp_path / "jax.npy"), rel=1e-3, abs=1e-4)


def test_they_are_as_small_as_they_should_be() -> None:
    from model.small import bird_lotfi, residual

    assert residual().count_params() < 3_000_000
    assert bird_lotfi().count_params() == 84_001
    with pytest.raises(ValueError, match="embedding"):
        residual(embedding=8)
