"""The recipe for small pictures: from a parquet file to figures beside a baseline, and what the figures are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.test_circle import TRAIN
from tests.training.test_pixels import SIDE, small_parquet
from training.cifake import Answers, compare
from training.metrics import f1, f1_interval, mcnemar
from training.pixels import Pixels

RECIPE = f"""
network = "NETWORK"
start = "scratch"
side = {SIDE}
batch = 16
steps = STEPS
learning_rate = 0.01
optimizer = "muon"
precision = "bfloat16"
warmup = 5
average = 0.9
dropout = 0.0
mirror = MIRROR
"""


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "KERAS_BACKEND": "jax", "CUDA_VISIBLE_DEVICES": "", **environ}
    return subprocess.run([sys.executable, *arguments], env=surroundings, capture_output=True, text=True, timeout=600)


@pytest.mark.timeout(900)  # five starts of a process, on a busy machine
def test_from_pictures_to_figures(tmp_path: Path) -> None:
    train, test = (
        small_parquet(tmp_path / "train.parquet", range(150)),
        small_parquet(tmp_path / "test.parquet", range(145, 195)),
    )
    data = ["--data", str(train), "--out", str(tmp_path / "data")]
    assert command("-m", "training.prepare", "--whole", str(SIDE), *data).returncode == 0
    for name, network, mirror, steps in (("deep", "residual", "true", 30), ("paper", "bird_lotfi", "false", 20)):
        recipe = RECIPE.replace("NETWORK", network).replace("MIRROR", mirror).replace("STEPS", str(steps))
        (tmp_path / f"{name}.toml").write_text(recipe)
        run = [
            "--recipe",
            str(tmp_path / f"{name}.toml"),
            "--data",
            str(tmp_path / "data"),
            "--out",
            str(tmp_path / name),
        ]
        if name == "deep":  # dies after its second checkpoint, and goes on from there
            assert command("-c", TRAIN, *run, DIE_AT="25").returncode == 137
            assert json.loads((tmp_path / name / "pace.json").read_text())["steps"] == 20
        done = command("-c", TRAIN, *run, DIE_AT="-1")
        assert done.returncode == 0, done.stderr
        assert json.loads((tmp_path / name / "training.json").read_text())["steps"] == steps
    done = command(
        "-m", "training.cifake", "--prepared", str(tmp_path / "data"), "--data", str(test), "--version", str(tmp_path / "deep"),
        "--baseline", str(tmp_path / "paper"), "--json", str(tmp_path / "report.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["pictures"] == 100 and report["twins"] == 10
    deep = report["versions"]["deep"]
    assert deep["looks"] == 10 and report["versions"]["paper"]["looks"] == 5  # moved, not mirrored
    assert deep["parameters"] < 3_000_000
    assert deep["pictures_seen"] == 30 * 16
    assert deep["without_twins"]["accuracy"]["of"] == 90
    assert deep["all"]["auroc"] > 0.9, done.stdout  # colour gives these pictures away
    assert "10 of them with a twin" in done.stdout and "McNemar" in done.stdout


def answers(name: str, logits: list[float]) -> Answers:
    array = np.array(logits)
    return Answers(name, array, array, {})


def test_twins_are_left_out_of_both_and_of_the_paired_test() -> None:
    label = np.array([1, 1, 1, 0, 0, 0], np.int8)
    pixels = Pixels(np.zeros((6, 2, 2, 3), np.uint8), label, np.arange(6).astype(str), np.zeros(6, np.int8))
    twins = np.array([True, False, False, False, False, False])
    report = compare([answers("a", [1, 1, -1, -1, -1, 1]), answers("b", [-1, -1, -1, -1, 1, 1])], pixels, twins)
    first = report["versions"]["a"]
    assert first["all"]["f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert first["without_twins"]["f1"] == pytest.approx(2 * 1 / (2 + 2))
    assert first["without_twins"]["recall"]["count"] == 1 and first["without_twins"]["recall"]["of"] == 2
    assert first["all"]["false_accusations"]["count"] == 1
    assert report["mcnemar"]["b"]["all"] == {"only_the_first_is_right": 3, "only_the_second_is_right": 0, "p": 0.25}
    assert report["mcnemar"]["b"]["without_twins"]["only_the_first_is_right"] == 2


def test_f1_and_its_interval() -> None:
    label = np.repeat(np.array([1, 0], np.int8), 1000)
    called = np.concatenate([np.arange(1000) < 900, np.arange(1000) < 50])
    value = f1(called, label)
    assert value == pytest.approx(2 * 900 / (950 + 1000))
    low, high = f1_interval(called, label)
    assert low < value < high and 0.01 < high - low < 0.04


def test_mcnemar_is_the_exact_binomial() -> None:
    first = np.array([True] * 8 + [False] * 2 + [True] * 90)
    second = np.array([False] * 8 + [True] * 2 + [True] * 90)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 10 + 45) / 1024)  # of ten that differ, two or fewer, twice
    assert mcnemar(first, first) == 1.0
    many = np.arange(4000) < 3000
    assert 0 < mcnemar(many, ~many) < 1e-100
