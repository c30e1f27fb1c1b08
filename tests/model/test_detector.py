import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.card import read_card
from model.detector import Detector, load
from tests.model.made import patched

RED, GREEN, GREY = (220, 20, 20), (20, 220, 20), (120, 120, 120)


def test_red_is_ai_and_green_is_real(detector: Detector) -> None:
    for colour, label in ((RED, "ai"), (GREEN, "real")):
        pixels = np.full((90, 120, 3), colour, np.uint8)
        (score,) = detector.judge([detector.views(pixels)])
        assert score.label == label
        assert score.confidence > 0.9
        assert len(score.views) == 8
        assert all((p > 0.5) == (label == "ai") for p in score.views)


def test_unsure_has_the_likelier_side_as_its_confidence(detector: Detector) -> None:
    (score,) = detector.judge([detector.views(np.full((90, 120, 3), GREY, np.uint8))])
    assert score.label == "unsure"
    assert score.confidence == pytest.approx(max(score.p_ai, 1 - score.p_ai))


def test_a_batch_gives_what_each_picture_alone_gives(detector: Detector) -> None:
    views = [detector.views(patched(seed, RED)) for seed in range(detector.max_pictures)]
    together = [score.p_ai for score in detector.judge(views)]
    alone = [detector.judge([view])[0].p_ai for view in views]
    assert together == pytest.approx(alone, abs=1e-5)


def test_the_number_of_pictures_is_checked(detector: Detector) -> None:
    views = detector.views(patched(0, RED))
    for wrong in ([], [views] * (detector.max_pictures + 1)):
        with pytest.raises(ValueError, match="pictures"):
            detector.judge(wrong)


def test_threads_do_not_mix_pictures_up(detector: Detector) -> None:
    colours = [RED, GREEN] * 10
    views = [detector.views(np.full((64, 64, 3), colour, np.uint8)) for colour in colours]
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda view: detector.judge([view])[0], views))
    assert [score.label for score in scores] == ["ai", "real"] * 10


def test_the_number_of_views_is_a_choice(version: Path) -> None:
    detector = load(version, views=2)
    views = detector.views(patched(0, RED))
    assert len(views.kinds) == 2
    assert len(detector.judge([views])[0].views) == 2


def test_a_card_of_other_weights_is_refused(version: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(version, tmp_path / "copy")
    assert read_card(copy).version == "red"
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, "sha256": "0" * 64}))
    with pytest.raises(ValueError, match="not the file that"):
        read_card(copy)
