"""The champion's network as an ONNX file of plain convolutions, channels first: the form that onnxruntime is fastest with."""

from pathlib import Path
from typing import Any

import numpy as np


def onnx_network(weights: Path, side: int) -> bytes:
    """uint8-valued floats (n, side, side, 3) named "pixels" -> "logit" (n, 1)."""
    from onnx import TensorProto, helper, numpy_helper

    from model.kernels import same_padding
    from model.network import STAGES, STEM
    from model.program import describe
    from model.weights import read_weights

    arrays = read_weights(describe("efficientnet_lite0", side), weights)
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{kind}{len(nodes)}"], **attributes))
        return str(nodes[-1].output[0])

    def convolution(x: str, layer: str, length: int, strides: int = 1, activate: bool = True) -> str:
        kernel = arrays[f"{layer}/kernel"]
        group = kernel.shape[-1] if kernel.ndim == 3 else 1
        if kernel.ndim == 2:  # (channels, filters)
            kernel = kernel[None, None]
        elif kernel.ndim == 3:  # (size, size, channels), depthwise
            kernel = kernel[:, :, None]
        kernel = kernel.transpose(3, 2, 0, 1)
        before, after = same_padding(length, kernel.shape[2], strides)
        x = node(
            "Conv", x, constant(f"{layer}/w", kernel), constant(f"{layer}/b", arrays[f"{layer}/bias"]),
            strides=[strides, strides], pads=[before, before, after, after], group=group,
        )  # fmt: skip
        return node("Clip", x, "zero", "six") if activate else x

    constant("zero", 0.0)
    constant("six", 6.0)
    x = node("Transpose", "pixels", perm=[0, 3, 1, 2])
    x = node("Mul", node("Sub", x, constant("middle", 127.0)), constant("scale", 1 / 128))
    x, length, channels = convolution(x, "stem", side, 2), -(-side // 2), STEM
    for stage, (_, strides, expansion, filters, repeats) in enumerate(STAGES):
        for repeat in range(repeats):
            stride, name, before = (strides if repeat == 0 else 1), f"block{stage}{repeat}", x
            if expansion > 1:
                x = convolution(x, f"{name}_expand", length)
            x = convolution(x, f"{name}_depthwise", length, stride)
            length = -(-length // stride)
            x = convolution(x, f"{name}_project", length, activate=False)
            if stride == 1 and channels == filters:
                x = node("Add", before, x)
            channels = filters
    x = node("Flatten", node("GlobalAveragePool", convolution(x, "maps", length)))
    head = constant("w", arrays["logit/kernel"]), constant("b", arrays["logit/bias"])
    nodes.append(helper.make_node("Gemm", [x, *head], ["logit"]))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", side, side, 3])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return bytes(model.SerializeToString())
