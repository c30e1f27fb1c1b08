"""The network for composition: the first blocks of CLIP's ViT-B/16 as they are, and a linear head on the mean of what they see.

CLIP (Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision") learnt from 400 million captioned
pictures what a small network can't learn from ours. Its middle layers tell generated from real pictures best (Koutlis & Papadopoulos
2024, "Leveraging Representations from Intermediate Encoder-blocks for Synthetic Image Detection"), and a linear head on what was
not trained further carries over to generators that it never saw (Ojha, Li & Lee 2023, "Towards Universal Fake Image Detectors").
So the first blocks do; training/clip.py says how coarsely they are stored.
"""

from typing import Any

import keras
from keras import ops

from model.weights import COMPOSITION

Shape = tuple[int | None, ...]

SIDE = 224  # pixels of the view
PATCH = 16  # pixels of a patch's side
WIDTH = 768
HEADS = 12
HIDDEN = 3072
EPSILON = 1e-5
BLOCKS = 5
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's preprocessing, by colour, of pixels 0..1
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@keras.saving.register_keras_serializable("candid")
class Linear(keras.layers.Layer):
    """(..., channels) -> (..., units)."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Shape) -> None:
        # The weights come from a file, always (model.network.Convolution does the same).
        self.kernel = self.add_weight(shape=(int(input_shape[-1] or 0), self.units), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.kernel) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("candid")
class Patches(keras.layers.Layer):
    """(n, height, width, 3) -> (n, patches, PATCH * PATCH * 3), row by row."""

    def call(self, pixels: Any) -> Any:
        _, height, width, channels = pixels.shape
        rows, columns = height // PATCH, width // PATCH
        x = ops.reshape(pixels, (-1, rows, PATCH, columns, PATCH, channels))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows * columns, PATCH * PATCH * channels))


@keras.saving.register_keras_serializable("candid")
class Positions(keras.layers.Layer):
    """(n, patches, width) -> (n, 1 + patches, width): a token of its own in front, and each place's position added."""

    def build(self, input_shape: Shape) -> None:
        shape = (1 + int(input_shape[-2] or 0), int(input_shape[-1] or 0))
        self.token = self.add_weight(shape=(1, 1, shape[1]), initializer="zeros", name="token")
        self.places = self.add_weight(shape=shape, initializer="zeros", name="places")

    def call(self, x: Any) -> Any:
        token = ops.zeros_like(x[:, :1]) + ops.cast(self.token.value, x.dtype)
        return ops.concatenate([token, x], axis=1) + ops.cast(self.places.value, x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, patches, width = input_shape
        return n, (patches or 0) + 1, width


@keras.saving.register_keras_serializable("candid")
class Attention(keras.layers.Layer):
    """(n, tokens, 3 * width), queries, keys and values side by side -> (n, tokens, width). HEADS heads."""

    def call(self, x: Any) -> Any:
        _, tokens, width = x.shape
        x = ops.reshape(x, (-1, tokens, 3, HEADS, width // 3 // HEADS))
        attended = ops.dot_product_attention(x[:, :, 0], x[:, :, 1], x[:, :, 2])
        return ops.reshape(attended, (-1, tokens, width // 3))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], (input_shape[-1] or 0) // 3)


@keras.saving.register_keras_serializable("candid")
class QuickGelu(keras.layers.Layer):
    """x * sigmoid(1.702 x), which CLIP was trained with."""

    def call(self, x: Any) -> Any:
        return x * ops.sigmoid(1.702 * x)


def clip_vit(side: int = SIDE) -> keras.Model:
    """(n, side, side, 3) pixels 0..255 -> {"logit": (n, 1)}, positive for AI. CLIP's positions are for SIDE.

    As in model.network the layer "maps" has the features of each place, and the logit is linear in their mean.
    """
    if not side or side % PATCH:
        raise ValueError(f"clip_vit takes a view whose side is a multiple of {PATCH} pixels, not {side}")
    pixels = keras.Input((side, side, 3), name="pixels")
    scale = [1 / 255 / deviation for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    x = Patches(name="patches")(keras.layers.Rescaling(scale, offset, name="colours")(pixels))
    x = Positions(name="positions")(Linear(WIDTH, name="patch")(x))
    x = keras.layers.LayerNormalization(epsilon=EPSILON, name="before")(x)
    for index in range(BLOCKS):
        x = block(x, f"layer{index}")
    x = keras.layers.Reshape((side // PATCH, side // PATCH, WIDTH), name="maps")(x[:, 1:])
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    logit = keras.layers.Dense(1, kernel_initializer="zeros", name="logit")(x)
    return keras.Model(pixels, {"logit": logit}, name=COMPOSITION)


def block(x: Any, name: str) -> Any:
    """Look around, then think about it, each added to what was known (Dosovitskiy et al. 2021, ViT)."""
    y = keras.layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_before")(x)
    y = Attention(name=f"{name}_attention")(Linear(3 * WIDTH, name=f"{name}_look")(y))
    x = keras.layers.Add(name=f"{name}_seen")([x, Linear(WIDTH, name=f"{name}_gather")(y)])
    y = keras.layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_between")(x)
    y = QuickGelu(name=f"{name}_gelu")(Linear(HIDDEN, name=f"{name}_widen")(y))
    return keras.layers.Add(name=f"{name}_thought")([x, Linear(WIDTH, name=f"{name}_narrow")(y)])
