"""What the head for composition is fitted on, and how; test_composition.py takes it on to a served champion."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training.clip as clip
import training.compose as composing
from model.network import tiny
from model.weights import load_weights, save_weights
from tests.training.made import data_set
from tests.training.narrow import SIDE, WIDTH, encoder, make_narrow
from training.compose import LARGE, RIDGES, Samples, compose, draw, fit, see
from training.dataset import read_items
from training.metrics import auroc
from training.prepare import write_part
from training.recipe import Recipe
from training.tiles import Tiles, open_tiles

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")  # of Keras

SAMPLES, CHUNK = 50, 20
Floats = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_narrow(patch)
        patch.setattr(composing, "CHUNK", CHUNK)
        yield


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> list[range]:
    """Which samples the encoder was shown, in this test."""
    shown: list[range] = []
    real = composing.features_of

    def watched(forward: Any, samples: Samples, numbers: range) -> Any:
        shown.append(numbers)
        return real(forward, samples, numbers)

    monkeypatch.setattr(composing, "features_of", watched)
    monkeypatch.setattr(clip, "read_onnx", lambda file: encoder(int(file.stem)))
    return shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def prepared(folder: Path) -> Path:
    (folder / "prepared").mkdir()
    items = list(read_items([data_set(folder / "data", pictures=1, held_out=2)]))
    write_part(folder / "prepared" / "first.arrow", items)
    return folder / "prepared"


@pytest.fixture(scope="module")
def main(folder: Path) -> Path:
    """A version of one network, that held out fold 0."""
    recipe = Recipe("main", "tiny", "scratch", side=32, batch=1, steps=1, learning_rate=1.0)
    (folder / "main").mkdir()
    save_weights(tiny(32), folder / "main" / "weights.npz")
    (folder / "main" / "training.json").write_text(f'{{"recipe": {json.dumps(recipe.as_dict())}}}')
    return folder / "main"


def run(prepared: Path, out: Path, main: Path, clip: Path = Path("1.onnx"), **changes: Any) -> dict[str, Any]:
    compose(prepared, out, str(main), clip, **{"samples": SAMPLES, **changes})
    with np.load(out / "weights.npz") as stored:
        return {name: stored[name] for name in stored.files}


WHOLE_RUN = [range(20), range(20, 40), range(40, 50)]


class TestSeeing:
    def test_a_run_that_was_broken_off_goes_on_where_it_was(
        self, prepared: Path, main: Path, tmp_path: Path, looked: list[range]
    ) -> None:
        first = run(prepared, tmp_path, main)
        assert looked == WHOLE_RUN
        (tmp_path / "seen-000020.npz").unlink()
        second = run(prepared, tmp_path, main)
        assert looked[3:] == [range(20, 40)]
        assert set(first) == set(second)
        assert all(np.array_equal(value, second[name]) for name, value in first.items())

    def test_tiles_that_were_added_in_between_are_drawn_and_seen(
        self, prepared: Path, main: Path, folder: Path, tmp_path: Path, looked: list[range]
    ) -> None:
        more = tmp_path / "prepared"
        more.mkdir()
        (more / "first.arrow").write_bytes((prepared / "first.arrow").read_bytes())
        run(more, tmp_path / "out", main)
        more_items = list(read_items([data_set(tmp_path / "data", pictures=2, held_out=0)]))
        write_part(more / "second.arrow", [replace(item, id=f"new-{item.id}") for item in more_items])
        found = run(more, tmp_path / "out", main)
        assert looked[3:] == WHOLE_RUN
        fresh = run(more, tmp_path / "fresh", main)
        assert all(np.array_equal(value, found[name]) for name, value in fresh.items())

    def test_other_tiles_in_the_same_order_are_seen_anew(
        self, prepared: Path, main: Path, tmp_path: Path, looked: list[range]
    ) -> None:
        run(prepared, tmp_path, main)
        tiles = open_tiles(prepared)
        others = replace(tiles, id=np.char.add("other-", tiles.id))
        samples = draw(tiles, 0, SAMPLES)
        see(samples, tmp_path)
        assert looked == WHOLE_RUN, "these were seen"
        see(Samples(others, samples.rows), tmp_path)
        assert looked[3:] == WHOLE_RUN

    def test_another_encoder_looks_for_itself(
        self, prepared: Path, main: Path, tmp_path: Path, looked: list[range]
    ) -> None:
        run(prepared, tmp_path, main)
        found = run(prepared, tmp_path, main, Path("2.onnx"))
        assert looked[3:] == WHOLE_RUN
        fresh = run(prepared, tmp_path / "fresh", main, Path("2.onnx"))
        assert all(np.array_equal(value, found[name]) for name, value in fresh.items())

    def test_the_logit_of_the_network_is_the_head_on_the_mean_features(
        self, prepared: Path, main: Path, tmp_path: Path
    ) -> None:
        from model.transformer import clip_vit

        arrays = run(prepared, tmp_path, main)
        samples = draw(open_tiles(prepared), 0, SAMPLES)
        features = see(samples, tmp_path)
        assert features.shape == (SAMPLES, WIDTH)
        kernel, bias = arrays["composition/logit/kernel"], arrays["composition/logit/bias"]
        assert (kernel.shape, kernel.dtype, bias.shape) == ((WIDTH, 1), np.float32, (1,))
        network = clip_vit(SIDE)
        load_weights(network, tmp_path / "weights.npz")
        pixels = np.stack([samples.pixels(number, SIDE) for number in range(6)]).astype(np.float32)
        logits = np.asarray(network(pixels)["logit"])
        assert np.ptp(logits) > 0.1
        assert logits == pytest.approx(features[:6] @ kernel + bias, abs=1e-3)

    def test_what_is_held_out_is_not_drawn(
        self, prepared: Path, main: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tiles = open_tiles(prepared)
        for fold in (0, 3, -1):
            drawn = draw(tiles, fold, 400)
            assert set(drawn.fold.tolist()) == {0, 1, 2, 3, 4} - {fold}
            assert set(tiles.view[drawn.rows].tolist()) == {"overview"}
            assert abs(drawn.label.mean() - 0.5) < 0.1
        run(prepared, tmp_path, main)
        assert "held out" not in capsys.readouterr().out
        run(prepared, tmp_path, main, fold=3)
        assert "main held out fold 0, not 3: measure on pictures that neither has learnt" in capsys.readouterr().out
        record = json.loads((tmp_path / "training.json").read_text())
        assert record["recipe"]["fold"] == 3
        assert record["command"] == "python -m training.compose --beside main --samples 50 --clip 1.onnx"
        assert sum(record["composed"]["pictures_by_source"].values()) == len(
            np.unique(tiles.id[draw(tiles, 3, SAMPLES).rows])
        )


def made(features: Floats, label: Any, fold: Any) -> tuple[Any, Samples]:
    nothing = np.zeros(len(label), "U1")
    tiles = Tiles(
        [], np.zeros(1, np.int64), np.array(label, np.int8), np.array(fold, np.int8), nothing, nothing, nothing, nothing, None
    )  # fmt: skip
    return features.astype(np.float32), Samples(tiles, np.arange(len(label)))


def close_pair(seed: int) -> tuple[Any, Samples]:
    """Of two features only the small difference tells the label: a ridge hides it."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, 400)
    common = random.normal(0, 1, 400)
    features = np.stack([common + 0.1 * label, common + random.normal(0, 0.02, 400)], axis=1) + 3
    return made(features, label, np.arange(400) % 4)


