"""From prepared tiles to a promoted version of two networks, on a narrow transformer and the smallest network beside it."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import training.clip as clip
import training.compose
from model.network import tiny
from model.registry import Registry
from model.weights import save_weights
from tests.training.made import data_set, encoded, made_scores, picture
from tests.training.narrow import encoder, make_narrow
from training import evaluate, promote
from training.augment import augment_whole
from training.checkpoints import Checkpoint, open_checkpoint
from training.compose import compose, draw, fit, see
from training.dataset import Item, read_items
from training.fitting import Rule, fit_all, probabilities
from training.forward import judge
from training.pictures import picture_of
from training.prepare import open_upright, write_part
from training.recipe import Recipe
from training.scores import read_cache, write_chunk
from training.tierviews import views_of
from training.tiles import open_tiles
from training.train import name_networks, train

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning"),  # of Keras's own
]

SIDE = 32
MAIN = Recipe(
    "main", "tiny", "scratch", side=SIDE, batch=16, steps=40, learning_rate=0.02, warmup=5, average=0.9, dropout=0.0
)


def checkpoint(composition: str = "") -> Checkpoint:
    return Checkpoint("other", Path("other"), "0" * 64, "tiny", composition, 48, SIDE, 8, 0, None, None, {})


def test_a_network_goes_with_the_one_beside() -> None:
    assert name_networks(MAIN, None) == {"network": "tiny"}
    assert name_networks(MAIN, checkpoint()) == {"network": "tiny"}
    both = {"network": "tiny", "composition": "clip_vit", "composition_side": 48, "composed": None}
    assert name_networks(MAIN, checkpoint("clip_vit")) == both


class TestScores:
    def test_composition_is_asked_about_the_picture_as_a_whole(self) -> None:
        whole = picture_of({"original": original(300, 200)})
        (entry,) = views_of(whole, ["clean"], 8, SIDE, 48)
        asked: list[np.ndarray] = []  # type: ignore[type-arg]

        def compose(pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            asked.append(pixels)
            return np.array([5.0], np.float32)

        judged, answers = judge(entry, brightness, compose)
        assert judged.kinds == (*entry.kinds, "composition")
        assert answers.shape == (9,) and answers[-1] == 5
        assert answers[:-1] == pytest.approx(brightness(entry.pixels))
        assert len(asked) == 1 and asked[0].shape == (1, 48, 48, 3)
        assert np.array_equal(asked[0][0], entry.whole)
        same, plain = judge(entry, brightness, None)
        assert same.kinds == entry.kinds and plain.shape == (8,)

    def test_a_picture_without_an_overview_is_not_asked_about(self, tmp_path: Path) -> None:
        crop = Item("one", 0, "photo", "", "s", 0, "crop", 300, encoded(picture(0, 1, 256, 256)))
        (entry,) = views_of(picture_of({"crop": crop}), ["clean"], 8, SIDE, 48)
        assert entry.whole is None and set(entry.kinds) == {"native"}
        judged, answers = judge(entry, brightness, unasked)
        assert set(judged.kinds) == {"native"}
        write_chunk(tmp_path, [(judged, answers)], 9)
        ((logits, kinds),) = read_cache(tmp_path).values()
        assert logits.shape == (9,)
        assert 3 not in kinds and np.isnan(logits[kinds == 0]).all() and (kinds == 0).any()

    def test_without_composition_it_speaks_for_neither(self) -> None:
        made = made_scores(sources=2, each=3)
        column = np.full((*made.logits.shape[:2], 1), 2.0, np.float32)
        kinds = np.full(column.shape, 3, np.int8)
        column[0], kinds[0] = np.nan, 0
        both = replace(
            made,
            logits=np.concatenate([made.logits, column], axis=2),
            kinds=np.concatenate([made.kinds, kinds], axis=2),
        )
        both.logits[1, 1], both.kinds[1, 1] = np.nan, 0  # nothing at all at this tier
        means = both.means()
        assert np.array_equal(means[:2, [0, 2]], made.means()[:2, [0, 2]])
        assert means[2, 0].tolist() == [0, 0] and means[2, 2].tolist() == [2, 2]
        assert np.isnan(means[:, 1, 1]).all() and not np.isnan(means[:, 1, 0]).any()
        assert (made.means()[2] == 0).all()

    def test_what_composition_knows_gets_its_weight_and_serving_agrees(self) -> None:
        made = made_scores(sources=20, each=30, apart=0.5)
        known = np.random.default_rng(9).normal((made.label - 0.5) * 3, 1)[:, None, None].repeat(2, axis=1)
        both = replace(
            made,
            logits=np.concatenate([made.logits, known.astype(np.float32)], axis=2),
            kinds=np.concatenate([made.kinds, np.full(known.shape, 3, np.int8)], axis=2),
        )
        plain, fitted = fit_all(made, Rule()), fit_all(both, Rule())
        assert plain.calibration.composition == 0
        assert fitted.calibration.composition > 1.5
        assert np.mean(fitted.verdicts.answers[made.label == 1] == "ai") > 0.5
        p = probabilities(fitted.calibration, both)
        names = ["overview", "native", "composition"]
        served = [fitted.calibration.probability(row.tolist(), names) for row in both.logits[:, 1]]
        assert p[:, 1] == pytest.approx(served, abs=1e-6)


def original(width: int, height: int) -> Item:
    return Item("one", 0, "photo", "", "s", 0, "original", width, encoded(picture(0, 1, width, height)))


def brightness(pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return pixels.mean(axis=(1, 2, 3)).astype(np.float32)


def unasked(pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    raise AssertionError("there is no overview to ask about")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("composition")


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_narrow(patch)
        patch.setattr(clip, "read_onnx", lambda file: encoder())
        yield


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return data_set(folder / "data", pictures=2, held_out=12)


@pytest.fixture(scope="module")
def prepared(folder: Path, data: Path) -> Path:
    (folder / "prepared").mkdir()
    write_part(folder / "prepared" / "part.arrow", list(read_items([data])))
    return folder / "prepared"


@pytest.fixture(scope="module")
def main(folder: Path) -> Path:
    """A version of one network, that knows little."""
    network, random = tiny(SIDE), np.random.default_rng(1)
    for weight in network.weights:
        weight.assign(random.normal(0, 0.3, weight.shape))
    (folder / "main").mkdir()
    save_weights(network, folder / "main" / "weights.npz")
    (folder / "main" / "training.json").write_text(json.dumps({"recipe": MAIN.as_dict()}))
    return folder / "main"


@pytest.fixture(scope="module")
def both(folder: Path, prepared: Path, main: Path, narrow: None) -> Path:
    """The same with the network for composition beside it."""
    compose(prepared, folder / "both", str(main), Path("encoder.onnx"), samples=240)
    return folder / "both"


def arrays(version: Path) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    with np.load(version / "weights.npz") as stored:
        return {name: stored[name] for name in stored.files}


def call(monkeypatch: pytest.MonkeyPatch, command: object, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["command", *(str(argument) for argument in arguments)])
    assert callable(command)
    command()


def calibrate(monkeypatch: pytest.MonkeyPatch, version: Path, data: Path, folder: Path) -> None:
    call(monkeypatch, evaluate.main, "--version", version, "--data", data, "--calibrate", "--cache", folder / "scores")


def test_compose_adds_its_network_to_the_version_beside(both: Path, main: Path) -> None:
    record = json.loads((both / "training.json").read_text())
    assert (record["network"], record["composition"], record["composition_side"]) == ("tiny", "clip_vit", 48)
    assert record["composed"]["samples"] == 240
    assert len(record["composed"]["pictures_by_source"]) == 16, "two sources of each label in each of four folds"
    found, before = arrays(both), arrays(main)
    assert all(np.array_equal(found[name], before[name]) for name in before)
    added = {name for name in found if name not in before}
    assert added and all(name.startswith("composition/") for name in added)
    assert found["composition/layer1_narrow/kernel"].dtype == np.uint8
    opened = open_checkpoint(str(both))
    assert (opened.network, opened.composition, opened.composition_side, opened.side) == ("tiny", "clip_vit", 48, SIDE)
    plain = open_checkpoint(str(main))  # whose run doesn't name its networks
    assert (plain.network, plain.composition) == ("tiny", "")


def test_the_head_tells_the_labels_apart_and_is_what_the_features_give(both: Path, prepared: Path) -> None:
    samples = draw(open_tiles(prepared), 0, 240)
    features = see(samples, both)
    kernel, bias, found = fit(features, samples)
    stored = arrays(both)
    assert np.allclose(stored["composition/logit/kernel"], kernel)
    assert np.allclose(stored["composition/logit/bias"], bias)
    assert max(found["auroc_by_ridge"].values()) == found["auroc_by_ridge"][f"{found['ridge']:g}"] > 0.9
    said = features @ kernel[:, 0] + bias[0]
    assert said[samples.label == 1].mean() > said[samples.label == 0].mean() + 0.5


def test_what_was_seen_is_not_looked_at_again(
    both: Path, prepared: Path, main: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(both, folder / "again", ignore=shutil.ignore_patterns("weights.npz", "training.json"))
    with monkeypatch.context() as patch:
        patch.setattr(training.compose, "build_features", lambda weights: pytest.fail("it looked again"))
        compose(prepared, folder / "again", str(main), Path("encoder.onnx"), samples=240)
    before, found = arrays(both), arrays(folder / "again")
    assert all(np.array_equal(before[name], found[name]) for name in before)
    asked: list[Path] = []
    real = training.compose.build_features
    monkeypatch.setattr(training.compose, "build_features", lambda weights: asked.append(weights) or real(weights))
    compose(prepared, folder / "again", str(main), Path("encoder.onnx"), samples=239)
    assert asked, "other samples were not seen yet"


def test_from_a_version_that_has_a_head_the_ridge_pulls_towards_it(both: Path, prepared: Path, folder: Path) -> None:
    compose(prepared, folder / "further", str(both), None, samples=60)
    before, found = arrays(both), arrays(folder / "further")
    changed = {name for name in before if not np.array_equal(before[name], found[name])}
    assert changed == {"composition/logit/kernel", "composition/logit/bias"}
    samples = draw(open_tiles(prepared), 0, 60)
    features = see(samples, folder / "further")
    old = before["composition/logit/kernel"][:, 0].astype(np.float64)
    with_it, _, _ = fit(features, samples, old)
    without, _, _ = fit(features, samples)
    deviation = features.std(axis=0)
    assert np.allclose(found["composition/logit/kernel"], with_it, atol=1e-5)
    assert np.linalg.norm((with_it[:, 0] - old) * deviation) < np.linalg.norm((without[:, 0] - old) * deviation)


def test_what_cannot_be_composed_gets_a_sentence(main: Path, prepared: Path, folder: Path) -> None:
    with pytest.raises(SystemExit, match="main has no network for composition: name the file of CLIP's encoder"):
        compose(prepared, folder / "none", str(main), None, samples=10)
    assert not (folder / "none" / "weights.npz").exists()
    with pytest.raises(SystemExit, match="give the new one a folder of its own"):
        compose(prepared, main, str(main), None, samples=10)
    tiles = open_tiles(prepared)
    with pytest.raises(SystemExit, match="overviews of one label only"):
        draw(replace(tiles, label=np.zeros_like(tiles.label)), 0, 10)


def test_a_sample_of_the_whole_is_now_and_then_as_served() -> None:
    tile = picture(1, 3, 330, 224)
    seen = [augment_whole(tile, 48, np.random.default_rng(seed)) for seed in range(60)]
    assert {one.shape for one in seen} == {(48, 48, 3)}
    assert np.array_equal(seen[7], augment_whole(tile, 48, np.random.default_rng(7)))
    middle = np.asarray(tile.resize((48, 48), Image.Resampling.BICUBIC, box=(53, 0, 277, 224)))
    assert 10 <= sum(np.array_equal(one, middle) for one in seen) <= 30


def test_it_is_calibrated_served_and_promoted_against_a_champion_without(
    both: Path, main: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (main, both):
        calibrate(monkeypatch, version, data, folder)
    card = json.loads((both / "card.json").read_text())
    assert (card["network"], card["composition"]) == ("tiny", "clip_vit")
    assert card["calibration"]["composition"] > 0
    assert json.loads((main / "card.json").read_text())["calibration"]["composition"] == 0

    from model.detector import load
    from training.pictures import read_pictures

    (cache,) = (file.parent for file in (folder / "scores").glob("*/facts.json") if "clip_vit" in file.read_text())
    known = read_cache(cache)
    assert {len(logits) for logits, _ in known.values()} == {9}
    assert all(kinds.tolist().count(3) == 1 for _, kinds in known.values())
    detector = load(both)
    one = read_pictures([data], 0)[7]
    pixels = np.asarray(open_upright(one.stored["original"].read()))
    logits, kinds = known[one.key, "clean"]
    names = [("", "overview", "native", "composition")[kind] for kind in kinds]
    (score,) = detector.judge([detector.views(pixels)])
    assert score.p_ai == pytest.approx(detector.card.calibration.probability(logits.tolist(), names), abs=2e-3)
    assert detector.explain(pixels).shape == pixels.shape[:2]

    registry = Registry(folder / "versions")
    common = ("--registry", registry.directory, "--cache", folder / "scores", "--data", data, "--least", 20)
    call(monkeypatch, promote.main, main, *common)
    call(monkeypatch, promote.main, both, *common)
    assert registry.champion() == "both"
    gate = json.loads((registry.path("both") / "card.json").read_text())["gate"]
    assert gate["against"] == "main"
    assert set(gate["differences"]) == {"clean", "telegram", "hard", "screenshot"}
    assert load(registry.path("champion")).card.composition == "clip_vit"
    call(monkeypatch, promote.main, "--roll-back", "--registry", registry.directory)
    assert load(registry.path("champion")).card.composition == ""


def test_retraining_the_one_network_keeps_the_other(both: Path, prepared: Path, folder: Path) -> None:
    again = replace(MAIN, name="retrained", start=str(both), beside=str(both), steps=3, learning_rate=0.01)
    train(again, prepared, folder / "retrained")
    record = json.loads((folder / "retrained" / "training.json").read_text())
    assert (record["network"], record["composition"]) == ("tiny", "clip_vit")
    found, before = arrays(folder / "retrained"), arrays(both)
    assert set(found) == set(before)
    changed = {name for name in found if not np.array_equal(found[name], before[name])}
    assert changed and not any(name.startswith("composition/") for name in changed)


def test_the_scores_of_one_version_are_not_those_of_another(both: Path, tmp_path: Path) -> None:
    from training.scores import cache_folder

    opened = open_checkpoint(str(both))
    with_it, without = (
        cache_folder(tmp_path, version, 8, SIDE) for version in (opened, replace(opened, composition=""))
    )
    assert with_it != without
