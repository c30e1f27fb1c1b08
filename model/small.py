"""Networks for small pictures, 32x32 and the like: from scratch, and quick to train on a CPU.

`residual` looks twice at every pixel before it first shrinks the picture, and is made of dense 3x3 convolutions, later ones in
residual blocks (He et al. 2016): on a CPU these reach several times the speed of depthwise ones, and more in bfloat16.

`bird_lotfi` is the small CNN of the CIFAKE paper (Bird & Lotfi 2024, "CIFAKE: Image Classification and Explainable Identification
of AI-Generated Synthetic Images"), to measure against.
"""

from typing import Any

import keras

from model.kernels import on_torch
from model.network import Convolution, Shape

STEM = 32
WIDTHS = (64, 128)  # at a half and at a quarter of the side


@keras.saving.register_keras_serializable("candid")
class Dense3(Convolution):
    """A 3x3 convolution with "same" padding in the layer's own precision: (n, h, w, channels) -> (n, h, w, filters)."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(autocast=False, **options)  # the normalisation's statistics must stay in float32
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        self.add_weights((3, 3, int(input_shape[-1] or 0), self.filters))

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        inputs, kernel = (keras.ops.cast(x, self.compute_dtype) for x in (inputs, kernel))
        bias = None if bias is None else keras.ops.cast(bias, self.compute_dtype)
        if not on_torch():
            outputs = keras.ops.conv(inputs, kernel, padding="same")
            return outputs if bias is None else outputs + bias
        from torch.nn import functional

        # A view, which torch knows as channels_last: in memory nothing moves.
        outputs = functional.conv2d(inputs.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1)
        return outputs.permute(0, 2, 3, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


def residual(side: int = 32, embedding: int = 0, dropout: float = 0.0, normalised: bool = False) -> keras.Model:
    """(n, side, side, 3) pixels 0..255 -> {"logit": (n, 1)}, positive for AI. `side` is a multiple of 4; there is no embedding."""
    refuse(embedding)
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 64, offset=-127 / 64, name="scaled")(pixels)
    x = Dense3(STEM, normalised=normalised, name="stem")(x)
    x = Dense3(STEM, normalised=normalised, name="look")(x)
    for stage, filters in enumerate(WIDTHS):
        x = keras.layers.MaxPooling2D(name=f"pooling{stage}")(x)
        x = Dense3(filters, normalised=normalised, name=f"widen{stage}")(x)
        x = block(x, filters, normalised, f"block{stage}")
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    return end(pixels, x, dropout, "residual")


def block(x: Any, filters: int, normalised: bool, name: str) -> Any:
    y = Dense3(filters, normalised=normalised, name=f"{name}_first")(x)
    y = Dense3(filters, activate=False, normalised=normalised, name=f"{name}_second")(y)
    return keras.layers.ReLU(name=f"{name}_out")(keras.layers.Add(name=f"{name}_add")([x, y]))


def bird_lotfi(side: int = 32, embedding: int = 0, dropout: float = 0.0, normalised: bool = False) -> keras.Model:
    """The paper's best: two convolutions of 32 filters, each with max pooling, and 64 dense units. It has no normalisation."""
    refuse(embedding)
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="scaled")(pixels)
    for number in (1, 2):
        x = keras.layers.Conv2D(32, 3, activation="relu", name=f"convolution{number}")(x)
        x = keras.layers.MaxPooling2D(name=f"pooling{number}")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(64, activation="relu", name="dense")(x)
    return end(pixels, x, dropout, "bird_lotfi")


def end(pixels: Any, features: Any, dropout: float, name: str) -> keras.Model:
    """One logit in float32, whatever the precision before it."""
    x = keras.layers.Dropout(dropout, dtype="float32", name="dropout")(features)
    logit = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="logit")(x)
    return keras.Model(pixels, {"logit": logit}, name=name)


def refuse(embedding: int) -> None:
    if embedding:
        raise ValueError("a network for small pictures has no embedding: set teacher_width = 0 in the recipe")