def needle(seed: int) -> tuple[Any, Samples]:
    """Few samples and many features that know nothing: without a ridge the noise is learnt."""
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, 90)
    features = random.normal(0, 1, (90, 60))
    features[:, :10] += 0.5 * label[:, None]
    return made(features, label, np.arange(90) % 3)


def plainly(features: Any, sign: Any, ridge: float, pull: Any) -> Any:
    """Weights of the features and a constant: least squares, with a row for each weight that should not leave `pull`."""
    width = features.shape[1]
    rows = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    held = np.sqrt(ridge) * np.eye(width, width + 1)
    return np.linalg.lstsq(np.concatenate([rows, held]), np.concatenate([sign, np.sqrt(ridge) * pull]), rcond=None)[0]


class TestFitting:
    @pytest.mark.parametrize("pulled", [False, True])
    @pytest.mark.parametrize("data", [close_pair, needle])
    def test_the_ridge_that_does_best_on_folds_left_out_is_taken(self, data: Any, pulled: bool) -> None:
        features, samples = data(3)
        x = features.astype(np.float64)
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        before = np.random.default_rng(4).normal(0, 0.2, x.shape[1]) if pulled else None
        pull = np.zeros(x.shape[1]) if before is None else before * deviation
        x = (x - mean) / deviation
        sign, label, fold = samples.label * 2.0 - 1, samples.label, samples.fold
        expected = {}
        for ridge in RIDGES:
            areas = []
            for out in np.unique(fold):
                weights = plainly(x[fold != out], sign[fold != out], ridge, pull)
                areas.append(auroc(x[fold == out] @ weights[:-1], label[fold == out]))
            expected[ridge] = float(np.mean(areas))
        kernel, bias, found = fit(features, samples, before)
        assert [float(name) for name in found["auroc_by_ridge"]] == list(RIDGES)
        assert list(found["auroc_by_ridge"].values()) == pytest.approx(list(expected.values()), abs=2e-3)
        assert found["ridge"] == max(expected, key=lambda ridge: expected[ridge])
        weights = plainly(x, sign, found["ridge"], pull)
        assert features @ kernel[:, 0] + bias[0] == pytest.approx(x @ weights[:-1] + weights[-1], abs=1e-2)

    def test_which_ridge_is_best_depends_on_the_samples(self) -> None:
        assert fit(*close_pair(3))[2]["ridge"] == min(RIDGES) < fit(*needle(3))[2]["ridge"]

    @pytest.mark.parametrize("pulled", [False, True])
    def test_where_no_fold_can_be_left_out_the_ridge_is_large(self, pulled: bool) -> None:
        features, samples = needle(5)
        before = np.full(60, 0.3) if pulled else None
        one_fold = replace(samples.tiles, fold=np.zeros(90, np.int8))
        label_by_fold = replace(samples.tiles, fold=samples.label)
        for tiles in (one_fold, label_by_fold):
            kernel, _, found = fit(features, replace(samples, tiles=tiles), before)
            assert found == {"ridge": LARGE, "auroc_by_ridge": {}}
            near = 0.3 if pulled else 0.0
            assert np.abs(kernel - near).max() < 0.05
            assert np.abs(kernel - near).max() > 1e-4, "it learnt a little"
