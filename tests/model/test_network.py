import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 48

# Weights and pixels from a file; the logits of the folded network under the backend of the environment.
FORWARD = """
import sys
import numpy as np
from pathlib import Path
from model.network import efficientnet_lite0
from model.weights import load_weights, save_weights
import keras
folder = Path(sys.argv[1])
if not (folder / "weights.npz").exists():
    keras.utils.set_random_seed(3)
    save_weights(efficientnet_lite0(48), folder / "weights.npz")
network = efficientnet_lite0(48)
load_weights(network, folder / "weights.npz")
pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 3)).astype("float32")
logits = keras.ops.convert_to_numpy(network(pixels)["logit"])
np.save(folder / (keras.backend.backend() + ".npy"), logits)
"""


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_both_backends_give_the_same_outputs(tmp_path: Path) -> None:
    for backend in ("jax", "torch"):
        subprocess.run(
            [sys.executable, "-c", FORWARD, str(tmp_path)],
            env={**os.environ, "KERAS_BACKEND": backend}, check=True, timeout=300,
        )  # fmt: skip
    by_jax, by_torch = np.load(tmp_path / "jax.npy"), np.load(tmp_path / "torch.npy")
    assert np.abs(by_jax).max() > 1e-3
    assert by_torch == pytest.approx(by_jax, rel=1e-3, abs=1e-4)


def test_the_kernels_are_convolutions() -> None:
    import keras

    from model.kernels import depthwise, full, pointwise

    random = np.random.default_rng(1)
    for size, strides, side in ((3, 1, 9), (3, 2, 9), (5, 2, 10), (5, 1, 7), (3, 2, 8)):
        x = random.normal(size=(2, side, side, 4)).astype(np.float32)
        kernel, bias = random.normal(size=(size, size, 4)).astype(np.float32), np.zeros(4, np.float32)
        stock = keras.ops.depthwise_conv(x, kernel[..., None], strides=strides, padding="same")
        ours = depthwise(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(kernel), bias, strides)
        assert np.asarray(ours) == pytest.approx(np.asarray(stock), abs=1e-4)
        for channels in (3, 8):  # few are laid out and multiplied, more go the backend's own way
            x = random.normal(size=(2, side, side, channels)).astype(np.float32)
            kernel = random.normal(size=(size, size, channels, 6)).astype(np.float32)
            stock = keras.ops.conv(x, kernel, strides=strides, padding="same") + 1
            ours = full(
                keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(kernel), np.ones(6, np.float32), strides
            )
            assert np.asarray(ours) == pytest.approx(np.asarray(stock), abs=1e-4)
    x, kernel = random.normal(size=(2, 5, 5, 4)).astype(np.float32), random.normal(size=(4, 6)).astype(np.float32)
    ours = pointwise(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(kernel), np.ones(6, np.float32))
    assert np.asarray(ours) == pytest.approx(x @ kernel + 1, abs=1e-4)


def test_the_served_network_is_as_large_as_the_papers_and_gives_one_logit(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from model.network import efficientnet_lite0

    def zeros(self: object, shape: tuple[int, ...], dtype: object = None) -> np.ndarray[Any, np.dtype[np.float32]]:
        return np.zeros(shape, np.float32)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)  # random numbers take JAX ten seconds
    network = efficientnet_lite0(SIDE)
    assert 3.2e6 < network.count_params() < 3.6e6
    assert network.output["logit"].shape == (None, 1)
    assert network.get_layer("maps").output.shape[-1] == 1280
