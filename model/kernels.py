"""The operations that a small CPU's time goes into, written for the backend in use. The backends agree to rounding.

JAX (serving): a depthwise convolution is a sum of shifted slices, which XLA fuses into one loop; its grouped convolution is 10 to 30
times slower on a CPU. A 1x1 convolution is a matrix product, and so is one of few channels, once its surroundings are laid
out; XLA's own takes three times as long there. Torch (training, optional): its own kernels, fused and in place, which
saves a third of the passes over memory. Any other Keras backend gets the plain operations.
"""

from typing import Any

import keras
from keras import ops

FEW = 4  # channels of a picture, or so: laying out the surroundings of more would cost more than it saves


def on_torch() -> bool:
    return bool(keras.backend.backend() == "torch")


def on_jax() -> bool:
    return bool(keras.backend.backend() == "jax")


def relu6(x: Any) -> Any:
    """May write into `x`: pass it what nothing else needs."""
    if on_torch():
        from torch.nn import functional

        return functional.relu6(x, inplace=not x._is_view())  # in place on a view, autograd would copy all of it
    return ops.clip(x, 0.0, 6.0)


def pointwise(x: Any, kernel: Any, bias: Any) -> Any:
    """A 1x1 convolution: (..., channels) times (channels, filters), plus bias if there is one. On torch the result is flat: (m, filters)."""
    if on_torch():
        import torch

        flat = x.reshape(-1, x.shape[-1])
        return torch.mm(flat, kernel) if bias is None else torch.addmm(bias, flat, kernel)
    outputs = ops.matmul(x, kernel)
    return outputs if bias is None else outputs + bias


def full(x: Any, kernel: Any, bias: Any, strides: int) -> Any:
    """An ordinary convolution: (n, height, width, channels) by (size, size, channels, filters), plus bias if there is one. "Same"
    padding."""
    size, channels, filters = kernel.shape[0], kernel.shape[2], kernel.shape[3]
    if on_jax() and channels <= FEW and size > 1:
        around = ops.concatenate(shifted(x, size, strides), axis=-1)
        outputs = ops.matmul(at_once(around), ops.reshape(kernel, (size * size * channels, filters)))
    else:
        outputs = ops.conv(x, kernel, strides=strides, padding="same")
    return outputs if bias is None else outputs + bias


def depthwise(x: Any, kernel: Any, bias: Any, strides: int) -> Any:
    """A depthwise convolution: (n, height, width, channels) by (size, size, channels), plus bias if there is one.

    "Same" padding as TensorFlow does it: the odd pixel goes after.
    """
    size = kernel.shape[0]
    if on_torch():
        rows, columns = (same_padding(length, size, strides) for length in (x.shape[1], x.shape[2]))
        return torch_depthwise(x, kernel, bias, strides, rows, columns)
    total: Any = 0.0 if bias is None else bias
    for place, part in enumerate(shifted(x, size, strides)):
        total = total + part * kernel[place // size, place % size]
    return total


def shifted(x: Any, size: int, strides: int) -> list[Any]:
    """What a convolution with "same" padding multiplies by each of its size * size weights, row by row."""
    height, width = x.shape[1], x.shape[2]
    out_height, out_width = -(-height // strides), -(-width // strides)
    rows, columns = same_padding(height, size, strides), same_padding(width, size, strides)
    padded = at_once(ops.pad(x, ((0, 0), rows, columns, (0, 0))))
    down, across = (out_height - 1) * strides + 1, (out_width - 1) * strides + 1
    return [
        padded[:, row : row + down : strides, column : column + across : strides]
        for row in range(size)
        for column in range(size)
    ]


def at_once(x: Any) -> Any:
    """On JAX: compute `x` before what follows, rather than again for each of its uses."""
    if not on_jax():
        return x
    import jax

    return jax.lax.optimization_barrier(x)


def torch_depthwise(
    x: Any, kernel: Any, bias: Any, strides: int, rows: tuple[int, int], columns: tuple[int, int]
) -> Any:
    from torch.nn import functional

    channels_first = x.permute(
        0, 3, 1, 2
    )  # a view: in memory this is torch's channels_last, which its kernels like best
    padding = (rows[0], columns[0])
    if rows[0] != rows[1] or columns[0] != columns[1]:
        channels_first = functional.pad(channels_first, (*columns, *rows))
        padding = (0, 0)
    weights = kernel.permute(2, 0, 1)[:, None]
    out = functional.conv2d(channels_first, weights, bias, strides, padding, groups=kernel.shape[-1])
    return out.permute(0, 2, 3, 1)


def same_padding(length: int, size: int, strides: int) -> tuple[int, int]:
    needed = max((-(-length // strides) - 1) * strides + size - length, 0)
    return needed // 2, needed - needed // 2


def normalise(
    x: Any,
    gamma: Any,
    beta: Any,
    mean: keras.Variable,
    variance: keras.Variable,
    training: bool,
    momentum: float,
    epsilon: float,
) -> Any:
    """Batch normalisation over all axes but the last (Ioffe & Szegedy 2015); in training it moves `mean` and `variance` along.

    On torch the result is flat: (m, channels).
    """
    if on_torch():
        from torch.nn import functional

        flat = x.reshape(-1, x.shape[-1])
        return functional.batch_norm(flat, mean.value, variance.value, gamma, beta, training, 1 - momentum, epsilon)
    if training:
        axes = tuple(range(len(x.shape) - 1))
        batch_mean, batch_variance = ops.moments(x, axes=axes)
        mean.assign(momentum * mean + (1 - momentum) * batch_mean)
        variance.assign(momentum * variance + (1 - momentum) * batch_variance)
    else:
        batch_mean, batch_variance = mean.value, variance.value
    return (x - batch_mean) * (gamma * ops.rsqrt(batch_variance + epsilon)) + beta
