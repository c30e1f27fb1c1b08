"""Weights on disk: one compressed .npz of float16 arrays, named by layer; no pickle, no framework."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float32]
TRAINING_ONLY = "embedding"  # the layer that only distillation needs


def save_weights(network: "keras.Model", file: Path) -> None:
    """Every weight of what is served, rounded to float16; batch normalisations are folded into the convolutions before them."""
    arrays: dict[str, Floats] = {}
    for layer in network.layers:
        if layer.name == TRAINING_ONLY:
            continue
        values = {weight.name: to_numpy(weight) for weight in layer.weights}
        if "gamma" in values:
            values = fold(values)
        arrays.update({f"{layer.name}/{name}": value for name, value in values.items()})
    partial = file.with_suffix(".part.npz")
    np.savez_compressed(partial, **{name: value.astype(np.float16) for name, value in arrays.items()})  # type: ignore[arg-type]
    partial.replace(file)


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
                name = f"{layer.name}/{weight.name}"
                if name not in arrays:
                    raise ValueError(f"{file} has no weight {name}: it belongs to another network")
                value = arrays[name].astype(np.float32)  # each access reads the file
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
