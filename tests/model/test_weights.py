from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.network import tiny
from model.transformer import Linear
from model.weights import code, load_weights, save_weights

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)


def logits(network: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(network(PIXELS, training=False)["logit"])  # type: ignore[operator]


def test_weights_come_back(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    network, other = tiny(32), tiny(32)
    for layer in network.layers:
        for weight in layer.weights:
            weight.assign(random.normal(0, 0.3, weight.shape))
    save_weights(network, tmp_path / "w.npz")
    assert np.abs(logits(other) - logits(network)).max() > 1e-3
    load_weights(other, tmp_path / "w.npz")
    assert logits(other) == pytest.approx(logits(network), abs=5e-3)  # float16 on disk
    assert [file.name for file in tmp_path.iterdir()] == ["w.npz"]


def test_normalisation_is_folded_in(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    network = tiny(32, embedding=4, normalised=True)
    for layer in network.layers:
        if hasattr(layer, "gamma"):
            width = layer.gamma.shape
            layer.gamma.assign(random.uniform(0.5, 1.5, width))
            layer.bias.assign(random.normal(0, 0.5, width))
            layer.mean.assign(random.normal(0, 0.5, width))
            layer.variance.assign(random.uniform(0.5, 2.0, width))
    save_weights(network, tmp_path / "w.npz")
    served = tiny(32)
    load_weights(served, tmp_path / "w.npz")
    assert logits(served) == pytest.approx(logits(network), abs=1e-2)
    with np.load(tmp_path / "w.npz") as stored:
        assert not [name for name in stored.files if "embedding" in name or "gamma" in name]


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    save_weights(tiny(32), tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as stored:
        arrays = dict(stored)
    wrong = {**arrays, "maps/kernel": np.zeros((3, 3), np.float16)}
    np.savez(tmp_path / "shape.npz", **wrong)
    with pytest.raises(ValueError, match="maps/kernel has shape"):
        load_weights(tiny(32), tmp_path / "shape.npz")
    del arrays["logit/bias"]
    np.savez(tmp_path / "lacks.npz", **arrays)
    with pytest.raises(ValueError, match="no weight logit/bias"):
        load_weights(tiny(32), tmp_path / "lacks.npz")


def filled(network: Any, seed: int) -> Any:
    random = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(random.normal(0, 0.3, weight.shape))
    return network


def for_composition(channels: int = 48, units: int = 8) -> Any:
    """It shares two names of layers with `tiny`."""
    import keras

    pixels = keras.Input((32, 32, 3), name="pixels")
    x = keras.layers.Reshape((8 * 8, channels))(pixels)
    x = keras.layers.GlobalAveragePooling1D()(Linear(units, name="maps")(x))
    return keras.Model(pixels, {"logit": keras.layers.Dense(1, name="logit")(x)}, name="composition")


def stored_in(file: Path) -> dict[str, Any]:
    with np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_the_other_network_of_a_version_stays_as_it_is(tmp_path: Path) -> None:
    main, whole = filled(tiny(32), 1), filled(for_composition(), 2)
    save_weights(main, tmp_path / "main.npz")
    save_weights(whole, tmp_path / "both.npz", tmp_path / "main.npz")
    before, both = stored_in(tmp_path / "main.npz"), stored_in(tmp_path / "both.npz")
    assert {name for name in both if name not in before} == {
        f"composition/{name}" for name in ("maps/kernel", "maps/step", "maps/bias", "logit/kernel", "logit/bias")
    }
    for network, of in ((tiny(32), main), (for_composition(), whole)):
        load_weights(network, tmp_path / "both.npz")
        assert logits(network) == pytest.approx(logits(of), rel=0.1)  # one byte a weight

    save_weights(filled(tiny(32), 3), tmp_path / "newer.npz", tmp_path / "both.npz")
    newer = stored_in(tmp_path / "newer.npz")
    assert set(newer) == set(both)
    changed = {name for name in both if not np.array_equal(both[name], newer[name])}
    assert changed == set(before)

    save_weights(filled(for_composition(), 4), tmp_path / "newest.npz", tmp_path / "newer.npz")
    newest = stored_in(tmp_path / "newest.npz")
    assert {name for name in newer if not np.array_equal(newer[name], newest[name])} == set(both) - set(before)

    save_weights(main, tmp_path / "both.npz", tmp_path / "both.npz")  # into the file that it reads
    assert set(stored_in(tmp_path / "both.npz")) == set(both)


def test_a_version_without_the_network_for_composition_says_so(tmp_path: Path) -> None:
    save_weights(tiny(32), tmp_path / "w.npz")
    with pytest.raises(ValueError, match="no weight composition/maps/kernel"):
        load_weights(for_composition(), tmp_path / "w.npz")


def test_coded_kernels_are_smaller_than_float16() -> None:
    kernel = np.random.default_rng(0).normal(0, 0.02, (300, 400)).astype(np.float32)
    coded = code({"kernel": kernel})
    assert coded["kernel"].nbytes < 0.5 * kernel.size * 2
    assert coded["step"].shape == (400,)
    step = np.full(400, 0.35 * 0.02, np.float32)
    coarse = code({"kernel": kernel, "step": step, "grain": np.ones(300, np.float32)})
    assert coarse["kernel"].nbytes * 8 < 3.7 * kernel.size, "bits a weight"


def test_a_kernel_is_stored_to_a_254th_of_each_units_range(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    network, other = for_composition(), for_composition()
    kernel = random.normal(0, 1, (48, 8)).astype(np.float32) * np.logspace(-8, 2, 8, dtype=np.float32)
    kernel[:, 3] = 0.0
    network.get_layer("maps").kernel.assign(kernel)
    save_weights(network, tmp_path / "w.npz")
    load_weights(other, tmp_path / "w.npz")
    found = np.asarray(other.get_layer("maps").kernel.value)
    assert (np.abs(found - kernel) <= np.abs(kernel).max(axis=0) / 253 + 1e-8).all()
    assert (found[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kernel": 40}, "has shape \\(40, 8\\), the network's is \\(48, 8\\)"),
        ({"step": np.ones(7, np.float32)}, "has 384 numbers, which do not make 7 columns of 54"),
        ({"step": np.ones(6, np.float32)}, "has shape \\(64, 6\\)"),
        ({"grain": np.ones(5, np.float32)}, "has 384 numbers, which do not make 8 columns of 5"),
        ({"step": None}, "has no step beside it"),
        ({"kernel": np.full(9, 255, np.uint8)}, "is damaged"),
    ],
)
def test_a_coded_kernel_that_does_not_fit_is_named(tmp_path: Path, wrong: dict[str, Any], sentence: str) -> None:
    save_weights(filled(for_composition(), 1), tmp_path / "w.npz")
    arrays = stored_in(tmp_path / "w.npz")
    for part, value in wrong.items():
        if isinstance(value, int):
            value = code({"kernel": np.ones((value, 8), np.float32)})[part]
        arrays[f"composition/maps/{part}"] = value
    np.savez(tmp_path / "w.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(ValueError, match=f"w.npz: composition/maps/kernel {sentence}"):
        load_weights(for_composition(), tmp_path / "w.npz")
