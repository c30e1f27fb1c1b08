"""The same network on several engines: `python -m benchmarks.engines NAME SIDE VIEWS MODE` is one of them, in a process of its own.

It prints "ready", and then answers each line on its input with the milliseconds of one pass. MODE is `forward` or `train`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = {
    "candid": "as served: our layers, jitted by JAX",
    "stock": "stock Keras layers, jitted by JAX",
    "predict": "our layers, by model.predict",
    "torch": "our layers on the torch backend",
    "onnxruntime": "our network exported, in onnxruntime",
}
BACKENDS = {"torch": "torch", "onnxruntime": "torch"}


def main() -> None:
    name, side, views, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    os.environ["KERAS_BACKEND"] = BACKENDS.get(name, "jax")
    pixels = np.random.default_rng(0).integers(0, 256, (views, side, side, 3), np.uint8)
    step = build(name, side, pixels) if mode == "forward" else build_training(name, side, pixels)
    for _ in range(2):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        step()
        print(1000 * (time.perf_counter() - began), flush=True)


def build(name: str, side: int, pixels: "np.ndarray[Any, Any]") -> Callable[[], object]:
    """One forward pass."""
    from model.network import efficientnet_lite0

    network = stock_network(side) if name == "stock" else efficientnet_lite0(side)
    if name in ("candid", "stock"):
        from model.program import compile_forward

        forward = compile_forward(network)
        return lambda: np.asarray(forward(pixels)["logit"])
    if name == "predict":
        return lambda: network.predict(pixels, batch_size=len(pixels), verbose=0)
    floats = pixels.astype(np.float32)
    if name == "torch":
        import torch

        tensor = torch.from_numpy(floats)

        def run() -> object:
            with torch.inference_mode():
                return network(tensor)["logit"].numpy()

        return run
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        network.export(str(file), format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(str(file))
    key = session.get_inputs()[0].name
    return lambda: session.run(None, {key: floats})


def build_training(name: str, side: int, pixels: "np.ndarray[Any, Any]") -> Callable[[], object]:
    """One training step, forward and backward."""
    import keras

    from model.network import efficientnet_lite0

    network = stock_network(side) if name == "stock" else efficientnet_lite0(side)
    network.compile(keras.optimizers.AdamW(1e-4), loss={"logit": keras.losses.BinaryCrossentropy(from_logits=True)})
    labels = {"logit": np.zeros((len(pixels), 1), np.float32)}
    return lambda: network.train_on_batch(pixels, labels)


def stock_network(side: int) -> Any:
    """EfficientNet-Lite0 as one would write it with Keras's own layers: 1x1 and depthwise convolutions, batch normalisation."""
    import keras

    from model.network import FEATURES, STAGES, STEM

    layers = keras.layers

    def block(x: Any, layer: Any, activate: bool = True) -> Any:
        x = layers.BatchNormalization()(layer(x))
        return layers.ReLU(6.0)(x) if activate else x

    pixels = keras.Input((side, side, 3))
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)
    x = block(x, layers.Conv2D(STEM, 3, strides=2, padding="same", use_bias=False))
    for size, strides, expansion, filters, repeats in STAGES:
        for repeat in range(repeats):
            stride, before = (strides if repeat == 0 else 1), x
            if expansion > 1:
                x = block(x, layers.Conv2D(x.shape[-1] * expansion, 1, use_bias=False))
            x = block(x, layers.DepthwiseConv2D(size, strides=stride, padding="same", use_bias=False))
            x = block(x, layers.Conv2D(filters, 1, use_bias=False), activate=False)
            if stride == 1 and before.shape[-1] == filters:
                x = layers.Add()([before, x])
    x = block(x, layers.Conv2D(FEATURES, 1, use_bias=False))
    return keras.Model(pixels, {"logit": layers.Dense(1, name="logit")(layers.GlobalAveragePooling2D()(x))})


if __name__ == "__main__":
    main()
