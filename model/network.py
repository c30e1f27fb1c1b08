"""The networks: Keras 3 layers that train on any backend and are served on JAX.

`efficientnet_lite0` is EfficientNet-Lite0 (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for CNNs"; the Lite variant has
ReLU6 and no squeeze-excite) with every batch normalisation folded into the layer before it: a training step on a CPU is half as fast
again without its passes over memory, and serving needs no folding step.
"""

from typing import Any

import keras

from model.kernels import depthwise, pointwise

# kernel, stride of the first, expansion, filters, repeats: EfficientNet-B0's table, which Lite0 keeps
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM = 32
FEATURES = 1280
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("candid")
class Pointwise(keras.layers.Layer):
    """A 1x1 convolution with bias, and ReLU6 if `activate`: (n, height, width, channels) -> (n, height, width, filters)."""

    def __init__(self, filters: int, activate: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.filters, self.activate = filters, activate

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.filters), initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return pointwise(inputs, value(self.kernel), value(self.bias), self.activate)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "activate": self.activate}


@keras.saving.register_keras_serializable("candid")
class Depthwise(keras.layers.Layer):
    """A depthwise convolution with bias, "same" padding and ReLU6: (n, height, width, channels), each side divided by `strides`."""

    def __init__(self, size: int, strides: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.size, self.strides = size, strides

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        self.kernel = self.add_weight(shape=(self.size, self.size, channels), initializer="he_normal", name="kernel")
        self.bias = self.add_weight(shape=(channels,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return depthwise(inputs, value(self.kernel), value(self.bias), self.strides)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, height, width, channels = input_shape
        return n, shrunk(height, self.strides), shrunk(width, self.strides), channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "strides": self.strides}


def value(weight: keras.Variable) -> Any:
    """The backend's own tensor. Kernels call the backend directly, past Keras's conversion of variables."""
    return weight.value


def shrunk(length: int | None, strides: int) -> int | None:
    return None if length is None else -(-length // strides)


def efficientnet_lite0(side: int | None = None, embedding: int = 0, dropout: float = 0.0) -> keras.Model:
    """(n, side, side, 3) pixels 0..255 -> {"logit": (n, 1)}, positive for AI. Any side; None leaves it open (torch only).

    `embedding` > 0 adds a linear head of that width, for distillation in training; it is not served.
    The last feature maps are the layer named "maps": with the global average that follows, the class activation map is exact.
    """
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)
    x = keras.layers.ReLU(6.0)(keras.layers.Conv2D(STEM, 3, strides=2, padding="same", name="stem")(x))
    for stage, (size, strides, expansion, filters, repeats) in enumerate(STAGES):
        for repeat in range(repeats):
            x = inverted_residual(x, size, strides if repeat == 0 else 1, expansion, filters, f"block{stage}{repeat}")
    x = Pointwise(FEATURES, activate=True, name="maps")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    outputs = {"logit": keras.layers.Dense(1, name="logit")(keras.layers.Dropout(dropout)(x))}
    if embedding:
        outputs["embedding"] = keras.layers.Dense(embedding, name="embedding")(x)
    return keras.Model(pixels, outputs, name="efficientnet_lite0")


def inverted_residual(x: Any, size: int, strides: int, expansion: int, filters: int, name: str) -> Any:
    """Widen, look around in each channel, narrow; add the input where the shape is kept (Sandler et al. 2018, MobileNetV2)."""
    channels = x.shape[-1]
    y = x if expansion == 1 else Pointwise(channels * expansion, activate=True, name=f"{name}_expand")(x)
    y = Depthwise(size, strides, name=f"{name}_depthwise")(y)
    y = Pointwise(filters, name=f"{name}_project")(y)
    return keras.layers.Add()([x, y]) if strides == 1 and channels == filters else y
