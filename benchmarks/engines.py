"""The champion's network on several engines: `python -m benchmarks.engines NAME SIDE VIEWS MODE` is one of them, in a process of
its own.

It prints what it answers to its first pass and "ready", and then answers each line on its input with the milliseconds of one
pass. MODE is `forward` or `train`; in training no engine has the champion's weights, and it prints no answer.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

FORWARD = {
    "candid": "as served",
    "plain": "our layers, jitted by JAX for all views together",
    "stock": "stock Keras layers, jitted by JAX",
    "predict": "our layers, by model.predict",
    "torch": "our layers on the torch backend",
    "onnxruntime": "plain convolutions in onnxruntime",
}
TRAIN = {
    "torch": "our layers on torch, as training.train has them",
    "stock-torch": "stock Keras layers on torch",
    "jax": "our layers on JAX, where there is no torch",
    "stock-jax": "stock Keras layers on JAX",
}
BACKENDS = {"torch": "torch", "stock-torch": "torch"}


def main() -> None:
    name, side, views, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    os.environ["KERAS_BACKEND"] = BACKENDS.get(name, "jax")
    pixels = np.random.default_rng(0).integers(0, 256, (views, side, side, 3), np.uint8)
    step = build(name, side, pixels) if mode == "forward" else build_training(name, side, pixels)
    first = step()
    if mode == "forward" and name != "stock":
        print("logits", *np.ravel(np.asarray(first)).tolist())
    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        step()
        print(1000 * (time.perf_counter() - began), flush=True)


def build(name: str, side: int, pixels: "np.ndarray[Any, Any]") -> Callable[[], Any]:
    """One forward pass of these views."""
    from model.card import read_card
    from model.registry import Registry

    folder = Registry().path("champion")
    weights = folder / "weights.npz"
    floats = pixels.astype(np.float32)
    if name == "onnxruntime":
        import onnxruntime

        from benchmarks.onnx_network import onnx_network

        session = onnxruntime.InferenceSession(onnx_network(weights, side))
        return lambda: session.run(None, {"pixels": floats})[0]
    import model.network as networks
    from model.program import Program, compile_forward, describe
    from model.weights import load_weights, read_weights

    card = read_card(folder)
    if name == "candid":
        described = describe(card.network, side)
        program = Program(described, read_weights(described, weights), side, len(pixels))
        return lambda: program.logits(pixels)
    if name == "stock":
        forward = compile_forward(stock_network(side))
        return lambda: np.asarray(forward(pixels)["logit"])
    network = getattr(networks, card.network)(side)
    load_weights(network, weights)
    if name == "plain":
        networks.DETAIL = ""  # nothing is cut
        forward = compile_forward(network)
        return lambda: np.asarray(forward(pixels)["logit"])
    if name == "predict":
        return lambda: network.predict(pixels, batch_size=len(pixels), verbose=0)["logit"]
    import torch

    tensor = torch.from_numpy(floats)

    def run() -> Any:
        with torch.inference_mode():
            return network(tensor)["logit"].numpy()

    return run


def build_training(name: str, side: int, pixels: "np.ndarray[Any, Any]") -> Callable[[], object]:
    """One training step, forward and backward, with the optimizer of the recipe `chat`."""
    from model.network import efficientnet_lite0
    from training.recipe import read_recipe
    from training.train import compile_network

    network = stock_network(side) if name.startswith("stock") else efficientnet_lite0(side, normalised=True)
    compile_network(network, read_recipe("chat"))
    labels = {"logit": np.zeros((len(pixels), 1), np.float32)}
    floats = pixels.astype(np.float32)
    return lambda: network.train_on_batch(floats, labels)


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
