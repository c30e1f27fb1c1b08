"""The networks: Keras 3 layers that train on any backend and are served on JAX.

`efficientnet_lite0` is EfficientNet-Lite0 (Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for CNNs"; the Lite variant has
ReLU6 and no squeeze-excite). In training every convolution is followed by batch normalisation; what is served has it folded in.
"""

from typing import Any

import keras

from model.kernels import depthwise, full, normalise, on_torch, pointwise, relu6

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
DETAIL = "block21_add"  # the last layer of the part with many pixels and few weights; see model.program
FEATURES = 1280
EPSILON = 1e-3  # of the batch normalisations, as Lite0 was trained
MOMENTUM = 0.98
Shape = tuple[int | None, ...]


class Convolution(keras.layers.Layer):
    """A convolution with bias or, if `normalised`, with batch normalisation; then ReLU6 if `activate`. Base of those below."""

    def __init__(self, activate: bool = True, normalised: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.activate, self.normalised = activate, normalised

    def add_weights(self, kernel: tuple[int, ...]) -> None:
        filters = kernel[-1]
        # Without normalisation the weights come from a file, always; drawing random ones first would cost a start 12 seconds.
        initializer = "he_normal" if self.normalised else "zeros"
        self.kernel = self.add_weight(shape=kernel, initializer=initializer, name="kernel")
        self.bias = self.add_weight(shape=(filters,), initializer="zeros", name="bias")
        if self.normalised:  # `bias` is then the normalisation's shift
            self.gamma = self.add_weight(shape=(filters,), initializer="ones", name="gamma")
            self.mean = self.add_weight(shape=(filters,), initializer="zeros", trainable=False, name="mean")
            self.variance = self.add_weight(shape=(filters,), initializer="ones", trainable=False, name="variance")

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        raise NotImplementedError

    def call(self, inputs: Any, training: bool = False) -> Any:
        # Kernels get the backend's own tensors (`.value`), past Keras's conversion of variables.
        outputs = self.convolve(inputs, self.kernel.value, None if self.normalised else self.bias.value)
        if self.normalised:
            outputs = normalise(
                outputs, self.gamma.value, self.bias.value, self.mean, self.variance, training, MOMENTUM, EPSILON
            )
        outputs = relu6(outputs) if self.activate else outputs
        # On torch these may be flat until here, so that each works in place on what the one before it made.
        return outputs.reshape(self.compute_output_shape(tuple(inputs.shape))) if on_torch() else outputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activate": self.activate, "normalised": self.normalised}


@keras.saving.register_keras_serializable("candid")
class Pointwise(Convolution):
    """A 1x1 convolution: (n, height, width, channels) -> (n, height, width, filters)."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters

    def build(self, input_shape: Shape) -> None:
        self.add_weights((int(input_shape[-1] or 0), self.filters))

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        return pointwise(inputs, kernel, bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable("candid")
class Depthwise(Convolution):
    """A depthwise convolution with "same" padding: (n, height, width, channels), each side divided by `strides`."""

    def __init__(self, size: int, strides: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.size, self.strides = size, strides

    def build(self, input_shape: Shape) -> None:
        self.add_weights((self.size, self.size, int(input_shape[-1] or 0)))

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        return depthwise(inputs, kernel, bias, self.strides)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, height, width, channels = input_shape
        return n, shrunk(height, self.strides), shrunk(width, self.strides), channels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "strides": self.strides}


@keras.saving.register_keras_serializable("candid")
class Full(Convolution):
    """An ordinary convolution with "same" padding: (n, height, width, channels) -> (n, height / strides, width / strides, filters)."""

    def __init__(self, filters: int, size: int, strides: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.filters, self.size, self.strides = filters, size, strides

    def build(self, input_shape: Shape) -> None:
        self.add_weights((self.size, self.size, int(input_shape[-1] or 0), self.filters))

    def convolve(self, inputs: Any, kernel: Any, bias: Any) -> Any:
        return full(inputs, kernel, bias, self.strides)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        n, height, width, _ = input_shape
        return n, shrunk(height, self.strides), shrunk(width, self.strides), self.filters

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters, "size": self.size, "strides": self.strides}


def shrunk(length: int | None, strides: int) -> int | None:
    return None if length is None else -(-length // strides)


def efficientnet_lite0(
    side: int | None = None, embedding: int = 0, dropout: float = 0.0, normalised: bool = False
) -> keras.Model:
    """(n, side, side, 3) pixels 0..255 -> {"logit": (n, 1)}, positive for AI. Any side; None leaves it open (torch only).

    For training, `normalised` keeps batch normalisation apart, and `embedding` > 0 adds a linear head of that width for distillation.
    The last feature maps are the layer named "maps": with the global average that follows, the class activation map is exact.
    """
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)
    x = Full(STEM, 3, 2, normalised=normalised, name="stem")(x)
    for stage, (size, strides, expansion, filters, repeats) in enumerate(STAGES):
        for repeat in range(repeats):
            stride, name = (strides if repeat == 0 else 1), f"block{stage}{repeat}"
            x = inverted_residual(x, size, stride, expansion, filters, normalised, name)
    x = Pointwise(FEATURES, normalised=normalised, name="maps")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    outputs = {
        "logit": keras.layers.Dense(1, kernel_initializer="zeros", name="logit")(keras.layers.Dropout(dropout)(x))
    }
    if embedding:
        outputs["embedding"] = keras.layers.Dense(embedding, name="embedding")(x)
    return keras.Model(pixels, outputs, name="efficientnet_lite0")


def inverted_residual(
    x: Any, size: int, strides: int, expansion: int, filters: int, normalised: bool, name: str
) -> Any:
    """Widen, look around in each channel, narrow; add the input where the shape is kept (Sandler et al. 2018, MobileNetV2)."""
    channels = x.shape[-1]
    y = x
    if expansion > 1:
        y = Pointwise(channels * expansion, normalised=normalised, name=f"{name}_expand")(y)
    y = Depthwise(size, strides, normalised=normalised, name=f"{name}_depthwise")(y)
    y = Pointwise(filters, activate=False, normalised=normalised, name=f"{name}_project")(y)
    return keras.layers.Add(name=f"{name}_add")([x, y]) if strides == 1 and channels == filters else y


def tiny(side: int | None = None, embedding: int = 0, dropout: float = 0.0, normalised: bool = False) -> keras.Model:
    """The same parts in 2,000 parameters, for tests and for trying a pipeline; it sees little more than colour and texture."""
    pixels = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)
    x = Full(8, 3, 2, normalised=normalised, name="stem")(x)
    x = inverted_residual(x, 3, 2, 2, 8, normalised, "block00")
    x = inverted_residual(x, 3, 1, 2, 8, normalised, "block01")
    x = Pointwise(16, normalised=normalised, name="maps")(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    outputs = {
        "logit": keras.layers.Dense(1, kernel_initializer="zeros", name="logit")(keras.layers.Dropout(dropout)(x))
    }
    if embedding:
        outputs["embedding"] = keras.layers.Dense(embedding, name="embedding")(x)
    return keras.Model(pixels, outputs, name="tiny")
