"""The network for composition, narrow so that it is quick; its real width is only described."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import model.transformer as transformer
from model.transformer import HEADS, Attention, Linear, Patches, QuickGelu, clip_vit
from model.weights import load_weights, save_weights

SIDE, PLACES = 48, 3
Floats = NDArray[np.float32]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "WIDTH", 24)
    monkeypatch.setattr(transformer, "HIDDEN", 40)


def drawn(seed: int, normalised: bool = False) -> Any:
    """Two blocks with values under which every place counts."""
    network, random = clip_vit(SIDE, normalised=normalised, blocks=2), np.random.default_rng(seed)
    for layer in network.layers:
        values = {weight.name: weight for weight in layer.weights}
        for weight in values.values():
            weight.assign(random.normal(0, 0.4, weight.shape))
        if "gamma" in values:
            values["gamma"].assign(random.uniform(0.5, 1.5, values["gamma"].shape))
        if "grain" in values:
            values["grain"].assign(random.uniform(0.5, 2.0, values["grain"].shape))
            values["step"].assign(random.uniform(0.1, 0.2, values["step"].shape))
    return network


def picture(seed: int, pictures: int = 1) -> Floats:
    return np.random.default_rng(seed).integers(0, 256, (pictures, SIDE, SIDE, 3)).astype(np.float32)


def seen(network: Any) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Logits and maps."""
    import keras

    whole = keras.Model(network.input, [network.output["logit"], network.get_layer("maps").output])

    def run(pixels: Floats) -> tuple[Floats, Floats]:
        logits, maps = whole(pixels, training=False)
        return np.asarray(logits), np.asarray(maps)

    return run


def test_shapes_at_the_width_of_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    from model.program import describe

    network = describe("clip_vit", 160)
    assert network.name == "composition"
    assert network.output["logit"].shape == (None, 1)
    assert set(network.output) == {"logit"}
    assert network.get_layer("maps").output.shape == (None, 10, 10, 768)
    assert 35e6 < network.count_params() < 37e6  # five of ViT-B's twelve blocks
    taught = clip_vit(32, embedding=7, normalised=True, blocks=0)
    assert taught.output["embedding"].shape == (None, 7)


@pytest.mark.parametrize("side", [None, 0, 15, 40, 161])
def test_a_side_that_patches_do_not_fill_is_refused(side: int | None) -> None:
    with pytest.raises(ValueError, match=f"multiple of 16 pixels, not {side}"):
        clip_vit(side)


def test_the_logit_is_the_mean_of_what_the_places_speak_for() -> None:
    network = drawn(1)
    logits, maps = seen(network)(picture(1, 3))
    kernel, bias = (np.asarray(weight.value) for weight in network.get_layer("logit").weights)
    places = (maps @ kernel + bias)[..., 0]
    assert places.shape == (3, PLACES, PLACES)
    assert places.std() > 0.1
    assert np.ptp(logits) > 1e-2
    assert logits[:, 0] == pytest.approx(places.mean(axis=(1, 2)), abs=1e-4)


