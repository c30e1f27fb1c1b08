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
    """Fill the network by layer and weight name. Raises ValueError naming the first weight that is missing or of another shape.

    A layer "embedding" keeps what it has: files of served weights don't hold it.
    """
    with np.load(file, allow_pickle=False) as arrays:
        for layer in network.layers:
            if layer.name == TRAINING_ONLY:
                continue
            for weight in layer.weights:
                name = f"{layer.name}/{weight.name}"
                if name not in arrays:
                    raise ValueError(f"{file} has no weight {name}: it belongs to another network")
                if arrays[name].shape != tuple(weight.shape):
                    raise ValueError(
                        f"{file}: {name} has shape {arrays[name].shape}, the network's is {tuple(weight.shape)}"
                    )
                weight.assign(arrays[name].astype(np.float32))


def fold(values: dict[str, Floats]) -> dict[str, Floats]:
    """gamma (Wx - mean) / sqrt(variance + epsilon) + bias as one W'x + b'; filters are the last axis of W."""
    from model.network import EPSILON

    scale = values["gamma"] / np.sqrt(values["variance"] + EPSILON)
    return {"kernel": values["kernel"] * scale, "bias": values["bias"] - values["mean"] * scale}


def to_numpy(weight: Any) -> Floats:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(weight.value), np.float32)
