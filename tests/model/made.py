"""A version whose network is known: it finds red where there is more of it than green, and says AI."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 32
CARD = {
    "version": "red",
    "network": "red",
    "side": SIDE,
    "views": 8,
    "calibration": {"overview": 0.5, "native": 0.5, "bias": 0.0},
    "bands": {"real": 0.3, "ai": 0.7},
}


def red(side: int | None = None) -> Any:
    """A map of 4x4 squares: how much more red than green, and the other way round; their difference is the logit."""
    import keras

    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 32)(pixels)
    x = keras.layers.AveragePooling2D(4)(x)
    x = keras.layers.Conv2D(2, 1, activation="relu", name="maps")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(pixels, {"logit": keras.layers.Dense(1, name="logit")(x)}, name="red")


def blue(side: int | None = None) -> Any:
    """The same of blue and green, as a network for composition."""
    import keras

    network = red(side)
    return keras.Model(network.input, network.output, name="composition")


def write_version(folder: Path) -> Path:
    from model.weights import save_weights

    network = red(SIDE)
    network.get_layer("maps").set_weights([np.array([[[[1, -1], [-1, 1], [0, 0]]]], np.float32), np.zeros(2)])
    network.get_layer("logit").set_weights([np.array([[2.0], [-2.0]]), np.zeros(1)])
    folder.mkdir(parents=True)
    save_weights(network, folder / "weights.npz")
    write_card(folder, CARD)
    return folder


def write_version_with_composition(folder: Path, red_version: Path) -> Path:
    """The version that finds red, and beside it blue in the picture as a whole: that counts three times as much."""
    from model.weights import save_weights

    network = blue(SIDE)
    network.get_layer("maps").set_weights([np.array([[[[0, 0], [-1, 1], [1, -1]]]], np.float32), np.zeros(2)])
    network.get_layer("logit").set_weights([np.array([[2.0], [-2.0]]), np.zeros(1)])
    folder.mkdir(parents=True)
    save_weights(network, folder / "weights.npz", red_version / "weights.npz")
    calibration = {"overview": 0.5, "native": 0.5, "bias": 0.0, "composition": 3.0}
    write_card(
        folder, {**CARD, "version": "blue", "composition": "blue", "composition_side": SIDE, "calibration": calibration}
    )
    return folder


def write_card(folder: Path, card: dict[str, Any]) -> None:
    digest = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    (folder / "card.json").write_text(json.dumps({**card, "sha256": digest}))


def patched(seed: int, colour: tuple[int, int, int], width: int = 300, height: int = 200) -> NDArray[np.uint8]:
    """Grey grain with one coloured square of a tenth of the picture."""
    random = np.random.default_rng(seed)
    pixels = np.repeat(random.integers(90, 160, (height, width, 1), dtype=np.uint8), 3, axis=2)
    edge = min(int((width * height / 10) ** 0.5), width, height)
    left, top = int(random.integers(0, width - edge + 1)), int(random.integers(0, height - edge + 1))
    pixels[top : top + edge, left : left + edge] = colour
    pixels[top : top + edge, left : left + edge] += random.integers(0, 30, (edge, edge, 1), dtype=np.uint8)
    return pixels
