"""Weights on disk: one .npz of arrays named by layer; no pickle, no framework.

Kernels of linear layers and of 1x1 convolutions, which are nearly all of it, are whole numbers: multiples of a grid, one byte each, Huffman-coded
("kernel" then has type uint8, beside "step" per output channel and, where there is one, "grain" per input channel). All else is float16.

The file of a version may hold two networks: names of the one for composition (model.transformer) begin with "composition/".
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]
TRAINING_ONLY = "embedding"  # the layer that only distillation needs
GRID = ("step", "grain")  # beside a coded kernel
COMPOSITION = "composition"  # a network of this name has its weights beside those of another


def save_weights(network: "keras.Model", file: Path, beside: Path | None = None) -> None:
    """Every weight of what is served; batch normalisations are folded into the convolutions before them.

    The other network in the file `beside` is kept as it is there."""
    arrays: dict[str, NDArray[Any]] = {} if beside is None else other_network(network, beside)
    for layer in network.layers:
        if layer.name == TRAINING_ONLY:
            continue
        values = {weight.name: to_numpy(weight) for weight in layer.weights}
        if "variance" in values:
            values = fold(values)
        stored = head(values) if layer.name == "logit" else code(values)
        arrays.update({f"{prefix(network)}{layer.name}/{name}": value for name, value in stored.items()})
    write(arrays, file)


def write(arrays: Mapping[str, NDArray[Any]], file: Path) -> None:
    """In one step."""
    partial = file.with_suffix(".part.npz")
    np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(file)


def prefix(network: "keras.Model") -> str:
    return f"{COMPOSITION}/" if network.name == COMPOSITION else ""


def other_network(network: "keras.Model", file: Path) -> dict[str, NDArray[Any]]:
    """What the file holds of the network that this one isn't."""
    ours = network.name == COMPOSITION
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays if name.startswith(f"{COMPOSITION}/") != ours}


def head(values: Mapping[str, Floats]) -> dict[str, NDArray[Any]]:
    """The few numbers of the last layer as they are."""
    return {name: value.astype(np.float32) for name, value in values.items()}


def code(values: Mapping[str, Floats]) -> dict[str, NDArray[Any]]:
    """How one layer's weights are stored: a kernel (channels, units) as coded multiples of its grid, which "step" and "grain" give; without
    them, of a 127th of each unit's largest weight. All else as float16."""
    stored: dict[str, NDArray[Any]] = {name: value.astype(np.float16) for name, value in values.items()}
    kernel = values.get("kernel")
    if kernel is None or kernel.ndim != 2:
        return stored
    step = values.get("step", np.maximum(np.abs(kernel).max(axis=0), 1e-6) / 127)
    stored["step"] = step.astype(np.float32)  # a float16 cannot hold the smallest
    if "grain" in values:
        stored["grain"] = values["grain"].astype(np.float32)
    multiples = np.clip(np.round(kernel / grid(stored)), -127, 127).astype(np.int8)
    # Nothing repeats in them: looking for it, as a zip file does, makes them larger.
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    stored["kernel"] = np.frombuffer(coder.compress(multiples.tobytes()) + coder.flush(), np.uint8)
    return stored


def grid(stored: Mapping[str, NDArray[Any]]) -> Floats:
    """(channels or 1, units): what the whole numbers of a kernel are multiples of."""
    return stored["grain"][:, None] * stored["step"] if "grain" in stored else stored["step"][None]


def off_grid(coded: NDArray[np.uint8], parts: Mapping[str, NDArray[Any]]) -> Floats:
    """The kernel that `code` stored. Raises ValueError with the end of a sentence for what it can't have written."""
    if "step" not in parts:
        raise ValueError("has no step beside it")
    try:
        multiples = np.frombuffer(zlib.decompress(coded.tobytes(), -15), np.int8)
    except zlib.error as error:
        raise ValueError(f"is damaged: {error}") from error
    units = parts["step"].size
    channels = parts["grain"].size if "grain" in parts else multiples.size // units
    if multiples.size != channels * units:
        raise ValueError(f"has {multiples.size} numbers, which do not make {units} columns of {channels}")
    kernel: Floats = multiples.reshape(channels, units) * grid(parts)
    return kernel


def load_weights(network: "keras.Model", file: Path) -> None:
    """Fill the network as `read_weights` reads it.

    A layer "embedding" keeps what it has: files of served weights don't hold it.
    """
    values = read_weights(network, file)
    for layer in network.layers:
        for weight in layer.weights:
            if weight.path in values:
                weight.assign(values[weight.path])


def read_weights(network: "keras.Model", file: Path) -> dict[str, Floats]:
    """The values of the network's variables by their paths; its layer "embedding" is left out.

    They are found by layer and weight name. Raises ValueError naming the first that is missing or of another shape.
    """
    values: dict[str, Floats] = {}
    with np.load(file, allow_pickle=False) as arrays:
        for layer in network.layers:
            if layer.name == TRAINING_ONLY:
                continue
            for weight in layer.weights:
                place = f"{prefix(network)}{layer.name}"
                name = f"{place}/{weight.name}"
                if name not in arrays:
                    raise ValueError(f"{file} has no weight {name}: it belongs to another network")
                value = arrays[name]  # each access reads the file
                if value.dtype == np.uint8:
                    parts = {part: arrays[f"{place}/{part}"] for part in GRID if f"{place}/{part}" in arrays}
                    try:
                        value = off_grid(value, parts)
                    except ValueError as error:
                        raise ValueError(f"{file}: {name} {error}") from error
                value = value.astype(np.float32)
                if value.shape != tuple(weight.shape):
                    raise ValueError(f"{file}: {name} has shape {value.shape}, the network's is {tuple(weight.shape)}")
                values[weight.path] = value
    return values


def fold(values: dict[str, Floats]) -> dict[str, Floats]:
    """gamma (Wx - mean) / sqrt(variance + epsilon) + bias as one W'x + b'; filters are the last axis of W."""
    from model.network import EPSILON

    scale = values["gamma"] / np.sqrt(values["variance"] + EPSILON)
    return {"kernel": values["kernel"] * scale, "bias": values["bias"] - values["mean"] * scale}


def to_numpy(weight: Any) -> Floats:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(weight.value), np.float32)
