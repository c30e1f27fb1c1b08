import sys
from pathlib import Path

import numpy as np
import pytest

import training.clip as clip
from tests.training.narrow import BLOCKS, HIDDEN, WIDTH, encoder, make_narrow
from training.clip import COARSE, FINE, clip_weights, read_onnx, resize_places
from training.recipe import Recipe
from training.start import build_network

RECIPE = Recipe("whole", "clip_vit", "clip:encoder.onnx", side=48, batch=4, steps=1, learning_rate=1e-3, frozen=1)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    make_narrow(monkeypatch)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    arrays = encoder()
    monkeypatch.setattr(clip, "read_onnx", lambda file: arrays)
    return arrays


def test_every_layer_gets_its_weights(stored: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    arrays = clip_weights(Path("encoder.onnx"), 48, frozen=1)
    network = build_network(RECIPE, embedding=5)  # which refuses names and shapes that it has not
    held = {f"{layer.name}/{weight.name}" for layer in network.layers for weight in layer.weights}
    new = {"after", "logit", "embedding"}
    assert {name for name in held - set(arrays) if name.split("/")[0] not in new} == {"patch/bias"}, "CLIP has none"
    parts = [stored[f"encoder.layers.1.self_attn.{part}_proj.kernel"] for part in ("q", "k", "v")]
    assert np.array_equal(arrays["layer1_look/kernel"], np.concatenate(parts, axis=1))
    assert np.array_equal(arrays["layer1_gather/bias"], stored["encoder.layers.1.self_attn.out_proj.bias"])
    assert arrays["layer0_widen/kernel"].shape == (WIDTH, HIDDEN)
    assert np.array_equal(np.asarray(network.get_layer("layer1_narrow").kernel.value), arrays["layer1_narrow/kernel"])


def test_a_patch_is_weighed_as_the_encoders_convolution_does(stored: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    import keras

    network = build_network(RECIPE, embedding=0)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 48, 48, 3)).astype(np.float32)
    found = np.asarray(keras.Model(network.input, network.get_layer("patch").output)(pixels))
    prepared = (pixels / 255 - clip_mean()) / clip_deviation()
    kernel = stored["embeddings.patch_embedding.weight"].transpose(2, 3, 1, 0)
    expected = np.asarray(keras.ops.conv(prepared.astype(np.float32), kernel, strides=16, padding="valid"))
    assert found == pytest.approx(expected.reshape(2, 9, WIDTH), abs=1e-3)


def clip_mean() -> np.ndarray:  # type: ignore[type-arg]
    return np.array([0.48145466, 0.4578275, 0.40821073])


def clip_deviation() -> np.ndarray:  # type: ignore[type-arg]
    return np.array([0.26862954, 0.26130258, 0.27577711])


@pytest.mark.usefixtures("stored")
def test_the_grid_is_finer_in_blocks_that_stay_and_where_more_comes_through() -> None:
    arrays = clip_weights(Path("encoder.onnx"), 48, frozen=1)
    for index, step in ((0, FINE), (1, COARSE)):
        strength = np.hypot(arrays[f"layer{index}_between/gamma"], arrays[f"layer{index}_between/beta"])
        assert arrays[f"layer{index}_widen/grain"] == pytest.approx(1 / strength, rel=1e-5)
        assert (arrays[f"layer{index}_narrow/grain"] == 1).all()
        kernel = arrays[f"layer{index}_narrow/kernel"]
        assert arrays[f"layer{index}_narrow/step"] == pytest.approx(step * kernel.std(axis=0), rel=1e-4)
    assert clip_weights(Path("encoder.onnx"), 48, frozen=0)["layer0_narrow/step"] == pytest.approx(
        arrays["layer0_narrow/step"] * COARSE / FINE, rel=1e-4
    )


@pytest.mark.usefixtures("stored")
def test_what_is_frozen_is_not_trained() -> None:
    network = build_network(RECIPE, embedding=0)
    trained = {variable.path.split("/")[0] for variable in network.trainable_variables}
    assert trained == {
        *(f"layer{BLOCKS - 1}_{part}" for part in ("before", "look", "gather", "between", "widen", "narrow")),
        "after",
        "logit",
    }


def test_places_keep_their_order_in_another_grid() -> None:
    ramp = np.zeros((197, WIDTH), np.float32)
    ramp[0] = 7
    ramp[1:, 0], ramp[1:, 1] = np.repeat(np.arange(14), 14), np.tile(np.arange(14), 14)
    assert np.array_equal(resize_places(ramp, 14), ramp)
    small = resize_places(ramp, 3)
    assert small.shape == (10, WIDTH)
    assert (small[0] == 7).all()
    rows, columns = small[1:, 0].reshape(3, 3), small[1:, 1].reshape(3, 3)
    assert (np.diff(rows, axis=0) > 2).all() and np.abs(np.diff(rows, axis=1)).max() < 1e-4
    assert columns == pytest.approx(rows.T, abs=1e-4)


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
