import sys
from pathlib import Path

import numpy as np
import pytest

import training.clip as clip
from model.transformer import DEVIATION, MEAN, clip_vit
from model.weights import grid, load_weights, write
from tests.training.narrow import BLOCKS, HIDDEN, SIDE, WIDTH, encoder, make_narrow
from training.clip import COARSE, FINE, clip_arrays, clip_layers, read_onnx
from training.compose import flat_head

Arrays = dict[str, np.ndarray]  # type: ignore[type-arg]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    make_narrow(monkeypatch)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Arrays:
    arrays = encoder()
    monkeypatch.setattr(clip, "read_onnx", lambda file: arrays)
    return arrays


def test_the_blocks_that_are_wanted_are_all_that_the_network_needs(stored: Arrays, tmp_path: Path) -> None:
    arrays = clip_arrays(Path("encoder.onnx"))
    assert f"encoder.layers.{BLOCKS}.mlp.fc1.bias" in stored, "the file has more blocks"
    network = clip_vit(SIDE)
    held = {f"composition/{layer.name}/{weight.name}" for layer in network.layers for weight in layer.weights}
    grids = {name for name in arrays if name.endswith(("/step", "/grain"))}
    assert set(arrays) - grids == held - {"composition/logit/kernel", "composition/logit/bias"}
    write({**arrays, **flat_head()}, tmp_path / "w.npz")
    load_weights(network, tmp_path / "w.npz")
    parts = [stored[f"encoder.layers.1.self_attn.{part}_proj.kernel"] for part in ("q", "k", "v")]
    found = np.asarray(network.get_layer("layer1_look").kernel.value)
    unit = grid({part: arrays[f"composition/layer1_look/{part}"] for part in ("step", "grain")})
    assert np.abs(found - np.concatenate(parts, axis=1)).max() > 0.05, "it was rounded"
    assert (np.abs(found - np.concatenate(parts, axis=1)) <= unit / 2 + 1e-5).all()
    bias = np.asarray(network.get_layer("layer1_gather").bias.value)
    assert bias == pytest.approx(stored["encoder.layers.1.self_attn.out_proj.bias"], abs=1e-3)
    assert found.shape == (WIDTH, 3 * WIDTH)
    assert network.get_layer("layer0_widen").kernel.shape == (WIDTH, HIDDEN)


def test_a_patch_is_weighed_as_the_encoders_convolution_does(stored: Arrays) -> None:
    import keras

    network = clip_vit(SIDE)
    network.get_layer("patch").set_weights(list(clip_layers(stored)["patch"].values()))
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    found = np.asarray(keras.Model(network.input, network.get_layer("patch").output)(pixels))
    prepared = (pixels / 255 - np.array(MEAN)) / np.array(DEVIATION)
    kernel = stored["embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0)
    expected = np.asarray(keras.ops.conv(prepared.astype(np.float32), kernel, strides=16, padding="valid"))
    assert found == pytest.approx(expected.reshape(2, 9, WIDTH), abs=1e-3)


def test_the_grid_is_finer_in_the_first_block_and_where_more_comes_through(stored: Arrays) -> None:
    layers = clip_layers(stored)
    for index, step in ((0, FINE), (1, COARSE)):
        norm, widen, narrow = (layers[f"layer{index}_{name}"] for name in ("between", "widen", "narrow"))
        assert widen["grain"] == pytest.approx(1 / np.hypot(norm["gamma"], norm["beta"]), rel=1e-5)
        deviation = (widen["kernel"] / widen["grain"][:, None]).std(axis=0)
        assert widen["step"] == pytest.approx(step * deviation, rel=1e-4)
        assert (narrow["grain"] == 1).all()
        assert narrow["step"] == pytest.approx(step * narrow["kernel"].std(axis=0), rel=1e-4)


def test_what_a_normalisation_closes_has_a_grid_all_the_same(stored: Arrays) -> None:
    for part in ("weight", "bias"):
        stored[f"encoder.layers.0.layer_norm1.{part}"][3] = 0
    look = clip_layers(stored)["layer0_look"]
    assert np.isfinite(look["grain"]).all() and np.isfinite(look["step"]).all()
    assert look["grain"][3] == pytest.approx(1 / clip.LEAST)


def test_a_missing_encoder_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"encoder\.onnx is not there: training/clip\.py says"):
        read_onnx(tmp_path / "encoder.onnx")
    (tmp_path / "encoder.onnx").touch()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SystemExit, match="package onnx is missing"):
        read_onnx(tmp_path / "encoder.onnx")


def test_kernels_are_read_with_their_scales(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    multiples = np.arange(-6, 6, dtype=np.int8).reshape(4, 3)
    scale = np.array([0.5, 1.0, 2.0], np.float32)
    layer = "/vision_model/encoder/layers.0/mlp/fc1"
    tensors = {
        "onnx::MatMul_1_quantized": multiples,
        "onnx::MatMul_1_scale": scale,
        "onnx::MatMul_1_zero_point": np.zeros(3, np.int8),
        "vision_model.encoder.layers.0.mlp.fc1.bias": np.ones(3, np.float32),
        "text_model.bias": np.ones(2, np.float32),
    }
    node = helper.make_node("MatMulInteger", ["x", "onnx::MatMul_1_quantized"], ["y"], name=f"{layer}/MatMul_quant")
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 4])]
    outputs = [helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, 3])]
    initial = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    onnx.save(helper.make_model(helper.make_graph([node], "g", inputs, outputs, initial)), str(tmp_path / "e.onnx"))
    arrays = read_onnx(tmp_path / "e.onnx")
    assert set(arrays) == {"encoder.layers.0.mlp.fc1.bias", "encoder.layers.0.mlp.fc1.kernel"}
    assert np.array_equal(arrays["encoder.layers.0.mlp.fc1.kernel"], multiples * scale)