def test_every_part_of_the_picture_counts_and_every_place_sees_it() -> None:
    network, before = drawn(2), picture(2)
    for index in range(2):  # each place mostly keeps to itself
        gather = network.get_layer(f"layer{index}_gather").kernel
        gather.assign(gather.value * 0.2)
    run = seen(network)
    logit, maps = run(before)
    changed = np.repeat(before, PLACES * PLACES, axis=0)
    for index in range(PLACES * PLACES):
        row, column = 16 * (index // PLACES), 16 * (index % PLACES)
        changed[index, row : row + 16, column : column + 16] = (
            255 - changed[index, row : row + 16, column : column + 16]
        )
    logits, moved = run(changed)
    assert (np.abs(logits - logit) > 1e-4).all()
    assert np.abs(moved - maps).max(axis=3).reshape(9, 9).min() > 1e-4
    own = np.abs(moved - maps).mean(axis=3).reshape(9, 9)
    assert own.argmax(axis=1).tolist() == list(range(9)), "a place of the map is where its patch is"


def test_where_something_is_counts() -> None:
    run, pixels = seen(drawn(3)), picture(3)
    turned = np.concatenate([pixels[:, 16:], pixels[:, :16]], axis=1)  # the same patches, elsewhere
    assert abs(float(run(pixels)[0][0, 0] - run(turned)[0][0, 0])) > 1e-3


def test_patches_go_row_by_row() -> None:
    pixels = picture(4)
    patches = np.asarray(Patches()(pixels))
    assert patches.shape == (1, 9, 768)
    assert np.array_equal(patches[0, 5], pixels[0, 16:32, 32:48].ravel())


def test_attention_is_each_heads_softmax() -> None:
    random, width = np.random.default_rng(5), 2 * HEADS
    given = random.normal(size=(2, 4, 3 * width)).astype(np.float32)
    found = np.asarray(Attention()(given))
    queries, keys, values = (part.reshape(2, 4, HEADS, 2) for part in np.split(given, 3, axis=-1))
    scores = np.exp(np.einsum("nqhd,nkhd->nhqk", queries, keys) / np.sqrt(2))
    expected = np.einsum("nhqk,nkhd->nqhd", scores / scores.sum(axis=-1, keepdims=True), values)
    assert found == pytest.approx(expected.reshape(2, 4, width), abs=1e-5)
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    assert np.asarray(QuickGelu()(x)) == pytest.approx(x / (1 + np.exp(-1.702 * x)), abs=1e-6)


def coarse(channels: int, units: int, dtype: str = "float32") -> tuple[Any, Floats]:
    """A layer on a grid, and its kernel rounded to it."""
    random, layer = np.random.default_rng(channels), Linear(units, coarse=True, dtype=dtype)
    layer.build((None, channels))
    kernel = random.normal(0, 1, (channels, units)).astype(np.float32)
    step = random.uniform(0.2, 0.4, units).astype(np.float32)
    grain = random.uniform(0.5, 2.0, channels).astype(np.float32)
    for weight, value in ((layer.kernel, kernel), (layer.step, step), (layer.grain, grain)):
        weight.assign(value)
    unit = grain[:, None] * step
    return layer, np.round(kernel / unit) * unit


def test_the_forward_pass_uses_whole_multiples() -> None:
    layer, rounded = coarse(40, 30)
    assert np.abs(rounded - np.asarray(layer.kernel.value)).max() > 0.1
    used = np.asarray(layer(np.eye(40, dtype=np.float32)))
    assert used == pytest.approx(rounded, abs=1e-5)


def test_what_is_learnt_with_in_bfloat16_is_what_is_stored() -> None:
    layer, rounded = coarse(200, 300, "mixed_bfloat16")
    used = np.asarray(layer(np.eye(200, dtype=np.float32))).astype(np.float32)
    assert used == pytest.approx(rounded, rel=0.01, abs=1e-3), "another multiple is a whole step away"


def test_the_gradient_passes_through_the_rounding() -> None:
    import jax
    import jax.numpy as jnp

    layer, rounded = coarse(6, 5)
    random = np.random.default_rng(0)
    inputs, wanted = random.normal(size=(8, 6)).astype(np.float32), random.normal(size=(8, 5)).astype(np.float32)
    trained = [variable.value for variable in layer.trainable_variables]
    fixed = [variable.value for variable in layer.non_trainable_variables]
    assert [variable.name for variable in layer.trainable_variables] == ["kernel", "bias"]

    def loss(values: Any) -> Any:
        outputs, _ = layer.stateless_call(values, fixed, inputs)
        return jnp.sum((outputs - wanted) ** 2)

    kernel, bias = jax.grad(loss)(trained)
    error = 2 * (inputs @ rounded - wanted)
    assert np.asarray(kernel) == pytest.approx(inputs.T @ error, rel=1e-4, abs=1e-3)
    assert np.asarray(bias) == pytest.approx(error.sum(axis=0), rel=1e-4, abs=1e-3)


def test_what_is_served_gives_what_training_gave(tmp_path: Path) -> None:
    trained, served, again = drawn(6, normalised=True), drawn(7), drawn(8, normalised=True)
    pixels = picture(6, 4)
    expected = seen(trained)(pixels)[0]
    save_weights(trained, tmp_path / "w.npz")
    for network in (served, again):
        assert np.abs(seen(network)(pixels)[0] - expected).max() > 0.1
        load_weights(network, tmp_path / "w.npz")
        assert seen(network)(pixels)[0] == pytest.approx(expected, abs=1e-2)
    kernel = np.asarray(trained.get_layer("layer0_look").kernel.value)
    assert np.abs(np.asarray(served.get_layer("layer0_look").kernel.value) - kernel).max() > 0.05, "it was rounded"
