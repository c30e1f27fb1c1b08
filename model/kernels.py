"""The two operations that a small CPU's time goes into, written for the backend in use. Both backends agree to rounding.

JAX (serving): a depthwise convolution is a sum of shifted slices, which XLA fuses into one loop; its grouped convolution is 10 to 30
times slower on a CPU. A 1x1 convolution is a matrix product. Torch (training, optional): its own kernels with the bias fused, and
ReLU6 in place, which saves a third of the passes over memory. Any other Keras backend gets the plain operations.
"""

from typing import Any

import keras
from keras import ops


def pointwise(x: Any, kernel: Any, bias: Any, activate: bool) -> Any:
    """A 1x1 convolution: (..., channels) times (channels, filters) plus bias, then ReLU6 if `activate`."""
    if keras.backend.backend() == "torch":
        import torch
        from torch.nn import functional

        # In place on the flat product: in place on a reshaped view would make autograd copy it.
        flat = torch.addmm(bias, x.reshape(-1, x.shape[-1]), kernel)
        return (functional.relu6(flat, inplace=True) if activate else flat).view(*x.shape[:-1], -1)
    outputs = ops.matmul(x, kernel) + bias
    return ops.clip(outputs, 0.0, 6.0) if activate else outputs


def depthwise(x: Any, kernel: Any, bias: Any, strides: int) -> Any:
    """A depthwise convolution and ReLU6: (n, height, width, channels) by (size, size, channels).

    "Same" padding as TensorFlow does it: the odd pixel goes after.
    """
    size = kernel.shape[0]
    height, width = x.shape[1], x.shape[2]
    rows, columns = same_padding(height, size, strides), same_padding(width, size, strides)
    if keras.backend.backend() == "torch":
        return torch_depthwise(x, kernel, bias, strides, rows, columns)
    out_height, out_width = -(-height // strides), -(-width // strides)
    padded = ops.pad(x, ((0, 0), rows, columns, (0, 0)))
    total: Any = bias
    for row in range(size):
        for column in range(size):
            down = slice(row, row + (out_height - 1) * strides + 1, strides)
            across = slice(column, column + (out_width - 1) * strides + 1, strides)
            total = total + padded[:, down, across] * kernel[row, column]
    return ops.clip(total, 0.0, 6.0)


def torch_depthwise(x: Any, kernel: Any, bias: Any, strides: int, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    from torch.nn import functional

    channels_first = x.permute(0, 3, 1, 2)  # a view: in memory this is torch's channels_last, which its kernels like best
    padding = (rows[0], columns[0])
    if rows[0] != rows[1] or columns[0] != columns[1]:
        channels_first = functional.pad(channels_first, (*columns, *rows))
        padding = (0, 0)
    weights = kernel.permute(2, 0, 1)[:, None]
    out = functional.conv2d(channels_first, weights, bias, strides, padding, groups=kernel.shape[-1])
    return functional.relu6(out, inplace=True).permute(0, 2, 3, 1)


def same_padding(length: int, size: int, strides: int) -> tuple[int, int]:
    needed = max((-(-length // strides) - 1) * strides + size - length, 0)
    return needed // 2, needed - needed // 2
