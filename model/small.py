"""Networks for small pictures, 32x32 and the like: from scratch, and quick to train on a CPU.

`residual` keeps every pixel's place: it looks at full resolution first and then lays each 2x2 square's pixels side by side as
channels, where pooling or a stride would drop what the finest traces consist of. The rest is dense 3x3 convolutions in residual
blocks (He et al. 2016): on a CPU these reach several times the speed of depthwise ones, and again twice that in bfloat16.

`bird_lotfi` is the small CNN of the CIFAKE paper (Bird & Lotfi 2024, "CIFAKE: Image Classification and Explainable Identification
of AI-Generated Synthetic Images"), to measure against.
"""

from typing import Any

import keras

from model.kernels import on_torch, same_padding
from model.network import Convolution, Shape, shrunk

STEM = 16
WIDTHS = (64, 128)  # at a half and at a quarter of the side
BLOCKS = (1, 2)


@keras.saving.register_keras_serializable("candid")
class Dense3(Convolution):
    """A 3x3 convolution with "same" padding in the layer's own precision: (n, h, w, channels) -> (n, h / strides, w / strides, filters)."""

    def __init__(self, filters: int, strides: int = 1, **options: Any) -> None:
        super().__init__(autocast=False, **options)  # the normalisation's statistics must stay in float32
        self.filters, self.strides = filters, strides

    def build(self, input_shape: Shape) -> None:
        self.add_weights((3, 3, int(input_shape[-1] or 0), self.filters))

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        inputs, kernel = (keras.ops.cast(x, self.compute_dtype) for x in (inputs, kernel))
        if not on_torch():
            outputs = keras.ops.conv(inputs, kernel, strides=self.strides, padding="same")
            return outputs if bias is None else outputs + keras.ops.cast(bias, self.compute_dtype)
        from torch.nn import functional

        bias = None if bias is None else bias.to(inputs.dtype)
        channels_first = inputs.permute(0, 3, 1, 2)  # a view, which torch knows as channels_last
        rows, columns = (same_padding(length, 3, self.strides) for length in inputs.shape[1:3])
        padding = (rows[0], columns[0])
        if rows[0] != rows[1] or columns[0] != columns[1]:
            channels_first, padding = functional.pad(channels_first, (*columns, *rows)), (0, 0)
        outputs = functional.conv2d(channels_first, kernel.permute(3, 2, 0, 1), bias, self.strides, padding)
        return outputs.permute(0, 2, 3, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, height, width, _ = input_shape
        return n, shrunk(height, self.strides), shrunk(width, self.strides), self.filters

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}


@keras.saving.register_keras_serializable("candid")
class SideBySide(keras.layers.Layer):
    """Each 2x2 square becomes one place with four times the channels, so that nothing is lost: (n, h, w, c) -> (n, h/2, w/2, 4c)."""

    def call(self, inputs: Any) -> Any:
        _, height, width, channels = inputs.shape
        squares = keras.ops.reshape(inputs, (-1, height // 2, 2, width // 2, 2, channels))
        return keras.ops.reshape(
            keras.ops.transpose(squares, (0, 1, 3, 2, 4, 5)), (-1, height // 2, width // 2, 4 * channels)
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, height, width, channels = input_shape
        return n, (height or 0) // 2, (width or 0) // 2, 4 * (channels or 0)


def residual(side: int = 32, embedding: int = 0, dropout: float = 0.0, normalised: bool = False) -> keras.Model:
    """(n, side, side, 3) pixels 0..255 -> {"logit": (n, 1)}, positive for AI. `side` is a multiple of 4; there is no embedding."""
    refuse(embedding)
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 64, offset=-127 / 64, name="scaled")(pixels)
    x = Dense3(STEM, normalised=normalised, name="stem")(x)
    x = SideBySide(name="squares")(x)
    for stage, (filters, blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
        x = Dense3(filters, 2 if stage else 1, normalised=normalised, name=f"widen{stage}")(x)
        for number in range(blocks):
            x = block(x, filters, normalised, f"block{stage}{number}")
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
