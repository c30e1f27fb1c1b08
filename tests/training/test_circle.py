"""From a folder of pictures to a served champion and back, on the smallest network, with the commands of an admin."""

import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from model.registry import Registry
from tests.training.made import data_set
from training import evaluate, promote
from training.pictures import read_pictures
from training.scores import read_cache

pytestmark = pytest.mark.timeout(900)  # mostly start-up of three processes; long where the machine is busy

RECIPE = """
network = "tiny"
start = "scratch"
side = 32
batch = 16
steps = 120
learning_rate = 0.02
warmup = 5
average = 0.9
dropout = 0.0
"""
# Checkpoints every ten steps; at the named step the process dies as if killed.
TRAIN = """
import os, sys
import training.train as train
train.EPOCH = 10
from training.pace import Pace
class Dying(Pace):
    def __setattr__(self, name, value):
        if name == "steps" and value == int(os.environ["DIE_AT"]):
            os._exit(137)
        super().__setattr__(name, value)
import training.pace
training.pace.Pace = Dying
train.main()
"""


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "KERAS_BACKEND": "jax", "CUDA_VISIBLE_DEVICES": "", **environ}
    return subprocess.run([sys.executable, *arguments], env=surroundings, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("circle")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return data_set(folder / "data")


@pytest.fixture(scope="module")
def run(folder: Path, data: Path) -> Path:
    """The folder of a finished run that was killed once on its way."""
    prepared = command("-m", "training.prepare", "--data", str(data), "--out", str(folder / "prepared"))
    assert prepared.returncode == 0, prepared.stderr
    (folder / "quick.toml").write_text(RECIPE)
    arguments = (
        "--recipe",
        str(folder / "quick.toml"),
        "--data",
        str(folder / "prepared"),
        "--out",
        str(folder / "first"),
    )
    killed = command("-c", TRAIN, *arguments, DIE_AT="37")
    assert killed.returncode == 137, killed.stderr
    assert not (folder / "first" / "weights.npz").exists()
    assert json.loads((folder / "first" / "pace.json").read_text())["steps"] == 30
    resumed = command("-c", TRAIN, *arguments, DIE_AT="-1")
    assert resumed.returncode == 0, resumed.stderr
    return folder / "first"


def call(monkeypatch: pytest.MonkeyPatch, main: object, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["command", *(str(argument) for argument in arguments)])
    assert callable(main)
    main()


@pytest.fixture
def calibrated(run: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with its card; the scores are cached after the first time."""
    call(
        monkeypatch, evaluate.main, "--version", run, "--data", data, "--calibrate", "--cache", folder / "scores",
        "--json", folder / "report.json", "--html", folder / "report.html",
    )  # fmt: skip
    return run


def test_a_killed_run_is_taken_up_where_its_checkpoint_was(run: Path) -> None:
    record = json.loads((run / "training.json").read_text())
    assert record["steps"] == 120
    log = (run / "log.csv").read_text().splitlines()
    epochs = [int(line.split(",")[0]) for line in log[1:]]
    assert epochs == list(range(12))


def test_it_learnt_and_the_card_says_so(calibrated: Path, folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    assert set(report["tiers"]) == {"clean", "telegram", "hard", "screenshot"}
    for tier in report["tiers"].values():
        assert tier["auroc"]["value"] > 0.9
        assert (tier["real"], tier["ai"]) == (24, 24)
    card = json.loads((calibrated / "card.json").read_text())
    assert card["version"] == "first"
    assert card["metrics"]["tiers"]["hard"] == report["tiers"]["hard"]
    assert card["data"]["totals"] == {"held_out_ai": 24, "held_out_real": 24, "training_ai": 24, "training_real": 24}
    assert [point["rate"] for point in card["curve"]["clean"]] == pytest.approx(
        [1 / 1000, 1 / 300, 1 / 100, 1 / 30], rel=1e-3
    )
    assert card["recipe"]["network"] == "tiny"
    assert all(sentence.endswith(".") for sentence in card["limitations"])


def test_the_page_needs_nothing_outside_it(calibrated: Path, folder: Path) -> None:
    page = (folder / "report.html").read_text()
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in page
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page.count("<svg") > 10
    mistakes = json.loads((folder / "report.json").read_text())["mistakes"]
    assert mistakes["accused"][0]["id"] in page


class Balanced(HTMLParser):
    """Every element that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_scores_are_kept_and_one_subset_serves_another(
    calibrated: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache,) = (entry for entry in (folder / "scores").iterdir() if entry.is_dir())
    before = sorted(cache.iterdir())
    assert len(read_cache(cache)) == len(read_pictures([data], 0)) * 4
    call(
        monkeypatch, evaluate.main, "--version", calibrated, "--data", data, "--limit", 20, "--cache", folder / "scores"
    )
    assert sorted(cache.iterdir()) == before
    said = capsys.readouterr().out
    assert "on 20 pictures" in said
    assert "by the card" in said


def test_the_served_detector_agrees_with_the_scores(calibrated: Path, data: Path, folder: Path) -> None:
    from model.detector import load
    from training.prepare import open_upright

    (cache,) = (entry for entry in (folder / "scores").iterdir() if entry.is_dir())
    known = read_cache(cache)
    detector = load(calibrated)
    picture = read_pictures([data], 0)[5]
    pixels = np.asarray(open_upright(picture.stored["original"].read()))
    (score,) = detector.judge([detector.views(pixels)])
    logits, kinds = known[picture.key, "clean"]
    names = [("", "overview", "native")[kind] for kind in kinds]
    assert score.p_ai == pytest.approx(detector.card.calibration.probability(logits.tolist(), names), abs=2e-3)


def test_promote_refuse_force_and_roll_back(
    calibrated: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Registry(folder / "versions")
    common = ("--registry", registry.directory, "--cache", folder / "scores", "--data", data, "--least", 20)
    call(monkeypatch, promote.main, calibrated, *common)
    assert registry.champion() == "first"

    with pytest.raises(SystemExit, match="champion already"):
        call(monkeypatch, promote.main, calibrated, *common)

    worse = folder / "worse"
    spoil(calibrated, worse)
    with pytest.raises(SystemExit, match="no card yet"):
        call(monkeypatch, promote.main, worse, *common)
    call(monkeypatch, evaluate.main, "--version", worse, "--data", data, "--calibrate", "--cache", folder / "scores")
    with pytest.raises(SystemExit, match="first stays the champion") as refused:
        call(monkeypatch, promote.main, worse, *common)
    assert "AUROC" in str(refused.value)
    assert registry.champion() == "first"

    call(monkeypatch, promote.main, worse, *common, "--force", "to see")
    assert registry.champion() == "worse"
    gate = json.loads((registry.path("worse") / "card.json").read_text())["gate"]
    assert (gate["forced"], gate["against"]) == ("to see", "first")
    assert gate["reasons"]

    call(monkeypatch, promote.main, "--roll-back", "--registry", registry.directory)
    assert registry.champion() == "first"
    with pytest.raises(SystemExit, match="nothing to roll back to"):
        call(monkeypatch, promote.main, "--roll-back", "--registry", registry.directory)


def test_other_weights_under_a_known_name_are_refused(
    calibrated: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = folder / "named"
    call(monkeypatch, promote.main, calibrated, "--registry", registry)
    other = folder / "elsewhere" / "first"
    spoil(calibrated, other)
    call(monkeypatch, evaluate.main, "--version", other, "--data", data, "--calibrate", "--cache", folder / "scores")
    with pytest.raises(SystemExit, match="another version named 'first'"):
        call(monkeypatch, promote.main, other, "--registry", registry, "--force", "no matter")


def test_mistakes_get_sentences(run: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"no folder with weights\.npz"):
        call(monkeypatch, evaluate.main, "--version", "nowhere", "--data", data)
    only_real = folder / "only"
    shutil.copytree(data / "real", only_real / "real")
    with pytest.raises(SystemExit, match="one label"):
        call(monkeypatch, evaluate.main, "--version", run, "--data", only_real, "--cache", folder / "scores")
    with pytest.raises(SystemExit, match="Name the version"):
        call(monkeypatch, promote.main, "--registry", folder / "none")
    with pytest.raises(SystemExit, match="names no champion"):
        call(monkeypatch, promote.main, "--roll-back", "--registry", folder / "none")


def spoil(version: Path, into: Path) -> None:
    """A version with the same training record that has its last weights turned round: it knows nothing that calibration could keep."""
    into.mkdir(parents=True)
    shutil.copy(version / "training.json", into)
    with np.load(version / "weights.npz") as stored:
        arrays = dict(stored)
    arrays["logit/kernel"] = -arrays["logit/kernel"]
    np.savez(into / "weights.npz", **arrays)
