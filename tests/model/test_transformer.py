"""The network for composition, narrow so that it is quick; its real width is only described."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import model.transformer as transformer
from model.transformer import HEADS, Attention, Patches, QuickGelu, clip_vit
from model.transformer import SIDE as REAL_SIDE
from model.weights import load_weights, save_weights

SIDE, PLACES = 48, 3
Floats = NDArray[np.float32]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "WIDTH", 24)
    monkeypatch.setattr(transformer, "HIDDEN", 40)
    monkeypatch.setattr(transformer, "BLOCKS", 2)


def drawn(seed: int) -> Any:
    """Two blocks with values under which every place counts."""
    network, random = clip_vit(SIDE), np.random.default_rng(seed)
    for layer in network.layers:
        values = {weight.name: weight for weight in layer.weights}
        for weight in values.values():
            weight.assign(random.normal(0, 0.4, weight.shape))
        if "gamma" in values:
            values["gamma"].assign(random.uniform(0.5, 1.5, values["gamma"].shape))
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

    network = describe("clip_vit", REAL_SIDE)
    assert network.name == "composition"
    assert network.output["logit"].shape == (None, 1)
    assert set(network.output) == {"logit"}
    assert network.get_layer("maps").output.shape == (None, 14, 14, 768)
    assert 35e6 < network.count_params() < 37e6  # five of ViT-B's twelve blocks


@pytest.mark.parametrize("side", [0, 15, 40, 225])
def test_a_side_that_patches_do_not_fill_is_refused(side: int) -> None:
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


def test_what_is_stored_gives_nearly_what_was_there(tmp_path: Path) -> None:
    before, served = drawn(6), drawn(7)
    pixels = picture(6, 4)
    expected = seen(before)(pixels)[0]
    assert np.abs(seen(served)(pixels)[0] - expected).max() > 1.5
    save_weights(before, tmp_path / "w.npz")
    load_weights(served, tmp_path / "w.npz")
    assert seen(served)(pixels)[0] == pytest.approx(expected, abs=0.6)  # a byte a weight
