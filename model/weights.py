"""Weights on disk: one compressed .npz of float16 arrays, named by layer; no pickle, no framework."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def save_weights(network: "keras.Model", file: Path) -> None:
    """Every weight of what is served, rounded to float16 (a head for distillation is left out)."""
    arrays = {}
    for layer in network.layers:
        if layer.name == "embedding":
            continue
        for weight in layer.weights:
            arrays[f"{layer.name}/{weight.name}"] = np.asarray(_numpy(weight), np.float16)
    partial = file.with_suffix(".part.npz")
    np.savez_compressed(partial, **arrays)
    partial.replace(file)


def load_weights(network: "keras.Model", file: Path) -> None:
    """Fill the network by layer and weight name. Raises ValueError naming the first weight that is missing or of another shape.

    A layer "embedding" keeps what it has: files of served weights don't hold it.
    """
    with np.load(file, allow_pickle=False) as arrays:
        for layer in network.layers:
            if layer.name == "embedding":
                continue
            for weight in layer.weights:
                name = f"{layer.name}/{weight.name}"
                if name not in arrays:
                    raise ValueError(f"{file} has no weight {name}: it belongs to another network")
                if arrays[name].shape != tuple(weight.shape):
                    raise ValueError(f"{file}: {name} has shape {arrays[name].shape}, the network's is {tuple(weight.shape)}")
                weight.assign(arrays[name].astype(np.float32))


def _numpy(weight: "keras.Variable") -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    from keras import ops

    return np.asarray(ops.convert_to_numpy(weight.value))
